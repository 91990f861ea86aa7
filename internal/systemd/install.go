package systemd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"understudy"
	"understudy/internal/atomicfile"
)

// Machine is what an installation changes.
type Machine struct {
	// Systemctl runs systemctl and returns what it wrote.
	Systemctl func(ctx context.Context, args ...string) (string, error)
	// Answers looks whether the daemon answers.
	Answers func(ctx context.Context) error
	// End ends the daemon and the router that were started by hand, where they run.
	End func(ctx context.Context) error
	// Tell is told what was done, a sentence a call.
	Tell func(text string)
}

// Here refuses where there is no systemd that runs this machine.
func Here() error {
	if _, err := os.Stat("/run/systemd/system"); err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "systemd does not run this machine, so there is nothing to install services in").
			WithHint("see what would be written with --print, and start `understudy serve` by what runs this machine")
	}
	if _, err := exec.LookPath("systemctl"); err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "there is no systemctl, so no service can be installed")
	}
	if os.Geteuid() != 0 {
		return understudy.Errorf(understudy.KindUnavailable, "services are installed by root, and this is user %d", os.Geteuid()).
			WithHint("run it with sudo; --user says whom the services run as")
	}
	return nil
}

// Systemctl runs systemctl.
func Systemctl(ctx context.Context, args ...string) (string, error) {
	var out, said bytes.Buffer
	cmd := exec.CommandContext(ctx, "systemctl", append([]string{"--no-pager", "--no-ask-password"}, args...)...)
	cmd.Stdout, cmd.Stderr = &out, &said
	err := cmd.Run()
	if err != nil {
		err = understudy.Errorf(understudy.KindUnavailable, "systemctl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(said.String()))
	}
	return strings.TrimSpace(out.String()), err
}

// Owner is the user that a folder, or the one that it will be made in, belongs to.
func Owner(folder string) (string, error) {
	for {
		info, err := os.Stat(folder)
		if errors.Is(err, fs.ErrNotExist) && folder != filepath.Dir(folder) {
			folder = filepath.Dir(folder)
			continue
		}
		if err != nil {
			return "", err
		}
		owner, err := user.LookupId(strconv.Itoa(int(info.Sys().(*syscall.Stat_t).Uid)))
		if err != nil {
			return "", understudy.Errorf(understudy.KindInvalid, "finding who owns %s: %w", folder, err).WithHint("say whom the services run as with --user")
		}
		return owner.Username, nil
	}
}

// Install sets both services up and looks whether they are there. Doing it again changes
// nothing.
func Install(ctx context.Context, w Wish, m Machine) error {
	if err := w.prepare(); err != nil {
		return err
	}
	changed := map[string]bool{}
	for _, f := range w.Files() {
		wrote, err := f.write()
		if err != nil {
			return err
		}
		changed[filepath.Base(f.Path)] = wrote
		m.Tell(f.Path + ": " + map[bool]string{true: "written", false: "as it should be"}[wrote])
	}
	if err := w.mark(); err != nil {
		return err
	}
	if _, err := m.Systemctl(ctx, "daemon-reload"); err != nil {
		return err
	}
	if !active(ctx, m, w.Daemon()) && !active(ctx, m, w.Router()) {
		if err := m.End(ctx); err != nil {
			return err
		}
	}
	for _, unit := range []string{w.Router(), w.Daemon()} {
		if err := start(ctx, m, unit, changed[unit], unit == w.Daemon()); err != nil {
			return err
		}
	}
	return w.check(ctx, m)
}

// prepare sees that the user is there and the state directory is theirs.
func (w Wish) prepare() error {
	who, err := user.Lookup(w.User)
	if err != nil {
		return understudy.Errorf(understudy.KindInvalid, "there is no user %s on this machine: %w", w.User, err).
			WithHint("make one: useradd --system --home-dir %s %s", w.Project, w.User)
	}
	uid, err := strconv.Atoi(who.Uid)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(who.Gid)
	if err != nil {
		return err
	}
	for _, folder := range []string{w.State, filepath.Join(w.State, "router"), w.Run} {
		info, err := os.Stat(folder)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			if err := errors.Join(os.MkdirAll(folder, 0o711), os.Chown(folder, uid, gid)); err != nil {
				return fmt.Errorf("making %s: %w", folder, err)
			}
		case err != nil:
			return err
		case int(info.Sys().(*syscall.Stat_t).Uid) != uid:
			return understudy.Errorf(understudy.KindRefused, "%s belongs to another user than %s", folder, w.User).
				WithHint("name its owner with --user, or give it away first: chown -R %s %s", w.User, w.State)
		}
	}
	return nil
}

// write writes a file where it is not there as it should be, and tells whether it did.
func (f File) write() (bool, error) {
	is, err := os.ReadFile(f.Path)
	if err == nil && (f.Keep || string(is) == f.Content) {
		return false, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	if err := os.MkdirAll(filepath.Dir(f.Path), 0o755); err != nil {
		return false, err
	}
	return true, atomicfile.Write(f.Path, []byte(f.Content), fs.FileMode(f.Mode))
}

func active(ctx context.Context, m Machine, unit string) bool {
	is, err := m.Systemctl(ctx, "is-active", unit)
	return err == nil && is == "active"
}

// start enables a service and starts it. One that runs already is restarted where its unit
// has changed and nobody would notice.
func start(ctx context.Context, m Machine, unit string, changed, unnoticed bool) error {
	if _, err := m.Systemctl(ctx, "enable", unit); err != nil {
		return err
	}
	runs := active(ctx, m, unit)
	switch {
	case runs && changed && !unnoticed:
		m.Tell(unit + ": runs as it did before; when it suits, systemctl restart " + unit + " (front doors close for a moment)")
		return nil
	case runs && !changed:
		m.Tell(unit + ": runs already")
		return nil
	}
	verb, told := "start", unit+": started"
	if runs {
		verb, told = "restart", unit+": restarted"
	}
	if _, err := m.Systemctl(ctx, verb, unit); err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "%w", err).WithHint("see why: journalctl -u %s -n 50", unit)
	}
	m.Tell(told + ", and starts at every boot")
	return nil
}

// answersWithin is how long the daemon may take to answer once its service is active.
const answersWithin = 30 * time.Second

// check looks whether what was installed is there.
func (w Wish) check(ctx context.Context, m Machine) error {
	for _, unit := range []string{w.Router(), w.Daemon()} {
		for _, want := range []struct{ verb, is string }{{"is-enabled", "enabled"}, {"is-active", "active"}} {
			if is, err := m.Systemctl(ctx, want.verb, unit); err != nil || is != want.is {
				return understudy.Errorf(understudy.KindUnavailable, "%s was to be %s, and is %s", unit, want.is, is).WithHint("see why: journalctl -u %s -n 50", unit)
			}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, answersWithin)
	defer cancel()
	for {
		err := m.Answers(ctx)
		if err == nil {
			m.Tell("the daemon answers")
			return nil
		}
		select {
		case <-ctx.Done():
			return understudy.Errorf(understudy.KindUnavailable, "%s is active, and the daemon does not answer: %w", w.Daemon(), err).
				WithHint("see why: journalctl -u %s -n 50", w.Daemon())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// Uninstall stops both services and takes their units away. State, data and the file of
// variables stay. What runs in environments goes on, without front doors.
func Uninstall(ctx context.Context, w Wish, m Machine) error {
	var left []string
	for _, unit := range []string{w.Daemon(), w.Router()} {
		path := filepath.Join(w.Units, unit)
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			m.Tell(unit + ": was not there")
			continue
		}
		if _, err := m.Systemctl(ctx, "disable", "--now", unit); err != nil {
			return err
		}
		if err := os.Remove(path); err != nil {
			return err
		}
		left = append(left, unit)
		m.Tell(unit + ": stopped and removed")
	}
	if err := w.unmark(); err != nil || len(left) == 0 {
		return err
	}
	if _, err := m.Systemctl(ctx, "daemon-reload"); err != nil {
		return err
	}
	m.Tell("nobody is served until a command starts the daemon again: understudy status; " + w.Variables() + " stays")
	return nil
}
