package daemon

import (
	"context"
	"maps"
	"slices"

	"understudy"
	"understudy/internal/rehearsal"
)

// asRuns is an environment with the configuration that it runs with, and the prints of then of
// its secrets. What is down is as understudy.yaml has it, but production, which comes back as it
// ran; and a twin, which has the values that its original runs with.
func (d *Daemon) asRuns(ctx context.Context, e understudy.Environment) (understudy.Environment, map[string]string, error) {
	record, err := d.servingRecord(ctx, e)
	if err != nil {
		return e, nil, err
	}
	if runsStill(e, record) {
		return asStarted(e, record), record.With.Prints, nil
	}
	if e.TwinOf == "" {
		return e, nil, nil
	}
	original, _, err := d.environment(e.TwinOf)
	if err != nil {
		return e, nil, err
	}
	e.Original, err = d.plainlyRunning(ctx, original)
	return e, nil, err
}

// runsStill tells whether what a deployment was started with is what its environment has.
func runsStill(e understudy.Environment, record deployment) bool {
	return record.With != nil && (record.State != understudy.DeploymentGone || e.Purpose == understudy.PurposeProduction)
}

// heldRunning is what an environment has for each key, as it runs.
func (d *Daemon) heldRunning(ctx context.Context, e understudy.Environment, declared []understudy.ConfigKey) (map[string]rehearsal.Held, error) {
	env, prints, err := d.asRuns(ctx, e)
	if err != nil {
		return nil, err
	}
	out := d.held(ctx, env, declared)
	for key, print := range prints { // what is behind the references by now is another matter
		out[key] = rehearsal.Held{Print: print}
	}
	return out, ctx.Err()
}

// unapplied says of which keys understudy.yaml has something else than an environment runs
// with, by plain values and references: no secret is read for it.
func (d *Daemon) unapplied(ctx context.Context, e understudy.Environment) ([]string, error) {
	record, err := d.servingRecord(ctx, e)
	if err != nil || !runsStill(e, record) {
		return nil, err
	}
	return movedKeys(written(asStarted(e, record)), written(e)), nil
}

// written is what stands for each key: a value, or a reference. None can be taken for the other.
func written(e understudy.Environment) map[string]string {
	out := map[string]string{}
	for key, value := range e.Env {
		out[key] = "=" + value
	}
	for key, ref := range e.Secrets {
		out[key] = string(ref)
	}
	return out
}

func movedKeys(runs, has map[string]string) []string {
	all := maps.Clone(runs)
	maps.Copy(all, has)
	var out []string
	for _, key := range slices.Sorted(maps.Keys(all)) {
		was, had := runs[key]
		is, have := has[key]
		switch {
		case !had:
			out = append(out, key+" added")
		case !have:
			out = append(out, key+" removed")
		case was != is:
			out = append(out, key+" changed")
		}
	}
	return out
}
