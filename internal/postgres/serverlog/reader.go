package serverlog

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"understudy"
)

// Prefix is the log_line_prefix that is understood: when, which process, the code, and of
// a session its role, database and program.
const Prefix = "%m [%p] %e %q%u@%d/%a "

// Entry is one message of the server.
type Entry struct {
	At                      time.Time
	PID                     int32
	Code                    string // SQLSTATE
	Role, Database, Program string // of a session; empty: it is one of the server's own processes
	Severity                string // "LOG", "ERROR", …
	Message, Detail         string
	Context                 string
}

// Reader reads a log that grows.
type Reader struct {
	path    string
	file    *os.File
	offset  int64
	buffer  []byte
	rest    []byte // of a line that is not whole
	pending *Entry // of which more lines may come
	part    *string
}

// Open reads a log from its present end on, also one that does not exist yet.
func Open(path string) (*Reader, error) {
	r := &Reader{path: path}
	info, err := os.Stat(path)
	switch {
	case err == nil:
		r.offset = info.Size()
	case !errors.Is(err, fs.ErrNotExist):
		return nil, understudy.Errorf(understudy.KindUnavailable, "reading the server's log: %w", err)
	}
	return r, nil
}

// From reads a log from its beginning.
func From(path string) *Reader { return &Reader{path: path} }

// Size is how long the log is now, in bytes; -1: that cannot be told.
func (r *Reader) Size() int64 {
	info, err := os.Stat(r.path)
	if err != nil {
		return -1
	}
	return info.Size()
}

// Close ends reading.
func (r *Reader) Close() error {
	if r.file == nil {
		return nil
	}
	return r.file.Close()
}

const pieceSize = 256 << 10

// Read hands over what was written since the last call. The last message is held back
// until more comes, or the log has ended.
func (r *Reader) Read(ended bool, each func(Entry)) error {
	for {
		more, err := r.piece(each)
		if err != nil {
			return understudy.Errorf(understudy.KindUnavailable, "reading the server's log: %w", err)
		}
		if !more {
			break
		}
	}
	if ended {
		if len(r.rest) > 0 {
			r.line(string(r.rest), each)
			r.rest = nil
		}
		r.flush(each)
	}
	return nil
}

// piece reads on, in the file that has the name now once the one before is read to its end.
func (r *Reader) piece(each func(Entry)) (more bool, err error) {
	if r.file == nil {
		r.file, err = os.Open(r.path)
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
	if r.buffer == nil {
		r.buffer = make([]byte, pieceSize)
	}
	n, err := r.file.ReadAt(r.buffer, r.offset)
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	if n == 0 {
		return r.rotated()
	}
	r.offset += int64(n)
	r.rest = append(r.rest, r.buffer[:n]...)
	for {
		end := bytes.IndexByte(r.rest, '\n')
		if end < 0 {
			return true, nil
		}
		r.line(string(r.rest[:end]), each)
		r.rest = r.rest[end+1:]
	}
}

// rotated looks whether the name belongs to another file by now, or the file was emptied.
func (r *Reader) rotated() (again bool, err error) {
	old, err := r.file.Stat()
	if err != nil {
		return false, err
	}
	now, err := os.Stat(r.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case !os.SameFile(old, now):
		err = r.file.Close()
		r.file, r.offset, r.rest = nil, 0, nil
		return true, err
	case now.Size() < r.offset:
		r.offset, r.rest = 0, nil
		return true, nil
	}
	return false, nil
}

var head = regexp.MustCompile(`^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) (?:UTC|GMT) \[(\d+)\] ([0-9A-Z]{5}) (.*?)(LOG|WARNING|NOTICE|INFO|DEBUG\d?|ERROR|FATAL|PANIC|DETAIL|HINT|CONTEXT|STATEMENT|QUERY|LOCATION|BACKTRACE):  (.*)$`)

// line takes in a line: the head of a message, another part of it, or more of a part.
func (r *Reader) line(text string, each func(Entry)) {
	found := head.FindStringSubmatch(text)
	if found == nil {
		if more, goesOn := strings.CutPrefix(text, "\t"); goesOn && r.part != nil {
			*r.part += "\n" + more
			return
		}
		r.flush(each)
		return
	}
	pid, err := strconv.ParseInt(found[2], 10, 32)
	if err != nil {
		return
	}
	if r.pending != nil && int32(pid) == r.pending.PID {
		switch found[5] {
		case "DETAIL":
			r.pending.Detail, r.part = found[6], &r.pending.Detail
			return
		case "CONTEXT":
			r.pending.Context, r.part = found[6], &r.pending.Context
			return
		case "HINT", "STATEMENT", "QUERY", "LOCATION", "BACKTRACE":
			r.part = nil
			return
		}
	}
	r.flush(each)
	at, err := time.Parse("2006-01-02 15:04:05.000", found[1])
	if err != nil {
		return
	}
	e := &Entry{At: at, PID: int32(pid), Code: found[3], Severity: found[5], Message: found[6]}
	who := strings.TrimSuffix(found[4], " ")
	role, rest, isSession := strings.Cut(who, "@")
	if isSession {
		e.Role = role
		e.Database, e.Program, _ = strings.Cut(rest, "/")
	}
	r.pending, r.part = e, &e.Message
}

func (r *Reader) flush(each func(Entry)) {
	if r.pending != nil {
		each(*r.pending)
	}
	r.pending, r.part = nil, nil
}
