package journal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"understudy"
)

// Verified is what a check of a journal found to be in order.
type Verified struct {
	Entries int64             // how many there are
	First   int64             // the first that was checked; 0: there is none
	Head    understudy.Digest // hash of the last one; keep it elsewhere to notice a journal replaced whole
	Known   int64             // the entry of the head that was kept elsewhere; 0: none was given
	Torn    int64             // bytes after the last one that a crash left, or that are being written right now
}

// Extent is how much of a journal is checked. Its zero value is all of it, by itself.
type Extent struct {
	From  int64             // entries from this on; what is before them is taken as it is
	Since time.Time         // the same by the time at which they were written
	Head  understudy.Digest // of an entry that has to be there: one that was kept elsewhere
}

// errEnough ends a walk that has seen what it was for.
var errEnough = errors.New("enough of the journal was read")

// Read calls each for the entries from a sequence on, oldest first, up to the one that
// was last when Read was called. It checks them on the way: an entry that is handed
// out stands in the chain. An error of each ends it and is returned as it is. Appending
// goes on meanwhile, also from within each.
func (j *Journal) Read(from int64, each func(understudy.Entry) error) error {
	head := j.Head()
	if from > head.Sequence {
		return nil
	}
	segments, err := segmentsIn(j.dir)
	if err != nil {
		return err
	}
	c := &chain{head: head}
	begin := max(slices.IndexFunc(segments, func(s segment) bool { return s.first > from }), 0)
	if begin == 0 && len(segments) > 0 && from >= segments[len(segments)-1].first {
		begin = len(segments)
	}
	begin = max(begin-1, 0)
	if begin > 0 {
		if c.last, err = segments[begin-1].lastEntry(context.Background()); err != nil {
			return err
		}
	}
	err = c.walk(context.Background(), segments[begin:], func(e understudy.Entry) error {
		if e.Sequence >= from {
			if err := each(e); err != nil {
				return err
			}
		}
		if e.Sequence == head.Sequence {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// Verify checks the entries of the journal, up to and beyond the last one this
// Journal wrote. The error names the first bad entry and where it stands.
func (j *Journal) Verify(ctx context.Context, extent Extent) (Verified, error) {
	return verify(ctx, j.dir, j.Head(), extent)
}

// VerifyDir is Verify for a folder, without the daemon; the daemon may be appending to
// it meanwhile. KindNotFound when there is no such folder.
func VerifyDir(ctx context.Context, dir string, extent Extent) (Verified, error) {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return Verified{}, understudy.Errorf(understudy.KindNotFound, "there is no journal in %s", dir)
	}
	head, err := readHead(dir)
	if err != nil {
		return Verified{}, err
	}
	return verify(ctx, dir, head, extent)
}

func verify(ctx context.Context, dir string, head understudy.Entry, extent Extent) (Verified, error) {
	segments, err := segmentsIn(dir)
	if err != nil {
		return Verified{}, err
	}
	c := &chain{head: head}
	begin, err := extent.begins(ctx, segments)
	if err == nil && begin > 0 {
		c.last, err = segments[begin-1].lastEntry(ctx)
	}
	if err != nil {
		return Verified{}, fmt.Errorf("verifying the journal: %w", err)
	}
	found := Verified{}
	if err := c.walk(ctx, segments[begin:], func(e understudy.Entry) error {
		if found.First == 0 {
			found.First = e.Sequence
		}
		if e.Hash == extent.Head {
			found.Known = e.Sequence
		}
		return nil
	}); err != nil {
		return Verified{}, fmt.Errorf("verifying the journal: %w", err)
	}
	found.Entries, found.Head = c.last.Sequence, c.last.Hash
	if c.torn != nil {
		found.Torn = int64(len(c.torn.bytes))
	}
	if extent.Head != "" && found.Known == 0 {
		return found, understudy.Errorf(understudy.KindInternal, "none of the entries %d to %d has the hash %s", found.First, found.Entries, extent.Head).
			WithHint("the journal was replaced since that head was kept, or the head is of another journal, or of an entry before those")
	}
	return found, nil
}

// begins is the segment that a check begins with.
func (x Extent) begins(ctx context.Context, segments []segment) (int, error) {
	for i := len(segments) - 1; i > 0 && (x.From > 0 || !x.Since.IsZero()); i-- {
		first, err := segments[i].firstEntry(ctx)
		if err != nil {
			return 0, err
		}
		if first.Sequence == 0 { // a crash left it empty
			continue
		}
		if first.Sequence <= x.From || !x.Since.IsZero() && !first.At.After(x.Since) {
			return i, nil
		}
	}
	return 0, nil
}

// Holds says why no entry of a sequence has a hash; nil means that one has. It reads the
// segment in which the entry is.
func (j *Journal) Holds(sequence int64, hash understudy.Digest) error {
	if sequence == 0 { // before the first entry nothing can differ
		return nil
	}
	found := understudy.Errorf(understudy.KindNotFound, "the journal has no entry %d", sequence)
	err := j.Read(sequence, func(e understudy.Entry) error {
		found = nil
		if e.Hash != hash {
			found = understudy.Errorf(understudy.KindConflict, "entry %d of the journal has another hash", sequence)
		}
		return errEnough
	})
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	if found == nil {
		return nil
	}
	return found
}

// Head is the last entry that this Journal knows to stand.
func (j *Journal) Head() understudy.Entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.last
}
