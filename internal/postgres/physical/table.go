package physical

import (
	"slices"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres"
	"understudy/internal/postgres/heap"
)

// table is one table of the copy that has rows of its own: ordinary, inheriting, or a
// partition.
type table struct {
	oid           uint32
	schema, table string
	rules         string // the table whose masks hold here: itself, or what it is a partition of
	path          string // of its file, below the data directory
	extension     string // that made it, if one did
	toast         string // its TOAST table, if that holds anything
	columns       []column
	masks         understudy.TableMasks
	method        string // how its rows are kept: heap, or an extension's own way
	dropped       bool   // columns were dropped, whose bytes may still be there
	why           string // it is masked by rows; empty: in place

	mu     sync.Mutex
	tally  heap.Tally
	left   []uint64 // rows to mask by rows, block<<16 | pointer
	byRows int64
	rows   int64
}

// column is one column of a table, as the catalogs describe it.
type column struct {
	number                    int
	name, kind, base, element string // kind as SQL writes it; base of a domain, element of an array
	length                    int16
	align                     string
	dropped, stored, missing  bool // stored: computed and kept; missing: rows older than it have none
	limited, nullable         bool
	domain                    bool
}

func (t *table) name() string { return postgres.TableName(t.schema, t.table) }

func (t *table) quoted() string { return pgx.Identifier{t.schema, t.table}.Sanitize() }

// masked lists the columns that are masked, in the table's order.
func (t *table) masked() []string {
	var names []string
	for _, c := range t.columns {
		if t.isMasked(c.name) && !c.dropped {
			names = append(names, c.name)
		}
	}
	return names
}

func (t *table) isMasked(name string) bool {
	if _, found := t.masks.Columns[name]; found {
		return true
	}
	return slices.ContainsFunc(t.masks.Batches, func(b understudy.BatchMask) bool { return slices.Contains(b.Columns, name) })
}

// choose decides whether the table is masked in place, and says why if not.
func (t *table) choose(encoding string) {
	if len(t.masked()) == 0 {
		return
	}
	var why []string
	if len(t.masks.Batches) > 0 {
		why = append(why, "values change places between its rows")
	}
	if encoding != "UTF8" {
		why = append(why, "the database's encoding is "+encoding)
	}
	for _, c := range t.columns {
		if c.stored && !c.dropped {
			why = append(why, "column "+c.name+" is computed from others and kept")
		}
		mask, found := t.masks.Columns[c.name]
		if !found || c.dropped {
			continue
		}
		form, known := heap.FormOf(c.base, c.element)
		switch {
		case !known:
			why = append(why, "type "+c.kind+" of column "+c.name+" is not written in place")
		case !form.InPlace(mask.KeepsLength, mask.Leaf != nil):
			why = append(why, "mask "+mask.Name+" of column "+c.name+" does not keep lengths")
		case c.missing:
			why = append(why, "column "+c.name+" was added with a value for the rows that were there")
		}
	}
	t.why = strings.Join(why, ", ")
}

// pages is how the table's pages are read; nil when nothing in them is changed.
func (t *table) pages(checksums bool) *heap.Table {
	if t.why != "" || len(t.masked()) == 0 && !t.dropped {
		return nil
	}
	p := &heap.Table{Checksums: checksums}
	for _, c := range t.columns {
		h := heap.Column{Name: t.name() + "." + c.name, Length: c.length, Align: c.align[0], Dropped: c.dropped, Limited: c.limited}
		if mask, found := t.masks.Columns[c.name]; found && !c.dropped {
			h.Form, _ = heap.FormOf(c.base, c.element) // choose has seen that it is known
			h.Mask = &mask
		}
		p.Columns = append(p.Columns, h)
	}
	return p
}

// rewrite is the statement that writes the files of the table anew that may still hold
// originals: the table, or only its TOAST table, where values lie that were deleted; empty
// when there is nothing to do.
func (t *table) rewrite() string {
	outside := slices.ContainsFunc(t.columns, func(c column) bool { return c.length < 0 && (c.dropped || t.isMasked(c.name)) })
	switch {
	case t.why != "" || len(t.left) > 0 || t.tally.Outside > 0:
		return "VACUUM (FULL) " + t.quoted()
	case t.toast != "" && outside:
		return "VACUUM (FULL) " + t.toast
	}
	return ""
}
