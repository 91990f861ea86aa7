package logical

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"understudy"
)

// Phase is what a copy is at.
type Phase string

// The phases of a copy, in their order.
const (
	PhaseSchema      Phase = "schema"
	PhaseRows        Phase = "rows"
	PhaseIndexes     Phase = "indexes"
	PhaseConstraints Phase = "constraints"
	PhaseStatistics  Phase = "statistics" // and the look at the rows that foreign keys ask for
)

// Progress is how far one table, and the whole copy, have come.
type Progress struct {
	Phase      Phase  `json:"phase"`
	Table      string `json:"table"` // or the index or constraint that is done
	Rows       int64  `json:"rows"`  // of this table, so far
	Bytes      int64  `json:"bytes"` // of this table, so far, as the source sent them
	TablesDone int    `json:"tablesDone"`
	Tables     int    `json:"tables"`
	RowsAll    int64  `json:"rowsAll"`  // of all tables, so far
	BytesAll   int64  `json:"bytesAll"` // of all tables, so far
	// Share of the phase that is done, from 0 to 1, by the sizes in production.
	Share float64 `json:"share"`
	// Left is how long the phase takes from now on at its speed so far; 0: not known.
	Left time.Duration `json:"left"`
}

// String says in a few words how far a copy is.
func (p Progress) String() string {
	text := string(p.Phase)
	if p.Phase == PhaseRows {
		text = fmt.Sprintf("%d rows, %d of %d tables", p.RowsAll, p.TablesDone, p.Tables)
	}
	if left := p.Left.Round(time.Second); left > 0 {
		text += fmt.Sprintf(", %s left of the %s", left, p.Phase)
	}
	return text
}

// progressInterval is the time between two reports on one table.
const progressInterval = 250 * time.Millisecond

// headway counts what is done, and reports one thing at a time.
type headway struct {
	mu     sync.Mutex
	report func(Progress)

	phase      Phase
	began      time.Time // of the phase
	size, done int64     // of the phase, in bytes of production's disk
	ahead      int64     // done of the next phase
	partly     map[*copiedTable]int64
	tables     int
	tablesDone int
	rows       int64 // of tables that are done
	bytes      int64
}

func newHeadway(report func(Progress)) *headway {
	return &headway{report: report, phase: PhaseSchema, began: time.Now(), partly: map[*copiedTable]int64{}}
}

// enter begins a phase that works on so many bytes of production's disk.
func (h *headway) enter(phase Phase, size int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.phase, h.began, h.size, h.done, h.ahead = phase, time.Now(), size, h.ahead, 0
	h.say(Progress{})
}

// say reports, with what is known of the whole; mu is held.
func (h *headway) say(p Progress) {
	p.Phase, p.TablesDone, p.Tables = h.phase, h.tablesDone, h.tables
	p.RowsAll, p.BytesAll = p.RowsAll+h.rows, p.BytesAll+h.bytes
	if h.size > 0 {
		done := h.done
		for _, part := range h.partly {
			done += part
		}
		p.Share = min(1, float64(done)/float64(h.size))
		if gone := time.Since(h.began); p.Share > 0.01 && gone > progressInterval {
			p.Left = time.Duration(float64(gone) * (1 - p.Share) / p.Share).Round(100 * time.Millisecond)
		}
	}
	h.report(p)
}

// moving returns what the reader of a table calls, often; it reports now and then.
func (h *headway) moving(t *copiedTable) func(rows, bytes int64) {
	last := time.Now()
	return func(rows, bytes int64) {
		if time.Since(last) < progressInterval {
			return
		}
		last = time.Now()
		h.mu.Lock()
		defer h.mu.Unlock()
		h.partly[t] = min(bytes, t.size) // a row takes about as much on the wire as on the disk
		h.say(Progress{Table: t.name(), Rows: rows, Bytes: bytes, RowsAll: rows, BytesAll: bytes})
	}
}

// finished counts a table whose rows are there.
func (h *headway) finished(t *copiedTable) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.partly, t)
	h.tablesDone++
	h.done += t.size
	h.rows += t.rows
	h.bytes += t.bytes
	h.say(Progress{Table: t.name(), Rows: t.rows, Bytes: t.bytes})
}

// built counts an index, a constraint or a table's statistics. What is built ahead of its
// phase is counted when that begins.
func (h *headway) built(phase Phase, name string, size int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if phase != h.phase {
		h.ahead += size
		return
	}
	h.done += size
	h.say(Progress{Table: name})
}

// soFar adds to an error how far the copy had come.
func (h *headway) soFar(err error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	known := new(understudy.Error)
	if !errors.As(err, &known) {
		return fmt.Errorf("%w; %d of %d tables were done", err, h.tablesDone, h.tables)
	}
	more := *known
	more.Message = fmt.Sprintf("%s; %d of %d tables were done", err.Error(), h.tablesDone, h.tables)
	return &more
}
