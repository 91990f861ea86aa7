package config

import "understudy"

// rotating is the reference of a secret that is another one at each read: it stands for the value
// where configurations are compared.
func (r Resolved) rotating(key string) (ref string, rotates bool) {
	v := r.values[key]
	for _, k := range r.stack.Application.Config {
		if k.Key == key && k.Rotates && v != nil && v.top().ref != "" {
			return string(v.top().ref), true
		}
	}
	return "", false
}

// compared is a key's value as it is compared: with what stands for secrets that rotate in their place.
func (r Resolved) compared(key string) string {
	v := r.values[key]
	if !r.holdsRotating(key, map[string]bool{}) || r.circle != nil {
		return v.value
	}
	if ref, rotates := r.rotating(key); rotates {
		return ref
	}
	out, _ := understudy.Expand(v.top().text, func(want string) (string, bool) {
		if want == key {
			return r.fallback(key)
		}
		if r.values[want] == nil {
			return "", false
		}
		return r.compared(want), true
	})
	return out
}

// holdsRotating tells whether a secret that rotates is in a key's value.
func (r Resolved) holdsRotating(key string, seen map[string]bool) bool {
	v := r.values[key]
	if v == nil || seen[key] {
		return false
	}
	seen[key] = true
	if _, rotates := r.rotating(key); rotates {
		return true
	}
	if v.top().final {
		return false
	}
	for _, other := range v.refers {
		if other != key && r.holdsRotating(other, seen) {
			return true
		}
	}
	return false
}
