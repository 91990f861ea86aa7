package cli

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"understudy"
	"understudy/internal/api"
)

func (c *cli) journalCommand() *cobra.Command {
	var last int
	cmd := c.command(page{
		use: "journal [-n N]", short: "print who did what, when and why", args: takes(0, 0),
		long: "Prints the last entries of the journal, oldest first. No entry of it can be changed or taken out\n" +
			"without understudy journal verify noticing.",
		example: "understudy journal -n 20\nunderstudy journal -n 0 --json > journal.json",
	}, func(ctx context.Context, _ []string) error {
		if last < 0 {
			return understudy.Errorf(understudy.KindInvalid, "-n %d: a number of entries is 0 (all) or more", last)
		}
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			entries, err := lastEntries(ctx, roles.Journal, last)
			if err != nil {
				return err
			}
			return show(c, entries, c.showJournal)
		})
	})
	cmd.Flags().IntVarP(&last, "lines", "n", 50, "how many entries; 0: all")
	cmd.AddCommand(c.journalVerify())
	return cmd
}

// lastEntries reads the journal and keeps its end.
func lastEntries(ctx context.Context, journal api.Journal, last int) ([]understudy.Entry, error) {
	entries := []understudy.Entry{}
	err := journal.JournalEntries(ctx, 0, func(e understudy.Entry) error {
		entries = append(entries, e)
		if last > 0 && len(entries) >= 2*last {
			entries = slices.Delete(entries, 0, len(entries)-last)
		}
		return nil
	})
	if last > 0 && len(entries) > last {
		entries = entries[len(entries)-last:]
	}
	return entries, err
}

func (c *cli) showJournal(entries []understudy.Entry) {
	var rows [][]string
	for _, e := range entries {
		var facts []string
		for _, name := range slices.Sorted(maps.Keys(e.Facts)) {
			facts = append(facts, name+"="+e.Facts[name])
		}
		rows = append(rows, []string{number(e.Sequence), moment(e.At), e.Actor, e.Act, e.Subject, strings.Join(append(reasons(e), facts...), " ")})
	}
	c.voice.table("ENTRY AT WHO ACT SUBJECT WHY", rows, "the journal is empty")
}

func reasons(e understudy.Entry) []string {
	if e.Reason == "" {
		return nil
	}
	return []string{e.Reason + ";"}
}

func (c *cli) journalVerify() *cobra.Command {
	return c.command(page{
		use: "verify", short: "verify that no entry was changed or taken out", args: takes(0, 0),
		long: "Reads the whole journal and verifies that each entry follows from the one before it. Keep the\n" +
			"head that it prints elsewhere, and a later end of the journal can be held against it.",
		example: "understudy journal verify",
		exits:   "0 it is whole, 1 it is not, or error, 2 wrong usage",
	}, func(ctx context.Context, _ []string) error {
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			verified, err := roles.Journal.VerifyJournal(ctx)
			if err != nil {
				return err
			}
			return show(c, verified, func(v api.JournalVerified) {
				c.voice.print("%s entries, each follows from the one before it; the head is %s", number(v.Entries), v.Head)
			})
		})
	})
}
