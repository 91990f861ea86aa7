package process

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"understudy"
)

const (
	firstPause  = 100 * time.Millisecond
	longPause   = 10 * time.Second
	steadyAfter = time.Minute // healthy this long: the next pause is short again
)

// program keeps one Program running. Its run method owns the process; everybody else
// reads through status and failure.
type program struct {
	Program
	owner  *supervisor
	log    *logFile
	redact *strings.Replacer

	mu          sync.Mutex
	status      ProgramStatus
	everHealthy bool
	exits       int       // since it was last healthy
	badLooks    int       // in a row
	healthyFrom time.Time // zero: it is not healthy
	steady      bool      // was healthy for steadyAfter in this life
	successor   bool      // it waited for its turn
	exe         exeCache
	healthy     chan struct{} // closed when first healthy
	turn        *turn
}

func newProgram(owner *supervisor, spec Program) (*program, error) {
	spec = spec.withDefaults()
	log, err := openLog(filepath.Join(owner.logs, spec.Name+".log"), logFileSize)
	if err != nil {
		return nil, understudy.Errorf(understudy.KindInternal, "opening the log of program %s: %w", spec.Name, err)
	}
	p := &program{Program: spec, owner: owner, log: log, healthy: make(chan struct{}), turn: newTurn(spec.Held)}
	p.status = ProgramStatus{Name: spec.Name, State: StateStarting, Since: time.Now(), Address: owner.addressOf(spec)}
	return p, nil
}

// run keeps the program running, but while it is held, until ctx ends. It returns when all
// of it is gone.
func (p *program) run(ctx context.Context) {
	for {
		turn, over := p.turn.take(ctx, func() { p.change(func() { p.successor = true; p.become(StateHeld) }) })
		if turn == nil {
			break
		}
		p.change(func() { p.exits, p.status.Last = 0, "" })
		p.keep(turn)
		p.change(func() { p.status.PID = 0 })
		over()
	}
	p.change(func() { p.become(StateStopped); p.status.PID = 0 })
}

// keep starts the program and starts it again until ctx ends.
func (p *program) keep(ctx context.Context) {
	pause := firstPause
	for ctx.Err() == nil {
		p.live(ctx)
		if ctx.Err() != nil {
			break
		}
		p.mu.Lock()
		if p.steady {
			pause = firstPause
		}
		p.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-time.After(pause):
			p.change(func() { p.status.Restarts++ })
		}
		pause = min(2*pause, longPause)
	}
}

// live is one life of the process.
func (p *program) live(ctx context.Context) {
	p.log.forget()
	p.change(func() { p.become(StateStarting); p.badLooks, p.steady, p.healthyFrom = 0, false, time.Time{} })
	process, err := p.start()
	if err != nil {
		p.fell("could not be started: " + err.Error())
		return
	}
	watching, stopWatching := context.WithCancel(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		born := time.Now()
		newLooker(p.Program).watch(watching, func(result error) { p.saw(result, time.Since(born)) })
	}()
	select {
	case <-process.exited:
		stopWatching()
		<-watched
		p.fell(process.farewell())
	case <-ctx.Done():
		stopWatching()
		<-watched
		process.end(p.Grace)
	}
}

// fell notes the end of a life that nobody asked for.
func (p *program) fell(how string) {
	p.change(func() {
		p.exits++
		p.status.Last, p.status.PID = p.redact.Replace(how), 0
		p.become(StateBackingOff)
	})
}

// saw notes one look at the program's health, at an age.
func (p *program) saw(result error, age time.Duration) {
	p.change(func() {
		if result == nil {
			p.sawHealthy()
			return
		}
		p.badLooks++
		p.status.Last = result.Error()
		late := p.status.State == StateStarting && age > p.Health.Deadline
		ill := p.status.State == StateHealthy && p.badLooks >= looksBeforeUnhealthy
		if late || ill {
			p.healthyFrom = time.Time{}
			p.become(StateUnhealthy)
		}
	})
}

func (p *program) sawHealthy() {
	if p.healthyFrom.IsZero() {
		p.healthyFrom = time.Now()
	}
	if !p.everHealthy {
		p.everHealthy = true
		close(p.healthy)
	}
	p.steady = p.steady || time.Since(p.healthyFrom) >= steadyAfter
	p.exits, p.badLooks, p.status.Last = 0, 0, ""
	p.become(StateHealthy)
}

// become moves to a state. The caller holds the lock.
func (p *program) become(next State) {
	if p.status.State != next {
		p.status.State, p.status.Since = next, time.Now()
	}
}

// change changes the program under its lock and wakes whoever waits for a change.
func (p *program) change(do func()) {
	p.mu.Lock()
	before := p.status
	do()
	moved := before != p.status
	p.mu.Unlock()
	if moved {
		p.owner.changes.announce()
	}
}

// look is the program's status now, with what it runs read back from the kernel.
func (p *program) look() ProgramStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	status := p.status
	status.Exe = p.exe.of(status.PID)
	status.Genuine = status.Exe != "" && slices.ContainsFunc(p.owner.spec.Artifact.Files,
		func(f understudy.ArtifactFile) bool { return f.Digest == status.Exe })
	return status
}

// settled tells whether the wait for this program is over: healthy, or an error that
// says what it did and what it wrote last.
func (p *program) settled() (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var what string
	switch {
	case p.status.State == StateHealthy, p.status.State == StateHeld:
		return true, nil
	case p.exits >= p.borne():
		what = p.status.Last
	case p.status.State == StateUnhealthy && !p.everHealthy:
		what = fmt.Sprintf("was not healthy after %s: %s", p.Health.Deadline, p.status.Last)
	case p.status.State == StateUnhealthy:
		what = "is no longer healthy: " + p.status.Last
	case p.status.State == StateStopped:
		what = "was stopped"
	default:
		return false, nil
	}
	return false, understudy.Errorf(understudy.KindFailed, "deployment %s: program %s %s%s", p.owner.spec.ID, p.Name, what, p.lastLines()).
		WithHint("read more of what it wrote in %s", p.log.path)
}

// borne is after how many exits in a row nobody waits for the program any longer. One that
// has just got its turn may find that a server has not noticed yet that the one before it
// has ended, and holds a lock for it. The caller holds the lock.
func (p *program) borne() int {
	switch {
	case p.successor:
		return 5
	case p.everHealthy:
		return 3
	}
	return 1
}

func (p *program) lastLines() string {
	lines := p.log.tail()
	if len(lines) == 0 {
		return "; it wrote nothing"
	}
	return "; its last lines:\n  " + p.redact.Replace(strings.Join(lines, "\n  "))
}

// exeCache remembers the digest of a file that does not change.
type exeCache struct {
	stamp  string
	digest understudy.Digest
}

func (c *exeCache) of(pid int) understudy.Digest {
	if pid == 0 {
		return ""
	}
	path, stamp, err := executable(pid)
	if err != nil { // gone meanwhile, or a system that does not tell
		return ""
	}
	if stamp != c.stamp {
		digest, err := digestOfFile(path)
		if err != nil {
			return ""
		}
		c.stamp, c.digest = stamp, digest
	}
	return c.digest
}

func (p *program) close() error { return p.log.Close() }
