package yield

import (
	"errors"
	"os"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// nice is how far we step back: on a processor that others want as well we get one
// part in thirty, and so never stand still.
const nice = 15

// Run runs act on a thread that yields, as do the programs that act starts and what these
// start. Other goroutines of ours, also those that act starts, stay as they are.
func Run(act func() error) error {
	ended := make(chan error, 1)
	go func() { ended <- onThread(act) }()
	return <-ended
}

// onThread runs on a goroutine that ends with it, and so does the thread, which cannot be
// raised again. The first thread of a program would stay; it waits for another.
func onThread(act func() error) error {
	runtime.LockOSThread()
	if unix.Gettid() == unix.Getpid() {
		defer runtime.UnlockOSThread()
		return Run(act)
	}
	_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), nice) // a wish
	return act()
}

// Session makes the session of a process yield to other sessions, if the process leads it:
// one that others are in too is not ours to slow down. What the process leads ends with it. It
// tells whether it yields now: a process that was just started may not lead its own yet, and
// the system lets only its administrator do this more than ten times a second.
func Session(process int) (yields bool) {
	return leads(process) && os.WriteFile(autogroup(process), []byte(strconv.Itoa(nice)), 0) == nil
}

// aside is how far a process steps back that watches others: it gets a third of what each of
// them does, so that it is late by milliseconds on a processor that all want.
const aside = 5

// Behind lets a process of one thread, which only watches what others do, come behind them: it
// steps back a little, and takes the processor from nobody when it wakes, but waits until it is
// given, so that on a busy machine it finds more to do at once. It tells whether that is all
// that can be done: a session cannot always be told so at once, as with [Session].
func Behind(process int) (done bool) {
	nice := aside
	if now, err := unix.Getpriority(unix.PRIO_PROCESS, process); err == nil {
		nice = max(nice, 20-now) // as the system tells it
	}
	_ = unix.SchedSetAttr(process, &unix.SchedAttr{Policy: unix.SCHED_BATCH, Nice: int32(nice)}, 0) // a wish
	if !leads(process) {
		return errors.Is(unix.Kill(process, 0), unix.ESRCH)
	}
	err := os.WriteFile(autogroup(process), []byte(strconv.Itoa(aside)), 0)
	return !errors.Is(err, unix.EAGAIN) // asked too often
}

// far is how far a process steps back that has nothing to do for a while.
const far = 19

// Rest lets a process that came behind others by [Behind] step back as far as there is, until back
// is called: it is woken by what others do, and need not hear of it now. Only where it can step
// forward again at once, which the system lets its administrator do.
func Rest(process int) (back func()) {
	if !administers() || !leads(process) || os.WriteFile(autogroup(process), []byte(strconv.Itoa(far)), 0) != nil {
		return func() {}
	}
	return func() { _ = os.WriteFile(autogroup(process), []byte(strconv.Itoa(aside)), 0) } // it may have ended
}

// administers tells whether we may do as the system's administrator does.
func administers() bool {
	var may [2]unix.CapUserData
	err := unix.Capget(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &may[0])
	return err == nil && may[0].Effective&(1<<unix.CAP_SYS_ADMIN) != 0
}

// autogroup is the file that tells and sets how nice a process's session is.
func autogroup(process int) string { return "/proc/" + strconv.Itoa(process) + "/autogroup" }
