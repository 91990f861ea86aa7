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
		if path == "" {
			return at.data, nil
		}
		found, there := follow(at, steps)
		if !there && otherwise != nil {
			return otherwise(at)
		}
		return found, nil
	}
}

// follow is what a path leads to, and whether it leads anywhere: null is something.
func follow(at scope, steps []string) (any, bool) {
	if at.root && steps[0] == "$flagd" {
		return at.flagd(steps[1:])
	}
	found, there := at.data, true
	for _, step := range steps {
		switch data := found.(type) {
		case map[string]any:
			found, there = data[step]
		case []any:
			i, err := strconv.Atoi(step)
			if there = err == nil && i >= 0 && i < len(data); there {
				found = data[i]
			}
		default:
			there = false
		}
		if !there {
			return nil, false
		}
	}
	return value(found), true
}

// flagd is what flagd adds to every context.
func (at scope) flagd(steps []string) (any, bool) {
	switch {
	case len(steps) == 1 && steps[0] == "flagKey":
		return at.run.flag, true
	case len(steps) == 1 && steps[0] == "timestamp":
		return float64(at.run.now), true
	}
	return nil, false
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
