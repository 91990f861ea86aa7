package config

import (
	"slices"
	"strings"

	"understudy"
)

// Stack is everything that the configuration of one service is made of.
type Stack struct {
	Application understudy.Application
	Release     string // its label, for people; empty: it is none yet
	// Service may hold env: alone: migrations, tests and seeds have none of their own.
	Service     understudy.Service
	Environment understudy.Environment
	Given       map[string]string // by the runtime: PORT, addresses
	Lines       Lines             // where the environment's keys stand
	// Read reads the secret behind a reference; Secret does.
	Read func(understudy.SecretRef) (string, error)
}

// Resolved is the whole configuration of one service, key by key. It holds secrets: what may
// be shown of it are its Settings.
type Resolved struct {
	stack   Stack
	values  map[string]*resolved
	circle  error
	missing []string
}

// resolved is one key: what each layer has for it, the weakest first, and what comes of the
// strongest.
type resolved struct {
	layers []layered
	value  string
	refers []string
	secret bool
}

type layered struct {
	text, layer, from string
	final             bool                 // no references in it
	ref               understudy.SecretRef // of a secret
	err               error                // why a secret could not be read
}

func (r *resolved) top() layered { return r.layers[len(r.layers)-1] }

// Resolve lays the layers of configuration over each other. A layer wins over those before
// it: defaults of the release (of keys under config:, then the service's env), for a twin the
// values of what it is a twin of, values of the environment, secrets, and what the runtime
// gives. References in values of the release and of environments are put in; secrets and what
// is given are taken as they are.
//
// It is the one way from layers to values: what a process is started with (Environ), what is
// shown of it (Settings) and what is compared (ConfigPrint) come from here. It always gives
// all that it can; what is wrong with the rest is told by Environ.
func Resolve(s Stack) Resolved {
	r := Resolved{stack: s, values: map[string]*resolved{}}
	r.layDefaults()
	r.layEnvironment()
	for _, key := range sorted(s.Given) {
		r.lay(key, layered{text: s.Given[key], layer: LayerGiven, from: "the runtime", final: true})
	}
	lacks := map[string]struct{}{}
	for _, key := range sorted(r.values) {
		v := r.values[key]
		for _, reference := range understudy.References(v.top().text) {
			if !v.top().final && !slices.Contains(v.refers, reference.Key) {
				v.refers = append(v.refers, reference.Key)
			}
		}
		var err error
		if v.value, err = r.expand(key, nil, lacks); err != nil && r.circle == nil {
			r.circle = err
		}
	}
	r.findMissing(lacks)
	r.markSecrets()
	return r
}

func (r *Resolved) lay(key string, l layered) {
	if r.values[key] == nil {
		r.values[key] = &resolved{}
	}
	r.values[key].layers = append(r.values[key].layers, l)
}

func (r *Resolved) layDefaults() {
	release := after("release ", r.stack.Release)
	for _, k := range r.stack.Application.Config {
		if k.Default != "" {
			r.lay(k.Key, layered{text: k.Default, layer: LayerDefault, from: release + "config." + k.Key + ".default"})
		}
	}
	for _, key := range sorted(r.stack.Service.Env) {
		from := release + "services." + r.stack.Service.Name + ".env." + key
		r.lay(key, layered{text: r.stack.Service.Env[key], layer: LayerDefault, from: from})
	}
}

func after(what, name string) string {
	if name == "" {
		return ""
	}
	return what + name + ", "
}

func (r *Resolved) layEnvironment() {
	e := r.stack.Environment
	for _, key := range sorted(e.Original) {
		r.lay(key, layered{text: e.Original[key], layer: LayerOriginal, from: r.stack.Lines.of(e.TwinOf, key)})
	}
	for _, key := range sorted(e.Env) {
		r.lay(key, layered{text: e.Env[key], layer: LayerEnvironment, from: r.stack.Lines.of(e.Name, key)})
	}
	for _, key := range sorted(e.Secrets) {
		l := layered{layer: LayerSecret, from: r.stack.Lines.of(e.Name, key) + " (" + describeRef(e.Secrets[key]) + ")", final: true, ref: e.Secrets[key]}
		l.text, l.err = r.stack.Read(e.Secrets[key])
		r.lay(key, l)
	}
}

// fallback is the default under config: of a key: what KEY: ${KEY} hands on from below.
func (r *Resolved) fallback(key string) (string, bool) {
	for _, k := range r.stack.Application.Config {
		if k.Key == key && k.Default != "" {
			return k.Default, true
		}
	}
	return "", false
}

// expand is the value of a key with its references put in. asked are the keys that are being
// put in already; keys that references ask for in vain are noted in lacks.
func (r *Resolved) expand(key string, asked []string, lacks map[string]struct{}) (string, error) {
	top := r.values[key].top()
	if top.final {
		return top.text, nil
	}
	asked = append(asked[:len(asked):len(asked)], key)
	var circle error
	out, missing := understudy.Expand(top.text, func(want string) (string, bool) {
		if want == key {
			return r.fallback(key)
		}
		if r.values[want] == nil {
			return "", false
		}
		if slices.Contains(asked, want) {
			circle = understudy.Errorf(understudy.KindInvalid, "in environment %s values refer to each other in a circle: %s",
				r.stack.Environment.Name, strings.Join(append(asked, want), " → "))
			return "", true
		}
		value, err := r.expand(want, asked, lacks)
		if err != nil {
			circle = err
		}
		return value, true
	})
	for _, lack := range missing {
		lacks[lack] = struct{}{}
	}
	return out, circle
}

// findMissing notes what the service cannot run without and does not have. A required key
// that is empty counts as missing; a secret that cannot be read is told in another way.
func (r *Resolved) findMissing(lacks map[string]struct{}) {
	for _, k := range r.stack.Application.Config {
		v := r.values[k.Key]
		if k.Required && (v == nil || v.value == "" && v.top().err == nil) {
			lacks[k.Key] = struct{}{}
		}
	}
	r.missing = sorted(lacks)
}

// Missing are the keys that the service cannot run without and does not have.
func (r Resolved) Missing() []string { return r.missing }

// Environ is what the process is started with. What keeps it from being started is the error:
// a secret that cannot be read, values that refer to each other in a circle, keys that are
// missing, all of them told together.
func (r Resolved) Environ() (Environ, error) {
	if err := r.unread(); err != nil {
		return Environ{}, err
	}
	if r.circle != nil {
		return Environ{}, r.circle
	}
	if len(r.missing) > 0 {
		return Environ{}, missingError(r.stack.Application, r.stack.Service, r.stack.Environment, r.missing)
	}
	out := Environ{Origin: map[string]string{}, Secrets: r.redact()}
	for _, key := range sorted(r.values) {
		out.List = append(out.List, key+"="+r.values[key].value)
		out.Origin[key] = r.values[key].top().layer
	}
	return out, nil
}

// unread is why the first secret that matters cannot be read. One over which the runtime gives
// a value does not keep anything from starting, but is named in the file to be read.
func (r Resolved) unread() error {
	name := r.stack.Environment.Name
	for _, key := range sorted(r.values) {
		for _, l := range r.values[key].layers {
			if l.err == nil {
				continue
			}
			where := "see environments." + name + ".secrets." + key + " in " + FileName
			return understudy.Errorf(understudy.KindOf(l.err), "secret %s of environment %s: %w", key, name, l.err).
				WithHint("%s", strings.TrimPrefix(understudy.HintOf(l.err)+"\n"+where, "\n"))
		}
	}
	return nil
}
