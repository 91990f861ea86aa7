package physical

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"understudy"
	"understudy/internal/postgres/heap"
	"understudy/internal/yield"
)

// How the files of tables are worked on: a stretch at a time by one worker, in reads of
// readPages. A file holds filePages at most; the server begins another then.
const (
	filePages    = 131072
	stretchPages = 4096
	readPages    = 128
)

// What decides that a table is better masked by rows altogether: of the tuples in
// surveyed pages, more than one in leftShare would have to be.
const (
	surveyPages = 256
	leftShare   = 5
	mostLeft    = 8 << 20 // rows that are remembered; a table with more goes by rows
)

// stretch is a part of one file of a table.
type stretch struct {
	of    *table
	how   *heap.Table
	file  string
	first uint32 // its first page, in the relation
	at    int64  // where that stands in the file
	pages int64
}

// maskPages writes masked values over the originals in the files of the tables. The server
// is stopped, and nobody else reads them. Memory does not grow with the tables, but for
// eight bytes of each row that is left for later.
func (c *copying) maskPages(ctx context.Context) error {
	var work []stretch
	var total int64
	for _, t := range c.tables {
		how := t.pages(c.control.checksums())
		if how == nil {
			continue
		}
		parts, err := c.stretches(t, how)
		if err != nil {
			return err
		}
		if byRows, err := survey(parts); err != nil {
			return err
		} else if byRows {
			t.why = "many of its values are compressed, stored outside or of another length when masked"
			continue
		}
		work = append(work, parts...)
		for _, s := range parts {
			total += s.pages * heap.PageSize
		}
	}
	var done atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(c.spec.Parallel + 1) // it waits for the disk, not for a processor
	group.Go(func() error { return c.writeOut(ctx) })
	for _, s := range work {
		group.Go(func() error {
			if err := yield.Run(func() error { return s.mask(ctx) }); err != nil {
				return err
			}
			c.tell(Progress{"mask pages", done.Add(s.pages * heap.PageSize), total})
			return nil
		})
	}
	return group.Wait()
}

// stretches cuts the files of a table.
func (c *copying) stretches(t *table, how *heap.Table) ([]stretch, error) {
	var parts []stretch
	err := segments(filepath.Join(c.work, t.path), func(number int, file string, size int64) error {
		if size%heap.PageSize != 0 {
			return understudy.Errorf(understudy.KindInternal, "its file %s ends within a page", t.path)
		}
		pages := size / heap.PageSize
		for at := int64(0); at < pages; at += stretchPages {
			parts = append(parts, stretch{t, how, file, uint32(number*filePages + int(at)), at * heap.PageSize, min(stretchPages, pages-at)})
		}
		return nil
	})
	if err != nil {
		return nil, pagesError(t, err)
	}
	return parts, nil
}

func pagesError(t *table, err error) error {
	if known := new(understudy.Error); errors.As(err, &known) {
		return understudy.Errorf(known.Kind, "masking %s in place: %w", t.name(), err).WithHint("%s", known.Hint)
	}
	return understudy.Errorf(understudy.KindUnavailable, "masking %s in place: %w", t.name(), err)
}

// survey masks pages spread over a table, without writing them, and tells whether it is
// for masking by rows.
func survey(parts []stretch) (byRows bool, err error) {
	var found heap.Tally
	page := make([]byte, heap.PageSize)
	each := max(surveyPages/max(len(parts), 1), 1)
	for n := 0; n < len(parts); n += max(len(parts)/surveyPages, 1) {
		s := parts[n]
		file, err := os.Open(s.file)
		if err != nil {
			return false, pagesError(s.of, err)
		}
		w := heap.NewWriter(s.how)
		for p := int64(0); p < s.pages && err == nil; p += max(s.pages/int64(each), 1) {
			if _, err = file.ReadAt(page, s.at+p*heap.PageSize); err == nil {
				_, err = w.Page(page, s.first+uint32(p))
			}
		}
		if err := errors.Join(err, file.Close()); err != nil {
			return false, pagesError(s.of, err)
		}
		found.Add(w.Tally)
	}
	return found.Left*leftShare > found.Tuples, nil
}

// mask masks the pages of a stretch.
func (s stretch) mask(ctx context.Context) error {
	file, err := os.OpenFile(s.file, os.O_RDWR, 0)
	if err != nil {
		return pagesError(s.of, err)
	}
	w := heap.NewWriter(s.how)
	var left []uint64
	w.OnLeft = func(block uint32, pointer uint16) { left = append(left, uint64(block)<<16|uint64(pointer)) }
	readAhead(file, s.at, s.pages*heap.PageSize)
	buffer := make([]byte, readPages*heap.PageSize)
	for p := int64(0); p < s.pages && err == nil; p += readPages {
		if err = ctx.Err(); err == nil {
			err = s.some(file, w, buffer[:min(readPages, s.pages-p)*heap.PageSize], p)
		}
	}
	writeBack(file, s.at, s.pages*heap.PageSize)
	if err := errors.Join(err, file.Close()); err != nil {
		return pagesError(s.of, err)
	}
	return s.of.account(w.Tally, left)
}

// some masks as many pages as the buffer holds, from page p of the stretch.
func (s stretch) some(file *os.File, w *heap.Writer, buffer []byte, p int64) error {
	at := s.at + p*heap.PageSize
	if _, err := file.ReadAt(buffer, at); err != nil {
		return err
	}
	first, last := len(buffer), 0 // of what was changed
	for from := 0; from < len(buffer); from += heap.PageSize {
		changed, err := w.Page(buffer[from:from+heap.PageSize], s.first+uint32(p)+uint32(from/heap.PageSize))
		if err != nil {
			return err
		}
		if changed {
			first, last = min(first, from), from+heap.PageSize
		}
	}
	if last == 0 {
		return nil
	}
	_, err := file.WriteAt(buffer[first:last], at+int64(first))
	return err
}

// account adds what one stretch came to.
func (t *table) account(tally heap.Tally, left []uint64) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tally.Add(tally)
	t.left = append(t.left, left...)
	if len(t.left) > mostLeft {
		return understudy.Errorf(understudy.KindUnavailable, "masking %s in place: more than %d of its rows are stored in ways that cannot be written over", t.name(), mostLeft).
			WithHint("copy by rows: --method logical")
	}
	return nil
}
