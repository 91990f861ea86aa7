package daemon

import (
	"context"
	"maps"
	"slices"

	"understudy"
	"understudy/internal/config"
	"understudy/internal/rehearsal"
)

// Compare says what the candidate needs, what both environments hold, what the target's
// processes would find changed, and what is not kept or read.
func (s *stage) Compare(ctx context.Context) (rehearsal.Comparison, error) {
	target, p, err := s.d.environment(s.target.Name)
	if err != nil {
		return rehearsal.Comparison{}, err
	}
	own, _, err := s.d.environment(s.env.Name)
	if err != nil {
		return rehearsal.Comparison{}, err
	}
	app := s.candidate.Application
	c := rehearsal.Comparison{
		Environment: target.Name, Twin: own.Name, Needs: app.Needs(), Declared: app.Config,
		Was: s.baseline.Application.Config, Target: s.d.held(ctx, target, app.Config), OnTwin: s.d.held(ctx, own, app.Config),
	}
	then := s.d.viewWith(ctx, order{env: target, release: s.candidate, databases: physicals(app), read: config.Reader(ctx)}, p.Lines)
	now, err := s.d.runningView(ctx, target, s.baseline)
	if err != nil {
		return c, err
	}
	c.Changes = now.diff(then).Changes
	c.Differs = then.overridden()
	onTwin := s.d.view(ctx, order{env: own, release: s.candidate, databases: s.physical(rehearsal.Work), read: config.Reader(ctx)})
	for _, view := range []view{then, onTwin} {
		broken, err := view.broken()
		if err != nil {
			return c, err
		}
		for _, b := range broken {
			c.Broken = append(c.Broken, rehearsal.Broken{Environment: view.order.env.Name, Key: b.Key, Says: b.Sentence()})
		}
	}
	c.Unread, c.Looked = s.d.unread(s.candidate, target)
	return c, ctx.Err() // what could not be read because it was broken off is not missing
}

// held is what an environment has for each key, as prints: of secrets that are declared to rotate,
// those of their references, and nothing of the defaults. A secret that cannot be read is
// not held: its absence is what the check is about.
func (d *Daemon) held(ctx context.Context, e understudy.Environment, declared []understudy.ConfigKey) map[string]rehearsal.Held {
	var rotating understudy.Application
	for _, key := range declared {
		if key.Rotates {
			rotating.Config = append(rotating.Config, understudy.ConfigKey{Key: key.Key, Rotates: true})
		}
	}
	out := map[string]rehearsal.Held{}
	for _, s := range config.Resolve(config.Stack{Application: rotating, Environment: e, Read: config.Reader(ctx)}).Settings(d.printKey) {
		if s.Problem == "" {
			out[s.Key] = rehearsal.Held{Print: s.Print, Empty: s.Empty}
		}
	}
	return out
}

// unread are the keys that are declared, or set for an environment, and that nothing in a
// release reads.
func (d *Daemon) unread(release understudy.Release, e understudy.Environment) ([]rehearsal.Unread, string) {
	where := map[string]string{}
	for key := range e.Env {
		where[key] = "set in " + e.Name
	}
	for key := range e.Secrets {
		where[key] = "set in " + e.Name
	}
	for _, k := range release.Application.Config {
		where[k.Key] = "declared by the release"
	}
	for _, key := range provided(release.Application) {
		delete(where, key)
	}
	keys := slices.Sorted(maps.Keys(where))
	if len(keys) == 0 {
		return nil, ""
	}
	reads := config.ReadsOf(d.tree(release.Artifact), release, keys)
	var out []rehearsal.Unread
	for _, key := range keys {
		if reads.Of(key).State == understudy.ReadNowhere {
			out = append(out, rehearsal.Unread{Key: key, Where: where[key]})
		}
	}
	return out, reads.How
}

// provided are the keys that the runtime gives.
func provided(app understudy.Application) []string {
	out := []string{"PORT"}
	for _, database := range app.Databases {
		out = append(out, database.Env)
	}
	for _, v := range app.Volumes {
		out = append(out, v.Env)
	}
	return out
}
