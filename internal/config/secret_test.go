package config_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"

	"understudy"
	"understudy/internal/config"
)

func TestSecret_ReadsVariablesFilesAndCommands(t *testing.T) {
	t.Setenv("US_SECRET", "from a variable\n")
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("from a file\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for ref, want := range map[understudy.SecretRef]string{
		"env:US_SECRET":                         "from a variable",
		"file:" + understudy.SecretRef(file):    "from a file",
		"exec:printf 'from a %s\\n\\n' command": "from a command\n",
	} {
		if got, err := config.Secret(t.Context(), ref); err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", ref, got, err, want)
		}
	}
}

func TestSecret_NeverShowsAValueOrWhatACommandSaid(t *testing.T) {
	dir := t.TempDir()
	large := filepath.Join(dir, "large")
	if err := os.WriteFile(large, []byte(strings.Repeat("hunter2", 20000)), 0o600); err != nil {
		t.Fatal(err)
	}
	zero := filepath.Join(dir, "zero")
	if err := os.WriteFile(zero, []byte("hunter2\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, ref := range []understudy.SecretRef{"hunter2", "hunter2:hunter2", ":hunter2", "", "env:", "env:US_NOT_SET",
		"file:/nowhere/at/all", understudy.SecretRef("file:" + dir), understudy.SecretRef("file:" + large), understudy.SecretRef("file:" + zero),
		"exec:echo hunter2; echo hunter2 >&2; exit 3", "exec:true", "exec:printf %080000d 1 hunter2", "exec:exit 1 hunter2",
		"exec:TOKEN=hunter2 false", "exec:TOKEN='a hunter2' false", "exec:'hunter2'"} {
		_, err := config.Secret(t.Context(), ref)
		if err == nil {
			t.Errorf("%s: no error", ref)
			continue
		}
		if strings.Contains(err.Error()+understudy.HintOf(err), "hunter2") {
			t.Errorf("the secret is in %q", err)
		}
	}
}

func TestSecret_SaysOfACommandThatSaysTooMuchThatItDoes(t *testing.T) {
	for _, line := range []string{"yes hunter2", "printf %080000d 1; exit 3", "head -c 80000 /dev/zero"} {
		_, err := config.Secret(t.Context(), understudy.SecretRef("exec:"+line))
		if understudy.KindOf(err) != understudy.KindInvalid || !strings.Contains(err.Error(), "it said more than 65536 bytes") {
			t.Errorf("%s: %v", line, err)
		}
	}
}

func TestSecret_LeavesNothingRunningThatCouldStillSayMoreOfIt(t *testing.T) {
	t.Parallel()
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	left, err := os.OpenFile(pipe, os.O_RDWR, 0) // to be there before the command, which would wait for a reader
	if err != nil {
		t.Fatal(err)
	}
	from, err := os.Open(pipe)
	if err = errors.Join(err, left.Close()); err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	_, err = config.Secret(t.Context(), understudy.SecretRef("exec:sleep 60 9>"+pipe+" & echo hunter2"))
	if understudy.KindOf(err) != understudy.KindInvalid || !strings.Contains(err.Error(), "goes on and could still write") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the error is %v", err)
	}
	began := time.Now()
	if _, err := io.ReadAll(from); err != nil || time.Since(began) > 30*time.Second { // as long as anybody has the pipe
		t.Errorf("what the command started went on for %s, %v", time.Since(began), err)
	}
}

// Whatever else is wrong with a file, a value that stands where secrets do is in no error.
func TestLoad_NeverShowsAPieceOfASecretThatYAMLTookForAKey(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, config.FileName)
	for _, place := range []string{
		`environments: {p: {purpose: production, env: {API_TOKEN: hunter2,", API_TOKEN: hunter2,"}}}`,
		`environments: {p: {purpose: production, env: {API_TOKEN: hunter2,", API_TOKEN: hunter2,": {a: b}}}}`,
		`environments: {p: {purpose: production, secrets: {A: x,'hunter2#', 'hunter2#': y}}}`,
		`config: {A: {secret: true, default: hunter2,", default: hunter2,"}}`,
		`services: {w: {command: [x], env: {A: hunter2,', B: hunter2,'}}}`,
	} {
		if err := os.WriteFile(path, []byte("application: shop\n"+place+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := config.Load(path); err == nil || strings.Contains(err.Error()+understudy.HintOf(err), "hunter2") {
			t.Errorf("%s: %v", place, err)
		}
	}
}

func TestLoad_NeverPutsASecretIntoAnError(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, config.FileName)
	places := []string{
		"environments: {p: {purpose: production, secrets: {SESSION_KEY: %}}}",
		"environments: {p: {purpose: production, secrets: [%]}}",
		"environments: {p: {purpose: production, secrets: %}}",
		"environments: {p: {purpose: production, env: {SESSION_KEY: %}}}",
		"environments: {p: {purpose: production, env: {API_TOKEN: %, API_TOKEN: %}}}",
		"environments: {p: {purpose: production, databases: {main: {url: %}}}}",
		"environments: {p: {purpose: production, env_file: secret.env}}",
		"config: {SESSION_KEY: {secret: true, default: %}}",
		"config: {SESSION_KEY: {secret: true}}\nservices: {w: {command: [x], env: {SESSION_KEY: %}}}",
		"services: {w: {command: [x], env: {SESSION_KEY: [%]}}}",
		"migration: {up: [x], env: {PGPASSWORD: {a: %}}}",
		"environments:\n  p:\n    secrets:\n\t  SESSION_KEY: %",
		"environments: {p: {secrets: {SESSION_KEY: &%}}}",
		"environments: {p: {secrets: {SESSION_KEY: *%}}}",
		"environments: {p: {secrets: {SESSION_KEY: !%}}}",
		"environments: {p: {secrets: {SESSION_KEY: \"%}}}",
		"environments: {p: {secrets: {SESSION_KEY: @%}}}",
		"compose: compose.yaml",
	}
	rapid.Check(t, func(rt *rapid.T) {
		secret := "hunter2" + rapid.StringMatching(`[A-Za-z0-9]{0,12}`).Draw(rt, "rest")
		if rapid.Bool().Draw(rt, "strange") {
			secret += rapid.StringMatching(`["'#\[\]{}:,%@*&!|> ]{1,4}`).Draw(rt, "strange end")
		}
		place := rapid.SampledFrom(places).Draw(rt, "place")
		quoted := secret
		if rapid.Bool().Draw(rt, "quoted") {
			quoted = "'" + strings.ReplaceAll(secret, "'", "''") + "'"
		}
		files := map[string]string{
			path:                               "application: shop\n" + strings.ReplaceAll(place, "%", quoted) + "\n",
			filepath.Join(dir, "secret.env"):   "SESSION_KEY=" + secret + "\n" + rapid.SampledFrom([]string{"", secret, "A B=" + secret, "X='" + secret}).Draw(rt, "line"),
			filepath.Join(dir, "compose.yaml"): "services: {a: {image: x, environment: {PASSWORD: " + quoted + "}}}\n",
		}
		for name, content := range files {
			if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
				rt.Fatal(err)
			}
		}
		if _, err := config.Load(path); err != nil && strings.Contains(err.Error()+understudy.HintOf(err), "hunter2") {
			rt.Fatalf("the secret is in %q", err)
		}
	})
}

// sops stands for the program of that name: it has the part of its command line that is used,
// and keeps its values in plain text behind a first line that says so.
const sops = `#!/bin/sh
test "$1" = --decrypt && test "$2" = --extract && test "$#" = 4 || { echo "hunter2: usage" >&2; exit 2; }
head -1 "$4" | grep -q '^encrypted$' || { echo "hunter2: no sops file" >&2; exit 1; }
sed -n "s/^$(printf '%s' "$3" | sed 's/[][\\.*^$]/\\&/g')=//p" "$4"
`

func TestSecret_HasSopsDecryptOneValueOfAFile(t *testing.T) {
	dir := folder(t, map[string]string{"bin/sops": sops, "secrets.enc.yaml": "encrypted\n[\"database\"][\"passwords\"][1]=hunter2\n", "plain.yaml": "x\n"})
	if err := os.Chmod(filepath.Join(dir, "bin/sops"), 0o755); err != nil {
		t.Fatal(err)
	}
	file := "sops:" + filepath.Join(dir, "secrets.enc.yaml")
	t.Setenv("PATH", t.TempDir())
	_, err := config.Secret(t.Context(), understudy.SecretRef(file+"#database.passwords.1"))
	if want := "reading a secret from sops file " + filepath.Join(dir, "secrets.enc.yaml") + ": there is no program sops on the daemon's PATH"; err == nil || err.Error() != want || understudy.KindOf(err) != understudy.KindUnavailable {
		t.Errorf("without sops: %v, expected %s", err, want)
	}
	t.Setenv("PATH", filepath.Join(dir, "bin")+":/usr/bin:/bin")
	if got, err := config.Secret(t.Context(), understudy.SecretRef(file+"#database.passwords.1")); err != nil || got != "hunter2" {
		t.Errorf("%q, %v", got, err)
	}
	for ref, want := range map[string]string{
		file + "#database.nothing": "expected a value, found nothing",
		file:                       "a secret of sops is written as sops:FILE#KEY",
		"sops:" + filepath.Join(dir, "plain.yaml") + "#a": "it ended with exit status 1",
		"sops:" + filepath.Join(dir, "none.yaml") + "#a":  "it does not exist",
	} {
		_, err := config.Secret(t.Context(), understudy.SecretRef(ref))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error()+understudy.HintOf(err), "hunter2") {
			t.Errorf("%s: %v, expected %s", ref, err, want)
		}
	}
}

func TestLoad_TakesTheFileOfASopsReferenceFromItsOwnFolder(t *testing.T) {
	p, err := load(t, map[string]string{config.FileName: "application: a\nservices: {web: {command: [x]}}\nenvironments: {p: {purpose: production, secrets: {K: 'sops:secrets.yaml#a.b'}}}\n"})
	if err != nil {
		t.Fatal(err)
	}
	if want := understudy.SecretRef("sops:" + filepath.Join(p.Dir, "secrets.yaml") + "#a.b"); p.Environments[0].Secrets["K"] != want {
		t.Errorf("%s, expected %s", p.Environments[0].Secrets["K"], want)
	}
}

func TestReader_EndsACommandAndAllThatItStartedWithItsContext(t *testing.T) {
	t.Parallel()
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	slow := understudy.SecretRef("exec:exec 9>" + pipe + "; echo begun >&9; sleep 60 & wait; echo hunter2")
	act := config.ReadOnce(t.Context())
	ctx, end := context.WithCancelCause(act)
	ended := make(chan error, 1)
	go func() {
		_, err := config.Reader(ctx)(slow)
		ended <- err
	}()
	from, err := os.Open(pipe)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	all := bufio.NewReader(from)
	if said, err := all.ReadString('\n'); err != nil || said != "begun\n" {
		t.Fatalf("the command says %q, %v", said, err)
	}

	waiting, give := context.WithCancel(act)
	give()
	if _, err := config.Reader(waiting)(slow); understudy.KindOf(err) != understudy.KindUnavailable || !errors.Is(err, context.Canceled) {
		t.Errorf("who waits for another's reading is told %v once nobody waits for it any more", err)
	}
	began := time.Now()
	end(errors.New("the daemon stops"))
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "broken off: the daemon stops") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the error is %v", err)
	}
	if rest, err := io.ReadAll(all); len(rest) > 0 || err != nil || time.Since(began) > 30*time.Second { // as long as anybody has the pipe
		t.Errorf("what the command started went on for %s: %q, %v", time.Since(began), rest, err)
	}
	if got, err := config.Reader(act)("exec:echo here"); err != nil || got != "here" {
		t.Errorf("the act reads %q, %v after one of its readings was broken off", got, err)
	}
}
