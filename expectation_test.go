package understudy_test

import (
	"slices"
	"testing"
	"time"

	"understudy"
)

func seenLocks(exact understudy.Exactness, pairs ...string) understudy.Observation {
	out := understudy.Observation{Exact: exact}
	for i := 0; i < len(pairs); i += 2 {
		out.Locks = append(out.Locks, understudy.ObservedLock{Relation: pairs[i], Kind: "table", Mode: pairs[i+1]})
	}
	return out
}

func TestExpectation_KeepsTheStrongestLockOfEachRelation(t *testing.T) {
	e := understudy.ExpectedOf(seenLocks(understudy.Exactness{}, "public.b", "ShareLock", "public.a", "AccessShareLock", "public.b", "AccessExclusiveLock",
		"public.c", "ShareUpdateExclusiveLock", "public.d", "ShareRowExclusiveLock"))
	want := []string{"public.b (ACCESS EXCLUSIVE)", "public.d (SHARE ROW EXCLUSIVE)"}
	if got := e.Locked(); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestExpectation_AllowsWhatIsNoStrongerThanWhatWasSeen(t *testing.T) {
	e := understudy.ExpectedOf(seenLocks(understudy.Exactness{}, "public.a", "AccessExclusiveLock", "public.b", "ShareLock"))
	for _, c := range []struct {
		relation, of, mode string
		want               bool
	}{
		{"public.a", "", "AccessExclusiveLock", true},
		{"public.a", "", "ShareLock", true},
		{"public.b", "", "ShareRowExclusiveLock", false},
		{"public.c", "", "ShareLock", false},
		{"public.a_2027", "public.a", "AccessExclusiveLock", true}, // a partition made since
		{"public.b_key", "public.b", "AccessExclusiveLock", false},
	} {
		if got := e.Allows(c.relation, c.of, c.mode); got != c.want {
			t.Errorf("%+v: %t", c, got)
		}
	}
}

func TestExpectation_JoinsTheRunsOfOneMigration(t *testing.T) {
	one := understudy.ExpectedOf(seenLocks(understudy.Exactness{Locks: true, Exclusive: true}, "public.a", "ShareLock"))
	one.Runs, one.Low, one.High, one.Basis = []time.Duration{time.Second}, time.Second, 2*time.Second, "1 GB"
	two := understudy.ExpectedOf(seenLocks(understudy.Exactness{Exclusive: true}, "public.a", "AccessExclusiveLock", "public.b", "ShareLock"))
	two.Runs, two.Low, two.High = []time.Duration{700 * time.Millisecond}, 700*time.Millisecond, 1500*time.Millisecond
	both := understudy.Expectation{}.Join(one).Join(two).Join(understudy.Expectation{})
	if both.Low != two.Low || both.High != one.High || len(both.Runs) != 2 || both.Basis != "1 GB" {
		t.Errorf("%+v", both)
	}
	if !both.Allows("public.a", "", "AccessExclusiveLock") || !both.Allows("public.b", "", "ShareLock") || len(both.Locks) != 2 {
		t.Errorf("locks %+v", both.Locks)
	}
	if both.Complete("ShareLock") || !both.Complete("AccessExclusiveLock") || !one.Complete("ShareLock") {
		t.Errorf("complete: %+v", both.Exact)
	}
	if got := both.Range(); got != "0.7–2 s by 2 runs" {
		t.Errorf("%q", got)
	}
}

func TestExpectation_TheLimitLeavesRoomForAnotherMachine(t *testing.T) {
	for high, want := range map[time.Duration]time.Duration{
		0: 10 * time.Second, 300 * time.Millisecond: 10300 * time.Millisecond, time.Minute: 2 * time.Minute,
	} {
		if got := (understudy.Expectation{High: high}).Limit(); got != want {
			t.Errorf("at most %s: %s, want %s", high, got, want)
		}
	}
}

func TestSpan(t *testing.T) {
	for _, c := range []struct {
		low, high time.Duration
		want      string
	}{
		{3 * time.Millisecond, 40 * time.Millisecond, "3–40 ms"},
		{300 * time.Millisecond, 620 * time.Millisecond, "0.3–0.6 s"},
		{time.Second, time.Second, "1 s"},
		{90 * time.Second, 5 * time.Minute, "1.5–5 min"},
		{90 * time.Minute, 20 * time.Hour, "1.5–20 h"},
	} {
		if got := understudy.Span(c.low, c.high); got != c.want {
			t.Errorf("%s to %s: %q, want %q", c.low, c.high, got, c.want)
		}
	}
}

func TestExpectation_NamesTheDatabasesWhoseLocksItKnows(t *testing.T) {
	seen := seenLocks(understudy.Exactness{Locks: true, Exclusive: true}, "public.a", "AccessExclusiveLock")
	archive := seenLocks(understudy.Exactness{Exclusive: true}, "public.a", "ShareLock", "public.b", "AccessExclusiveLock")
	archive.Database = "archive"
	seen.Elsewhere = []understudy.Observation{archive}
	e := understudy.ExpectedOf(seen)
	if got, want := e.Locked(), []string{"archive/public.a (SHARE)", "archive/public.b (ACCESS EXCLUSIVE)", "public.a (ACCESS EXCLUSIVE)"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if e.Allows("public.b", "", "AccessExclusiveLock") || !e.Allows("archive/public.b", "", "AccessExclusiveLock") || e.Allows("archive/public.a", "", "AccessExclusiveLock") {
		t.Errorf("it allows by name alone: %+v", e.Locks)
	}
	if e.Complete("ShareLock") || !e.Complete("AccessExclusiveLock") {
		t.Errorf("exact is %+v, though not so in both", e.Exact)
	}
	e.Runs = []time.Duration{time.Second}
	for of, c := range map[string]struct {
		e    understudy.Expectation
		want bool
	}{"a run that saw both": {e, true}, "with one that saw the first alone": {e.Join(understudy.Expectation{Runs: e.Runs}), false}, "with one like it": {e.Join(e), true}} {
		if c.e.Covers("archive") != c.want || !c.e.Covers("") || c.e.Covers("stock") {
			t.Errorf("%s covers %q", of, c.e.Elsewhere)
		}
	}
}
