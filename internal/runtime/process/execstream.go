package process

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"time"

	"understudy"
)

// killPatience is how long a supervisor has to answer a kill.
const killPatience = 10 * time.Second

// execStream is the runtime's side of one command.
type execStream struct {
	id             string
	frames         *frameWriter
	from           *bufio.Reader
	stdout, stderr io.Writer
	more           chan struct{} // the command wants the next input
}

func (s *execStream) run(ctx context.Context, conn net.Conn, stdin io.Reader) (int, error) {
	done := make(chan struct{})
	defer close(done)
	go s.feed(done, stdin)
	stopWatching := context.AfterFunc(ctx, func() {
		_ = s.frames.send(frameKill, nil) // a broken connection kills as well
		_ = conn.SetReadDeadline(time.Now().Add(killPatience))
	})
	defer stopWatching()
	for {
		kind, content, err := readFrame(s.from)
		if err != nil {
			return 0, errors.Join(ctx.Err(), understudy.Errorf(understudy.KindUnavailable,
				"running a command in deployment %s: its supervisor went away: %w", s.id, err))
		}
		switch kind {
		case frameOutput:
			err = write(s.stdout, content)
		case frameComplaint:
			err = write(s.stderr, content)
		case frameMore:
			s.more <- struct{}{} // one is asked for at a time: never blocks
		case frameEnded:
			return s.outcome(ctx, content)
		}
		if err != nil { // who asked cannot take the output: closing the connection ends the command
			return 0, understudy.Errorf(understudy.KindInternal, "passing on what a command in deployment %s writes: %w", s.id, err)
		}
	}
}

func write(to io.Writer, content []byte) error {
	if to == nil {
		return nil
	}
	_, err := to.Write(content)
	return err
}

func (s *execStream) outcome(ctx context.Context, content []byte) (int, error) {
	var e ended
	if err := json.Unmarshal(content, &e); err != nil {
		return 0, understudy.Errorf(understudy.KindInternal, "reading how a command in deployment %s ended: %w", s.id, err)
	}
	if e.Error == nil {
		return e.Status, nil
	}
	if ctx.Err() != nil {
		return e.Status, understudy.Errorf(e.Error.Kind, "%s: %w", e.Error.Message, context.Cause(ctx))
	}
	return e.Status, e.Error
}

// feed sends a piece of input each time the command wants one.
func (s *execStream) feed(done <-chan struct{}, stdin io.Reader) {
	buffer := make([]byte, frameLimit/2)
	for {
		select {
		case <-s.more:
		case <-done:
			return
		}
		n, err := 0, io.EOF
		for stdin != nil && n == 0 {
			if n, err = stdin.Read(buffer); err != nil {
				break
			}
		}
		if n > 0 {
			if s.frames.send(frameInput, buffer[:n]) != nil {
				return // the reader of frames tells why
			}
			continue // an error comes again with the next read
		}
		_ = s.frames.send(frameInput, nil) // the end; a broken stream is told by the reader
		return
	}
}
