package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"understudy"
	"understudy/internal/api"
	"understudy/internal/config"
	"understudy/internal/runtime/process"
)

// startedWith is the configuration that a deployment was started with: plain values, where
// its secrets were, and prints of what they were. It is what runs, whatever understudy.yaml
// says since, and what the deployment is started with again.
type startedWith struct {
	Env      map[string]string               `json:"env,omitempty"`
	Original map[string]string               `json:"original,omitempty"`
	Secrets  map[string]understudy.SecretRef `json:"secrets,omitempty"`
	Prints   map[string]string               `json:"prints,omitempty"`   // of the secrets' values, by key
	Programs map[string]string               `json:"programs,omitempty"` // of each program's whole environment
}

// given is the print of the environment that a program was to be started with; empty: not known.
func (w *startedWith) given(program string) string {
	if w == nil {
		return ""
	}
	return w.Programs[program]
}

// startedWith says what a deployment is about to be started with, and its keyed digest.
func (d *Daemon) startedWith(o order, spec process.Spec) (*startedWith, string, error) {
	whole, _, err := config.ConfigPrint(o.env, o.release.Application, d.printKey, o.secret)
	if err != nil {
		return nil, "", err
	}
	with := &startedWith{Env: o.env.Env, Original: o.env.Original, Secrets: o.env.Secrets, Prints: map[string]string{}, Programs: map[string]string{}}
	for _, s := range config.Resolve(config.Stack{Application: o.release.Application, Environment: o.env, Read: o.secret}).Settings(d.printKey) {
		if s.Layer == config.LayerSecret {
			with.Prints[s.Key] = s.Print
		}
	}
	for _, program := range spec.Programs {
		with.Programs[program.Name] = understudy.EnvironPrint(d.printKey, program.Env)
	}
	return with, whole, nil
}

// asStarted is an environment with the configuration that a deployment in it was started with.
func asStarted(e understudy.Environment, record deployment) understudy.Environment {
	if record.With != nil {
		e.Env, e.Original, e.Secrets = record.With.Env, record.With.Original, record.With.Secrets
	}
	return e
}

// tellChangedSecrets notes where a deployment that is started again does not get the secrets
// that it had: what was behind their references then is not kept, and cannot be had again.
func (d *Daemon) tellChangedSecrets(ctx context.Context, now deployment) error {
	before, err := d.loadDeployment(ctx, now.ID)
	if err != nil || before.With == nil {
		return otherThan(err, understudy.KindNotFound)
	}
	var changed []string
	for _, key := range slices.Sorted(maps.Keys(before.With.Prints)) {
		if is, has := now.With.Prints[key]; has && is != before.With.Prints[key] && before.With.Secrets[key] == now.With.Secrets[key] {
			changed = append(changed, key)
		}
	}
	matter := secretsOf(now.ID)
	if len(changed) == 0 {
		d.notes.set(matter, "")
		return nil
	}
	d.note(matter, "%s is started again with another %s than it had: what is behind the reference has changed since, and the value of then cannot be had again", now.ID, strings.Join(changed, ", "))
	return nil
}

// secretsOf is the matter of a note on the secrets that a deployment was started with.
func secretsOf(id string) string { return "the secrets of " + id }

// servingRecord is what serves in an environment; nothing, where nothing does or other means
// run it.
func (d *Daemon) servingRecord(ctx context.Context, e understudy.Environment) (deployment, error) {
	now, err := d.standing(ctx, e.Name)
	if err != nil || now.Serving == "" || e.External {
		return deployment{}, err
	}
	record, err := d.loadDeployment(ctx, now.Serving)
	return record, otherThan(err, understudy.KindNotFound)
}

// plainlyRunning are the plain values that an environment runs with; of one that other means
// run, those that understudy.yaml has.
func (d *Daemon) plainlyRunning(ctx context.Context, e understudy.Environment) (map[string]string, error) {
	record, err := d.servingRecord(ctx, e)
	return asStarted(e, record).Env, err
}

// observeConfig notes the configuration that an environment runs with, and the one that a
// release would be started with there where that is another one.
func (d *Daemon) observeConfig(ctx context.Context, e understudy.Environment, release understudy.Release, f *understudy.Fingerprint) error {
	pending, _, err := config.ConfigPrint(e, release.Application, d.printKey, config.Reader(ctx))
	if err != nil {
		return err
	}
	record, err := d.servingRecord(ctx, e)
	f.Config = cmp.Or(record.Config, pending)
	if pending != f.Config {
		f.Configured = pending
	}
	return err
}

// configuredFor is an environment with the configuration that a deployment is brought up with.
// What production ran comes back as it ran: another configuration is rehearsed and promoted
// like any other change.
func (d *Daemon) configuredFor(ctx context.Context, e understudy.Environment, id string, tell api.Tell) (understudy.Environment, error) {
	record, err := d.servingRecord(ctx, e)
	if err != nil || record.ID != id || record.With == nil || e.Purpose != understudy.PurposeProduction {
		return e, err
	}
	was := asStarted(e, record)
	if !maps.Equal(was.Env, e.Env) || !maps.Equal(was.Secrets, e.Secrets) {
		tell(fmt.Sprintf("%s comes up with the configuration that it ran with; %s has another one since: understudy config diff %s shows it, and understudy rehearse %s, then promote, brings it there",
			e.Name, config.FileName, e.Name, record.Label))
	}
	return was, nil
}

// fits says why no release can be started with the configuration that an environment has for
// it: nil, where every service can be.
func (d *Daemon) fits(ctx context.Context, o order) error {
	o = o.within(ctx)
	given, err := d.addresses(ctx, o)
	if err != nil {
		return err
	}
	for _, s := range o.release.Application.Services {
		resolved := config.Resolve(d.stack(o, s, s.Port, given))
		_, err := resolved.Environ()
		if err := errors.Join(err, kept(o, s, resolved)); err != nil {
			return flatten(err)
		}
	}
	return nil
}

// flatten keeps the kind and the hint of the first of several errors.
func flatten(err error) error {
	return understudy.Errorf(understudy.KindOf(err), "%s", strings.ReplaceAll(err.Error(), "\n", "; ")).WithHint("%s", understudy.HintOf(err))
}

// kept refuses a configuration that does not keep the release's types and rules.
func kept(o order, s understudy.Service, resolved config.Resolved) error {
	terms, err := config.TermsOf(o.release.Application)
	if err != nil {
		return err
	}
	return config.Refusal("service "+s.Name+" in environment "+o.env.Name, terms.Broken(resolved))
}

// ranWith is the configuration that a program was seen to run with.
func ranWith(program process.ProgramStatus) understudy.ConfigRan {
	if program.Config == "" {
		return understudy.ConfigRan{}
	}
	return understudy.ConfigRan{Program: program.Name, Print: program.Config, Read: program.ConfigRead}
}

// runsAsGiven refuses a deployment of which a process was seen to run with another
// configuration than it was given.
func (d *Daemon) runsAsGiven(ctx context.Context, id string) error {
	record, err := d.loadDeployment(ctx, id)
	if err != nil {
		return err
	}
	status, err := d.runtime.Status(ctx, id)
	if err != nil {
		return err
	}
	for _, program := range status.Programs {
		given := record.With.given(program.Name)
		if given != "" && program.Config != "" && program.Config != given {
			return understudy.Errorf(understudy.KindFailed, "%s runs with another configuration than it was given: keyed digest %.12s, expected %.12s", program.Name, program.Config, given).
				WithHint("see what changes its environment between the start and the program: a wrapper, a login shell")
		}
	}
	return nil
}

// asObserved refuses to go on where production became what was observed of it only after the
// stage was set: what runs on the twin would not be what the verdict is bound to.
func (s *stage) asObserved(ctx context.Context, production understudy.Fingerprint) error {
	now, _, err := s.d.environment(s.target.Name)
	if err != nil {
		return err
	}
	flags, err := s.d.flagState(ctx, s.env.Name)
	if err != nil {
		return err
	}
	what := ""
	switch {
	case production.Release != s.baseline.Digest:
		what = "release"
	case !maps.Equal(now.Env, s.target.Env) || !maps.Equal(now.Secrets, s.target.Secrets):
		what = "configuration"
	case !maps.Equal(flags.Variants(), production.FlagSet):
		what = "flags"
	default:
		return nil
	}
	return understudy.Errorf(understudy.KindConflict, "setting up %s as %s is: its %s changed meanwhile", s.env.Name, s.target.Name, what).
		WithHint("rehearse again: understudy rehearse %s", s.candidate.Label)
}

// Fit says with which configuration a release would be started in an environment, as a keyed
// digest, or why it cannot be. Of one that other means run, nothing is said.
func (p production) Fit(ctx context.Context, environment string, release understudy.Release) (configured, unfit string, err error) {
	env, _, err := p.d.environment(environment)
	if err != nil || env.External {
		return "", "", err
	}
	err = p.d.fits(ctx, order{env: env, release: release, databases: physicals(release.Application), read: config.Reader(ctx)})
	if err == nil {
		configured, _, err = config.ConfigPrint(env, release.Application, p.d.printKey, config.Reader(ctx))
	}
	if err == nil || ctx.Err() != nil {
		return configured, "", ctx.Err()
	}
	return "", err.Error(), nil
}
