package alone

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"os/user"
	"strings"
	"time"

	"understudy"
	"understudy/internal/cli"
	"understudy/internal/laboratory"
	"understudy/internal/migration"
	"understudy/internal/rehearsal"
)

// RehearseMigration rehearses one migration on a copy of one database, as `understudy
// migration rehearse` was asked to: with the rehearsal's own engine and checks, and a cast
// that needs no project, no daemon and no release.
func RehearseMigration(ctx context.Context, order cli.MigrationOrder, tell func(string), each func(understudy.Rehearsal)) (tried understudy.Rehearsal, err error) {
	if _, err := exec.LookPath(order.Command[0]); err != nil { // before anything is copied
		return tried, understudy.Errorf(understudy.KindInvalid, "there is no program %s to run", order.Command[0]).
			WithHint("%s", afterDashes)
	}
	if !variable.MatchString(order.URLEnv) {
		return tried, understudy.Errorf(understudy.KindInvalid, "--url-env: expected the name of a variable, found %q", order.URLEnv)
	}
	traffic, err := declaredTraffic(order)
	if err != nil {
		return tried, err
	}
	if err := mayKeep(order.Evidence); err != nil {
		return tried, err
	}
	environ, err := environment(order, os.Environ(), tell)
	if err != nil {
		return tried, err
	}
	place, err := openPlace(ctx, order.Folder, tell)
	if err != nil {
		return tried, err
	}
	defer func() { err = errors.Join(err, place.close()) }()
	stand, err := newStand(ctx, order, place, tell)
	if err != nil {
		return tried, planned(err, order.Rules)
	}
	defer func() { err = errors.Join(err, stand.Close(context.WithoutCancel(ctx))) }()
	booth, err := openBooth(ctx, order, place, stand, tell)
	if err != nil {
		return tried, err
	}
	defer func() { err = errors.Join(err, booth.close(context.WithoutCancel(ctx))) }()
	if order.Traffic == "" {
		if traffic.before, err = stand.usual(ctx); err != nil {
			return tried, err
		}
	}
	order.Policy.Required = trialChecks(order)
	book := &book{each: each, kept: map[understudy.Digest][]byte{}, folder: order.Evidence}
	cast := &trial{order: order, policy: order.Policy.WithDefaults(), stand: stand, traffic: traffic, book: book, booth: booth, environ: environ, tell: tell}
	engine := rehearsal.Engine{House: cast, Records: book, Notary: book, Recorder: book, Keeper: book, Now: time.Now, Timing: trialTiming()}
	if err := book.SaveRehearsal(ctx, cast.record()); err != nil {
		return tried, err
	}
	if err := engine.Run(ctx, trialID); err != nil {
		return tried, err
	}
	if tried, err = book.LoadRehearsal(ctx, trialID); err != nil || order.SVG == "" {
		return tried, err
	}
	return tried, book.draw(order.SVG, tried.Label)
}

// trialTiming is shorter than that of a release: what is watched has no processes to warm up.
func trialTiming() rehearsal.Timing {
	return rehearsal.Timing{Warm: time.Second, Watch: 3 * time.Second}
}

// trialID is the one rehearsal that there is.
const trialID = "migration"

// trialChecks are those that a migration alone can be put to.
func trialChecks(order cli.MigrationOrder) []string {
	checks := []string{understudy.CheckMigration, understudy.CheckCompatibility}
	if len(order.Down) > 0 || order.After != "" {
		checks = append(checks, understudy.CheckRollback)
	}
	return checks
}

// trial casts a rehearsal of a migration alone.
type trial struct {
	order   cli.MigrationOrder
	policy  understudy.Policy
	stand   stand
	traffic traffic
	book    *book
	tell    func(string)
	booth   *booth
	environ []string // what the command gets of the caller's environment
	crowd   *crowd   // while there is one

	unplanned string // why plans are not compared, as it was told
}

// laboratory tries the migration on the stand's copies.
func (t *trial) laboratory() *laboratory.Laboratory {
	_, examiner := witnessed(t.stand)
	return &laboratory.Laboratory{
		Declared: *t.candidate().Application.Migration, Policy: t.policy, Ledger: t.stand, Examiner: examiner, Engine: t.stand, Keep: t.book.Keep,
		Enter:   func(_ context.Context, on rehearsal.Copy) (laboratory.Place, error) { return command{t, on}, nil },
		Outlook: t.lookAhead,
	}
}

// measured is a stand that knows how big tables are, on both sides.
type measured interface {
	sizes(ctx context.Context, production string) (twin, there map[string]migration.Size, err error)
}

// lookAhead notes how big production is, and how its busiest statements are planned, where
// its engine tells.
func (t *trial) lookAhead(ctx context.Context, on rehearsal.Copy, way laboratory.Way) (out laboratory.Outlook, err error) {
	if way != laboratory.Up {
		return out, nil
	}
	if by, knows := t.stand.(measured); knows {
		if out.Twin, out.Production, err = by.sizes(ctx, t.order.Database); err != nil {
			return out, err
		}
	}
	comparing := &planning{trial: t, on: on}
	if on == rehearsal.Work {
		if err := comparing.note(ctx); err != nil {
			return out, err
		}
	}
	out.Conclude = comparing.conclude
	return out, nil
}

func (t *trial) record() understudy.Rehearsal {
	by := "somebody"
	if who, err := user.Current(); err == nil {
		by = who.Username
	}
	candidate := t.candidate()
	return understudy.Rehearsal{
		ID: trialID, Candidate: candidate.Digest, Label: candidate.Label, BaselineLabel: "the old release", On: "a copy", For: t.stand.about().name,
		State: understudy.RehearsalQueued, QueuedAt: time.Now(), By: by,
	}
}

// candidate is what a release would be that has nothing but this migration.
func (t *trial) candidate() understudy.Release {
	back := understudy.WayNone
	if len(t.order.Down) > 0 {
		back = understudy.WayDown
	}
	r := understudy.Release{
		Label: strings.Join(t.order.Command, " "),
		Application: understudy.Application{
			Name:      t.stand.about().name,
			Databases: []understudy.Database{{Name: t.stand.about().name, Env: t.order.URLEnv, Role: t.stand.about().role}},
			Migration: &understudy.Migration{Up: t.order.Command, Down: t.order.Down, Status: t.order.Status, Role: t.stand.about().role, Back: back, Timeout: t.order.Timeout},
		},
	}
	if digest, err := understudy.DigestOfValue(r.Application); err == nil { // declared types have a JSON form
		r.Digest = digest
	}
	return r
}

// Enter implements rehearsal.House.
func (t *trial) Enter(context.Context, understudy.Rehearsal) (rehearsal.Scene, error) {
	witness, examiner := witnessed(t.stand)
	return rehearsal.Scene{
		Candidate: t.candidate(), Policy: t.policy, Checks: t.policy.Required,
		Stage: t, Door: t, Crowd: t.anybody(), Silence: "no table has both rows and a primary key; name statements with --traffic", Migrator: t.laboratory(), Ledger: t.stand, Witness: witness, Examiner: examiner,
	}, nil
}

// anybody is the crowd, where there is a statement for it to run.
func (t *trial) anybody() rehearsal.Crowd {
	if len(t.traffic.before) == 0 {
		return nil
	}
	return t
}

// Reset is not asked for: the copy was made before.
func (t *trial) Reset(context.Context) (rehearsal.Set, error) {
	return rehearsal.Set{}, understudy.Errorf(understudy.KindInternal, "a migration alone has no twin to be reset")
}

// Fresh makes the work copy anew.
func (t *trial) Fresh(ctx context.Context) error { return t.stand.Clone(ctx, rehearsal.Work) }

// Start has nothing to do: the old release is its statements, and comes with the crowd.
func (t *trial) Start(context.Context, rehearsal.Part) error { return nil }

// Stop has nothing to do, as Start has not.
func (t *trial) Stop(context.Context, rehearsal.Part) error { return nil }

// Close ends nothing: who made the stand ends it.
func (t *trial) Close(context.Context) error { return nil }

// Serve lets the statements of a part be run from now on.
func (t *trial) Serve(ctx context.Context, part rehearsal.Part) error {
	if t.crowd == nil || part == rehearsal.Candidate && len(t.traffic.after) == 0 {
		return nil
	}
	return t.crowd.serve(ctx, part)
}

// Drain cuts nothing off: statements end by themselves.
func (t *trial) Drain(context.Context, rehearsal.Part) (int, error) { return 0, nil }

// Bits has nothing to compare.
func (t *trial) Bits(context.Context, rehearsal.Part) ([]rehearsal.Bit, error) { return nil, nil }
