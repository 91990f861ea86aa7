package parity_test

import (
	"testing"
	"time"

	"understudy/internal/parity"
)

func TestCompare_AnotherMachineIsNoOtherServer(t *testing.T) {
	const sorted = "collation of the database"
	for claim, c := range map[string]struct {
		server, other   string
		sorts, elsewise string
		weight          float64
	}{
		"the same":                    {"15.14", "15.14", "version 2.36", "version 2.36", 0},
		"another packager":            {"15.14 (Debian 15.14-0+deb12u1)", "15.14 (Ubuntu 15.14-1.pgdg22.04+1)", "version 2.36", "version 2.36", 0},
		"another minor version":       {"15.14 (Debian 15.14-0+deb12u1)", "15.9", "version 2.36", "version 2.36", 1},
		"another major version":       {"15.14", "16.14", "version 2.36", "version 2.36", 10},
		"a number that begins alike":  {"15.1", "151.1", "version 2.36", "version 2.36", 10},
		"another C library":           {"15.14", "15.14", "version 2.36", "version 2.35", 2},
		"indexes of an older library": {"15.14", "15.14", "version 2.36", "version 2.36, built with 2.31", 5},
	} {
		one := parity.Facts{Databases: map[string]parity.Database{"main": {Server: c.server, Objects: map[string]string{sorted: c.sorts}}}}
		other := parity.Facts{Databases: map[string]parity.Database{"main": {Server: c.other, Objects: map[string]string{sorted: c.elsewise}}}}
		weight := 0.0
		for _, g := range parity.Compare(one, other, time.Time{}).Gaps {
			weight += g.Weight
		}
		if weight != c.weight {
			t.Errorf("%s weighs %g, want %g", claim, weight, c.weight)
		}
	}
}

func TestCompare_TheAdministratorOfATwinsServerIsExpected(t *testing.T) {
	production := parity.Facts{Environment: "production", Databases: map[string]parity.Database{"main": {Roles: map[string]string{"postgres": "may sign in", "app": "may sign in"}}}}
	twin := parity.Facts{Environment: "staging", TwinOf: "production", Databases: map[string]parity.Database{"main": {Roles: map[string]string{"app": "may sign in"}}}}
	gaps := parity.Compare(production, twin, time.Time{}).Gaps
	if len(gaps) != 1 || gaps[0].Kind != "role" || gaps[0].Accidental() {
		t.Errorf("found %+v", gaps)
	}
	twin.Databases["main"] = parity.Database{Roles: map[string]string{"postgres": "may sign in"}}
	if gaps := parity.Compare(production, twin, time.Time{}).Gaps; len(gaps) != 1 || !gaps[0].Accidental() {
		t.Errorf("another role is missing: %+v", gaps)
	}
}
