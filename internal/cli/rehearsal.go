package cli

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"understudy"
	"understudy/internal/api"
)

func (c *cli) rehearsalCommand() *cobra.Command {
	return c.group("rehearsal", "look at rehearsals, follow and cancel them",
		"A rehearsal is one run of a release on the twin. It belongs to the daemon: it goes on when the\n"+
			"command that asked for it ends, and when the daemon is started again.",
		c.rehearsalList(), c.rehearsalShow(), c.rehearsalWatch(), c.rehearsalCancel(), c.rehearsalEvidence())
}

func (c *cli) rehearsalList() *cobra.Command {
	return c.command(page{
		use: "list", short: "list the rehearsals, oldest first", args: takes(0, 0),
		long:    "Lists the rehearsals, oldest first: what was rehearsed where, how it ended, how long it took.\nAn unfinished one is shown with the check under way.",
		example: "understudy rehearsal list",
	}, func(ctx context.Context, _ []string) error {
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			all, err := roles.Rehearsals.Rehearsals(ctx)
			if err != nil {
				return err
			}
			return show(c, all, func(all []understudy.Rehearsal) {
				var rows [][]string
				for _, r := range all {
					rows = append(rows, []string{r.ID, r.Label, r.On, string(r.State) + after(", ", stepOf(r)), moment(r.QueuedAt), c.lasted(r), r.By})
				}
				c.voice.table("ID RELEASE ON STATE ASKED TOOK BY", rows, "there are no rehearsals; make one with: understudy rehearse RELEASE")
			})
		})
	})
}

func stepOf(r understudy.Rehearsal) string {
	if r.State.Ended() {
		return ""
	}
	return r.Step
}

func (c *cli) lasted(r understudy.Rehearsal) string {
	switch {
	case r.StartedAt.IsZero():
		return "-"
	case r.EndedAt.IsZero():
		return took(c.now().Sub(r.StartedAt))
	}
	return took(r.EndedAt.Sub(r.StartedAt))
}

func (c *cli) rehearsalShow() *cobra.Command {
	return c.command(page{
		use: "show ID", short: "show a rehearsal with its checks and findings", args: takes(1, 1),
		long: "Shows what each check ended with, the figures that were measured, and the findings, worst\n" +
			"first. With --json everything that is recorded.",
		example: "understudy rehearsal show " + exampleID,
	}, func(ctx context.Context, args []string) error {
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			r, err := roles.Rehearsals.Rehearsal(ctx, args[0])
			if err != nil {
				return err
			}
			return show(c, r, c.showRehearsal)
		})
	})
}

const exampleID = "r-7f3a"

func (c *cli) showRehearsal(r understudy.Rehearsal) {
	c.voice.print("%s", strings.Replace(title(r), "rehearsing", "rehearsal of", 1))
	c.voice.print("asked for by %s at %s; took %s", r.By, moment(r.QueuedAt), c.lasted(r))
	c.voice.print("")
	for _, line := range checklist(r, c.now()) {
		c.voice.print("%s", line.text())
	}
	c.voice.print("")
	for _, check := range r.Checks {
		for _, f := range check.Figures {
			c.voice.print("%s: %s %s%s", check.Name, f.Name, figure(f), after(", ", f.Basis))
		}
	}
	c.voice.print("")
	c.showFindings(r.Findings())
	c.voice.print("%s", conclusion(r))
}

func (c *cli) rehearsalWatch() *cobra.Command {
	var plain bool
	cmd := c.command(page{
		use: "watch ID [--plain]", short: "follow a rehearsal until it has ended", args: takes(1, 1),
		long:    "Shows a rehearsal as understudy rehearse does, and ends as it ends. Interrupting it ends the\nlooking, not the rehearsal.",
		example: "understudy rehearsal watch " + exampleID,
		exits:   rehearsalExits,
	}, func(ctx context.Context, args []string) error {
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			return c.followRehearsal(ctx, roles.Rehearsals, args[0], plain)
		})
	})
	cmd.Flags().BoolVar(&plain, "plain", false, "plain lines, on a terminal too")
	return cmd
}

func (c *cli) rehearsalCancel() *cobra.Command {
	return c.command(page{
		use: "cancel ID", short: "end a rehearsal before it has a verdict", args: takes(1, 1),
		long:    "Ends a rehearsal that waits or runs. It has no verdict then; the twin is made anew by the next\none.",
		example: "understudy rehearsal cancel " + exampleID,
	}, func(ctx context.Context, args []string) error {
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			if err := roles.Rehearsals.CancelRehearsal(ctx, args[0], who()); err != nil {
				return err
			}
			c.voice.say("rehearsal %s is cancelled", args[0])
			return nil
		})
	})
}

func (c *cli) rehearsalEvidence() *cobra.Command {
	return c.command(page{
		use: "evidence DIGEST", short: "print what a finding rests on", args: takes(1, 1),
		long:    "Prints a piece of evidence as it was kept. Findings name theirs by the first digits of a\ndigest, which is enough here.",
		example: "understudy rehearsal evidence 3f9a0c2b11de",
	}, func(ctx context.Context, args []string) error {
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			digest, err := evidenceNamed(ctx, roles.Rehearsals, args[0])
			if err != nil {
				return err
			}
			content, err := roles.Evidences.Evidence(ctx, digest)
			if err != nil {
				return err
			}
			_, err = io.Copy(c.voice.out, content)
			closed := content.Close()
			if err != nil {
				return understudy.Errorf(understudy.KindUnavailable, "printing evidence %s: %w", digest.Short(), err)
			}
			return closed
		})
	})
}

// evidenceNamed finds the evidence that a digest, or its beginning, means.
func evidenceNamed(ctx context.Context, rehearsals api.Rehearsals, name string) (understudy.Digest, error) {
	if digest, err := understudy.ParseDigest(name); err == nil {
		return digest, nil
	}
	all, err := rehearsals.Rehearsals(ctx)
	if err != nil {
		return "", err
	}
	digits, matching := strings.TrimPrefix(name, "sha256:"), map[understudy.Digest]bool{}
	for _, r := range all {
		for _, e := range evidenceOf(r) {
			if digits != "" && strings.HasPrefix(e.Digest.Hex(), digits) {
				matching[e.Digest] = true
			}
		}
	}
	if len(matching) > 1 {
		return "", understudy.Errorf(understudy.KindInvalid, "%d pieces of evidence begin with %s", len(matching), digits).WithHint("give more of its digits")
	}
	for digest := range matching {
		return digest, nil
	}
	return "", understudy.Errorf(understudy.KindNotFound, "no rehearsal has evidence %s", name).
		WithHint("findings name theirs: understudy rehearsal show ID")
}

func evidenceOf(r understudy.Rehearsal) []understudy.Evidence {
	var all []understudy.Evidence
	for _, check := range r.Checks {
		all = append(all, check.Evidence...)
		for _, f := range check.Findings {
			all = append(all, f.Evidence...)
		}
	}
	return all
}

// figure is a measured number with its unit, as people read it.
func figure(f understudy.Figure) string {
	switch f.Unit {
	case "B":
		return bytesOf(int64(f.Value))
	case "s":
		return took(time.Duration(f.Value * float64(time.Second)))
	}
	return amount(f.Value) + after(" ", f.Unit)
}
