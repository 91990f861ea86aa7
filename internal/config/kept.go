package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"understudy"
)

// Terms are the types and rules that a release asks of its configuration, ready to be held
// against values.
type Terms struct {
	types  map[string][]string
	keys   map[string]*jsonschema.Schema
	whole  *jsonschema.Schema
	rules  []*rule
	known  []string
	secret map[string]bool
}

// Breach is one thing that a configuration does not keep. It never says a secret's value.
type Breach struct {
	Key  string // empty: it is of several keys
	Rule string // of config.rules, as it is written
	Says string
}

// termError is what is wrong with a type or a rule, and under which keys it stands.
type termError struct {
	path []string
	text string
}

func (t termError) Error() string { return spell(t.path) + ": " + t.text }

// TermsOf compiles what a release asks of its configuration. A release was looked over when
// it was made: an error here is one of a release that another version made.
func TermsOf(app understudy.Application) (Terms, error) {
	t, wrong := compileTerms(app)
	if len(wrong) > 0 {
		return t, understudy.Errorf(understudy.KindInvalid, "the rules of the configuration: %s", wrong[0])
	}
	return t, nil
}

func compileTerms(app understudy.Application) (Terms, []termError) {
	t := Terms{types: keyTypes(app), keys: map[string]*jsonschema.Schema{}, secret: map[string]bool{}, known: knownKeys(app)}
	var wrong []termError
	for _, k := range app.Config {
		t.secret[k.Key] = k.Secret
		if len(k.Schema) == 0 {
			continue
		}
		schema, err := compileSchema(k.Schema, k.Key)
		if err != nil {
			wrong = append(wrong, termError{[]string{"config", k.Key, "schema"}, err.Error()})
			continue
		}
		t.keys[k.Key] = schema
		if k.Default != "" && len(understudy.References(k.Default)) == 0 {
			for _, says := range t.breaksSchema(schema, k.Key, k.Default, k.Secret) {
				wrong = append(wrong, termError{[]string{"config", k.Key, "default"}, says})
			}
		}
	}
	if len(app.ConfigSchema) > 0 {
		var err error
		if t.whole, err = compileSchema(app.ConfigSchema, "schema"); err != nil {
			wrong = append(wrong, termError{[]string{"config", "schema"}, err.Error()})
		}
	}
	for i, r := range app.ConfigRules {
		compiled, err := compileRule(r, t.known)
		if err != nil {
			wrong = append(wrong, termError{[]string{"config", "rules", index(i), "rule"}, err.Error()})
			continue
		}
		t.rules = append(t.rules, compiled)
	}
	return t, wrong
}

// checkRules notes types and rules that are none.
func (s *source) checkRules(app understudy.Application) {
	_, wrong := compileTerms(app)
	for _, w := range wrong {
		s.problems.at(w.path, "%s", w.text)
	}
}

// knownKeys are the keys that rules may name: those declared, those of services, and those
// that the schema over all of them describes.
func knownKeys(app understudy.Application) []string {
	all := map[string]struct{}{}
	for _, k := range app.Config {
		all[k.Key] = struct{}{}
	}
	for _, s := range app.Services {
		for key := range s.Env {
			all[key] = struct{}{}
		}
	}
	whole, _ := decoded(app.ConfigSchema).(map[string]any)
	for _, key := range keysOf(whole["properties"]) {
		all[key] = struct{}{}
	}
	return sorted(all)
}

// compileSchema reads a JSON Schema. It stands by itself: nothing is fetched for it.
func compileSchema(raw json.RawMessage, name string) (*jsonschema.Schema, error) {
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(noLoader{})
	compiler.AssertFormat()
	at := "urn:understudy:config:" + name
	if err := compiler.AddResource(at, decoded(raw)); err != nil {
		return nil, fmt.Errorf("expected a JSON Schema: %w", err)
	}
	schema, err := compiler.Compile(at)
	var invalid *jsonschema.SchemaValidationError
	switch {
	case errors.As(err, &invalid):
		return nil, errors.New("expected a JSON Schema, found something else: " + firstLeaf(invalid.Err))
	case err != nil:
		return nil, errors.New("expected a JSON Schema that can be used: " + strings.ReplaceAll(err.Error(), at, ""))
	}
	return schema, nil
}

type noLoader struct{}

// Load refuses: a schema that needs others would mean something else wherever they changed.
func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("it refers to %s, and nothing is fetched for a schema", url)
}

// Broken is what a configuration does not keep, in one environment. Only what a team sets is
// looked at, and not what the runtime gives; a secret that cannot be read is told elsewhere.
func (t Terms) Broken(r Resolved) []Breach {
	values, secret := map[string]any{}, map[string]bool{}
	var out []Breach
	for _, key := range sorted(r.values) {
		v := r.values[key]
		if v.top().layer == LayerGiven || v.top().err != nil {
			continue
		}
		secret[key] = v.secret || t.secret[key]
		values[key] = typed(v.value, t.types[key])
		if schema := t.keys[key]; schema != nil {
			for _, says := range t.breaksSchema(schema, key, v.value, secret[key]) {
				out = append(out, Breach{Key: key, Says: says})
			}
		}
	}
	out = append(out, t.breaksWhole(values, secret)...)
	for _, rule := range t.rules {
		if says := rule.broken(values, r.stack.Environment); says != "" {
			out = append(out, Breach{Rule: rule.Rule, Says: says})
		}
	}
	return out
}

// breaksSchema says how a value does not keep its key's schema.
func (t Terms) breaksSchema(schema *jsonschema.Schema, key, value string, secret bool) []string {
	var invalid *jsonschema.ValidationError
	if !errors.As(schema.Validate(typed(value, t.types[key])), &invalid) {
		return nil
	}
	found := fmt.Sprintf(", found %q", value)
	switch {
	case secret:
		found = " (what was found is not shown, as it is a secret)"
	case value == "":
		found = ", found nothing"
	case len(value) > 80:
		found = fmt.Sprintf(", found %q…", value[:80])
	}
	var out []string
	for _, leaf := range leaves(invalid) {
		out = append(out, "expected "+askedOf(leaf, secret)+found)
	}
	return out
}

// breaksWhole says how the whole does not keep the schema over all of it.
func (t Terms) breaksWhole(values map[string]any, secret map[string]bool) []Breach {
	var invalid *jsonschema.ValidationError
	if t.whole == nil || !errors.As(t.whole.Validate(values), &invalid) {
		return nil
	}
	var out []Breach
	for _, leaf := range leaves(invalid) {
		inside := len(leaf.InstanceLocation) > 0
		b := Breach{Says: "expected " + askedOf(leaf, inside && secret[leaf.InstanceLocation[0]])}
		if inside {
			b.Key = leaf.InstanceLocation[0]
			if value, is := values[b.Key]; is && !secret[b.Key] && len(leaf.InstanceLocation) == 1 {
				b.Says += fmt.Sprintf(", found %q", fmt.Sprint(value))
			}
		}
		if !slices.Contains(out, b) {
			out = append(out, b)
		}
	}
	return out
}

// Asks are the rules that mention a key, as they are written.
func (t Terms) Asks(key string) []string {
	var out []string
	for _, r := range t.rules {
		if slices.Contains(r.keys, key) {
			out = append(out, r.Rule+": "+r.Says)
		}
	}
	return out
}

// Sentence is a breach for people, in one line.
func (b Breach) Sentence() string {
	switch {
	case b.Key != "":
		return b.Key + ": " + b.Says
	case b.Rule != "":
		return b.Says + " (rule " + b.Rule + ")"
	}
	return b.Says
}

// Refusal is why a service cannot be started with a configuration; nil: it keeps everything.
func Refusal(what string, broken []Breach) error {
	if len(broken) == 0 {
		return nil
	}
	var lines []string
	for _, b := range broken {
		lines = append(lines, b.Sentence())
	}
	return understudy.Errorf(understudy.KindInvalid, "configuration of %s: %s", what, strings.Join(lines, "; ")).
		WithHint("see what is set and where: understudy config explain KEY")
}
