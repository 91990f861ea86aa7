package daemon

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"strconv"
	"sync"
	"time"

	"understudy"
	"understudy/internal/api"
	"understudy/internal/keyfile"
	"understudy/internal/supervisor"
)

// actFlag is what the journal calls a change of one flag of an environment.
const actFlag = "flag.set"

// takesFlags is the longest that a supervisor has to take a change, and startsWithFlags the
// same of one that has just been started.
const (
	takesFlags      = 800 * time.Millisecond
	startsWithFlags = 10 * time.Second
)

// flagSet is what a deployment of a release is to serve in an environment.
func flagSet(release understudy.Release, state understudy.FlagState) supervisor.FlagSet {
	set := state.Variants()
	for _, key := range release.Application.Ignored(set) {
		delete(set, key)
	}
	return supervisor.FlagSet{Version: state.Version, Definition: release.Application.Flags.Definition, Set: set}
}

// flagOrder is the flags that a deployment begins with; nil: its release declares none. The
// token is the environment's own, so that no program of another one can ask.
func (d *Daemon) flagOrder(ctx context.Context, o order) (json.RawMessage, error) {
	if o.release.Application.Flags == nil {
		return nil, nil
	}
	state, err := d.flagState(ctx, o.env.Name)
	if err != nil {
		return nil, err
	}
	token, err := d.flagToken(o.env.Name)
	if err != nil {
		return nil, err
	}
	set := flagSet(o.release, state)
	if o.flags != nil {
		set = *o.flags
	}
	return json.Marshal(supervisor.FlagOrder{Token: token, Origins: o.env.FlagOrigins, FlagSet: set})
}

// flagToken is what programs of an environment bring when they ask for flags.
func (d *Daemon) flagToken(environment string) (string, error) {
	key, err := keyfile.Open(d.options.State.Below("keys", "flags", environment+".key"))
	return hex.EncodeToString(key), err
}

// spreadFlags sees that every deployment of an environment serves what the environment says
// now. What one does not take is noted, and handed to it again until it does.
func (d *Daemon) spreadFlags(ctx context.Context, environment string) error {
	number := d.spread.begin(environment)
	all, unknown := d.deploymentsWithFlags(ctx, environment)
	failed := make([]error, len(all))
	var group sync.WaitGroup
	for i, id := range all {
		group.Go(func() { failed[i] = d.refreshFlags(ctx, id, takesFlags) })
	}
	group.Wait()
	if err := errors.Join(append(failed, unknown)...); err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "the change is made, and not every deployment of %s serves it yet: %w", environment, err).
			WithHint("it is tried again until it does: see understudy flags list --env %s", environment)
	}
	d.spread.end(environment, number)
	return nil
}

// spread says of which environments all deployments serve what was set last, as far as this
// daemon has seen. One that is started later begins with it.
type spread struct {
	mu    sync.Mutex
	begun map[string]int // how often it was begun, by environment
	whole map[string]int // the last time that was seen to be whole
}

func (s *spread) begin(environment string) (number int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.begun == nil {
		s.begun, s.whole = map[string]int{}, map[string]int{}
	}
	s.begun[environment]++
	return s.begun[environment]
}

func (s *spread) end(environment string, number int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.whole[environment] = max(number, s.whole[environment])
}

// is tells whether nothing was set since it was seen to be whole.
func (s *spread) is(environment string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.begun[environment] > 0 && s.begun[environment] == s.whole[environment]
}

// deploymentsWithFlags are those that live in an environment and whose release declares some.
// One of which nothing can be read keeps no other one from being told: with the error come all
// that are known.
func (d *Daemon) deploymentsWithFlags(ctx context.Context, environment string) ([]string, error) {
	ids, err := d.runtime.List(ctx)
	all := []error{err}
	var out []string
	for _, id := range ids {
		record, err := d.loadDeployment(ctx, id)
		if err == nil && record.Environment != environment || understudy.KindOf(err) == understudy.KindNotFound {
			continue // another's, or a place to run commands in
		}
		var release understudy.Release
		if err == nil {
			release, err = d.releaseByDigest(ctx, record.Release)
		}
		if all = append(all, err); release.Application.Flags != nil {
			out = append(out, id)
		}
	}
	return out, errors.Join(all...)
}

// refreshFlags hands a deployment what its environment says now, where it serves something
// older. One that has ended meanwhile serves nothing.
func (d *Daemon) refreshFlags(ctx context.Context, id string, within time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	record, err := d.loadDeployment(ctx, id)
	if err != nil {
		return err
	}
	state, err := d.flagState(ctx, record.Environment)
	if err != nil {
		return err
	}
	served, err := d.served(ctx, id)
	if err != nil || served.Version >= state.Version {
		return otherThan(err, understudy.KindNotFound)
	}
	release, err := d.releaseByDigest(ctx, record.Release)
	if err != nil {
		return err
	}
	_, err = d.setFlags(ctx, id, flagSet(release, state))
	return otherThan(err, understudy.KindNotFound)
}

// served asks a deployment what it serves, and what was read of it.
func (d *Daemon) served(ctx context.Context, id string) (supervisor.FlagsServed, error) {
	var out supervisor.FlagsServed
	raw, err := d.runtime.Flags(ctx, id)
	if err == nil {
		err = json.Unmarshal(raw, &out)
	}
	return out, err
}

func (d *Daemon) setFlags(ctx context.Context, id string, set supervisor.FlagSet) (supervisor.FlagsServed, error) {
	var out supervisor.FlagsServed
	raw, err := json.Marshal(set)
	if err != nil {
		return out, err
	}
	if raw, err = d.runtime.SetFlags(ctx, id, raw); err != nil {
		return out, err
	}
	return out, json.Unmarshal(raw, &out)
}

// flagsServed is what each deployment of an environment serves.
func (d *Daemon) flagsServed(ctx context.Context, environment string) ([]api.FlagsServed, error) {
	ids, unknown := d.deploymentsWithFlags(ctx, environment)
	var out []api.FlagsServed
	for _, id := range ids {
		record, err := d.loadDeployment(ctx, id)
		if err != nil {
			return out, err
		}
		one := api.FlagsServed{Deployment: id, Label: record.Label}
		asking, cancel := context.WithTimeout(ctx, takesFlags)
		served, err := d.served(asking, id)
		cancel()
		if understudy.KindOf(err) == understudy.KindNotFound {
			continue // it has ended
		}
		if err != nil {
			one.Problem = err.Error()
		}
		one.Version, one.Digest = served.Version, served.Digest
		out = append(out, one)
	}
	return out, unknown
}

// flags sees that the deployments of an environment serve what was set, whoever died in the
// midst of a change, or did not answer.
func (t *tending) flags(ctx context.Context, environment string) {
	matter := "the flags of " + environment
	if t.d.spread.is(environment) {
		t.d.notes.set(matter, "") // who set one since may have seen to it
		return
	}
	t.see(ctx, matter, func(ctx context.Context) error { return t.d.spreadFlags(ctx, environment) })
}

// reconcileFlags brings the store up to the changes of flags that the journal has: the daemon
// died before it had written one down, or the store was put back to a backup.
func (d *Daemon) reconcileFlags(ctx context.Context, changes []understudy.Entry) error {
	states, begun := map[string]understudy.FlagState{}, map[string]int64{}
	for _, e := range changes {
		state, known := states[e.Subject]
		if !known {
			var err error
			if state, err = d.flagState(ctx, e.Subject); err != nil {
				return err
			}
			begun[e.Subject] = state.Version
		}
		version, err := strconv.ParseInt(e.Facts["version"], 10, 64)
		if err == nil && version > begun[e.Subject] {
			state = state.Change(e.Facts["flag"], understudy.FlagSetting{Variant: e.Facts["variant"], By: e.Actor, Reason: e.Reason, At: e.At})
			state.Version = version
		}
		states[e.Subject] = state
	}
	for name, state := range states {
		if state.Version == begun[name] {
			continue
		}
		if err := d.store.Put(ctx, kindFlags, name, state); err != nil {
			return err
		}
	}
	return nil
}

// takeFlags makes a twin's flags what those of the environment are that it is a twin of.
func (d *Daemon) takeFlags(ctx context.Context, twin, of string) error {
	d.flagging.Lock()
	defer d.flagging.Unlock()
	theirs, err := d.flagState(ctx, of)
	if err != nil {
		return err
	}
	ours, err := d.flagState(ctx, twin)
	if err != nil || maps.Equal(ours.Variants(), theirs.Variants()) {
		return err
	}
	facts := map[string]string{"from": of, "version": strconv.FormatInt(ours.Version+1, 10)}
	if err := d.record(ctx, "understudy", "flags.taken", twin, facts); err != nil {
		return err
	}
	defer d.spread.begin(twin) // what runs there is told when it is tended
	return d.store.Put(context.WithoutCancel(ctx), kindFlags, twin, understudy.FlagState{Environment: twin, Version: ours.Version + 1, Set: theirs.Set})
}
