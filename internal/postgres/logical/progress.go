package logical

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"understudy"
)

// progressInterval is the time between two reports on one table.
const progressInterval = 250 * time.Millisecond

// headway counts tables that are done, and reports one at a time.
type headway struct {
	mu     sync.Mutex
	done   int
	tables int
	report func(Progress)
}

// moving returns what the writer of a table calls, often; it reports now and then.
func (h *headway) moving(t *copiedTable) func(rows, bytes int64) {
	last := time.Now()
	calls := 0
	return func(rows, bytes int64) {
		if calls++; calls%512 != 0 || time.Since(last) < progressInterval {
			return
		}
		last = time.Now()
		h.mu.Lock()
		defer h.mu.Unlock()
		h.report(Progress{Table: t.name(), Rows: rows, Bytes: bytes, TablesDone: h.done, Tables: h.tables})
	}
}

func (h *headway) finished(t *copiedTable) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.done++
	h.report(Progress{Table: t.name(), Rows: t.rows, Bytes: t.bytes, TablesDone: h.done, Tables: h.tables})
}

// soFar adds to an error how far the copy had come.
func (h *headway) soFar(err error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	known := new(understudy.Error)
	if !errors.As(err, &known) {
		return fmt.Errorf("%w; %d of %d tables were done", err, h.done, h.tables)
	}
	more := *known
	more.Message = fmt.Sprintf("%s; %d of %d tables were done", err.Error(), h.done, h.tables)
	return &more
}
