package featureflag

import (
	"encoding/json"
	"strconv"
	"strings"
)

// variable is {"var": path} or {"var": [path, default]}. A path may be made by a rule.
func (c *compiler) variable(operand any) expression {
	if path, isText := operand.(string); isText {
		return c.lookup(path, nil)
	}
	nodes, isList := operand.([]any)
	if !isList {
		nodes = []any{operand}
	}
	if len(nodes) == 0 {
		nodes = []any{""}
	}
	var otherwise expression
	if len(nodes) > 1 {
		otherwise = c.expression(nodes[1])
	}
	if path, isText := nodes[0].(string); isText {
		return c.lookup(path, otherwise)
	}
	made := c.expression(nodes[0])
	return func(at scope) (any, error) {
		path, err := made(at)
		if err != nil {
			return nil, err
		}
		if path == nil {
			return at.data, at.spend(1)
		}
		return c.lookup(text(path), otherwise)(at)
	}
}

func (c *compiler) lookup(path string, otherwise expression) expression {
	steps := strings.Split(path, ".")
	return func(at scope) (any, error) {
		if err := at.spend(1); err != nil {
			return nil, err
		}
		found := at.data
		if path != "" {
			found = follow(at, steps)
		}
		if found == nil && otherwise != nil {
			return otherwise(at)
		}
		return found, nil
	}
}

// follow is what a path leads to; nil: nothing.
func follow(at scope, steps []string) any {
	if at.root && steps[0] == "$flagd" {
		return at.flagd(steps[1:])
	}
	found := at.data
	for _, step := range steps {
		switch data := found.(type) {
		case map[string]any:
			found = data[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(data) {
				return nil
			}
			found = data[i]
		default:
			return nil
		}
	}
	return value(found)
}

// flagd is what flagd adds to every context.
func (at scope) flagd(steps []string) any {
	switch {
	case len(steps) == 1 && steps[0] == "flagKey":
		return at.run.flag
	case len(steps) == 1 && steps[0] == "timestamp":
		return float64(at.run.now)
	}
	return nil
}

// value is what a context holds as rules see it: the numbers of Go as float64.
func value(v any) any {
	switch v := v.(type) {
	case int:
		return float64(v)
	case int64:
		return float64(v)
	case int32:
		return float64(v)
	case float32:
		return float64(v)
	case json.Number:
		return plain(v)
	}
	return v
}
