package cluster

import "golang.org/x/sys/unix"

// exchangeBoth lets two folders change places in one step.
func exchangeBoth(a, b string) error {
	return unix.RenamexNp(a, b, unix.RENAME_SWAP)
}
