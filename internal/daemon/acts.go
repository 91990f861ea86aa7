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

// begin runs an act in a goroutine of its own, and after once it has ended: whoever that lets
// go on can begin it again. One that is under way already is not begun; then nothing is run.
func (a *acts) begin(ctx context.Context, id string, run func(ctx context.Context), after ...func()) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.cancel == nil {
		a.cancel = map[string]context.CancelCauseFunc{}
	}
	if _, running := a.cancel[id]; running {
		return false
	}
	ctx, cancel := context.WithCancelCause(ctx)
	a.cancel[id] = cancel
	a.all.Go(func() {
		defer func() {
			cancel(nil)
			a.mu.Lock()
			delete(a.cancel, id)
			a.mu.Unlock()
			for _, then := range after {
				then()
			}
		}()
		run(ctx)
	})
	return true
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
