package process

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLogFile_RotatesBySizeAndKeepsThree(t *testing.T) {
	path := filepath.Join(t.TempDir(), "web.log")
	log, err := openLog(path, 100)
	if err != nil {
		t.Fatal(err)
	}
	line := []byte(strings.Repeat("x", 49) + "\n")
	for range 20 {
		if _, err := log.Write(line); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) != 3 {
		t.Fatalf("found %v, %v", files, err)
	}
	for _, file := range files {
		if info, err := os.Stat(file); err != nil || info.Size() > 100 || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", file, info, err)
		}
	}
}

func TestTail_FollowsOverARotation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "web.log")
	log, err := openLog(path, 30)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	reader := &tail{path: path, lead: "web | "}
	for n, text := range []string{"one of them\n", "two of them\n", "three of them\n", "four, unfini", "shed\n"} {
		if _, err := log.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if err := reader.readOn(&out, n == 0); err != nil {
			t.Fatal(err)
		}
	}
	reader.close()
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	want := "web | one of them\nweb | two of them\nweb | three of them\nweb | four, unfinished\n"
	if out.String() != want {
		t.Errorf("found %q", out.String())
	}
}

func TestLogFile_RemembersTheLastLinesOfThisLife(t *testing.T) {
	log, err := openLog(filepath.Join(t.TempDir(), "web.log"), logFileSize)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	for _, text := range []string{"old\n", "", strings.Repeat("a\n", 50), "b\nunfinished"} {
		if text == "" {
			log.forget()
		}
		if _, err := log.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	lines := log.tail()
	if len(lines) != tailLines+1 || lines[tailLines-1] != "b" || lines[tailLines] != "unfinished" {
		t.Errorf("found %q", lines)
	}
}

func TestRedactor_TakesSecretsAndLeavesAddresses(t *testing.T) {
	env := []string{"DATABASE_URL=postgres://shop:hunt3r@127.0.0.1/shop", "STRIPE=sk_live_abcdef", "PIN_TOKEN=1234", "LISTEN=127.0.0.1:9001",
		"BASE=http://127.0.0.1:9001", "TIMEOUT=10000000", "DEBUG=true", "OFREP_HEADERS=Authorization=Bearer 0123abcd4567"}
	text := "cannot reach postgres://shop:hunt3r@127.0.0.1/shop: hunt3r, sk_live_abcdef, 0123abcd4567, 1234, at 127.0.0.1:9001 http://127.0.0.1:9001 10000000 true"
	want := "cannot reach [redacted]: [redacted], [redacted], [redacted], [redacted], at 127.0.0.1:9001 http://127.0.0.1:9001 10000000 true"
	if found := redactor(env).Replace(text); found != want {
		t.Errorf("found %q", found)
	}
}

func TestProgram_SpecificationsThatCannotWorkAreRefused(t *testing.T) {
	good := Spec{ID: "a", Tree: "/tree", Programs: []Program{{Name: "web", Command: []string{"web"}}}}
	if err := good.validate(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Spec){
		"id":             func(s *Spec) { s.ID = "../a" },
		"tree":           func(s *Spec) { s.Tree = "tree" },
		"twice":          func(s *Spec) { s.Programs = append(s.Programs, s.Programs[0]) },
		"name":           func(s *Spec) { s.Programs[0].Name = "control" },
		"dir":            func(s *Spec) { s.Programs[0].Dir = "../.." },
		"path, no port":  func(s *Spec) { s.Programs[0].Health.Path = "/" },
		"publish nobody": func(s *Spec) { s.Programs[0].Publish = true },
		"env":            func(s *Spec) { s.Programs[0].Env = []string{"A"} },
	} {
		spec := good
		spec.Programs = []Program{good.Programs[0]}
		spoil(&spec)
		if spec.validate() == nil {
			t.Errorf("%s: not refused", name)
		}
	}
}
