package cli_test

import (
	"understudy"
	"understudy/internal/api/apitest"
)

// configured is a stage that knows a configuration.
func configured(s *apitest.Stage) {
	plain := func(value, layer, from string) understudy.Setting {
		return understudy.Setting{Key: "PAGE_SIZE", Value: value, Layer: layer, From: from}
	}
	key := understudy.Setting{Key: "KEY", Secret: true, Print: "0123456789ab", Layer: "secret", From: "understudy.yaml:9 (file:/k)"}
	fifty := plain("50", "environment", "understudy.yaml:7")
	s.Configured = understudy.Configuration{Environment: "production", Release: "v1", Digest: "0123456789abcdef", Notes: []string{"production runs with another configuration"},
		Services: []understudy.ServiceSettings{
			{Service: "web", Settings: []understudy.Setting{key, fifty, {Key: "TOKEN", Secret: true, Layer: "secret", From: "understudy.yaml:8 (env:T)", Problem: "no"}},
				Broken: []string{`PAGE_SIZE: expected at most 40, found "50"`}},
			{Service: "worker", Settings: []understudy.Setting{key, plain("20", "release default", "release v1, config.PAGE_SIZE.default")}, Missing: []string{"ADDRESS"}},
		}}
	s.ConfigDiff = understudy.ConfigDiff{A: "production as it runs", B: "production in understudy.yaml", Equal: 3, Changes: []understudy.ConfigChange{
		{Key: "NEW", Service: "web", Change: "added", Secret: true, B: "secret 0123456789ab", FromB: "understudy.yaml:9"},
		{Key: "PAGE_SIZE", Change: "changed", A: "20", B: "50", FromB: "understudy.yaml:7"}}}
	fifty.Over = []understudy.SettingLayer{{Layer: "release default", From: "release v1", Value: "20"}}
	s.KeyTold = understudy.KeyExplanation{Key: "PAGE_SIZE", Release: "v1",
		Declared: &understudy.ConfigKey{Key: "PAGE_SIZE", Required: true, Schema: []byte(`{"type":"integer"}`), About: "things on a page"},
		Settings: []understudy.PlacedSetting{{Environment: "production", Service: "web", Setting: fifty}, {Environment: "production", Service: "worker", Setting: fifty}},
		Referred: []string{"web's LIMIT"}, Rules: []string{"config.PAGE_SIZE < 40: a page is short"}, Broken: []string{"in production: a page is short"},
		Read: understudy.ReadConfigResult{State: understudy.ReadNowhere, How: "searched by name: 3 files"}}
}
