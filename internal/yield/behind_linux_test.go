package yield_test

import (
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

func TestBehind_LeavesAProcessThatIsGone(t *testing.T) {
	const mostProcesses = 1 << 22
	if !yield.Behind(mostProcesses + 1) {
		t.Error("a process that is gone is asked for again and again")
	}
}
