package alone

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"understudy"
)

// mark is a file that says of a folder that it is ours: it is there before anything else is,
// and locked while a program is at work in it, which ends with that program, however it ends.
type mark struct{ name, text string }

// Why a mark is not to be had.
var (
	errAtWork = errors.New("a program is at work in it")
	errNoMark = errors.New("it carries no mark of ours")
)

// held is a mark that is locked. Its lock is given back by name: a program that another part
// of this one is starting just then has the file a moment longer.
type held struct{ *os.File }

func (h *held) Close() error {
	return errors.Join(syscall.Flock(int(h.Fd()), syscall.LOCK_UN), h.File.Close())
}

func (m mark) in(folder string) string { return filepath.Join(folder, m.name) }

// put marks a folder, and locks the mark until it is closed.
func (m mark) put(folder string) (*held, error) {
	file, err := os.OpenFile(m.in(folder), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, errAtWork
	}
	if err != nil {
		return nil, err
	}
	if syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		return nil, errors.Join(errAtWork, file.Close())
	}
	if _, err := file.WriteString(m.text); err != nil {
		return nil, errors.Join(err, os.Remove(m.in(folder)), file.Close())
	}
	return &held{file}, nil
}

// find locks the mark of a folder where whoever put it was killed.
func (m mark) find(folder string) (*held, error) { return m.lock(folder, syscall.LOCK_NB) }

// await waits until whoever put the mark is gone, and locks it.
func (m mark) await(folder string) (*held, error) { return m.lock(folder, 0) }

// lock refuses a folder without a mark, with one that says something else, and with one that
// was taken away, as whoever put it had done what was to be done.
func (m mark) lock(folder string, how int) (*held, error) {
	file, err := os.OpenFile(m.in(folder), os.O_RDWR|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, errNoMark
	}
	content, err := io.ReadAll(io.LimitReader(file, int64(len(m.text)+1)))
	if err != nil || string(content) != m.text {
		return nil, errors.Join(errNoMark, file.Close())
	}
	for {
		err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|how)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(errAtWork, file.Close())
	}
	open, err := file.Stat()
	if there, gone := os.Lstat(m.in(folder)); err != nil || gone != nil || !os.SameFile(open, there) {
		return nil, errors.Join(errNoMark, file.Close())
	}
	return &held{file}, nil
}

// lift takes a mark away so that it stays away: a folder that carries it is removed by whoever finds it.
func (m mark) lift(folder string) error {
	if err := os.Remove(m.in(folder)); err != nil {
		return folderError(err)
	}
	opened, err := os.Open(folder)
	if err != nil {
		return folderError(err)
	}
	if err := errors.Join(opened.Sync(), opened.Close()); err != nil {
		return folderError(err)
	}
	return nil
}

// empty removes what stands in a folder beside its mark, so that what is left, should that be
// ended half way, is known as ours.
func (m mark) empty(folder string) error {
	entries, err := os.ReadDir(folder)
	for _, entry := range entries {
		if entry.Name() != m.name {
			err = errors.Join(err, os.RemoveAll(filepath.Join(folder, entry.Name())))
		}
	}
	return err
}

// remove removes a folder with its mark, and the mark last.
func (m mark) remove(folder string) error {
	if err := m.empty(folder); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.RemoveAll(folder)
}

func folderError(err error) error {
	return understudy.Errorf(understudy.KindUnavailable, "making a folder for the copy: %w", err)
}
