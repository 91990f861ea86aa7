package yield

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"time"
)

// lookEvery is how long a new process of a family may go without yielding.
const lookEvery = 250 * time.Millisecond

// Family makes the session of a process yield to others as Session does, and those of the
// processes that it starts, until it ends: each of PostgreSQL's begins a session of its own,
// which does not know how nice the first one is.
func Family(process int) {
	f := family{head: strconv.Itoa(process), known: map[string]bool{}}
	f.look()
	go func() {
		tick := time.NewTicker(lookEvery)
		defer tick.Stop()
		for f.look() {
			<-tick.C
		}
	}()
}

// family is a process and those that it has started.
type family struct {
	head  string
	known map[string]bool // processes of this system that need no other look
}

// look makes those yield that are new, and tells whether there may be more.
func (f *family) look() (goesOn bool) {
	all, err := processes()
	if err != nil {
		return false
	}
	now := map[string]bool{}
	for _, process := range all {
		now[process] = f.known[process] || f.settled(process)
	}
	f.known = now
	_, goesOn = now[f.head]
	return goesOn
}

// settled tells whether a process yields now, or is none of the family's.
func (f *family) settled(process string) bool {
	id, err := strconv.Atoi(process)
	if err != nil {
		return true
	}
	if process != f.head && parent(process) != f.head {
		return true
	}
	return Session(id)
}

// processes are those of this system.
func processes() ([]string, error) {
	folder, err := os.Open("/proc")
	if err != nil {
		return nil, err
	}
	names, err := folder.Readdirnames(-1)
	return names, errors.Join(err, folder.Close())
}

// parent is who started a process; nothing where it has ended.
func parent(process string) string {
	content, err := os.ReadFile("/proc/" + process + "/stat")
	fields := strings.Fields(string(content[strings.LastIndexByte(string(content), ')')+1:])) // behind its name
	if err != nil || len(fields) < 2 {
		return ""
	}
	return fields[1]
}
