package process

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"understudy/internal/loopback"

	"understudy"
)

// drainTime is how long the end of a process waits for the rest of what it wrote,
// where somebody else holds its output open.
const drainTime = time.Second

// child is one running process of a program.
type child struct {
	program *program
	pid     int
	cmd     prepared
	exited  chan struct{} // closed when it ended and what it left in its session is noted
	left    []running
	output  *os.File
	drained chan struct{}
}

// hasStranger tells whether somebody listens where a program is about to, from whom its health
// would be read. A port that cannot be tried, as one below 1024, is left to the program.
func hasStranger(port int) bool {
	taken, err := loopback.Taken(port)
	return err == nil && taken
}

// start starts the process, notes its session on disk and follows its output.
func (p *program) start() (*child, error) {
	if p.Port != 0 && hasStranger(p.Port) {
		return nil, understudy.Errorf(understudy.KindUnavailable, "port %d on 127.0.0.1 is taken by another process", p.Port).
			WithHint("stop what listens there, or give program %s another port", p.Name)
	}
	cmd, err := prepare(p.owner.spec.Tree, Command{Args: p.Command, Dir: p.Dir, Env: p.Env, User: p.User}, p.owner.extra)
	if err != nil {
		return nil, err
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, understudy.Errorf(understudy.KindInternal, "starting program %s: %w", p.Name, err)
	}
	cmd.Stdout, cmd.Stderr = write, write
	err = own(write, cmd.credential)
	if err == nil {
		if err = p.owner.launcher.start(cmd.Cmd); err != nil {
			err = describeStart(cmd.Cmd, p.User, err)
		}
	}
	if err = errors.Join(err, write.Close()); err != nil {
		return nil, flat(errors.Join(err, read.Close()))
	}
	c := &child{program: p, pid: cmd.Process.Pid, cmd: cmd, exited: make(chan struct{}), output: read, drained: make(chan struct{})}
	print, how := configured(c.pid, p.Program, p.owner.spec.PrintKey, cmd.Env)
	p.change(func() { p.status.PID, p.status.Config, p.status.ConfigRead = c.pid, print, how })
	go c.drain()
	go c.wait()
	if err := p.owner.noteSession(p.Name, c.pid); err != nil {
		c.end(0)
		return nil, err
	}
	return c, nil
}

// flat keeps the kind and the hint of a lone error that errors.Join wrapped.
func flat(err error) error {
	var known *understudy.Error
	if errors.As(err, &known) && err.Error() == known.Message {
		return known
	}
	return err
}

func (c *child) drain() {
	defer close(c.drained)
	var lost error
	buffer := make([]byte, 32<<10)
	for {
		n, err := c.output.Read(buffer)
		if n > 0 {
			if _, writeErr := c.program.log.Write(buffer[:n]); writeErr != nil && lost == nil {
				lost = writeErr // a full disk must not stop the program: say it once, go on reading
				fmt.Fprintf(os.Stderr, "log of program %s: lines are lost: %v\n", c.program.Name, writeErr)
			}
		}
		if err != nil { // the end, or the deadline that end sets
			return
		}
	}
}

func (c *child) wait() {
	_ = c.program.owner.launcher.wait(c.cmd.Cmd) // how it ended is in ProcessState
	c.left = append(membersOf(c.pid), c.program.owner.straysOf(c.program)...)
	close(c.exited)
}

// farewell ends what the process left behind and says how it went.
func (c *child) farewell() string {
	how := describeExit(c.cmd.ProcessState)
	if len(c.left) > 0 {
		var names []string
		for _, p := range c.left {
			names = append(names, fmt.Sprintf("%s (%d)", p.name, p.pid))
		}
		how += " and left " + strings.Join(names, ", ") + " running; a program must stay in the foreground"
	}
	c.end(min(time.Second, c.program.Grace))
	return how
}

// end ends the process and all it started, and returns when they are gone and their
// output is in the log.
func (c *child) end(grace time.Duration) {
	err := endSession(c.pid, grace)
	<-c.exited
	for _, stray := range c.left {
		if stray.session != c.pid && stray.pid > 0 {
			err = errors.Join(err, endSession(stray.session, 0))
		}
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "program %s: %v\n", c.program.Name, err)
	}
	deadlineErr := c.output.SetReadDeadline(time.Now().Add(drainTime))
	if deadlineErr != nil {
		_ = c.output.Close() // unblocks the reader; closing twice is harmless
	}
	<-c.drained
	_ = c.output.Close()
}
