package process

import "runtime"

// ReadsBack tells that this kernel shows what processes run and where they belong.
const ReadsBack = runtime.GOOS == "linux"
