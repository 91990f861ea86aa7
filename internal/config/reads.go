package config

import (
	"fmt"
	"slices"
	"strings"

	"understudy"
)

// Reads is what could be told of which keys a release reads. A process reads its environment
// in its own memory, which nobody sees from outside; but a key that is read by its name has
// that name somewhere in what is run. So all of the release is searched for the names.
type Reads struct {
	keys map[string]understudy.ReadConfigResult
	How  string // for people: what was searched, or why nothing can be told
}

// Of is what was told of one key.
func (r Reads) Of(key string) understudy.ReadConfigResult {
	if found, is := r.keys[key]; is {
		return found
	}
	return understudy.ReadConfigResult{State: understudy.ReadUntold, How: r.How}
}

// ReadsOf searches a release, whose files lie in a folder, for the names of keys. A name also
// counts where it is written another way (page-size, pageSize, page.size), as libraries make
// names of others. Where something could read a key without its name being there, nothing is
// said: files that cannot be looked into, names that may be put together of parts, names that
// an interpreter or a library outside of the release reads by itself.
func ReadsOf(tree string, release understudy.Release, keys []string) Reads {
	app := release.Application
	search := newSearch(append(slices.Clone(keys), parts(keys)...))
	for _, text := range spoken(app) {
		search.text([]byte(text))
	}
	search.tree(tree, release.Artifact)
	out := Reads{keys: map[string]understudy.ReadConfigResult{}, How: search.how()}
	for _, key := range keys {
		out.keys[key] = judge(key, search, app, keys)
	}
	return out
}

// spoken are the texts of the declaration in which a name is a use of it: commands, and values
// that refer to others.
func spoken(app understudy.Application) []string {
	var out []string
	add := func(words []string) { out = append(out, words...) }
	values := func(env map[string]string) {
		for _, key := range sorted(env) {
			for _, r := range understudy.References(env[key]) {
				if r.Key != key { // handing its own default on is no reading
					out = append(out, r.Key)
				}
			}
		}
	}
	for _, s := range app.Services {
		add(s.Command)
		values(s.Env)
	}
	if m := app.Migration; m != nil {
		for _, command := range [][]string{m.Up, m.Down, m.Status, m.Contract} {
			add(command)
		}
		values(m.Env)
	}
	for _, t := range app.Tests {
		add(t.Command)
		values(t.Env)
	}
	for _, i := range app.Integrations {
		out = append(out, i.Env) // the seal looks for what is called by it
	}
	return out
}

// judge says of one key what the search came to.
func judge(key string, search *search, app understudy.Application, all []string) understudy.ReadConfigResult {
	untold := func(why string) understudy.ReadConfigResult {
		return understudy.ReadConfigResult{State: understudy.ReadUntold, How: why}
	}
	switch {
	case search.where(key) != "":
		return understudy.ReadConfigResult{State: understudy.ReadFound, How: "its name occurs in " + search.where(key)}
	case search.blind != "":
		return untold(search.blind)
	case readElsewhere(key):
		return untold("names such as this are read by programs and libraries outside of the release")
	case !declares(app, key) && !native(app, search):
		return untold("the release does not declare it, and is run by a program outside of it, which may read it")
	case putTogether(key, search, app, all):
		return untold("names that begin like this may be put together of parts")
	}
	return understudy.ReadConfigResult{State: understudy.ReadNowhere, How: search.how()}
}

func declares(app understudy.Application, key string) bool {
	return slices.ContainsFunc(app.Config, func(k understudy.ConfigKey) bool { return k.Key == key })
}

// native tells whether every service is a program of the release itself.
func native(app understudy.Application, search *search) bool {
	return !slices.ContainsFunc(app.Services, func(s understudy.Service) bool {
		return !search.holds(s.WorkDir, first(s.Command))
	})
}

// parts are the beginnings of keys and the rests of them, as names may be put together.
func parts(keys []string) []string {
	var out []string
	for _, key := range keys {
		if beginning, rest, parts := strings.Cut(key, "_"); parts && beginning != "" && rest != "" {
			out = append(out, beginning, rest)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// putTogether tells whether a key may be read by a name that is put together of a beginning and
// the rest: several keys, or the application, share the beginning, none of them occurs as a
// whole, and both parts occur by themselves.
func putTogether(key string, search *search, app understudy.Application, all []string) bool {
	beginning, rest, parts := strings.Cut(key, "_")
	if !parts || search.where(beginning) == "" || search.where(rest) == "" {
		return false
	}
	alike := 0
	for _, other := range all {
		if strings.HasPrefix(other, beginning+"_") {
			if search.where(other) != "" {
				return false
			}
			alike++
		}
	}
	return alike > 1 || strings.EqualFold(beginning, strings.ReplaceAll(app.Name, "-", "_"))
}

// elsewhere are beginnings of names that run-time systems, libraries and shells read by
// themselves.
func elsewhere() []string {
	return []string{"AWS_", "AZURE_", "GOOGLE_", "GCP_", "GO", "GIT_", "HTTP_", "HTTPS_", "NO_PROXY", "ALL_PROXY", "JAVA_", "JDK_", "JVM_", "LC_", "LD_", "DYLD_", "LANG",
		"MALLOC_", "MYSQL_", "NODE_", "NPM_", "OMP_", "OPENSSL_", "OTEL_", "PERL", "PG", "PHP_", "PIP_", "PYTHON", "RAILS_", "RACK_", "RUBY", "BUNDLE_", "RUST_", "SENTRY_", "SSL_",
		"DOTNET_", "ASPNETCORE_", "COMPLUS_", "DD_", "NEW_RELIC_", "SPRING_", "LOGGING_", "SERVER_", "MANAGEMENT_", "GUNICORN_", "UVICORN_", "CELERY_", "DJANGO_", "FLASK_", "WEB_CONCURRENCY",
		"TZ", "TMPDIR", "TEMP", "TMP", "HOME", "PATH", "USER", "SHELL", "TERM", "HOSTNAME", "NO_COLOR", "CI", "PORT", "XDG_"}
}

func readElsewhere(key string) bool {
	upper := strings.ToUpper(key)
	return slices.ContainsFunc(elsewhere(), func(beginning string) bool {
		if strings.HasSuffix(beginning, "_") {
			return strings.HasPrefix(upper, beginning)
		}
		return upper == beginning || len(beginning) > 3 && strings.HasPrefix(upper, beginning) || runtimePrefix(beginning, upper)
	})
}

// runtimePrefix has the short beginnings that no _ ends: GOMAXPROCS, PGHOST.
func runtimePrefix(beginning, key string) bool {
	rest, is := strings.CutPrefix(key, beginning)
	return is && (beginning == "GO" || beginning == "PG") && rest != "" && !strings.Contains(rest, "_")
}

// how says what was searched.
func (s *search) how() string {
	if s.blind != "" {
		return "what the release reads of it could not be told: " + s.blind
	}
	return fmt.Sprintf("searched by name: %d files of the release (%s), its commands and references", s.files, spellSize(s.bytes))
}

func spellSize(n int64) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%.0f MB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.0f KB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d bytes", n)
}
