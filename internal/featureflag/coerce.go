package featureflag

import (
	"math"
	"strconv"
	"strings"
)

// truthy is JSONLogic's and the engine's of flagd's providers: empty lists and objects are
// false, "0" is true.
func truthy(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case float64:
		return v != 0 && !math.IsNaN(v)
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	}
	return true
}

// number is what a value calculates as: null is 0, true is 1, a text is the number that it
// says. Lists and objects are none.
func number(v any) (float64, error) {
	switch v := v.(type) {
	case nil:
		return 0, nil
	case bool:
		if v {
			return 1, nil
		}
		return 0, nil
	case float64:
		if !math.IsNaN(v) {
			return v, nil
		}
	case string:
		if n, isNumber := parseNumber(v); isNumber {
			return n, nil
		}
	}
	return 0, errNotANumber
}

// parseNumber reads a text as JavaScript does: blank is 0, and there are no underscores.
func parseNumber(s string) (float64, bool) {
	s = strings.TrimSpace(s)
	if s == "" {
		return 0, true
	}
	if digits := strings.TrimPrefix(strings.ToLower(s), "0x"); len(digits) < len(s) {
		n, err := strconv.ParseUint(digits, 16, 64)
		return float64(n), err == nil
	}
	switch strings.TrimLeft(s, "+-") {
	case "Infinity":
		return math.Inf(map[bool]int{true: -1, false: 1}[s[0] == '-']), true
	}
	if strings.Trim(s, "0123456789+-.eE") != "" {
		return 0, false
	}
	n, err := strconv.ParseFloat(s, 64)
	return n, err == nil || math.IsInf(n, 0)
}

// text is a value as a text, as JavaScript writes it.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(v)
	case string:
		return v
	case float64:
		return numberText(v)
	case []any:
		parts := make([]string, len(v))
		for i, part := range v {
			if part != nil {
				parts[i] = text(part)
			}
		}
		return strings.Join(parts, ",")
	}
	return "[object Object]"
}

func numberText(n float64) string {
	switch {
	case math.IsInf(n, 0), math.IsNaN(n):
		return strings.Replace(strings.TrimPrefix(strconv.FormatFloat(n, 'g', -1, 64), "+"), "Inf", "Infinity", 1)
	case n == 0:
		return "0"
	case math.Abs(n) >= 1e21 || math.Abs(n) < 1e-6:
		mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(n, 'e', -1, 64), "e")
		return mantissa + "e" + exponent[:1] + strings.TrimLeft(exponent[1:], "0")
	}
	return strconv.FormatFloat(n, 'f', -1, 64)
}
