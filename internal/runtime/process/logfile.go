package process

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
)

// A program's log is at most logFiles files of logFileSize bytes.
const (
	logFiles    = 3
	logFileSize = 10 << 20
	tailLines   = 12 // kept in memory for error messages
)

// logFile is one program's log on disk and its last lines in memory. Safe for use by
// many goroutines.
type logFile struct {
	path  string
	limit int64

	mu   sync.Mutex
	file *os.File
	size int64
	last [][]byte
	part []byte // an unfinished line
}

func openLog(path string, limit int64) (*logFile, error) {
	l := &logFile{path: path, limit: limit}
	return l, l.open()
}

func (l *logFile) open() error {
	file, err := os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		return errors.Join(err, file.Close())
	}
	l.file, l.size = file, info.Size()
	return nil
}

// Write appends, and rotates between writes. What cannot be written is dropped rather
// than blocking the program, and the error says so.
func (l *logFile) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.remember(p)
	if l.size > 0 && l.size+int64(len(p)) > l.limit {
		if err := l.rotate(); err != nil {
			return 0, err
		}
	}
	n, err := l.file.Write(p)
	l.size += int64(n)
	return n, err
}

func (l *logFile) rotate() error {
	for i := logFiles - 1; i > 0; i-- {
		from := l.path
		if i > 1 {
			from = fmt.Sprintf("%s.%d", l.path, i-1)
		}
		err := os.Rename(from, fmt.Sprintf("%s.%d", l.path, i))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	old := l.file
	if err := l.open(); err != nil {
		return err
	}
	return old.Close()
}

func (l *logFile) remember(p []byte) {
	l.part = append(l.part, p...)
	for {
		line, rest, whole := bytes.Cut(l.part, []byte("\n"))
		if !whole {
			break
		}
		l.last = append(l.last, bytes.Clone(line[:min(len(line), 400)]))
		l.part = rest
	}
	l.last = l.last[max(0, len(l.last)-tailLines):]
	if len(l.part) > 64<<10 { // a line without an end must not grow without one
		l.part = bytes.Clone(l.part[:400])
	}
}

// forget empties the lines in memory: what follows is another life of the program.
func (l *logFile) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last, l.part = nil, nil
}

// tail is the last lines written since forget.
func (l *logFile) tail() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := l.last
	if len(l.part) > 0 {
		lines = append(lines[:len(lines):len(lines)], l.part[:min(len(l.part), 400)])
	}
	var out []string
	for _, line := range lines {
		out = append(out, string(line))
	}
	return out
}

func (l *logFile) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file.Close()
}
