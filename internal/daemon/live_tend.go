package daemon

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/config"
	"understudy/internal/mask"
	"understudy/internal/maskprogram"
	"understudy/internal/postgres/cluster"
	"understudy/internal/postgres/follow"
	"understudy/internal/postgres/replication"
	"understudy/internal/store"
	"understudy/internal/twin"
)

// asOfEvery is the time between two notes of as of when a snapshot is that is followed: as
// much of it a crash forgets.
const asOfEvery = time.Minute

// keepFollowing sees that a live twin is followed, or that nothing is left of it on
// production. While somebody has the twin's stage, nothing is begun: a rehearsal needs the
// same data at each of its clones.
func (d *Daemon) keepFollowing(ctx context.Context, name string) error {
	f := d.live.of(name)
	if f != nil && !f.connecting() {
		if time.Since(f.kept) < asOfEvery {
			f.asOf()
			return nil
		}
		f.kept = time.Now()
		return d.keepAsOf(ctx, f)
	}
	r, found, err := d.following(ctx, name)
	if err != nil || !found || r.Cleared {
		return err
	}
	if r.Awaits {
		if r, err = d.adoptNext(ctx, r); err != nil || r.Awaits {
			return errors.Join(err, d.guardLog(ctx, r))
		}
	}
	give, err := d.stages.take(name, bringingBack)
	if err != nil {
		return nil // whoever has it does what is needed
	}
	defer give()
	if interrupted, err := d.interrupted(ctx, name); err != nil || interrupted {
		return err
	}
	return d.startFollowers(ctx, name)
}

// interrupted tells whether a rehearsal on a twin goes on from the middle.
func (d *Daemon) interrupted(ctx context.Context, twin string) (bool, error) {
	id, err := d.nextOn(ctx, twin)
	if err != nil || id == "" {
		return false, err
	}
	r, err := records{d}.LoadRehearsal(ctx, id)
	return r.State == understudy.RehearsalRunning, err
}

// startFollowers sees that a live twin's server runs, and that it is followed. What cannot
// be followed any longer is brought to its end. Whoever calls has the twin's stage.
func (d *Daemon) startFollowers(ctx context.Context, name string) error {
	r, found, err := d.following(ctx, name)
	if err == nil && found {
		r, err = d.adoptNext(ctx, r)
	}
	switch {
	case err != nil || !found || r.Awaits:
		return err
	case r.Stopped != "":
		return d.clearFollowing(ctx, r)
	}
	env, p, err := d.environmentAsLastRead(ctx, name)
	if err != nil {
		return err
	}
	snapshot, why, err := d.followable(ctx, r, env)
	if err != nil {
		return err
	}
	if why != "" {
		return d.endFollowing(ctx, name, why)
	}
	server, err := d.startServer(ctx, env, p)
	if err != nil || d.live.of(name) != nil {
		return err
	}
	f, err := d.pursue(ctx, r, env, p, snapshot, server)
	if err != nil {
		return err
	}
	if err := d.noteBegun(ctx, r); err != nil {
		return err
	}
	life, end := context.WithCancel(d.life)
	f.end = end
	d.live.begun(name, f)
	d.acts.begin(life, "following "+name+" "+newID(), func(ctx context.Context) { d.follow(ctx, f) })
	return nil
}

// noteBegun writes in the journal that a snapshot is followed from now on, once.
func (d *Daemon) noteBegun(ctx context.Context, r following) error {
	if r.Began {
		return nil
	}
	if err := d.record(ctx, "understudy", "twin.followed", r.Twin, map[string]string{"of": r.Of, "snapshot": r.Snapshot}); err != nil {
		return err
	}
	_, err := store.Update(context.WithoutCancel(ctx), d.store, kindFollowing, r.Twin, func(now *following) error {
		now.Began = now.Began || now.Snapshot == r.Snapshot
		return nil
	})
	return err
}

// followable finds the snapshot that is followed, or says why it no longer can be.
func (d *Daemon) followable(ctx context.Context, r following, env understudy.Environment) (understudy.Snapshot, string, error) {
	snapshot, found, err := shelf{d}.Latest(ctx, r.Twin)
	if err != nil {
		return snapshot, "", err
	}
	rules, err := copier{d}.Rules(r.Twin)
	switch {
	case err != nil:
		return snapshot, "", err
	case !env.Copying.Follow:
		return snapshot, "copy: follow: is no longer asked for", nil
	case !found || snapshot.ID != r.Snapshot:
		return snapshot, "a newer copy was begun, and is not whole", nil
	case snapshot.Policy != rules:
		return snapshot, "the masking rules have changed", nil
	}
	return snapshot, "", nil
}

// pursue describes the followers of a twin's golden copies. It starts nothing.
func (d *Daemon) pursue(ctx context.Context, r following, env understudy.Environment, p config.Project, snapshot understudy.Snapshot, server *cluster.Cluster) (*followers, error) {
	policy, err := mask.Load(p.Mask)
	if err != nil {
		return nil, err
	}
	source, err := p.Environment(r.Of)
	if err != nil {
		return nil, err
	}
	f := &followers{record: r, each: map[string]*pursuit{}, ended: make(chan struct{}), kept: time.Now()}
	for _, one := range r.Copies {
		from, err := d.source(ctx, source, p.Application, one.Database, one.Source)
		if err != nil {
			return nil, err
		}
		spec := d.followSpec(env, one, from, server.AdminURL(golden(one.Database, r.Snapshot)), policy.Masks(d.maskKey, mask.WithProgram(maskprogram.Runner{}.Run)))
		follower, err := follow.New(spec)
		if err != nil {
			return nil, err
		}
		f.each[one.Database] = &pursuit{Follower: follower, asOf: snapshot.TakenAt}
	}
	return f, nil
}

func (d *Daemon) followSpec(env understudy.Environment, f followed, source, target string, masks understudy.Masks) follow.Spec {
	return follow.Spec{
		Source: source, Target: target, Masks: masks, Name: f.Name, Publication: env.Copying.Publication, Publish: env.Copying.Publish,
		Notice: func(sentence string) { d.options.Log.Info(sentence, "twin", env.Name, "database", f.Database) },
	}
}

// snapshot gives a snapshot of an environment on its twin; one that is followed has all
// that production had committed when it was asked for. Whoever calls has the twin's stage.
func (d *Daemon) snapshot(ctx context.Context, want twin.Want, tell func(string)) (twin.Got, error) {
	if err := d.catchUp(ctx, want.On, tell); err != nil {
		return twin.Got{}, err
	}
	if err := d.takeFlags(ctx, want.On, want.Of); err != nil {
		return twin.Got{}, err
	}
	got, err := d.studio.Snapshot(ctx, want, tell)
	if err != nil || !got.Kept {
		return got, err
	}
	if err := d.takeRoles(ctx, want, got.Snapshot, tell); err != nil || len(got.Snapshot.Following) == 0 {
		return got, err
	}
	return got, d.copyVolumesAgain(ctx, want, got.Snapshot.ID, tell)
}

// copyVolumesAgain takes what is not followed with it: rows speak of files.
func (d *Daemon) copyVolumesAgain(ctx context.Context, want twin.Want, snapshot string, tell func(string)) error {
	source, p, err := d.environment(want.Of)
	if err != nil {
		return err
	}
	on, err := p.Environment(want.On)
	if err != nil {
		return err
	}
	release, _, err := d.running(ctx, source)
	if err != nil {
		return err
	}
	return copier{d}.copyVolumes(ctx, source, on, release.Application, snapshot, tell)
}

// catchUpTime is how long somebody who wants a twin's data waits for what production has
// committed already.
const catchUpTime = 30 * time.Second

// catchUp waits until a live twin has all that production has committed by now, or is not
// followed any longer, or for so long.
func (d *Daemon) catchUp(ctx context.Context, name string, tell func(string)) error {
	if err := d.startFollowers(ctx, name); err != nil {
		return err
	}
	f := d.live.of(name)
	if f == nil {
		return nil
	}
	asked := time.Now().UTC()
	goals, err := d.ends(ctx, f.record)
	if err != nil {
		return err
	}
	tell("catching up with " + f.record.Of)
	waiting, cancel := context.WithTimeout(ctx, catchUpTime)
	defer cancel()
	for !f.reached(goals) {
		select {
		case <-f.ended:
			return nil
		default:
		}
		if err := (clock{}).Wait(waiting, 20*time.Millisecond); err != nil {
			return ctx.Err() // when it is only late, its age tells
		}
	}
	for _, p := range f.each {
		p.fresh(asked)
	}
	return nil
}

// ends is where production's log ends now, by database.
func (d *Daemon) ends(ctx context.Context, r following) (map[string]replication.LSN, error) {
	source, p, err := d.environment(r.Of)
	if err != nil {
		return nil, err
	}
	out := map[string]replication.LSN{}
	for _, f := range r.Copies {
		err := d.reading(ctx, source, p.Application, f.Database, f.Source, func(conn *pgx.Conn) error {
			var end string
			err := conn.QueryRow(ctx, "SELECT pg_current_wal_lsn()::text").Scan(&end)
			if err == nil {
				out[f.Database], err = replication.ParseLSN(end)
			}
			return err
		})
		if err != nil {
			return nil, understudy.Errorf(understudy.KindUnavailable, "asking %s how far it is: %w", r.Of, err)
		}
	}
	return out, nil
}
