package alone

import (
	"context"
	"slices"
	"strings"
	"time"

	"understudy/internal/migration"
	"understudy/internal/rehearsal"
)

// command runs the team's commands on one copy, as the user who asked, in the folder where
// they are. It is a laboratory's place.
type command struct {
	trial *trial
	on    rehearsal.Copy
}

// afterDashes is how a command is given.
const afterDashes = "the command comes after --; write it as you would type it, or sh -c '…'"

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
	environ := append(slices.Clone(c.trial.environ), c.trial.order.URLEnv+"="+address.url)
	result, err := c.trial.booth.run(ctx, args, append(environ, address.env...))
	result.Output = address.hide(result.Output)
	return result, err
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
