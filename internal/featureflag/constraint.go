package featureflag

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"understudy"
)

// What Understudy reads from a flag's metadata. flagd hands it on, and takes no notice.
const (
	metaOff      = "off"      // the name of the variant that stands for off
	metaRequires = "requires" // flags, with commas between, that have to be on for this one to be
	metaExcludes = "excludes" // flags, with commas between, that this one must not be on with
)

// readConventions reads a flag's own metadata.
func readConventions(f *Flag, own map[string]any) {
	f.Requires, f.Excludes = keysIn(own[metaRequires]), keysIn(own[metaExcludes])
	f.Off = understudy.OffVariant(own[metaOff], f.Variants)
}

func keysIn(v any) []string {
	written, _ := v.(string)
	var keys []string
	for _, key := range strings.Split(written, ",") {
		if key = strings.TrimSpace(key); key != "" && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

// checkConstraints says which constraints between flags make no sense.
func checkConstraints(s *Set, found *problems) {
	for _, key := range s.keys {
		f := s.flags[key]
		path := "flags." + key + ".metadata."
		if _, known := f.values[f.Off]; f.Off != "" && !known {
			found.add(path+metaOff, "there is no variant %q", f.Off)
		}
		for name, others := range map[string][]string{metaRequires: f.Requires, metaExcludes: f.Excludes} {
			if len(others) > 0 && f.Off == "" {
				found.add(path+name, "the flag has no variant that stands for off: say which, as in \"off\": \"NAME\"")
			}
			for _, other := range others {
				found.addConstraint(s, path+name, key, other)
			}
		}
		on := s.closure(key)
		for _, a := range on {
			for _, b := range s.flags[a].Excludes {
				if slices.Contains(on, b) {
					found.add(path+metaRequires, "the flag can never be on: it needs %q, which excludes %q, which it needs too or is", a, b)
				}
			}
		}
	}
	for _, circle := range s.circles() {
		found.add("flags."+circle[0]+".metadata."+metaRequires, "flags require each other in a circle: %s", strings.Join(circle, " → "))
	}
}

func (p *problems) addConstraint(s *Set, path, key, other string) {
	o, known := s.flags[other]
	switch {
	case other == key:
		p.add(path, "the flag names itself")
	case !known:
		p.add(path, "there is no flag %q", other)
	case o.Off == "":
		p.add(path, "the flag %q has no variant that stands for off: say which in its metadata, as in \"off\": \"NAME\"", other)
	}
}

// closure is a flag and all flags that have to be on with it, sorted.
func (s *Set) closure(key string) []string {
	on := map[string]bool{}
	for keys := []string{key}; len(keys) > 0; {
		key, keys = keys[0], keys[1:]
		if f, known := s.flags[key]; known && !on[key] {
			on[key] = true
			keys = append(keys, f.Requires...)
		}
	}
	return slices.Sorted(maps.Keys(on))
}

// circles are the ways in which flags require themselves, one for each flag that closes one.
func (s *Set) circles() [][]string {
	var found [][]string
	done := map[string]bool{}
	var path []string
	var visit func(key string)
	visit = func(key string) {
		if at := slices.Index(path, key); at >= 0 {
			found = append(found, append(slices.Clone(path[at:]), key))
			return
		}
		if f, known := s.flags[key]; known && !done[key] {
			path = append(path, key)
			for _, other := range f.Requires {
				visit(other)
			}
			path = path[:len(path)-1]
			done[key] = true
		}
	}
	for _, key := range s.keys {
		visit(key)
	}
	return found
}

// Violations says in sentences which constraints flags violate that have the given variants.
// A flag that is not among them is taken as off.
func (s *Set) Violations(variants map[string]string) []string {
	isOn := func(key string) bool {
		f, known := s.flags[key]
		variant, said := variants[key]
		return known && said && variant != f.Off
	}
	var found []string
	for _, key := range s.keys {
		if !isOn(key) {
			continue
		}
		for _, other := range s.flags[key].Requires {
			if !isOn(other) {
				found = append(found, fmt.Sprintf("%s is on and requires %s, which is off", key, other))
			}
		}
		for _, other := range s.flags[key].Excludes {
			if isOn(other) {
				found = append(found, fmt.Sprintf("%s is on and excludes %s, which is on too", key, other))
			}
		}
	}
	return found
}
