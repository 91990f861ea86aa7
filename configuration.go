package understudy

import (
	"cmp"
	"regexp"
	"strings"
)

// Reference is one use of a configuration key in a text: ${KEY}, ${KEY:-default} or
// ${KEY:?what it is for}.
type Reference struct {
	Key      string
	Default  string
	Optional bool   // it has a default
	About    string // what the :? form says
}

var reference = regexp.MustCompile(`\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::?([-?])([^}]*))?\}`)

// References lists the keys that a text uses, in order.
func References(text string) []Reference {
	var out []Reference
	for _, m := range reference.FindAllStringSubmatch(text, -1) {
		if m[0] == "$$" {
			continue
		}
		out = append(out, parseReference(m))
	}
	return out
}

func parseReference(m []string) Reference {
	r := Reference{Key: m[1]}
	switch m[2] {
	case "-":
		r.Default, r.Optional = m[3], true
	case "?":
		r.About = m[3]
	}
	return r
}

// Expand replaces the references in a text by what lookup finds, and $$ by a dollar
// sign. An empty value counts as missing where there is a default. Keys that are neither
// found nor have a default are returned, and leave nothing in the text.
func Expand(text string, lookup func(key string) (string, bool)) (expanded string, missing []string) {
	expanded = reference.ReplaceAllStringFunc(text, func(match string) string {
		if match == "$$" {
			return "$"
		}
		r := parseReference(reference.FindStringSubmatch(match))
		value, found := lookup(r.Key)
		switch {
		case found && (value != "" || !r.Optional):
			return value
		case r.Optional:
			return r.Default
		}
		missing = append(missing, r.Key)
		return ""
	})
	return expanded, missing
}

// Needs is the configuration that an application cannot run without: its declared
// required keys without a default, and keys that its services refer to without one.
// What the runtime itself provides (PORT, addresses of databases) is left out.
func (a Application) Needs() []ConfigKey {
	provided := map[string]bool{"PORT": true}
	for _, d := range a.Databases {
		provided[d.Env] = true
	}
	declared, needed := map[string]ConfigKey{}, map[string]ConfigKey{}
	for _, k := range a.Config {
		declared[k.Key] = k
		if k.Required && k.Default == "" {
			needed[k.Key] = k
		}
	}
	for _, s := range a.Services {
		for _, name := range sortedKeys(s.Env) {
			for _, r := range References(s.Env[name]) {
				if r.Optional || provided[r.Key] || declared[r.Key].Default != "" {
					continue
				}
				key := declared[r.Key]
				key.Key, key.Required = r.Key, true
				key.About = cmp.Or(key.About, needed[r.Key].About, strings.TrimSpace(r.About))
				needed[r.Key] = key
			}
		}
	}
	out := make([]ConfigKey, 0, len(needed))
	for _, name := range sortedKeys(needed) {
		if !provided[name] {
			out = append(out, needed[name])
		}
	}
	return out
}
