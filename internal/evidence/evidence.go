// Package evidence keeps the small files that a rehearsal leaves behind to show what
// it saw: a log, a plan, a list of locks.
//
// A file is named by the digest of its content, so it can be kept twice without
// harm, cannot be changed without being noticed, and an attestation that carries the
// digest vouches for the file. Whoever puts a file here has taken secrets and
// personal data out of it first.
package evidence

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"understudy"
	"understudy/internal/atomicfile"
)

// Limit is the most that is kept of one file, in bytes. What is longer is cut, and
// ends with a line that says so.
const Limit = 8 << 20

// Keeper keeps evidence in one folder. Its methods may be called at the same time.
type Keeper struct{ folder string }

// Keep returns the keeper of a folder, which is made at the first Put.
func Keep(folder string) Keeper { return Keeper{folder: folder} }

// Put reads r to its end, or to Limit, and keeps it under the digest of what was
// kept. Name is what people see, such as "locks.txt". When Put returns nil the file
// survives a crash.
func (k Keeper) Put(name string, r io.Reader) (understudy.Evidence, error) {
	content, err := readUpTo(r, Limit)
	if err != nil {
		return understudy.Evidence{}, fmt.Errorf("reading evidence %q: %w", name, err)
	}
	kept := understudy.Evidence{Name: name, Digest: understudy.DigestOf(content), Size: int64(len(content))}
	path := k.path(kept.Digest)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return understudy.Evidence{}, fmt.Errorf("keeping evidence %q: %w", name, err)
	}
	if err := atomicfile.Write(path, content, 0o600); err != nil {
		return understudy.Evidence{}, fmt.Errorf("keeping evidence %q: %w", name, err)
	}
	return kept, nil
}

// Open returns the content of a piece of evidence, after comparing all of it with
// its digest. KindNotFound when it is not here, KindInternal when it was changed.
// Only the digest is used to find it; the caller closes what is returned.
func (k Keeper) Open(e understudy.Evidence) (io.ReadCloser, error) {
	digest, err := understudy.ParseDigest(string(e.Digest))
	if err != nil {
		return nil, fmt.Errorf("opening evidence %q: %w", e.Name, err)
	}
	content, err := os.ReadFile(k.path(digest))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, understudy.Errorf(understudy.KindNotFound, "evidence %q (%s) is not kept here", e.Name, digest.Short())
	case err != nil:
		return nil, fmt.Errorf("opening evidence %q: %w", e.Name, err)
	case understudy.DigestOf(content) != digest:
		return nil, understudy.Errorf(understudy.KindInternal,
			"evidence %q was changed after it was kept: %s no longer has the digest it is named by", e.Name, k.path(digest)).
			WithHint("bring the file back from a backup of the state folder, or rehearse again")
	}
	return io.NopCloser(bytes.NewReader(content)), nil
}

func (k Keeper) path(d understudy.Digest) string {
	return filepath.Join(k.folder, d.Hex()[:2], d.Hex())
}

// readUpTo returns what r holds; of more than limit bytes it keeps as many as leave
// room for the line that says where it was cut.
func readUpTo(r io.Reader, limit int) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err != nil || len(content) <= limit {
		return content, err
	}
	kept := limit - 128
	return fmt.Appendf(content[:kept:kept], "\n[cut by understudy: these are the first %d bytes, the rest was left out]\n", kept), nil
}
