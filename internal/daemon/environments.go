package daemon

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"understudy"
	"understudy/internal/api"
	"understudy/internal/config"
	"understudy/internal/rehearsal"
	"understudy/internal/runtime/process"
	"understudy/internal/twin"
)

// Up brings an environment up. A twin stands on a fresh clone of its snapshot; production
// runs a first release this way, and what it ran last after a down.
func (d *Daemon) Up(ctx context.Context, request api.Up, tell api.Tell) (api.EnvironmentStatus, error) {
	request.By = d.actor(ctx, request.By)
	env, _, err := d.environment(request.Environment)
	if err != nil {
		return api.EnvironmentStatus{}, err
	}
	if env.External {
		return api.EnvironmentStatus{}, understudy.Errorf(understudy.KindRefused, "%s is run by other means", env.Name).
			WithHint("there is nothing to bring up: rehearse against it, and ask before a deployment with understudy gate RELEASE --to %s", env.Name)
	}
	give, err := d.stages.await(ctx, env.Name, "up", forMoments)
	if err != nil {
		return api.EnvironmentStatus{}, err
	}
	defer give()
	if err := d.record(ctx, request.By, "environment.up", env.Name, map[string]string{"release": request.Release}); err != nil {
		return api.EnvironmentStatus{}, err
	}
	if env.Sealed() {
		err = d.upTwin(ctx, env, request.Release, tell)
	} else {
		err = d.upOwn(ctx, env, request.Release, tell)
	}
	if err != nil {
		return api.EnvironmentStatus{}, err
	}
	return d.environmentStatus(ctx, env)
}

func (d *Daemon) record(ctx context.Context, by, act, subject string, facts map[string]string) error {
	return recorder{d, by}.Record(ctx, act, subject, "", facts)
}

// upOwn brings up an environment with data of its own.
func (d *Daemon) upOwn(ctx context.Context, env understudy.Environment, label string, tell api.Tell) error {
	now, err := d.standing(ctx, env.Name)
	if err != nil {
		return err
	}
	release, id, err := d.firstRelease(ctx, env, now, label)
	if err != nil {
		return err
	}
	if env, err = d.configuredFor(ctx, env, id, tell); err != nil {
		return err
	}
	o := order{id: id, env: env, release: release, databases: physicals(release.Application), programs: true}
	if err := d.fits(ctx, o); err != nil { // before anything is made for it
		return err
	}
	if err := d.makeDatabases(ctx, env, release, tell); err != nil {
		return err
	}
	tell("starting release " + release.Label)
	err = d.deploy(ctx, o)
	if err == nil {
		return d.stand(ctx, env, id)
	}
	if id != now.Serving { // nobody will ever ask for it again
		err = errors.Join(err, d.retire(ctx, env.Name, id))
	}
	return err
}

// firstRelease says which release an environment is brought up with, and as which
// deployment. One that runs a release already gets another by a promotion only.
func (d *Daemon) firstRelease(ctx context.Context, env understudy.Environment, now standing, label string) (understudy.Release, string, error) {
	if now.Serving == "" {
		if label == "" {
			return understudy.Release{}, "", understudy.Errorf(understudy.KindInvalid, "%s has run nothing yet, so it must be said what it is to run", env.Name).
				WithHint("understudy up %s --release LABEL", env.Name)
		}
		release, err := d.Release(ctx, label)
		return release, env.Name + "-" + newID(), err
	}
	record, err := d.loadDeployment(ctx, now.Serving)
	if err != nil {
		return understudy.Release{}, "", err
	}
	if label != "" {
		wanted, err := d.Release(ctx, label)
		if err != nil {
			return wanted, "", err
		}
		if wanted.Digest != record.Release && env.Purpose == understudy.PurposeProduction {
			return wanted, "", understudy.Errorf(understudy.KindRefused, "%s runs release %s; another one comes there by promotion only", env.Name, record.Label).
				WithHint("understudy rehearse %s, then understudy promote %s", label, label)
		}
		if wanted.Digest != record.Release {
			return wanted, env.Name + "-" + newID(), nil
		}
	}
	release, err := d.releaseByDigest(ctx, record.Release)
	return release, now.Serving, err
}

// stand gives a deployment all the traffic of an environment, and ends the one before.
func (d *Daemon) stand(ctx context.Context, env understudy.Environment, id string) error {
	before, err := d.standing(ctx, env.Name)
	if err != nil {
		return err
	}
	if env.Listen != "" {
		if err := d.serve(ctx, env.Name, map[string]int{id: 100}); err != nil {
			return err
		}
	}
	if err := d.settle(ctx, id, understudy.DeploymentServing); err != nil {
		return err
	}
	if before.Serving != "" && before.Serving != id {
		if _, err := d.drain(ctx, env.Name, before.Serving); err != nil {
			return err
		}
		if err := d.retire(ctx, env.Name, before.Serving); err != nil {
			return err
		}
	}
	if err := d.changeStanding(ctx, env.Name, func(s *standing) { s.Up, s.Serving = true, id }); err != nil {
		return err
	}
	return d.endStrangers(ctx, env.Name)
}

// endStrangers ends what runs in an environment though the record knows nothing of it, as
// after the store was put back to a backup: it would work on the same data.
func (d *Daemon) endStrangers(ctx context.Context, environment string) error {
	now, err := d.standing(ctx, environment)
	if err != nil {
		return err
	}
	ids, err := d.runtime.List(ctx)
	if err != nil {
		return err
	}
	for _, id := range ids {
		status, err := d.runtime.Status(ctx, id)
		if err != nil || status.Environment != environment || id == now.Serving || id == now.Standby {
			continue // it ended while we looked, or is no stranger
		}
		if err := d.retire(ctx, environment, id); err != nil {
			return err
		}
	}
	return nil
}

// upTwin brings a twin up for people: on a fresh clone of its snapshot, with production's
// release or another one and its migration.
func (d *Daemon) upTwin(ctx context.Context, env understudy.Environment, label string, tell api.Tell) error {
	target, p, err := d.environment(env.TwinOf)
	if err != nil {
		return err
	}
	baseline, _, err := d.running(ctx, target)
	if err != nil {
		return err
	}
	release := baseline
	if label != "" {
		if release, err = d.Release(ctx, label); err != nil {
			return err
		}
	}
	got, err := d.snapshot(ctx, twin.Want{Of: target.Name, On: env.Name, MaxAge: p.Policy.WithDefaults().SnapshotAge}, tell)
	if err != nil {
		return err
	}
	if err := d.endAll(ctx, env.Name); err != nil {
		return err
	}
	if release.Digest == baseline.Digest { // as the original runs it; another release, as a promotion would start it
		if env.Original, err = d.plainlyRunning(ctx, target); err != nil {
			return err
		}
	}
	s := &stage{d: d, id: newID(), env: env, running: env.Original, target: target, candidate: release, baseline: baseline, policy: p.Policy.WithDefaults(), snapshot: got.Snapshot}
	tell("cloning the snapshot of " + got.Snapshot.TakenAt.Format(time.DateTime))
	if err := s.Fresh(ctx); err != nil {
		return err
	}
	if release.Digest != baseline.Digest && release.Application.Migration != nil {
		tell("bringing the schema to release " + release.Label)
		done, err := s.laboratory().Up(ctx, rehearsal.Work)
		if err != nil {
			return err
		}
		if !done.OK {
			return understudy.Errorf(understudy.KindFailed, "the migration of %s did not run through: %s", release.Label, done.Said)
		}
	}
	id := env.Name + "-" + s.id
	tell("starting release " + release.Label)
	if err := d.deploy(ctx, order{id: id, env: env, release: release, databases: physicals(baseline.Application), programs: true}); err != nil {
		return err
	}
	if err := d.changeStanding(ctx, env.Name, func(s *standing) { s.Serving = "" }); err != nil {
		return err
	}
	return d.stand(ctx, env, id)
}

// Logs writes what services wrote.
func (d *Daemon) Logs(ctx context.Context, request api.Logs, out io.Writer) error {
	id, err := d.servingID(ctx, request.Environment)
	if err != nil {
		return err
	}
	return d.runtime.Logs(ctx, id, request.Service, request.Follow, out)
}

func (d *Daemon) servingID(ctx context.Context, environment string) (string, error) {
	if _, _, err := d.environment(environment); err != nil {
		return "", err
	}
	now, err := d.standing(ctx, environment)
	if err == nil && now.Serving == "" {
		err = understudy.Errorf(understudy.KindNotFound, "%s runs nothing", environment).WithHint("understudy up %s", environment)
	}
	return now.Serving, err
}

// Exec runs a command inside an environment with a service's configuration.
func (d *Daemon) Exec(ctx context.Context, request api.Exec, stdin io.Reader, stdout, stderr io.Writer) (int, error) {
	id, err := d.servingID(ctx, request.Environment)
	if err != nil {
		return 0, err
	}
	record, err := d.loadDeployment(ctx, id)
	if err != nil {
		return 0, err
	}
	env, _, err := d.environment(request.Environment)
	if err != nil {
		return 0, err
	}
	release, err := d.releaseByDigest(ctx, record.Release)
	if err != nil {
		return 0, err
	}
	env = asStarted(env, record)
	service, environ, err := d.serviceEnviron(ctx, order{id: id, env: env, release: release, databases: record.Databases}, request.Service)
	if err != nil {
		return 0, err
	}
	status, err := d.runtime.Exec(ctx, id, process.Command{Args: request.Command, Env: environ.List, User: userFor(env, service)}, stdin, stdout, stderr)
	if understudy.KindOf(err) == understudy.KindNotFound && isService(release.Application, request.Command[0]) {
		err = understudy.Errorf(understudy.KindNotFound, "%w", err).
			WithHint("a service is named before the command: understudy exec %s --service %s -- CMD…", env.Name, request.Command[0])
	}
	return status, err
}

func isService(app understudy.Application, name string) bool {
	return slices.ContainsFunc(app.Services, func(s understudy.Service) bool { return s.Name == name })
}

// serviceEnviron finds a service, or the first one, and its configuration.
func (d *Daemon) serviceEnviron(ctx context.Context, o order, name string) (understudy.Service, config.Environ, error) {
	o = o.within(ctx)
	given, err := d.addresses(ctx, o)
	if err != nil {
		return understudy.Service{}, config.Environ{}, err
	}
	for _, s := range o.release.Application.Services {
		if name == "" || s.Name == name {
			environ, err := d.environ(o, s, s.Port, given)
			return s, environ, err
		}
	}
	return understudy.Service{}, config.Environ{}, understudy.Errorf(understudy.KindNotFound, "release %s has no service %q", o.release.Label, name)
}

// ResetTwin makes a twin anew from what it is a twin of, and brings production's release
// up on it.
func (d *Daemon) ResetTwin(ctx context.Context, request api.ResetTwin, tell api.Tell) (understudy.Snapshot, error) {
	request.By = d.actor(ctx, request.By)
	env, err := d.twinFor(request.Environment)
	if err != nil {
		return understudy.Snapshot{}, err
	}
	give, err := d.stages.await(ctx, env.Name, "twin reset", forMoments)
	if err != nil {
		return understudy.Snapshot{}, err
	}
	defer give()
	if err := d.record(ctx, request.By, "twin.reset", env.Name, map[string]string{"of": env.TwinOf}); err != nil {
		return understudy.Snapshot{}, err
	}
	got, err := d.snapshot(ctx, twin.Want{Of: env.TwinOf, On: env.Name}, tell)
	if err == nil {
		err = d.upTwin(ctx, env, "", tell)
	}
	if err != nil && ctx.Err() == nil { // nobody broke it off
		err = errors.Join(err, d.record(ctx, "understudy", "twin.reset-failed", env.Name, nil))
	}
	return got.Snapshot, err
}
