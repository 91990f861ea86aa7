package cli_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"understudy"
	"understudy/internal/api"
	"understudy/internal/api/apitest"
	"understudy/internal/cli"
	"understudy/internal/statedir"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"understudy": func() {
		os.Exit(cli.Main(context.Background(), programs(), os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
	}})
}

func programs() cli.Programs {
	return cli.Programs{
		Version: "test", Serve: serveStage,
		Supervise: func(_ context.Context, in io.Reader) error {
			_, err := io.Copy(os.Stdout, in)
			return err
		},
		Router: func(_ context.Context, state, control string, log io.Writer) error {
			_, err := fmt.Fprintln(log, "routing", state, control)
			return err
		},
		MaskPlan: func(_ context.Context, _, rules string) (api.MaskPlan, error) {
			return api.MaskPlan{File: rules, Text: "columns:\n  public.a.b text: keep\n"}, nil
		},
		MaskDiff: func(_ context.Context, _, rules string) (api.MaskDiff, error) { return api.MaskDiff{File: rules}, nil },
		RehearseMigration: func(_ context.Context, order cli.MigrationOrder, _ func(string), each func(understudy.Rehearsal)) (understudy.Rehearsal, error) {
			failed := understudy.Check{Name: understudy.CheckMigration, Outcome: understudy.OutcomeFailed, Findings: []understudy.Finding{{
				Code: "migration.failed", Severity: understudy.SeverityBlocking, Title: "the migration fails", Would: "it would stop half way", Seen: strings.Join(order.Command, " "), Remedy: "mend it"}}}
			r := understudy.Rehearsal{ID: "migration", State: understudy.RehearsalFailed, Checks: []understudy.Check{failed}}
			each(r)
			if order.SVG != "" {
				return r, understudy.Errorf(understudy.KindUnavailable, "drawing the timeline: no space left on device").WithHint("make room")
			}
			return r, nil
		},
		Probe: func(_ context.Context, out io.Writer) error {
			_, err := fmt.Fprintln(out, "nothing got out")
			return err
		},
	}
}

// serveStage is a daemon of its own process: it takes the lock that a daemon takes, and
// answers as a stage. STAGE_FAULT makes it end at once, saying that.
func serveStage(ctx context.Context, project string, state statedir.Dir, log io.Writer) error {
	if fault := os.Getenv("STAGE_FAULT"); fault != "" {
		return understudy.Errorf(understudy.KindUnavailable, "%s", fault)
	}
	lock, err := os.OpenFile(state.Below("daemon.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return understudy.Errorf(understudy.KindConflict, "another daemon has this state directory")
	}
	before, err := os.ReadFile(state.Below("logs", "daemon.log"))
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(log, "a daemon has begun, process %d\n", os.Getpid()); err != nil {
		return err
	}
	if err := os.Remove(state.Socket()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	listener, err := net.Listen("unix", state.Socket())
	if err != nil {
		return err
	}
	ctx, end := context.WithCancel(ctx)
	defer end()
	stage := newStage(project)
	stage.OnShutdown = end
	generation := countLines(string(before), "a daemon has begun")
	if named := strings.Split(os.Getenv("STAGE_SCENES"), ","); generation < len(named) && named[0] != "" {
		scenes()[named[generation]](stage)
	}
	roles := stage.Roles()
	roles.Rehearsals = &watched{Stage: stage, log: log, generation: generation + 1}
	server := &http.Server{Handler: api.Handler(roles), BaseContext: func(net.Listener) context.Context { return ctx }}
	shut := make(chan error, 1)
	go func() {
		<-ctx.Done()
		shut <- server.Shutdown(context.WithoutCancel(ctx))
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return errors.Join(<-shut, lock.Close()) // whoever asked it to end has its answer
}

// watched says in the log how often something was watched.
type watched struct {
	*apitest.Stage
	log        io.Writer
	generation int
	times      atomic.Int32
}

func (w *watched) WatchRehearsal(ctx context.Context, id string, each func(understudy.Rehearsal) error) error {
	return w.Stage.WatchRehearsal(ctx, id, func(r understudy.Rehearsal) error {
		if err := each(r); err != nil {
			return err
		}
		_, err := fmt.Fprintf(w.log, "watched %d times, daemon %d\n", w.times.Add(1), w.generation)
		return err
	})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:   "testdata",
		Setup: setUp,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"ends": ends, "scene": scene, "asked": asked, "daemons": daemons, "until": until, "crash": crash,
		},
	})
}

type stageKey struct{}

// setUp gives a script a state directory whose path is short, and a played daemon there.
func setUp(env *testscript.Env) error {
	state, err := os.MkdirTemp("/tmp", "us")
	if err != nil {
		return err
	}
	env.Defer(func() {
		endDaemon(state)
		if err := os.RemoveAll(state); err != nil {
			env.T().Log(err)
		}
	})
	env.Setenv("STATE", state)
	env.Setenv("TZ", "UTC")
	env.Setenv("USER", "ann")
	if me, err := user.Current(); err == nil { // whom the journal names
		env.Setenv("ME", me.Username)
	}
	dir := statedir.Dir{Root: state, Run: filepath.Join(state, "run")}
	stage := newStage(env.WorkDir)
	env.Values[stageKey{}] = stage
	if err := dir.Make(); err != nil {
		return err
	}
	if slices.Contains([]string{"script-start", "script-follow"}, filepath.Base(env.WorkDir)) { // they begin without a daemon
		return nil
	}
	apitest.Serve(env.T().(testing.TB), stage.Roles(), dir.Socket(), io.Discard)
	return nil
}

// ends STATUS ARGS… runs understudy, which has to end with that status.
func ends(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: ends STATUS ARGS…")
	}
	err := ts.Exec("understudy", append([]string{"--state-dir", ts.Getenv("STATE")}, args[1:]...)...)
	status := 0
	if exit := (&exec.ExitError{}); errors.As(err, &exit) {
		status = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(status) != args[0] {
		ts.Fatalf("understudy %v ended with status %d, want %s\nstdout:\n%s\nstderr:\n%s", args[1:], status, args[0], ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}

// scene NAME sets the stage.
func scene(ts *testscript.TestScript, _ bool, args []string) {
	set, known := scenes()[args[0]]
	if !known {
		ts.Fatalf("there is no scene %s", args[0])
	}
	stage := ts.Value(stageKey{}).(*apitest.Stage)
	stage.Update(func() { set(stage) })
}

// asked TEXT looks for a request that changes something, as Go writes it.
func asked(ts *testscript.TestScript, neg bool, args []string) {
	found := false
	all := ts.Value(stageKey{}).(*apitest.Stage).Requests()
	for _, request := range all {
		found = found || fmt.Sprintf("%+v", request) == args[0]
	}
	if found == neg {
		ts.Fatalf("asked for: %+v", all)
	}
}

// daemons N counts how often a daemon has begun in the state directory.
func daemons(ts *testscript.TestScript, _ bool, args []string) {
	log := daemonLog(ts)
	if n := countLines(log, "a daemon has begun"); strconv.Itoa(n) != args[0] {
		ts.Fatalf("a daemon has begun %d times, want %s:\n%s", n, args[0], log)
	}
}

// until TEXT waits until the daemon's log holds a text.
func until(ts *testscript.TestScript, _ bool, args []string) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	for !strings.Contains(daemonLog(ts), args[0]) {
		select {
		case <-ctx.Done():
			ts.Fatalf("the daemon's log has no %q:\n%s", args[0], daemonLog(ts))
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func daemonLog(ts *testscript.TestScript) string {
	return ts.ReadFile(filepath.Join(ts.Getenv("STATE"), "logs", "daemon.log"))
}

// crash kills the daemon that was started last.
func crash(ts *testscript.TestScript, _ bool, _ []string) {
	_, after, _ := cutLast(daemonLog(ts), "a daemon has begun, process ")
	pid, err := strconv.Atoi(strings.SplitN(after, "\n", 2)[0])
	ts.Check(err)
	ts.Check(unix.Kill(pid, unix.SIGKILL))
}

func cutLast(text, part string) (before, after string, found bool) {
	at := strings.LastIndex(text, part)
	if at < 0 {
		return text, "", false
	}
	return text[:at], text[at+len(part):], true
}

// endDaemon ends the daemon of a script that failed half way.
func endDaemon(state string) {
	log, err := os.ReadFile(filepath.Join(state, "logs", "daemon.log"))
	if err != nil {
		return
	}
	lock, err := os.Open(filepath.Join(state, "daemon.lock"))
	if err != nil {
		return
	}
	defer func() { _ = lock.Close() }()
	if unix.Flock(int(lock.Fd()), unix.LOCK_SH|unix.LOCK_NB) == nil {
		return // it has ended
	}
	_, after, _ := cutLast(string(log), "a daemon has begun, process ")
	if pid, err := strconv.Atoi(strings.SplitN(after, "\n", 2)[0]); err == nil {
		_ = unix.Kill(pid, unix.SIGKILL)
	}
}
