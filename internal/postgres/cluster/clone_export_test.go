package cluster

// WorkingName lets a test leave what a crash would.
func WorkingName(name string) string { return workingName(name) }
