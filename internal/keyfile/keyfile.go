// Package keyfile keeps a key in a file that only its owner may read.
package keyfile

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"

	"understudy"
	"understudy/internal/atomicfile"
)

// Size of a key in bytes.
const Size = 32

// Open reads a key, and makes it by chance where there is no file. A file of another size
// is an error, and stays as it is.
func Open(path string) ([]byte, error) {
	raw, err := os.ReadFile(path)
	if err == nil && len(raw) == Size {
		return raw, nil
	}
	if err == nil {
		return nil, understudy.Errorf(understudy.KindInternal, "the key file %s holds %d bytes, and a key is %d", path, len(raw), Size).
			WithHint("restore it from a backup; without it, masked values and prints made before cannot be compared with new ones")
	}
	if !errors.Is(err, os.ErrNotExist) {
		return nil, understudy.Errorf(understudy.KindUnavailable, "reading the key file: %w", err)
	}
	key := make([]byte, Size)
	if _, err := rand.Read(key); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	return key, atomicfile.Write(path, key, 0o600)
}
