package yield_test

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"understudy/internal/yield"
)

func TestRun_MakesOnlyWhatItRunsNice(t *testing.T) {
	before := niceness(t, unix.Gettid())
	refused := errors.New("refused")
	var inside, program int
	err := yield.Run(func() error {
		inside = niceness(t, unix.Gettid())
		out, err := exec.Command("nice").Output() // which says how nice it is
		if err == nil {
			program, err = strconv.Atoi(strings.TrimSpace(string(out)))
		}
		return errors.Join(err, refused)
	})
	if !errors.Is(err, refused) || errors.Is(err, strconv.ErrSyntax) {
		t.Fatalf("what was run said %v", err)
	}
	if inside < 15 || program < 15 {
		t.Errorf("the thread is nice by %d and its program by %d", inside, program)
	}
	if after := niceness(t, os.Getpid()); after != before {
		t.Errorf("the whole program is nice by %d now instead of %d", after, before)
	}
}

// niceness is how nice a thread is; the system tells 20 less that.
func niceness(t *testing.T, thread int) int {
	t.Helper()
	priority, err := unix.Getpriority(unix.PRIO_PROCESS, thread)
	if err != nil {
		t.Fatal(err)
	}
	return 20 - priority
}

func TestSession_IsOnlyThatOfAProcessThatLeadsIt(t *testing.T) {
	led, member := sleeper(t, true), sleeper(t, false)
	shared := autogroup(t, member)
	yield.Session(led)
	yield.Session(member)
	if got := autogroup(t, led); got != "" && !strings.HasSuffix(got, " nice 15") {
		t.Errorf("the session that the process leads is %q", got)
	}
	if got := autogroup(t, member); got != shared {
		t.Errorf("the session that others are in too was %q and is %q", shared, got)
	}
}

// sleeper starts a process that ends with the test, in a session of its own or in ours.
func sleeper(t *testing.T, leads bool) int {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sleep", "60")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: leads}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() }) // ended by the context
	return cmd.Process.Pid
}

// autogroup is what the system says of the session of a process; nothing where it knows none.
func autogroup(t *testing.T, process int) string {
	t.Helper()
	content, err := os.ReadFile("/proc/" + strconv.Itoa(process) + "/autogroup")
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(content))
}
