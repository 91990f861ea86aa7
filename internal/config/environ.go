package config

import (
	"net/url"
	"slices"
	"strings"

	"understudy"
)

// The layers of configuration, weakest first, as Environ.Origin names them.
const (
	LayerDefault     = "release default" // config: default, or the env of the service
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

// EnvironOf is the configuration that a service is started with in an environment.
// A layer wins over those before it: defaults of the release (of keys under config:,
// then the service's env), values of the environment, secrets, and what the runtime
// gives. References in values of the release and of the environment are put in; secrets
// and what is given are taken as they are.
//
// Migrations, tests and seeds have no service: they hand in one that holds only their
// env. secret reads a reference; Secret does. Keys that are missing are told together.
func EnvironOf(app understudy.Application, service understudy.Service, env understudy.Environment,
	given map[string]string, secret func(understudy.SecretRef) (string, error),
) (Environ, error) {
	l := newLayers(app, service, env)
	if err := l.readSecrets(env, secret); err != nil {
		return Environ{}, err
	}
	for key, value := range given {
		l.set(key, value, LayerGiven, true)
	}
	out, expanded := Environ{Origin: map[string]string{}}, map[string]string{}
	for _, key := range sorted(l.values) {
		value, err := l.expand(key, nil)
		if err != nil {
			return Environ{}, err
		}
		expanded[key] = value
		out.List = append(out.List, key+"="+value)
		out.Origin[key] = l.values[key].layer
	}
	if missing := l.missing(app, expanded); len(missing) > 0 {
		return Environ{}, missingError(app, service, env, missing)
	}
	out.Secrets = l.redact(app)
	return out, nil
}

type layers struct {
	environment string
	values      map[string]layered
	defaults    map[string]string   // of config:, under a service's own value of the same key
	lacks       map[string]struct{} // keys that references asked for in vain
}

type layered struct {
	text  string
	layer string
	final bool // no references in it
}

func newLayers(app understudy.Application, service understudy.Service, env understudy.Environment) *layers {
	l := &layers{environment: env.Name, values: map[string]layered{}, defaults: map[string]string{}, lacks: map[string]struct{}{}}
	for _, k := range app.Config {
		if k.Default != "" {
			l.defaults[k.Key] = k.Default
			l.set(k.Key, k.Default, LayerDefault, false)
		}
	}
	for key, value := range service.Env {
		l.set(key, value, LayerDefault, false)
	}
	for key, value := range env.Env {
		l.set(key, value, LayerEnvironment, false)
	}
	return l
}

func (l *layers) set(key, text, layer string, final bool) {
	l.values[key] = layered{text: text, layer: layer, final: final}
}

func (l *layers) readSecrets(env understudy.Environment, secret func(understudy.SecretRef) (string, error)) error {
	for _, key := range sorted(env.Secrets) {
		value, err := secret(env.Secrets[key])
		if err != nil {
			where := "see environments." + env.Name + ".secrets." + key + " in " + FileName
			return understudy.Errorf(understudy.KindOf(err), "secret %s of environment %s: %w", key, env.Name, err).
				WithHint("%s", strings.TrimPrefix(understudy.HintOf(err)+"\n"+where, "\n"))
		}
		l.set(key, value, LayerSecret, true)
	}
	return nil
}

// expand is the value of a key with its references put in. asked are the keys that are
// being put in already.
func (l *layers) expand(key string, asked []string) (string, error) {
	v := l.values[key]
	if v.final {
		return v.text, nil
	}
	asked = append(asked[:len(asked):len(asked)], key)
	var circle error
	out, missing := understudy.Expand(v.text, func(want string) (string, bool) {
		if want == key { // KEY: ${KEY} hands the key on from below
			value, found := l.defaults[key]
			return value, found
		}
		if _, found := l.values[want]; !found {
			return "", false
		}
		if slices.Contains(asked, want) {
			circle = understudy.Errorf(understudy.KindInvalid, "in environment %s values refer to each other in a circle: %s",
				l.environment, strings.Join(append(asked, want), " → "))
			return "", true
		}
		value, err := l.expand(want, asked)
		if err != nil {
			circle = err
		}
		return value, true
	})
	for _, lack := range missing {
		l.lacks[lack] = struct{}{}
	}
	return out, circle
}

// missing is what the service cannot run without and does not have, in order. A
// required key that is empty counts as missing.
func (l *layers) missing(app understudy.Application, expanded map[string]string) []string {
	for _, k := range app.Config {
		if k.Required && expanded[k.Key] == "" {
			l.lacks[k.Key] = struct{}{}
		}
	}
	return sorted(l.lacks)
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

// redact are the values that nobody may see: secrets, addresses of databases, and the
// passwords in them.
func (l *layers) redact(app understudy.Application) []string {
	hidden := map[string]bool{}
	for _, k := range app.Config {
		hidden[k.Key] = k.Secret
	}
	for _, d := range app.Databases {
		hidden[d.Env] = true
	}
	found := map[string]struct{}{}
	for key, v := range l.values {
		value := v.text
		if !v.final && len(understudy.References(value)) > 0 {
			continue // what it is made of is looked at by itself
		}
		if (hidden[key] || v.layer == LayerSecret || holdsPassword(value)) && value != "" {
			found[value] = struct{}{}
			if address, err := url.Parse(value); err == nil {
				if password, set := address.User.Password(); set && password != "" {
					found[password] = struct{}{}
					found[url.QueryEscape(password)] = struct{}{}
				}
			}
		}
	}
	out := sorted(found)
	slices.SortStableFunc(out, func(a, b string) int { return len(b) - len(a) })
	return out
}
