package process

import (
	"errors"
	"io/fs"
	"path/filepath"
	"syscall"
	"time"

	"understudy"
)

// running is a process as the kernel shows it.
type running struct {
	pid, parent, session int
	started              string
	dead                 bool // ended, not waited for yet
	name                 string
	cpu                  time.Duration // used, with what children used that it waited for; Linux
	memory               int64         // bytes; Linux
}

// record is supervisor.json: who supervises a deployment and which sessions it made.
type record struct {
	ID          string    `json:"id"`
	Environment string    `json:"environment"`
	Label       string    `json:"label"`
	Boot        string    `json:"boot"`
	Supervisor  identity  `json:"supervisor"`
	Sessions    []session `json:"sessions"`
	Since       time.Time `json:"since"`
}

// identity names a process of one boot for good: numbers are given again, start times
// are not.
type identity struct {
	PID     int    `json:"pid"`
	Started string `json:"started"`
}

// session is one that a program leads.
type session struct {
	Program string `json:"program"`
	identity
}

func identify(pid int) (identity, error) {
	started, err := startOf(pid)
	return identity{PID: pid, Started: started}, err
}

// alive tells whether the supervisor that wrote the record still runs.
func (r record) alive() (bool, error) {
	boot, err := bootID()
	if err != nil {
		return false, understudy.Errorf(understudy.KindInternal, "reading which boot of the machine this is: %w", err)
	}
	if boot != r.Boot {
		return false, nil
	}
	return r.Supervisor.alive()
}

func (i identity) alive() (bool, error) {
	started, err := startOf(i.PID)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return started == i.Started, err
}

// clear ends what a dead supervisor's programs left running. A session whose number
// now belongs to another process is left alone.
func (r record) clear() error {
	boot, err := bootID()
	if err != nil || boot != r.Boot {
		return err
	}
	for _, s := range r.Sessions {
		leader, err := startOf(s.PID)
		if err == nil && leader != s.Started {
			continue
		}
		if err := endSession(s.PID, 0); err != nil {
			return err
		}
	}
	return nil
}

func readRecord(folder string) (record, error) {
	var r record
	err := readJSON(filepath.Join(folder, "supervisor.json"), &r)
	return r, err
}

// endSession asks everything in a session to end, and ends what is left after grace.
// It returns when all of it is gone.
func endSession(leader int, grace time.Duration) error {
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	hard := time.After(grace)
	if grace > 0 {
		signalSession(leader, syscall.SIGTERM)
	}
	for end := time.Now().Add(grace + 5*time.Second); time.Now().Before(end); {
		if len(membersOf(leader)) == 0 {
			return nil
		}
		select {
		case <-hard:
			hard = nil
		case <-look.C:
		}
		if hard == nil {
			signalSession(leader, syscall.SIGKILL)
		}
	}
	return understudy.Errorf(understudy.KindInternal, "ending session %d: it is still there 5 s after SIGKILL", leader)
}

// signalSession reaches the leader's process group and, where the kernel shows them,
// the members that made groups of their own. Who is gone meanwhile needs no signal.
func signalSession(leader int, sig syscall.Signal) {
	_ = syscall.Kill(-leader, sig)
	for _, p := range membersOf(leader) {
		if p.pid > 0 && p.group() != leader {
			_ = syscall.Kill(p.pid, sig)
		}
	}
}

// group is the process group, or 0 for one that is gone.
func (p running) group() int {
	group, err := syscall.Getpgid(p.pid)
	if err != nil {
		return 0
	}
	return group
}
