package mask

import (
	"fmt"
	"math"
	"strconv"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/ext"

	"understudy"
)

// expressionCost bounds what one value may cost: a few thousand steps, so that no
// expression can hold up a copy.
const expressionCost = 1_000_000

// makeExpression makes a mask of an expression of the Common Expression Language over the
// variable value, the column's text: value.substring(0, 2) + "…". Its result is a text, a
// number, a truth value, or null for NULL. It has CEL's extension for strings. It sees no
// other column.
func makeExpression(_ *keyed, _ columnType, r Rule) (appendFunc, error) {
	program, err := compileExpression(r.Option)
	if err != nil {
		return nil, err
	}
	return func(dst, value []byte) ([]byte, error) {
		result, _, err := program.Eval(map[string]any{"value": string(value)})
		if err != nil { // its words may repeat the value
			return nil, understudy.Errorf(understudy.KindInvalid, "evaluating an expression for a value of %d bytes: it has no result", len(value)).
				WithHint("try the expression on values that are empty, short, or of another form: %s", r.Option)
		}
		return appendResult(dst, result)
	}, nil
}

// compileExpression checks an expression as far as can be without values.
func compileExpression(text string) (cel.Program, error) {
	env, err := cel.NewEnv(cel.Variable("value", cel.StringType), ext.Strings())
	if err != nil {
		return nil, understudy.Errorf(understudy.KindInternal, "preparing the expression language: %w", err)
	}
	checked, issues := env.Compile(text)
	if issues.Err() != nil {
		return nil, understudy.Errorf(understudy.KindInvalid, "the expression %q: %s", text, issues.Errors()[0].Message).
			WithHint("it is the Common Expression Language over the variable value, a text: value.substring(0, 2)")
	}
	if !givesText(checked.OutputType()) {
		return nil, understudy.Errorf(understudy.KindInvalid, "the expression %q: it gives %s, expected a text, a number, a truth value or null", text, checked.OutputType())
	}
	program, err := env.Program(checked, cel.CostLimit(expressionCost), cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, understudy.Errorf(understudy.KindInvalid, "the expression %q: %w", text, err)
	}
	return program, nil
}

func givesText(t *cel.Type) bool {
	switch t.Kind() {
	case types.StringKind, types.IntKind, types.UintKind, types.DoubleKind, types.BoolKind, types.NullTypeKind, types.DynKind:
		return true
	default:
		return false
	}
}

func appendResult(dst []byte, result ref.Val) ([]byte, error) {
	switch v := result.(type) {
	case types.String:
		return append(dst, v...), nil
	case types.Int:
		return strconv.AppendInt(dst, int64(v), 10), nil
	case types.Uint:
		return strconv.AppendUint(dst, uint64(v), 10), nil
	case types.Double:
		if f := float64(v); !math.IsNaN(f) && !math.IsInf(f, 0) {
			return strconv.AppendFloat(dst, f, 'g', -1, 64), nil
		}
	case types.Bool:
		return strconv.AppendBool(dst, bool(v)), nil
	case types.Null:
		return nil, nil
	}
	return nil, understudy.Errorf(understudy.KindInvalid, "evaluating an expression: it gave %s, expected a text, a number, a truth value or null", fmt.Sprint(result.Type()))
}
