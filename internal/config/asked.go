package config

import (
	"fmt"
	"math/big"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// leaves are the parts of a finding that say something by themselves. Alternatives are one:
// what each of them misses is no help to who meant another one.
func leaves(found *jsonschema.ValidationError) []*jsonschema.ValidationError {
	switch found.ErrorKind.(type) {
	case *kind.AnyOf, *kind.OneOf, *kind.Not, *kind.Contains, *kind.PropertyNames:
		return []*jsonschema.ValidationError{found}
	}
	if len(found.Causes) == 0 {
		return []*jsonschema.ValidationError{found}
	}
	var out []*jsonschema.ValidationError
	for _, cause := range found.Causes {
		out = append(out, leaves(cause)...)
	}
	return out
}

// askedOf is what a schema asks; of a secret without the names of what is in it, which are as
// secret as the rest.
func askedOf(leaf *jsonschema.ValidationError, secret bool) string {
	if _, is := leaf.ErrorKind.(*kind.AdditionalProperties); is && secret {
		return "nothing that its schema does not know"
	}
	return asked(leaf.ErrorKind)
}

// asked says what a schema asks, in words that hold nothing of what was found but names.
func asked(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *kind.Type:
		return kinds(k.Want)
	case *kind.Enum:
		return "one of " + spellList(k.Want)
	case *kind.Const:
		return fmt.Sprint(k.Want)
	case *kind.Pattern:
		return "a text that matches " + k.Want
	case *kind.Format:
		return "a text in the form of " + k.Want
	case *kind.MinLength:
		return fmt.Sprintf("at least %d letters", k.Want)
	case *kind.MaxLength:
		return fmt.Sprintf("at most %d letters", k.Want)
	case *kind.Required:
		return "a value for " + strings.Join(k.Missing, ", ")
	case *kind.DependentRequired:
		return fmt.Sprintf("a value for %s, as %s is set", strings.Join(k.Missing, ", "), k.Prop)
	case *kind.AdditionalProperties:
		return "nothing for " + strings.Join(k.Properties, ", ") + ": the schema does not know it"
	}
	return askedOfNumber(k)
}

func askedOfNumber(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *kind.Minimum:
		return "at least " + spellNumber(k.Want)
	case *kind.Maximum:
		return "at most " + spellNumber(k.Want)
	case *kind.ExclusiveMinimum:
		return "more than " + spellNumber(k.Want)
	case *kind.ExclusiveMaximum:
		return "less than " + spellNumber(k.Want)
	case *kind.MultipleOf:
		return "a multiple of " + spellNumber(k.Want)
	case *kind.AnyOf, *kind.OneOf:
		return "one of the alternatives of its schema"
	}
	return "what its schema describes (" + strings.Join(k.KeywordPath(), " ") + ")"
}

func spellNumber(n *big.Rat) string { return strings.TrimSuffix(n.FloatString(6), ".000000") }

// firstLeaf is the first thing that is wrong with a schema itself, and where.
func firstLeaf(err error) string {
	invalid, is := err.(*jsonschema.ValidationError)
	if !is {
		return "it is no schema"
	}
	leaf := leaves(invalid)[0]
	return "/" + strings.Join(leaf.InstanceLocation, "/") + ": expected " + asked(leaf.ErrorKind)
}
