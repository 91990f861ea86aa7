package daemon

import (
	"context"
	"slices"
	"strings"

	"understudy"
	"understudy/internal/config"
	"understudy/internal/rehearsal"
)

// view is the configuration of every service of a release in an environment, as it would be
// started or was started, to be looked at. It is laid as for a start, but for the ports,
// which are chosen then.
type view struct {
	order    order
	services []serviceView
}

type serviceView struct {
	name     string
	resolved config.Resolved
	settings []understudy.Setting
}

// view looks at what a deployment would be started with. Addresses that cannot be told yet
// are left out.
func (d *Daemon) view(ctx context.Context, o order) view {
	return d.viewWith(ctx, o, nil)
}

func (d *Daemon) viewWith(ctx context.Context, o order, lines config.Lines) view {
	o = o.within(ctx)
	given, err := d.addresses(ctx, o)
	if err != nil { // a reference that cannot be read: its key is seen without a value
		given = map[string]string{}
		for _, key := range provided(o.release.Application) {
			given[key] = ""
		}
	}
	out := view{order: o}
	for _, s := range o.release.Application.Services {
		stack := d.stack(o, s, s.Port, given)
		stack.Lines = lines
		resolved := config.Resolve(stack)
		out.services = append(out.services, serviceView{s.Name, resolved, resolved.Settings(d.printKey)})
	}
	return out
}

// runningView looks at what an environment runs with: plain values and defaults as they were
// at the start, and of secrets the prints of then.
func (d *Daemon) runningView(ctx context.Context, e understudy.Environment, release understudy.Release) (view, error) {
	record, err := d.servingRecord(ctx, e)
	if err != nil {
		return view{}, err
	}
	o := order{env: asStarted(e, record), release: release, databases: record.Databases, read: config.Reader(ctx)}
	if record.Databases == nil {
		o.databases = physicals(release.Application)
	}
	out := d.view(ctx, o)
	if record.With == nil {
		return out, nil
	}
	for i := range out.services {
		for j := range out.services[i].settings {
			s := &out.services[i].settings[j]
			if print, kept := record.With.Prints[s.Key]; kept && s.Layer == config.LayerSecret {
				s.Print, s.Problem, s.Empty = print, "", false
			}
			if s.Layer == config.LayerEnvironment || s.Layer == config.LayerSecret {
				s.From = "as deployment " + record.ID + " was started"
			}
		}
	}
	return out, nil
}

// broken are the types and rules that any service's configuration does not keep, each once.
func (v view) broken() ([]config.Breach, error) {
	terms, err := config.TermsOf(v.order.release.Application)
	if err != nil {
		return nil, err
	}
	var out []config.Breach
	for _, s := range v.services {
		for _, b := range terms.Broken(s.resolved) {
			if !slices.Contains(out, b) {
				out = append(out, b)
			}
		}
	}
	return out, nil
}

// overridden are the defaults of the release over which the environment has another value.
func (v view) overridden() []rehearsal.Differing {
	var out []rehearsal.Differing
	for _, service := range v.services {
		for _, s := range service.settings {
			below := slices.IndexFunc(s.Over, func(l understudy.SettingLayer) bool { return l.Layer == config.LayerDefault })
			if below < 0 || s.Secret || s.Layer == config.LayerGiven || s.Layer == config.LayerDefault {
				continue
			}
			d := rehearsal.Differing{Key: s.Key, Default: s.Over[below].Value, Value: s.Shown(), From: s.From}
			if d.Default != s.Value && len(understudy.References(d.Default)) == 0 && !slices.Contains(out, d) {
				out = append(out, d)
			}
		}
	}
	return out
}

// settings are those of a service that a team sets, but for what the runtime gives.
func (v view) settings(service string) []understudy.Setting {
	for _, s := range v.services {
		if s.name == service {
			return slices.DeleteFunc(slices.Clone(s.settings), func(s understudy.Setting) bool { return s.Layer == config.LayerGiven })
		}
	}
	return nil
}

// diff lists what changes from one view to another, what is the same for every service once.
func (v view) diff(to view) understudy.ConfigDiff {
	out := understudy.ConfigDiff{A: v.order.env.Name, B: to.order.env.Name, Changes: []understudy.ConfigChange{}}
	var names []string
	for _, s := range slices.Concat(v.services, to.services) {
		if !slices.Contains(names, s.name) {
			names = append(names, s.name)
		}
	}
	seen := map[understudy.ConfigChange]int{}
	for _, name := range names {
		changes, equal := understudy.DiffSettings(v.settings(name), to.settings(name))
		out.Equal = max(out.Equal, equal)
		for _, c := range changes {
			seen[c]++
			c.Service = name
			out.Changes = append(out.Changes, c)
		}
	}
	for i := range out.Changes {
		plain := out.Changes[i]
		plain.Service = ""
		if seen[plain] == len(names) {
			out.Changes[i] = plain
		}
	}
	slices.SortStableFunc(out.Changes, func(a, b understudy.ConfigChange) int { return strings.Compare(a.Key, b.Key) })
	out.Changes = slices.Compact(out.Changes)
	return out
}
