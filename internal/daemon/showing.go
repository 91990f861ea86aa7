package daemon

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"understudy"
	"understudy/internal/api"
	"understudy/internal/config"
)

// Configuration shows what the services of an environment are configured with: what runs, or
// what a start would bring.
func (d *Daemon) Configuration(ctx context.Context, request api.ShowConfig) (understudy.Configuration, error) {
	e, p, err := d.environment(request.Environment)
	if err != nil {
		return understudy.Configuration{}, err
	}
	release, err := d.configuredRelease(ctx, e, p)
	if err != nil {
		return understudy.Configuration{}, err
	}
	v := d.viewWith(ctx, order{env: e, release: release, databases: physicals(release.Application)}, p.Lines)
	if request.Running {
		if release, err = d.runningHere(ctx, e); err != nil {
			return understudy.Configuration{}, err
		}
		if v, err = d.runningView(ctx, e, release); err != nil {
			return understudy.Configuration{}, err
		}
	}
	out := understudy.Configuration{Environment: e.Name, Release: release.Label, Running: request.Running, Services: []understudy.ServiceSettings{}}
	if whole, _, err := config.ConfigPrint(v.order.env, release.Application, d.printKey, config.Reader(ctx)); err == nil {
		out.Digest = whole // of what cannot be read there is none, and the keys say why
	}
	terms, err := config.TermsOf(release.Application)
	if err != nil {
		return out, err
	}
	for _, s := range v.services {
		if request.Service == "" || request.Service == s.name {
			out.Services = append(out.Services, s.shown(terms))
		}
	}
	if len(out.Services) == 0 {
		return out, understudy.Errorf(understudy.KindNotFound, "release %s has no service %q", release.Label, request.Service)
	}
	out.Notes, err = d.configNotes(ctx, e)
	return out, err
}

func (s serviceView) shown(terms config.Terms) understudy.ServiceSettings {
	out := understudy.ServiceSettings{Service: s.name, Settings: s.settings, Missing: s.resolved.Missing()}
	for _, b := range terms.Broken(s.resolved) {
		out.Broken = append(out.Broken, b.Sentence())
	}
	return out
}

// configNotes says where an environment runs with something else than understudy.yaml has.
func (d *Daemon) configNotes(ctx context.Context, e understudy.Environment) ([]string, error) {
	record, err := d.servingRecord(ctx, e)
	if err != nil || !runsStill(e, record) {
		return nil, err
	}
	release, err := d.releaseByDigest(ctx, record.Release)
	if err != nil {
		return nil, err
	}
	now, err := d.runningView(ctx, e, release)
	if err != nil {
		return nil, err
	}
	changes := now.diff(d.view(ctx, now.order.of(e))).Changes
	if len(changes) == 0 {
		return nil, nil
	}
	var keys []string
	for _, c := range changes {
		if !slices.Contains(keys, c.Key) {
			keys = append(keys, c.Key)
		}
	}
	return []string{fmt.Sprintf("%s runs with another configuration than %s has for it (%s): understudy config diff %s", e.Name, config.FileName, strings.Join(keys, ", "), e.Name)}, nil
}

// of is the same order in the form that an environment has now.
func (o order) of(e understudy.Environment) order {
	o.env = e
	return o
}

// configuredRelease is the release whose configuration an environment has: what it runs, of a
// twin what its original runs, and before there is any, the application as the file declares it.
func (d *Daemon) configuredRelease(ctx context.Context, e understudy.Environment, p config.Project) (understudy.Release, error) {
	of := e
	if e.TwinOf != "" {
		var err error
		if of, err = p.Environment(e.TwinOf); err != nil {
			return understudy.Release{}, err
		}
	}
	release, _, err := d.running(ctx, of)
	if understudy.KindOf(err) == understudy.KindNotFound || understudy.KindOf(err) == understudy.KindInvalid {
		return understudy.Release{Label: config.FileName, Application: p.Application}, nil
	}
	return release, err
}

// DiffConfiguration shows how two environments, or two releases, differ; of one environment
// alone, how what it runs with differs from what understudy.yaml has for it.
func (d *Daemon) DiffConfiguration(ctx context.Context, request api.DiffConfig) (understudy.ConfigDiff, error) {
	p, err := d.project()
	if err != nil {
		return understudy.ConfigDiff{}, err
	}
	if request.B == "" {
		return d.pending(ctx, request.A)
	}
	var views []view
	var environments int
	for _, name := range []string{request.A, request.B} {
		v, environment, err := d.named(ctx, p, name)
		if err != nil {
			return understudy.ConfigDiff{}, err
		}
		if environment {
			environments++
		}
		views = append(views, v)
	}
	if environments == 1 {
		return understudy.ConfigDiff{}, understudy.Errorf(understudy.KindInvalid, "%s and %s are an environment and a release: two of one kind can be compared", request.A, request.B)
	}
	out := views[0].diff(views[1])
	out.A, out.B = request.A, request.B
	return out, nil
}

// runningHere is the release that an environment runs, of which it is known with what.
func (d *Daemon) runningHere(ctx context.Context, e understudy.Environment) (understudy.Release, error) {
	if e.External {
		return understudy.Release{}, understudy.Errorf(understudy.KindRefused, "%s is run by other means, so what it runs with is not known here", e.Name).
			WithHint("see what the file has for it: understudy config show %s", e.Name)
	}
	release, _, err := d.running(ctx, e)
	return release, err
}

// pending is what a start would change of what an environment runs with.
func (d *Daemon) pending(ctx context.Context, environment string) (understudy.ConfigDiff, error) {
	e, p, err := d.environment(environment)
	if err != nil {
		return understudy.ConfigDiff{}, err
	}
	release, err := d.runningHere(ctx, e)
	if err != nil {
		return understudy.ConfigDiff{}, err
	}
	now, err := d.runningView(ctx, e, release)
	if err != nil {
		return understudy.ConfigDiff{}, err
	}
	out := now.diff(d.viewWith(ctx, now.order.of(e), p.Lines))
	out.A, out.B = e.Name+" as it runs", e.Name+" in "+config.FileName
	return out, nil
}

// named is the view of an environment as the file has it, or of what a release itself says.
func (d *Daemon) named(ctx context.Context, p config.Project, name string) (v view, environment bool, err error) {
	if slices.ContainsFunc(p.Environments, func(e understudy.Environment) bool { return e.Name == name }) {
		e, err := environmentIn(p, name)
		if err != nil {
			return view{}, true, err
		}
		release, err := d.configuredRelease(ctx, e, p)
		return d.viewWith(ctx, order{env: e, release: release, databases: physicals(release.Application)}, p.Lines), true, err
	}
	release, err := d.Release(ctx, name)
	if err != nil {
		return view{}, false, err
	}
	return d.view(ctx, order{env: understudy.Environment{Name: name, External: true, Confidential: p.Confidential()}, release: release}), false, nil
}

// ExplainConfiguration shows all that is known of a key.
func (d *Daemon) ExplainConfiguration(ctx context.Context, request api.ExplainConfig) (understudy.KeyExplanation, error) {
	p, err := d.project()
	if err != nil {
		return understudy.KeyExplanation{}, err
	}
	names := []string{request.Environment}
	if request.Environment == "" {
		names = nil
		for _, e := range p.Environments {
			names = append(names, e.Name)
		}
	}
	out := understudy.KeyExplanation{Key: request.Key, Settings: []understudy.PlacedSetting{}}
	for _, name := range names {
		e, err := environmentIn(p, name)
		if err != nil {
			return out, err
		}
		release, err := d.configuredRelease(ctx, e, p)
		if err != nil {
			return out, err
		}
		v := d.viewWith(ctx, order{env: e, release: release, databases: physicals(release.Application)}, p.Lines)
		if err := d.explain(&out, v); err != nil {
			return out, err
		}
	}
	if len(out.Settings) == 0 && out.Declared == nil && len(out.Referred) == 0 {
		return out, understudy.Errorf(understudy.KindNotFound, "no release and no environment has a key %s", request.Key).
			WithHint("see which there are: understudy config show %s", cmp.Or(request.Environment, "ENV"))
	}
	return out, nil
}

// explain adds what one environment knows of a key.
func (d *Daemon) explain(out *understudy.KeyExplanation, v view) error {
	app, e := v.order.release.Application, v.order.env
	for _, k := range app.Config {
		if k.Key == out.Key && out.Declared == nil {
			out.Declared, out.Release = &k, v.order.release.Label
		}
	}
	terms, err := config.TermsOf(app)
	if err != nil {
		return err
	}
	for _, s := range v.services {
		for _, setting := range s.settings {
			if setting.Key == out.Key {
				out.Secret = out.Secret || setting.Secret
				out.Settings = append(out.Settings, understudy.PlacedSetting{Environment: e.Name, Service: s.name, Setting: setting})
			}
			if slices.Contains(setting.Refers, out.Key) {
				out.Referred = unique(out.Referred, s.name+"'s "+setting.Key)
			}
		}
	}
	asked := terms.Asks(out.Key)
	for _, rule := range asked {
		out.Rules = unique(out.Rules, rule)
	}
	broken, err := v.broken()
	for _, b := range broken {
		if b.Key == out.Key || b.Rule != "" && slices.ContainsFunc(asked, func(rule string) bool { return strings.HasPrefix(rule, b.Rule+": ") }) {
			out.Broken = unique(out.Broken, "in "+e.Name+": "+b.Sentence())
		}
	}
	if out.Read.State == "" || out.Read.State == understudy.ReadUntold {
		out.Read = d.reads(v.order.release, out.Key)
	}
	return err
}

// reads tells whether a release reads a key.
func (d *Daemon) reads(release understudy.Release, key string) understudy.ReadConfigResult {
	if slices.Contains(provided(release.Application), key) {
		return understudy.ReadConfigResult{State: understudy.ReadUntold, How: "the runtime gives it, whether it is read or not"}
	}
	if release.Digest == "" {
		return understudy.ReadConfigResult{State: understudy.ReadUntold, How: "there is no release yet whose files could be searched"}
	}
	return config.ReadsOf(d.tree(release.Artifact), release, []string{key}).Of(key)
}

// unique adds a text to a list that does not have it.
func unique(list []string, text string) []string {
	if slices.Contains(list, text) {
		return list
	}
	return append(list, text)
}
