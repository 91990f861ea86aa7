package process

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"syscall"
	"time"

	"understudy"
)

const execProtocol = "understudy-exec"

// serveExec runs one command inside the deployment and carries its streams.
func (c *control) serveExec(w http.ResponseWriter, r *http.Request) {
	var command Command
	if err := json.NewDecoder(r.Body).Decode(&command); err != nil || len(command.Args) == 0 {
		reply(w, nil, understudy.Errorf(understudy.KindInvalid, "running a command in deployment %s: there is none", c.spec.ID))
		return
	}
	select {
	case <-c.taken:
	default:
		reply(w, nil, understudy.Errorf(understudy.KindConflict, "running a command in deployment %s: it is still being started", c.spec.ID))
		return
	}
	c.execs.Add(1)
	defer c.execs.Done()
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		reply(w, nil, understudy.Errorf(understudy.KindInternal, "running a command in deployment %s: %w", c.spec.ID, err))
		return
	}
	defer func() { _ = conn.Close() }() // all was sent, or nobody listens
	if _, err := fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: %s\r\nConnection: Upgrade\r\n\r\n", execProtocol); err != nil {
		return
	}
	e := &execution{supervisor: c.supervisor, frames: &frameWriter{w: conn}, input: make(chan []byte, 1)}
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	go e.receive(buffered.Reader, cancel) // ends when conn closes
	status, err := e.run(ctx, command)
	last, err := json.Marshal(ended{Status: status, Error: portable(err)})
	if err == nil {
		_ = e.frames.send(frameEnded, last) // nobody there: nobody to tell
	}
}

// execution is one command that runs.
type execution struct {
	*supervisor
	frames *frameWriter
	input  chan []byte
}

// receive reads frames until the connection ends, which ends the command.
func (e *execution) receive(from *bufio.Reader, cancel context.CancelFunc) {
	defer cancel()
	for {
		kind, content, err := readFrame(from)
		if err != nil || kind != frameInput {
			return
		}
		select {
		case e.input <- content:
		default: // sent unasked: whoever that is does not speak our language
			return
		}
	}
}

// run runs the command until it ends or ctx does; then its whole session is ended.
func (e *execution) run(ctx context.Context, command Command) (int, error) {
	cmd, err := prepare(e.spec.Tree, command, e.extra)
	if err != nil {
		return 0, err
	}
	streams, err := openStreams(cmd)
	if err != nil {
		return 0, err
	}
	err = e.launcher.start(cmd.Cmd)
	streams.closeTheirs()
	if err != nil {
		streams.closeOurs()
		return 0, describeStart(cmd.Cmd, command.User, err)
	}
	pid := cmd.Process.Pid
	var output sync.WaitGroup
	output.Go(func() { e.carry(frameOutput, streams.stdout) })
	output.Go(func() { e.carry(frameComplaint, streams.stderr) })
	feeding, stopFeeding := context.WithCancel(ctx)
	var input sync.WaitGroup
	input.Go(func() { e.feed(feeding, streams.stdin) })

	noteErr := e.noteSession(fmt.Sprintf("exec %d", pid), pid)
	exited := make(chan struct{})
	go func() { defer close(exited); _ = e.launcher.wait(cmd.Cmd) }() // how it ended is in ProcessState
	select {
	case <-exited:
	case <-ctx.Done():
	}
	err = errors.Join(noteErr, endSession(pid, 0))
	<-exited
	stopFeeding()
	_ = streams.stdin.Close()
	input.Wait()
	streams.drainUntil(time.Now().Add(drainTime))
	output.Wait()
	streams.closeOurs()
	e.forgetSession(pid)
	if err == nil && ctx.Err() != nil {
		err = understudy.Errorf(understudy.KindFailed, "command %s was ended before it was done", command.Args[0])
	}
	return exitStatus(cmd.ProcessState), err
}

// exitStatus is the status as a shell tells it: 128 and the signal for one that was
// ended by a signal.
func exitStatus(state *os.ProcessState) int {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}

func (e *execution) carry(kind frameKind, from io.Reader) {
	buffer := make([]byte, frameLimit/2)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			_ = e.frames.send(kind, buffer[:n]) // nobody listens: read on, the command must not block
		}
		if err != nil {
			return
		}
	}
}

// feed passes input on to the command until the input or the command ends.
func (e *execution) feed(ctx context.Context, to io.WriteCloser) {
	defer func() { _ = to.Close() }() // twice is harmless
	for {
		if err := e.frames.send(frameMore, nil); err != nil {
			return
		}
		select {
		case content := <-e.input:
			if len(content) == 0 {
				return
			}
			if _, err := to.Write(content); err != nil { // it reads no more
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

func (s *supervisor) forgetSession(pid int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := s.record.Sessions[:0]
	for _, old := range s.record.Sessions {
		if old.PID != pid {
			kept = append(kept, old)
		}
	}
	s.record.Sessions = kept
	if err := s.writeRecord(); err != nil {
		fmt.Fprintf(os.Stderr, "deployment %s: %v\n", s.spec.ID, err)
	}
}
