package seal

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"regexp"
	"sync"
	"time"

	"understudy"
)

// BodyLimit is how many bytes of a body are kept.
const BodyLimit = 64 << 10

// Kinds of captures. KindDamaged stands for a line of the file that could not be read;
// only its Size is known.
const (
	KindHTTP    = "http"
	KindSMTP    = "smtp"
	KindDNS     = "dns"
	KindDamaged = "damaged"
)

// Capture is one thing a deployment tried to do to the outside.
type Capture struct {
	At          time.Time           `json:"at"`
	Kind        string              `json:"kind"`
	Integration string              `json:"integration,omitempty"` // whose address it was; empty: nobody's
	Host        string              `json:"host,omitempty"`        // as the program called it
	Method      string              `json:"method,omitempty"`      // HTTP method, or the type of a DNS question
	Path        string              `json:"path,omitempty"`        // with its query
	Header      map[string][]string `json:"header,omitempty"`      // credentials redacted
	From        string              `json:"from,omitempty"`        // of a mail's envelope
	To          []string            `json:"to,omitempty"`          // of a mail's envelope
	Subject     string              `json:"subject,omitempty"`
	Body        string              `json:"body,omitempty"`   // the first BodyLimit bytes
	Size        int64               `json:"size"`             // of the whole body
	Status      int                 `json:"status,omitempty"` // what the catcher replied
}

var credentialHeader = regexp.MustCompile(`(?i)(authorization|cookie|token|secret|signature|api-?key|password|session)`)

// withoutCredentials is a header as it may be kept.
func withoutCredentials(header http.Header) map[string][]string {
	out := map[string][]string{}
	for key, values := range header {
		if credentialHeader.MatchString(key) {
			values = []string{"[redacted]"}
		}
		out[key] = values
	}
	return out
}

// ledger appends captures. Safe for use by many goroutines and many processes.
type ledger struct {
	mu   sync.Mutex
	file *os.File
	err  error // the first that could not be written
}

// openLedger opens a file for appending, and ends a line that a crash left open.
func openLedger(path string) (*ledger, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return nil, understudy.Errorf(understudy.KindInternal, "opening the captures %s: %w", path, err)
	}
	end, err := file.Seek(0, io.SeekEnd)
	last := []byte{'\n'}
	if err == nil && end > 0 {
		_, err = file.ReadAt(last, end-1)
	}
	if err == nil && last[0] != '\n' {
		_, err = file.Write([]byte{'\n'})
	}
	if err != nil {
		return nil, errors.Join(understudy.Errorf(understudy.KindInternal, "opening the captures %s: %w", path, err), file.Close())
	}
	return &ledger{file: file}, nil
}

// add appends one capture. An effect that cannot be written down is one that would go
// unseen: the caller answers the program with an error then.
func (l *ledger) add(c Capture) error {
	c.At = time.Now().UTC()
	raw, err := json.Marshal(c)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_, err = l.file.Write(append(raw, '\n'))
	if l.err == nil {
		l.err = err
	}
	return err
}

func (l *ledger) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(l.err, l.file.Close())
}

// Read is what was captured at or after a time, oldest first. A line that cannot be
// read, as a crash leaves one, is counted by a capture of KindDamaged in its place. A
// file that is not there holds nothing.
func Read(path string, since time.Time) ([]Capture, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, understudy.Errorf(understudy.KindInternal, "reading the captures %s: %w", path, err)
	}
	var out []Capture
	for line := range bytes.SplitSeq(raw, []byte("\n")) {
		if len(line) == 0 {
			continue
		}
		var c Capture
		if err := json.Unmarshal(line, &c); err != nil {
			out = append(out, Capture{Kind: KindDamaged, Size: int64(len(line))})
			continue
		}
		if !c.At.Before(since) {
			out = append(out, c)
		}
	}
	return out, nil
}
