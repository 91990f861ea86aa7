package mask

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
)

var (
	uuidShape = regexp.MustCompile(`^(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9A-F]{8}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{12})$`)
	hexShape  = regexp.MustCompile(`^(?:[0-9a-f:.\-]{8,}|[0-9A-F:.\-]{8,})$`)
)

// token masks an opaque secret. Hexadecimal stays hexadecimal, a UUID keeps its version,
// anything else keeps the class of each character.
func (k *keyed) token(dst, value []byte) []byte {
	switch {
	case isUUID(value):
		return k.hexadecimal(dst, "uuid", value, func(i int) bool { return i == 14 || i == 19 }, false)
	case isHexadecimal(value) && hasDigit(value) && hasLetter(value):
		return k.hexadecimal(dst, "hex", value, func(int) bool { return false }, true)
	default:
		return k.shuffle(dst, "token", value)
	}
}

// isUUID is uuidShape, without an expression's cost for what is none.
func isUUID(value []byte) bool {
	return len(value) == 36 && value[8] == '-' && uuidShape.Match(value)
}

// isHexadecimal is hexShape without an expression's cost.
func isHexadecimal(value []byte) bool {
	lower, upper := false, false
	for _, b := range value {
		switch {
		case b >= '0' && b <= '9', b == ':', b == '.', b == '-':
		case b >= 'a' && b <= 'f':
			lower = true
		case b >= 'A' && b <= 'F':
			upper = true
		default:
			return false
		}
	}
	return len(value) >= 8 && !(lower && upper)
}

func hasDigit(value []byte) bool { return bytes.ContainsAny(value, "0123456789") }

func hasLetter(value []byte) bool { return bytes.ContainsAny(value, "abcdefABCDEF") }

// hexadecimal masks all hexadecimal digits but the kept ones. Mixed asks that the result
// has, as the value has, both digits and letters; upper case must show itself by a letter.
func (k *keyed) hexadecimal(dst []byte, purpose string, value []byte, kept func(i int) bool, mixed bool) []byte {
	const lower, upper = "0123456789abcdef", "0123456789ABCDEF"
	alphabet := lower
	if bytes.ContainsAny(value, "ABCDEF") {
		alphabet = upper
	}
	s := k.take(purpose)
	defer k.give(s)
	s.structure = append(s.structure, alphabet[15])
	for i, b := range value {
		at := strings.IndexByte(alphabet, b)
		if at < 0 || kept(i) {
			s.structure = append(s.structure, structureKept, b)
			continue
		}
		s.structure = append(s.structure, structureSymbol)
		s.add(at, 16)
	}
	start := len(dst)
	dst = append(dst, value...)
	out := dst[start:]
	k.permuteWithin(s, func(v []uint16) bool {
		n := 0
		for i, b := range value {
			if strings.IndexByte(alphabet, b) >= 0 && !kept(i) {
				out[i], n = alphabet[v[n]], n+1
			}
		}
		return (!mixed || hasDigit(out) && hasLetter(out)) && (alphabet == lower || bytes.ContainsAny(out, "ABCDEF"))
	})
	return dst
}

var urlShape = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.\-]*)://((?:[^/?#@\s]*@)?)([^/?#:@\s\[\]]+)((?::[0-9]{1,5})?)((?:[/?#].*)?)$`)

// url masks host, user, path and query, and keeps their length. Scheme, port and
// separators stay, and the host leads nowhere. mailto: and tel: hold what their names say.
func (k *keyed) url(dst, value []byte) []byte {
	return k.link(dst, value, (*keyed).email, (*keyed).host)
}

// urlGrown is url with hosts that have grown by ".test".
func (k *keyed) urlGrown(dst, value []byte) []byte {
	return k.link(dst, value, (*keyed).emailGrown, (*keyed).hostGrown)
}

func (k *keyed) link(dst, value []byte, email, host func(k *keyed, dst, value []byte) []byte) []byte {
	if rest, found := bytes.CutPrefix(value, []byte("mailto:")); found {
		return email(k, append(dst, "mailto:"...), rest)
	}
	if rest, found := bytes.CutPrefix(value, []byte("tel:")); found {
		return k.phone(append(dst, "tel:"...), rest)
	}
	m := urlShape.FindSubmatchIndex(value)
	if m == nil {
		return k.text(dst, value)
	}
	part := func(n int) []byte { return value[m[2*n]:m[2*n+1]] }
	dst = append(append(dst, part(1)...), "://"...)
	dst = k.shuffle(dst, "user", part(2))
	if masked, is := k.address4(dst, part(3)); is {
		dst = masked
	} else {
		dst = host(k, dst, part(3))
	}
	dst = append(dst, part(4)...)
	return k.path(dst, part(5))
}

var escape = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)

// path masks what follows the host. Escapes stay well formed: each becomes "%5F", which
// is the one place where two different URLs may become equal.
func (k *keyed) path(dst, value []byte) []byte {
	var spans []span
	if bytes.IndexByte(value, '%') >= 0 {
		for _, m := range escape.FindAllIndex(value, -1) {
			spans = append(spans, span{m[0], m[1], []byte("%5F")})
		}
	}
	return k.shuffleAround(dst, "path", value, spans)
}

// hash is 32 hexadecimal digits that say nothing but which values were equal.
func (k *keyed) hash(dst, value []byte) []byte {
	mac := hmac.New(sha256.New, k.mac)
	mac.Write(value)
	return hex.AppendEncode(dst, mac.Sum(nil)[:16])
}

// hashScheme begins a hash that says how it was made: $2b$10$…, {SSHA}…, pbkdf2_sha256$260000$….
// What stands there before salt and digest is of the scheme, and of nobody.
var hashScheme = regexp.MustCompile(`^(?:\$[a-z0-9-]{1,16}\$|\{[A-Z0-9.-]{2,16}\}|(?i:pbkdf2|sha|md5|bcrypt|argon2|scrypt|scram|phpass|hmac)[A-Za-z0-9_:+-]{0,32}\$)`)

// password replaces a password's hash by one of the same scheme, cost and length that no
// password has: its salt and digest are all zeros. It says nothing of the value, not even
// which characters it was made of. What is no hash of a known form becomes "!!!…".
func password(dst, value []byte) []byte {
	start := len(dst)
	scheme, replaced := hashScheme.Match(value), false
	for rest := value; len(rest) > 0; {
		end := bytes.IndexAny(rest, "$:}")
		part := rest
		if end >= 0 {
			part = rest[:end]
		}
		switch {
		case len(part) >= 16:
			dst, replaced = append(dst, zeros(part)...), true
		case scheme && !replaced:
			dst = append(dst, part...)
		default:
			dst = append(dst, zeros(part)...)
		}
		if end < 0 {
			break
		}
		dst, rest = append(dst, rest[end]), rest[end+1:]
	}
	if !replaced {
		return append(dst[:start], bytes.Repeat([]byte("!"), len(value))...)
	}
	return dst
}

// zeros writes a digest of zeros as long as part, in hexadecimal or in base 64, whose
// digit for zero is A (and a valid one where it is not).
func zeros(part []byte) []byte {
	padding := len(part) - len(bytes.TrimRight(part, "="))
	zero := "A"
	if hexShape.Match(part) {
		zero = "0"
	}
	return []byte(strings.Repeat(zero, len(part)-padding) + strings.Repeat("=", padding))
}
