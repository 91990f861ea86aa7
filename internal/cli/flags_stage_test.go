package cli_test

import (
	"encoding/json"

	"understudy"
	"understudy/internal/api"
)

// flagged are the flags of production and of its twin. Ben has turned one on in production.
func flagged() map[string]api.EnvironmentFlags {
	boolean := map[string]json.RawMessage{"on": json.RawMessage("true"), "off": json.RawMessage("false")}
	both := func() []api.FlagStatus {
		return []api.FlagStatus{
			{Flag: understudy.Flag{Key: "new-checkout", Variants: boolean, Default: "off", Off: "off"}, Now: "off", Value: boolean["off"]},
			{Flag: understudy.Flag{Key: "search", Variants: boolean, Targeted: true, Off: "off"}},
		}
	}
	production := api.EnvironmentFlags{Release: "v2", Flags: both(), Ignored: []string{"old-cart"}, FlagState: understudy.FlagState{Environment: "production", Version: 7, Set: map[string]understudy.FlagSetting{
		"new-checkout": {Variant: "on", By: "ben", Reason: "rehearsed", At: at("12:30:00")},
		"old-cart":     {Variant: "off", By: "ann", At: at("11:30:00")},
	}}, Served: []api.FlagsServed{{Deployment: "production-1", Label: "v2", Version: 6, Problem: "it does not answer"}}}
	production.Flags[0].Now, production.Flags[0].Value = "on", boolean["on"]
	return map[string]api.EnvironmentFlags{
		"production": production,
		"staging":    {Release: "v2", Flags: both(), Warnings: []string{"search is on and requires new-checkout, which is off"}, FlagState: understudy.FlagState{Environment: "staging"}},
	}
}
