package understudy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
)

// Digest names content: "sha256:" and 64 lower-case hexadecimal digits. Equal
// content has an equal digest on every machine.
type Digest string

// DigestOf is the digest of bytes.
func DigestOf(content []byte) Digest {
	sum := sha256.Sum256(content)
	return Digest("sha256:" + hex.EncodeToString(sum[:]))
}

// DigestOfValue is the digest of a value's JSON form as encoding/json writes it:
// struct fields in the order of their declaration, map keys sorted, no spaces. It
// is for values that this program declares; it fails only for what has no JSON form.
func DigestOfValue(v any) (Digest, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("digest of %T: %w", v, err)
	}
	return DigestOf(raw), nil
}

// ParseDigest accepts the form that Digest documents and nothing else.
func ParseDigest(s string) (Digest, error) {
	digits, found := strings.CutPrefix(s, "sha256:")
	if !found || len(digits) != sha256.Size*2 || strings.ToLower(digits) != digits {
		return "", Errorf(KindInvalid, "a digest is sha256: and 64 lower-case hexadecimal digits, found %q", s)
	}
	if _, err := hex.DecodeString(digits); err != nil {
		return "", Errorf(KindInvalid, "a digest is sha256: and 64 lower-case hexadecimal digits, found %q", s)
	}
	return Digest(s), nil
}

// Short is the first 12 hexadecimal digits, for people to read; never for comparing.
func (d Digest) Short() string {
	digits := d.Hex()
	if len(digits) > 12 {
		return digits[:12]
	}
	return digits
}

// Hex is the digest without its algorithm's name.
func (d Digest) Hex() string { return strings.TrimPrefix(string(d), "sha256:") }
