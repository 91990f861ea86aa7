package machine

import "golang.org/x/sys/unix"

func memory() (int64, error) {
	var info unix.Sysinfo_t
	err := unix.Sysinfo(&info)
	return int64(info.Totalram) * int64(info.Unit), err //nolint:unconvert // other types elsewhere
}
