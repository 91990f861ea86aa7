package featureflag

import (
	"math"
	"strings"
	"sync"
	"unicode/utf16"
)

// operator works on operands that are evaluated already.
type operator func(at scope, operands []any) (any, error)

// operators are those of JSONLogic that evaluate all their operands, and flagd's own.
var operators = sync.OnceValue(func() map[string]operator {
	return map[string]operator{
		"==":  compares(looselyEqual),
		"!=":  compares(func(a, b any) bool { return !looselyEqual(a, b) }),
		"<":   compares(func(a, b any) bool { return ordered(a, b, func(sign int) bool { return sign < 0 }) }),
		"<=":  compares(func(a, b any) bool { return ordered(a, b, func(sign int) bool { return sign <= 0 }) }),
		">":   compares(func(a, b any) bool { return ordered(a, b, func(sign int) bool { return sign > 0 }) }),
		">=":  compares(func(a, b any) bool { return ordered(a, b, func(sign int) bool { return sign >= 0 }) }),
		"===": strictly(true),
		"!==": strictly(false),
		"!":   func(_ scope, v []any) (any, error) { return !truthy(first(v)), nil },
		"!!":  func(_ scope, v []any) (any, error) { return truthy(first(v)), nil },

		"+": add, "-": subtract, "*": multiply,
		"/":   fold(func(a, b float64) float64 { return a / b }),
		"%":   fold(math.Mod),
		"max": extreme(func(a, b float64) bool { return a > b }),
		"min": extreme(func(a, b float64) bool { return a < b }),

		"in": in, "cat": concatenate, "substr": substring, "merge": merge,
		"missing": missing, "missing_some": missingSome,
		"starts_with": edge(strings.HasPrefix), "ends_with": edge(strings.HasSuffix),
		"sem_ver": compareVersions, "fractional": fractional,
	}
})

func first(v []any) any {
	if len(v) == 0 {
		return nil
	}
	return v[0]
}

func in(at scope, v []any) (any, error) {
	if len(v) < 2 || !truthy(v[1]) {
		return false, nil
	}
	switch whole := v[1].(type) {
	case string:
		part, err := at.text(v[0])
		if err != nil {
			return nil, err
		}
		return strings.Contains(whole, part), at.spend(len(whole) / 64)
	case []any:
		if err := at.spend(len(whole)); err != nil {
			return nil, err
		}
		for _, element := range whole {
			if same(v[0], element) {
				return true, nil
			}
		}
		return false, nil
	}
	return nil, errNotSearched
}

// concatenate leaves out null, as JSONLogic says.
func concatenate(at scope, v []any) (any, error) {
	var out strings.Builder
	for _, part := range v {
		if part == nil {
			continue
		}
		written, err := at.text(part)
		if err != nil {
			return nil, err
		}
		out.WriteString(written)
		if out.Len() > maxLength {
			return nil, errTooLarge
		}
	}
	return out.String(), nil
}

// substring counts as JavaScript does: in units of UTF-16, from the end where negative.
func substring(at scope, v []any) (any, error) {
	whole, isText := first(v).(string)
	if !isText {
		return nil, errNotAText
	}
	if err := at.spend(len(whole) / 64); err != nil {
		return nil, err
	}
	units := utf16.Encode([]rune(whole))
	from, err := number(second(v))
	if err != nil {
		return nil, err
	}
	start := clamp(from, len(units))
	end := len(units)
	if len(v) > 2 {
		length, err := number(v[2])
		if err != nil {
			return nil, err
		}
		end = clamp(float64(start)+length, len(units))
		if length < 0 {
			end = max(len(units)+int(max(length, -float64(len(units)))), start)
		}
	}
	return string(utf16.Decode(units[start:end])), nil
}

func second(v []any) any {
	if len(v) < 2 {
		return nil
	}
	return v[1]
}

// clamp is a position within a length, counted from the end if negative.
func clamp(position float64, length int) int {
	if position < 0 {
		position += float64(length)
	}
	return int(min(max(math.Trunc(position), 0), float64(length)))
}

func merge(at scope, v []any) (any, error) {
	out := []any{}
	for _, part := range v {
		elements, isList := part.([]any)
		if !isList {
			elements = []any{part}
		}
		if err := at.spend(len(elements)); err != nil {
			return nil, err
		}
		out = append(out, elements...)
	}
	return out, nil
}

func missing(at scope, v []any) (any, error) {
	out, err := absent(at, v)
	if err != nil {
		return nil, err
	}
	return out, nil
}

// absent are the paths that lead to nothing. null is something.
func absent(at scope, v []any) ([]any, error) {
	out := []any{}
	for _, path := range v {
		if err := at.spend(1); err != nil {
			return nil, err
		}
		if _, there := follow(at, strings.Split(text(path), ".")); !there {
			out = append(out, path)
		}
	}
	return out, nil
}

// missingSome is the missing paths, unless as many as are needed lead to something.
func missingSome(at scope, v []any) (any, error) {
	need, err := number(first(v))
	if err != nil {
		return nil, err
	}
	paths, isList := second(v).([]any)
	if !isList {
		return nil, errNotAList
	}
	without, err := absent(at, paths)
	if err != nil {
		return nil, err
	}
	if float64(len(paths)-len(without)) >= need {
		return []any{}, nil
	}
	return without, nil
}

// edge compares the beginning or end of a text. With anything else it says null, which
// stands for the default variant.
func edge(has func(whole, part string) bool) operator {
	return func(_ scope, v []any) (any, error) {
		whole, isText := first(v).(string)
		part, isPart := second(v).(string)
		if len(v) != 2 || !isText || !isPart {
			return nil, nil
		}
		return has(whole, part), nil
	}
}
