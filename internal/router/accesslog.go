package router

import (
	"bufio"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"sync"
	"time"
)

const (
	accessLimit  = 16 << 20 // bytes, then the file is kept as .1 and a new one begun
	flushesEvery = time.Second
)

// entry is one line of the access log. Query, headers, cookies and the client's address
// are left out on purpose: they are personal, or secret, or both.
type entry struct {
	At         time.Time `json:"at"`
	Front      string    `json:"front"`
	Host       string    `json:"host,omitempty"` // where a route names it: any other is whatever a client wrote
	Release    string    `json:"release,omitempty"`
	Deployment string    `json:"deployment,omitempty"`
	Request    string    `json:"request"`
	Method     string    `json:"method"`
	Path       string    `json:"path"`
	Status     int       `json:"status"`
	Bytes      int64     `json:"bytes"`
	Seconds    float64   `json:"seconds"`          // in all
	Held       float64   `json:"held,omitempty"`   // of which in a pause
	Failed     bool      `json:"failed,omitempty"` // by the release
}

// accessLog writes one JSON line for each request, and begins a new file when one is
// full. Lines are written at the latest flushesEvery later; a kill loses those.
type accessLog struct {
	path  string
	limit int64
	log   *slog.Logger

	mu     sync.Mutex
	file   *os.File
	out    *bufio.Writer
	size   int64
	broken bool // the last write failed, and that was said
}

func openAccessLog(path string, limit int64, log *slog.Logger) (*accessLog, error) {
	l := &accessLog{path: path, limit: limit, log: log}
	return l, l.open()
}

func (l *accessLog) open() error {
	file, err := os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		return errors.Join(err, file.Close())
	}
	l.file, l.size, l.out = file, info.Size(), bufio.NewWriterSize(file, 64<<10)
	return nil
}

// write adds a line. A log that cannot be written never stops a request; it is said once.
func (l *accessLog) write(v *visit, now time.Time) {
	e := entry{At: v.startedAt.UTC(), Front: v.settings.name, Request: v.id, Method: v.request.Method, Path: v.request.URL.Path,
		Status: v.answer.status, Bytes: v.answer.bytes, Seconds: now.Sub(v.startedAt).Seconds(), Failed: v.failed}
	if v.claim != nil {
		if v.claim.target != nil && v.claim.target.host != "" {
			e.Host = v.host
		}
		e.Release, e.Deployment = v.claim.slot.Release, v.claim.slot.Deployment
		if held := v.claimedAt.Sub(v.startedAt); held > time.Millisecond {
			e.Held = held.Seconds()
		}
	}
	line, err := json.Marshal(e)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		err = l.add(append(line, '\n'))
	}
	l.report(err)
}

func (l *accessLog) add(line []byte) error {
	if l.size+int64(len(line)) > l.limit {
		if err := l.turn(); err != nil {
			return err
		}
	}
	n, err := l.out.Write(line)
	l.size += int64(n)
	return err
}

// turn keeps the full file aside and begins a new one.
func (l *accessLog) turn() error {
	if err := errors.Join(l.out.Flush(), l.file.Close(), os.Rename(l.path, l.path+".1")); err != nil {
		return errors.Join(err, l.open())
	}
	return l.open()
}

func (l *accessLog) report(err error) {
	if err != nil && !l.broken {
		l.log.Error("the access log cannot be written", "file", l.path, "cause", err.Error())
		l.out.Reset(l.file) // an error would otherwise stay in the buffer for ever
	}
	l.broken = err != nil
}

// flush writes what is buffered.
func (l *accessLog) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.report(l.out.Flush())
}

// run flushes until done is closed.
func (l *accessLog) run(done <-chan struct{}) {
	ticker := time.NewTicker(flushesEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			l.flush()
		case <-done:
			return
		}
	}
}

// close writes what is left. Nothing is written afterwards.
func (l *accessLog) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(l.out.Flush(), l.file.Close())
}
