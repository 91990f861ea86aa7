package cli

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"understudy"
	"understudy/internal/api"
	"understudy/internal/atomicfile"
	"understudy/internal/proofpage"
)

func (c *cli) twinProof() *cobra.Command {
	var file string
	cmd := c.command(page{
		use: "proof ENV [--page FILE]", short: "show what was proven of a twin's data", args: takes(1, 1),
		long: "Shows how the copy that a twin stands on was held against its source: rows and fingerprints,\n" +
			"constraints and indexes, originals of masked columns anywhere in it, statistics, plans, small\n" +
			"groups. Counts and shares only; with --json all of them, with --page as one page of HTML.",
		example: "understudy twin proof staging\nunderstudy twin proof staging --page proof.html",
		exits:   "0 nothing speaks against it, 1 error, 2 wrong usage, 3 something does, or nothing was proven",
	}, func(ctx context.Context, args []string) error {
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			snapshot, err := roles.Proofs.Proof(ctx, args[0])
			if err != nil {
				return err
			}
			if file != "" {
				if err := c.keepProof(snapshot, file); err != nil {
					return err
				}
			}
			if err := show(c, snapshot, c.showProofs); err != nil {
				return err
			}
			return unproven(snapshot)
		})
	})
	cmd.Flags().StringVar(&file, "page", "", "write it as a page of HTML to this file too")
	return cmd
}

func (c *cli) keepProof(s understudy.Snapshot, file string) error {
	if err := atomicfile.WriteFrom(file, func(to io.Writer) error { return proofpage.Write(to, s) }, 0o644); err != nil {
		return err
	}
	whole, err := filepath.Abs(file)
	if err != nil {
		return fmt.Errorf("naming the page: %w", err)
	}
	c.voice.say("the page is %s", whole)
	return nil
}

// unproven is an error if any database has no proof, or one that speaks against it.
func unproven(s understudy.Snapshot) error {
	for _, d := range s.Databases {
		if d.Proof == nil {
			return understudy.Errorf(understudy.KindRefused, "the copy of %s was never held against its source", d.Database).
				WithHint("understudy twin reset makes a copy, and proves it")
		}
		if why := d.Proof.Refusals(); len(why) > 0 {
			return understudy.Errorf(understudy.KindRefused, "the copy of %s is not as it should be: %s", d.Database, strings.Join(why, "; "))
		}
	}
	return nil
}

// sayProven says in a line for each database what came of its proof.
func (c *cli) sayProven(s understudy.Snapshot) {
	for _, d := range s.Databases {
		if p := d.Proof; p != nil {
			c.voice.print("proven of %s: %d of %d tables as in the source, %s originals in %s values; understudy twin proof shows the rest",
				d.Database, p.TablesEqual, p.TablesCompared, number(p.Leaked), number(p.Values))
		}
	}
}

func (c *cli) showProofs(s understudy.Snapshot) {
	c.voice.print("data of %s as of %s", s.Of, moment(s.TakenAt))
	if len(s.Following) > 0 {
		c.voice.print("proven as it was copied; what was applied since is masked by the same rules, and was not held against its source")
	}
	for _, d := range s.Databases {
		if d.Proof != nil {
			c.showProof(d.Database, *d.Proof)
		}
	}
}

func (c *cli) showProof(database string, p understudy.CopyProof) {
	c.voice.print("")
	c.voice.print("%s  (%s)", database, p.Digest.Short())
	c.voice.print("  %d of %d tables as in the source, %d of them by fingerprint", p.TablesEqual, p.TablesCompared, p.TablesPrinted)
	c.voice.print("  %d constraints and %d indexes in the source; wrong here: %d", p.Objects.Constraints, p.Objects.Indexes, p.Invalid)
	c.voice.print("  %s values searched for %s originals: %s leaked, %s accepted, %s common, %s by coincidence",
		number(p.Values), number(p.Originals), number(p.Leaked), number(p.Accepted), number(p.Common), number(p.Coincidences))
	if len(p.Columns) > 0 {
		c.voice.print("  likeness of %d columns: %.3f", len(p.Columns), p.Likeness)
	}
	if p.PlansCompared > 0 {
		c.voice.print("  %d of %d plans the same", p.PlansSame, p.PlansCompared)
	}
	for _, g := range p.Groups {
		c.voice.print("  %s by %s: %s groups of fewer than %d rows", g.Table, strings.Join(g.Columns, ", "), number(g.Small), g.K)
	}
	for _, sentence := range p.NotShown {
		c.voice.print("  not looked at: %s", sentence)
	}
}
