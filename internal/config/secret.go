package config

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"understudy"
)

const (
	secretWithin  = 30 * time.Second // for a command to say its secret
	largestSecret = 64 << 10         // bytes
)

// Secret reads what a reference names: a variable of this process (env:NAME), a file
// (file:PATH), what a shell command prints (exec:COMMAND, at most 30 s), or one value of a
// file that sops decrypts (sops:FILE#KEY, as long). One line end at the end is taken off. No
// error holds the value, or anything that the command said. What is run ends with ctx, and all that it started.
func Secret(ctx context.Context, ref understudy.SecretRef) (string, error) {
	scheme, rest, found := strings.Cut(string(ref), ":")
	if !found || rest == "" {
		return "", notReference()
	}
	var value string
	var err error
	switch scheme {
	case "env":
		value, err = fromVariable(rest)
	case "file":
		value, err = fromFile(rest)
	case "exec":
		value, err = fromCommand(ctx, rest)
	case "sops":
		value, err = fromSops(ctx, rest)
	default:
		return "", notReference()
	}
	if err != nil {
		return "", err
	}
	value = strings.TrimSuffix(strings.TrimSuffix(value, "\n"), "\r")
	switch {
	case value == "":
		return "", understudy.Errorf(understudy.KindInvalid, "reading a secret from %s: expected a value, found nothing", origin(scheme, rest))
	case strings.ContainsRune(value, 0):
		return "", understudy.Errorf(understudy.KindInvalid, "reading a secret from %s: expected a text, found a zero byte in it", origin(scheme, rest))
	}
	return value, nil
}

// notReference does not show what was found: it may be the secret itself.
func notReference() error {
	return understudy.Errorf(understudy.KindInvalid, "a secret is written as env:NAME, file:PATH, exec:COMMAND or sops:FILE#KEY, found something else").
		WithHint("put the value into a file that only you can read, and write file: and its path")
}

// origin names where a secret comes from; of a command, only the program.
func origin(scheme, rest string) string {
	switch scheme {
	case "env":
		return "variable " + rest
	case "file":
		return "file " + rest
	case "sops":
		return "sops file " + rest
	}
	return "command " + programOf(rest)
}

// programOf names what a shell command runs, and nothing that it is given. What is set for it
// in front, as in TOKEN=… curl, is not shown, and hides its name too.
func programOf(line string) string {
	name := first(strings.Fields(line))
	if strings.ContainsAny(name, "=\"'$`<") {
		return "a shell command"
	}
	return name
}

func fromVariable(name string) (string, error) {
	value, found := os.LookupEnv(name)
	if !found {
		return "", understudy.Errorf(understudy.KindNotFound, "reading a secret from variable %s: it is not set", name).
			WithHint("the daemon reads %s, and has the variables of the shell that started it: export it, run understudy stop, and try again", name)
	}
	return value, nil
}

func fromFile(path string) (string, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "", understudy.Errorf(understudy.KindNotFound, "reading a secret from file %s: it does not exist", path)
	case err != nil:
		return "", understudy.Errorf(understudy.KindUnavailable, "reading a secret from file: %w", err)
	case !info.Mode().IsRegular():
		return "", understudy.Errorf(understudy.KindInvalid, "reading a secret from file %s: expected a file, found a %s", path, describe(info.Mode()))
	case info.Size() > largestSecret:
		return "", understudy.Errorf(understudy.KindInvalid, "reading a secret from file %s: it has %d bytes, expected at most %d", path, info.Size(), largestSecret)
	}
	value, err := os.ReadFile(path)
	if err != nil {
		return "", understudy.Errorf(understudy.KindUnavailable, "reading a secret from file: %w", err)
	}
	return string(value), nil
}

func fromCommand(ctx context.Context, line string) (string, error) {
	return run(ctx, func(ctx context.Context) *exec.Cmd { return exec.CommandContext(ctx, "sh", "-c", line) }, origin("exec", line))
}

// run gives what a command prints, within its time; what names it for people.
func run(act context.Context, make func(context.Context) *exec.Cmd, what string) (string, error) {
	ctx, cancel := context.WithTimeout(act, secretWithin)
	defer cancel()
	var said bytes.Buffer
	command := make(ctx)
	out := &limited{to: &said, left: largestSecret}
	command.Stdout = out
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) } // and what it started
	command.WaitDelay = time.Second                                                              // for what the command left running
	err := command.Run()
	var ended *exec.ExitError
	switch {
	case act.Err() != nil:
		return "", understudy.Errorf(understudy.KindUnavailable, "reading a secret from %s: it was broken off: %w", what, context.Cause(act))
	case ctx.Err() != nil:
		return "", understudy.Errorf(understudy.KindUnavailable, "reading a secret from %s: it did not end within %s", what, secretWithin)
	case out.over: // of which it may have ended, as nobody reads on
		return "", understudy.Errorf(understudy.KindInvalid, "reading a secret from %s: it said more than %d bytes", what, largestSecret)
	case errors.As(err, &ended):
		return "", understudy.Errorf(understudy.KindUnavailable, "reading a secret from %s: it ended with %s", what, ended.ProcessState).
			WithHint("what it said is not shown, as it may hold the secret; run it by hand")
	case errors.Is(err, exec.ErrWaitDelay):
		_ = command.Cancel() // what is left of its group
		return "", understudy.Errorf(understudy.KindInvalid, "reading a secret from %s: it ended, and what it has started goes on and could still write", what).
			WithHint("let it send elsewhere what goes on has to say: PROGRAM >/dev/null &")
	case err != nil:
		return "", understudy.Errorf(understudy.KindUnavailable, "reading a secret from %s: %w", what, err)
	}
	return said.String(), nil
}

var errTooLong = errors.New("more than a secret can be")

type limited struct {
	to   io.Writer
	left int
	over bool
}

// Write passes on what fits, and refuses the rest.
func (l *limited) Write(p []byte) (int, error) {
	if len(p) > l.left {
		l.over = true
		return 0, errTooLong
	}
	l.left -= len(p)
	n, err := l.to.Write(p)
	if err != nil {
		return n, fmt.Errorf("keeping what a command said: %w", err)
	}
	return n, nil
}
