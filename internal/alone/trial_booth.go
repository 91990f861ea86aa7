package alone

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"understudy"
	"understudy/internal/cli"
	"understudy/internal/migration"
	"understudy/internal/runtime/process"
	"understudy/internal/seal"
)

// booth is where the commands are run: in the folder of whoever asks, and sealed off as a
// deployment of a twin is, where this machine can seal.
type booth struct {
	runtime  *process.Runtime
	folder   string // where the commands run
	captures string // of the seal; empty: there is none
	tell     func(string)
}

// boothID names it among deployments, of which it is the only one.
const boothID = "c"

// reached is a stand that is reached over the network, which a seal has to let through.
type reached interface{ forwards() []seal.Forward }

// openBooth says why it is not sealed, if it is not. The caller closes it.
func openBooth(ctx context.Context, order cli.MigrationOrder, at place, s stand, tell func(string)) (b *booth, err error) {
	b = &booth{tell: tell}
	if b.folder, err = os.Getwd(); err != nil {
		return nil, understudy.Errorf(understudy.KindUnavailable, "finding the folder to run the command in: %w", err)
	}
	if b.runtime, err = at.runtime(); err != nil {
		return nil, err
	}
	spec := process.Spec{ID: boothID, Environment: "copy", Label: "migration", Tree: b.folder}
	if b.sealed(order) {
		b.captures = filepath.Join(at.Folder, "captures.jsonl")
		closed := seal.Spec{Captures: b.captures, CA: filepath.Join(at.Folder, "authority")}
		if by, is := s.(reached); is {
			closed.Forwards = by.forwards()
		}
		if spec.Seal, err = json.Marshal(closed); err != nil {
			return nil, err
		}
	}
	return b, b.runtime.Start(ctx, spec)
}

// sealed tells whether the commands are sealed off, and says it where they are not.
func (b *booth) sealed(order cli.MigrationOrder) bool {
	if order.Unsealed {
		b.tell("the command is not sealed off, as asked: whom it calls is called")
		return false
	}
	if err := seal.Supported(); err != nil {
		b.tell("the command is not sealed off, whom it calls is called: " + err.Error())
		return false
	}
	return true
}

// run runs one command with exactly this environment. It ends with all that it has started.
func (b *booth) run(ctx context.Context, args, environ []string) (migration.Result, error) {
	program, err := exec.LookPath(args[0])
	if err == nil {
		program, err = filepath.Abs(program)
	}
	if err != nil {
		return migration.Result{}, understudy.Errorf(understudy.KindInvalid, "starting the command %s: %w", args[0], err).WithHint("%s", afterDashes)
	}
	var out migration.Tail
	status, err := b.runtime.Exec(ctx, boothID, process.Command{Args: append([]string{program}, args[1:]...), Dir: b.folder, Env: environ}, nil, &out, &out)
	return migration.Result{Status: status, Output: out.String()}, err
}

// close ends what still runs there, and tells whom the commands have called.
func (b *booth) close(ctx context.Context) error {
	err := b.runtime.Stop(ctx, boothID)
	if b.captures == "" {
		return err
	}
	caught, readErr := seal.Read(b.captures, time.Time{})
	for _, line := range called(caught) {
		b.tell(line)
	}
	return errors.Join(err, readErr)
}

// called says whom commands called that were sealed off, each once: what they said, and
// where exactly, may be secret.
func called(caught []seal.Capture) []string {
	const most = 10
	var lines []string
	times := map[string]int{}
	for _, c := range caught {
		line := "the command called " + c.Host + " by " + c.Kind
		if c.Kind == seal.KindDNS {
			line = "the command looked up " + c.Host
		}
		if c.Host == "" {
			continue
		}
		if times[line]++; times[line] == 1 {
			lines = append(lines, line)
		}
	}
	for i, line := range lines {
		if lines[i] += ", and was sealed off"; times[line] > 1 {
			lines[i] = fmt.Sprintf("%s, %d times", lines[i], times[line])
		}
	}
	if len(lines) > most {
		lines = append(lines[:most], fmt.Sprintf("… and %d others", len(lines)-most))
	}
	return lines
}
