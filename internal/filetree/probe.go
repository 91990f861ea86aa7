package filetree

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"

	"understudy"
)

// Probe tells what files in a folder can be cloned by. It tries: it writes a small file
// there, clones it, and where the system tells looks whether the two truly share.
func Probe(folder string) (Method, error) {
	temp, err := os.MkdirTemp(folder, ".understudy-probe-")
	if err != nil {
		return "", understudy.Errorf(understudy.KindUnavailable, "trying how files in %s can be cloned: %w", folder, err)
	}
	method, err := probe(temp)
	if err := errors.Join(err, os.RemoveAll(temp)); err != nil {
		return "", understudy.Errorf(understudy.KindUnavailable, "trying how files in %s can be cloned: %w", folder, err)
	}
	return method, nil
}

// probeSize is more than a file system keeps beside the file's name instead of in blocks.
const probeSize = 128 << 10

func probe(folder string) (Method, error) {
	original, clone := filepath.Join(folder, "original"), filepath.Join(folder, "clone")
	content := make([]byte, probeSize)
	rand.Read(content) //nolint:errcheck // it never fails, and what compresses proves less
	if err := os.WriteFile(original, content, 0o600); err != nil {
		return "", err
	}
	if err := reflink(original, clone); errors.Is(err, errors.ErrUnsupported) {
		return Copy, nil
	} else if err != nil {
		return "", err
	}
	if shared, err := shares(clone); err != nil || !shared {
		return Copy, err
	}
	return Reflink, nil
}
