package featureflag

import "math"

// calculated is a number that a calculation may give.
func calculated(n float64) (any, error) {
	if math.IsNaN(n) {
		return nil, errNotANumber
	}
	return n, nil
}

func add(_ scope, v []any) (any, error) {
	sum := 0.0
	for _, operand := range v {
		n, err := number(operand)
		if err != nil {
			return nil, err
		}
		sum += n
	}
	return calculated(sum)
}

func multiply(_ scope, v []any) (any, error) {
	product := 1.0
	for _, operand := range v {
		n, err := number(operand)
		if err != nil {
			return nil, err
		}
		product *= n
	}
	return calculated(product)
}

func subtract(at scope, v []any) (any, error) {
	if len(v) == 1 {
		n, err := number(v[0])
		return -n, err
	}
	return fold(func(a, b float64) float64 { return a - b })(at, v)
}

// fold works from the left. Nothing may be divided by zero.
func fold(step func(a, b float64) float64) operator {
	return func(_ scope, v []any) (any, error) {
		if len(v) < 2 {
			return nil, errNotANumber
		}
		result, err := number(v[0])
		if err != nil {
			return nil, err
		}
		for _, operand := range v[1:] {
			n, err := number(operand)
			if err != nil {
				return nil, err
			}
			if result = step(result, n); math.IsNaN(result) || math.IsInf(result, 0) {
				return nil, errNotANumber
			}
		}
		return result, nil
	}
}

// extreme is of numbers only; texts that say one are none here.
func extreme(better func(a, b float64) bool) operator {
	return func(_ scope, v []any) (any, error) {
		best, isNumber := first(v).(float64)
		if !isNumber {
			return nil, errNotANumber
		}
		for _, operand := range v[1:] {
			n, isNumber := operand.(float64)
			if !isNumber {
				return nil, errNotANumber
			}
			if better(n, best) {
				best = n
			}
		}
		return best, nil
	}
}
