package config_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"understudy"
	"understudy/internal/config"
)

// rotating is a reference whose value is another one at each read, and how often it was read.
func rotating(t *testing.T) (understudy.SecretRef, func() int) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "reads")
	return understudy.SecretRef("exec:echo read >> " + file + "; echo token-$(wc -l < " + file + ")"), func() int {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(string(raw), "\n")
	}
}

func TestReadOnce_ReadsEachReferenceOnceInAnAct(t *testing.T) {
	t.Parallel()
	ref, reads := rotating(t)
	act := config.ReadOnce(t.Context())
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if got, err := config.Reader(act)(ref); err != nil || got != "token-1" {
				t.Errorf("the act reads %q, %v", got, err)
			}
		})
	}
	all.Wait()
	for i, ctx := range []context.Context{config.ReadOnce(act), t.Context(), t.Context()} {
		if got, err := config.Reader(ctx)(ref); err != nil || got != []string{"token-2", "token-3", "token-4"}[i] {
			t.Errorf("outside of the act it reads %q, %v", got, err)
		}
	}
	if n := reads(); n != 4 {
		t.Errorf("it was read %d times", n)
	}
	file := filepath.Join(t.TempDir(), "late")
	late := understudy.SecretRef("file:" + file)
	if _, err := config.Reader(act)(late); err == nil {
		t.Error("a file that is not there was read")
	}
	if err := os.WriteFile(file, []byte("here"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := config.Reader(act)(late); err != nil || got != "here" {
		t.Errorf("what could not be read is not tried again: %q, %v", got, err)
	}
}

func TestConfigPrint_OfASecretThatRotatesIsThatOfItsReference(t *testing.T) {
	t.Parallel()
	ref, _ := rotating(t)
	app := understudy.Application{Config: []understudy.ConfigKey{{Key: "TOKEN", Secret: true, Rotates: true}, {Key: "OTHER", Secret: true}}}
	print := func(token, other understudy.SecretRef) (string, string) {
		e := understudy.Environment{Name: "production", Secrets: map[string]understudy.SecretRef{"TOKEN": token, "OTHER": other}}
		whole, _, err := config.ConfigPrint(e, app, printKey(), config.Reader(t.Context()))
		if err != nil {
			t.Fatal(err)
		}
		settings := config.Resolve(config.Stack{Application: app, Environment: e, Read: config.Reader(t.Context())}).Settings(printKey())
		environ, err := config.Resolve(config.Stack{Application: app, Environment: e, Read: config.Reader(t.Context())}).Environ()
		if err != nil || !strings.HasPrefix(environ.List[1], "TOKEN=token-") && token == ref {
			t.Fatalf("a process gets %d keys, %v", len(environ.List), err)
		}
		return whole, settings[1].Print
	}
	whole, key := print(ref, "exec:echo a")
	if again, same := print(ref, "exec:echo a"); again != whole || same != key {
		t.Error("a secret that rotates makes the configuration another one each time")
	}
	if other, another := print("exec:echo token", "exec:echo a"); other == whole || another == key {
		t.Error("another reference of a secret that rotates is not told")
	}
	if other, _ := print(ref, "exec:echo b"); other == whole {
		t.Error("another value of a secret that does not rotate is not told")
	}
}
