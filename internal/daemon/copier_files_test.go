package daemon_test

import (
	"errors"
	"io/fs"
	"os"
	"testing"
)

func TestOpen_RemovesTheUnmaskedFilesThatAKilledCopyLeft(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	left := h.state.Below("databases.next", "staging.making")
	check(t, os.MkdirAll(left+"/base/5", 0o755))
	check(t, os.WriteFile(left+"/base/5/16384", []byte("anna@example.org"), 0o600))
	h.open(t)
	if _, err := os.Lstat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("they are still there: %v", err)
	}
}
