package instance

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"understudy"
)

// launch starts the server apart from us, and notes its process.
func (s *Server) launch(ctx context.Context, from installation, owner account) error {
	log, err := os.OpenFile(s.place.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "opening the log of %s: %w", s, err)
	}
	args := append([]string{"-c", `"$@" </dev/null 3>&- & echo $! >&3`, "sh", from.server}, s.arguments()...)
	cmd := owner.command(ctx, "/bin/sh", args...)
	cmd.Stdout, cmd.Stderr = log, log
	said, saying, err := os.Pipe()
	if err != nil {
		return errors.Join(err, log.Close())
	}
	cmd.ExtraFiles = []*os.File{saying}
	err = errors.Join(cmd.Run(), saying.Close(), log.Close())
	number := make([]byte, 32)
	n, readErr := said.Read(number)
	if err := errors.Join(err, readErr, said.Close()); err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "starting %s: %w", s, err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(number[:n])))
	if err != nil {
		return understudy.Errorf(understudy.KindInternal, "starting %s: it did not tell its process id: %w", s, err)
	}
	return s.remember(pid)
}

// remember writes down which process is starting: the server writes its own file only when
// it is far enough.
func (s *Server) remember(pid int) error {
	if err := os.WriteFile(s.place.Dir+".starting", []byte(strconv.Itoa(pid)), 0o600); err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "noting the process of %s: %w", s, err)
	}
	return nil
}

func (s *Server) arguments() []string {
	return append([]string{"--no-defaults", "--datadir=" + s.place.Dir, "--socket=" + s.Socket(), "--pid-file=" + s.pidFile(), "--skip-networking"}, s.options()...)
}

// options are the server's settings as arguments.
func (s *Server) options() []string {
	args := []string{"--tmpdir=" + s.scratch()}
	settings := map[string]string{"character_set_server": "utf8mb4", "performance_schema": "0"}
	maps.Copy(settings, s.place.Settings)
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		option := "--" + strings.ReplaceAll(name, "_", "-")
		if value := settings[name]; value != "on" || name != "skip_log_bin" {
			option += "=" + value
		}
		args = append(args, option)
	}
	return args
}

// process is the id of the running server, 0 if none runs: by its own file, else by the
// one of who started it.
func (s *Server) process() (int, error) {
	for _, file := range []string{s.pidFile(), s.place.Dir + ".starting"} {
		pid, err := s.processIn(file)
		if pid != 0 || err != nil {
			return pid, err
		}
	}
	return 0, nil
}

// starting is process for one that may not have gone to its folder yet.
func (s *Server) starting() (int, error) {
	if pid, err := s.process(); pid != 0 || err != nil {
		return pid, err
	}
	text, err := os.ReadFile(s.place.Dir + ".starting")
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, understudy.Errorf(understudy.KindUnavailable, "asking whether %s starts: %w", s, err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || !alive(pid) {
		return 0, nil // a half written note names no process
	}
	return pid, nil
}

func (s *Server) processIn(file string) (int, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, understudy.Errorf(understudy.KindUnavailable, "asking whether %s runs: %w", s, err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid <= 0 || !worksIn(pid, s.place.Dir) {
		return 0, nil // another program's by now, or none's
	}
	return pid, nil
}

// alive tells whether a process is there and not merely unburied.
func alive(pid int) bool {
	if err := syscall.Kill(pid, 0); err != nil && !errors.Is(err, fs.ErrPermission) {
		return false
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil { // a system without /proc
		return true
	}
	rest := string(stat[strings.LastIndexByte(string(stat), ')')+1:])
	return !strings.HasPrefix(strings.TrimSpace(rest), "Z")
}

// worksIn tells whether a process is a server on a directory. Where the system does not
// show a process's folder, that it is a database server must do.
func worksIn(pid int, dir string) bool {
	if !alive(pid) {
		return false
	}
	folder, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/cwd")
	if err == nil {
		one, oneErr := os.Stat(folder)
		other, otherErr := os.Stat(dir)
		return oneErr == nil && otherErr == nil && os.SameFile(one, other)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "ps", "-o", "comm=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && (strings.Contains(string(out), "mariadbd") || strings.Contains(string(out), "mysqld"))
}

// Stop ends the server: clients are cut off, data is written out. It returns when the
// process is gone; a server that does not run is stopped already. When ctx ends first, the
// server goes on stopping.
func (s *Server) Stop(ctx context.Context) error {
	if _, err := os.Stat(filepath.Dir(s.place.Dir)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return s.locked(ctx, func() error { return s.stop(ctx) })
}

func (s *Server) stop(ctx context.Context) error {
	pid, err := s.process()
	if err != nil || pid == 0 {
		return err
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return understudy.Errorf(understudy.KindUnavailable, "stopping %s: signalling process %d: %w", s, pid, err)
	}
	for alive(pid) {
		if err := pause(ctx, 10*time.Millisecond); err != nil {
			return understudy.Errorf(understudy.KindUnavailable, "waiting for %s (process %d) to end: %w", s, pid, err).
				WithHint("it goes on stopping; its log is %s", s.place.Log)
		}
	}
	return nil
}

// locked orders what is done to one directory among all programs of this machine.
func (s *Server) locked(ctx context.Context, act func() error) error {
	if err := s.valid(); err != nil {
		return err
	}
	path := s.place.Dir + ".lock"
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "making folder %s for %s: %w", filepath.Dir(path), s, err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "locking %s: %w", s, err)
	}
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return errors.Join(act(), file.Close())
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return understudy.Errorf(understudy.KindUnavailable, "locking %s: %w", s, errors.Join(err, file.Close()))
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return understudy.Errorf(understudy.KindConflict, "waiting while somebody else works on %s: %w", s, errors.Join(err, file.Close()))
		}
	}
}

// complaint is what the log says last of an error.
func (s *Server) complaint() string {
	text, err := os.ReadFile(s.place.Log)
	if err != nil {
		return "(its log cannot be read)"
	}
	said := ""
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, "[ERROR]") && !strings.HasSuffix(strings.TrimSpace(line), "Aborting") {
			said = strings.TrimSpace(line[strings.Index(line, "[ERROR]")+len("[ERROR]"):])
		}
	}
	if said == "" {
		return lastLine(string(text))
	}
	return said
}

// pause waits a moment, or returns early with the context's error.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
