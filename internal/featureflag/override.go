package featureflag

import (
	"maps"
	"slices"
	"strconv"

	"understudy"
)

// Override is what an environment says of one flag, in place of the definition: exactly one
// of the two.
type Override struct {
	Off     bool   `json:"off,omitempty"`     // serve the variant that stands for off, to everybody
	Variant string `json:"variant,omitempty"` // serve this variant, to everybody
}

// With is the set as an environment has it. A flag with an override is enabled, has no rule
// and serves its variant with its value, so that every SDK takes it for an ordinary flag.
// Overrides of flags or to variants that do not exist are refused; see Violations for
// constraints between flags.
func (s *Set) With(overrides map[string]Override) (*Set, error) {
	document := maps.Clone(s.document)
	all, _ := document["flags"].(map[string]any) // as canonical made it
	flags := maps.Clone(all)
	document["flags"] = flags
	for _, key := range slices.Sorted(maps.Keys(overrides)) {
		variant, err := s.variantOf(key, overrides[key])
		if err != nil {
			return nil, err
		}
		declared, _ := flags[key].(map[string]any)
		definition := maps.Clone(declared)
		delete(definition, "targeting")
		definition["state"], definition["defaultVariant"] = string(Enabled), variant
		flags[key] = definition
	}
	return assemble(document, &problems{}), nil
}

func (s *Set) variantOf(key string, o Override) (string, error) {
	f, known := s.flags[key]
	switch {
	case !known:
		return "", understudy.Errorf(understudy.KindNotFound, "setting the flag %q: there is no such flag", key)
	case o.Off == (o.Variant != ""):
		return "", understudy.Errorf(understudy.KindInvalid, "setting the flag %q: expected either off or a variant", key)
	case o.Off && f.Off == "":
		return "", understudy.Errorf(understudy.KindInvalid, "turning the flag %q off: none of its variants stands for off", key).
			WithHint("say which in the flag's metadata, as in \"off\": %s", strconv.Quote(f.VariantNames()[0]))
	case o.Off:
		return f.Off, nil
	}
	if _, known := f.Variants[o.Variant]; !known {
		return "", understudy.Errorf(understudy.KindNotFound, "setting the flag %q: it has no variant %q, it has %q", key, o.Variant, f.VariantNames())
	}
	return o.Variant, nil
}
