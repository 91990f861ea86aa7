package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"understudy"
	"understudy/internal/atomicfile"
)

const (
	segmentSize = 8 << 20 // bytes after which the next entry begins a new segment
	entryLimit  = 1 << 20 // bytes of the longest line
)

// Journal is the one writer of a journal. Its methods may be called at the same time.
type Journal struct {
	dir   string
	limit int64                                      // size of a segment
	now   func() time.Time                           // the wall clock
	ack   func(dir string, e understudy.Entry) error // moves the head: writeHead
	lock  *os.File
	torn  string

	mu   sync.Mutex
	file *os.File // the last segment; nil after Close, and when its state is not known
	size int64    // of the last segment: where the next line begins
	last understudy.Entry
	fate error // why nothing can be appended any more
}

// Torn is the path of the file to which Open moved what a crash had left of the last
// line, or the empty string. Nobody had been told that this line stands.
func (j *Journal) Torn() string { return j.torn }

// Append writes an entry as the next one and returns it as it was written. It gives
// sequence, time and hashes itself, whatever the caller put there. When it returns
// nil the entry survives a power cut. When it returns an error the entry does not stand,
// unless the disk would not say; whoever appends it again then writes it twice, which does
// no harm. The context is looked at before anything is written.
func (j *Journal) Append(ctx context.Context, e understudy.Entry) (understudy.Entry, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := errors.Join(ctx.Err(), j.fate); err != nil {
		return understudy.Entry{}, fmt.Errorf("writing %s to the journal: %w", e.Act, err)
	}
	sealed, text, err := j.seal(e)
	if err != nil {
		return understudy.Entry{}, err
	}
	if err := j.write(text); err != nil {
		return understudy.Entry{}, j.unwritten(e, err)
	}
	before := j.last
	j.last = sealed
	if err := j.ack(j.dir, sealed); err != nil {
		return understudy.Entry{}, j.takeBack(before, int64(len(text)), err)
	}
	return sealed, nil
}

// takeBack cuts the last entry off again, which could not be acknowledged: what somebody was
// told has failed must not be heeded later. It stays where the head may name it already.
func (j *Journal) takeBack(before understudy.Entry, length int64, why error) error {
	taken := j.last
	head, err := readHead(j.dir)
	if err != nil || head.Sequence >= taken.Sequence {
		return fmt.Errorf("entry %d of the journal is written, but not acknowledged: %w", taken.Sequence, why)
	}
	if err := errors.Join(j.file.Truncate(j.size-length), j.file.Sync()); err != nil {
		return errors.Join(j.unwritten(taken, why), j.unknown(err))
	}
	j.last, j.size = before, j.size-length
	return j.unwritten(taken, why)
}

// unwritten is why an entry does not stand, for whoever asked for what it says.
func (j *Journal) unwritten(e understudy.Entry, why error) error {
	if errors.Is(why, unix.ENOSPC) {
		return understudy.Errorf(understudy.KindUnavailable, "writing %s to the journal: the disk of %s is full", e.Act, j.dir).
			WithHint("nothing was begun that is not written down: make room there, then ask again")
	}
	return fmt.Errorf("writing %s to the journal: %w", e.Act, why)
}

// seal gives an entry its place, time and hashes, and returns the line for it. The
// entry goes through JSON first, so that what is hashed is what will be read.
func (j *Journal) seal(e understudy.Entry) (understudy.Entry, []byte, error) {
	e.At = j.now().UTC().Round(0)
	if e.At.Before(j.last.At) {
		e.At = j.last.At
	}
	var written understudy.Entry
	raw, err := json.Marshal(e)
	if err == nil {
		err = json.Unmarshal(raw, &written)
	}
	if err != nil {
		return e, nil, fmt.Errorf("writing %s to the journal: %w", e.Act, err)
	}
	sealed, err := written.Seal(j.last)
	if err != nil {
		return e, nil, fmt.Errorf("writing %s to the journal: %w", e.Act, err)
	}
	text, err := json.Marshal(sealed)
	if err != nil {
		return e, nil, fmt.Errorf("writing %s to the journal: %w", e.Act, err)
	}
	if len(text) > entryLimit {
		return e, nil, understudy.Errorf(understudy.KindInvalid,
			"entry %s about %s is %d bytes long, the journal takes %d: keep the bulk as evidence", e.Act, e.Subject, len(text), entryLimit)
	}
	return sealed, append(text, '\n'), nil
}

// write puts one line at the end and flushes it. A line that does not fit is cut off
// again. A flush that fails leaves nothing known, so it is the last thing done.
func (j *Journal) write(text []byte) error {
	if j.size >= j.limit {
		if err := j.rotate(); err != nil {
			return err
		}
	}
	if _, err := j.file.WriteAt(text, j.size); err != nil {
		return errors.Join(err, j.unknown(j.file.Truncate(j.size)))
	}
	if err := j.file.Sync(); err != nil {
		return j.unknown(err)
	}
	j.size += int64(len(text))
	return nil
}

// unknown ends the journal's life when err says that the end of its file is not known.
func (j *Journal) unknown(err error) error {
	if err != nil {
		j.fate = understudy.Errorf(understudy.KindUnavailable, "the journal in %s is not written any more, since its disk failed: %w", j.dir, err).
			WithHint("mend the disk, then start the daemon again")
	}
	return err
}

// rotate begins a new segment.
func (j *Journal) rotate() error {
	next, err := openSegment(segmentOf(j.dir, j.last.Sequence+1))
	if err != nil {
		return err
	}
	full := j.file
	j.file, j.size = next, 0
	return full.Close()
}

// openSegment opens a segment for writing, and makes it when it is not there.
func openSegment(s segment) (*os.File, error) {
	_, missing := os.Stat(s.path)
	file, err := os.OpenFile(s.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the journal: %w", err)
	}
	if missing == nil {
		return file, nil
	}
	if err := atomicfile.SyncFolder(folderOf(s)); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// Close lets the folder go, for the next one who opens it. Nothing is pending: every
// entry was flushed when it was appended. A second Close does nothing.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file == nil {
		return nil
	}
	file := j.file
	j.file = nil
	j.fate = understudy.Errorf(understudy.KindUnavailable, "the journal in %s is closed", j.dir)
	return errors.Join(file.Close(), giveLock(j.lock))
}
