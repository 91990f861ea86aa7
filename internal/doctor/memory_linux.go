package doctor

import (
	"fmt"
	"os"
	"strings"
)

func lookForMemory() Finding {
	f := Finding{What: "memory: at least " + size(wantMem) + " available"}
	content, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		f.Found = err.Error()
		return f
	}
	for line := range strings.Lines(string(content)) {
		var kib uint64
		if _, err := fmt.Sscanf(line, "MemAvailable: %d kB", &kib); err == nil {
			f.OK, f.Found = kib<<10 >= wantMem, size(kib<<10)
		}
	}
	if !f.OK {
		f.Fix = "end something else: a twin runs the application and its database a second time"
	}
	return f
}
