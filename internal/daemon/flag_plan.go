package daemon

import (
	"context"
	"maps"
	"slices"

	"understudy"
	"understudy/internal/combination"
	"understudy/internal/featureflag"
	"understudy/internal/rehearsal"
)

// FlagPlan is which combinations of the candidate's flags are worth a run on this stage: the
// twin's flags are production's, as they were when it was reset.
func (s *stage) FlagPlan(ctx context.Context) (rehearsal.FlagPlan, error) {
	state, err := s.d.flagState(ctx, s.env.Name)
	if err != nil {
		return rehearsal.FlagPlan{}, err
	}
	space, plan, err := planFlags(s.candidate.Application, s.baseline.Application, state.Variants())
	if err != nil {
		return plan, err
	}
	if len(plan.New) > 0 {
		if plan.Rows, err = rowsOn(space, plan.New); err != nil {
			return plan, err
		}
	}
	plan.Stale, err = s.d.staleFlags(ctx, s.candidate, s.policy.Flags.Stale)
	return plan, err
}

// planFlags makes the space of a candidate's flags: the first level of a new one is off, that
// of any other is what production has now, so that the row of first levels is the one with
// all new flags off.
func planFlags(candidate, baseline understudy.Application, set understudy.FlagValues) (*combination.Space, rehearsal.FlagPlan, error) {
	plan := rehearsal.FlagPlan{}
	values, _ := candidate.Values(set)
	parsed, err := featureflag.Parse(candidate.Flags.Definition)
	if err != nil {
		return nil, plan, err
	}
	had := map[string]bool{}
	for _, f := range baseline.Declared() {
		had[f.Key] = true
	}
	first := map[string]string{} // level of each flag
	for _, f := range candidate.Declared() {
		plan.Declared = append(plan.Declared, f.Key)
		first[f.Key] = values[f.Key]
		if had[f.Key] {
			continue
		}
		plan.New = append(plan.New, f.Key)
		if first[f.Key] = f.Off; f.Off == "" {
			plan.NoOff, first[f.Key] = append(plan.NoOff, f.Key), f.Default
		}
	}
	space, err := combination.NewSpace(factors(parsed, first))
	if err != nil {
		return nil, plan, err
	}
	plan.Off = understudy.FlagValues(space.Off())
	return space, plan, nil
}

// factors are the flags of a set around their first levels. A constraint speaks of flags that
// are on; where a first level is on already it becomes one of leaving it.
func factors(set *featureflag.Set, first map[string]string) []combination.Factor {
	var out []combination.Factor
	on := func(key string) bool {
		f, _ := set.Flag(key)
		return first[key] != f.Off
	}
	for _, key := range set.Keys() {
		f, _ := set.Flag(key)
		factor := combination.Factor{Key: key, Levels: []string{first[key]}}
		for _, name := range f.VariantNames() {
			if name != first[key] {
				factor.Levels = append(factor.Levels, name)
			}
		}
		if !on(key) { // else what it requires and excludes is so in production, or is not kept there
			for _, other := range f.Requires {
				if on(other) {
					factor.Excludes = append(factor.Excludes, other) // leaving what it requires
				} else {
					factor.Requires = append(factor.Requires, other)
				}
			}
			for _, other := range f.Excludes {
				if on(other) {
					factor.Requires = append(factor.Requires, other)
				} else {
					factor.Excludes = append(factor.Excludes, other)
				}
			}
		}
		out = append(out, factor)
	}
	return out
}

// rowsOn are the rows with a new flag on: each alone first, then what pairs need.
func rowsOn(space *combination.Space, fresh []string) ([]understudy.FlagValues, error) {
	off := space.Off()
	isOn := func(row combination.Row) bool {
		return slices.ContainsFunc(fresh, func(key string) bool { return row[key] != off[key] })
	}
	alone := slices.DeleteFunc(space.Alone(), func(row combination.Row) bool { return !isOn(row) })
	all, err := space.Cover(alone...)
	if err != nil {
		return nil, err
	}
	var out []understudy.FlagValues
	for _, row := range append(alone, all...) {
		if isOn(row) && !slices.ContainsFunc(out, func(had understudy.FlagValues) bool { return maps.Equal(had, understudy.FlagValues(row)) }) {
			out = append(out, understudy.FlagValues(row))
		}
	}
	return out, nil
}

// GuiltyFlags looks for the fewest flags that make a row fail.
func (s *stage) GuiltyFlags(ctx context.Context, failed understudy.FlagValues, passed []understudy.FlagValues, fails func(understudy.FlagValues) (bool, error)) ([]string, understudy.FlagValues, error) {
	state, err := s.d.flagState(ctx, s.env.Name)
	if err != nil {
		return nil, nil, err
	}
	space, _, err := planFlags(s.candidate.Application, s.baseline.Application, state.Variants())
	if err != nil {
		return nil, nil, err
	}
	var innocent []combination.Row
	for _, row := range passed {
		innocent = append(innocent, combination.Row(row))
	}
	guilt, err := space.Guilty(combination.Row(failed), innocent, func(row combination.Row) (bool, error) { return fails(understudy.FlagValues(row)) })
	return guilt.Flags, understudy.FlagValues(guilt.Row), err
}

// staleFlags are those of a release that were the same in as many releases before it, and
// that no environment sets otherwise.
func (d *Daemon) staleFlags(ctx context.Context, release understudy.Release, releases int) ([]rehearsal.StaleFlag, error) {
	all, err := d.Releases(ctx)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(all, func(r understudy.Release) bool { return r.Digest == release.Digest })
	if at+1 < releases {
		return nil, nil
	}
	p, err := d.asLastRead(ctx)
	if err != nil {
		return nil, err
	}
	var states []understudy.FlagValues
	for _, e := range p.Environments {
		state, err := d.flagState(ctx, e.Name)
		if err != nil {
			return nil, err
		}
		states = append(states, state.Variants())
	}
	return stale(all[at+1-releases:at+1], states), nil
}

// stale are the flags that have one and the same value, by no rule, in all of some releases
// and wherever something is set.
func stale(releases []understudy.Release, states []understudy.FlagValues) []rehearsal.StaleFlag {
	var out []rehearsal.StaleFlag
	for _, f := range releases[len(releases)-1].Application.Declared() {
		same := !f.Targeted && f.Default != ""
		for _, r := range releases {
			for _, set := range states {
				values, _ := r.Application.Values(set)
				variant, declared := values[f.Key]
				same = same && declared && variant == f.Default
			}
		}
		if same {
			out = append(out, rehearsal.StaleFlag{Key: f.Key, Variant: f.Default, Releases: len(releases)})
		}
	}
	return out
}
