package process

import (
	"errors"
	"os"
	"time"

	"understudy"
)

// streams is the three pipes of a command: our ends and, until it started, its own.
type streams struct {
	stdin, stdout, stderr *os.File
	theirs                []*os.File
}

func openStreams(cmd prepared) (s *streams, err error) {
	s = &streams{}
	pipe := func() (read, write *os.File) {
		if err != nil {
			return nil, nil
		}
		read, write, err = os.Pipe()
		return read, write
	}
	stdin, toStdin := pipe()
	fromStdout, stdout := pipe()
	fromStderr, stderr := pipe()
	s.stdin, s.stdout, s.stderr = toStdin, fromStdout, fromStderr
	s.theirs = []*os.File{stdin, stdout, stderr}
	for _, file := range s.theirs {
		if err == nil {
			err = own(file, cmd.credential)
		}
	}
	if err != nil {
		s.closeTheirs()
		s.closeOurs()
		return nil, understudy.Errorf(understudy.KindInternal, "opening pipes for %s: %w", cmd.Path, err)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, stderr
	return s, nil
}

// closeTheirs and closeOurs may be called more than once, and with pipes that were
// never opened: closing reports that, and nothing is lost by it.
func (s *streams) closeTheirs() {
	for _, file := range s.theirs {
		_ = file.Close()
	}
}

func (s *streams) closeOurs() {
	for _, file := range []*os.File{s.stdin, s.stdout, s.stderr} {
		_ = file.Close()
	}
}

// drainUntil bounds how long the rest of the output is waited for.
func (s *streams) drainUntil(end time.Time) {
	for _, file := range []*os.File{s.stdout, s.stderr} {
		if err := file.SetReadDeadline(end); err != nil && !errors.Is(err, os.ErrClosed) {
			_ = file.Close()
		}
	}
}
