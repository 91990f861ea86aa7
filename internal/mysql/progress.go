package mysql

import (
	"sync"
	"time"
)

// progressInterval is the time between two reports on one table.
const progressInterval = 250 * time.Millisecond

// Progress is how far one table, and the whole copy, have come.
type Progress struct {
	Table      string `json:"table"`
	Rows       int64  `json:"rows"`  // of this table, so far
	Bytes      int64  `json:"bytes"` // of this table, so far: of its values
	TablesDone int    `json:"tablesDone"`
	Tables     int    `json:"tables"`
}

// headway counts tables that are done, and reports one at a time.
type headway struct {
	mu     sync.Mutex
	done   int
	tables int
	report func(Progress)
}

// moving returns what the reader of a table calls for each row; it reports now and then.
func (h *headway) moving(t *copiedTable) func(rows, bytes int64) {
	last := time.Now()
	return func(rows, bytes int64) {
		if rows%1024 != 0 || time.Since(last) < progressInterval {
			return
		}
		last = time.Now()
		h.tell(Progress{Table: tableName(t.name), Rows: rows, Bytes: bytes})
	}
}

func (h *headway) finished(t *copiedTable) {
	h.mu.Lock()
	h.done++
	h.mu.Unlock()
	h.tell(Progress{Table: tableName(t.name), Rows: t.rows, Bytes: t.sent})
}

func (h *headway) tell(p Progress) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p.TablesDone, p.Tables = h.done, h.tables
	h.report(p)
}
