package featureflag

import (
	"cmp"
	"strings"
)

// compares makes a comparison of two operands, or of each with the next: "between". Texts
// and nulls compare as they are, anything else as numbers: what is none is an error and not
// merely unequal, as in the engine of flagd's providers.
func compares(holds func(a, b any) bool) operator {
	return func(_ scope, v []any) (any, error) {
		if len(v) < 2 {
			return nil, errNotANumber
		}
		for i := range v[1:] {
			a, b, err := alike(v[i], v[i+1])
			if err != nil {
				return nil, err
			}
			if !holds(a, b) {
				return false, nil
			}
		}
		return true, nil
	}
}

// alike gives two values a form in which they compare.
func alike(a, b any) (any, any, error) {
	if isTextOrNull(a) && isTextOrNull(b) {
		return a, b, nil
	}
	left, err := number(a)
	if err != nil {
		return nil, nil, err
	}
	right, err := number(b)
	if err != nil {
		return nil, nil, err
	}
	switch {
	case a == nil && right == 0, b == nil && left == 0: // null is equal to 0 and to false
		return 0.0, 0.0, nil
	case a == nil:
		return nil, right, nil
	case b == nil:
		return left, nil, nil
	}
	return left, right, nil
}

func isTextOrNull(v any) bool {
	_, isText := v.(string)
	return v == nil || isText
}

func looselyEqual(a, b any) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return a == b
}

// ordered compares two texts, or two numbers, as which null is 0.
func ordered(a, b any, holds func(sign int) bool) bool {
	left, isText := a.(string)
	right, areTexts := b.(string)
	if isText && areTexts {
		return holds(strings.Compare(left, right))
	}
	x, err := number(a)
	if err != nil {
		return false
	}
	y, err := number(b)
	return err == nil && holds(cmp.Compare(x, y))
}

// strictly compares without making anything a number. Lists and objects are equal to
// nothing, not even to the same.
func strictly(equal bool) operator {
	return func(_ scope, v []any) (any, error) {
		if len(v) < 2 {
			return nil, errNotANumber
		}
		for i := range v[1:] {
			if same(v[i], v[i+1]) != equal {
				return false, nil
			}
		}
		return true, nil
	}
}

func same(a, b any) bool {
	switch a.(type) {
	case []any, map[string]any:
		return false
	}
	switch b.(type) {
	case []any, map[string]any:
		return false
	}
	return a == b
}
