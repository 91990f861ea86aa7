package testreport_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"understudy/internal/testreport"
)

func TestJUnit_CountsCasesAndNamesFailures(t *testing.T) {
	got, err := testreport.JUnit(strings.NewReader(`<?xml version="1.0"?>
<testsuites><testsuite name="s"><testsuite>
<testcase classname="shop.Order" name="total"/>
<testcase classname="shop.Order" name="tax"><failure message="want 19, got 7">trace
more</failure></testcase>
<testcase name="later"><skipped/></testcase>
<testcase name="broken"><error>boom
at line 3</error></testcase></testsuite></testsuite></testsuites>`))
	want := testreport.Report{Ran: 3, Skipped: 1, Failed: []string{"shop.Order.tax: want 19, got 7", "broken: boom"}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Fatal(err, diff)
	}
}

func TestJUnit_SaysWhatItExpectedWhenTheFileIsCut(t *testing.T) {
	_, err := testreport.JUnit(strings.NewReader(`<testsuite><testcase name="a">`))
	if err == nil || !strings.Contains(err.Error(), "JUnit XML") {
		t.Fatalf("got %v", err)
	}
}

func TestGo_ReadsEventsAndPassesOverTheRest(t *testing.T) {
	got, err := testreport.Go(strings.NewReader(`# build noise
{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN TestA\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"  a_test.go:3: want 1\n"}
{"Action":"fail","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p","Test":"TestB"}
{"Action":"skip","Package":"p","Test":"TestC"}
{"Action":"fail","Package":"p"}
`))
	want := testreport.Report{Ran: 2, Skipped: 1, Failed: []string{"p.TestA: a_test.go:3: want 1"}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Fatal(err, diff)
	}
}

func TestGo_CountsAPackageThatDoesNotBuild(t *testing.T) {
	got, err := testreport.Go(strings.NewReader(`{"Action":"output","Package":"p","Output":"p/a.go:1: undefined: x\n"}
{"Action":"fail","Package":"p"}`))
	if err != nil || len(got.Failed) != 1 {
		t.Fatalf("%+v %v", got, err)
	}
}

func TestTAP_KnowsSkipTodoAndBailOut(t *testing.T) {
	got, err := testreport.TAP(strings.NewReader(`1..5
ok 1 - starts
not ok 2 - totals
ok 3 - later # SKIP no printer
not ok 4 - new # TODO
Bail out! no database
`))
	want := testreport.Report{Ran: 3, Skipped: 1, Failed: []string{"2 - totals", "Bail out! no database"}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Fatal(err, diff)
	}
}
