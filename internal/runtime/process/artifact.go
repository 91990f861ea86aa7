package process

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"understudy"
)

// verify compares every file of the artifact with its digest. The first difference is
// a refusal that names the file.
func verify(ctx context.Context, tree string, artifact understudy.Artifact) error {
	for _, file := range artifact.Files {
		if err := ctx.Err(); err != nil {
			return err
		}
		found, err := compare(tree, file)
		if err != nil {
			return err
		}
		if found != "" {
			return understudy.Errorf(understudy.KindRefused,
				"artifact changed after the release was made: %s below %s %s", file.Path, tree, found).
				WithHint("make a new release of what is there now, or bring the file back")
		}
	}
	return nil
}

// compare tells how a file differs from what the artifact says; empty: it does not.
func compare(tree string, file understudy.ArtifactFile) (string, error) {
	if !filepath.IsLocal(filepath.FromSlash(file.Path)) {
		return "leads out of the tree", nil
	}
	path := filepath.Join(tree, filepath.FromSlash(file.Path))
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) || isNotDirectory(err) {
		return "is missing", nil
	}
	if err != nil {
		return "", understudy.Errorf(understudy.KindInternal, "comparing %s with its release: %w", path, err)
	}
	if file.Link != "" {
		return compareLink(path, info, file.Link)
	}
	switch {
	case !info.Mode().IsRegular():
		return "is no longer a file", nil
	case info.Size() != file.Size:
		return "has another size", nil
	case (info.Mode()&0o111 != 0) != file.Executable:
		return "has another executable bit", nil
	}
	digest, err := digestOfFile(path)
	if err != nil {
		return "", understudy.Errorf(understudy.KindInternal, "comparing %s with its release: %w", path, err)
	}
	if digest != file.Digest {
		return "has other content", nil
	}
	return "", nil
}

func compareLink(path string, info fs.FileInfo, want string) (string, error) {
	if info.Mode()&fs.ModeSymlink == 0 {
		return "is no longer a link", nil
	}
	target, err := os.Readlink(path)
	if err != nil {
		return "", understudy.Errorf(understudy.KindInternal, "comparing %s with its release: %w", path, err)
	}
	if target != want {
		return "leads elsewhere", nil
	}
	return "", nil
}

func digestOfFile(path string) (digest understudy.Digest, err error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return "", err
	}
	return understudy.Digest("sha256:" + hex.EncodeToString(sum.Sum(nil))), nil
}
