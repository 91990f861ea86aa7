package heap

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"

	"understudy"
)

// Column is one field of a table's tuples, as pg_attribute describes it. All of them
// stand in their order, dropped ones too: their bytes may still be there.
type Column struct {
	Name    string // schema.table.column, for messages
	Length  int16  // attlen: bytes, or -1 for one with a header, -2 for one that ends with zero
	Align   byte   // attalign: c, s, i or d
	Dropped bool
	Limited bool             // its type says how many characters it may have
	Form    Form             // how its type is stored; asked where Mask is
	Mask    *understudy.Mask // nil: it stays as it is
}

// Table is what the pages of one table are read by.
type Table struct {
	Columns   []Column
	Checksums bool // pages carry one
}

// Tally is what was found and done.
type Tally struct {
	Pages     int64 `json:"pages"`
	Tuples    int64 `json:"tuples"`    // dead ones too
	Values    int64 `json:"values"`    // masked, in dead tuples too
	Unchanged int64 `json:"unchanged"` // of these, came out of the mask as they went in
	Certain   int64 `json:"certain"`   // of these, in tuples that surely are seen by queries
	Left      int64 `json:"left"`      // tuples left as they are
	Outside   int64 `json:"outside"`   // values of dropped columns that lie in the TOAST table
}

// Add sums up.
func (t *Tally) Add(o Tally) {
	t.Pages += o.Pages
	t.Tuples += o.Tuples
	t.Values += o.Values
	t.Unchanged += o.Unchanged
	t.Certain += o.Certain
	t.Left += o.Left
	t.Outside += o.Outside
}

// Writer masks pages of one table, one after the other. Several writers may work on
// different pages of a table at once.
type Writer struct {
	Tally
	table *Table
	// OnLeft, if not nil, is told of each tuple that was left as it is: its row has to be
	// masked by other means. Pointers count from 1.
	OnLeft  func(block uint32, pointer uint16)
	last    int // columns behind it need no look
	extents []extent
	edits   []edit
	scratch []byte
	spans   []jsonSpan
	paths   pathNode
	nodes   int
}

// edit is bytes that are to stand in a page.
type edit struct{ at, with []byte }

// NewWriter prepares for the pages of a table.
func NewWriter(table *Table) *Writer {
	w := &Writer{table: table, last: -1}
	for i, c := range table.Columns {
		if c.Mask != nil || c.Dropped {
			w.last = i
		}
	}
	return w
}

// Page masks the tuples of a page in place and empties what lies between them; block is
// its number in the relation's fork. A page that was changed carries its new checksum. After
// an error the page is half done.
func (w *Writer) Page(page []byte, block uint32) (changed bool, err error) {
	w.Pages++
	if IsNew(page) {
		return zero(page), nil // a page that was never written has nothing to keep
	}
	if w.extents, err = tuples(page, w.extents); err != nil {
		return false, err
	}
	for _, e := range w.extents {
		done, err := w.tuple(page[e.start:e.end])
		if err != nil {
			return false, err
		}
		if !done {
			w.leave(block, e.item)
		}
		changed = changed || done && len(w.edits) > 0
	}
	changed = clearHoles(page, w.extents) || changed
	if changed && w.table.Checksums {
		seal(page, block)
	}
	return changed, nil
}

// What the header of a tuple says.
const (
	hasNull       = 0x0001
	xminCommitted = 0x0100
	xmaxInvalid   = 0x0800
)

// tuple masks one tuple, wholly or, when done is false, not at all.
func (w *Writer) tuple(tuple []byte) (done bool, err error) {
	w.Tuples++
	w.edits, w.scratch = w.edits[:0], w.scratch[:0]
	var values, same int64
	possible := true
	err = w.fields(tuple, func(c *Column, f field) error {
		switch {
		case c.Dropped:
			w.forget(f)
			return nil
		case c.Mask == nil || !possible:
			return nil
		case !f.plain:
			possible = false
			return nil
		}
		values++
		before := len(w.edits)
		possible, err = w.value(c, f.content)
		if len(w.edits) == before {
			same++
		}
		return err
	})
	if err != nil {
		return false, err
	}
	if !possible {
		w.edits = w.edits[:0]
		return false, nil
	}
	for _, e := range w.edits {
		copy(e.at, e.with)
	}
	w.Values += values
	w.Unchanged += same
	if info := binary.LittleEndian.Uint16(tuple[20:]); info&xminCommitted != 0 && info&xmaxInvalid != 0 {
		w.Certain += values
	}
	return true, nil
}

// forget empties a field of a dropped column. It has no length to keep but its header's.
func (w *Writer) forget(f field) {
	if f.outside {
		w.Outside++
		return
	}
	for _, c := range f.content {
		if c != 0 {
			at := len(w.scratch)
			w.scratch = append(w.scratch, make([]byte, len(f.content))...)
			w.edits = append(w.edits, edit{f.content, w.scratch[at:]})
			return
		}
	}
}

func (w *Writer) leave(block uint32, pointer uint16) {
	w.Left++
	if w.OnLeft != nil {
		w.OnLeft(block, pointer)
	}
}

// value masks one value that lies in the page, and tells whether that was possible.
func (w *Writer) value(c *Column, content []byte) (possible bool, err error) {
	if c.Form.kind == formDocument {
		return w.document(c, content)
	}
	text, possible := content, true
	if c.Form.kind != formText {
		from := len(w.scratch)
		if w.scratch, possible = c.Form.text(w.scratch, content); !possible {
			return false, nil
		}
		text = w.scratch[from:]
	}
	masked, err := c.Mask.Apply(text)
	if err != nil || masked == nil {
		return false, err
	}
	if string(masked) == string(text) {
		return true, nil
	}
	if c.Form.kind != formText {
		from := len(w.scratch)
		if w.scratch, possible = c.Form.stored(w.scratch, masked, content); !possible {
			return false, nil
		}
		masked = w.scratch[from:]
	} else if err := c.accepts(masked); err != nil {
		return false, err
	}
	if len(masked) != len(content) || c.Limited && utf8.RuneCount(masked) != utf8.RuneCount(content) {
		return false, nil
	}
	w.edits = append(w.edits, edit{content, masked})
	return true, nil
}

// accepts refuses a masked text that the server could not read.
func (c *Column) accepts(masked []byte) error {
	switch {
	case !utf8.Valid(masked):
		return c.refused("a text that is no UTF-8")
	case bytes.IndexByte(masked, 0) >= 0:
		return c.refused("a text with a zero byte")
	}
	return nil
}

func (c *Column) refused(what string) error {
	return understudy.Errorf(understudy.KindInvalid, "masking %s by %s: the mask made %s", c.Name, c.Mask.Name, what)
}
