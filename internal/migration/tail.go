package migration

import (
	"strings"
	"sync"
)

// Tail keeps the last part of what is written to it, by whoever writes. Its zero value is
// ready.
type Tail struct {
	Size int // bytes kept; 0: 64 kB

	mu   sync.Mutex
	kept []byte
	cut  bool // the beginning is lost
}

const tailSize = 64 << 10

func (t *Tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	size := t.Size
	if size == 0 {
		size = tailSize
	}
	t.kept = append(t.kept, p...)
	if extra := len(t.kept) - size; extra > 0 {
		t.kept = append(t.kept[:0], t.kept[extra:]...)
		t.cut = true
	}
	return len(p), nil
}

// String is what was kept, from the first whole line on: half a secret could not be
// recognised as one.
func (t *Tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := string(t.kept)
	if t.cut {
		_, text, _ = strings.Cut(text, "\n")
	}
	return text
}
