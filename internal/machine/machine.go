// Package machine says what the machine that we run on is and has: system, kernel, C library,
// processors, memory, disk.
package machine

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"understudy"
)

// Machine is what it is and has.
type Machine struct {
	// Runtime is what programs run on, by what it is: "kernel" → "6.1.0-18-amd64".
	Runtime    map[string]string
	Processors int
	Memory     int64 // bytes
	Disk       int64 // bytes, of the file system of a folder
	Free       int64 // of them
}

// Look looks at the machine, and at the file system of a folder.
func Look(folder string) (Machine, error) {
	var names unix.Utsname
	if err := unix.Uname(&names); err != nil {
		return Machine{}, understudy.Errorf(understudy.KindUnavailable, "asking for the kernel: %w", err)
	}
	var disk unix.Statfs_t
	if err := unix.Statfs(folder, &disk); err != nil {
		return Machine{}, understudy.Errorf(understudy.KindUnavailable, "asking for the disk at %s: %w", folder, err)
	}
	memory, err := memory()
	if err != nil {
		return Machine{}, understudy.Errorf(understudy.KindUnavailable, "asking for the memory: %w", err)
	}
	m := Machine{
		Runtime:    map[string]string{"kernel": unix.ByteSliceToString(names.Sysname[:]) + " " + unix.ByteSliceToString(names.Release[:]), "architecture": runtime.GOARCH},
		Processors: runtime.NumCPU(), Memory: memory,
		Disk: int64(disk.Blocks) * int64(disk.Bsize), Free: int64(disk.Bavail) * int64(disk.Bsize), //nolint:unconvert // other types elsewhere
	}
	for what, said := range map[string]string{"system": system(), "C library": library()} {
		if said != "" {
			m.Runtime[what] = said
		}
	}
	return m, nil
}

// system is what the distribution calls itself; empty, where it does not say.
func system() string {
	raw, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(raw)) {
		if name, found := strings.CutPrefix(line, "PRETTY_NAME="); found {
			return strings.Trim(name, "\"\n")
		}
	}
	return ""
}

var glibcVersion = regexp.MustCompile(`^[^)]*\) stable release version [0-9.]+[0-9]`)

// library is the C library that programs of the machine are linked with, which sorts texts
// for databases; empty, where there is none to be found.
func library() string {
	for _, pattern := range []string{"/lib/*/libc.so.6", "/lib64/libc.so.6", "/usr/lib/libc.so.6", "/lib/ld-musl-*.so.1"} {
		found, _ := filepath.Glob(pattern) // the pattern is well formed
		for _, path := range found {
			if raw, err := os.ReadFile(path); err == nil {
				return libraryIn(raw)
			}
		}
	}
	return ""
}

// libraryIn is what the file of a C library of Linux says of itself: the text that it begins
// with is found fast in some megabytes.
func libraryIn(raw []byte) string {
	const glibc, musl = "GNU C Library (", "musl libc ("
	if at := bytes.Index(raw, []byte(glibc)); at >= 0 {
		said := glibc + string(glibcVersion.Find(raw[at+len(glibc):]))
		return strings.Replace(said, "stable release version", "version", 1)
	}
	if at := bytes.Index(raw, []byte(musl)); at >= 0 {
		line, _, _ := bytes.Cut(raw[at:min(at+64, len(raw))], []byte("\n"))
		return string(line)
	}
	return ""
}
