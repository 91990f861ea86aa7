package leak

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"understudy"
)

// Watch notes what passes the masks of one copy. Make it with New, wrap the masks, copy,
// Seal. It may be used by several goroutines at once.
type Watch struct {
	key       key
	lengths   lengths
	originals *spill // a word: low bits of the fingerprint, column
	results   *spill // a word: low bits of the fingerprint, column
	room      func() (File, error)
	recent    []atomic.Uint64 // fingerprints noted lately, with how often
	work      sync.Pool       // of *notes

	mu       sync.Mutex
	columns  []*column
	frequent map[uint64]bool // words that many rows share
}

// column is a masked column that was seen.
type column struct {
	id    uint16
	name  string // schema.table.column
	mask  string
	form  Form
	vague bool // of a type whose values mean nobody
}

// notes is what noting one pair of values needs.
type notes struct {
	original, result skeleton
	from, to         leaves
}

const (
	recentBits   = 16
	frequentFrom = 256       // rows that share a word, for it to be common
	mostFrequent = 1 << 16   // words that are remembered as such
	mostColumns  = 1<<16 - 1 // that are told apart
)

// New makes a watch. room gives it room on disk, four times at most: about 16 bytes for
// every masked value, fewer where values repeat.
func New(room func() (File, error)) (*Watch, error) {
	w := &Watch{key: newKey(), room: room, recent: make([]atomic.Uint64, 1<<recentBits), frequent: map[uint64]bool{}}
	w.work.New = func() any { return new(notes) }
	w.lengths = newLengths(newKey())
	for _, s := range []**spill{&w.originals, &w.results} {
		file, err := room()
		if err != nil {
			return nil, errors.Join(spillError("making room for the leak check", err), w.Close())
		}
		*s = newSpill(file, 1)
	}
	return w, nil
}

// Close gives the room back, and with the key every meaning of what was noted.
func (w *Watch) Close() error {
	var err error
	for _, s := range []*spill{w.originals, w.results} {
		if s != nil {
			err = errors.Join(err, s.file.Close())
		}
	}
	return err
}

// Masks gives masks that do the same, and are watched.
func (w *Watch) Masks(masks understudy.Masks) understudy.Masks {
	return func(table string, columns []understudy.Column) (understudy.TableMasks, error) {
		chosen, err := masks(table, columns)
		if err != nil {
			return chosen, err
		}
		watched := understudy.TableMasks{Columns: make(map[string]understudy.Mask, len(chosen.Columns)), Digest: chosen.Digest}
		for name, mask := range chosen.Columns {
			watched.Columns[name] = w.watched(w.column(table, name, mask.Name, columns), mask)
		}
		for _, batch := range chosen.Batches {
			watched.Batches = append(watched.Batches, w.watchedBatch(table, columns, batch))
		}
		return watched, nil
	}
}

func (w *Watch) column(table, name, mask string, columns []understudy.Column) *column {
	c := &column{name: table + "." + name, mask: mask}
	if at := slices.IndexFunc(columns, func(c understudy.Column) bool { return c.Name == name }); at >= 0 {
		c.form, c.vague = FormOf(columns[at].Type), vague(columns[at].Type)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, known := range w.columns {
		if known.name == c.name && known.mask == c.mask {
			return known
		}
	}
	if len(w.columns) >= mostColumns {
		return w.columns[mostColumns-1]
	}
	c.id = uint16(len(w.columns))
	w.columns = append(w.columns, c)
	return c
}

// vague tells whether values of a type mean nobody by themselves: dates, times, truths.
func vague(columnType string) bool {
	of := strings.ToLower(columnType)
	for _, prefix := range []string{"date", "time", "interval", "bool", "year", "real", "double", "float"} {
		if strings.HasPrefix(of, prefix) {
			return true
		}
	}
	return false
}

func (w *Watch) watched(c *column, mask understudy.Mask) understudy.Mask {
	apply := mask.Apply
	mask.Apply = func(value []byte) ([]byte, error) {
		result, err := apply(value)
		if err != nil {
			return nil, err
		}
		return result, w.note(c, value, result, false)
	}
	if leaf := mask.Leaf; leaf != nil {
		mask.Leaf = func(path []string) understudy.MaskFunc { return w.watchedLeaf(c, leaf(path)) }
	}
	return mask
}

// watchedLeaf watches a mask of texts inside documents, for copies that ask for them one by one.
func (w *Watch) watchedLeaf(c *column, apply understudy.MaskFunc) understudy.MaskFunc {
	if apply == nil {
		return nil
	}
	text := *c
	text.form = Text
	return w.watched(&text, understudy.Mask{Apply: apply}).Apply
}

func (w *Watch) watchedBatch(table string, columns []understudy.Column, batch understudy.BatchMask) understudy.BatchMask {
	of := make([]*column, len(batch.Columns))
	for i, name := range batch.Columns {
		of[i] = w.column(table, name, batch.Name, columns)
	}
	apply := batch.Apply
	batch.Apply = func(ctx context.Context, rows [][][]byte) error {
		before := make([][][]byte, len(rows))
		for i := range rows {
			before[i] = make([][]byte, len(rows[i]))
			for j, value := range rows[i] {
				before[i][j] = bytes.Clone(value)
			}
		}
		if err := apply(ctx, rows); err != nil {
			return err
		}
		for i := range rows {
			for j := range rows[i] {
				if err := w.note(of[j], before[i][j], rows[i][j], true); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return batch
}

// note keeps what an original was and what became of it. Values that moves put
// back where they were are results all the same.
func (w *Watch) note(c *column, original, result []byte, moved bool) error {
	n := w.work.Get().(*notes)
	defer w.work.Put(n)
	if c.form == Binary {
		original, result = unhexed(original), unhexed(result)
	}
	if c.form.whole() {
		return w.pair(c, n, original, result, moved)
	}
	n.from.start(c.form, original)
	n.to.start(c.form, result)
	for {
		from, more := n.from.next()
		to, fits := n.to.next()
		switch {
		case !more && !fits:
			return nil
		case more && fits && bytes.Equal(from, to):
			continue // a leaf that has no mask
		}
		if err := w.pair(c, n, from, to, moved); err != nil {
			return err
		}
	}
}

func (w *Watch) pair(c *column, n *notes, original, result []byte, moved bool) error {
	if bytes.Equal(original, result) && nobodys(original) {
		return nil
	}
	n.original.fold(original)
	n.result.fold(result)
	if err := w.noteOriginal(c, &n.original); err != nil {
		return err
	}
	switch {
	case len(n.result.bytes) == 0:
		return nil
	case !moved && bytes.Equal(n.original.bytes, n.result.bytes), !moved && outlives(&n.original, &n.result):
		return nil // what its own original is still in is nothing that a mask made
	}
	print := w.key.print(n.result.bytes)
	if w.seen(print^uint64(c.id)<<20^1) > 0 {
		return nil
	}
	return w.results.add(partition(print), print<<16|uint64(c.id))
}

// nobodys tells an address of every machine itself, which masks leave as it is.
func nobodys(value []byte) bool {
	host, _, _ := bytes.Cut(value, []byte("/"))
	a, err := netip.ParseAddr(string(host))
	return err == nil && (a.Unmap().IsLoopback() || a.IsUnspecified())
}

func (w *Watch) noteOriginal(c *column, s *skeleton) error {
	head := s.head()
	if len(head) == 0 {
		return nil
	}
	print := w.key.print(head)
	if times := w.seen(print); times > 0 {
		if times%frequentFrom == 0 && s.oneWord() {
			w.remember(print)
		}
		return nil
	}
	w.lengths.note(head)
	return w.originals.add(partition(print), print<<16|uint64(c.id))
}

// seen says how often a fingerprint was seen lately, and counts this time. Of two that
// want one place the later has it; what is forgotten is spilled once more.
func (w *Watch) seen(print uint64) uint64 {
	const most = 1<<(64-printBits+recentBits) - 1
	slot, tag := &w.recent[print&(1<<recentBits-1)], print>>recentBits
	have := slot.Load()
	if have>>(printBits-recentBits) == 0 || have&(1<<(printBits-recentBits)-1) != tag {
		slot.Store(1<<(printBits-recentBits) | tag)
		return 0
	}
	times := have >> (printBits - recentBits)
	if times < most {
		slot.Store((times+1)<<(printBits-recentBits) | tag)
	}
	return times
}

func (w *Watch) remember(print uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.frequent) < mostFrequent {
		w.frequent[print] = true
	}
}

// unhexed reads PostgreSQL's text form of bytes; other bytes are what they are.
func unhexed(value []byte) []byte {
	if !bytes.HasPrefix(value, []byte(`\x`)) || len(value)%2 != 0 {
		return value
	}
	out := make([]byte, 0, len(value)/2)
	for i := 2; i < len(value); i += 2 {
		if !isHex(value[i]) || !isHex(value[i+1]) {
			return value
		}
		out = append(out, nibble(value[i])<<4|nibble(value[i+1]))
	}
	return out
}

func nibble(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
