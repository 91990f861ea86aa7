package heap

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"

	"understudy"
)

// A document is stored as containers: a header, an entry of four bytes for each key and
// value, then the texts, numbers and containers themselves (utils/jsonb.h). The keys of an
// object stand before its values, in their order.
const (
	jsonCount   = 0x0FFFFFFF
	jsonObject  = 0x20000000
	jsonArray   = 0x40000000
	entryLength = 0x0FFFFFFF
	entryKind   = 0x70000000
	entryHasEnd = 0x80000000
	kindString  = 0x00000000
	kindNumber  = 0x10000000
	kindNested  = 0x50000000
	jsonDeepest = 1000
)

// pathNode remembers what the mask of a document does at a path, so that it is asked once.
type pathNode struct {
	key   string
	asked bool
	mask  understudy.MaskFunc
	below map[string]*pathNode
	row   []*pathNode // what is below, in the order of the last document's keys: most have the same
}

// mostPaths bounds what is remembered: documents may have any number of keys.
const mostPaths = 1 << 16

// jsonSpan is where one key or value of a container stands, in bytes of the container.
type jsonSpan struct {
	start, end int
	kind       uint32
}

// document masks the texts and numbers of a document in their places.
func (w *Writer) document(c *Column, content []byte) (possible bool, err error) {
	if w.nodes > mostPaths {
		w.paths, w.nodes = pathNode{}, 0
	}
	w.spans = w.spans[:0]
	d := documentWalk{w: w, column: c}
	return d.container(content, w.node(&w.paths, 0, []byte(c.Name)))
}

// node is the one of the n-th key of a container.
func (w *Writer) node(above *pathNode, n int, key []byte) *pathNode {
	if n < len(above.row) && above.row[n].key == string(key) {
		return above.row[n]
	}
	known := above.below[string(key)]
	if known == nil {
		if above.below == nil {
			above.below = map[string]*pathNode{}
		}
		known = &pathNode{key: string(key)}
		above.below[known.key] = known
		w.nodes++
	}
	if n < len(above.row) {
		above.row[n] = known
	} else if n == len(above.row) {
		above.row = append(above.row, known)
	}
	return known
}

type documentWalk struct {
	w      *Writer
	column *Column
	path   [][]byte // keys; elements of an array have the array's path
	depth  int
}

// container masks what is in an object or an array.
func (d *documentWalk) container(b []byte, here *pathNode) (possible bool, err error) {
	spans, keys, err := d.spans(b)
	if err != nil {
		return false, err
	}
	// A key stays, as the order of all follows from it. One that may be an address is for the
	// mask of the whole document.
	if keys > 0 && bytes.IndexByte(b[spans[0].start:spans[keys-1].end], '@') >= 0 {
		return false, nil
	}
	for i, value := range spans[keys:] {
		below := here
		if keys > 0 {
			key := b[spans[i].start:spans[i].end]
			d.path, below = append(d.path, key), d.w.node(here, i, key)
		}
		if possible, err := d.value(b, value, below); !possible || err != nil {
			return false, err
		}
		if keys > 0 {
			d.path = d.path[:len(d.path)-1]
		}
	}
	return true, nil
}

// spans finds the keys, then the values, of a container.
func (d *documentWalk) spans(b []byte) (spans []jsonSpan, keys int, err error) {
	if len(b) < 4 || d.depth > jsonDeepest {
		return nil, 0, malformed("a document is not stored as one")
	}
	header := binary.LittleEndian.Uint32(b)
	entries := int(header & jsonCount)
	switch {
	case header&jsonObject != 0:
		keys = entries
		entries *= 2
	case header&jsonArray == 0:
		return nil, 0, malformed("a document is not stored as one")
	}
	data := 4 + 4*entries
	if data > len(b) {
		return nil, 0, malformed("a document is longer than its column")
	}
	from, start := len(d.w.spans), data
	for i := range entries {
		entry := binary.LittleEndian.Uint32(b[4+4*i:])
		end := start + int(entry&entryLength)
		if entry&entryHasEnd != 0 {
			end = data + int(entry&entryLength)
		}
		if end < start || end > len(b) {
			return nil, 0, malformed("a document is longer than its column")
		}
		d.w.spans = append(d.w.spans, jsonSpan{start, end, entry & entryKind})
		start = end
	}
	return d.w.spans[from:], keys, nil
}

// value masks one value of a container. Truth values and null say nothing of a person.
func (d *documentWalk) value(b []byte, v jsonSpan, here *pathNode) (possible bool, err error) {
	switch v.kind {
	case kindNested:
		d.depth++
		possible, err = d.container(b[min((v.start+3)&^3, v.end):v.end], here)
		d.depth--
		return possible, err
	case kindString, kindNumber:
	default:
		return true, nil
	}
	mask := d.mask(here)
	switch {
	case mask == nil:
		return true, nil
	case v.kind == kindNumber:
		return d.number(b[min((v.start+3)&^3, v.end):v.end], mask)
	}
	text := b[v.start:v.end]
	masked, err := mask(text)
	if err != nil || masked == nil || len(masked) != len(text) {
		return false, err
	}
	if string(masked) != string(text) {
		if !utf8.Valid(masked) || bytes.IndexByte(masked, 0) >= 0 {
			return false, d.column.refused("a text that no document may hold")
		}
		d.w.edits = append(d.w.edits, edit{text, masked})
	}
	return true, nil
}

// mask is what is done at a path, nil for nothing.
func (d *documentWalk) mask(here *pathNode) understudy.MaskFunc {
	if !here.asked {
		path := make([]string, len(d.path))
		for i, key := range d.path {
			path[i] = string(key)
		}
		here.asked, here.mask = true, d.column.Mask.Leaf(path)
	}
	return here.mask
}

// number masks a number, which stands with a length of its own in front.
func (d *documentWalk) number(b []byte, mask understudy.MaskFunc) (possible bool, err error) {
	f, end := readVarlena(b, 0)
	if end < 0 || !f.plain {
		return false, malformed("a number in a document is not stored as one")
	}
	from := len(d.w.scratch)
	if d.w.scratch, possible = numericText(d.w.scratch, f.content); !possible {
		return false, nil
	}
	text := d.w.scratch[from:]
	masked, err := mask(text)
	if err != nil || masked == nil {
		return false, err
	}
	if string(masked) == string(text) {
		return true, nil
	}
	from = len(d.w.scratch)
	if d.w.scratch, possible = numericStored(d.w.scratch, masked, f.content); !possible || len(d.w.scratch)-from != len(f.content) {
		return false, nil
	}
	d.w.edits = append(d.w.edits, edit{f.content, d.w.scratch[from:]})
	return true, nil
}
