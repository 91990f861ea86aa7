package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"understudy"
)

// ErrCancelled is the cause with which a rehearsal's context is cancelled when somebody
// asked for that. With any other cause the rehearsal stays as it is, to go on later.
var ErrCancelled = errors.New("cancelled")

// Engine runs rehearsals. All fields are set before the first Run.
type Engine struct {
	House    House
	Records  Records
	Notary   Notary
	Recorder Recorder
	Keeper   Keeper
	Timing   Timing
	Now      func() time.Time
}

// Timing is how long the stage is looked at.
type Timing struct {
	Warm  time.Duration // traffic before the first judgement; 0: 3 s
	Watch time.Duration // each window of traffic that is judged; 0: 4 s
}

func (t Timing) withDefaults() Timing {
	if t.Warm == 0 {
		t.Warm = 3 * time.Second
	}
	if t.Watch == 0 {
		t.Watch = 4 * time.Second
	}
	return t
}

// Run runs a rehearsal to its end, or from where it stopped. It returns nil when the
// rehearsal has ended, whatever its outcome, and an error when it could not be carried on;
// then the record says how far it came and Run may be called again.
func (e *Engine) Run(ctx context.Context, id string) error {
	r, err := e.Records.LoadRehearsal(context.WithoutCancel(ctx), id) // a cancelled one must be known to be ended
	if err != nil || r.State.Ended() {
		return err
	}
	if r.State == understudy.RehearsalRunning {
		r.Resumed++
	}
	if r, err = e.begin(ctx, r); err != nil && !errors.Is(context.Cause(ctx), ErrCancelled) {
		return err
	} else if err != nil {
		return e.giveUp(ctx, r, err)
	}
	scene, err := e.House.Enter(ctx, r)
	if err != nil {
		return e.giveUp(ctx, r, err)
	}
	play := &play{Scene: scene, engine: e, timing: e.Timing.withDefaults()}
	r, err = e.perform(ctx, play, r)
	play.leave()
	err = errors.Join(err, scene.Stage.Close(context.WithoutCancel(ctx)))
	if err != nil || ctx.Err() != nil {
		return e.giveUp(ctx, r, err)
	}
	return e.conclude(context.WithoutCancel(ctx), r, scene) // what is signed has ended
}

func (e *Engine) begin(ctx context.Context, r understudy.Rehearsal) (understudy.Rehearsal, error) {
	act := "rehearsal.resumed"
	if r.State == understudy.RehearsalQueued {
		act, r.State, r.StartedAt, r.WaitsFor = "rehearsal.started", understudy.RehearsalRunning, e.Now(), ""
	}
	if err := e.Recorder.Record(ctx, act, r.ID, "", map[string]string{"release": r.Label, "on": r.On}); err != nil {
		return r, err
	}
	return e.save(ctx, r)
}

// save writes the record down and reads it back, so that going on after a crash is never
// the first time that it is decoded. With an error it returns the record as it was given.
func (e *Engine) save(ctx context.Context, r understudy.Rehearsal) (understudy.Rehearsal, error) {
	if err := e.Records.SaveRehearsal(ctx, r); err != nil {
		return r, err
	}
	read, err := e.Records.LoadRehearsal(ctx, r.ID)
	if err != nil {
		return r, err
	}
	return read, nil
}

func (e *Engine) perform(ctx context.Context, p *play, r understudy.Rehearsal) (understudy.Rehearsal, error) {
	for _, c := range p.checks() {
		if _, done := r.Done(c.name); done || len(p.Checks) > 0 && !slices.Contains(p.Checks, c.name) {
			continue
		}
		var err error
		if r, err = e.look(ctx, p, r, c); err != nil {
			return r, err
		}
	}
	return r, nil
}

// look runs one check: intent, work, outcome.
func (e *Engine) look(ctx context.Context, p *play, r understudy.Rehearsal, c looker) (understudy.Rehearsal, error) {
	r.Step = c.name
	r, err := e.save(ctx, r)
	if err != nil {
		return r, err
	}
	if err := e.Recorder.Record(ctx, "check.started", r.ID, "", map[string]string{"check": c.name}); err != nil {
		return r, err
	}
	started := e.Now()
	p.rehearsal = &r
	result, err := understudy.Check{}, unset(r)
	if err == nil {
		result, err = c.run(ctx, p, &r)
	}
	if ctx.Err() != nil {
		return r, context.Cause(ctx)
	}
	if err != nil { // what was found before stays
		result.Outcome, result.Summary = understudy.OutcomeError, "could not look: "+err.Error()
	}
	result.Name, result.StartedAt, result.Took = c.name, started, e.Now().Sub(started)
	result = shown(result).Conclude()
	facts := map[string]string{"check": c.name, "outcome": string(result.Outcome), "findings": fmt.Sprint(len(result.Findings))}
	if err := e.Recorder.Record(ctx, "check.ended", r.ID, "", facts); err != nil {
		return r, err
	}
	r.Checks, r.Step = append(r.Checks, result), ""
	return e.save(ctx, r)
}

// unset says why nothing can be looked at: what would be found on a twin that could not be set
// to what production is would be of an earlier production, or of none.
func unset(r understudy.Rehearsal) error {
	if twin, done := r.Done(understudy.CheckTwin); done && twin.Outcome == understudy.OutcomeError && r.Snapshot == nil {
		return understudy.Errorf(understudy.KindUnavailable, "the twin could not be set to what production is (see check %s)", understudy.CheckTwin)
	}
	return nil
}

// shown gives each finding that has no evidence of its own that of its check.
func shown(c understudy.Check) understudy.Check {
	for i := range c.Findings {
		if len(c.Findings[i].Evidence) == 0 {
			c.Findings[i].Evidence = c.Evidence
		}
	}
	return c
}

// giveUp ends a rehearsal that was cancelled or that nothing can be done about; one that
// the daemon's own end interrupted stays running, to go on later.
func (e *Engine) giveUp(ctx context.Context, r understudy.Rehearsal, why error) error {
	switch {
	case errors.Is(context.Cause(ctx), ErrCancelled):
		r.State, r.Reason = understudy.RehearsalCancelled, context.Cause(ctx).Error()
	case ctx.Err() != nil:
		return context.Cause(ctx)
	default:
		r.State, r.Reason = understudy.RehearsalError, why.Error()
	}
	ctx = context.WithoutCancel(ctx)
	r.EndedAt, r.Step = e.Now(), ""
	facts := map[string]string{"release": r.Label, "digest": string(r.Candidate), "for": r.For}
	err := e.Recorder.Record(ctx, "rehearsal."+string(r.State), r.ID, r.Reason, facts)
	return errors.Join(err, e.Records.SaveRehearsal(ctx, r))
}

func (e *Engine) conclude(ctx context.Context, r understudy.Rehearsal, scene Scene) error {
	outcome := understudy.Conclude(r.Checks, scene.Policy.Required)
	ended := e.Now()
	statement, err := e.statement(r, scene, outcome, ended)
	if err != nil {
		return err
	}
	if r.Verdict, err = e.Notary.Sign(ctx, statement); err != nil {
		return err
	}
	if err := e.recordAccepted(ctx, r); err != nil {
		return err
	}
	r.State, r.EndedAt = understudy.RehearsalState(outcome), ended
	facts := map[string]string{"release": r.Label, "digest": string(r.Candidate), "for": r.For, "verdict": r.Verdict}
	if err := e.Recorder.Record(ctx, "rehearsal."+string(r.State), r.ID, "", facts); err != nil {
		return err
	}
	return e.Records.SaveRehearsal(ctx, r)
}

// recordAccepted writes down which differences of the twin a verdict takes into account, and
// who answers for them.
func (e *Engine) recordAccepted(ctx context.Context, r understudy.Rehearsal) error {
	if r.Parity == nil {
		return nil
	}
	for _, a := range r.Parity.Accepted {
		facts := map[string]string{
			"verdict": r.Verdict, "twin": r.On, "kind": a.Kind, "name": a.Name, "owner": a.Owner, "until": a.Until, "differences": fmt.Sprint(a.Differences),
		}
		if err := e.Recorder.Record(ctx, "parity.accepted", r.ID, a.Reason, facts); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) statement(r understudy.Rehearsal, scene Scene, outcome understudy.Outcome, ended time.Time) (understudy.Statement, error) {
	policy, err := understudy.DigestOfValue(scene.Policy)
	s := understudy.Statement{
		Rehearsal: r.ID, Outcome: outcome, Release: r.Candidate, Label: r.Label,
		Artifact: scene.Candidate.Artifact.Digest, Config: scene.Candidate.Config,
		Migrations: scene.Candidate.Migrations, Flags: scene.Candidate.Flags, FlagRows: r.FlagRows, Baseline: r.Baseline,
		Production: r.Production, Policy: policy, Terms: &scene.Policy, Radius: r.Radius, Parity: r.Parity, LockTimeout: scene.Policy.LockTimeout, Expected: r.Expected, Contract: r.Contract, Restoration: r.Restoration,
		Running:   r.Running,
		StartedAt: r.StartedAt, EndedAt: ended,
	}
	if r.Snapshot != nil {
		s.Snapshot = r.Snapshot.Summarised()
	}
	for _, c := range r.Checks {
		s.Checks = append(s.Checks, attested(c))
		if c.Name == understudy.CheckCompatibility {
			s.OldRunsOnNew = c.Outcome == understudy.OutcomePassed
		}
		for _, f := range c.Figures {
			if c.Name == understudy.CheckMigration && f.Name == FigureMigration {
				s.Migrated = time.Duration(f.Value * float64(time.Second))
			}
		}
	}
	return s, err
}

// FigureMigration names the figure that says how long the migration took, in seconds.
const FigureMigration = "migration"

func attested(c understudy.Check) understudy.StatementCheck {
	out := understudy.StatementCheck{Name: c.Name, Outcome: c.Outcome}
	for _, f := range c.Findings {
		out.Findings = append(out.Findings, f.Code)
	}
	for _, e := range c.Evidence {
		out.Evidence = append(out.Evidence, e.Digest)
	}
	return out
}
