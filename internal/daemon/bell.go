package daemon

import (
	"context"
	"sync"
)

// bell rings for whoever watches a record when it has changed.
type bell struct {
	mu   sync.Mutex
	next map[string]chan struct{}
}

func newBell() *bell { return &bell{next: map[string]chan struct{}{}} }

// ring wakes all that wait for an ID.
func (b *bell) ring(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c, waiting := b.next[id]; waiting {
		close(c)
		delete(b.next, id)
	}
}

// wait returns a channel that is closed at the next change. It is asked for before the
// record is read, so that no change falls between.
func (b *bell) wait(id string) <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	c, waiting := b.next[id]
	if !waiting {
		c = make(chan struct{})
		b.next[id] = c
	}
	return c
}

// watch hands on a record at once and at each change until it has ended.
func watch[T any](ctx context.Context, b *bell, id string, load func(context.Context, string) (T, error), ended func(T) bool, each func(T) error) error {
	for {
		changed := b.wait(id)
		now, err := load(ctx, id)
		if err != nil {
			return err
		}
		if err := each(now); err != nil || ended(now) {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
