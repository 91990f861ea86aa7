package config

import (
	"path/filepath"
	"regexp"
	"slices"

	"understudy"
)

// checkApplication notes what the schema cannot see in the part that belongs to a
// release. What is left to understudy.Application.Validate has no place of its own.
func (s *source) checkApplication(doc document, app understudy.Application) {
	s.checkServices(app)
	s.checkProvided(app)
	s.checkConfig(app)
	s.checkRules(app)
	s.checkMigration(app)
	s.checkTests(doc)
	s.checkTraffic(doc)
	if len(s.problems.list) > 0 {
		return
	}
	if err := app.Validate(); err != nil {
		s.problems.at([]string{"services"}, "%s", err)
	}
}

// serviceName holds for names that come from a compose file, too: they become names of folders.
var serviceName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$`)

func (s *source) checkServices(app understudy.Application) {
	var known []string
	for _, service := range app.Services {
		known = append(known, service.Name)
	}
	for _, d := range app.Databases {
		if slices.Contains(known, d.Name) {
			s.problems.at([]string{"databases", d.Name}, "a service has this name already")
		}
		known = append(known, d.Name)
	}
	routes := map[string]string{}
	for _, service := range app.Services {
		path := []string{"services", service.Name}
		if !serviceName.MatchString(service.Name) {
			s.problems.at(path, "expected a name of letters, digits, -, _ and ., found %q", service.Name)
		}
		if len(service.Command) == 0 {
			s.problems.at(path, "service %s has no command, and the compose file leaves it to the image; add command: [program, argument], or skip: true", service.Name)
		}
		if service.Route != "" && service.Port == 0 {
			s.problems.at(append(path, "route"), "expected a port: beside the route, found none")
		}
		s.checkRoutes(service, routes)
		if service.WorkDir != "" && !filepath.IsLocal(service.WorkDir) {
			s.problems.at(append(path, "work_dir"), "expected a folder below the artifact's, found %q", service.WorkDir)
		}
		for i, need := range service.Needs {
			if !slices.Contains(known, need) {
				s.problems.at(append(path, "needs", index(i)), "there is no service or database %q%s", need, didYouMean(need, known))
			}
		}
	}
	if _, err := app.StartOrder(); err != nil {
		s.problems.at([]string{"services"}, "%s", err)
	}
}

// checkProvided sees to it that no two things hand in the same key.
func (s *source) checkProvided(app understudy.Application) {
	owners := map[string]string{"PORT": "the port that the runtime gives"}
	take := func(key, owner string, path ...string) {
		if other, twice := owners[key]; twice {
			s.problems.at(append(path, "env"), "key %s is taken by %s already", key, other)
		}
		owners[key] = owner
	}
	for _, d := range app.Databases {
		take(d.Env, "database "+d.Name, "databases", d.Name)
	}
	for _, v := range app.Volumes {
		take(v.Env, "volume "+v.Name, "volumes", v.Name)
		if v.Service != "" && !slices.ContainsFunc(app.Services, func(service understudy.Service) bool { return service.Name == v.Service }) {
			s.problems.at([]string{"volumes", v.Name, "service"}, "there is no service %q", v.Service)
		}
	}
	for _, i := range app.Integrations {
		take(i.Env, "integration "+i.Name, "integrations", i.Name)
	}
}

func (s *source) checkConfig(app understudy.Application) {
	secret := map[string]bool{}
	for _, k := range app.Config {
		secret[k.Key] = k.Secret
		if k.Secret && k.Default != "" {
			s.problems.at([]string{"config", k.Key, "default"}, "a secret has no default: anybody could read it here")
		}
	}
	for _, service := range app.Services {
		for _, key := range sorted(service.Env) {
			if secret[key] && len(understudy.References(service.Env[key])) == 0 && service.Env[key] != "" {
				s.problems.at([]string{"services", service.Name, "env", key},
					"%s is a secret, and would become part of the release; write ${%s} here, and say under environments: where each has its own", key, key)
			}
		}
	}
}

func (s *source) checkMigration(app understudy.Application) {
	m := app.Migration
	if m == nil {
		return
	}
	if len(app.Databases) == 0 {
		s.problems.at([]string{"migration"}, "there is a migration, and no database under databases:")
	}
	if m.Back == understudy.WayDown && len(m.Down) == 0 {
		s.problems.at([]string{"migration", "back"}, "the way back is down, and there is no command under migration.down")
	}
}

func (s *source) checkTests(doc document) {
	for _, t := range doc.Tests {
		report := t.Value.Report
		if report != "" && !filepath.IsLocal(report) {
			s.problems.at([]string{"tests", t.Name, "report"}, "expected a file below the artifact's folder, go or tap, found %q", report)
		}
	}
}

func (s *source) checkTraffic(doc document) {
	if doc.Traffic == nil {
		return
	}
	for _, j := range doc.Traffic.Journeys {
		for i, step := range j.Value.Steps {
			path := []string{"traffic", "journeys", j.Name, "steps", index(i)}
			if n := len(step.requests()); n != 1 {
				s.problems.at(path, "expected one of get:, head:, post:, put:, patch:, delete: with a path, found %d of them", n)
			}
			if len(step.Form) > 0 && step.Body != "" {
				s.problems.at(append(path, "body"), "expected form: or body:, found both")
			}
			for _, name := range sorted(step.Capture) {
				compiled, err := regexp.Compile(string(step.Capture[name]))
				switch {
				case err != nil:
					s.problems.at(append(path, "capture", name), "expected a regular expression: %s", err)
				case compiled.NumSubexp() != 1:
					s.problems.at(append(path, "capture", name), "expected a regular expression with one group in ( ), found %d", compiled.NumSubexp())
				}
			}
		}
	}
}
