package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"understudy"
)

// Sealed is what a hook made of a deployment's seal.
type Sealed struct {
	Env  []string     // added to every program and command that does not set the key itself
	Stop func() error // called once, after the last program is gone; nil: nothing to do
}

// Hook closes the seal around a deployment. It runs in the supervisor, inside the
// supervisor's namespaces, before any program starts. Publish maps the path of each
// Unix socket to make to the address inside that it leads to.
type Hook func(ctx context.Context, seal json.RawMessage, publish map[string]string) (Sealed, error)

// order is what a supervisor reads from its standard input.
type order struct {
	Run  string `json:"run"`
	Logs string `json:"logs"`
	Spec Spec   `json:"spec"`
}

// supervisor runs one deployment. One goroutine for each program, and the control
// server, all owned by Supervise.
type supervisor struct {
	spec     Spec
	folder   string // Run/<id>
	logs     string // Logs/<id>
	launcher *launcher
	changes  *changes
	sealed   Sealed
	flags    FlagServer // nil: it has none
	extra    []string   // environment of every program and command that does not set the key itself
	stop     context.CancelFunc

	taken    chan struct{} // closed when takenErr and programs are set
	takenErr error
	programs []*program
	usage    usage
	told     chan struct{} // closed when the starter was told of a refusal
	gone     chan struct{} // closed when every program is gone

	mu     sync.Mutex
	record record
	keep   func(path string, value any) error // replaces a file whole: replaceJSON
}

// Supervise is the whole life of a supervisor: it reads an order, runs its programs
// and answers on its control socket until ctx ends, Stop is asked for, or SIGTERM or
// SIGINT comes. It must have the process to itself: it adopts orphans, and ends every
// process below it.
func Supervise(ctx context.Context, in io.Reader, hooks Hooks) error {
	var o order
	if err := json.NewDecoder(in).Decode(&o); err != nil {
		return understudy.Errorf(understudy.KindInvalid, "reading what to supervise: expected one whole specification on standard input: %v", err)
	}
	if err := o.Spec.validate(); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	ignored := make(chan os.Signal, 1) // ignored here, not in the programs: SIG_IGN would be inherited
	signal.Notify(ignored, syscall.SIGHUP, syscall.SIGPIPE)
	defer signal.Stop(ignored)

	s := &supervisor{spec: o.Spec, keep: replaceJSON, folder: filepath.Join(o.Run, o.Spec.ID), logs: filepath.Join(o.Logs, o.Spec.ID),
		launcher: newLauncher(), changes: newChanges(), stop: stop,
		taken: make(chan struct{}), told: make(chan struct{}), gone: make(chan struct{})}
	return s.supervise(ctx, hooks)
}

func (s *supervisor) supervise(ctx context.Context, hooks Hooks) error {
	release, err := s.occupy()
	if err != nil {
		return err
	}
	defer release()
	if err := becomeReaper(); err != nil {
		return err
	}
	serve, err := s.listen(ctx)
	if err != nil {
		return err
	}
	background, endBackground := context.WithCancel(context.WithoutCancel(ctx))
	var group sync.WaitGroup
	group.Go(func() { s.launcher.run(background) })
	group.Go(func() { s.adopt(background) })
	group.Go(func() { serve(background) })
	defer group.Wait()
	defer endBackground()

	s.takenErr = s.take(ctx, hooks)
	close(s.taken)
	if s.takenErr == nil {
		s.play(ctx)
	} else {
		s.awaitTold(ctx)
	}
	close(s.gone)
	return errors.Join(s.takenErr, s.leave())
}

// occupy makes this process the only supervisor of its deployment and writes down who
// it is.
func (s *supervisor) occupy() (release func(), err error) {
	for _, folder := range []string{s.folder, s.logs} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return nil, understudy.Errorf(understudy.KindInternal, "making the folders of deployment %s: %w", s.spec.ID, err)
		}
	}
	lock, err := tryLock(filepath.Join(s.folder, "supervisor.lock"))
	if err != nil {
		return nil, understudy.Errorf(understudy.KindConflict, "supervising deployment %s: another supervisor has it already", s.spec.ID)
	}
	boot, err := bootID()
	self, identifyErr := identify(os.Getpid())
	s.record = record{ID: s.spec.ID, Environment: s.spec.Environment, Label: s.spec.Label,
		Boot: boot, Supervisor: self, Since: time.Now()}
	err = errors.Join(err, identifyErr, s.writeRecord())
	if err != nil {
		return nil, errors.Join(understudy.Errorf(understudy.KindInternal, "writing down who supervises deployment %s: %w", s.spec.ID, err), lock.Close())
	}
	return func() { _ = lock.Close() }, nil // the lock ends with the process anyway
}

// take checks everything before the first effect, closes the seal, and makes the
// programs ready to run.
func (s *supervisor) take(ctx context.Context, hooks Hooks) error {
	if err := verify(ctx, s.spec.Tree, s.spec.Artifact); err != nil {
		return err
	}
	for _, p := range s.spec.Programs {
		if _, err := prepare(s.spec.Tree, Command{Args: p.Command, Dir: p.Dir, Env: p.Env, User: p.User}, nil); err != nil {
			return err
		}
	}
	for _, p := range s.spec.Programs {
		made, err := newProgram(s, p)
		if err != nil {
			return err
		}
		s.programs = append(s.programs, made)
	}
	if err := s.seal(ctx, hooks.Seal); err != nil {
		return err
	}
	if err := s.serveFlags(hooks.Flags); err != nil {
		return err
	}
	for _, p := range s.programs {
		p.redact = redactor(append(slices.Clone(p.Env), s.extra...))
	}
	return nil
}

// seal closes the seal of a deployment that has one.
func (s *supervisor) seal(ctx context.Context, hook Hook) error {
	if s.spec.Seal == nil {
		return nil
	}
	if hook == nil {
		return understudy.Errorf(understudy.KindInternal, "deployment %s is to be sealed, but this supervisor cannot seal", s.spec.ID)
	}
	sealed, err := hook(ctx, s.spec.Seal, s.published())
	s.sealed, s.extra = sealed, sealed.Env
	return err
}

// play runs the programs in their order, each when those before it are healthy, until
// ctx ends, and returns when all are gone. Instances of a service start together.
func (s *supervisor) play(ctx context.Context) {
	var group sync.WaitGroup
	defer s.sweep()
	defer group.Wait()
	for i, p := range s.programs {
		group.Go(func() { p.run(ctx) })
		if i+1 < len(s.programs) && p.Service != "" && s.programs[i+1].Service == p.Service {
			continue
		}
		for _, started := range s.programs[:i+1] {
			if started.Held {
				continue
			}
			select {
			case <-started.healthy:
			case <-ctx.Done():
				return
			}
		}
	}
	<-ctx.Done()
}

// awaitTold keeps the control socket open until the starter has read the refusal.
func (s *supervisor) awaitTold(ctx context.Context) {
	select {
	case <-s.told:
	case <-ctx.Done():
	case <-time.After(10 * time.Second):
	}
}

// sweep ends what escaped its session: everything that still descends from us.
func (s *supervisor) sweep() {
	end := time.Now().Add(5 * time.Second)
	for time.Now().Before(end) {
		left := below()
		if len(left) == 0 {
			return
		}
		for _, p := range left {
			_ = syscall.Kill(p.pid, syscall.SIGKILL) // gone meanwhile: what was wanted
		}
		s.launcher.reap()
		time.Sleep(5 * time.Millisecond)
	}
	fmt.Fprintf(os.Stderr, "deployment %s: processes are still there 5 s after SIGKILL\n", s.spec.ID)
}

// leave opens the seal and takes away what Run holds of the deployment.
func (s *supervisor) leave() error {
	var err error
	if s.flags != nil {
		err = s.flags.Close()
	}
	if s.sealed.Stop != nil {
		err = errors.Join(err, s.sealed.Stop())
	}
	for _, p := range s.programs {
		err = errors.Join(err, p.log.Close())
	}
	for _, name := range append(s.sockets(), "supervisor.json") {
		err = errors.Join(err, removeIfThere(filepath.Join(s.folder, name)))
	}
	return err
}

// adopt waits for the dead that nobody else waits for.
func (s *supervisor) adopt(ctx context.Context) {
	children := make(chan os.Signal, 1)
	signal.Notify(children, syscall.SIGCHLD)
	defer signal.Stop(children)
	for {
		select {
		case <-children:
			s.launcher.reap()
		case <-ctx.Done():
			return
		}
	}
}

// straysOf is what a program that just exited left outside its session. With other
// programs about, nobody can tell whose a stray is: it stays until the deployment ends.
func (s *supervisor) straysOf(p *program) []running {
	for _, other := range s.programs {
		if other != p && other.pid() != 0 {
			return nil
		}
	}
	return s.launcher.strays()
}

// noteSession writes down that a program, or a command, leads a session. On a full disk it
// is written with the next one: a service that died has to be started again, and the note is
// only for whoever clears up after a supervisor that was killed.
func (s *supervisor) noteSession(name string, pid int) error {
	who, err := identify(pid)
	if errors.Is(err, os.ErrNotExist) { // it has ended already
		return nil
	}
	if err != nil {
		return understudy.Errorf(understudy.KindInternal, "noting the session of %s: %w", name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.record.Sessions = slices.DeleteFunc(s.record.Sessions, func(old session) bool { return old.Program == name })
	s.record.Sessions = append(s.record.Sessions, session{name, who})
	if err = s.writeRecord(); errors.Is(err, syscall.ENOSPC) {
		fmt.Fprintf(os.Stderr, "deployment %s: %s goes on though its session could not be written down: %v\n", s.spec.ID, name, err)
		return nil
	}
	return err
}

func (s *supervisor) writeRecord() error {
	return s.keep(filepath.Join(s.folder, "supervisor.json"), s.record)
}

func (s *supervisor) sealedPublish(p Program) bool { return s.spec.Seal != nil && p.Publish }

// published maps each socket to make to the address inside.
func (s *supervisor) published() map[string]string {
	out := map[string]string{}
	for _, p := range s.spec.Programs {
		if s.sealedPublish(p) {
			out[filepath.Join(s.folder, p.Name+".sock")] = "127.0.0.1:" + itoa(p.Port)
		}
	}
	return out
}

func (s *supervisor) sockets() []string {
	names := []string{"control.sock"}
	for path := range s.published() {
		names = append(names, filepath.Base(path))
	}
	return names
}

func (s *supervisor) addressOf(p Program) string {
	switch {
	case s.sealedPublish(p):
		return "unix:" + filepath.Join(s.folder, p.Name+".sock")
	case p.Port != 0 && s.spec.Seal == nil:
		return "tcp:127.0.0.1:" + itoa(p.Port)
	default:
		return "" // sealed and not published: nobody outside reaches it
	}
}

func (p *program) pid() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.status.PID
}
