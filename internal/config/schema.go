package config

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"go.yaml.in/yaml/v3"

	"understudy"
)

//go:embed schema.json
var published string

// Schema is the JSON Schema (draft 2020-12) of understudy.yaml, as it is published in
// docs/understudy.schema.json.
func Schema() []byte { return []byte(published) }

const schemaName = "urn:understudy:project:1"

// compiled is the schema, ready to be used by many at once: a daemon reads the file all the time.
var compiled = sync.OnceValues(func() (rules, error) {
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(published))
	if err != nil {
		return rules{}, err
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource(schemaName, document); err != nil {
		return rules{}, err
	}
	schema, err := compiler.Compile(schemaName)
	return rules{document, schema}, err
})

// rules are a schema as it is written, and as it is used.
type rules struct {
	document any
	schema   *jsonschema.Schema
}

// shape notes where a file's shape is not that of the schema.
func (s *source) shape() error {
	rules, err := compiled()
	if err != nil {
		return understudy.Errorf(understudy.KindInternal, "reading the schema of %s: %w", FileName, err)
	}
	err = rules.schema.Validate(instance(s.root))
	var invalid *jsonschema.ValidationError
	if errors.As(err, &invalid) {
		s.misshapen(rules.document, invalid)
	}
	return nil
}

// instance is a node as the validator wants it.
func instance(node *yaml.Node) any {
	switch node.Kind {
	case yaml.MappingNode:
		out := map[string]any{}
		for i := 0; i+1 < len(node.Content); i += 2 {
			out[node.Content[i].Value] = instance(node.Content[i+1])
		}
		return out
	case yaml.SequenceNode:
		out := []any{}
		for _, entry := range node.Content {
			out = append(out, instance(entry))
		}
		return out
	}
	return scalar(node)
}

func scalar(node *yaml.Node) any {
	switch node.Tag {
	case "!!null":
		return nil
	case "!!bool", "!!int", "!!float":
		var value any
		if err := node.Decode(&value); err != nil {
			return node.Value
		}
		switch value := value.(type) {
		case bool, float64, int, int64, uint64:
			return value
		}
	}
	return node.Value
}

// misshapen turns what the validator found into sentences, leaves first.
func (s *source) misshapen(schema any, found *jsonschema.ValidationError) {
	if k, is := found.ErrorKind.(*kind.PropertyNames); is {
		path := holding(s.root, steps(s.root, found.InstanceLocation), k.Property)
		at, _ := child(valueAt(s.root, path), k.Property)
		s.problems.on(at, path, "key %s: expected %s", spellKey(k.Property), lookup(schema, "#/$defs/key")["title"])
		return
	}
	for _, cause := range found.Causes {
		s.misshapen(schema, cause)
	}
	if len(found.Causes) > 0 {
		return
	}
	path := steps(s.root, found.InstanceLocation)
	rule := lookup(schema, found.SchemaURL)
	node := find(s.root, path)
	value := valueAt(s.root, path)
	switch k := found.ErrorKind.(type) {
	case *kind.AdditionalProperties:
		for _, key := range slices.Sorted(slices.Values(k.Properties)) {
			at, _ := child(value, key)
			s.problems.on(at, path, "%s", unknown(schema, rule, key))
		}
	case *kind.Required:
		s.problems.on(node, path, "expected %s, found none", quoted(k.Missing))
	case *kind.Type:
		s.problems.on(node, path, "expected %s, found %s", kinds(k.Want), kindOf(value))
	case *kind.Enum:
		s.problems.on(node, path, "expected one of %s, found %s%s", spellList(k.Want), show(rule, value), didYouMean(value.Value, texts(k.Want)))
	case *kind.Pattern:
		s.problems.on(node, path, "expected %s, found %s", rule["title"], show(rule, value))
	default:
		s.problems.on(node, path, "expected %s, found %s", bound(rule), show(rule, value))
	}
}

func steps(root *yaml.Node, location []string) []string {
	path := make([]string, 0, len(location))
	for at, i := root, 0; i < len(location); i++ {
		step := location[i]
		if at != nil && at.Kind == yaml.SequenceNode {
			step = "[" + step + "]"
		}
		path = append(path, step)
		_, at = child(at, step)
	}
	return path
}

// holding is the path of the mapping that has a key: the one that the validator tells, unless
// it is another one's by now, as it goes on to use the path; then the first that is as deep.
func holding(root *yaml.Node, told []string, key string) []string {
	if at, _ := child(valueAt(root, told), key); at != nil {
		return told
	}
	if found := mappingWith(root, len(told), key); found != nil {
		return found
	}
	return told
}

func mappingWith(node *yaml.Node, depth int, key string) []string {
	if depth == 0 {
		if at, _ := child(node, key); at != nil && node.Kind == yaml.MappingNode {
			return []string{}
		}
		return nil
	}
	for i, each := range node.Content {
		step := index(i)
		switch {
		case node.Kind == yaml.MappingNode && i%2 == 0:
			continue
		case node.Kind == yaml.MappingNode:
			step = node.Content[i-1].Value
		}
		if below := mappingWith(each, depth-1, key); below != nil {
			return append([]string{step}, below...)
		}
	}
	return nil
}

func valueAt(root *yaml.Node, path []string) *yaml.Node {
	at := root
	for _, step := range path {
		if _, value := child(at, step); value != nil {
			at = value
		}
	}
	return at
}

// lookup is the part of the schema that a validator's location names.
func lookup(schema any, url string) map[string]any {
	_, pointer, _ := strings.Cut(url, "#")
	at := schema
	for _, step := range strings.Split(strings.TrimPrefix(pointer, "/"), "/") {
		step = strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
		if in, ok := at.(map[string]any); ok && step != "" {
			at = in[step]
		}
	}
	rule, _ := at.(map[string]any)
	return rule
}

// show is a value as an error may show it: never one that may be a secret.
func show(rule map[string]any, value *yaml.Node) string {
	if hidden, _ := rule["writeOnly"].(bool); hidden {
		return "something else (not shown, as it may be a secret)"
	}
	if value.Kind != yaml.ScalarNode {
		return kindOf(value)
	}
	if len(value.Value) > 80 {
		return fmt.Sprintf("%q…", value.Value[:80])
	}
	return fmt.Sprintf("%q", value.Value)
}

// bound says what the bounds of a rule are.
func bound(rule map[string]any) string {
	var out []string
	for _, b := range []struct{ key, text string }{
		{"minimum", "at least %v"}, {"exclusiveMinimum", "more than %v"}, {"maximum", "at most %v"},
		{"minItems", "at least %v in the list"}, {"minProperties", "at least %v key"}, {"minLength", "at least %v letter"},
	} {
		if value, found := rule[b.key]; found {
			out = append(out, fmt.Sprintf(b.text, value))
		}
	}
	if len(out) == 0 {
		return "what the schema describes"
	}
	return strings.Join(out, " and ")
}

func kinds(want any) string {
	var raw bytes.Buffer
	if err := json.NewEncoder(&raw).Encode(want); err != nil {
		return "something else"
	}
	words := map[string]string{"string": "a text", "object": "keys", "array": "a list", "integer": "a whole number",
		"number": "a number", "boolean": "true or false", "null": "nothing"}
	var out []string
	for _, name := range strings.FieldsFunc(raw.String(), func(r rune) bool { return r < 'a' || r > 'z' }) {
		out = append(out, words[name])
	}
	return strings.Join(out, " or ")
}

// unknown says what a key should have been: one of the known, or one of a form.
func unknown(schema any, rule map[string]any, key string) string {
	for _, pattern := range keysOf(rule["patternProperties"]) {
		for _, name := range []string{"name", "key"} {
			if form := lookup(schema, "#/$defs/"+name); form["pattern"] == pattern {
				return fmt.Sprintf("key %s: expected %s", spellKey(key), form["title"])
			}
		}
	}
	return fmt.Sprintf("unknown key %s%s", spellKey(key), orKnown(key, keysOf(rule["properties"])))
}

func orKnown(key string, known []string) string {
	if near := didYouMean(key, known); near != "" {
		return near
	}
	return "; known here are " + strings.Join(known, ", ")
}

func keysOf(properties any) []string {
	m, _ := properties.(map[string]any)
	var out []string
	for key := range m {
		out = append(out, key)
	}
	slices.Sort(out)
	return out
}

func quoted(keys []string) string {
	var out []string
	for _, key := range keys {
		out = append(out, key+":")
	}
	return strings.Join(out, ", ")
}

func texts(values []any) []string {
	var out []string
	for _, v := range values {
		out = append(out, fmt.Sprint(v))
	}
	return out
}

func spellList(values []any) string { return strings.Join(texts(values), ", ") }
