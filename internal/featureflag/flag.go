package featureflag

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"

	"understudy"
)

// State says whether a flag works at all.
type State string

// The states of flagd.
const (
	Enabled  State = "ENABLED"
	Disabled State = "DISABLED" // evaluates to the default in the caller's code
)

// Type is what kind of values a flag's variants have, all of them the same.
type Type string

// The types of values.
const (
	Boolean Type = "boolean"
	String  Type = "string"
	Number  Type = "number"
	Object  Type = "object"
)

// Flag is one flag's definition. Its maps and slices are the set's own: read only.
type Flag struct {
	Key      string
	State    State
	Type     Type
	Variants map[string]json.RawMessage
	Default  string          // the default variant; empty: the default in the caller's code
	Rule     json.RawMessage // targeting as written; empty: none
	Metadata map[string]any  // the set's and the flag's own, the latter first
	Off      string          // the variant that stands for off; empty: there is none
	Requires []string        // flags that have to be on for this one to be on
	Excludes []string        // flags that this one must not be on with

	targeting expression     // nil: none
	values    map[string]any // the variants' values, decoded
	fault     string         // why the rule cannot be evaluated at all
	rendered  rendered       // what answers say of it, encoded
}

// VariantNames are the names of the variants, sorted, the off one first.
func (f Flag) VariantNames() []string {
	names := slices.Sorted(maps.Keys(f.Variants))
	if i := slices.Index(names, f.Off); i > 0 {
		names = slices.Insert(slices.Delete(names, i, i+1), 0, f.Off)
	}
	return names
}

// Set is a flag definition: parsed, valid, immutable. Any number of goroutines may use it.
type Set struct {
	flags    map[string]*Flag
	keys     []string
	metadata map[string]any
	digest   understudy.Digest
	document map[string]any // what the digest is of, as decoded
}

// Keys are the keys of all flags, sorted.
func (s *Set) Keys() []string { return slices.Clone(s.keys) }

// Flag returns one flag's definition.
func (s *Set) Flag(key string) (Flag, bool) {
	f, known := s.flags[key]
	if !known {
		return Flag{}, false
	}
	return *f, true
}

// Metadata is what the set says of itself: flagSetId, version and more.
func (s *Set) Metadata() map[string]any { return maps.Clone(s.metadata) }

// Digest names the set's content: equal definitions have an equal one, however they are
// written (spaces, the order of keys).
func (s *Set) Digest() understudy.Digest { return s.digest }

// JSON is the set as a flag definition that Parse reads and flagd too: with the overrides
// applied, keys sorted.
func (s *Set) JSON() json.RawMessage { return encode(s.document) }

// encode is the JSON form of a decoded value, with < and > as they are.
func encode(v any) json.RawMessage {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		panic("featureflag: a decoded value has no JSON form: " + err.Error())
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}
