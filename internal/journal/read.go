package journal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"understudy"
)

// Verified is what a whole check of a journal found to be in order.
type Verified struct {
	Entries int64             // how many there are
	Head    understudy.Digest // hash of the last one; keep it elsewhere to notice a journal replaced whole
	Torn    int64             // bytes after it that a crash left, or that are being written right now
}

// errEnough ends a walk that has seen what it was for.
var errEnough = errors.New("enough of the journal was read")

// Read calls each for the entries from a sequence on, oldest first, up to the one that
// was last when Read was called. It checks them on the way: an entry that is handed
// out stands in the chain. An error of each ends it and is returned as it is. Appending
// goes on meanwhile, also from within each.
func (j *Journal) Read(from int64, each func(understudy.Entry) error) error {
	head := j.head()
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

// Verify checks every entry of the journal, up to and beyond the last one this
// Journal wrote. The error names the first bad entry and where it stands.
func (j *Journal) Verify(ctx context.Context) (Verified, error) {
	return verify(ctx, j.dir, j.head())
}

// VerifyDir is Verify for a folder, without the daemon; the daemon may be appending to
// it meanwhile. KindNotFound when there is no such folder.
func VerifyDir(ctx context.Context, dir string) (Verified, error) {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return Verified{}, understudy.Errorf(understudy.KindNotFound, "there is no journal in %s", dir)
	}
	head, err := readHead(dir)
	if err != nil {
		return Verified{}, err
	}
	return verify(ctx, dir, head)
}

func verify(ctx context.Context, dir string, head understudy.Entry) (Verified, error) {
	segments, err := segmentsIn(dir)
	if err != nil {
		return Verified{}, err
	}
	c := &chain{head: head}
	if err := c.walk(ctx, segments, func(understudy.Entry) error { return nil }); err != nil {
		return Verified{}, fmt.Errorf("verifying the journal: %w", err)
	}
	found := Verified{Entries: c.last.Sequence, Head: c.last.Hash}
	if c.torn != nil {
		found.Torn = int64(len(c.torn.bytes))
	}
	return found, nil
}

// head is the last entry that this Journal knows to stand.
func (j *Journal) head() understudy.Entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.last
}
