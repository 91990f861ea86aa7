package featureflag

import "sync"

// Source is where a handler has its flags from. Changed returns a channel that is closed
// when Set returns another set than it did; ask again for the next change.
type Source interface {
	Set() *Set
	Changed() <-chan struct{}
}

// Live is a Source whose set can be replaced while it is served.
type Live struct {
	mu      sync.RWMutex
	set     *Set
	changed chan struct{}
}

// NewLive is a source of the set.
func NewLive(set *Set) *Live { return &Live{set: set, changed: make(chan struct{})} }

// Set is the set now.
func (l *Live) Set() *Set {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.set
}

// Changed is closed at the next change.
func (l *Live) Changed() <-chan struct{} {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.changed
}

// Replace puts another set in place at once. One with the same content changes nothing.
func (l *Live) Replace(set *Set) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.set.digest == set.digest {
		return
	}
	l.set = set
	close(l.changed)
	l.changed = make(chan struct{})
}
