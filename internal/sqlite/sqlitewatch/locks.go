package sqlitewatch

import (
	"bufio"
	"bytes"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"understudy"
)

// locksFile is where Linux lists the locks on files.
const locksFile = "/proc/locks"

// The bytes that SQLite locks, as its file format says: of the database, and of the -shm
// file in WAL mode.
const (
	pendingByte  = 0x40000000
	reservedByte = pendingByte + 1
	sharedFirst  = pendingByte + 2
	sharedLast   = sharedFirst + 509
	walWriteByte = 120
)

// level is how much a process has of a database.
type level int

const (
	free      level = iota
	reads           // SHARED
	writes          // RESERVED; WRITE in WAL mode
	exclusive       // PENDING or EXCLUSIVE: nobody gets in
)

// systemLock is one line of the list.
type systemLock struct {
	process     int
	device      string // "fe:00"
	inode       string
	write       bool
	first, last uint64
}

// listed reads the list: "1: POSIX  ADVISORY  WRITE 11762 fe:00:9994292 120 120".
func listed(text []byte) []systemLock {
	var all []systemLock
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) != 8 || f[1] != "POSIX" && f[1] != "OFDLCK" {
			continue // a flock, or somebody who waits ("->")
		}
		at := strings.LastIndexByte(f[5], ':')
		process, err := strconv.Atoi(f[4])
		first, firstErr := strconv.ParseUint(f[6], 10, 64)
		last, lastErr := strconv.ParseUint(f[7], 10, 64)
		if lastErr != nil { // "EOF"
			last = 1 << 63
		}
		if at > 0 && err == nil && firstErr == nil {
			all = append(all, systemLock{process, f[5][:at], f[5][at+1:], f[3] == "WRITE", first, last})
		}
	}
	return all
}

func (l systemLock) covers(at uint64) bool { return l.write && l.first <= at && at <= l.last }

// deviceOf finds out how the list names the device of a file, by a lock that we hold on it
// ourselves: file systems are listed under other numbers than a file says. Empty where
// there is no list, or it does not show us.
func deviceOf(path string, own int) (string, error) {
	text, err := os.ReadFile(locksFile)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return "", nil
	}
	if err != nil {
		return "", understudy.Errorf(understudy.KindUnavailable, "reading the locks of files: %w", err)
	}
	inode, err := inodeOf(path)
	if err != nil {
		return "", err
	}
	for _, l := range listed(text) {
		if l.process == own && l.inode == inode {
			return l.device, nil
		}
	}
	return "", nil
}

// locksOf is what each process has of a database now.
func locksOf(path, device string) (map[int]level, error) {
	text, err := os.ReadFile(locksFile)
	if err != nil {
		return nil, understudy.Errorf(understudy.KindUnavailable, "reading the locks of files: %w", err)
	}
	database, err := inodeOf(path)
	if err != nil {
		return nil, err
	}
	shared, err := inodeOf(path + "-shm")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	held := map[int]level{}
	for _, l := range listed(text) {
		if l.device != device {
			continue
		}
		has := free
		switch {
		case l.inode == database && (l.covers(pendingByte) || l.covers(sharedFirst) || l.covers(sharedLast)):
			has = exclusive
		case l.inode == database && l.covers(reservedByte), l.inode == shared && shared != "" && l.covers(walWriteByte):
			has = writes
		case l.inode == database:
			has = reads
		}
		if has > held[l.process] {
			held[l.process] = has
		}
	}
	return held, nil
}
