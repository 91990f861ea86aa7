package featureflag

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// oracles is a folder with what other people wrote and the tests compare with: flagd's
// evaluator and the OpenFeature SDK, for Node. They are installed by npm into a cache, in the
// versions and with the content that testdata/oracles/package-lock.json names, once for each
// such file.
func oracles(t *testing.T) string {
	t.Helper()
	lock, err := os.ReadFile("testdata/oracles/package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	sum := sha256.Sum256(lock)
	folder := filepath.Join(cache, "understudy-tests", "flag-oracles-"+hex.EncodeToString(sum[:6]))
	if _, err := os.Stat(folder); err != nil {
		install(t, folder)
	}
	for _, program := range []string{"evaluate.cjs", "sdk.cjs", "web.cjs"} {
		copyFile(t, filepath.Join("testdata/oracles", program), filepath.Join(folder, program))
	}
	return folder
}

// install is whole or not at all, also with two tests at once.
func install(t *testing.T, folder string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		t.Fatal(err)
	}
	made, err := os.MkdirTemp(filepath.Dir(folder), "installing-")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(made) }()
	for _, file := range []string{"package.json", "package-lock.json"} {
		copyFile(t, filepath.Join("testdata/oracles", file), filepath.Join(made, file))
	}
	npm := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	npm.Dir = made
	if out, err := npm.CombinedOutput(); err != nil {
		t.Fatalf("this test compares with flagd's evaluator and the OpenFeature SDK for Node, which npm did not install: %v\n%s"+
			"It needs node, npm and the npm registry, once; tools/set-up tests installs the first two.", err, out)
	}
	if err := os.Rename(made, folder); err != nil {
		if _, there := os.Stat(folder); there != nil {
			t.Fatal(err)
		}
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if there, err := os.ReadFile(to); err == nil && bytes.Equal(there, content) {
		return
	}
	if err := os.WriteFile(to, content, 0o644); err != nil {
		t.Fatal(err)
	}
}
