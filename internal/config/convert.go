package config

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"understudy"
)

// project is the whole file in words. What is wrong with it is left in s.problems; the
// error is for what kept it from being looked at.
func (s *source) project() (Project, error) {
	doc, err := s.document()
	if err != nil || len(s.problems.list) > 0 {
		return Project{}, err
	}
	app, err := s.declared(doc)
	if err != nil {
		return Project{}, err
	}
	p := Project{Dir: s.dir, File: s.file, Application: app, Policy: s.policy(doc.Policy), Mask: s.path(cmp.Or(doc.Mask, "mask.yaml"))}
	for _, e := range doc.Environments {
		environment, err := s.environment(e.Name, e.Value)
		if err != nil {
			return Project{}, err
		}
		p.Environments = append(p.Environments, environment)
	}
	s.checkEnvironments(app, p.Environments)
	p.Policy.Parity, p.ParityEvery = s.parity(doc.Parity, p.Environments), time.Duration(doc.Parity.Every)
	s.checkPolicy(app, p.Policy)
	p.Notify = s.channels(doc.Notify)
	p.Lines = s.lines(doc)
	return p, nil
}

// application is the part of the file that belongs to a release.
func (s *source) application() (understudy.Application, error) {
	doc, err := s.document()
	if err != nil || len(s.problems.list) > 0 {
		return understudy.Application{}, err
	}
	return s.declared(doc)
}

func (s *source) document() (document, error) {
	var doc document
	if err := s.shape(); err != nil || len(s.problems.list) > 0 {
		return doc, err
	}
	if err := s.root.Decode(&doc); err != nil {
		return doc, understudy.Errorf(understudy.KindInvalid, "%s: %w", s.problems.file, err)
	}
	return doc, nil
}

// path is what a relative path in the file means.
func (s *source) path(written string) string {
	if filepath.IsAbs(written) {
		return filepath.Clean(written)
	}
	return filepath.Join(s.dir, written)
}

func (s *source) declared(doc document) (understudy.Application, error) {
	app := understudy.Application{Name: doc.Application}
	for _, e := range doc.Databases {
		app.Databases = append(app.Databases, e.Value.words(e.Name, doc.Application))
	}
	var err error
	if app.Services, err = s.services(doc); err != nil {
		return app, err
	}
	for _, e := range doc.Volumes {
		app.Volumes = append(app.Volumes, understudy.Volume{Name: e.Name, Env: e.Value.Env, Service: e.Value.Service})
	}
	for _, e := range doc.Integrations {
		app.Integrations = append(app.Integrations, e.Value.words(e.Name))
	}
	s.configuration(doc.Config, &app)
	app.Migration = doc.Migration.words()
	for _, e := range doc.Tests {
		app.Tests = append(app.Tests, e.Value.words(e.Name))
	}
	app.Traffic = doc.Traffic.words()
	if doc.Flags != "" {
		app.Flags = &understudy.Flags{File: doc.Flags}
		if !filepath.IsLocal(doc.Flags) {
			s.problems.at([]string{"flags"}, "expected a file below the folder of %s, found %q", FileName, doc.Flags)
		}
	}
	s.checkApplication(doc, app)
	return app, nil
}

// services are those of the file, in its order, then those that only the compose file
// has, by name.
func (s *source) services(doc document) ([]understudy.Service, error) {
	composed := composition{}
	if doc.Compose != "" {
		var err error
		if composed, err = readCompose(s.path(doc.Compose), doc.Compose); err != nil {
			return nil, err
		}
	}
	left := map[string]bool{}
	for name := range composed.databases {
		left[name] = !slices.Contains(doc.Databases.names(), name)
	}
	var out []understudy.Service
	for _, e := range doc.Services {
		base := composed.services[e.Name]
		delete(composed.services, e.Name)
		if left[e.Name] = e.Value.Skip; !e.Value.Skip {
			out = append(out, e.Value.refine(e.Name, base))
		}
	}
	for _, name := range sorted(composed.services) {
		out = append(out, composed.services[name])
	}
	for i := range out {
		out[i].Needs = slices.DeleteFunc(out[i].Needs, func(need string) bool { return left[need] })
		if len(out[i].Needs) == 0 {
			out[i].Needs = nil
		}
	}
	return out, nil
}

// refine lays what the file says of a service over what the compose file says.
func (e serviceEntry) refine(name string, base understudy.Service) understudy.Service {
	s := base
	s.Name = name
	if len(e.Command) > 0 {
		s.Command = e.Command
	}
	s.WorkDir = cmp.Or(e.WorkDir, s.WorkDir)
	s.Port = cmp.Or(e.Port, s.Port)
	s.Instances = cmp.Or(e.Instances, s.Instances)
	s.Protocol = cmp.Or(understudy.Protocol(e.Protocol), s.Protocol)
	if len(e.Route) > 0 {
		s.Route, s.Routes = e.Route[0], e.Route[1:]
	}
	if len(s.Routes) == 0 {
		s.Routes = nil
	}
	s.User = cmp.Or(e.User, s.User)
	s.Grace = cmp.Or(time.Duration(e.Grace), s.Grace)
	s.Handover = cmp.Or(understudy.Handover(e.Handover), s.Handover)
	s.Health.Path = cmp.Or(e.Health.Path, s.Health.Path)
	s.Health.Interval = cmp.Or(time.Duration(e.Health.Interval), s.Health.Interval)
	s.Health.Timeout = cmp.Or(time.Duration(e.Health.Timeout), s.Health.Timeout)
	s.Health.Deadline = cmp.Or(time.Duration(e.Health.Deadline), s.Health.Deadline)
	if e.Needs != nil {
		s.Needs = *e.Needs
	}
	for key, value := range e.Env {
		if s.Env == nil {
			s.Env = map[string]string{}
		}
		s.Env[key] = string(value)
	}
	return s
}

func (e databaseEntry) words(name, application string) understudy.Database {
	return understudy.Database{Name: name, Engine: cmp.Or(e.Engine, "postgres"), Role: cmp.Or(e.Role, application),
		Env: cmp.Or(e.Env, "DATABASE_URL"), Extensions: e.Extensions}
}

func (e integrationEntry) words(name string) understudy.Integration {
	out := understudy.Integration{Name: name, Kind: e.Kind, Env: e.Env}
	for _, a := range e.Answers {
		out.Answers = append(out.Answers, understudy.Answer{Method: a.Method, Path: a.Path, Status: cmp.Or(a.Status, 200),
			Header: plainTexts(a.Header), Body: a.Body})
	}
	return out
}

func (e *migrationEntry) words() *understudy.Migration {
	if e == nil {
		return nil
	}
	return &understudy.Migration{Up: e.Up, Down: e.Down, Status: e.Status, Contract: e.Contract, Role: e.Role, Back: understudy.Way(e.Back),
		Timeout: time.Duration(e.Timeout), Env: plainTexts(e.Env)}
}

func (e testEntry) words(name string) understudy.Test {
	return understudy.Test{Name: name, Command: e.Command, Report: e.Report, Timeout: time.Duration(e.Timeout), Env: plainTexts(e.Env)}
}

func (e *trafficEntry) words() *understudy.Traffic {
	if e == nil {
		return nil
	}
	out := &understudy.Traffic{Rate: e.Rate}
	for _, j := range e.Journeys {
		journey := understudy.Journey{Name: j.Name, Weight: j.Value.Weight}
		for _, step := range j.Value.Steps {
			journey.Steps = append(journey.Steps, step.words())
		}
		out.Journeys = append(out.Journeys, journey)
	}
	return out
}

func (e stepEntry) words() understudy.Step {
	out := understudy.Step{Name: e.Name, Header: plainTexts(e.Header), Form: plainTexts(e.Form), Body: e.Body,
		Expect: e.Expect, Capture: plainTexts(e.Capture)}
	for method, path := range e.requests() {
		out.Method, out.Path = method, path
	}
	return out
}

// requests are the methods that a step names, with their paths; a rule sees to it that
// it is one.
func (e stepEntry) requests() map[string]string {
	out := map[string]string{"GET": e.Get, "HEAD": e.Head, "POST": e.Post, "PUT": e.Put, "PATCH": e.Patch, "DELETE": e.Delete}
	for method, path := range out {
		if path == "" {
			delete(out, method)
		}
	}
	return out
}

func (s *source) environment(name string, e environmentEntry) (understudy.Environment, error) {
	out := understudy.Environment{Name: name, Purpose: understudy.Purpose(e.Purpose), Listen: e.Listen, TwinOf: e.TwinOf,
		External: e.External, Release: e.Release, Env: plainTexts(e.Env), FlagOrigins: e.FlagOrigins}
	if e.EnvFile != "" {
		values, err := readEnvFile(s.path(e.EnvFile), e.EnvFile)
		if err != nil {
			s.problems.at([]string{"environments", name, "env_file"}, "%s", err)
		}
		for key, value := range out.Env {
			values[key] = value
		}
		out.Env = values
	}
	out.Door = s.door(e.Door, []string{"environments", name})
	out.Copying = s.copying(e.Copy, []string{"environments", name, "copy"})
	for key, ref := range e.Secrets {
		if out.Secrets == nil {
			out.Secrets = map[string]understudy.SecretRef{}
		}
		out.Secrets[key] = s.secretRef(ref)
	}
	for _, d := range e.Databases {
		if out.Databases == nil {
			out.Databases = map[string]understudy.DatabasePlacement{}
		}
		out.Databases[d.Name] = understudy.DatabasePlacement{URL: s.secretRef(d.Value.URL), Replica: s.secretRef(d.Value.Replica), Port: d.Value.Port,
			Seed: d.Value.Seed, Settings: plainTexts(d.Value.Settings)}
	}
	for volume, folder := range e.Volumes {
		if out.Volumes == nil {
			out.Volumes = map[string]string{}
		}
		out.Volumes[volume] = s.path(folder)
	}
	for _, t := range e.Prepare {
		out.Prepare = append(out.Prepare, t.words(cmp.Or(t.Name, filepath.Base(first(t.Command)))))
	}
	return out, nil
}

func (s *source) copying(e copyEntry, path []string) understudy.Copying {
	out := understudy.Copying{Method: understudy.CopyMethod(e.Method), Parallel: e.Parallel, MaxLoad: e.MaxLoad,
		Deadline: time.Duration(e.Deadline), Hold: time.Duration(e.Hold), Follow: e.Follow, Publish: e.Publish, Publication: e.Publication}
	for name, entry := range e.Subset {
		if out.Subsets == nil {
			out.Subsets = map[string]understudy.Subset{}
		}
		out.Subsets[name] = entry.words()
	}
	if len(out.Subsets) > 0 && out.Method == understudy.CopyPhysical {
		s.problems.at(append(path[:len(path):len(path)], "subset"), "a subset is taken row by row, and method: physical takes files; expected one of them")
	}
	s.checkFollow(out, path)
	switch e.Rate {
	case "":
	case "unlimited":
		out.Rate = -1
	default:
		var err error
		if out.Rate, err = understudy.ParseBytes(e.Rate); err != nil || out.Rate == 0 {
			s.problems.at(append(path, "rate"), "expected how many bytes a second, as 64MB, or unlimited; found %q", e.Rate)
		}
	}
	return out
}

func (e subsetEntry) words() understudy.Subset {
	out := understudy.Subset{Roots: map[string]understudy.SubsetRoot{}, Children: e.Children}
	for table, root := range e.Roots {
		out.Roots[table] = understudy.SubsetRoot(root)
	}
	for _, key := range e.Keys {
		out.Keys = append(out.Keys, understudy.VirtualKey(key))
	}
	return out
}

// secretRef makes the path of a file: or sops: reference absolute.
func (s *source) secretRef(written string) understudy.SecretRef {
	for _, scheme := range []string{"file:", "sops:"} {
		if path, found := strings.CutPrefix(written, scheme); found {
			return understudy.SecretRef(scheme + s.path(path))
		}
	}
	return understudy.SecretRef(written)
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}
