package maskprogram

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"understudy"
)

const (
	// Silence is how long a program may take to its next answer.
	Silence = time.Minute
	// longestLine bounds one answer, so that a program that writes without end is noticed.
	longestLine = 256 << 20
	// killedWithin is how long the pipes of a killed program are waited for.
	killedWithin = 5 * time.Second
)

var errSilent = errors.New("it said nothing for too long")

// Runner runs programs. The zero value allows a silence of Silence.
type Runner struct {
	Silence time.Duration // how long a program may take to its next answer
}

// Run gives a batch of rows to a program and puts its answers in their place: rows[i][j] is
// the value of columns[j] in row i, nil for NULL. It may be called from several goroutines
// at once. After an error no row has changed and nothing of the program runs.
func (r Runner) Run(ctx context.Context, command, columns []string, rows [][][]byte) error {
	if len(rows) == 0 {
		return ctx.Err()
	}
	input, err := encode(name(command), columns, rows)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	limit := r.Silence
	if limit == 0 {
		limit = Silence
	}
	silence := time.AfterFunc(limit, func() { cancel(errSilent) })
	defer silence.Stop()
	answers, err := converse(ctx, command, input, columns, len(rows), func() { silence.Reset(limit) })
	switch {
	case errors.Is(context.Cause(ctx), errSilent):
		return understudy.Errorf(understudy.KindUnavailable, "masking by %s: it gave no answer for %s and was ended", name(command), limit).
			WithHint("it must answer each row as it comes or once its input ends, and flush what it wrote")
	case ctx.Err() != nil:
		return understudy.Errorf(understudy.KindUnavailable, "masking by %s was stopped: %w", name(command), context.Cause(ctx))
	case err != nil:
		return err
	}
	for i := range rows {
		copy(rows[i], answers[i])
	}
	return nil
}

// name is a program as errors call it: its arguments may hold what nobody should read.
func name(command []string) string {
	if len(command) == 0 {
		return "a program without a name"
	}
	return filepath.Base(command[0])
}

// converse starts the program, writes all input, reads all answers and waits for its end.
func converse(ctx context.Context, command []string, input []byte, columns []string, want int, heard func()) ([][][]byte, error) {
	if len(command) == 0 {
		return nil, understudy.Errorf(understudy.KindInvalid, "masking by a program: the rule names none")
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = environment(os.Environ())
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return killGroup(cmd) }
	cmd.WaitDelay = killedWithin
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, understudy.Errorf(understudy.KindInternal, "masking by %s: making its input: %w", name(command), err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, understudy.Errorf(understudy.KindInternal, "masking by %s: making its output: %w", name(command), err)
	}
	if err := cmd.Start(); err != nil {
		return nil, understudy.Errorf(understudy.KindUnavailable, "masking by %s: it cannot be started: %w", name(command), withoutPath(err)).
			WithHint("the rule in mask.yaml names the command and its arguments: {program: [./mask.py]}")
	}
	var both errgroup.Group
	both.Go(func() error {
		_, err := in.Write(input)
		return errors.Join(err, in.Close())
	})
	answers, wrong := readAnswers(bufio.NewReaderSize(out, 64<<10), name(command), columns, want, heard)
	if wrong != nil && !errors.Is(wrong, errEnded) {
		_ = killGroup(cmd) // what is wrong is said already
	}
	unread := both.Wait() // an input that was not read is not wrong by itself
	return answers, verdict(name(command), errors.Join(cmd.Wait(), killGroup(cmd)), wrong, len(answers), want, unread)
}

// verdict says what went wrong, if something did.
func verdict(name string, ended, wrong error, have, want int, unread error) error {
	var status *exec.ExitError
	switch {
	case wrong != nil && !errors.Is(wrong, errEnded):
		return wrong
	case errors.As(ended, &status):
		return understudy.Errorf(understudy.KindUnavailable, "masking by %s: it ended with %s after %d of %d rows", name, status.ProcessState, have, want).
			WithHint("run it by hand on such rows: what it says for itself is not shown here, for it may hold values")
	case ended != nil:
		return understudy.Errorf(understudy.KindUnavailable, "masking by %s: waiting for its end: %w", name, ended)
	case wrong != nil:
		return understudy.Errorf(understudy.KindInvalid, "masking by %s: it answered %d of %d rows", name, have, want).
			WithHint("it must write one line for each line it reads, and flush what it wrote before it ends")
	case unread != nil && !errors.Is(unread, syscall.EPIPE):
		return understudy.Errorf(understudy.KindUnavailable, "masking by %s: writing its input: %w", name, unread)
	}
	return nil
}

// killGroup ends the program and all that it started. That nothing is left is no error.
func killGroup(cmd *exec.Cmd) error {
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) && !errors.Is(err, syscall.EPERM) {
		return err
	}
	return nil
}

// environment is what a program sees of ours: nothing that could be a secret.
func environment(ours []string) []string {
	return slices.DeleteFunc(slices.Clone(ours), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return !slices.Contains([]string{"PATH", "HOME", "LANG", "TMPDIR"}, name)
	})
}

// withoutPath is the reason alone.
func withoutPath(err error) error {
	var path *os.PathError
	var notFound *exec.Error
	switch {
	case errors.As(err, &path):
		return path.Err
	case errors.As(err, &notFound):
		return notFound.Err
	}
	return err
}
