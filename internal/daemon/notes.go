package daemon

import (
	"fmt"
	"slices"
	"sync"
)

// notes are what an operator should know, one for each matter, in the order they came up.
type notes struct {
	mu      sync.Mutex
	matters []string
	text    map[string]string
}

// set notes something about a matter in place of what was noted before; nothing takes the
// note away. It tells whether that was a change.
func (n *notes) set(matter, text string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.text[matter] == text {
		return false
	}
	if n.text == nil {
		n.text = map[string]string{}
	}
	n.matters = slices.DeleteFunc(n.matters, func(m string) bool { return m == matter })
	if text == "" {
		delete(n.text, matter)
		return true
	}
	n.matters = append(n.matters, matter)
	n.text[matter] = text
	return true
}

func (n *notes) list() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	out := make([]string, 0, len(n.matters))
	for _, matter := range n.matters {
		out = append(out, n.text[matter])
	}
	return out
}

// note notes something about a matter, and logs it once.
func (d *Daemon) note(matter, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if d.notes.set(matter, text) {
		d.options.Log.Error(text)
	}
}
