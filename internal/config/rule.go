package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/ext"

	"understudy"
)

// ruleCost bounds what one rule may cost: a few thousand steps.
const ruleCost = 1_000_000

// rule is one rule between keys, ready to be held against values.
type rule struct {
	understudy.ConfigRule
	program cel.Program
	keys    []string // that it names
}

// compileRule reads a rule, and refuses one that names keys that nobody knows: it would be
// kept, or broken, for ever.
func compileRule(r understudy.ConfigRule, known []string) (*rule, error) {
	env, err := cel.NewEnv(cel.Variable("config", cel.MapType(cel.StringType, cel.DynType)),
		cel.Variable("environment", cel.StringType), cel.Variable("purpose", cel.StringType), ext.Strings())
	if err != nil {
		return nil, fmt.Errorf("preparing the expression language: %w", err)
	}
	checked, issues := env.Compile(r.Rule)
	if issues.Err() != nil {
		first := issues.Errors()[0]
		return nil, fmt.Errorf("expected an expression of the Common Expression Language over config, environment and purpose: %s (at letter %d)",
			first.Message, first.Location.Column()+1)
	}
	if t := checked.OutputType(); !t.IsExactType(cel.BoolType) && !t.IsExactType(cel.DynType) {
		return nil, fmt.Errorf("expected an expression that is true or false, found one that gives %s", t)
	}
	keys := keysNamed(checked.NativeRep())
	for _, key := range keys {
		if !slices.Contains(known, key) {
			return nil, fmt.Errorf("it names config.%s, and the release declares no such key%s", key, didYouMean(key, known))
		}
	}
	program, err := env.Program(checked, cel.CostLimit(ruleCost))
	if err != nil {
		return nil, errors.New("the expression cannot be evaluated")
	}
	return &rule{ConfigRule: r, program: program, keys: keys}, nil
}

// keysNamed are the keys of config that an expression names: config.KEY or config["KEY"].
func keysNamed(expression *ast.AST) []string {
	var keys []string
	note := func(key string) {
		if !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	ast.MatchDescendants(ast.NavigateAST(expression), func(e ast.NavigableExpr) bool {
		switch e.Kind() {
		case ast.SelectKind:
			if isConfig(e.AsSelect().Operand()) {
				note(e.AsSelect().FieldName())
			}
		case ast.CallKind:
			call := e.AsCall()
			if args := call.Args(); call.FunctionName() == operators.Index && len(args) == 2 && isConfig(args[0]) && args[1].Kind() == ast.LiteralKind {
				note(fmt.Sprint(args[1].AsLiteral().Value()))
			}
		}
		return false
	})
	slices.Sort(keys)
	return keys
}

func isConfig(e ast.Expr) bool { return e.Kind() == ast.IdentKind && e.AsIdent() == "config" }

// broken says what is wrong where the rule is not kept; empty: it is. The words of the
// expression language are left out, as they may repeat a value.
func (r *rule) broken(values map[string]any, e understudy.Environment) string {
	result, _, err := r.program.Eval(map[string]any{"config": values, "environment": e.Name, "purpose": string(e.Purpose)})
	if err == nil {
		if kept, is := result.(types.Bool); is {
			if kept {
				return ""
			}
			return r.Says
		}
	}
	var unset []string
	for _, key := range r.keys {
		if _, is := values[key]; !is {
			unset = append(unset, key)
		}
	}
	if len(unset) > 0 {
		return fmt.Sprintf("%s; it cannot be told, as %s is not set: where that may be, the rule has to ask has(config.%s) first", r.Says, strings.Join(unset, ", "), unset[0])
	}
	return r.Says + "; it cannot be told, as the values are not of the types that the rule compares: say them with schema: {type: …}"
}
