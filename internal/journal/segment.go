package journal

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"understudy"
)

// segment is one file of the journal.
type segment struct {
	path  string
	first int64 // sequence of the entry that it begins with
}

func segmentOf(dir string, first int64) segment {
	return segment{path: filepath.Join(dir, fmt.Sprintf("%020d.jsonl", first)), first: first}
}

// segmentsIn lists the segments of a folder, oldest first. Every file with the ending
// of a segment has to be one.
func segmentsIn(dir string) ([]segment, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	if err != nil {
		return nil, fmt.Errorf("listing the journal in %s: %w", dir, err)
	}
	slices.Sort(paths)
	var segments []segment
	for _, path := range paths {
		first, err := strconv.ParseInt(strings.TrimSuffix(filepath.Base(path), ".jsonl"), 10, 64)
		if err != nil || first < 1 || path != segmentOf(dir, first).path {
			return nil, understudy.Errorf(understudy.KindInternal, "%s is not named as a segment of the journal is", path).
				WithHint("move it out of %s", dir)
		}
		segments = append(segments, segment{path: path, first: first})
	}
	return segments, nil
}

// line is one line of a segment, and where it stands.
type line struct {
	segment segment
	number  int   // from 1
	start   int64 // byte offset
	text    []byte
	whole   bool // a newline ends it
}

// String is the place of the line, for messages.
func (l line) String() string { return fmt.Sprintf("%s line %d", l.segment.path, l.number) }

// reading is a line decoded: the entry, the digest of what its hash covers, or what is wrong
// with the line, as the end of a sentence that begins with "entry n".
type reading struct {
	entry   understudy.Entry
	content understudy.Digest
	err     error
}

// read decodes the line, which has to be exactly what this program writes.
func (l line) read() (r reading) {
	if err := json.Unmarshal(l.text, &r.entry); err != nil {
		r.err = fmt.Errorf("is not one: %w", err)
		return r
	}
	content, err := r.entry.Content()
	if err != nil || !l.holds(content, r.entry.Hash) {
		r.err = errors.New("is not written as the journal writes it")
		return r
	}
	r.content = understudy.DigestOf(content)
	return r
}

// holds tells whether the line is an entry's content with its hash, which is what comes last.
func (l line) holds(content []byte, hash understudy.Digest) bool {
	const end = `"}`
	open, ends := bytes.CutSuffix(content, []byte(end))
	rest, begins := bytes.CutPrefix(l.text, open)
	return ends && begins && string(rest) == string(hash)+end
}

// entry decodes the line alone, as read does.
func (l line) entry() (understudy.Entry, error) {
	r := l.read()
	return r.entry, r.err
}

// batch is how many lines are decoded together, each by one of the processors there are.
const batch = 512

// readings calls each for every line of a segment in order, decoded, until it returns an
// error. Up to a batch of lines is decoded ahead.
func (s segment) readings(ctx context.Context, each func(line, reading) error) error {
	lines := make([]line, 0, batch)
	hand := func() error {
		for i, r := range readAll(lines) {
			if err := each(lines[i], r); err != nil {
				return err
			}
		}
		lines = lines[:0]
		return nil
	}
	err := s.lines(ctx, func(l line) error {
		if lines = append(lines, l); len(lines) < batch {
			return nil
		}
		return hand()
	})
	if err != nil {
		return err
	}
	return hand()
}

func readAll(lines []line) []reading {
	out := make([]reading, len(lines))
	var group sync.WaitGroup
	workers := min(runtime.GOMAXPROCS(0), 1+len(lines)/16)
	for first := range workers {
		group.Go(func() {
			for i := first; i < len(lines); i += workers {
				out[i] = lines[i].read()
			}
		})
	}
	group.Wait()
	return out
}

// lines calls each for every line of a segment in order, until it returns an error.
func (s segment) lines(ctx context.Context, each func(line) error) error {
	file, err := os.Open(s.path)
	if err != nil {
		return fmt.Errorf("reading the journal: %w", err)
	}
	return errors.Join(s.scan(ctx, bufio.NewReader(file), each), file.Close())
}

func (s segment) scan(ctx context.Context, from *bufio.Reader, each func(line) error) error {
	next := line{segment: s, number: 1}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		text, err := from.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("reading the journal: %w", err)
		}
		if len(text) == 0 {
			return nil
		}
		next.text = bytes.TrimSuffix(text, []byte("\n"))
		next.whole = len(next.text) < len(text)
		if err := each(next); err != nil {
			return err
		}
		next.number, next.start = next.number+1, next.start+int64(len(text))
	}
}

// firstEntry is the entry on the segment's first line, unchecked but for its form.
func (s segment) firstEntry(ctx context.Context) (understudy.Entry, error) {
	var first understudy.Entry
	err := s.lines(ctx, func(l line) error {
		e, err := l.entry()
		if err != nil {
			return damaged(l, "its first entry %v", err)
		}
		first = e
		return errEnough
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return first, err
}

// lastEntry is the entry on the segment's last line, which has to be whole.
func (s segment) lastEntry(ctx context.Context) (understudy.Entry, error) {
	last := line{segment: s, number: 1}
	err := s.lines(ctx, func(l line) error {
		last = l
		return nil
	})
	if err != nil {
		return understudy.Entry{}, err
	}
	if !last.whole {
		return understudy.Entry{}, damaged(last, "it is cut short, but another segment follows")
	}
	e, err := last.entry()
	if err != nil {
		return e, damaged(last, "its last entry %v", err)
	}
	return e, nil
}

func damaged(l line, format string, args ...any) *understudy.Error {
	return understudy.Errorf(understudy.KindInternal, "the journal is damaged at %s: %s", l, fmt.Sprintf(format, args...)).
		WithHint("nothing was changed; compare the file with a backup of the state folder before anything else is written")
}
