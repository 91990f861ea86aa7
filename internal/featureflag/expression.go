package featureflag

import (
	"fmt"
	"maps"
	"math"
	"slices"
)

// expression is a compiled rule, or a part of one. It has no state.
type expression func(at scope) (any, error)

// shared is a rule that others refer to, and what is wrong with it, if anything.
type shared struct {
	expression
	fault string
}

// compiler compiles the rules of one definition. Shared rules are compiled once, and shared.
type compiler struct {
	rules    map[string]any
	compiled map[string]shared
	under    []string // shared rules that are being compiled
	fault    string   // the first of the rule that is being compiled
}

// newCompiler compiles all shared rules first, and tells what is wrong with them.
func newCompiler(evaluators any, found *problems) *compiler {
	rules, _ := evaluators.(map[string]any)
	c := &compiler{rules: rules, compiled: map[string]shared{}}
	for _, name := range slices.Sorted(maps.Keys(rules)) {
		if _, fault := c.compile(map[string]any{"$ref": name}); fault != "" {
			found.add("$evaluators."+name, "%s", fault)
		}
	}
	return c
}

// compile returns a rule's expression, or why there is none.
func (c *compiler) compile(rule map[string]any) (expression, string) {
	c.fault, c.under = "", nil
	compiled := c.expression(rule)
	return compiled, c.fault
}

func (c *compiler) wrong(format string, args ...any) expression {
	if c.fault == "" {
		c.fault = fmt.Sprintf(format, args...)
	}
	return constant(nil)
}

func constant(value any) expression {
	return func(scope) (any, error) { return value, nil }
}

func (c *compiler) expression(node any) expression {
	switch node := node.(type) {
	case []any:
		if !slices.ContainsFunc(node, isMade) {
			return constant(plain(node))
		}
		return list(c.expressions(node))
	case map[string]any:
		return c.operation(node)
	}
	return constant(plain(node))
}

// isMade says that something in a node has to be evaluated.
func isMade(node any) bool {
	if list, isList := node.([]any); isList {
		return slices.ContainsFunc(list, isMade)
	}
	_, isOperation := node.(map[string]any)
	return isOperation
}

func (c *compiler) expressions(nodes []any) []expression {
	out := make([]expression, len(nodes))
	for i, node := range nodes {
		out[i] = c.expression(node)
	}
	return out
}

// list evaluates each expression.
func list(parts []expression) expression {
	return func(at scope) (any, error) {
		values, err := each(parts, at)
		if err != nil {
			return nil, err // not the nil list, which would be no null
		}
		return values, nil
	}
}

func each(parts []expression, at scope) ([]any, error) {
	if err := at.spend(1 + len(parts)); err != nil {
		return nil, err
	}
	values := make([]any, len(parts))
	for i, part := range parts {
		value, err := part(at)
		if err != nil {
			return nil, err
		}
		values[i] = value
	}
	return values, nil
}

func (c *compiler) operation(node map[string]any) expression {
	if len(node) == 0 {
		return constant(map[string]any{})
	}
	if len(node) > 1 {
		return c.wrong("an operation is an object with one key, found %d: %v", len(node), slices.Sorted(maps.Keys(node)))
	}
	for name, operand := range node {
		switch name {
		case "$ref":
			rule, isText := operand.(string)
			if !isText {
				return c.wrong("a $ref is the name of a shared rule, found %s", kindOf(operand))
			}
			return c.reference(rule)
		case "var":
			return c.variable(operand)
		}
		if make, known := iterations()[name]; known {
			return c.iteration(name, make, operand)
		}
		if operate, known := operators()[name]; known {
			return c.eager(operate, operand)
		}
		return c.wrong("there is no operator %q", name)
	}
	return nil // not reached: there is one key
}

// reference compiles a shared rule, once, its faults with it. Rules that need themselves are a
// fault of each.
func (c *compiler) reference(name string) expression {
	made, done := c.compiled[name]
	if !done {
		rule, known := c.rules[name]
		switch {
		case !known:
			return c.wrong("$ref names the shared rule %q, which $evaluators does not have", name)
		case slices.Contains(c.under, name):
			return c.wrong("the shared rule %q needs itself", name)
		case len(c.under) == maxDepth:
			return c.wrong("shared rules need each other over %d levels", maxDepth)
		}
		before := c.fault
		c.fault, c.under = "", append(c.under, name)
		made.expression = c.expression(rule)
		made.fault, c.fault, c.under = c.fault, before, c.under[:len(c.under)-1]
		c.compiled[name] = made
	}
	if made.fault != "" {
		return c.wrong("%s", made.fault)
	}
	return made.expression
}

// eager evaluates the operands before the operator sees them. An operand that is no list
// stands for a list of one, or is one when evaluated.
func (c *compiler) eager(operate operator, operand any) expression {
	if nodes, isList := operand.([]any); isList {
		parts := c.expressions(nodes)
		return func(at scope) (any, error) {
			values, err := each(parts, at)
			if err != nil {
				return nil, err
			}
			return operate(at, values)
		}
	}
	part := c.expression(operand)
	return func(at scope) (any, error) {
		if err := at.spend(1); err != nil {
			return nil, err
		}
		value, err := part(at)
		if err != nil {
			return nil, err
		}
		values, isList := value.([]any)
		if !isList {
			return operate(at, []any{value})
		}
		if err := at.spend(len(values)); err != nil {
			return nil, err
		}
		return operate(at, values)
	}
}

// whole is a number that is an integer, as weights have to be.
func whole(v any) (float64, bool) {
	number, isNumber := v.(float64)
	return number, isNumber && number == math.Trunc(number)
}
