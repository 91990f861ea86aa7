package understudy_test

import (
	"testing"

	"understudy"
)

func TestObservation_FindsTheDatabaseThatASubjectIsIn(t *testing.T) {
	o := understudy.Observation{Database: "main", Elsewhere: []understudy.Observation{{Database: "archive"}, {Database: "archive2"}}}
	for subject, want := range map[string][2]string{
		"public.orders":             {"main", "public.orders"},
		"":                          {"main", ""},
		"archive/public.kept":       {"archive", "public.kept"},
		"archive2/public.kept.note": {"archive2", "public.kept.note"},
		"archive":                   {"archive", ""},
	} {
		found, there := o.Of(subject)
		if found.Database != want[0] || there != want[1] {
			t.Errorf("%q is %q in %q", subject, there, found.Database)
		}
		if named := found.There(there); found.Database != "main" && named != subject {
			t.Errorf("%q is called %q again", subject, named)
		}
	}
	if all := o.Everywhere(); len(all) != 3 || all[0].Database != "main" || all[2].Database != "archive2" {
		t.Errorf("everywhere: %+v", all)
	}
}

func TestReachOf_AddsUpAllDatabases(t *testing.T) {
	exact := understudy.Exactness{Locks: true, Writes: true}
	r := understudy.ReachOf(understudy.Observation{Exact: exact, Elsewhere: []understudy.Observation{{
		Exact: exact, Tables: []understudy.TableChange{{Relation: "public.kept", Deleted: 7, Emptied: true}},
	}}})
	if !r.Exact || r.Idle || r.Rows != 7 || len(r.Heavy) != 1 {
		t.Errorf("it reaches %+v", r)
	}
}
