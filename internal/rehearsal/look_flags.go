package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"understudy"
	"understudy/internal/check"
)

// lookAtFlags turns the candidate's new flags off, where nothing that exists may change, and
// then on: each alone, and in pairs with all others around production's values.
func lookAtFlags(ctx context.Context, p *play, r *understudy.Rehearsal) (understudy.Check, error) {
	if p.Candidate.Application.Flags == nil {
		return understudy.Check{Summary: "the release declares no flags"}, nil
	}
	if p.Flags == nil {
		return untold("nobody serves flags here"), nil
	}
	plan, err := p.Flags.FlagPlan(ctx)
	if err != nil {
		return understudy.Check{}, err
	}
	f := &flagged{play: p, plan: plan, limit: p.Policy.Flags, used: map[string]int{}, unknown: map[string]int{}}
	f.check.Findings = append(staleFlags(plan), withoutOff(plan)...)
	if err := p.reach(ctx, switched); err != nil {
		return f.check, err
	}
	if err := f.read(ctx); err != nil { // what the tests read
		return f.check, err
	}
	if len(plan.New) > 0 {
		if err := f.perform(ctx); err != nil {
			return f.check, err
		}
		r.FlagRows = f.passed
	}
	return f.conclude(), nil
}

// flagged is one look at flags.
type flagged struct {
	*play
	plan    FlagPlan
	limit   understudy.FlagPolicy
	check   understudy.Check
	used    map[string]int // reads by key
	unknown map[string]int
	bulk    int
	turn    int

	allOff []string // what fails with all new flags off
	passed []understudy.FlagValues
	guilty []understudy.FlagValues // what makes a row fail
	spared int                     // rows that hold what is known to fail
	left   int                     // rows that were not run
	untold []string                // what could not be looked at, in half sentences
	log    []flagRun
	doubts []string // what differed with all new flags off, and did not the second time
}

// flagRun is a run of one combination, for the evidence.
type flagRun struct {
	Values understudy.FlagValues `json:"values"`
	Failed []string              `json:"failed,omitempty"`
	Took   time.Duration         `json:"took"`
}

func (f *flagged) perform(ctx context.Context) error {
	defer func() { f.at = empty }() // what the combinations left is nobody's business
	f.leave()
	until := time.Now().Add(f.limit.Time)
	if err := f.lookOff(ctx); err != nil {
		return err
	}
	if err := f.lookOn(ctx, until); err != nil {
		return err
	}
	kept, err := f.keep("flags.json", map[string]any{"plan": f.plan, "runs": f.log, "notRun": f.left, "differedOnce": f.doubts, "reads": f.used, "undeclared": f.unknown})
	f.check.Evidence = append(f.check.Evidence, kept...)
	return err
}

// lookOff compares the candidate with all new flags off with the baseline: the same requests
// on the same data. What differs is looked at a second time, since chance makes some.
func (f *flagged) lookOff(ctx context.Context) error {
	if f.Player == nil || f.Crowd == nil {
		f.untold = append(f.untold, "there is no declared traffic that production's release and this one could be compared by")
		return f.ready(ctx)
	}
	sides, parts := make([]side, 0, 3), []Part{Baseline, Baseline, Candidate}
	for _, part := range parts {
		s, err := f.side(ctx, part)
		if err != nil {
			return err
		}
		sides = append(sides, s)
	}
	if len(sides[0].answers) == 0 {
		f.untold = append(f.untold, "no request of the declared traffic was answered by production's release")
	}
	found := differ(sides[0], sides[1], sides[2])
	if slices.ContainsFunc(found, func(d difference) bool { return !d.note }) { // both once more: time has gone by for both
		again, err := f.side(ctx, Candidate)
		if err != nil {
			return err
		}
		base, err := f.side(ctx, Baseline)
		if err != nil {
			return err
		}
		suspected := found
		found = lasting(suspected, differ(sides[0], base, again))
		for _, d := range suspected {
			if !slices.Contains(found, d) {
				f.doubts = append(f.doubts, d.subject+": "+d.seen)
			}
		}
		if err := f.ready(ctx); err != nil {
			return err
		}
	} else if err := f.Stage.Start(ctx, Candidate); err != nil {
		return err
	}
	f.judgeAllOff(found)
	varied := incomparable(sides[0].answers, sides[1].answers)
	f.check.Figures = append(f.check.Figures,
		understudy.Figure{Name: "requests compared with all new flags off", Value: float64(len(sides[0].answers) - varied), Basis: "the declared traffic in order, twice on production's release"},
		understudy.Figure{Name: "requests that vary too much by themselves to be compared", Value: float64(varied), Basis: "the same"},
		understudy.Figure{Name: "statements compared with all new flags off", Value: float64(comparedStatements(sides)), Basis: "as pg_stat_statements tells them apart; none where the server does not count them"})
	return nil
}

// ready has the candidate on a fresh copy, all new flags off.
func (f *flagged) ready(ctx context.Context) error {
	if err := f.Stage.Fresh(ctx); err != nil {
		return err
	}
	if err := f.migrate(ctx); err != nil {
		return err
	}
	if f.broken {
		return brokenOff()
	}
	if err := f.Flags.SetFlags(ctx, Candidate, f.plan.Off); err != nil {
		return err
	}
	return f.Stage.Start(ctx, Candidate)
}

// side plays the declared traffic to a part on a fresh copy, and ends it, so that all that it
// did is counted.
func (f *flagged) side(ctx context.Context, part Part) (side, error) {
	var s side
	if part == Candidate {
		if err := f.ready(ctx); err != nil {
			return s, err
		}
	} else if err := errors.Join(f.Stage.Fresh(ctx), f.Stage.Start(ctx, part)); err != nil {
		return s, err
	}
	before, err := f.Player.Effects(ctx)
	if err != nil {
		return s, err
	}
	if err := f.Door.Serve(ctx, part); err != nil {
		return s, err
	}
	if s.answers, err = f.Player.Play(ctx, 0); err != nil {
		return s, err
	}
	if part == Candidate {
		if err := f.read(ctx); err != nil {
			return s, err
		}
	}
	if err := f.Player.End(ctx); err != nil {
		return s, err
	}
	after, err := f.Player.Effects(ctx)
	s.effects = before.grown(after)
	return s, err
}

// lookOn runs the rows, and shrinks those that fail.
func (f *flagged) lookOn(ctx context.Context, until time.Time) error {
	if err := f.Door.Serve(ctx, Candidate); err != nil {
		return err
	}
	var err error
	if f.allOff, err = f.run(ctx, f.plan.Off); err != nil {
		return err
	}
	if len(f.allOff) > 0 {
		f.check.Findings = append(f.check.Findings, f.rowFails("with all new flags off", f.plan.Off, f.allOff))
	} else {
		f.passed = append(f.passed, f.plan.Off)
	}
	for i, row := range f.plan.Rows {
		switch {
		case i >= f.limit.Rows, time.Now().After(until):
			f.left = len(f.plan.Rows) - i
			return f.read(ctx)
		case f.knownToFail(row):
			f.spared++
			continue
		}
		if err := f.row(ctx, row, until); err != nil {
			return err
		}
	}
	return f.read(ctx)
}

func (f *flagged) knownToFail(row understudy.FlagValues) bool {
	return slices.ContainsFunc(f.guilty, func(guilty understudy.FlagValues) bool {
		for key, variant := range guilty {
			if row[key] != variant {
				return false
			}
		}
		return true
	})
}

// row runs one combination. What fails is run once more; if it fails again, the flags that
// make it fail are looked for.
func (f *flagged) row(ctx context.Context, row understudy.FlagValues, until time.Time) error {
	failed, err := f.run(ctx, row)
	if err != nil {
		return err
	}
	if failed = f.anew(failed); len(failed) == 0 {
		f.passed = append(f.passed, row)
		return nil
	}
	again, err := f.run(ctx, row)
	if err != nil {
		return err
	}
	if len(f.anew(again)) == 0 {
		f.check.Findings = append(f.check.Findings, check.Find(check.FlagsFlaky, f.plan.said(row), strings.Join(failed, "; "), nil))
		f.untold = append(f.untold, "a combination failed once and passed once: "+f.plan.said(row))
		return nil
	}
	keys, small, err := f.Flags.GuiltyFlags(ctx, row, f.passed, func(part understudy.FlagValues) (bool, error) {
		if time.Now().After(until) { // what is known to fail stays as large as it is
			return false, nil
		}
		said, err := f.run(ctx, part)
		return len(f.anew(said)) > 0, err
	})
	if err != nil {
		return err
	}
	guilty := understudy.FlagValues{}
	for _, key := range keys {
		guilty[key] = small[key]
	}
	if len(guilty) == 0 {
		guilty = row
	}
	f.guilty = append(f.guilty, guilty)
	f.check.Findings = append(f.check.Findings, f.rowFails(f.plan.said(guilty), row, f.anew(again)))
	return nil
}

// anew leaves out what fails with all new flags off, too.
func (f *flagged) anew(failed []string) []string {
	return slices.DeleteFunc(slices.Clone(failed), func(what string) bool { return slices.Contains(f.allOff, what) })
}

func (f *flagged) rowFails(subject string, row understudy.FlagValues, failed []string) understudy.Finding {
	seen := strings.Join(failed[:min(5, len(failed))], "; ")
	if len(failed) > 5 {
		seen += fmt.Sprintf("; and %d more", len(failed)-5)
	}
	return check.Find(check.FlagsRowFails, subject, "found with "+f.plan.said(row)+": "+seen, nil)
}

// run sets a combination, runs the team's tests and plays the declared traffic, and says
// what failed.
func (f *flagged) run(ctx context.Context, values understudy.FlagValues) ([]string, error) {
	began := time.Now()
	if err := f.Flags.SetFlags(ctx, Candidate, values); err != nil {
		return nil, err
	}
	var failed []string
	for _, test := range f.Candidate.Application.Tests {
		tested, err := f.Tester.Test(ctx, Candidate, test)
		if err != nil {
			return nil, fmt.Errorf("test %s: %w", test.Name, err)
		}
		for _, name := range tested.Failed {
			failed = append(failed, "test "+test.Name+": "+name)
		}
		if !tested.Passed && len(tested.Failed) == 0 {
			failed = append(failed, "test "+test.Name)
		}
	}
	if f.Player != nil && f.Crowd != nil {
		f.turn++
		answers, err := f.Player.Play(ctx, f.turn)
		if err != nil {
			return nil, err
		}
		for _, a := range answers {
			if what := "traffic: " + a.Failed; a.Failed != "" && !slices.Contains(failed, what) {
				failed = append(failed, what)
			}
		}
	}
	f.log = append(f.log, flagRun{values, failed, time.Since(began)})
	return failed, nil
}

// read adds what the candidate has read since it started. It is called once in each of its
// lives, before it ends.
func (f *flagged) read(ctx context.Context) error {
	reads, err := f.Flags.FlagReads(ctx, Candidate)
	for key, n := range reads.Known {
		f.used[key] += n
	}
	for key, n := range reads.Unknown {
		f.unknown[key] += n
	}
	f.bulk += reads.Bulk
	return err
}

// said is a combination in words: what is otherwise than with all new flags off.
func (p FlagPlan) said(row understudy.FlagValues) string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(row)) {
		if row[key] != p.Off[key] {
			parts = append(parts, key+"="+row[key])
		}
	}
	if len(parts) == 0 {
		return "all new flags off"
	}
	return strings.Join(parts, ", ")
}
