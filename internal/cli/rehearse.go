package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"understudy"
	"understudy/internal/api"
)

const rehearsalExits = "0 passed, 1 error or cancelled, 2 wrong usage, 4 failed, 5 inconclusive"

func (c *cli) rehearseCommand() *cobra.Command {
	var on string
	var plain, detach bool
	cmd := c.command(page{
		use: "rehearse RELEASE [--on ENV] [--plain] [--detach]", short: "rehearse a release on the twin", args: takes(1, 1),
		long: "Makes the twin what production is now, runs the release through every check, and ends with a\n" +
			"signed verdict and its findings, worst first. It goes on when this command is interrupted.",
		example: "understudy rehearse v2\nunderstudy rehearse v2 --json > rehearsal.json",
		exits:   rehearsalExits + "; with --detach 0 once it is queued",
	}, func(ctx context.Context, args []string) error {
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			r, err := roles.Rehearsals.Rehearse(ctx, api.Rehearse{Release: args[0], On: on, By: who()})
			if err != nil {
				return err
			}
			if detach {
				return show(c, r, func(r understudy.Rehearsal) {
					c.voice.print("%s", r.ID)
					c.voice.say("rehearsal %s of %s is %s; follow it with: understudy rehearsal watch %s", r.ID, r.Label, r.State, r.ID)
				})
			}
			return c.followRehearsal(ctx, roles.Rehearsals, r.ID, plain)
		})
	})
	cmd.Flags().StringVar(&on, "on", "", "twin to rehearse on (default the only one)")
	cmd.Flags().BoolVar(&plain, "plain", false, "plain lines, on a terminal too")
	cmd.Flags().BoolVar(&detach, "detach", false, "do not follow: return once it is queued")
	return cmd
}

// followRehearsal shows a rehearsal until it has ended, and ends as it did.
func (c *cli) followRehearsal(ctx context.Context, rehearsals api.Rehearsals, id string, plain bool) error {
	var last understudy.Rehearsal
	board := c.board(plain)
	err := c.persist(ctx, func(ctx context.Context) error {
		return rehearsals.WatchRehearsal(ctx, id, func(r understudy.Rehearsal) error {
			last = r
			board.show(r)
			return nil
		})
	})
	board.close()
	if errors.Is(err, context.Canceled) {
		return understudy.Errorf(understudy.KindUnavailable, "interrupted; rehearsal %s goes on", id).
			WithHint("follow it again with: understudy rehearsal watch %s\nend it with: understudy rehearsal cancel %s", id, id)
	}
	if err != nil {
		return err
	}
	return c.concludeRehearsal(last)
}

// concludeRehearsal says how a rehearsal ended.
func (c *cli) concludeRehearsal(r understudy.Rehearsal) error {
	err := show(c, r, func(r understudy.Rehearsal) {
		c.showFindings(r.Findings())
		c.voice.print("%s", conclusion(r))
	})
	if err != nil {
		return err
	}
	if status := statusOf(r.State); status != understudy.ExitDone {
		return ended(status)
	}
	return nil
}

func statusOf(s understudy.RehearsalState) int {
	switch s {
	case understudy.RehearsalPassed:
		return understudy.ExitDone
	case understudy.RehearsalFailed:
		return understudy.ExitFailed
	case understudy.RehearsalInconclusive:
		return understudy.ExitInconclusive
	default:
		return understudy.ExitError
	}
}

// conclusion is the last line about a rehearsal.
func conclusion(r understudy.Rehearsal) string {
	line := "verdict: none, the rehearsal is " + string(r.State)
	if r.Verdict != "" {
		line = "verdict: " + string(r.State) + " (" + r.Verdict + ", signed)"
	}
	if r.Reason != "" {
		line += ": " + r.Reason
	}
	return line
}
