package rehearsal

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"understudy"
)

// level is how far the stage is set.
type level int

const (
	empty level = iota
	fresh
	migrated
	switched
)

// looker is one check: its name and how it looks.
type looker struct {
	name string
	run  func(ctx context.Context, p *play, r *understudy.Rehearsal) (understudy.Check, error)
}

// play is one performance of a rehearsal in this process.
type play struct {
	Scene
	engine   *Engine
	timing   Timing
	at       level
	audience Audience
	before   *Heard          // the crowd on the baseline, schema untouched
	quietly  window          // when that was
	schema   json.RawMessage // of the work copy before the migration
	broken   bool            // the migration did not run through
	booted   bool            // starting the candidate brought the schema forward
	unready  error           // the candidate did not become ready
	// processes are those of the baseline as they were before the migration.
	processes []Bit

	rehearsal *understudy.Rehearsal // the record, during a check: it is saved when that has ended
}

func (p *play) checks() []looker {
	return []looker{
		{understudy.CheckTwin, lookAtTwin},
		{understudy.CheckParity, lookAtParity},
		{understudy.CheckConfig, lookAtConfig},
		{understudy.CheckMigration, lookAtMigration},
		{understudy.CheckCompatibility, lookAtCompatibility},
		{understudy.CheckDeployment, lookAtDeployment},
		{understudy.CheckTests, lookAtTests},
		{understudy.CheckFlags, lookAtFlags},
		{understudy.CheckRollback, lookAtRollback},
	}
}

// reach sets the stage for a check: it goes on from where the stage is, and begins anew
// where it is further than wanted.
func (p *play) reach(ctx context.Context, want level) error {
	if want > migrated {
		switch { // nothing is gained by waiting for the same failure once more
		case p.broken:
			return brokenOff()
		case p.unready != nil:
			return p.unready
		}
	}
	if p.at > want {
		p.at = empty
	}
	for p.at < want {
		if err := p.advance(ctx); err != nil {
			p.at = empty
			return err
		}
		p.at++
	}
	return nil
}

func (p *play) advance(ctx context.Context) error {
	switch p.at {
	case empty:
		return p.setFresh(ctx)
	case fresh:
		return p.migrate(ctx)
	default:
		if p.broken {
			return brokenOff()
		}
		if p.unready != nil {
			return p.unready
		}
		if err := p.Stage.Start(ctx, Candidate); err != nil {
			return err
		}
		return p.Door.Serve(ctx, Candidate)
	}
}

func (p *play) setFresh(ctx context.Context) error {
	p.leave()
	if err := p.Stage.Fresh(ctx); err != nil {
		return err
	}
	schema, err := p.Ledger.Schema(ctx, Work)
	if err != nil {
		return err
	}
	p.schema = schema
	if err := p.Stage.Start(ctx, Baseline); err != nil {
		return err
	}
	if err := p.Door.Serve(ctx, Baseline); err != nil {
		return err
	}
	if p.processes, err = p.Door.Bits(ctx, Baseline); err != nil {
		return err
	}
	return p.gather(ctx)
}

func (p *play) gather(ctx context.Context) error {
	if p.Crowd == nil {
		return nil
	}
	audience, err := p.Crowd.Gather(ctx)
	if err != nil {
		return err
	}
	p.audience = audience
	if err := wait(ctx, p.timing.Warm); err != nil {
		return err
	}
	p.quietly.from = time.Now()
	heard, err := p.listen(ctx, p.quietly.from, p.timing.Watch)
	p.quietly.until, p.before = time.Now(), &heard
	return err
}

// listen waits until a window of traffic is over and gives what was heard since from.
func (p *play) listen(ctx context.Context, from time.Time, length time.Duration) (Heard, error) {
	if p.audience == nil {
		return Heard{}, nil
	}
	err := wait(ctx, length)
	return p.audience.Window(from, time.Now(), p.Policy.BlockedFor), err
}

func (p *play) leave() {
	if p.audience != nil {
		p.audience.Leave()
		p.audience = nil
	}
}

// migrate brings the work copy forward without judging how.
func (p *play) migrate(ctx context.Context) error {
	if p.Candidate.Application.Migration == nil && !p.boots() {
		return nil
	}
	done, err := p.Migrator.Up(ctx, Work)
	if err != nil {
		return err
	}
	p.broken = !done.OK
	if p.boots() {
		p.booted, err = p.changedSchema(ctx)
		p.broken = p.broken && p.booted // else it is the deployment that fails
	}
	return err
}

// fresher lists, in words, the failures that were not there before: classes that are new,
// or many times more frequent. A single new failure is told apart, as chance makes some;
// two of different classes are not single.
func fresher(before, after Heard) (many, single []string) {
	for _, class := range slices.Sorted(maps.Keys(after.Classes)) {
		n, was := after.Classes[class], 0.0
		if before.Requests > 0 {
			was = float64(before.Classes[class]*after.Requests) / float64(before.Requests)
		}
		text := fmt.Sprintf("%s (%d)", class, n)
		switch {
		case n > 1 && float64(n) > 3*was:
			many = append(many, text)
		case n == 1 && was == 0:
			single = append(single, text)
		}
	}
	if len(single) > 1 {
		many, single = append(many, single...), nil
	}
	return many, single
}

// wait returns after d, or with the cause when ctx ends first.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// keep stores a JSON form of what was seen.
func (p *play) keep(name string, seen any) ([]understudy.Evidence, error) {
	raw, err := json.MarshalIndent(seen, "", "  ")
	if err != nil {
		return nil, err
	}
	e, err := p.engine.Keeper.Keep(name, strings.NewReader(string(raw)))
	if err != nil {
		return nil, err
	}
	return []understudy.Evidence{e}, nil
}

func seconds(d time.Duration) float64 { return d.Seconds() }

func number(n int64) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

func rounded(d time.Duration) time.Duration {
	if d > time.Second {
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(time.Millisecond)
}
