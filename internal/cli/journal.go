package cli

import (
	"context"
	"maps"
	"slices"
	"strconv"
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
		rows = append(rows, []string{number(e.Sequence), moment(e.At), e.Actor, e.Act, e.Subject, why(e.Reason, strings.Join(facts, " "))})
	}
	c.voice.table("ENTRY AT WHO ACT SUBJECT WHY", rows, "the journal is empty")
}

// why is what an entry says of its act: the reason, then what it names.
func why(reason, facts string) string {
	if reason == "" || facts == "" {
		return reason + facts
	}
	return reason + "; " + facts
}

func (c *cli) journalVerify() *cobra.Command {
	var head, since string
	cmd := c.command(page{
		use: "verify [--head HASH] [--since WHEN]", short: "verify that no entry was changed or taken out", args: takes(0, 0),
		long: "Reads the journal and verifies that each entry follows from the one before it. Whoever can write\n" +
			"to its folder can replace the whole of it, consistently: keep the head that this prints elsewhere\n" +
			"(notifications carry it too), and --head says whether that entry is still there, unchanged.\n" +
			"--since reads only what was written since then, and takes what is before as it is.",
		example: "understudy journal verify\nunderstudy journal verify --head \"$(cat /mnt/elsewhere/head)\"\nunderstudy journal verify --since 7d",
		exits:   "0 it is whole, 1 it is not, or error, 2 wrong usage",
	}, func(ctx context.Context, _ []string) error {
		request, err := c.verifyRequest(head, since)
		if err != nil {
			return err
		}
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			verified, err := roles.Journal.VerifyJournal(ctx, request)
			if err != nil {
				return err
			}
			return show(c, verified, c.showVerified)
		})
	})
	cmd.Flags().StringVar(&head, "head", "", "a head that was kept elsewhere")
	cmd.Flags().StringVar(&since, "since", "", "a length of time (36h, 7d), a day (2026-11-01), a moment, or an entry's number")
	return cmd
}

func (c *cli) verifyRequest(head, since string) (api.VerifyJournal, error) {
	request := api.VerifyJournal{Head: understudy.Digest(strings.TrimSpace(head))}
	if request.Head != "" {
		if _, err := understudy.ParseDigest(string(request.Head)); err != nil {
			return request, understudy.Errorf(understudy.KindInvalid, "--head: %w", err).WithHint("give the whole of it, as understudy journal verify printed it")
		}
	}
	if entry, err := strconv.ParseInt(since, 10, 64); err == nil && entry > 0 {
		request.From = entry
		return request, nil
	}
	var err error
	request.Since, err = c.moment("--since", since)
	return request, err
}

func (c *cli) showVerified(v api.JournalVerified) {
	which := ""
	if v.First > 1 {
		which = ", of which those from " + number(v.First) + " on were read"
	}
	c.voice.print("%s entries%s, each follows from the one before it; the head is %s", number(v.Entries), which, v.Head)
	if v.Known > 0 {
		c.voice.print("the head that was kept is entry %s; %s were written since", number(v.Known), number(v.Entries-v.Known))
	}
}
