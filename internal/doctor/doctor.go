// Package doctor looks at a machine and says what it lacks for Understudy, and how to
// get it. It changes nothing but for a file that it writes into the state folder and
// takes away again.
package doctor

import (
	"context"
	"fmt"
	"path/filepath"
)

// Finding is one thing that was looked at.
type Finding struct {
	What  string `json:"what"`          // what was looked for
	OK    bool   `json:"ok"`            // it is as it should be
	Found string `json:"found"`         // what is there, in words and figures
	Fix   string `json:"fix,omitempty"` // what to do; empty where nothing is to be done
}

// What a machine should have. Less still works for small applications.
const (
	wantDisk  = 5 << 30   // bytes free: for copies of the database
	wantMem   = 512 << 20 // bytes available
	wantFiles = 1024      // open files per process
	// a Unix socket's path, with its end, has to fit into 104 bytes on darwin
	socketPath = 103
	// longest name that is put below the state folder for a socket
	socketName = "/run/environment-name-slot-0/supervisor.sock"
)

// Look looks at everything that matters for a project in a folder whose state lies in state
// (empty: beside understudy.yaml). seal tries to make a place without a way out, as a twin runs in, and says why it cannot; nil leaves that
// out. Look always answers: what it could not look at is a finding that is not OK.
func Look(ctx context.Context, dir, state string, seal func() error) []Finding {
	disk := dir
	if state == "" {
		state = filepath.Join(dir, ".understudy")
	} else if at, err := nearest(state); err == nil {
		disk = at
	}
	return []Finding{
		lookForPostgres(ctx),
		lookForUser(),
		lookForSeal(seal),
		lookForDisk(disk),
		lookForMemory(),
		lookForFiles(),
		lookForGit(ctx),
		lookForState(state),
		lookForPaths(state),
	}
}

func lookForSeal(seal func() error) Finding {
	f := Finding{What: "a seal: a network without a way out"}
	if seal == nil {
		f.Found = "not looked at"
		return f
	}
	if err := seal(); err != nil {
		f.Found = err.Error()
		f.Fix = "run as root, or allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, or user.max_user_namespaces above 0); on a Mac, run Understudy in a Linux machine"
		return f
	}
	f.OK, f.Found = true, "can be made"
	return f
}

func lookForPaths(state string) Finding {
	f := Finding{What: "a path short enough for sockets"}
	absolute, err := filepath.Abs(state)
	if err != nil {
		f.Found = err.Error()
		return f
	}
	n := len(absolute) + len(socketName)
	f.OK, f.Found = n <= socketPath, fmt.Sprintf("sockets have up to %d of %d bytes", n, socketPath)
	if !f.OK {
		f.Fix = fmt.Sprintf("use --state-dir with a folder whose path has at most %d bytes", socketPath-len(socketName))
	}
	return f
}

// size is a number of bytes, for people.
func size(bytes uint64) string {
	if bytes >= 1<<30 {
		return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30))
	}
	return fmt.Sprintf("%d MiB", bytes>>20)
}
