package daemon_test

import (
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"understudy/internal/api"
	"understudy/internal/router"
)

func TestRouter_BecomesTheProgramThatTheDaemonIsWithoutRefusingAnybody(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.program = filepath.Join(h.project, "understudy")
	h.replace(t)
	h.start(t)
	h.up(t)
	doors := router.Client{Socket: h.state.RouterSocket()}
	pid := func() int {
		state, err := doors.State(limited(t))
		check(t, err)
		return state.PID
	}
	old := pid()
	crowd := visit(t, h.production)
	h.replace(t) // the daemon that runs is the old one now, and so is the router
	h.kill(t)
	h.start(t)
	h.until(t, "the router is another process", func() bool { return pid() != old })
	fresh, err := os.Stat(h.program)
	check(t, err)
	runs, err := os.Stat(filepath.Join("/proc", strconv.Itoa(pid()), "exe"))
	check(t, err)
	if !os.SameFile(fresh, runs) {
		t.Error("the router does not run the file that the daemon runs")
	}
	h.until(t, "the old router has gone", func() bool { _, err := os.Stat(filepath.Join("/proc", strconv.Itoa(old))); return err != nil })
	crowd.mustBeServed(t)
	if _, err := h.VerifyJournal(limited(t), api.VerifyJournal{}); err != nil {
		t.Error(err)
	}
}

// replace puts a copy of the program where the house's daemon is started from, as a new file.
func (h *house) replace(t *testing.T) {
	t.Helper()
	built, err := os.ReadFile(program)
	check(t, err)
	syscall.ForkLock.RLock() // a program that is started meanwhile would have it open for a moment, so that it could not be executed
	err = os.WriteFile(h.program+".new", built, 0o755)
	syscall.ForkLock.RUnlock()
	check(t, err)
	check(t, os.Rename(h.program+".new", h.program))
}
