package featureflag

import (
	"encoding/json"
	"maps"
	"slices"

	"understudy"
)

// assemble builds the set of what is well formed; the rest was told already.
func assemble(document map[string]any, found *problems) *Set {
	metadata, _ := document["metadata"].(map[string]any)
	set := &Set{flags: map[string]*Flag{}, metadata: scalars(metadata), document: document}
	compiler := newCompiler(document["$evaluators"], found)
	for key, definition := range definitionsByKey(document["flags"]) {
		set.flags[key] = newFlag(key, definition, set.metadata, compiler)
	}
	set.keys = slices.Sorted(maps.Keys(set.flags))
	for _, key := range set.keys {
		if fault := set.flags[key].fault; fault != "" {
			found.add("flags."+key+".targeting", "%s", fault)
		}
	}
	checkConstraints(set, found)
	set.document = canonical(document)
	set.digest = understudy.DigestOf(encode(set.document))
	return set
}

// definitionsByKey gives both forms of "flags" one form.
func definitionsByKey(flags any) map[string]map[string]any {
	byKey := map[string]map[string]any{}
	switch flags := flags.(type) {
	case map[string]any:
		for key, definition := range flags {
			if object, isObject := definition.(map[string]any); isObject {
				byKey[key] = object
			}
		}
	case []any:
		for _, definition := range flags {
			object, _ := definition.(map[string]any)
			if key, isText := object["key"].(string); isText {
				byKey[key] = object
			}
		}
	}
	return byKey
}

// canonical is the document with flags as an object, and without the editor's "$schema".
func canonical(document map[string]any) map[string]any {
	out := maps.Clone(document)
	delete(out, "$schema")
	if _, isArray := document["flags"].([]any); isArray {
		flags := map[string]any{}
		for key, definition := range definitionsByKey(document["flags"]) {
			object := maps.Clone(definition)
			delete(object, "key")
			flags[key] = object
		}
		out["flags"] = flags
	}
	return out
}

func newFlag(key string, definition, ofSet map[string]any, compiler *compiler) *Flag {
	f := &Flag{Key: key, Variants: map[string]json.RawMessage{}, values: map[string]any{}}
	state, _ := definition["state"].(string)
	f.State = State(state)
	variants, _ := definition["variants"].(map[string]any)
	for name, value := range variants {
		f.Variants[name], f.values[name] = encode(value), plain(value)
		f.Type = typeOf(value)
	}
	f.Default, _ = definition["defaultVariant"].(string)
	f.Metadata = maps.Clone(ofSet)
	own, _ := definition["metadata"].(map[string]any)
	maps.Copy(f.Metadata, scalars(own))
	if rule, isObject := definition["targeting"].(map[string]any); isObject && len(rule) > 0 {
		f.Rule = encode(rule)
		f.targeting, f.fault = compiler.compile(rule)
	}
	readConventions(f, own)
	f.rendered = render(f)
	return f
}

// scalars are the entries that metadata may have, numbers as float64.
func scalars(metadata map[string]any) map[string]any {
	out := map[string]any{}
	for name, value := range metadata {
		switch value := plain(value).(type) {
		case string, bool, float64:
			out[name] = value
		}
	}
	return out
}

// plain is a decoded value with numbers as float64, as rules and callers see it.
func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		number, _ := v.Float64() // decode saw to it that it is in range
		return number
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = plain(v[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for name := range v {
			out[name] = plain(v[name])
		}
		return out
	}
	return v
}

func typeOf(v any) Type {
	switch v.(type) {
	case bool:
		return Boolean
	case string:
		return String
	case json.Number, float64:
		return Number
	case map[string]any:
		return Object
	}
	return ""
}

func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case []any:
		return "an array"
	case map[string]any:
		return "an object"
	case bool:
		return "a boolean"
	case string:
		return "a string"
	}
	return "a number"
}
