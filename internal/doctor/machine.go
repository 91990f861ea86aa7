package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

func lookForDisk(dir string) Finding {
	f := Finding{What: "free disk: at least " + size(wantDisk)}
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		f.Found = fmt.Sprintf("%s could not be looked at: %v", dir, err)
		f.Fix = "name a folder that exists"
		return f
	}
	free := stat.Bavail * uint64(stat.Bsize)
	f.OK, f.Found = free >= wantDisk, size(free)
	if !f.OK {
		f.Fix = "free some, or use --state-dir on a larger disk: a twin needs room for copies of the database"
	}
	return f
}

func lookForFiles() Finding {
	f := Finding{What: fmt.Sprintf("open files per process: at least %d", wantFiles)}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		f.Found = err.Error()
		return f
	}
	f.OK, f.Found = limit.Cur >= wantFiles, fmt.Sprintf("%d, can be raised to %d", limit.Cur, limit.Max)
	if !f.OK {
		f.Fix = fmt.Sprintf("ulimit -n %d, or LimitNOFILE= in the unit that starts it", 8*wantFiles)
	}
	return f
}

// nearest is the folder, or what will hold it, where it is not there yet.
func nearest(folder string) (string, error) {
	for at := folder; ; at = filepath.Dir(at) {
		_, err := os.Stat(at)
		if err == nil || !errors.Is(err, fs.ErrNotExist) || at == filepath.Dir(at) {
			return at, err
		}
	}
}

// lookForState tries to write where Understudy keeps its state.
func lookForState(state string) Finding {
	f := Finding{What: "a state folder that can be written", Fix: "own the folder, or use --state-dir with another"}
	at, err := nearest(state)
	if err != nil {
		f.Found = err.Error()
		return f
	}
	probe, err := os.CreateTemp(at, ".doctor-*")
	if err != nil {
		f.Found = err.Error()
		return f
	}
	_, wrote := probe.WriteString("written by understudy doctor")
	if err := errors.Join(wrote, probe.Close(), os.Remove(probe.Name())); err != nil {
		f.Found = err.Error()
		return f
	}
	f.OK, f.Found, f.Fix = true, at, ""
	return f
}
