package router

import (
	"bufio"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"strconv"
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

// appendTo writes the entry as a line of JSON. It is written by hand because it is for
// every request, and encoding/json takes four times as long.
func (e *entry) appendTo(b []byte) []byte {
	b = e.At.AppendFormat(append(b, `{"at":"`...), time.RFC3339Nano)
	b = appendText(append(b, '"'), `,"front":`, e.Front)
	if e.Host != "" {
		b = appendText(b, `,"host":`, e.Host)
	}
	if e.Release != "" || e.Deployment != "" {
		b = appendText(b, `,"release":`, e.Release)
		b = appendText(b, `,"deployment":`, e.Deployment)
	}
	b = appendText(b, `,"request":`, e.Request)
	b = appendText(b, `,"method":`, e.Method)
	b = appendText(b, `,"path":`, e.Path)
	b = strconv.AppendInt(append(b, `,"status":`...), int64(e.Status), 10)
	b = strconv.AppendInt(append(b, `,"bytes":`...), e.Bytes, 10)
	b = strconv.AppendFloat(append(b, `,"seconds":`...), e.Seconds, 'f', -1, 64)
	if e.Held != 0 {
		b = strconv.AppendFloat(append(b, `,"held":`...), e.Held, 'f', -1, 64)
	}
	if e.Failed {
		b = append(b, `,"failed":true`...)
	}
	return append(b, "}\n"...)
}

// appendText writes a key and a string, escaped where that is necessary.
func appendText(b []byte, key, text string) []byte {
	b = append(b, key...)
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			quoted, err := json.Marshal(text)
			if err != nil { // a string always has a form
				return append(b, `""`...)
			}
			return append(b, quoted...)
		}
	}
	b = append(append(b, '"'), text...)
	return append(b, '"')
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
	line   []byte // of the last entry, for the next one
	broken bool   // the last write failed, and that was said
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
		if v.claim.pool != nil && v.claim.pool.Host != "" {
			e.Host = v.host
		}
		e.Release, e.Deployment = v.claim.slot.Release, v.claim.slot.Deployment
		if held := v.claimedAt.Sub(v.startedAt); held > time.Millisecond {
			e.Held = held.Seconds()
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.line = e.appendTo(l.line[:0])
	if err := l.add(l.line); err != nil { // that it is buffered says nothing of the disk
		l.report(err)
	}
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
	if err != nil {
		l.out.Reset(l.file) // an error would otherwise stay in the buffer for ever
	}
	if err != nil && !l.broken {
		l.log.Error("the access log cannot be written", "file", l.path, "cause", err.Error())
	}
	l.broken = err != nil
}

// flush writes what is buffered.
func (l *accessLog) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.out.Buffered() > 0 {
		l.report(l.out.Flush())
	}
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
