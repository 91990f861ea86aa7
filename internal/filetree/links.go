package filetree

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"understudy"
)

// Contained is an error of KindRefused that names a symbolic link which leads, or might
// lead, out of a tree: a clone of the tree has the same link, and who writes through it
// writes into what was not cloned.
func Contained(ctx context.Context, root string) error {
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err = errors.Join(err, ctx.Err()); err != nil || entry.Type()&fs.ModeSymlink == 0 {
			return err
		}
		target, err := os.Readlink(path)
		if err != nil {
			return err
		}
		folder, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		if path == root || !staysBelow(folder, target) {
			return understudy.Errorf(understudy.KindRefused, "looking at the links of %s: %s leads out of it, to %s, where a clone would write as well", root, path, target).
				WithHint("make the link relative, or keep what it leads to out of the folder")
		}
		return nil
	})
	var sentence *understudy.Error
	if err == nil || errors.As(err, &sentence) || ctx.Err() != nil {
		return err
	}
	return understudy.Errorf(understudy.KindUnavailable, "looking at the links of %s: %w", root, err)
}

// staysBelow tells whether a link in a folder, relative to the root, leads to a place
// below it. Steps up have to come first: behind a name that is a link itself they would
// lead from somewhere else.
func staysBelow(folder, target string) bool {
	if filepath.IsAbs(target) {
		return false
	}
	depth := 0
	if folder != "." {
		depth = strings.Count(folder, "/") + 1
	}
	named := false
	for part := range strings.SplitSeq(target, "/") {
		switch {
		case part == "" || part == ".":
		case part != "..":
			named = true
		case named || depth == 0:
			return false
		default:
			depth--
		}
	}
	return true
}
