package featureflag

import (
	"bytes"
	"fmt"
	"math/rand/v2"
)

// generator makes definitions and contexts that flagd's schema allows.
type generator struct{ *rand.Rand }

func pick[T any](g generator, of ...T) T { return of[g.IntN(len(of))] }

func op(name string, operands ...any) map[string]any { return map[string]any{name: operands} }

func (g generator) definition(flags int) map[string]any {
	named := map[string]any{}
	for i := range flags {
		named[fmt.Sprintf("flag-%d", i)] = g.flag()
	}
	out := map[string]any{"flags": named, "$evaluators": map[string]any{"shared": g.free(2), "other": g.free(1)}}
	if g.IntN(2) == 0 {
		out["metadata"] = map[string]any{"flagSetId": "set", "version": "1.2", "owner": "team"}
	}
	return out
}

// free is a condition that refers to no shared rule.
func (g generator) free(depth int) map[string]any {
	for {
		if rule := g.truth(depth); !bytes.Contains(encode(rule), []byte("$ref")) {
			return rule
		}
	}
}

func (g generator) flag() map[string]any {
	variants := pick(g,
		map[string]any{"on": true, "off": false, "true": true, "false": false},
		map[string]any{"red": "r", "blue": "b", "green": "g", "true": "yes", "false": "no"},
		map[string]any{"1": 1.0, "2": 2.5, "0": 0.0, "on": -7.0},
		map[string]any{"on": map[string]any{"a": 1.0, "b": []any{"x"}}, "off": map[string]any{}})
	flag := map[string]any{"state": pick(g, "ENABLED", "ENABLED", "ENABLED", "ENABLED", "ENABLED", "DISABLED"), "variants": variants}
	var names []any
	for name := range variants {
		names = append(names, name)
	}
	sortAny(names)
	if g.IntN(6) > 0 {
		flag["defaultVariant"] = pick(g, names...)
	} else if g.IntN(2) == 0 {
		flag["defaultVariant"] = nil
	}
	if g.IntN(8) > 0 {
		flag["targeting"] = g.rule(names)
	}
	if g.IntN(3) == 0 {
		flag["metadata"] = map[string]any{"owner": "other", "n": 3.5, "yes": true}
	}
	return flag
}

func sortAny(names []any) {
	for i := range names {
		for j := range i {
			if names[i].(string) < names[j].(string) {
				names[i], names[j] = names[j], names[i]
			}
		}
	}
}

// rule names a variant, most of the time.
func (g generator) rule(names []any) map[string]any {
	name := func() any { return pick(g, append(names, nil)...) }
	switch g.IntN(8) {
	case 0:
		return g.truth(3)
	case 1:
		return op("fractional", append([]any{g.bucket()}, g.weights(names)...)...)
	case 2:
		return op("fractional", g.weights(names)...)
	case 3:
		return op("if", g.truth(3))
	case 4:
		return op("if", g.truth(2), g.rule(names), g.truth(2), name(), g.rule(names))
	case 5:
		return op("if", g.truth(3), name())
	}
	return op("if", g.truth(3), name(), name())
}

func (g generator) bucket() map[string]any {
	if g.IntN(2) == 0 {
		return op("var", "user.name", "nobody")
	}
	return op("cat", op("var", "$flagd.flagKey"), op("var", "user.name", "nobody"), "salt")
}

func (g generator) weights(names []any) []any {
	var out []any
	for range 1 + g.IntN(5) {
		entry := []any{pick(g, names...), g.IntN(100)}
		switch g.IntN(8) {
		case 0:
			entry = entry[:1]
		case 1:
			entry[1] = op("-", op("var", "$flagd.timestamp"), 1_750_000_000)
		case 2:
			entry[1] = op("if", g.truth(1), 100, 0)
		case 3:
			entry[0] = op("if", g.truth(1), pick(g, names...), pick(g, names...))
		case 4:
			entry[0] = op("var", "plan")
		}
		out = append(out, entry)
	}
	return out
}

// truth is a condition: any operation that there is.
func (g generator) truth(depth int) map[string]any {
	if depth <= 0 {
		return g.leaf()
	}
	switch g.IntN(20) {
	case 0, 1:
		return op(pick(g, "and", "or"), g.truth(depth-1), g.truth(depth-1), g.truth(depth-1))
	case 2:
		return map[string]any{pick(g, "!", "!!"): g.truth(depth - 1)}
	case 3:
		return op(pick(g, "!", "!!"), g.anything())
	case 4, 5:
		return op(pick(g, "==", "!=", "===", "!=="), g.anything(), g.constant())
	case 6, 7:
		return op(pick(g, "<", "<=", ">", ">="), g.number(depth-1), g.number(depth-1))
	case 8:
		return op(pick(g, "<", "<="), pick(g, 1, 5), op("var", pick(g, "user.age", "age"), 3), pick(g, 10, 40))
	case 9:
		return op("in", g.anything(), pick[any](g, op("var", "words"), op("var", "user.name"), []any{"a", "red", 3, nil}, op("var", "age")))
	case 10:
		return op(pick(g, "starts_with", "ends_with"), pick[any](g, op("var", "user.name"), op("var", "age"), "anna"), pick(g, "a", "an", "na", ""))
	case 11, 12:
		return op("sem_ver", op("var", pick(g, "version", "version", "age")), pick(g, "=", "!=", "<", "<=", ">", ">=", "^", "~"), pick(g, "1.2.3", "2.0.0", "1.2.3-rc.1", "0.10.0"))
	case 13:
		return op(pick(g, "some", "none"), op("var", pick(g, "numbers", "nothing")), op(pick(g, ">", "<="), op("var", ""), g.IntN(5)))
	case 14:
		return op(pick(g, "all", "some", "none"), op("var", pick(g, "people", "people", "nothing")), op("==", op("var", "plan"), pick(g, "pro", "free")))
	case 15:
		return op("filter", op("var", pick(g, "numbers", "nothing")), op("%", op("var", ""), 2))
	case 16:
		return map[string]any{"$ref": pick(g, "shared", "other")}
	case 17:
		return pick(g, op("missing", "user.name", "age", "nothing"), op("missing_some", 1, []any{"age", "nothing"}), op("missing", "version"))
	}
	return op("if", g.truth(depth-1), g.leaf(), g.leaf())
}

func (g generator) leaf() map[string]any {
	return pick(g, op("var", "plan"), op("var", "beta", false), op("==", op("var", "plan"), "pro"), map[string]any{"var": "user.name"},
		op(">", op("var", "user.age", 1), 30), op("!==", op("var", "user.name"), "anna"))
}

// number is an operation that calculates, often with something that is no number.
func (g generator) number(depth int) any {
	if depth <= 0 {
		return pick[any](g, op("var", "age"), op("var", "user.age"), op("var", "text"), 7, "3.5", 0, "old", true, nil)
	}
	a, b := g.number(depth-1), g.number(depth-1)
	switch g.IntN(9) {
	case 0:
		return op("+", a, b, g.IntN(9))
	case 1:
		return op(pick(g, "-", "*", "/", "%"), a, b)
	case 2:
		return op("-", a)
	case 3:
		return op(pick(g, "max", "min"), op("var", "age"), 4, op("var", "user.age", 2))
	case 4:
		return op("reduce", op("var", pick(g, "numbers", "nothing")), op("+", op("var", "current"), op("var", "accumulator")), 1)
	case 5:
		return op("reduce", op("map", op("var", "numbers"), op("*", op("var", ""), 2)), op("+", op("var", "current"), op("var", "accumulator")), 0)
	case 6:
		return op("+", op("substr", "12345", g.IntN(4), 1+g.IntN(3)))
	case 7:
		return op("var", "numbers.0", 2)
	}
	return a
}

func (g generator) anything() any {
	switch g.IntN(8) {
	case 0:
		return op("cat", op("var", "user.name"), "-", g.IntN(9), 2.5, op("var", pick(g, "words", "people", "beta", "age")))
	case 1:
		return op("substr", op("cat", "täst", op("var", "user.name", "x")), g.IntN(9)-4, g.IntN(7)-3)
	case 2:
		return op("substr", op("var", "user.name"), g.IntN(4)-2)
	case 3:
		return op("merge", op("var", "words"), "x", []any{1, 2})
	}
	return op("var", pick(g, "plan", "age", "user.name", "user.age", "text", "beta", "null", "user.nothing", "words.1"))
}

func (g generator) constant() any {
	return pick[any](g, "pro", "anna", "", "3", 3, 0, 41.5, true, false, nil)
}

// context has every type of value in its places, or nothing.
func (g generator) context() map[string]any {
	out := map[string]any{"null": nil}
	maybe := func(key string, of ...any) {
		if g.IntN(4) > 0 {
			out[key] = pick(g, of...)
		}
	}
	maybe("targetingKey", "u-1", "u-2", "u-3", "", fmt.Sprint(g.IntN(100_000)))
	maybe("plan", "pro", "free", "on", "red", "true", "1")
	maybe("age", 3.0, 41.0, 0.0, -2.5, "7", "old", true, nil)
	maybe("text", "12", " 8 ", "abc", "", "0x1f", "1e3")
	maybe("beta", true, false)
	maybe("version", "1.2.3", "1.2.4", "2.0.0-rc.2", "2.0", "2", "v1.2.3", 1.2, 2.0, "nope", "1.2.3+build", nil)
	out["numbers"] = pick[any](g, []any{1.0, 2.0, 3.0}, []any{}, []any{0.0, -4.0}, []any{5.0})
	out["words"] = pick[any](g, []any{"a", "red", "b"}, []any{}, []any{"anna", 3.0, nil, true})
	out["people"] = pick[any](g, []any{}, []any{map[string]any{"plan": "pro"}}, []any{map[string]any{"plan": "free"}, map[string]any{"plan": "pro"}}, []any{1.0, "x"})
	if g.IntN(5) > 0 {
		user := map[string]any{}
		out["user"] = user
		if g.IntN(5) > 0 {
			user["name"] = pick(g, "anna", "bob", "naan", "", fmt.Sprint("user", g.IntN(100_000)))
		}
		if g.IntN(3) > 0 {
			user["age"] = pick[any](g, 5.0, 40.0, 7.5, 0.0)
		}
	}
	return out
}
