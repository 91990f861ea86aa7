package daemon

import (
	"context"
	"sync"
)

// acts are the rehearsals and promotions under way in this process: how each is stopped,
// and the wait for all of them.
type acts struct {
	mu     sync.Mutex
	cancel map[string]context.CancelCauseFunc
	all    sync.WaitGroup
}

// begin runs an act in a goroutine of its own. One that is under way already is not begun
// again.
func (a *acts) begin(ctx context.Context, id string, run func(ctx context.Context)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.cancel == nil {
		a.cancel = map[string]context.CancelCauseFunc{}
	}
	if _, running := a.cancel[id]; running {
		return
	}
	ctx, cancel := context.WithCancelCause(ctx)
	a.cancel[id] = cancel
	a.all.Go(func() {
		defer func() {
			cancel(nil)
			a.mu.Lock()
			defer a.mu.Unlock()
			delete(a.cancel, id)
		}()
		run(ctx)
	})
}

// stop ends an act with a cause, and tells whether it was under way.
func (a *acts) stop(id string, cause error) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	cancel, running := a.cancel[id]
	if running {
		cancel(cause)
	}
	return running
}
