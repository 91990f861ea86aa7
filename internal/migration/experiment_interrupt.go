package migration

import (
	"context"
	"fmt"
	"strings"
	"time"

	"understudy"
	"understudy/internal/check"
)

// Interrupted is one run that was killed, what that left, and the run after it.
type Interrupted struct {
	When   string        `json:"when"` // "half way", "after its first commit"
	At     time.Duration `json:"at"`   // from its start
	Missed bool          `json:"missed,omitempty"`
	Ended  int           `json:"ended"` // sessions at the server that had to be ended after it
	Status string        `json:"status,omitempty"`
	Left   []string      `json:"left,omitempty"`  // how the schema differed from before the migration
	Again  string        `json:"again,omitempty"` // how the next run ended
	OK     bool          `json:"ok"`
	Differ []string      `json:"differ,omitempty"` // how the schema differs from an undisturbed run's after that

	Held
}

// well tells whether nothing was found.
func (i Interrupted) well() bool { return i.OK && len(i.Differ)+len(i.Strayed) == 0 }

// point is a moment to kill a run at. Where the statement that ran then is known, it is
// counted from when that is seen to run, as no two runs are equally fast.
type point struct {
	when     string
	at       time.Duration
	patience time.Duration // in which the server may end what it was doing
	during   string
	into     time.Duration
}

// Interrupt kills the command half way, program and session at once, as when a machine goes
// down; and, where it commits in between, once more just after its first commit, letting the
// server end what it was doing, as when only the program dies. After each it is run again.
func Interrupt(ctx context.Context, lab Lab) (Tried, error) {
	var all []Interrupted
	for _, p := range points(lab.First) {
		one, err := lab.interrupt(ctx, p)
		if err == nil && one.Missed { // it was faster this time
			one, err = lab.interrupt(ctx, point{when: p.when, at: p.at / 2, patience: p.patience})
		}
		if err == nil && one.OK && !one.Missed {
			one.Held, err = lab.Calm.hold(ctx, lab)
		}
		if err != nil {
			return Tried{}, fmt.Errorf("killing the migration %s and running it again: %w", p.when, err)
		}
		all = append(all, one)
	}
	tried := judgeInterrupted(all, lab.First.Took)
	tried.Findings = append(tried.Findings, lab.Calm.found()...)
	return tried, nil
}

// points are the moments to kill a run at: one of a short run, as half way and after the
// first commit are the same there, and one of a very long run, which is run once more for each.
func points(first Ran) []point {
	out := []point{seenAt(first, point{when: "half way", at: halfWay(first)})}
	if at, told := firstCommit(first); told && first.Took >= shortRun && first.Took <= longRun {
		out = append(out, seenAt(first, point{when: "after its first commit", at: at, patience: min(first.Took+5*time.Second, time.Minute)}))
	}
	return out
}

// seenAt adds the statement that was the last to begin before a point. One that ran several
// times shows nothing.
func seenAt(first Ran, p point) point {
	var last understudy.ObservedStatement
	times := map[string]int{}
	for _, s := range first.Observation.Whole().Statements {
		times[s.Text]++
		if at := offset(first) + s.From; at <= p.at && (last.Text == "" || s.From > last.From) {
			last = s
		}
	}
	if last.Text != "" && times[last.Text] == 1 {
		p.during, p.into = last.Text, p.at-offset(first)-last.From
	}
	return p
}

const (
	shortRun = 2 * time.Second
	longRun  = 5 * time.Minute
)

// halfWay is the middle of what it did at the database, where that was seen, else of the run.
func halfWay(first Ran) time.Duration {
	all := first.Observation.Whole().Statements
	if len(all) == 0 {
		return first.Took / 2
	}
	from, until := all[0].From, all[0].Until
	for _, s := range all {
		from, until = min(from, s.From), max(until, s.Until)
	}
	if until <= from {
		return first.Took / 2
	}
	return offset(first) + from + (until-from)/2
}

// firstCommit is the moment after its first commit, where others follow.
func firstCommit(first Ran) (time.Duration, bool) {
	at, last := time.Duration(0), time.Duration(0)
	for _, s := range first.Observation.Whole().Statements {
		if s.Commits && (at == 0 || s.Until < at) {
			at = s.Until
		}
		last = max(last, s.Until)
	}
	if at == 0 || last-at < 50*time.Millisecond {
		return 0, false
	}
	return offset(first) + at + 20*time.Millisecond, true
}

// offset is what the observation's moments begin after the run's.
func offset(first Ran) time.Duration {
	if first.Observation.Began.IsZero() || first.Started.IsZero() {
		return 0
	}
	return first.Observation.Began.Sub(first.Started)
}

func (l Lab) interrupt(ctx context.Context, p point) (Interrupted, error) {
	out := Interrupted{When: p.when}
	if err := l.Bench.Fresh(ctx); err != nil {
		return out, err
	}
	var err error
	if out.At, out.Missed, err = l.kill(ctx, p); err != nil || out.Missed {
		return out, err
	}
	if out.Ended, err = l.Bench.Still(ctx, p.patience); err != nil {
		return out, err
	}
	left, err := l.Bench.Schema(ctx)
	if err != nil {
		return out, err
	}
	if out.Left, err = l.Bench.Compare(l.Before, left); err != nil {
		return out, err
	}
	out.Status = l.Bench.Status(ctx)
	again, err := l.runs(ctx, 0)
	if err != nil {
		return out, err
	}
	out.OK, out.Again = again.OK(), endOf(again)
	out.Differ, err = l.differs(ctx)
	return out, err
}

// kill starts the command and kills it at a point, and says when that was; missed: it had
// ended before.
func (l Lab) kill(ctx context.Context, p point) (at time.Duration, missed bool, err error) {
	doomed, cancel := context.WithCancel(ctx)
	began, struck := time.Now(), make(chan time.Duration, 1)
	go func() {
		defer close(struck)
		if l.reach(doomed, p) {
			struck <- time.Since(began)
			cancel()
		}
	}()
	result, err := l.Commander.RunMigration(doomed, Command{Args: l.Options.Args, LockTimeout: l.Options.LockTimeout})
	cancel()
	at, killed := <-struck
	switch {
	case ctx.Err() != nil:
		return at, false, context.Cause(ctx)
	case err == nil && result.Status == 0, !killed:
		return at, true, err
	}
	return at, false, nil // it was killed, which is no error
}

// reach returns true at a point of a run that begins now, and false if that ends before. A
// statement that does not come, or that nobody sees, leaves the clock.
func (l Lab) reach(ctx context.Context, p point) bool {
	began := time.Now()
	if l.Begins != nil && p.during != "" {
		looking, cancel := context.WithTimeout(ctx, 2*p.at)
		defer cancel()
		if seen, err := l.Begins(looking, p.during); seen && err == nil {
			return passes(ctx, p.into)
		}
	}
	return passes(ctx, max(0, p.at-time.Since(began)))
}

// passes waits; false: the context ended before.
func passes(ctx context.Context, wait time.Duration) bool {
	select {
	case <-time.After(wait):
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

func judgeInterrupted(all []Interrupted, took time.Duration) Tried {
	tried := Tried{Seen: all}
	var good, missed []string
	held := Held{Compared: true}
	for _, one := range all {
		switch {
		case one.Missed:
			missed = append(missed, one.When)
		case one.well():
			good = append(good, fmt.Sprintf("%s (%s)", one.When, rounded(one.At)))
			held.Compared = held.Compared && one.Compared
			if one.Varies != nil { // which all have in common
				held.Varies = one.Varies
			}
		default:
			tried.Findings = append(tried.Findings, findInterrupted(one, took))
		}
	}
	if len(good) > 0 {
		tried.Summary = "killed " + strings.Join(good, " and ") + " and run again, it ends well" + held.said()
	}
	if len(missed) > 0 {
		tried.Summary = strings.TrimPrefix(tried.Summary+"; it was too fast to be killed "+strings.Join(missed, " and "), "; ")
	}
	return tried
}

func findInterrupted(one Interrupted, took time.Duration) understudy.Finding {
	seen := fmt.Sprintf("killed %s, %s into a run of %s; ", one.When, rounded(one.At), rounded(took))
	if one.Ended > 0 {
		seen += fmt.Sprintf("%d of its sessions at the server were ended; ", one.Ended)
	}
	seen += "that left " + leftBy(one) + ". Run again, it " + one.Again
	if len(one.Differ) > 0 && one.OK {
		seen += ", but its schema is not that of an undisturbed run: " + few(one.Differ, 3)
	}
	if len(one.Strayed) > 0 {
		seen += ", but its data is not that of an undisturbed run: " + few(texts(one.Strayed), 3)
	}
	remedy := "let each step be skipped when it is done, and record a step in the transaction that does it; what cannot run in a transaction must first drop what an earlier try left"
	invalid := invalidIndexes(append(one.Left, one.Differ...))
	switch {
	case invalid:
		remedy = "drop an index that is invalid before it is built: IF NOT EXISTS keeps the broken one"
	case len(one.Strayed) > 0:
		remedy = "let the transaction that changes rows record that they are done, row by row or batch by batch, and let the next run leave out what is recorded"
	}
	return check.Find(check.MigrationInterrupted, one.When, seen, check.Facts{"when": one.When, "remedy": remedy})
}

func texts(strayed []Strayed) (all []string) {
	for _, s := range strayed {
		all = append(all, s.String())
	}
	return all
}

// leftBy is the state that a killed run leaves, in words.
func leftBy(one Interrupted) string {
	text := "the schema as it was"
	if len(one.Left) > 0 {
		text = few(one.Left, 3)
	}
	if one.Status != "" {
		text += "; its status command says " + one.Status
	}
	return text
}

func invalidIndexes(changes []string) bool {
	return strings.Contains(strings.Join(changes, "\n"), "(invalid)")
}
