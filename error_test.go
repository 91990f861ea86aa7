package understudy_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"understudy"
)

func TestExitStatus_IsTheOneTable(t *testing.T) {
	for kind, want := range map[understudy.Kind]int{
		understudy.KindInternal: 1, understudy.KindInvalid: 2, understudy.KindNotFound: 1, understudy.KindConflict: 1,
		understudy.KindUnavailable: 1, understudy.KindRefused: 3, understudy.KindFailed: 4, understudy.KindInconclusive: 5,
	} {
		err := understudy.Errorf(kind, "it is so")
		for claim, err := range map[string]error{"bare": err, "wrapped": fmt.Errorf("asking: %w", err), "joined": errors.Join(io.EOF, err)} {
			if got := understudy.ExitStatus(err); got != want || understudy.KindOf(err) != kind {
				t.Errorf("%s %s: status %d kind %s, want %d", claim, kind, got, understudy.KindOf(err), want)
			}
		}
	}
	if understudy.ExitStatus(nil) != 0 || understudy.KindOf(nil) != "" {
		t.Error("no error is not done")
	}
	if understudy.ExitStatus(context.Canceled) != 1 || understudy.KindOf(context.Canceled) != understudy.KindInternal {
		t.Error("an error of no kind is not internal")
	}
}

func TestKindOf_IsTheOuterOne(t *testing.T) {
	inner := understudy.Errorf(understudy.KindNotFound, "there is no key").WithHint("make one")
	outer := understudy.Errorf(understudy.KindRefused, "the verdict does not hold: %w", inner)
	if understudy.KindOf(outer) != understudy.KindRefused {
		t.Errorf("kind %s", understudy.KindOf(outer))
	}
	if outer.Error() != "the verdict does not hold: there is no key" || !errors.Is(outer, inner) {
		t.Errorf("%v does not keep its cause", outer)
	}
}

func TestErrorf_KeepsEveryCauseReachable(t *testing.T) {
	err := understudy.Errorf(understudy.KindUnavailable, "stopping: %w, then %w", io.ErrUnexpectedEOF, context.Canceled)
	if !errors.Is(err, io.ErrUnexpectedEOF) || !errors.Is(err, context.Canceled) {
		t.Errorf("%v does not lead to both causes", err)
	}
	if plain := understudy.Errorf(understudy.KindInvalid, "no cause"); plain.Unwrap() != nil {
		t.Errorf("a cause from nowhere: %v", plain.Unwrap())
	}
}

func TestHintOf_SaysWhatToDoNext(t *testing.T) {
	err := understudy.Errorf(understudy.KindRefused, "no").WithHint("try %s", "again")
	if understudy.HintOf(fmt.Errorf("asking: %w", err)) != "try again" {
		t.Error("the hint is lost")
	}
	if understudy.HintOf(io.EOF) != "" || understudy.HintOf(nil) != "" {
		t.Error("a hint from nowhere")
	}
}

func TestSortFindings_PutsWhatHurtsMostFirst(t *testing.T) {
	want := []understudy.Finding{
		{Severity: understudy.SeverityBlocking, Hurt: 9, Code: "z"},
		{Severity: understudy.SeverityBlocking, Hurt: 1, Code: "a"},
		{Severity: understudy.SeverityBlocking, Code: "a", Subject: "1"},
		{Severity: understudy.SeverityBlocking, Code: "a", Subject: "2"},
		{Severity: understudy.SeverityBlocking, Code: "b", Subject: "0"},
		{Severity: understudy.SeverityWarning, Hurt: 100},
		{Severity: understudy.SeverityNote, Hurt: 1000},
	}
	for range 20 {
		got := append([]understudy.Finding(nil), want...)
		rand.Shuffle(len(got), func(i, j int) { got[i], got[j] = got[j], got[i] })
		understudy.SortFindings(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	}
}

func TestRehearsal_GathersFindingsOfAllChecks(t *testing.T) {
	r := understudy.Rehearsal{Checks: []understudy.Check{
		{Name: "config", Findings: []understudy.Finding{{Severity: understudy.SeverityNote, Code: "n"}}},
		{Name: "tests", Findings: []understudy.Finding{{Severity: understudy.SeverityBlocking, Code: "b"}}},
	}}
	if all := r.Findings(); len(all) != 2 || all[0].Code != "b" {
		t.Errorf("findings %v", all)
	}
	if c, done := r.Done("tests"); !done || len(c.Findings) != 1 {
		t.Error("a check that ended is not done")
	}
	if _, done := r.Done("twin"); done {
		t.Error("a check that was not looked at is done")
	}
}
