package doctor

import "golang.org/x/sys/unix"

// lookForMemory knows only what the machine has, not what is free of it.
func lookForMemory() Finding {
	f := Finding{What: "memory: at least " + size(wantMem)}
	total, err := unix.SysctlUint64("hw.memsize")
	if err != nil {
		f.Found = err.Error()
		return f
	}
	f.OK, f.Found = total >= wantMem, size(total)+" in all"
	return f
}
