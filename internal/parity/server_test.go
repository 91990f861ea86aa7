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
	for claim, c := range map[string]struct {
		here, there string
		expected    bool
	}{
		"a superuser is none on a twin":                    {"superuser, may sign in", "may sign in", true},
		"a superuser cannot sign in on a twin":             {"superuser, may sign in", "superuser", true},
		"another one could":                                {"may sign in", "may nothing by itself", false},
		"one that may nothing else":                        {"superuser", "may nothing by itself", true},
		"the groups of superusers have no members":         {"may sign in, in pg_execute_server_program*, pg_read_all_data, postgres", "may sign in, in pg_read_all_data", true},
		"nor of the only group":                            {"may sign in, in pg_read_server_files", "may sign in", true},
		"another group beside it is missing":               {"superuser, in pg_read_server_files, staff", "may nothing by itself", false},
		"a group is none that is handed on":                {"superuser, in staff*", "in staff", false},
		"another attribute is missing, too":                {"superuser, makes roles", "may nothing by itself", false},
		"a name of an attribute is none of a group's name": {"superuser, in staff, ops", "staff, in ops", false},
	} {
		twin := parity.Facts{Environment: "staging", TwinOf: "production", Databases: map[string]parity.Database{"main": {Roles: map[string]string{"app": c.there}}}}
		other := parity.Facts{Environment: "production", Databases: map[string]parity.Database{"main": {Roles: map[string]string{"app": c.here}}}}
		if gaps := parity.Compare(other, twin, time.Time{}).Gaps; len(gaps) != 1 || gaps[0].Accidental() == c.expected {
			t.Errorf("%s: %+v", claim, gaps)
		}
	}
	twin.Databases["main"] = parity.Database{Roles: map[string]string{"postgres": "may sign in"}}
	if gaps := parity.Compare(production, twin, time.Time{}).Gaps; len(gaps) != 1 || !gaps[0].Accidental() {
		t.Errorf("another role is missing: %+v", gaps)
	}
}
