package featureflag

import "sync"

// iteration makes an expression of operands that are not evaluated yet: of some, or of
// some again for every element of a list.
type iteration func(parts []expression) expression

// iterations are the operators that evaluate their operands themselves.
var iterations = sync.OnceValue(func() map[string]iteration {
	return map[string]iteration{
		"if": choose, "and": firstThat(false), "or": firstThat(true),
		"map": mapped, "filter": filtered, "reduce": reduced,
		"all":  quantified(false, false, func(elements int) bool { return elements > 0 }),
		"some": quantified(true, true, func(int) bool { return false }),
		"none": quantified(true, false, func(int) bool { return true }),
	}
})

func (c *compiler) iteration(name string, make iteration, operand any) expression {
	nodes, isList := operand.([]any)
	if !isList {
		return c.wrong("%q takes a list of operands, found %s", name, kindOf(operand))
	}
	return make(c.expressions(nodes))
}

// choose is if, then, else if, then, else.
func choose(parts []expression) expression {
	return func(at scope) (any, error) {
		if err := at.spend(1); err != nil {
			return nil, err
		}
		i := 0
		for ; i+1 < len(parts); i += 2 {
			condition, err := parts[i](at)
			if err != nil {
				return nil, err
			}
			if truthy(condition) {
				return parts[i+1](at)
			}
		}
		if i < len(parts) {
			return parts[i](at)
		}
		return nil, nil
	}
}

// firstThat is the first operand that is true, or that is false; else the last.
func firstThat(wanted bool) iteration {
	return func(parts []expression) expression {
		return func(at scope) (last any, err error) {
			if err := at.spend(1); err != nil {
				return nil, err
			}
			for _, part := range parts {
				if last, err = part(at); err != nil || truthy(last) == wanted {
					return last, err
				}
			}
			return last, nil
		}
	}
}

// elements is the list that an iteration goes through. Nothing is the empty list.
func elements(parts []expression, at scope) ([]any, error) {
	if len(parts) == 0 {
		return nil, at.spend(1)
	}
	value, err := parts[0](at)
	if err != nil {
		return nil, err
	}
	list, isList := value.([]any)
	if !isList && truthy(value) {
		return nil, errNotAList
	}
	return list, at.spend(1 + len(list))
}

// body is what an iteration does with each element; without one, null.
func body(parts []expression) expression {
	if len(parts) < 2 {
		return constant(nil)
	}
	return parts[1]
}

func mapped(parts []expression) expression {
	do := body(parts)
	return func(at scope) (any, error) {
		list, err := elements(parts, at)
		if err != nil {
			return nil, err
		}
		out := make([]any, len(list))
		for i, element := range list {
			if out[i], err = do(at.within(value(element))); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
}

func filtered(parts []expression) expression {
	holds := body(parts)
	return func(at scope) (any, error) {
		list, err := elements(parts, at)
		if err != nil {
			return nil, err
		}
		out := []any{}
		for _, element := range list {
			kept, err := holds(at.within(value(element)))
			if err != nil {
				return nil, err
			}
			if truthy(kept) {
				out = append(out, element)
			}
		}
		return out, nil
	}
}

// quantified looks at one element after the other until one is as stop says; what holds
// then, and what holds if none is, follow.
func quantified(stop, then bool, otherwise func(elements int) bool) iteration {
	return func(parts []expression) expression {
		holds := body(parts)
		return func(at scope) (any, error) {
			list, err := elements(parts, at)
			if err != nil {
				return nil, err
			}
			for _, element := range list {
				held, err := holds(at.within(value(element)))
				if err != nil {
					return nil, err
				}
				if truthy(held) == stop {
					return then, nil
				}
			}
			return otherwise(len(list)), nil
		}
	}
}

// reduced goes on with what the rule made of {accumulator, current}.
func reduced(parts []expression) expression {
	step := body(parts)
	return func(at scope) (any, error) {
		list, err := elements(parts, at)
		if err != nil {
			return nil, err
		}
		var sum any
		if len(parts) > 2 {
			if sum, err = parts[2](at); err != nil {
				return nil, err
			}
		}
		for _, element := range list {
			if sum, err = step(at.within(map[string]any{"accumulator": sum, "current": value(element)})); err != nil {
				return nil, err
			}
		}
		return sum, nil
	}
}
