//go:build !linux

package physical

import "os"

// readAhead and writeBack are wishes that this system is not asked.
func readAhead(*os.File, int64, int64) {}

func writeBack(*os.File, int64, int64) {}
