// Package atomicfile replaces files whole or not at all.
//
// A reader, and a program that starts after a crash, sees the old content or the
// new one, never a part: the new content is written beside the old, flushed to
// disk, renamed over it, and the folder is flushed so that the rename lasts too.
package atomicfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Write replaces the file at path by one that holds data, with exactly the
// permission perm. When it returns nil the new file survives a power cut; when it
// returns an error before the rename, the old file is untouched and no litter stays.
func Write(path string, data []byte, perm fs.FileMode) error {
	return WriteFrom(path, func(w io.Writer) error {
		_, err := io.Copy(w, bytes.NewReader(data))
		return err
	}, perm)
}

// WriteFrom is Write with the content produced by fill, which is called once. An
// error of fill is returned wrapped and leaves the old file as it was.
func WriteFrom(path string, fill func(w io.Writer) error, perm fs.FileMode) error {
	temp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".new-*")
	if err != nil {
		return fmt.Errorf("replacing %s: %w", path, err)
	}
	if err := errors.Join(fillAndFlush(temp, fill, perm), temp.Close()); err != nil {
		return fmt.Errorf("replacing %s: %w", path, errors.Join(err, os.Remove(temp.Name())))
	}
	if err := os.Rename(temp.Name(), path); err != nil {
		return fmt.Errorf("replacing %s: %w", path, errors.Join(err, os.Remove(temp.Name())))
	}
	return SyncFolder(filepath.Dir(path))
}

func fillAndFlush(temp *os.File, fill func(w io.Writer) error, perm fs.FileMode) error {
	if err := fill(temp); err != nil {
		return err
	}
	if err := temp.Chmod(perm); err != nil {
		return err
	}
	return temp.Sync()
}

// SyncFolder makes what was created, renamed or removed in a folder survive a power cut.
func SyncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("flushing folder %s: %w", path, err)
	}
	if err := errors.Join(folder.Sync(), folder.Close()); err != nil {
		return fmt.Errorf("flushing folder %s: %w", path, err)
	}
	return nil
}
