package config

import (
	"net/url"
	"slices"
	"strings"

	"understudy"
)

// shortSecret is the length from which a secret is looked for inside of other values: a
// shorter one is in many by chance.
const shortSecret = 6

// markSecrets finds the keys whose values nobody may see: those that are declared secret in
// any place, that a database's address comes in, that are named or made like secrets though
// nobody declares them, that refer to one of these, or hold the value of one.
func (r *Resolved) markSecrets() {
	declared := map[string]bool{}
	for _, k := range r.stack.Application.Config {
		declared[k.Key] = true
		r.mark(k.Key, k.Secret)
	}
	for _, d := range r.stack.Application.Databases {
		r.mark(d.Env, true)
	}
	var values []string
	for _, key := range sorted(r.values) {
		v := r.values[key]
		_, referenced := r.stack.Environment.Secrets[key]
		given := v.top().layer == LayerGiven
		named := !declared[key] && !given && looksSecret(key)
		r.mark(key, r.stack.Environment.Confidential[key] || referenced || named)
		for _, text := range v.texts() {
			r.mark(key, holdsPassword(text) || secretText.MatchString(text))
		}
		if v.secret && len(v.value) >= shortSecret {
			values = append(values, v.value)
		}
	}
	for _, v := range r.values {
		for _, text := range v.texts() {
			v.secret = v.secret || slices.ContainsFunc(values, func(secret string) bool { return strings.Contains(text, secret) })
		}
	}
	for _, key := range sorted(r.values) {
		r.mark(key, r.refersToSecret(key, map[string]bool{}))
	}
}

func (r *Resolved) mark(key string, secret bool) {
	if v := r.values[key]; v != nil && secret {
		v.secret = true
	}
}

// texts are all forms that the key's value has, in every layer.
func (r *resolved) texts() []string {
	out := []string{r.value}
	for _, l := range r.layers {
		out = append(out, l.text)
	}
	return out
}

func (r *Resolved) refersToSecret(key string, seen map[string]bool) bool {
	v := r.values[key]
	if v == nil || seen[key] {
		return false
	}
	seen[key] = true
	return v.secret || slices.ContainsFunc(v.refers, func(other string) bool { return r.refersToSecret(other, seen) })
}

// redact are the values that nobody may see in what a process says, the longest first: secrets,
// addresses of databases, and the passwords in them. What is made of others is not among them:
// what it is made of is.
func (r Resolved) redact() []string {
	found := map[string]struct{}{}
	for _, v := range r.values {
		top := v.top()
		if !v.secret || top.text == "" || !top.final && len(understudy.References(top.text)) > 0 {
			continue
		}
		found[top.text] = struct{}{}
		if address, err := url.Parse(top.text); err == nil {
			if password, set := address.User.Password(); set && password != "" {
				found[password] = struct{}{}
				found[url.QueryEscape(password)] = struct{}{}
			}
		}
	}
	out := sorted(found)
	slices.SortStableFunc(out, func(a, b string) int { return len(b) - len(a) })
	return out
}

// Settings are all keys, as they may be shown; key is what prints are made with.
func (r Resolved) Settings(key []byte) []understudy.Setting {
	var out []understudy.Setting
	for _, name := range sorted(r.values) {
		v := r.values[name]
		top := v.top()
		s := understudy.Setting{Key: name, Secret: v.secret, Empty: v.value == "" && top.err == nil, Layer: top.layer, From: top.from, Refers: v.refers}
		if s.Problem = r.problem(name, map[string]bool{}); s.Problem == "" {
			s.Print = KeyPrint(key, name, r.compared(name))
			if !v.secret {
				s.Value = v.value
			}
		}
		for _, l := range slices.Backward(v.layers[:len(v.layers)-1]) {
			s.Over = append(s.Over, v.shownLayer(key, name, l))
		}
		out = append(out, s)
	}
	return out
}

// problem is why a key's value cannot be had; empty: it can.
func (r Resolved) problem(key string, seen map[string]bool) string {
	v := r.values[key]
	if v == nil || seen[key] {
		return ""
	}
	seen[key] = true
	if err := v.top().err; err != nil {
		return err.Error()
	}
	for _, other := range v.refers {
		if r.problem(other, seen) != "" {
			return "it refers to " + other + ", which cannot be had"
		}
	}
	return ""
}

func (r *resolved) shownLayer(key []byte, name string, l layered) understudy.SettingLayer {
	out := understudy.SettingLayer{Layer: l.layer, From: l.from}
	if l.err == nil {
		out.Print = KeyPrint(key, name, l.text)
	}
	if !r.secret {
		out.Value = l.text
	}
	return out
}
