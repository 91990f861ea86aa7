package keyfile_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"understudy"
	"understudy/internal/keyfile"
)

func TestOpen_MakesAKeyOnceForItsOwnerAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys", "mask.key")
	made, err := keyfile.Open(path)
	if err != nil || len(made) != keyfile.Size {
		t.Fatalf("made %d bytes, %v", len(made), err)
	}
	again, err := keyfile.Open(path)
	if err != nil || !bytes.Equal(made, again) {
		t.Errorf("opened again it is another key (%v)", err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %v, %v", info.Mode(), err)
	}
}

func TestOpen_KeepsAFileThatIsNoKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mask.key")
	if err := os.WriteFile(path, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := keyfile.Open(path); understudy.KindOf(err) != understudy.KindInternal {
		t.Errorf("found %v", err)
	}
	if left, err := os.ReadFile(path); err != nil || string(left) != "half" {
		t.Errorf("the file now holds %q, %v", left, err)
	}
}
