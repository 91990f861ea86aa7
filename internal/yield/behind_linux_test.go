package yield_test

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"understudy/internal/yield"
)

func TestBehind_TakesTheProcessorFromNobodyWhenItWakes(t *testing.T) {
	led, member := sleeper(t, true), sleeper(t, false)
	shared := autogroup(t, member)
	if yield.Behind(led); niceness(t, led) < 5 {
		t.Errorf("the process is nice by %d", niceness(t, led))
	}
	how, err := unix.SchedGetAttr(led, 0)
	if err != nil || how.Policy != unix.SCHED_BATCH {
		t.Errorf("the process is planned by policy %d: %v", how.Policy, err)
	}
	for !yield.Behind(led) { // the system is not asked too often
	}
	if got := autogroup(t, led); got != "" && !strings.HasSuffix(got, " nice 5") {
		t.Errorf("the session that the process leads is %q", got)
	}
	if yield.Behind(member) {
		t.Error("all is done with a process that does not lead its session")
	}
	if got := autogroup(t, member); got != shared {
		t.Errorf("the session that others are in too was %q and is %q", shared, got)
	}
}

func TestRest_StepsFarBackAndForwardAgainWhereThatIsAllowed(t *testing.T) {
	led, member := sleeper(t, true), sleeper(t, false)
	shared := autogroup(t, member)
	for !yield.Behind(led) { // the system is not asked too often
	}
	resting := " nice 5"
	if mayAdminister(t) {
		resting = " nice 19"
	}
	for range 50 { // more often in a second than others may
		back, backToo := yield.Rest(led), yield.Rest(member)
		if got := autogroup(t, led); got != "" && !strings.HasSuffix(got, resting) {
			t.Fatalf("the session that the resting process leads is %q, want%s", got, resting)
		}
		back()
		backToo()
		if got := autogroup(t, led); got != "" && !strings.HasSuffix(got, " nice 5") {
			t.Fatalf("the session that the process leads is %q after its rest", got)
		}
	}
	if got := autogroup(t, member); got != shared {
		t.Errorf("the session that others are in too was %q and is %q", shared, got)
	}
}

// mayAdminister reads whether the test has CAP_SYS_ADMIN, the 21st capability.
func mayAdminister(t *testing.T) bool {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "CapEff:")
	line, _, _ := strings.Cut(rest, "\n")
	all, err := strconv.ParseUint(strings.TrimSpace(line), 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	return all&(1<<21) != 0
}

func TestBehind_LeavesAProcessThatIsGone(t *testing.T) {
	const mostProcesses = 1 << 22
	if !yield.Behind(mostProcesses + 1) {
		t.Error("a process that is gone is asked for again and again")
	}
}
