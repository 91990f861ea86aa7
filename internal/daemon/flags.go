package daemon

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"understudy"
	"understudy/internal/api"
	"understudy/internal/featureflag"
)

// Flags are those of an environment, with what each deployment there serves of them.
func (d *Daemon) Flags(ctx context.Context, environment string) (api.EnvironmentFlags, error) {
	env, _, err := d.environmentAsLastRead(ctx, environment)
	if err != nil {
		return api.EnvironmentFlags{}, err
	}
	state, err := d.flagState(ctx, environment)
	if err != nil {
		return api.EnvironmentFlags{}, err
	}
	out := api.EnvironmentFlags{FlagState: state, Flags: []api.FlagStatus{}, Ignored: slices.Sorted(maps.Keys(state.Set))}
	release, _, err := d.running(ctx, env)
	switch {
	case understudy.KindOf(err) == understudy.KindNotFound: // it runs nothing yet
	case err != nil:
		return out, err
	default:
		out.Release = release.Label
		var values understudy.FlagValues
		values, out.Ignored = release.Application.Values(state.Variants())
		out.Warnings = violations(release.Application, values)
		for _, f := range release.Application.Declared() {
			out.Flags = append(out.Flags, api.FlagStatus{Flag: f, Now: values[f.Key], Value: f.Variants[values[f.Key]]})
		}
	}
	if env.External {
		out.Note = env.Name + " is run by other means: what is set here is what a twin takes, and is served to nobody"
	}
	out.Served, err = d.flagsServed(ctx, environment)
	return out, err
}

// violations says what flags require or exclude and is not so with some values.
func violations(app understudy.Application, values understudy.FlagValues) []string {
	if app.Flags == nil {
		return nil
	}
	set, err := featureflag.Parse(app.Flags.Definition)
	if err != nil { // it was taken when the release was made; to show flags is worth more
		return []string{err.Error()}
	}
	fixed := map[string]string{}
	for key, variant := range values {
		if variant != "" { // of what rules decide nothing can be said
			fixed[key] = variant
		}
	}
	return set.Violations(fixed)
}

// flagState is what an environment says of flags.
func (d *Daemon) flagState(ctx context.Context, environment string) (understudy.FlagState, error) {
	out := understudy.FlagState{Environment: environment}
	if err := otherThan(d.store.Get(ctx, kindFlags, environment, &out), understudy.KindNotFound); err != nil {
		return out, err
	}
	return d.unkept.newest(out), nil
}

// SetFlag sets a flag for everybody. The journal has it first, then the store, then every
// deployment of the environment; nobody who works there can keep it from happening.
func (d *Daemon) SetFlag(ctx context.Context, request api.SetFlag) (api.EnvironmentFlags, error) {
	request.By = d.actor(ctx, request.By)
	env, err := d.flagged(ctx, request.Environment)
	if err != nil {
		return api.EnvironmentFlags{}, err
	}
	if request.Off && request.Reason == "" {
		request.Reason = "kill switch"
	}
	if err := needsReason(env, request.Reason); err != nil {
		return api.EnvironmentFlags{}, err
	}
	flag, err := d.declaredFlag(ctx, env, request.Key)
	if err != nil {
		return api.EnvironmentFlags{}, err
	}
	variant, err := variantFor(flag, request)
	if err != nil {
		return api.EnvironmentFlags{}, err
	}
	change := flagChange{env: env.Name, expect: request.Expect, by: request.By, reason: request.Reason, to: understudy.FlagValues{request.Key: variant}}
	if err := d.changeFlags(ctx, change); err != nil {
		return api.EnvironmentFlags{}, err
	}
	return d.Flags(ctx, env.Name)
}

// flagged is an environment whose flags may be changed now. A twin that somebody uses is left
// alone: what is rehearsed there would change on its way.
func (d *Daemon) flagged(ctx context.Context, name string) (understudy.Environment, error) {
	env, _, err := d.environmentAsLastRead(ctx, name) // a kill switch works though the file is broken
	if err != nil {
		return env, err
	}
	if holder := d.stages.holder(name); env.Sealed() && holder != "" && !forMoments(holder) {
		return env, understudy.Errorf(understudy.KindConflict, "%s is in use by %s", name, holder).WithHint("%s", wayOut(name, holder))
	}
	return env, nil
}

func needsReason(env understudy.Environment, reason string) error {
	if env.Purpose == understudy.PurposeProduction && strings.TrimSpace(reason) == "" {
		return understudy.Errorf(understudy.KindInvalid, "changing a flag of %s needs a reason", env.Name).
			WithHint("say it with --reason; it stands in the journal")
	}
	return nil
}

// declaredFlag finds a flag by its key: as what runs in the environment declares it, else as
// the newest release that does, since a flag may be set before its release arrives.
func (d *Daemon) declaredFlag(ctx context.Context, env understudy.Environment, key string) (understudy.Flag, error) {
	all, err := d.Releases(ctx)
	if err != nil {
		return understudy.Flag{}, err
	}
	if now, _, err := d.running(ctx, env); err == nil {
		all = append(all, now)
	}
	known := map[string]bool{}
	for _, r := range slices.Backward(all) {
		for _, f := range r.Application.Declared() {
			if f.Key == key {
				return f, nil
			}
			known[f.Key] = true
		}
	}
	err = understudy.Errorf(understudy.KindNotFound, "no release declares a flag %q", key)
	if len(known) > 0 {
		return understudy.Flag{}, understudy.Errorf(understudy.KindNotFound, "%w", err).WithHint("the flags are %s", strings.Join(slices.Sorted(maps.Keys(known)), ", "))
	}
	return understudy.Flag{}, err
}

func variantFor(flag understudy.Flag, request api.SetFlag) (string, error) {
	switch _, has := flag.Variants[request.Variant]; {
	case request.Off && flag.Off == "":
		return "", understudy.Errorf(understudy.KindInvalid, "flag %s has no variant that turns it off", flag.Key).
			WithHint("set one of %s, or name it in the flag's metadata: \"off\": \"NAME\"", strings.Join(flag.Names(), ", "))
	case request.Off:
		return flag.Off, nil
	case request.Variant != "" && !has:
		return "", understudy.Errorf(understudy.KindInvalid, "flag %s has no variant %q", flag.Key, request.Variant).
			WithHint("its variants are %s", strings.Join(flag.Names(), ", "))
	}
	return request.Variant, nil
}

// CopyFlags sets in one environment what another sets.
func (d *Daemon) CopyFlags(ctx context.Context, request api.CopyFlags) (api.EnvironmentFlags, error) {
	request.By = d.actor(ctx, request.By)
	to, err := d.flagged(ctx, request.To)
	if err != nil {
		return api.EnvironmentFlags{}, err
	}
	if err := needsReason(to, request.Reason); err != nil {
		return api.EnvironmentFlags{}, err
	}
	if _, _, err := d.environmentAsLastRead(ctx, request.From); err != nil {
		return api.EnvironmentFlags{}, err
	}
	from, err := d.flagState(ctx, request.From)
	if err != nil {
		return api.EnvironmentFlags{}, err
	}
	there, err := d.flagState(ctx, to.Name)
	if err != nil {
		return api.EnvironmentFlags{}, err
	}
	change := flagChange{env: to.Name, expect: request.Expect, by: request.By, reason: request.Reason, from: request.From, to: understudy.FlagValues{}}
	if request.Expect == nil { // what differs was read from this one
		change.expect = &there.Version
	}
	for _, key := range keysToCopy(from, there, request.Keys) {
		change.to[key] = from.Set[key].Variant
	}
	if err := d.changeFlags(ctx, change); err != nil {
		return api.EnvironmentFlags{}, err
	}
	return d.Flags(ctx, to.Name)
}

// keysToCopy are the keys in which two states differ, of those that were asked for.
func keysToCopy(from, to understudy.FlagState, asked []string) []string {
	both := maps.Clone(from.Variants())
	maps.Copy(both, to.Variants())
	var out []string
	for _, key := range slices.Sorted(maps.Keys(both)) {
		if from.Set[key].Variant != to.Set[key].Variant && (len(asked) == 0 || slices.Contains(asked, key)) {
			out = append(out, key)
		}
	}
	return out
}

// DiffFlags lists the flags that two environments have otherwise.
func (d *Daemon) DiffFlags(ctx context.Context, a, b string) ([]api.FlagDifference, error) {
	sides := [2]map[string]api.FlagStatus{}
	set := [2]understudy.FlagState{}
	keys := map[string]bool{}
	for i, name := range []string{a, b} {
		flags, err := d.Flags(ctx, name)
		if err != nil {
			return nil, err
		}
		sides[i], set[i] = map[string]api.FlagStatus{}, flags.FlagState
		for _, f := range flags.Flags {
			sides[i][f.Key], keys[f.Key] = f, true
		}
		for key := range flags.Set {
			keys[key] = true
		}
	}
	out := []api.FlagDifference{}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		one := api.FlagDifference{Key: key}
		values := [2]string{}
		for i, name := range []string{a, b} {
			f, declared := sides[i][key]
			values[i] = f.Now
			if !declared {
				values[i], one.Undeclared = set[i].Set[key].Variant, append(one.Undeclared, name)
			}
		}
		if one.A, one.B = values[0], values[1]; one.A != one.B || len(one.Undeclared) == 1 {
			out = append(out, one)
		}
	}
	return out, nil
}

// flagChange is what becomes of some flags of an environment.
type flagChange struct {
	env        string
	expect     *int64
	by, reason string
	from       string // the environment that it is copied from; empty: none
	to         understudy.FlagValues
}

// changeFlags writes a change down, one entry of the journal for each flag, and puts it in
// force. Nothing waits for it but another change of flags.
func (d *Daemon) changeFlags(ctx context.Context, c flagChange) error {
	ctx = context.WithoutCancel(ctx) // once it stands in the journal it happens
	d.flagging.Lock()
	state, err := d.flagState(ctx, c.env)
	before := state.Version
	if err == nil && c.expect != nil && *c.expect != state.Version {
		err = conflicting(state, *c.expect, c.to)
	}
	for _, key := range slices.Sorted(maps.Keys(c.to)) {
		if err != nil {
			break
		}
		state, err = d.changeFlag(ctx, state, key, c)
	}
	d.flagging.Unlock()
	if state.Version == before {
		return err
	}
	return errors.Join(err, d.spreadFlags(ctx, c.env)) // what was written down holds, whatever became of the rest
}

// changeFlag writes one change down: in the journal, and then in the store, which a daemon
// that is started again brings up to the journal. What the store does not take holds nevertheless.
func (d *Daemon) changeFlag(ctx context.Context, state understudy.FlagState, key string, c flagChange) (understudy.FlagState, error) {
	setting := understudy.FlagSetting{Variant: c.to[key], By: c.by, Reason: c.reason, At: time.Now().UTC()}
	next := state.Change(key, setting)
	facts := map[string]string{"flag": key, "variant": setting.Variant, "was": state.Set[key].Variant, "version": fmt.Sprint(next.Version)}
	if c.from != "" {
		facts["from"] = c.from
	}
	if err := (recorder{d, c.by}).Record(ctx, actFlag, c.env, c.reason, facts); err != nil {
		return state, err
	}
	if err := d.store.Put(ctx, kindFlags, c.env, next); err != nil {
		d.unkept.hold(next)
		return next, understudy.Errorf(understudy.KindUnavailable, "flag %s of %s is set and stands in the journal, and was not kept in the store: %w", key, c.env, err).
			WithHint("it holds; it is kept with the next change of a flag, or when the daemon is started again")
	}
	return next, nil
}

// conflicting says what somebody would have changed without having seen it.
func conflicting(state understudy.FlagState, expected int64, to understudy.FlagValues) error {
	var now []string
	for _, key := range slices.Sorted(maps.Keys(to)) {
		said := key + " is as declared"
		if s, set := state.Set[key]; set {
			said = fmt.Sprintf("%s is %s, set by %s at %s", key, s.Variant, s.By, s.At.Format(time.RFC3339))
		}
		now = append(now, said)
	}
	return understudy.Errorf(understudy.KindConflict, "the flags of %s are at version %d, expected version %d: %s", state.Environment, state.Version, expected, strings.Join(now, "; ")).
		WithHint("look at them again: understudy flags list --env %s", state.Environment)
}
