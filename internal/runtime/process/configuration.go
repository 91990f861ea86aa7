package process

import (
	"bytes"
	"slices"
	"strings"

	"understudy"
)

// How the configuration of a process was seen, as understudy.ConfigRan has it.
const (
	readKernel = "kernel"
	readStart  = "start"
)

// configured is the configuration that a process has just been started with: the keys that
// its program gives, read back from the kernel. Where that does not tell (another system, a
// process that may not be looked into, one that has written over its own environment
// already), it is what the kernel was asked to start it with.
func configured(pid int, program Program, key []byte, started []string) (print, read string) {
	if len(key) == 0 {
		return "", ""
	}
	environ, err := environOf(pid)
	if err == nil && whole(environ) {
		return understudy.EnvironPrint(key, ofKeys(environ, program.Env)), readKernel
	}
	return understudy.EnvironPrint(key, ofKeys(started, program.Env)), readStart
}

// whole tells whether what the kernel shows is an environment, and not what a process has
// put there since, as those do that show in its place what they are busy with.
func whole(environ []string) bool {
	return len(environ) > 0 && !slices.ContainsFunc(environ, func(entry string) bool { return !envEntry.MatchString(entry) })
}

// ofKeys are the entries whose keys a program gives: PATH, HOME and what a seal adds are the
// machine's and not the team's.
func ofKeys(environ, given []string) []string {
	keys := map[string]bool{}
	for _, entry := range given {
		key, _, _ := strings.Cut(entry, "=")
		keys[key] = true
	}
	var out []string
	for _, entry := range environ {
		if key, _, _ := strings.Cut(entry, "="); keys[key] {
			out = append(out, entry)
		}
	}
	return out
}

// entries parts what the kernel shows of an environment.
func entries(raw []byte) []string {
	var out []string
	for _, entry := range bytes.Split(bytes.TrimSuffix(raw, []byte{0}), []byte{0}) {
		out = append(out, string(entry))
	}
	return out
}
