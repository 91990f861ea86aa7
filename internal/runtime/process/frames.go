package process

import (
	"encoding/binary"
	"errors"
	"io"
	"sync"

	"understudy"
)

// The frames of an exec stream: one byte of kind, four of length, the content.
//
//	to the supervisor: input (an empty one is its end), kill
//	to the runtime:    output, complaint (standard error), more (send the next
//	                   input), ended (JSON; the last frame)
//
// Input is sent only when more was asked for, so a command that does not read never
// keeps a kill from being seen.
type frameKind byte

const (
	frameInput frameKind = iota + 1
	frameKill
	frameOutput
	frameComplaint
	frameMore
	frameEnded
)

const frameLimit = 64 << 10

// frameWriter writes whole frames from many goroutines.
type frameWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (f *frameWriter) send(kind frameKind, content []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	frame := make([]byte, 5, 5+len(content))
	frame[0] = byte(kind)
	binary.BigEndian.PutUint32(frame[1:], uint32(len(content)))
	_, err := f.w.Write(append(frame, content...))
	return err
}

func readFrame(r io.Reader) (frameKind, []byte, error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	size := binary.BigEndian.Uint32(head[1:])
	if size > frameLimit {
		return 0, nil, errors.New("a frame is longer than its limit")
	}
	content := make([]byte, size)
	_, err := io.ReadFull(r, content)
	return frameKind(head[0]), content, err
}

// ended is the content of the last frame.
type ended struct {
	Status int               `json:"status"`
	Error  *understudy.Error `json:"error,omitempty"`
}
