package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"understudy"
	"understudy/internal/api"
	"understudy/internal/atomicfile"
	"understudy/internal/migrationpage"
)

func (c *cli) migrationExplain() *cobra.Command {
	var rehearsal, file string
	cmd := c.command(page{
		use: "explain FINDING [--rehearsal ID] [--svg FILE]", short: "show what happened, along the time, and the way that does not hurt", args: takes(1, 1),
		long: "Explains a finding of the last rehearsal that has it, or of the one that is named: what would\n" +
			"happen in production, what was seen, the statements with their locks and who waited along the\n" +
			"time, and the recipe. FINDING is its code (migration.blocked, or blocked), and where there are\n" +
			"several its subject too: migration.blocked:public.orders.",
		example: "understudy migration explain migration.blocked\nunderstudy migration explain migration.write-lock:public.orders --rehearsal " + exampleID + " --svg locks.svg",
	}, func(ctx context.Context, args []string) error {
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			told, err := explained(ctx, roles, args[0], rehearsal)
			if err != nil {
				return err
			}
			if file != "" {
				if err := c.keepTimeline(told, file); err != nil {
					return err
				}
			}
			return show(c, told, c.showExplanation)
		})
	})
	cmd.Flags().StringVar(&rehearsal, "rehearsal", "", "the rehearsal that found it (default the last that did)")
	cmd.Flags().StringVar(&file, "svg", "", "draw the timeline into this file too")
	return cmd
}

// explanation is a finding with what was seen while the migration ran.
type explanation struct {
	Rehearsal   string                 `json:"rehearsal"`
	Release     string                 `json:"release"`
	Finding     understudy.Finding     `json:"finding"`
	Others      []string               `json:"others,omitempty"` // subjects of the same code
	Observation understudy.Observation `json:"observation"`
}

// observed is how the evidence of what was seen is called: "migration-up-observed.json".
const observed = "-observed.json"

func explained(ctx context.Context, roles api.Roles, name, id string) (explanation, error) {
	r, err := withFinding(ctx, roles.Rehearsals, name, id)
	if err != nil {
		return explanation{}, err
	}
	matching := findingsNamed(r, name)
	told := explanation{Rehearsal: r.ID, Release: r.Label, Finding: matching[0]}
	for _, f := range matching[1:] {
		told.Others = append(told.Others, f.Subject)
	}
	evidence, found := observationOf(r, matching[0])
	if !found {
		return told, understudy.Errorf(understudy.KindNotFound, "explaining %s: rehearsal %s kept no observation of a migration with it", matching[0].Code, r.ID).
			WithHint("findings that migrations have are explained: understudy rehearsal show %s lists all", r.ID)
	}
	content, err := roles.Evidences.Evidence(ctx, evidence.Digest)
	if err != nil {
		return told, err
	}
	defer func() { _ = content.Close() }() // it was read, or is of no more use
	if err := json.NewDecoder(content).Decode(&told.Observation); err != nil {
		return told, understudy.Errorf(understudy.KindInternal, "reading evidence %s (%s): %w", evidence.Digest.Short(), evidence.Name, err)
	}
	return told, nil
}

// withFinding is the last rehearsal that has a finding, or the one that is named.
func withFinding(ctx context.Context, rehearsals api.Rehearsals, name, id string) (understudy.Rehearsal, error) {
	if id != "" {
		r, err := rehearsals.Rehearsal(ctx, id)
		if err == nil && len(findingsNamed(r, name)) == 0 {
			err = understudy.Errorf(understudy.KindNotFound, "rehearsal %s has no finding %s", r.ID, name).
				WithHint("it has: %s", orNone(codesOf(r)))
		}
		return r, err
	}
	all, err := rehearsals.Rehearsals(ctx)
	if err != nil {
		return understudy.Rehearsal{}, err
	}
	for _, r := range slices.Backward(all) {
		if len(findingsNamed(r, name)) > 0 {
			return r, nil
		}
	}
	missing := understudy.Errorf(understudy.KindNotFound, "no rehearsal has a finding %s", name)
	if len(all) == 0 {
		return understudy.Rehearsal{}, missing.WithHint("make one with: understudy rehearse RELEASE")
	}
	last := all[len(all)-1]
	return understudy.Rehearsal{}, missing.WithHint("the last, %s, has: %s", last.ID, orNone(codesOf(last)))
}

func codesOf(r understudy.Rehearsal) []string {
	var codes []string
	for _, f := range r.Findings() {
		if !slices.Contains(codes, f.Code) {
			codes = append(codes, f.Code)
		}
	}
	return codes
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// findingsNamed are a rehearsal's findings of a code, whole or without the name of its
// check, and of a subject where one is given; the worst first.
func findingsNamed(r understudy.Rehearsal, name string) []understudy.Finding {
	code, subject, _ := strings.Cut(name, ":")
	return slices.DeleteFunc(slices.Clone(r.Findings()), func(f understudy.Finding) bool {
		return f.Code != code && f.Code != "migration."+code || subject != "" && f.Subject != subject
	})
}

// observationOf finds what was seen of the migration that a finding is about: with the
// finding, or with its check.
func observationOf(r understudy.Rehearsal, f understudy.Finding) (understudy.Evidence, bool) {
	from := slices.Clone(f.Evidence)
	for _, check := range r.Checks {
		if check.Name == f.Check {
			from = append(from, check.Evidence...)
			for _, other := range check.Findings {
				from = append(from, other.Evidence...)
			}
		}
	}
	i := slices.IndexFunc(from, func(e understudy.Evidence) bool { return strings.HasSuffix(e.Name, observed) })
	if i < 0 {
		return understudy.Evidence{}, false
	}
	return from[i], true
}

func (c *cli) keepTimeline(told explanation, file string) error {
	title := told.Finding.Code + after(": ", told.Finding.Subject)
	err := atomicfile.WriteFrom(file, func(to io.Writer) error {
		return migrationpage.Write(to, told.Observation, title, told.Finding.Subject)
	}, 0o644)
	if err != nil {
		return err
	}
	whole, err := filepath.Abs(file)
	if err != nil {
		return fmt.Errorf("naming the timeline: %w", err)
	}
	c.voice.say("the timeline is %s", whole)
	return nil
}

func (c *cli) showExplanation(told explanation) {
	c.voice.print("rehearsal %s of %s", told.Rehearsal, told.Release)
	c.voice.print("")
	for _, line := range findingLines(told.Finding, c.voice.wrap()) {
		c.voice.print("%s", line)
	}
	c.voice.print("")
	for _, line := range migrationpage.Text(told.Observation, told.Finding.Subject) {
		c.voice.print("%s", line)
	}
	for _, note := range told.Observation.Whole().Notes {
		c.voice.print("note: %s", note)
	}
	if len(told.Others) > 0 {
		c.voice.print("")
		c.voice.print("%d more of this kind: %s", len(told.Others), strings.Join(told.Others, "; "))
	}
}
