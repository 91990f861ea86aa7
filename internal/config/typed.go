package config

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"understudy"
)

// typed reads a value, which is a text, as the first of these that a schema allows and that
// it can be read as: a whole number, a number, a truth value (true or false), a list or an
// object (as JSON), and else the text that it is.
func typed(value string, allowed []string) any {
	for _, t := range []string{"integer", "number", "boolean", "array", "object"} {
		if !slices.Contains(allowed, t) {
			continue
		}
		if v, is := readAs(t, value); is {
			return v
		}
	}
	return value
}

var (
	wholeNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)
	anyNumber   = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)
)

func readAs(t, value string) (any, bool) {
	switch t {
	case "integer":
		n, err := strconv.ParseInt(value, 10, 64)
		return n, err == nil && wholeNumber.MatchString(value)
	case "number":
		f, err := strconv.ParseFloat(value, 64)
		return f, err == nil && anyNumber.MatchString(value)
	case "boolean":
		return value == "true", value == "true" || value == "false"
	}
	decoded, err := jsonschema.UnmarshalJSON(strings.NewReader(value))
	if err != nil {
		return nil, false
	}
	_, list := decoded.([]any)
	_, object := decoded.(map[string]any)
	return decoded, t == "array" && list || t == "object" && object
}

// typesIn are the types that a schema allows for a value, as far as it says so itself.
func typesIn(schema any) []string {
	at, _ := schema.(map[string]any)
	switch t := at["type"].(type) {
	case string:
		return []string{t}
	case []any:
		return texts(t)
	}
	return nil
}

// keyTypes are those of all keys: as the key's own schema says, else as the schema over all of
// them says, a reference within it followed once.
func keyTypes(app understudy.Application) map[string][]string {
	out := map[string][]string{}
	whole, _ := decoded(app.ConfigSchema).(map[string]any)
	properties, _ := whole["properties"].(map[string]any)
	for key, schema := range properties {
		at, _ := schema.(map[string]any)
		if ref, is := at["$ref"].(string); is && strings.HasPrefix(ref, "#/") {
			schema = lookup(any(whole), ref)
		}
		out[key] = typesIn(schema)
	}
	for _, k := range app.Config {
		if own := typesIn(decoded(k.Schema)); own != nil {
			out[k.Key] = own
		}
	}
	return out
}

// decoded is a schema as the validator wants it; nil, where there is none or it is no JSON.
func decoded(raw json.RawMessage) any {
	if len(raw) == 0 {
		return nil
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return nil
	}
	return v
}
