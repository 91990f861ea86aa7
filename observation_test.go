package understudy_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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

func TestObservation_IsMadeWholeWithTheNamesThatFindingsUse(t *testing.T) {
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	lock := func(relation string, from time.Duration, session int, transactions ...int) understudy.ObservedLock {
		return understudy.ObservedLock{Relation: relation, From: from, Session: session, Transactions: transactions}
	}
	o := understudy.Observation{
		Database: "main", Began: began, BytesBefore: 1, Exact: understudy.Exactness{Locks: true, Writes: true}, Notes: []string{"of the server"},
		Statements: []understudy.ObservedStatement{{Session: 2, Text: "a", Until: time.Second}},
		Locks:      []understudy.ObservedLock{lock("public.a", 0, 2, 1, 3)},
		Elsewhere: []understudy.Observation{{
			Database: "archive", Began: began.Add(time.Second), BytesBefore: 2, Exact: understudy.Exactness{Locks: true}, Notes: []string{"of the server", "of its own"},
			Statements: []understudy.ObservedStatement{{Session: 1, Text: "b", From: time.Second, Until: 2 * time.Second}},
			Locks:      []understudy.ObservedLock{lock("public.a", time.Second, 1, 1)},
			Waits:      []understudy.ObservedWait{{Relation: "", From: time.Second, Wanted: "row"}},
			Tables:     []understudy.TableChange{{Relation: "public.a", Updated: 1}},
			Indexes:    []understudy.IndexChange{{Name: "public.i", Table: "public.a"}},
		}},
	}
	want := understudy.Observation{
		Database: "main", Began: began, BytesBefore: 3, Exact: understudy.Exactness{Locks: true}, Notes: []string{"of the server", "database archive: of its own"},
		Statements: []understudy.ObservedStatement{{Session: 2, Text: "a", Until: time.Second}, {In: "archive", Session: 3, Text: "b", From: 2 * time.Second, Until: 3 * time.Second}},
		Locks:      []understudy.ObservedLock{lock("public.a", 0, 2, 1, 3), lock("archive/public.a", 2*time.Second, 3, 4)},
		Waits:      []understudy.ObservedWait{{Relation: "", From: 2 * time.Second, Wanted: "row"}},
		Tables:     []understudy.TableChange{{Relation: "archive/public.a", Updated: 1}},
		Indexes:    []understudy.IndexChange{{Name: "archive/public.i", Table: "archive/public.a"}},
	}
	for range 2 { // it leaves what it was made of as it is
		if diff := cmp.Diff(want, o.Whole()); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
}
