package featureflag

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
)

// checkTargeting says what flagd's schema objects to in a rule. In one thing it is more
// generous: a $ref may stand wherever an operation may, as flagd puts the shared rule there
// before it looks. In one it is stricter: an operation has one operator, as flagd's
// evaluators know only that.
func checkTargeting(v any, path string, found *problems) {
	rule, isObject := v.(map[string]any)
	switch {
	case !isObject:
		found.add(path, "a rule is an object, found %s", kindOf(v))
	case len(rule) > 0:
		checkOperation(rule, path, found)
	}
}

// checkOperand looks at an operand: a constant, an operation or a reference. What is in a
// list is nobody's business here; an unknown operator in it is found when it is compiled.
func checkOperand(v any, path string, found *problems) {
	if rule, isObject := v.(map[string]any); isObject {
		checkOperation(rule, path, found)
	}
}

// arity is how many operands an operator takes.
type arity struct{ least, most int }

var arities = sync.OnceValue(func() map[string]arity {
	table := map[string]arity{"reduce": {3, 3}, "*": {2, math.MaxInt}}
	for _, name := range []string{"==", "===", "!=", "!==", ">", ">=", "%", "/", "map", "filter", "all", "none", "some", "in"} {
		table[name] = arity{2, 2}
	}
	for _, name := range []string{"substr", "<", "<="} {
		table[name] = arity{2, 3}
	}
	for _, name := range []string{"if", "or", "and", "+", "-", "max", "min", "merge", "cat"} {
		table[name] = arity{1, math.MaxInt}
	}
	return table
})

func (a arity) String() string {
	switch {
	case a.least == a.most:
		return fmt.Sprint(a.least)
	case a.most == math.MaxInt:
		return fmt.Sprintf("at least %d", a.least)
	}
	return fmt.Sprintf("%d or %d", a.least, a.most)
}

func checkOperation(rule map[string]any, path string, found *problems) {
	if len(rule) != 1 {
		found.add(path, "an operation is an object with one key, its operator, found %v", slices.Sorted(maps.Keys(rule)))
		return
	}
	for name, operand := range rule {
		path := join(path, name)
		takes, plain := arities()[name]
		switch {
		case plain:
			checkOperands(takes, operand, path, found)
		case name == "!" || name == "!!":
			checkUnary(operand, path, found)
		default:
			checkSpecial(name, operand, path, found)
		}
	}
}

func checkOperands(takes arity, operand any, path string, found *problems) {
	operands, isList := operand.([]any)
	if !isList || len(operands) < takes.least || len(operands) > takes.most {
		found.add(path, "expected a list of %s operands, found %s", takes, sizeOf(operand))
	}
	for i, o := range operands {
		checkOperand(o, fmt.Sprintf("%s.%d", path, i), found)
	}
}

func sizeOf(v any) string {
	if list, isList := v.([]any); isList {
		return fmt.Sprint(len(list))
	}
	return kindOf(v)
}

func checkUnary(operand any, path string, found *problems) {
	if list, isList := operand.([]any); isList && len(list) == 1 {
		operand = list[0]
	}
	checkOperand(operand, path, found)
}

// checkSpecial looks at operators that have rules of their own.
func checkSpecial(name string, operand any, path string, found *problems) {
	list, isList := operand.([]any)
	switch name {
	case "$ref":
		if _, isText := operand.(string); !isText {
			found.add(path, "a $ref is the name of a shared rule, found %s", kindOf(operand))
		}
	case "var":
		if of, isText := operand.(string); isText && strings.HasPrefix(of, "$flagd.") && of != "$flagd.timestamp" && of != "$flagd.flagKey" {
			found.add(path, "flagd adds $flagd.timestamp and $flagd.flagKey, found %q", of)
		}
	case "missing":
		checkPaths(operand, path, found)
	case "missing_some":
		if _, isNumber := first(list).(json.Number); !isList || len(list) != 2 || !isNumber {
			found.add(path, "expected how many are needed, and a list of paths")
			return
		}
		checkPaths(list[1], path+".1", found)
	case "starts_with", "ends_with":
		checkEdge(list, path, found)
	case "sem_ver":
		checkVersions(list, path, found)
	case "fractional":
		checkFractional(list, path, found)
	default:
		found.add(path, "flagd has no operator %q", name)
	}
}

func checkPaths(v any, path string, found *problems) {
	paths, isList := v.([]any)
	if !isList || slices.ContainsFunc(paths, func(p any) bool { _, isText := p.(string); return !isText }) {
		found.add(path, "expected a list of paths")
	}
}

func checkEdge(operands []any, path string, found *problems) {
	if len(operands) != 2 {
		found.add(path, "expected a list of 2 operands, found %d", len(operands))
	}
	for i, o := range operands {
		at := fmt.Sprintf("%s.%d", path, i)
		switch o := o.(type) {
		case string:
		case map[string]any:
			checkOperation(o, at, found)
		default:
			found.add(at, "expected a string or an operation, found %s", kindOf(o))
		}
	}
}

func checkVersions(operands []any, path string, found *problems) {
	if len(operands) != 3 {
		found.add(path, "expected a version, an operator and a version, found %d operands", len(operands))
		return
	}
	if !slices.Contains([]any{"=", "!=", ">", "<", ">=", "<=", "~", "^"}, operands[1]) {
		found.add(path+".1", "expected =, !=, >, <, >=, <=, ~ or ^")
	}
	for _, i := range []int{0, 2} {
		at := fmt.Sprintf("%s.%d", path, i)
		switch o := operands[i].(type) {
		case string:
			if _, isVersion := parseStrict(o); !isVersion {
				found.add(at, "%q is no semantic version as in 1.2.3", o)
			}
		case map[string]any:
			if !has(o, "var") && !has(o, "$ref") {
				found.add(at, "expected a version or a var")
			}
			checkOperation(o, at, found)
		default:
			found.add(at, "expected a version or a var, found %s", kindOf(o))
		}
	}
}

// checkFractional wants what to bucket by, if anything, and then variants with weights.
func checkFractional(entries []any, path string, found *problems) {
	if len(entries) == 0 {
		found.add(path, "expected a list of at least one variant with its weight")
	}
	for i, entry := range entries {
		at := fmt.Sprintf("%s.%d", path, i)
		by, isOperation := entry.(map[string]any)
		pair, isList := entry.([]any)
		switch {
		case i == 0 && isOperation:
			checkOperation(by, at, found)
		case !isList || len(pair) == 0 || len(pair) > 2:
			found.add(at, "expected [variant] or [variant, weight]")
		default:
			checkOperand(pair[0], at+".0", found)
			if len(pair) == 2 {
				checkWeight(pair[1], at+".1", found)
			}
		}
	}
}

func checkWeight(v any, path string, found *problems) {
	if rule, isObject := v.(map[string]any); isObject {
		checkOperation(rule, path, found)
		return
	}
	weight, isWhole := whole(plain(v))
	if !isWhole || weight < 0 {
		found.add(path, "a weight is a whole number that is not negative, or an operation")
	}
}
