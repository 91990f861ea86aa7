package alone

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"understudy"
	"understudy/internal/migration"
	"understudy/internal/rehearsal"
)

// command runs the team's commands on one copy, as the user who asked, in the folder where
// they are. It is a laboratory's place.
type command struct {
	trial *trial
	on    rehearsal.Copy
}

// patience is how long a command's streams are waited for after it was ended.
const patience = 5 * time.Second

// RunMigration implements migration.Commander.
func (c command) RunMigration(ctx context.Context, ordered migration.Command) (migration.Result, error) {
	address, err := c.trial.stand.address(c.on, ordered)
	if err != nil {
		return migration.Result{}, err
	}
	args := make([]string, 0, len(ordered.Args))
	for _, arg := range ordered.Args {
		args = append(args, strings.NewReplacer("{url}", address.url, "{path}", address.path).Replace(arg))
	}
	var out migration.Tail
	run := exec.CommandContext(ctx, args[0], args[1:]...)
	run.Env = append(os.Environ(), c.trial.order.Env+"="+address.url)
	run.Env = append(run.Env, address.env...)
	run.Stdout, run.Stderr = &out, &out
	run.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	run.Cancel = func() error { return syscall.Kill(-run.Process.Pid, syscall.SIGKILL) }
	run.WaitDelay = patience
	err = run.Run()
	result := migration.Result{Status: run.ProcessState.ExitCode(), Output: address.hide(out.String())}
	ended := new(exec.ExitError)
	switch {
	case errors.As(err, &ended), errors.Is(err, exec.ErrWaitDelay), ctx.Err() != nil:
		return result, nil // how it ended is the result
	case err != nil:
		return result, understudy.Errorf(understudy.KindInvalid, "starting the command %s: %w", args[0], err).
			WithHint("the command comes after --; write it as you would type it, or sh -c '…'")
	}
	return result, nil
}

// Close implements laboratory.Place.
func (command) Close(context.Context) {}

// Status implements laboratory.Place.
func (c command) Status(ctx context.Context) string {
	if len(c.trial.order.Status) == 0 {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	said, err := c.RunMigration(ctx, migration.Command{Args: c.trial.order.Status})
	if err != nil || said.Status != 0 {
		return ""
	}
	return migration.LastLines(said.Output, 3)
}

// hide takes the address, and the password in it, out of a text.
func (a address) hide(text string) string {
	text = strings.ReplaceAll(text, a.url, "[the copy]")
	if a.password != "" {
		text = strings.ReplaceAll(text, a.password, "[secret]")
	}
	return text
}
