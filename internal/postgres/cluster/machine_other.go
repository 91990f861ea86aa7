//go:build !linux

package cluster

import "golang.org/x/sys/unix"

// boot names this run of the machine: another one after each start. Empty: it cannot be told.
func boot() string {
	id, err := unix.Sysctl("kern.bootsessionuuid")
	if err != nil {
		return ""
	}
	return id
}

// machineMemory is the machine's memory, in bytes.
func machineMemory() int64 {
	memory, err := unix.SysctlUint64("hw.memsize")
	if err != nil {
		return 1 << 30
	}
	return int64(memory)
}
