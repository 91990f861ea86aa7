package config_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"understudy"
	"understudy/internal/config"
)

// printKey is what the tests' prints are made with.
func printKey() []byte { return []byte("0123456789abcdef") }

func byKey(settings []understudy.Setting) map[string]understudy.Setting {
	out := map[string]understudy.Setting{}
	for _, s := range settings {
		out[s.Key] = s
	}
	return out
}

func TestResolve_SaysOfEachKeyItsLayerItsOriginAndWhatItOverrides(t *testing.T) {
	got := byKey(config.Resolve(config.Stack{
		Release: "v2",
		Application: understudy.Application{Databases: []understudy.Database{{Env: "DATABASE_URL"}},
			Config: []understudy.ConfigKey{{Key: "PAGE", Default: "20"}, {Key: "SESSION", Secret: true}}},
		Service: understudy.Service{Name: "web", Env: map[string]string{"PAGE": "30", "GREETING": "at ${HOST}", "SIGN": "<${SESSION}>"}},
		Environment: understudy.Environment{Name: "staging", TwinOf: "production", Original: map[string]string{"PAGE": "50", "HOST": "shop"},
			Env: map[string]string{"PAGE": "60"}, Secrets: map[string]understudy.SecretRef{"SESSION": "exec:TOKEN=t0ken vault read --token x"}},
		Given: map[string]string{"PORT": "8080", "DATABASE_URL": "postgres://u:pw@h/d"},
		Lines: config.Lines{"production": {"PAGE": "understudy.yaml:7"}, "staging": {"PAGE": "staging.env:2", "SESSION": "understudy.yaml:9"}},
		Read:  fixed(map[understudy.SecretRef]string{"exec:TOKEN=t0ken vault read --token x": "hunter2"}),
	}).Settings(printKey()))
	print := func(key, value string) string { return config.KeyPrint(printKey(), key, value) }
	want := map[string]understudy.Setting{
		"PAGE": {Key: "PAGE", Value: "60", Print: print("PAGE", "60"), Layer: config.LayerEnvironment, From: "staging.env:2", Over: []understudy.SettingLayer{
			{Layer: config.LayerOriginal, From: "understudy.yaml:7", Value: "50", Print: print("PAGE", "50")},
			{Layer: config.LayerDefault, From: "release v2, services.web.env.PAGE", Value: "30", Print: print("PAGE", "30")},
			{Layer: config.LayerDefault, From: "release v2, config.PAGE.default", Value: "20", Print: print("PAGE", "20")}}},
		"HOST":         {Key: "HOST", Value: "shop", Print: print("HOST", "shop"), Layer: config.LayerOriginal, From: "environment production"},
		"GREETING":     {Key: "GREETING", Value: "at shop", Print: print("GREETING", "at shop"), Layer: config.LayerDefault, From: "release v2, services.web.env.GREETING", Refers: []string{"HOST"}},
		"SESSION":      {Key: "SESSION", Secret: true, Print: print("SESSION", "hunter2"), Layer: config.LayerSecret, From: "understudy.yaml:9 (exec: a shell command …)"},
		"SIGN":         {Key: "SIGN", Secret: true, Print: print("SIGN", "<hunter2>"), Layer: config.LayerDefault, From: "release v2, services.web.env.SIGN", Refers: []string{"SESSION"}},
		"PORT":         {Key: "PORT", Value: "8080", Print: print("PORT", "8080"), Layer: config.LayerGiven, From: "the runtime"},
		"DATABASE_URL": {Key: "DATABASE_URL", Secret: true, Print: print("DATABASE_URL", "postgres://u:pw@h/d"), Layer: config.LayerGiven, From: "the runtime"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestResolve_HidesAKeyThatIsASecretInAnyPlace(t *testing.T) {
	for name, stack := range map[string]config.Stack{
		"declared secret":              {Application: understudy.Application{Config: []understudy.ConfigKey{{Key: "K", Secret: true}}}},
		"secret in another place":      {Environment: understudy.Environment{Confidential: map[string]bool{"K": true}}},
		"refers to one":                {Service: understudy.Service{Env: map[string]string{"K": "${OTHER}"}}, Environment: understudy.Environment{Env: map[string]string{"OTHER": "${DEEP}"}, Secrets: map[string]understudy.SecretRef{"DEEP": "env:D"}}},
		"holds the value of one":       {Environment: understudy.Environment{Env: map[string]string{"K": "see hunter2 there"}, Secrets: map[string]understudy.SecretRef{"DEEP": "env:D"}}},
		"a URL with a password":        {Environment: understudy.Environment{Env: map[string]string{"K": "amqp://u:hunter2@h/"}}},
		"below a plain value":          {Environment: understudy.Environment{Original: map[string]string{"K": "amqp://u:hunter2@h/"}, Env: map[string]string{"K": "amqp://h/"}}},
		"an address of a database":     {Application: understudy.Application{Databases: []understudy.Database{{Env: "K"}}}, Given: map[string]string{"K": "hunter2"}},
		"made like a token of a known": {Environment: understudy.Environment{Env: map[string]string{"K": "ghp_hunter2hunter2hunter2"}}},
	} {
		if stack.Environment.Env == nil && stack.Given == nil && stack.Service.Env == nil {
			stack.Environment.Env = map[string]string{"K": "hunter2"}
		}
		stack.Read = fixed(map[understudy.SecretRef]string{"env:D": "hunter2"})
		settings := config.Resolve(stack).Settings(printKey())
		if k := byKey(settings)["K"]; !k.Secret || k.Value != "" || strings.Contains(spelt(t, settings), "hunter2") {
			t.Errorf("%s: %s", name, spelt(t, settings))
		}
	}
}

func TestResolve_ShowsTheRestWhereASecretCannotBeRead(t *testing.T) {
	got := byKey(config.Resolve(config.Stack{
		Service:     understudy.Service{Env: map[string]string{"SIGN": "<${K}>", "PAGE": "20"}},
		Environment: understudy.Environment{Secrets: map[string]understudy.SecretRef{"K": "env:NONE"}}, Read: fixed(nil),
	}).Settings(printKey()))
	if got["K"].Problem != "no env:NONE" || got["K"].Print != "" || got["SIGN"].Problem != "it refers to K, which cannot be had" || got["PAGE"].Value != "20" {
		t.Errorf("%+v", got)
	}
}

// stacks draws configurations in which every secret holds the same word.
func stacks(t *rapid.T) config.Stack {
	keys := []string{"A", "B", "C", "D", "TOKEN"}
	texts := rapid.SampledFrom([]string{"", "x", "${A}", "${B} and ${C}", "${D:-none}", "$$5", "${TOKEN}", "${NOBODY:-}", "${A"})
	draw := func(name string) map[string]string {
		out := map[string]string{}
		for _, key := range rapid.SliceOfDistinct(rapid.SampledFrom(keys), rapid.ID[string]).Draw(t, name) {
			out[key] = texts.Draw(t, name+" "+key)
		}
		return out
	}
	s := config.Stack{Service: understudy.Service{Name: "web", Env: draw("service")}, Given: map[string]string{"PORT": "1"},
		Environment: understudy.Environment{Name: "e", Env: draw("environment"), Original: draw("original"), Secrets: map[string]understudy.SecretRef{}}}
	for key := range draw("secrets") {
		s.Environment.Secrets[key] = "env:S"
	}
	for key, value := range draw("defaults") {
		s.Application.Config = append(s.Application.Config, understudy.ConfigKey{Key: key, Default: value, Secret: rapid.Bool().Draw(t, "secret "+key) && value == ""})
	}
	s.Read = func(understudy.SecretRef) (string, error) { return "hunter2-hunter2", nil }
	return s
}

func TestResolve_WhatIsShownIsWhatAProcessIsStartedWith(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stack := stacks(t)
		resolved := config.Resolve(stack)
		environ, err := resolved.Environ()
		if err != nil {
			return // told elsewhere
		}
		settings := resolved.Settings(printKey())
		if len(settings) != len(environ.List) {
			t.Fatalf("%d settings, %d entries", len(settings), len(environ.List))
		}
		for i, s := range settings {
			key, value, _ := strings.Cut(environ.List[i], "=")
			switch {
			case key != s.Key || s.Print != config.KeyPrint(printKey(), key, value):
				t.Fatalf("%s is shown as %+v", environ.List[i], s)
			case !s.Secret && s.Value != value, s.Layer != environ.Origin[key], s.Empty != (value == ""):
				t.Fatalf("%s is shown as %+v, from %s", environ.List[i], s, environ.Origin[key])
			}
		}
		if shown, err := json.Marshal(settings); err != nil || strings.Contains(string(shown), "hunter2") {
			t.Fatalf("%v: the secret is in %s", err, shown)
		}
	})
}

func TestResolve_TheStrongestLayerThatHasAKeyWins(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stack := stacks(t)
		for _, s := range config.Resolve(stack).Settings(printKey()) {
			var has []string
			for _, layer := range []struct {
				name string
				keys []string
			}{
				{config.LayerGiven, slices.Collect(maps.Keys(stack.Given))}, {config.LayerSecret, slices.Collect(maps.Keys(stack.Environment.Secrets))},
				{config.LayerEnvironment, slices.Collect(maps.Keys(stack.Environment.Env))}, {config.LayerOriginal, slices.Collect(maps.Keys(stack.Environment.Original))},
				{config.LayerDefault, slices.Collect(maps.Keys(stack.Service.Env))}, {config.LayerDefault, defaulted(stack)},
			} {
				if slices.Contains(layer.keys, s.Key) {
					has = append(has, layer.name)
				}
			}
			told := []string{s.Layer}
			for _, l := range s.Over {
				told = append(told, l.Layer)
			}
			if !slices.Equal(has, told) {
				t.Fatalf("%s: the layers are %v, told are %v", s.Key, has, told)
			}
		}
	})
}

func defaulted(s config.Stack) []string {
	var out []string
	for _, k := range s.Application.Config {
		if k.Default != "" {
			out = append(out, k.Key)
		}
	}
	return out
}

func FuzzResolve(f *testing.F) {
	f.Add("A", "${B}", "B", "${A}")
	f.Add("A", "${A:-${A}}", "A", "$$")
	f.Fuzz(func(t *testing.T, key, text, other, second string) {
		stack := config.Stack{Service: understudy.Service{Env: map[string]string{key: text}}, Environment: understudy.Environment{Env: map[string]string{other: second}}, Read: fixed(nil)}
		resolved := config.Resolve(stack)
		_, _ = resolved.Environ() // ends, whatever it says
		if n := len(resolved.Settings(printKey())); n != len(map[string]bool{key: true, other: true}) {
			t.Errorf("%d settings of %s", n, fmt.Sprint(key, other))
		}
	})
}

func TestDiffSettings_ComparesByPrintsAndShowsNoSecret(t *testing.T) {
	set := func(key, value string, secret bool) understudy.Setting {
		s := understudy.Setting{Key: key, Print: config.KeyPrint(printKey(), key, value), Secret: secret, Empty: value == "", From: "f"}
		if !secret {
			s.Value = value
		}
		return s
	}
	a := []understudy.Setting{set("SAME", "1", false), set("GONE", "1", false), set("PAGE", "20", false), set("KEY", "hunter2", false), set("EMPTY", "", false), {Key: "UNREAD", Problem: "no"}}
	b := []understudy.Setting{set("SAME", "1", false), set("NEW", "1", false), set("PAGE", "50", false), set("KEY", "hunter3", true), set("EMPTY", "x", false), set("UNREAD", "2", true)}
	changes, equal := understudy.DiffSettings(a, b)
	var got []string
	for _, c := range changes {
		got = append(got, c.Key+" "+c.Change+": "+c.A+" > "+c.B)
	}
	want := []string{"EMPTY changed: empty > x", "GONE removed: 1 > ", "KEY changed: secret " + a[3].Print + " > secret " + b[3].Print, "NEW added:  > 1", "PAGE changed: 20 > 50"}
	if diff := cmp.Diff(want, got); diff != "" || equal != 2 {
		t.Errorf("%d equal, -want +got:\n%s", equal, diff)
	}
}
