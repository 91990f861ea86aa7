package process

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"understudy"
)

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

func selfPID() int { return os.Getpid() }

// prepared is a command that only needs its streams.
type prepared struct {
	*exec.Cmd
	credential *syscall.Credential
}

// prepare turns words into a command: found, with its folder, its user and exactly the
// environment that was given plus what is missing of PATH, HOME and LANG.
func prepare(tree string, c Command, extra []string) (prepared, error) {
	credential, home, err := identityFor(c.User)
	if err != nil {
		return prepared{}, err
	}
	env := slices.Clone(c.Env)
	path := os.Getenv("PATH")
	if path == "" {
		path = defaultPath
	}
	for _, entry := range append(slices.Clone(extra), "PATH="+path, "HOME="+home, "LANG=C.UTF-8") {
		key, _, _ := strings.Cut(entry, "=")
		if _, given := lookUpEnv(env, key); !given {
			env = append(env, entry)
		}
	}
	dir := c.Dir
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(tree, dir)
	}
	searched, _ := lookUpEnv(env, "PATH")
	name, err := find(tree, c.Args[0], searched)
	if err != nil {
		return prepared{}, err
	}
	cmd := &exec.Cmd{Path: name, Args: c.Args, Dir: dir, Env: env, SysProcAttr: attributes(credential)}
	return prepared{cmd, credential}, nil
}

func lookUpEnv(env []string, key string) (string, bool) {
	for _, entry := range slices.Backward(env) { // the last one counts
		if value, found := strings.CutPrefix(entry, key+"="); found {
			return value, true
		}
	}
	return "", false
}

// find resolves the first word of a command: an absolute path as it is, a file below
// the tree, else a plain name along PATH.
func find(tree, name, path string) (string, error) {
	if filepath.IsAbs(name) {
		return name, nil
	}
	inTree := filepath.Join(tree, name)
	if isProgram(inTree) || strings.Contains(name, "/") {
		return inTree, nil
	}
	for _, folder := range filepath.SplitList(path) {
		if candidate := filepath.Join(folder, name); filepath.IsAbs(folder) && isProgram(candidate) {
			return candidate, nil
		}
	}
	return "", understudy.Errorf(understudy.KindNotFound, "command %q is neither a program below %s nor on PATH (%s)", name, tree, path)
}

func isProgram(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// describeStart says why a command did not start, in words that lead somewhere.
func describeStart(cmd *exec.Cmd, user string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return understudy.Errorf(understudy.KindNotFound, "starting %s in %s: the program, its interpreter or the folder does not exist", cmd.Path, cmd.Dir)
	case errors.Is(err, fs.ErrPermission) && user != "":
		return understudy.Errorf(understudy.KindRefused, "starting %s in %s as user %s: permission denied", cmd.Path, cmd.Dir, user).
			WithHint("let user %s read the artifact and every folder above it", user)
	case errors.Is(err, syscall.ENOEXEC):
		return understudy.Errorf(understudy.KindInvalid, "starting %s: it is no program for this machine", cmd.Path)
	default:
		return understudy.Errorf(understudy.KindInternal, "starting %s in %s: %w", cmd.Path, cmd.Dir, err)
	}
}

// describeExit says how a process ended.
func describeExit(state *os.ProcessState) string {
	if state == nil {
		return "could not be waited for"
	}
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return "was ended by signal " + status.Signal().String()
	}
	return "exited with status " + itoa(state.ExitCode())
}
