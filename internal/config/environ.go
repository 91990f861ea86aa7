package config

import (
	"strings"

	"understudy"
)

// The layers of configuration, weakest first, as Environ.Origin names them.
const (
	LayerDefault     = "release default" // config: default, or the env of the service
	LayerOriginal    = "original"        // of a twin: the values of what it is a twin of
	LayerEnvironment = "environment"
	LayerSecret      = "secret"
	LayerGiven       = "runtime" // PORT and addresses
)

// Environ is the effective configuration of one process. It holds secrets: it is for
// starting the process, and never for a record or a log.
type Environ struct {
	List    []string          // KEY=value, sorted by key
	Secrets []string          // values to take out of whatever the process says, longest first
	Origin  map[string]string // key to the layer its value comes from
}

func missingError(app understudy.Application, service understudy.Service, env understudy.Environment, missing []string) error {
	secret, about := map[string]bool{}, map[string]string{}
	for _, k := range app.Needs() {
		secret[k.Key], about[k.Key] = k.Secret, k.About
	}
	var lines, where []string
	for _, key := range missing {
		if about[key] != "" {
			key += " (" + about[key] + ")"
		}
		lines = append(lines, key)
	}
	for _, key := range missing {
		section := "env"
		if secret[key] || looksSecret(key) {
			section = "secrets"
		}
		where = append(where, "environments."+env.Name+"."+section+"."+key)
	}
	what := "environment " + env.Name
	if service.Name != "" {
		what = "service " + service.Name + " in " + what
	}
	return understudy.Errorf(understudy.KindInvalid, "configuration of %s: expected a value for %s, found none", what, strings.Join(lines, ", ")).
		WithHint("set %s in %s", strings.Join(where, ", "), FileName)
}
