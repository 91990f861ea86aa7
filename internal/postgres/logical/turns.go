package logical

import (
	"cmp"
	"context"
	"slices"
	"sync"
)

// turns hands out jobs in their order, none beside another that wants their table alone, and
// none on a table whose rows are still to come.
type turns struct {
	mu      sync.Mutex
	waiting []job
	coming  map[string]bool // tables whose rows are not there yet
	shared  map[string]int  // jobs on a table
	alone   map[string]bool // tables with a job that wants them alone
	changed chan struct{}   // closed, and made anew, when a job is over
}

// newTurns puts jobs in a row, the largest first.
func newTurns(jobs []job) *turns {
	jobs = slices.Clone(jobs)
	slices.SortStableFunc(jobs, func(a, b job) int { return cmp.Compare(b.size, a.size) })
	return &turns{waiting: jobs, coming: map[string]bool{}, shared: map[string]int{}, alone: map[string]bool{}, changed: make(chan struct{})}
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
	return !t.coming[j.table] && !t.alone[j.table] && (!j.alone || t.shared[j.table] == 0)
}

// over gives a job's table free.
func (t *turns) over(j job) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.shared[j.table]--
	t.alone[j.table] = false
	t.wake()
}

// arrived says that a table's rows are there.
func (t *turns) arrived(table string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.coming, table)
	t.wake()
}

// wake lets those who wait look again; mu is held.
func (t *turns) wake() {
	close(t.changed)
	t.changed = make(chan struct{})
}
