package understudy

import (
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// Flags are the feature flags that a release declares, in flagd's format.
type Flags struct {
	File       string          `json:"file"`                 // as understudy.yaml names it
	Definition json.RawMessage `json:"definition,omitempty"` // its content, in canonical form
}

// Flag is what one declared flag can be.
type Flag struct {
	Key      string                     `json:"key"`
	Variants map[string]json.RawMessage `json:"variants"`
	Default  string                     `json:"default,omitempty"`  // variant; empty: the application's own default
	Off      string                     `json:"off,omitempty"`      // the variant that turns it off; empty: it has none
	Targeted bool                       `json:"targeted,omitempty"` // rules decide who gets which variant
	Disabled bool                       `json:"disabled,omitempty"` // the application's own default holds, unless an environment sets it
}

// FlagState is what an environment says of flags, beside what its releases declare.
type FlagState struct {
	Environment string                 `json:"environment"`
	Version     int64                  `json:"version"` // grows by one with each change
	Set         map[string]FlagSetting `json:"set,omitempty"`
}

// FlagSetting is a variant that everybody gets in an environment, whatever the release declares.
type FlagSetting struct {
	Variant string    `json:"variant"`
	By      string    `json:"by"`
	Reason  string    `json:"reason,omitempty"`
	At      time.Time `json:"at"`
}

// FlagValues are the variants of flags by key; empty: as the release declares.
type FlagValues map[string]string

// Declared lists the flags that an application declares, by key. A definition that cannot be
// read declares none: it was validated when the release was made.
func (a Application) Declared() []Flag {
	if a.Flags == nil {
		return nil
	}
	var read struct {
		Flags map[string]struct {
			State     string                     `json:"state"`
			Variants  map[string]json.RawMessage `json:"variants"`
			Default   *string                    `json:"defaultVariant"`
			Targeting json.RawMessage            `json:"targeting"`
			Metadata  map[string]any             `json:"metadata"`
		} `json:"flags"`
	}
	if json.Unmarshal(a.Flags.Definition, &read) != nil {
		return nil
	}
	var out []Flag
	for _, key := range slices.Sorted(maps.Keys(read.Flags)) {
		f := read.Flags[key]
		flag := Flag{Key: key, Variants: f.Variants, Disabled: f.State == "DISABLED"}
		flag.Targeted = len(f.Targeting) > 0 && string(f.Targeting) != "{}" && string(f.Targeting) != "null"
		flag.Off = OffVariant(f.Metadata["off"], f.Variants)
		if f.Default != nil {
			flag.Default = *f.Default
		}
		out = append(out, flag)
	}
	return out
}

// OffVariant is the variant that turns a flag off: the one that its metadata names as "off",
// else the one called so; of a flag that is true or false, one that is false, that one first.
// Empty: it has none of them. That one is named which the flag does not have is for whoever
// reads a definition to refuse.
func OffVariant(named any, variants map[string]json.RawMessage) string {
	if said, _ := named.(string); said != "" {
		return said
	}
	var boolean bool
	var candidates []string
	for _, name := range slices.Sorted(maps.Keys(variants)) {
		value := string(variants[name])
		boolean = boolean || value == "true" || value == "false"
		if value == "false" {
			candidates = append(candidates, name)
		}
	}
	_, has := variants["off"]
	switch {
	case has && (!boolean || slices.Contains(candidates, "off")):
		return "off"
	case len(candidates) > 0:
		return candidates[0]
	}
	return ""
}

// Names are a flag's variants, sorted.
func (f Flag) Names() []string { return slices.Sorted(maps.Keys(f.Variants)) }

// Variants are what a state sets.
func (s FlagState) Variants() FlagValues {
	out := FlagValues{}
	for key, setting := range s.Set {
		out[key] = setting.Variant
	}
	return out
}

// Change is the state after one change, which is its next version. A setting without a
// variant leaves the flag to what the release declares.
func (s FlagState) Change(key string, to FlagSetting) FlagState {
	s.Version++
	if s.Set = maps.Clone(s.Set); s.Set == nil {
		s.Set = map[string]FlagSetting{}
	}
	s.Set[key] = to
	if to.Variant == "" {
		delete(s.Set, key)
	}
	return s
}

// Digest names what a state sets, and not who did when; empty where it sets nothing.
func (v FlagValues) Digest(declared Digest) (Digest, error) {
	if len(v) == 0 {
		return declared, nil
	}
	return DigestOfValue(struct {
		Declared Digest
		Set      FlagValues
	}{declared, v})
}

// Values are what the flags of an application are where an environment sets some: a variant
// that everybody gets, and empty where rules or the application itself decide. What is set
// and not declared, or not as one of its variants, has no effect and is named apart.
func (a Application) Values(set FlagValues) (values FlagValues, ignored []string) {
	values = FlagValues{}
	for _, f := range a.Declared() {
		_, has := f.Variants[set[f.Key]]
		switch {
		case has:
			values[f.Key] = set[f.Key]
		case f.Targeted || f.Disabled:
			values[f.Key] = ""
		default:
			values[f.Key] = f.Default
		}
	}
	return values, a.Ignored(set)
}

// Ignored lists what is set and has no effect on an application.
func (a Application) Ignored(set FlagValues) []string {
	var out []string
	known := map[string]Flag{}
	for _, f := range a.Declared() {
		known[f.Key] = f
	}
	for _, key := range slices.Sorted(maps.Keys(set)) {
		f, declared := known[key]
		if _, has := f.Variants[set[key]]; !declared || !has {
			out = append(out, key)
		}
	}
	return out
}

// Changes says in words what is otherwise set from v to another state's values.
func (v FlagValues) Changes(now FlagValues) []string {
	var out []string
	said := func(variant string) string {
		if variant == "" {
			return "as declared"
		}
		return variant
	}
	for _, key := range sortedKeys(v, now) {
		if v[key] != now[key] {
			out = append(out, sentence("flag %s was %s, is %s", key, said(v[key]), said(now[key])))
		}
	}
	return out
}
