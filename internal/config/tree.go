package config

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"understudy"
)

// Tree is the artifact in a folder: its files with their digests, whether each can be
// executed, and its symbolic links. The same files are the same artifact on every
// machine: times, owners, the rest of the mode and empty folders are no content.
// Folders and files named .git and .understudy are left out.
//
// A link that leads out of the folder, a socket, a device or a pipe is refused by name:
// what is rehearsed must be what is promoted, and nothing beside it.
func Tree(dir string) (understudy.Artifact, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return understudy.Artifact{}, understudy.Errorf(understudy.KindNotFound, "reading the artifact's folder: %w", err).
			WithHint("name the folder that holds what the release is made of")
	}
	defer func() { _ = root.Close() }() // only read from
	var files []understudy.ArtifactFile
	err = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return understudy.Errorf(understudy.KindInvalid, "reading the artifact in %s: %w", dir, err)
		case entry.Name() == ".git" || entry.Name() == ".understudy":
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		case entry.IsDir():
			return nil
		}
		file, err := artifactFile(root, name, entry.Type())
		if err != nil {
			return err
		}
		files = append(files, file)
		return nil
	})
	if err != nil {
		return understudy.Artifact{}, err
	}
	if len(files) == 0 {
		return understudy.Artifact{}, understudy.Errorf(understudy.KindInvalid, "the artifact in %s is empty, expected files", dir)
	}
	return understudy.NewArtifact(files)
}

func artifactFile(root *os.Root, name string, mode fs.FileMode) (understudy.ArtifactFile, error) {
	switch {
	case !utf8.ValidString(name):
		return understudy.ArtifactFile{}, refused(name, "expected a name in UTF-8")
	case mode&fs.ModeSymlink != 0:
		return link(root, name)
	case !mode.IsRegular():
		return understudy.ArtifactFile{}, refused(name, "expected a file, a folder or a link, found a "+describe(mode))
	}
	return regular(root, name)
}

func refused(name, why string) error {
	return understudy.Errorf(understudy.KindInvalid, "artifact file %q: %s", name, why).
		WithHint("remove it from the folder, or build into a folder of its own")
}

func regular(root *os.Root, name string) (understudy.ArtifactFile, error) {
	opened, err := root.Open(name)
	if err != nil {
		return understudy.ArtifactFile{}, understudy.Errorf(understudy.KindInvalid, "reading artifact file %q: %w", name, err)
	}
	defer func() { _ = opened.Close() }() // only read from
	info, err := opened.Stat()
	if err != nil {
		return understudy.ArtifactFile{}, understudy.Errorf(understudy.KindInvalid, "reading artifact file %q: %w", name, err)
	}
	sum := sha256.New()
	size, err := io.Copy(sum, opened)
	switch {
	case err != nil:
		return understudy.ArtifactFile{}, understudy.Errorf(understudy.KindInvalid, "reading artifact file %q: %w", name, err)
	case size != info.Size():
		return understudy.ArtifactFile{}, understudy.Errorf(understudy.KindConflict,
			"artifact file %q changed while it was read: it had %d bytes, then %d", name, info.Size(), size)
	}
	return understudy.ArtifactFile{Path: name, Digest: understudy.Digest("sha256:" + hex.EncodeToString(sum.Sum(nil))),
		Size: size, Executable: info.Mode()&0o100 != 0}, nil
}

func link(root *os.Root, name string) (understudy.ArtifactFile, error) {
	target, err := root.Readlink(name)
	if err != nil {
		return understudy.ArtifactFile{}, understudy.Errorf(understudy.KindInvalid, "reading artifact link %q: %w", name, err)
	}
	if !utf8.ValidString(target) || !staysInside(name, filepath.ToSlash(target)) {
		return understudy.ArtifactFile{}, refused(name, "it is a link to "+target+", expected one that stays in the folder")
	}
	return understudy.ArtifactFile{Path: name, Link: filepath.ToSlash(target)}, nil
}

// staysInside tells whether a link leads to a place in the tree, whatever other links
// are there: it may only go up at its beginning, where the folders are real ones.
func staysInside(name, target string) bool {
	if target == "" || path.IsAbs(target) {
		return false
	}
	climbing := true
	for _, step := range strings.Split(target, "/") {
		if step == ".." && !climbing {
			return false
		}
		climbing = climbing && (step == ".." || step == "." || step == "")
	}
	return filepath.IsLocal(path.Join(path.Dir(name), target))
}
