package logical

import (
	"context"
	"slices"
	"sync"
)

// turns hands out jobs in their order, none beside another that wants their table alone.
type turns struct {
	mu      sync.Mutex
	waiting []job
	shared  map[string]int  // jobs on a table
	alone   map[string]bool // tables with a job that wants them alone
	changed chan struct{}   // closed, and made anew, when a job is over
}

func newTurns(jobs []job) *turns {
	return &turns{waiting: slices.Clone(jobs), shared: map[string]int{}, alone: map[string]bool{}, changed: make(chan struct{})}
}

// next waits for a job whose tables are free; false: there are none left, or ctx ended.
func (t *turns) next(ctx context.Context) (job, bool) {
	for {
		t.mu.Lock()
		at := slices.IndexFunc(t.waiting, t.isFree)
		if at >= 0 {
			j := t.waiting[at]
			t.waiting = slices.Delete(t.waiting, at, at+1)
			t.shared[j.table]++
			t.alone[j.table] = j.alone
			t.mu.Unlock()
			return j, true
		}
		none, changed := len(t.waiting) == 0, t.changed
		t.mu.Unlock()
		if none {
			return job{}, false
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return job{}, false
		}
	}
}

func (t *turns) isFree(j job) bool {
	return !t.alone[j.table] && (!j.alone || t.shared[j.table] == 0)
}

// over gives a job's table free.
func (t *turns) over(j job) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.shared[j.table]--
	t.alone[j.table] = false
	close(t.changed)
	t.changed = make(chan struct{})
}
