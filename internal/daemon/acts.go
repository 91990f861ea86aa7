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

// begin runs an act in a goroutine of its own, and after once it has ended, with the cause that
// it was stopped for, if it was, which it may not have heeded: whoever that lets go on can
// begin it again. One that is under way already is not begun; then nothing is run.
func (a *acts) begin(ctx context.Context, id string, run func(ctx context.Context), after ...func(stopped error)) bool {
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
			a.mu.Lock()
			delete(a.cancel, id)
			a.mu.Unlock()
			stopped := context.Cause(ctx) // nobody stops it any more
			cancel(nil)
			for _, then := range after {
				then(stopped)
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
