package process

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// tryLock takes a lock that the kernel gives back when its holder ends, however it
// ends. Closing the file releases it.
func tryLock(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// lock waits for a lock whose file others may remove while they hold it.
func lock(ctx context.Context, path string, makeFolder func() error) (*os.File, error) {
	for {
		if err := makeFolder(); err != nil {
			return nil, err
		}
		file, err := tryLock(path)
		if err == nil && stillThere(file, path) {
			return file, nil
		}
		if err == nil {
			err = file.Close()
		}
		if err != nil && !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func stillThere(file *os.File, path string) bool {
	held, err := file.Stat()
	now, statErr := os.Stat(path)
	return err == nil && statErr == nil && os.SameFile(held, now)
}

func removeIfThere(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
