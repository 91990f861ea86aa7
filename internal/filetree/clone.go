package filetree

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"understudy"
)

// Method is how files were cloned.
type Method string

// The methods, the better one first.
const (
	Reflink Method = "reflink" // blocks are shared until one side writes
	Copy    Method = "copy"    // every byte was copied
)

// Cloned is what a clone consists of and how it was made.
type Cloned struct {
	Method Method        `json:"method"` // Copy when only one file had to be copied
	Files  int           `json:"files"`  // regular files
	Bytes  int64         `json:"bytes"`  // their sizes, holes included
	Shared int64         `json:"shared"` // of these, in files that share every block with the original
	Gone   int           `json:"gone,omitempty"`
	Took   time.Duration `json:"took"`
}

// Clone makes the file or folder at to a clone of the one at from. It is there whole or
// not at all, and then survives a power cut. A place that is taken is an error of KindConflict and stays
// as it is. Two clones to the same place at once are not for the caller to start.
func Clone(ctx context.Context, from, to string) (Cloned, error) {
	if _, err := os.Lstat(to); err == nil {
		return Cloned{}, understudy.Errorf(understudy.KindConflict, "cloning %s: there is something at %s already", from, to)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return Cloned{}, unavailable(from, to, err)
	}
	return replace(ctx, from, to)
}

// Reset is Clone to a place that may be taken: what is there stays until the clone is
// whole, then the two change places in one step of the file system and the old one goes.
func Reset(ctx context.Context, from, to string) (Cloned, error) { return replace(ctx, from, to) }

func replace(ctx context.Context, from, to string) (Cloned, error) {
	started := time.Now()
	if err := separate(from, to); err != nil {
		return Cloned{}, err
	}
	working := workingName(to)
	if err := os.RemoveAll(working); err != nil { // what a crash left, half a clone or the old one
		return Cloned{}, unavailable(from, to, err)
	}
	made, err := fill(ctx, from, working, true)
	if err == nil {
		err = Exchange(working, to)
	}
	if err == nil {
		err = flushOne(filepath.Dir(to))
	}
	if err := errors.Join(known(from, to, err), os.RemoveAll(working)); err != nil {
		return Cloned{}, err
	}
	made.Took = time.Since(started)
	return made, nil
}

// Exchange gives what is at from the name to, in one step of the file system; if that name was taken, what had
// it is at from then. Both are on one file system.
func Exchange(from, to string) error {
	if _, err := os.Lstat(to); errors.Is(err, fs.ErrNotExist) {
		return os.Rename(from, to)
	}
	return exchange(from, to)
}

// Fill clones the contents of folder from into the empty folder into, which takes the
// place under its own name: for owners who have their own way to tell a whole tree from
// a half one. With durable it survives a power cut when Fill returns.
func Fill(ctx context.Context, from, into string, durable bool) (Cloned, error) {
	started := time.Now()
	if err := separate(from, into); err != nil {
		return Cloned{}, err
	}
	made, err := fill(ctx, from, into, durable)
	if err != nil {
		return Cloned{}, known(from, into, err)
	}
	made.Took = time.Since(started)
	return made, nil
}

// workingName is where a clone is made: the same each time, so that what a crash left is
// found again.
func workingName(to string) string {
	return filepath.Join(filepath.Dir(to), ".understudy-making-"+filepath.Base(to))
}

// separate refuses a clone inside its original, which would never end, and the reverse.
func separate(from, to string) error {
	a, err := filepath.Abs(from)
	if err != nil {
		return unavailable(from, to, err)
	}
	b, err := filepath.Abs(to)
	if err != nil {
		return unavailable(from, to, err)
	}
	if a == b || strings.HasPrefix(b, a+"/") || strings.HasPrefix(a, b+"/") {
		return understudy.Errorf(understudy.KindInvalid, "cloning %s to %s: one lies inside the other", from, to)
	}
	return nil
}

// fill clones whatever is at from, after it looked for room, and flushes it.
func fill(ctx context.Context, from, to string, durable bool) (Cloned, error) {
	method, err := Probe(filepath.Dir(to))
	if err != nil {
		return Cloned{}, err
	}
	if err := roomFor(ctx, from, to, method); err != nil {
		return Cloned{}, err
	}
	f := &filling{made: Cloned{Method: method}, links: map[inode]string{}}
	if err := f.clone(ctx, from, to); err != nil {
		return Cloned{}, err
	}
	if durable {
		err = flush(to, f.made.Method)
	}
	return f.made, err
}

func unavailable(from, to string, err error) error {
	return understudy.Errorf(understudy.KindUnavailable, "cloning %s to %s: %w", from, to, err)
}

// known leaves sentences of ours as they are and makes one of anything else.
func known(from, to string, err error) error {
	var sentence *understudy.Error
	switch {
	case err == nil, errors.As(err, &sentence), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, unix.ENOSPC):
		return understudy.Errorf(understudy.KindUnavailable, "cloning %s to %s: the disk is full", from, to).WithHint("make room, then try again")
	}
	return unavailable(from, to, err)
}
