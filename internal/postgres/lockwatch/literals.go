package lockwatch

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// WithoutLiterals is a statement as it may be shown: constants, which may be personal data,
// become ?, comments go, white space shrinks. A long one is cut.
func WithoutLiterals(statement string) string { return withoutLiterals(statement) }

// Form is a statement as it may be shown and told from others by: one that WithoutLiterals cuts
// has a digest of its whole form behind it, so that two of which only the beginning is the same
// have two forms.
func Form(statement string) string {
	var shown strings.Builder
	whole := sha256.New()
	eachPart(statement, func(part string) bool {
		whole.Write([]byte(part)) //nolint:errcheck // a hash takes everything
		if shown.Len() <= longestStatement {
			shown.WriteString(part)
		}
		return true
	})
	if shown.Len() <= longestStatement {
		return shown.String()
	}
	return cutAt(shown.String(), longestStatement) + "… #" + hex.EncodeToString(whole.Sum(nil)[:6])
}
