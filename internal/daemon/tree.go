package daemon

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"understudy"
	"understudy/internal/atomicfile"
	"understudy/internal/config"
)

// tree is where an artifact's files lie.
func (d *Daemon) tree(a understudy.Artifact) string {
	return d.options.State.Below("artifacts", a.Digest.Hex())
}

// incoming begins the names of folders that are being filled. One that is left over is of
// a daemon that died.
const incoming = "incoming-"

// keepTree copies a folder in whole, or not at all, and lastingly. A copy that is there
// already is kept if it is what its name says, and else replaced.
func (d *Daemon) keepTree(a understudy.Artifact, from string) error {
	d.trees.Lock()
	defer d.trees.Unlock()
	to := d.tree(a)
	if had, err := config.Tree(to); err == nil && had.Digest == a.Digest {
		return flushTree(to)
	}
	temp, err := os.MkdirTemp(filepath.Dir(to), incoming)
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(temp) }() // nothing is left of it once it was renamed
	for _, f := range a.Files {
		if err := copyFile(f, from, temp); err != nil {
			return err
		}
	}
	if found, err := config.Tree(temp); err != nil || found.Digest != a.Digest {
		return understudy.Errorf(understudy.KindConflict, "the files below %s changed while they were read", from).WithHint("build first, then make the release")
	}
	if err := flushTree(temp); err != nil {
		return err
	}
	if err := os.RemoveAll(to); err != nil { // not what its name says, if it is there
		return err
	}
	if err := os.Rename(temp, to); err != nil {
		return err
	}
	return atomicfile.SyncFolder(filepath.Dir(to))
}

func copyFile(f understudy.ArtifactFile, from, to string) error {
	target := filepath.Join(to, filepath.FromSlash(f.Path))
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	if f.Link != "" {
		return os.Symlink(f.Link, target)
	}
	source, err := os.OpenInRoot(from, filepath.FromSlash(f.Path))
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }() // only read from
	if f.Executable {                     // a program that is forked while it is written would have it open, and nobody could run it yet
		syscall.ForkLock.RLock()
		defer syscall.ForkLock.RUnlock()
	}
	file, err := os.OpenFile(target, os.O_CREATE|os.O_EXCL|os.O_WRONLY, modeOf(f.Executable))
	if err != nil {
		return err
	}
	_, err = io.Copy(file, source)
	return errors.Join(err, file.Close())
}

// flushTree makes a tree survive a power cut, and lets every user that a service may run
// as read it, whatever the umask was.
func flushTree(root string) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			return errors.Join(os.Chmod(path, 0o755), atomicfile.SyncFolder(path))
		case entry.Type().IsRegular():
			return flushFile(path)
		}
		return nil
	})
}

func flushFile(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err == nil {
		err = file.Chmod(modeOf(info.Mode()&0o100 != 0))
	}
	return errors.Join(err, file.Sync(), file.Close())
}

// modeOf is the mode of an artifact's file: all that is kept of it is whether it runs.
func modeOf(executable bool) fs.FileMode {
	if executable {
		return 0o555
	}
	return 0o444
}

// sweepTrees removes what a daemon that died had begun to copy in. It is called while no
// copy is under way.
func (d *Daemon) sweepTrees() error {
	left, err := filepath.Glob(d.options.State.Below("artifacts", incoming+"*"))
	for _, path := range left {
		err = errors.Join(err, os.RemoveAll(path))
	}
	return err
}
