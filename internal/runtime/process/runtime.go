package process

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"understudy"
)

// Runtime starts supervisors and asks them. It keeps nothing in memory: two runtimes
// over the same folders, in one process or in two, see the same deployments. Every
// method may be called at any time from any goroutine.
type Runtime struct {
	Run        string   // folder of sockets and records; keep its path short
	LogDir     string   // folder of what programs write
	Supervisor []string // argument list of a supervisor, its executable first
	// Isolate changes a supervisor's command so that it starts in namespaces of its
	// own. Used for sealed deployments; nil: those are refused.
	Isolate func(*exec.Cmd) error `json:"-"`
}

// Start starts a deployment and returns once its supervisor has compared the artifact,
// closed the seal and begun to start the programs; Ready tells how that went. An id
// that runs already is left as it is. What a dead supervisor of the same id left is
// ended first. When ctx ends early, nothing is left running.
func (r *Runtime) Start(ctx context.Context, spec Spec) error {
	if err := spec.validate(); err != nil {
		return err
	}
	release, err := r.hold(ctx, spec.ID)
	if err != nil {
		return err
	}
	defer release()
	running, err := r.running(spec.ID)
	if err != nil {
		return err
	}
	if running {
		return r.ask(ctx, spec.ID, "GET", "/taken", nil)
	}
	if err := r.clear(spec.ID); err != nil {
		return err
	}
	return r.launch(ctx, spec)
}

// hold keeps every other Start and Stop of the same id waiting.
func (r *Runtime) hold(ctx context.Context, id string) (release func(), err error) {
	folder := r.folder(id)
	held, err := lock(ctx, filepath.Join(folder, "start.lock"), func() error { return os.MkdirAll(folder, 0o700) })
	if err != nil {
		return nil, understudy.Errorf(understudy.KindInternal, "waiting for another act on deployment %s: %w", id, err)
	}
	return func() { _ = held.Close() }, nil
}

func (r *Runtime) folder(id string) string { return filepath.Join(r.Run, id) }

// running tells whether a deployment has a living supervisor.
func (r *Runtime) running(id string) (bool, error) {
	known, err := readRecord(r.folder(id))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, understudy.Errorf(understudy.KindInternal, "reading who supervises deployment %s: %w", id, err).
			WithHint("%s is damaged; see what runs, end it, and remove the file", filepath.Join(r.folder(id), "supervisor.json"))
	}
	return known.alive()
}

// clear ends what a dead supervisor left and takes its files away, the start lock
// excepted.
func (r *Runtime) clear(id string) error {
	known, err := readRecord(r.folder(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = known.clear()
	}
	entries, listErr := os.ReadDir(r.folder(id))
	for _, entry := range entries {
		if entry.Name() != "start.lock" {
			err = errors.Join(err, removeIfThere(filepath.Join(r.folder(id), entry.Name())))
		}
	}
	if err = errors.Join(err, listErr); err != nil {
		return understudy.Errorf(understudy.KindInternal, "clearing what a dead supervisor of deployment %s left: %w", id, err)
	}
	return nil
}

// launch starts a supervisor, hands it its order and waits for its word.
func (r *Runtime) launch(ctx context.Context, spec Spec) (err error) {
	raw, err := json.Marshal(order{Run: r.Run, Logs: r.LogDir, Spec: spec})
	if err != nil {
		return understudy.Errorf(understudy.KindInvalid, "deployment %s: its seal is not JSON: %v", spec.ID, err)
	}
	cmd, err := r.command(spec)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(r.LogDir, spec.ID), 0o700); err != nil {
		return understudy.Errorf(understudy.KindInternal, "making the log folder of deployment %s: %w", spec.ID, err)
	}
	log, err := os.OpenFile(filepath.Join(r.LogDir, spec.ID, "_supervisor.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return understudy.Errorf(understudy.KindInternal, "opening the log of deployment %s's supervisor: %w", spec.ID, err)
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(raw), log, log
	if err := cmd.Start(); err != nil {
		return understudy.Errorf(understudy.KindInternal, "starting a supervisor for deployment %s with %s: %w", spec.ID, cmd.Path, err)
	}
	ended := make(chan struct{})
	go func() { // ends with the supervisor, which outlives Start: somebody must wait for the child
		defer close(ended)
		_ = cmd.Wait() // its word came over the socket, its complaint is in the log
	}()
	return r.settle(ctx, spec.ID, cmd.Process.Pid, ended)
}

func (r *Runtime) command(spec Spec) (*exec.Cmd, error) {
	cmd := exec.Command(r.Supervisor[0], r.Supervisor[1:]...)
	for _, key := range []string{"PATH", "HOME", "LANG", "TMPDIR"} { // the daemon's own secrets stay with it
		if value, set := os.LookupEnv(key); set {
			cmd.Env = append(cmd.Env, key+"="+value)
		}
	}
	detach(cmd)
	if spec.Seal == nil {
		return cmd, nil
	}
	if r.Isolate == nil {
		return nil, understudy.Errorf(understudy.KindUnavailable, "deployment %s is to be sealed, but this runtime cannot isolate processes", spec.ID).
			WithHint("run `understudy doctor` to see what sealing needs")
	}
	return cmd, r.Isolate(cmd)
}

// settle waits until the supervisor has taken its order, and ends it otherwise.
func (r *Runtime) settle(ctx context.Context, id string, pid int, ended <-chan struct{}) error {
	err := r.untilTaken(ctx, id, ended)
	if err == nil {
		return nil
	}
	_ = syscall.Kill(pid, syscall.SIGTERM) // it ends by itself after a refusal; this is for all else
	<-ended
	if !isSilence(err) {
		return errors.Join(err, r.clear(id))
	}
	if running, runningErr := r.running(id); runningErr == nil && running { // somebody was faster
		return r.ask(ctx, id, "GET", "/taken", nil)
	}
	if ctx.Err() != nil {
		err = understudy.Errorf(understudy.KindUnavailable, "starting deployment %s: its supervisor did not answer: %w", id, ctx.Err())
	} else {
		err = understudy.Errorf(understudy.KindInternal, "starting deployment %s: its supervisor ended at once%s", id, r.lastWords(id)).
			WithHint("read %s", filepath.Join(r.LogDir, id, "_supervisor.log"))
	}
	return errors.Join(err, r.clear(id))
}

// untilTaken asks until the supervisor answers. A silence is what is left when it has
// ended, or ctx has, without a word.
func (r *Runtime) untilTaken(ctx context.Context, id string, ended <-chan struct{}) error {
	for {
		over := false
		select {
		case <-ended:
			over = true // a last question: it may have been refused meanwhile
		case <-ctx.Done():
			over = true
		case <-time.After(10 * time.Millisecond):
		}
		if err := r.ask(ctx, id, "GET", "/taken", nil); !isSilence(err) || over {
			return err
		}
	}
}

// lastWords is the end of the supervisor's own log.
func (r *Runtime) lastWords(id string) string {
	raw, err := os.ReadFile(filepath.Join(r.LogDir, id, "_supervisor.log"))
	if err != nil || len(raw) == 0 {
		return ""
	}
	raw = bytes.TrimSpace(raw[max(0, len(raw)-600):])
	return ": " + string(raw[bytes.LastIndexByte(raw, '\n')+1:])
}

// List is the ids of the deployments whose supervisor lives, sorted.
func (r *Runtime) List(ctx context.Context) ([]string, error) {
	entries, err := os.ReadDir(r.Run)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, understudy.Errorf(understudy.KindInternal, "listing deployments below %s: %w", r.Run, err)
	}
	var ids []string
	for _, entry := range entries {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if !entry.IsDir() || checkID(entry.Name()) != nil {
			continue
		}
		running, err := r.running(entry.Name())
		if err != nil {
			return nil, err
		}
		if running {
			ids = append(ids, entry.Name())
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// Stop ends a deployment: the polite signal to every program, the last one to what is
// left after its grace. It returns when every process is gone, and is harmless for a
// deployment that is gone already. When ctx ends first, the ending goes on.
func (r *Runtime) Stop(ctx context.Context, id string) error {
	if err := checkID(id); err != nil {
		return err
	}
	if _, err := os.Stat(r.folder(id)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	release, err := r.hold(ctx, id)
	if err != nil {
		return err
	}
	defer release()
	known, err := readRecord(r.folder(id))
	if err == nil {
		err = r.end(ctx, known)
	} else if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return err
	}
	if err := os.RemoveAll(r.folder(id)); err != nil {
		return understudy.Errorf(understudy.KindInternal, "clearing deployment %s: %w", id, err)
	}
	return nil
}

// end ends a supervisor and all below it: by asking, then by signals.
func (r *Runtime) end(ctx context.Context, known record) error {
	living, err := known.alive()
	if err != nil {
		return err
	}
	if living {
		if err := r.ask(ctx, known.ID, "POST", "/stop", nil); err != nil && ctx.Err() == nil {
			// It does not answer: SIGTERM asks the same.
			_ = syscall.Kill(known.Supervisor.PID, syscall.SIGTERM)
		}
	}
	for living {
		if living, err = known.alive(); err != nil || !living {
			break
		}
		select {
		case <-ctx.Done():
			return understudy.Errorf(understudy.KindUnavailable, "stopping deployment %s: it is still ending: %w", known.ID, ctx.Err())
		case <-time.After(5 * time.Millisecond):
		}
	}
	return errors.Join(err, known.clear())
}
