package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"understudy"
	"understudy/internal/atomicfile"
)

// Open opens the journal in a folder, for the one who appends to it, and makes the
// folder when it is missing. It checks the last segment; Verify checks all. A line that
// a crash left half written is set aside (see Torn).
//
// KindConflict when another process has it open; KindInternal, naming the first bad
// entry, when it is damaged. Then nothing was changed.
func Open(dir string) (*Journal, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("opening the journal: %w", err)
	}
	lock, err := takeLock(dir)
	if err != nil {
		return nil, err
	}
	j := &Journal{dir: dir, limit: segmentSize, now: time.Now, ack: writeHead, lock: lock}
	if err := j.recover(); err != nil {
		return nil, errors.Join(err, giveLock(lock))
	}
	return j, nil
}

// takeLock makes sure of one writer. The lock goes with the process, however it ends.
func takeLock(dir string) (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the journal: %w", err)
	}
	err = unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = understudy.Errorf(understudy.KindConflict, "the journal in %s is open in another process", dir).
			WithHint("one daemon at a time works on a state folder: stop the other one, or give this one its own --state-dir")
	}
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return lock, nil
}

// giveLock gives the lock back by name: closing the file alone leaves it taken for as long
// as a child that is just being started has a copy of it.
func giveLock(lock *os.File) error {
	return errors.Join(unix.Flock(int(lock.Fd()), unix.LOCK_UN), lock.Close())
}

// recover finds the end of the journal and makes it one that can be written on.
func (j *Journal) recover() error {
	ctx := context.Background()
	segments, err := segmentsIn(j.dir)
	if err != nil {
		return err
	}
	if err := beginHead(j.dir, segments); err != nil {
		return err
	}
	head, err := readHead(j.dir)
	if err != nil {
		return err
	}
	c := &chain{head: head}
	from := max(len(segments)-1, 0)
	if from > 0 {
		if c.last, err = segments[from-1].lastEntry(ctx); err != nil {
			return err
		}
	}
	if err := c.walk(ctx, segments[from:], func(understudy.Entry) error { return nil }); err != nil {
		return err
	}
	j.last = c.last
	if c.torn != nil {
		if j.torn, err = setAside(j.dir, *c.torn); err != nil {
			return err
		}
	}
	return j.openEnd(segments, head)
}

// openEnd opens the last segment for writing, and lets the head catch up with the
// entry that a crash left unacknowledged.
func (j *Journal) openEnd(segments []segment, head understudy.Entry) error {
	last := segmentOf(j.dir, 1)
	if len(segments) > 0 {
		last = segments[len(segments)-1]
	}
	file, err := openSegment(last)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err == nil {
		err = file.Sync() // what was not acknowledged may not be on disk yet
	}
	if err == nil && head.Sequence < j.last.Sequence {
		err = writeHead(j.dir, j.last)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("opening the journal: %w", err), file.Close())
	}
	j.file, j.size = file, info.Size()
	return nil
}

// setAside moves a torn tail into a file of its own: first it is there twice, then
// it is cut off the segment.
func setAside(dir string, torn tail) (string, error) {
	path := filepath.Join(dir, "torn-"+time.Now().UTC().Format("20060102T150405.000000000Z"))
	if err := atomicfile.Write(path, torn.bytes, 0o600); err != nil {
		return "", fmt.Errorf("setting a torn line of the journal aside: %w", err)
	}
	if err := os.Truncate(torn.path, torn.start); err != nil {
		return "", fmt.Errorf("setting a torn line of the journal aside: %w", err)
	}
	return path, nil
}

// headFile is the form of head.json: the entry that was acknowledged last.
type headFile struct {
	Sequence int64             `json:"sequence"`
	Hash     understudy.Digest `json:"hash"`
}

func headPath(dir string) string { return filepath.Join(dir, "head.json") }

func folderOf(s segment) string { return filepath.Dir(s.path) }

func writeHead(dir string, e understudy.Entry) error {
	raw, err := json.Marshal(headFile{Sequence: e.Sequence, Hash: e.Hash})
	if err != nil {
		return fmt.Errorf("moving the head of the journal: %w", err)
	}
	return atomicfile.Write(headPath(dir), append(raw, '\n'), 0o600)
}

// beginHead writes the head of a journal that has no segment yet, so that a head is
// there before the first entry, and a head that is missing later was taken away.
func beginHead(dir string, segments []segment) error {
	if _, err := os.Stat(headPath(dir)); len(segments) > 0 || !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return writeHead(dir, understudy.Entry{})
}

// readHead returns the sequence and hash of the entry acknowledged last.
func readHead(dir string) (understudy.Entry, error) {
	raw, err := os.ReadFile(headPath(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return understudy.Entry{}, understudy.Errorf(understudy.KindInternal, "the journal is damaged: %s is missing", headPath(dir)).
			WithHint("it says up to where the journal must reach; bring the journal's folder back from a backup")
	}
	if err != nil {
		return understudy.Entry{}, fmt.Errorf("reading the head of the journal: %w", err)
	}
	var head headFile
	if err := json.Unmarshal(raw, &head); err != nil {
		return understudy.Entry{}, understudy.Errorf(understudy.KindInternal, "the journal is damaged at %s: %w", headPath(dir), err).
			WithHint("bring the journal's folder back from a backup")
	}
	return understudy.Entry{Sequence: head.Sequence, Hash: head.Hash}, nil
}
