package featureflag

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// checkDefinition says what flagd's schema (flagd.json, and so flags.json and
// targeting.json) objects to in a definition.
func checkDefinition(document map[string]any, found *problems) {
	checkMetadata(document["metadata"], has(document, "metadata"), "metadata", found)
	if evaluators, there := document["$evaluators"]; there {
		checkEvaluators(evaluators, found)
	}
	switch flags := document["flags"].(type) {
	case map[string]any:
		if len(flags) > maxFlags {
			found.add("flags", "there may be %d flags, found %d", maxFlags, len(flags))
		}
		for _, key := range slices.Sorted(maps.Keys(flags)) {
			checkFlag(flags[key], "flags."+key, found)
		}
		if has(flags, "") {
			found.add("flags", "a flag's key must not be empty")
		}
	case []any:
		checkFlagList(flags, found)
	default:
		found.add("flags", "expected the flags, as an object or as a list, found %s", kindOf(document["flags"]))
	}
}

func has(object map[string]any, key string) bool {
	_, there := object[key]
	return there
}

// checkFlagList looks at the form in which each flag says its key.
func checkFlagList(flags []any, found *problems) {
	seen := map[string]bool{}
	for i, flag := range flags {
		path := fmt.Sprintf("flags.%d", i)
		object, _ := flag.(map[string]any)
		key, _ := object["key"].(string)
		switch {
		case key == "":
			found.add(path, "a flag in a list says its key")
		case seen[key]:
			found.add(path, "the flag %q stands twice", key)
		default:
			path = "flags." + key
		}
		seen[key] = true
		checkFlag(flag, path, found)
	}
}

func checkFlag(v any, path string, found *problems) {
	flag, isObject := v.(map[string]any)
	if !isObject {
		found.add(path, "a flag is an object, found %s", kindOf(v))
		return
	}
	if state := flag["state"]; state != string(Enabled) && state != string(Disabled) {
		found.add(path+".state", "expected \"ENABLED\" or \"DISABLED\"")
	}
	checkMetadata(flag["metadata"], has(flag, "metadata"), path+".metadata", found)
	checkVariants(flag, path, found)
	if has(flag, "targeting") {
		checkTargeting(flag["targeting"], path+".targeting", found)
	}
}

func checkVariants(flag map[string]any, path string, found *problems) {
	variants, isObject := flag["variants"].(map[string]any)
	if !isObject || len(variants) == 0 {
		found.add(path+".variants", "expected an object with at least one variant")
		return
	}
	var types []Type
	for _, name := range slices.Sorted(maps.Keys(variants)) {
		if name == "" {
			found.add(path+".variants", "a variant's name must not be empty")
		}
		kind := typeOf(variants[name])
		if kind == "" {
			found.add(path+".variants."+name, "a value is a boolean, a string, a number or an object, found %s", kindOf(variants[name]))
		} else if !slices.Contains(types, kind) {
			types = append(types, kind)
		}
	}
	if len(types) > 1 {
		found.add(path+".variants", "all values have one type, found %v", types)
	}
	switch variant := flag["defaultVariant"].(type) {
	case nil:
	case string:
		if variant != "" && !has(variants, variant) {
			found.add(path+".defaultVariant", "there is no variant %q", variant)
		}
	default:
		found.add(path+".defaultVariant", "expected the name of a variant, or null, found %s", kindOf(variant))
	}
}

func checkMetadata(v any, there bool, path string, found *problems) {
	if !there {
		return
	}
	metadata, isObject := v.(map[string]any)
	if !isObject {
		found.add(path, "expected an object, found %s", kindOf(v))
		return
	}
	for _, name := range slices.Sorted(maps.Keys(metadata)) {
		switch metadata[name].(type) {
		case string, bool, json.Number:
		default:
			found.add(path+"."+name, "metadata is a string, a number or a boolean, found %s", kindOf(metadata[name]))
		}
	}
}

func checkEvaluators(v any, found *problems) {
	evaluators, isObject := v.(map[string]any)
	if !isObject {
		found.add("$evaluators", "expected an object of shared rules, found %s", kindOf(v))
		return
	}
	for _, name := range slices.Sorted(maps.Keys(evaluators)) {
		if name == "" {
			found.add("$evaluators", "a shared rule's name must not be empty")
		}
		checkTargeting(evaluators[name], "$evaluators."+name, found)
	}
}
