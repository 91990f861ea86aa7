package config

import (
	"fmt"
	"net"
	"slices"
	"strconv"

	"understudy"
)

// checkEnvironments notes what does not fit among the environments, and between them
// and the application.
func (s *source) checkEnvironments(app understudy.Application, all []understudy.Environment) {
	taken := map[string]string{} // database ports
	for i, e := range all {
		path := []string{"environments", e.Name}
		s.checkListen(app, e, all[:i], path)
		s.checkDoor(app, e, all[:i], path)
		s.checkTwin(e, all, path)
		s.checkPlacements(app, e, taken, path)
		s.checkVolumes(app, e, path)
		s.checkValues(app, e, path)
		s.checkOrigins(e, path)
	}
}

func (s *source) checkListen(app understudy.Application, e understudy.Environment, earlier []understudy.Environment, path []string) {
	routed := slices.ContainsFunc(app.Services, func(s understudy.Service) bool { return s.Route != "" })
	if e.Listen == "" {
		if routed && !e.External {
			s.problems.at(path, "expected listen:, where its front door is, found none")
		}
		return
	}
	path = append(path, "listen")
	if _, port, err := net.SplitHostPort(e.Listen); err != nil || !isPort(port) {
		s.problems.at(path, "expected an address such as 127.0.0.1:8080, found %q", e.Listen)
		return
	}
	for _, other := range earlier {
		if sameDoor(e.Listen, other.Listen) {
			s.problems.at(path, "%s is where environment %s listens already (%s)", e.Listen, other.Name, other.Listen)
		}
	}
}

// checkOrigins notes what no browser would send. One star for all is none: whoever asks has the
// environment's token, which belongs on no page that is not one's own.
func (s *source) checkOrigins(e understudy.Environment, path []string) {
	for _, origin := range e.FlagOrigins {
		if !understudy.IsOrigin(origin) {
			s.problems.at(append(path, "flag_origins"), "expected origins such as https://shop.example.com or http://localhost:3000, found %q", origin)
		}
	}
}

func isPort(text string) bool {
	n, err := strconv.Atoi(text)
	return err == nil && n > 0 && n < 1<<16
}

// sameDoor tells whether two addresses cannot be listened on at once.
func sameDoor(a, b string) bool {
	hostA, portA, errA := net.SplitHostPort(a)
	hostB, portB, errB := net.SplitHostPort(b)
	if errA != nil || errB != nil || portA != portB {
		return false
	}
	every := func(host string) bool { return host == "" || host == "0.0.0.0" || host == "::" }
	local := func(host string) string {
		if host == "localhost" {
			return "127.0.0.1"
		}
		return host
	}
	return every(hostA) || every(hostB) || local(hostA) == local(hostB)
}

func (s *source) checkTwin(e understudy.Environment, all []understudy.Environment, path []string) {
	if e.TwinOf == "" {
		if !e.Copying.IsZero() {
			s.problems.at(append(path, "copy"), "it is no twin, so nothing is copied to it; expected copy: in an environment with twin_of:")
		}
		return
	}
	var others []string
	for _, other := range all {
		if other.Name != e.Name {
			others = append(others, other.Name)
		}
	}
	at := append(path, "twin_of")
	original := slices.IndexFunc(all, func(o understudy.Environment) bool { return o.Name == e.TwinOf })
	switch {
	case e.TwinOf == e.Name:
		s.problems.at(at, "an environment cannot be a twin of itself")
	case original < 0:
		s.problems.at(at, "there is no environment %q%s", e.TwinOf, didYouMean(e.TwinOf, others))
	case all[original].TwinOf != "":
		s.problems.at(at, "%s is a twin itself, of %s; expected an environment that is not", e.TwinOf, all[original].TwinOf)
	case e.External:
		s.problems.at(append(path, "external"), "a twin is built here, and cannot be external")
	case e.Purpose == understudy.PurposeProduction:
		s.problems.at(append(path, "purpose"), "a twin reaches nobody, and cannot be production")
	}
}

// checkFollow refuses what a copy that is followed cannot be.
func (s *source) checkFollow(c understudy.Copying, path []string) {
	at := func(key string) []string { return append(path[:len(path):len(path)], key) }
	switch {
	case !c.Follow && (c.Publish || c.Publication != ""):
		s.problems.at(path, "publish: and publication: are for a copy that is followed; expected follow: true with them")
	case !c.Follow:
	case c.Method == understudy.CopyPhysical:
		s.problems.at(at("follow"), "rows are followed one by one, and method: physical takes files; expected one of them")
	case len(c.Subsets) > 0:
		s.problems.at(at("follow"), "production's changes are of whole databases, and a subset is a part; expected one of them")
	case c.Publish && c.Publication != "":
		s.problems.at(at("publish"), "publication %s is production's own, so none is to be made; expected one of them", c.Publication)
	}
}

func (s *source) checkPlacements(app understudy.Application, e understudy.Environment, taken map[string]string, path []string) {
	var known []string
	for _, d := range app.Databases {
		known = append(known, d.Name)
		if e.External && e.Databases[d.Name].URL == "" {
			s.problems.at(path, "it is external, so database %s is where its own means put it; expected databases.%s.url: env:NAME", d.Name, d.Name)
		}
	}
	for _, name := range sorted(e.Copying.Subsets) {
		if !slices.Contains(known, name) {
			s.problems.at(append(path[:2:2], "copy", "subset", name), "the application has no database %q%s", name, didYouMean(name, known))
		}
	}
	for _, name := range sorted(e.Databases) {
		d, at := e.Databases[name], append(path[:2:2], "databases", name)
		if !slices.Contains(known, name) {
			s.problems.at(at, "the application has no database %q%s", name, didYouMean(name, known))
		}
		if d.URL != "" && (d.Port != 0 || len(d.Seed) > 0 || len(d.Settings) > 0) {
			s.problems.at(append(at, "url"), "port:, seed: and settings: are for a private database, and this one has a url:")
		}
		owner, port := e.Name+"."+name, strconv.Itoa(d.Port)
		if other, twice := taken[port]; twice && d.Port != 0 {
			s.problems.at(append(at, "port"), "port %s is that of %s already", port, other)
		}
		taken[port] = owner
	}
}

func (s *source) checkVolumes(app understudy.Application, e understudy.Environment, path []string) {
	var known []string
	for _, v := range app.Volumes {
		known = append(known, v.Name)
		if e.External && e.Volumes[v.Name] == "" {
			s.problems.at(path, "it is external, so volume %s is where its own means put it; expected volumes.%s: its folder", v.Name, v.Name)
		}
	}
	for _, name := range sorted(e.Volumes) {
		at := append(path[:2:2], "volumes", name)
		switch {
		case !slices.Contains(known, name):
			s.problems.at(at, "the application has no volume %q%s", name, didYouMean(name, known))
		case e.TwinOf != "":
			s.problems.at(at, "a twin has copies of its own, and writes into no other folder; expected nothing here")
		}
	}
}

// checkValues keeps secrets out of what is stored and shown.
func (s *source) checkValues(app understudy.Application, e understudy.Environment, path []string) {
	declared := map[string]understudy.ConfigKey{}
	for _, k := range app.Config {
		declared[k.Key] = k
	}
	for _, key := range sorted(e.Env) {
		if _, both := e.Secrets[key]; both {
			s.problems.at(append(path[:2:2], "secrets", key), "%s stands under env: too; expected one of them", key)
			continue
		}
		k, known := declared[key]
		value := e.Env[key]
		secret := k.Secret || (!known && looksSecret(key)) || holdsPassword(value)
		if secret && value != "" && !onlyReference(value) {
			s.problems.at(append(path[:2:2], place(s, path, key)...), "%s %s, and what stands here is stored and shown; move it to secrets: as %s: env:%s (or file:, exec:)%s",
				key, secrecy(k.Secret), key, key, unlessDeclared(known, value))
		}
	}
}

// place is where a key of an environment's values comes from.
func place(s *source, path []string, key string) []string {
	environment := valueAt(s.root, path)
	if _, env := child(environment, "env"); env != nil {
		if at, _ := child(env, key); at != nil {
			return []string{"env", key}
		}
	}
	return []string{"env_file"}
}

func secrecy(declared bool) string {
	if declared {
		return "is a secret"
	}
	return "looks like a secret"
}

func unlessDeclared(known bool, value string) string {
	if known || holdsPassword(value) {
		return ""
	}
	return fmt.Sprintf("; if it is none, name it under config:")
}
