package journal

import (
	"context"

	"understudy"
)

// chain walks entries in order and holds each against the one before it.
type chain struct {
	last understudy.Entry // the last good one
	head understudy.Entry // the last that was acknowledged
	torn *tail            // what follows the last good one, if a crash left something
}

// tail is what a crash left of one line that was never acknowledged.
type tail struct {
	path  string
	start int64
	bytes []byte
}

// walk checks segments, oldest first, that begin after the entry c.last, and calls
// each for every entry. Only the very last line can be torn, and only one that was
// not acknowledged; anything else that is not as it was written is damage.
func (c *chain) walk(ctx context.Context, segments []segment, each func(understudy.Entry) error) error {
	for _, s := range segments {
		if c.torn != nil {
			return damaged(line{segment: s, number: 1}, "it follows a segment that ends in what is not an entry, %s at byte %d", c.torn.path, c.torn.start)
		}
		if s.first != c.last.Sequence+1 {
			return damaged(line{segment: s, number: 1}, "its name says it begins with entry %d, but it follows entry %d", s.first, c.last.Sequence)
		}
		if err := s.readings(ctx, func(l line, r reading) error { return c.accept(l, r, each) }); err != nil {
			return err
		}
	}
	if c.last.Sequence < c.head.Sequence {
		return understudy.Errorf(understudy.KindInternal,
			"the journal is damaged: it ends with entry %d, although entry %d was acknowledged", c.last.Sequence, c.head.Sequence).
			WithHint("lines were taken off its end; bring the journal's folder back from a backup")
	}
	return nil
}

// accept takes the next line, or says what is wrong with it.
func (c *chain) accept(l line, r reading, each func(understudy.Entry) error) error {
	if c.torn != nil {
		return damaged(l, "it follows a line that is not an entry: %s at byte %d", c.torn.path, c.torn.start)
	}
	e, err := r.entry, r.err
	acknowledged := c.last.Sequence < c.head.Sequence
	if !acknowledged && (err != nil || !l.whole) {
		c.torn = &tail{path: l.segment.path, start: l.start, bytes: l.text}
		return nil
	}
	if err != nil {
		return damaged(l, "entry %d %v", c.last.Sequence+1, err)
	}
	if err := c.follows(r, l); err != nil {
		return err
	}
	c.last = e
	return each(e)
}

// follows says why an entry cannot stand where it stands.
func (c *chain) follows(r reading, l line) error {
	e := r.entry
	if due := c.last.Sequence + 1; e.Sequence != due {
		return damaged(l, "where entry %d belongs, entry %d stands", due, e.Sequence)
	}
	if err := e.FollowsBy(c.last, r.content); err != nil {
		return damaged(l, "%v", err)
	}
	switch {
	case !l.whole:
		return damaged(l, "entry %d has lost the end of its line", e.Sequence)
	case e.At.Before(c.last.At):
		return damaged(l, "entry %d is older than the entry before it", e.Sequence)
	case e.Sequence == c.head.Sequence && e.Hash != c.head.Hash:
		return damaged(l, "entry %d is not the one that was acknowledged", e.Sequence)
	}
	return nil
}
