package mask

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"regexp"
	"strings"
)

var (
	uuidShape = regexp.MustCompile(`^(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9A-F]{8}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{12})$`)
	hexShape  = regexp.MustCompile(`^(?:[0-9a-f:.\-]{8,}|[0-9A-F:.\-]{8,})$`)
)

// token masks an opaque secret. Hexadecimal stays hexadecimal, a UUID keeps its version,
// anything else keeps the class of each character.
func (k *keyed) token(value []byte) []byte {
	switch {
	case uuidShape.Match(value):
		return k.hexadecimal("uuid", value, func(i int) bool { return i == 14 || i == 19 }, false)
	case hexShape.Match(value) && hasDigit(value) && hasLetter(value):
		return k.hexadecimal("hex", value, func(int) bool { return false }, true)
	default:
		return k.shuffle("token", value)
	}
}

func hasDigit(value []byte) bool { return bytes.ContainsAny(value, "0123456789") }

func hasLetter(value []byte) bool { return bytes.ContainsAny(value, "abcdefABCDEF") }

// hexadecimal masks all hexadecimal digits but the kept ones. Mixed asks that the result
// has, as the value has, both digits and letters; upper case must show itself by a letter.
func (k *keyed) hexadecimal(purpose string, value []byte, kept func(i int) bool, mixed bool) []byte {
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
	write := func(v []uint16) []byte {
		out, n := bytes.Clone(value), 0
		for i, b := range value {
			if strings.IndexByte(alphabet, b) >= 0 && !kept(i) {
				out[i], n = alphabet[v[n]], n+1
			}
		}
		return out
	}
	k.permuteWithin(s, func(v []uint16) bool {
		out := write(v)
		return (!mixed || hasDigit(out) && hasLetter(out)) && (alphabet == lower || bytes.ContainsAny(out, "ABCDEF"))
	})
	return write(s.value)
}

// ip masks an address of either version, with its prefix length and port kept. Loopback
// and unspecified addresses stay: they are nobody's. In a cidr column only the bits of
// the network are there to be masked.
func (k *keyed) ip(value []byte, cidr bool) []byte {
	text := string(value)
	if at, err := netip.ParseAddrPort(text); err == nil {
		return []byte(netip.AddrPortFrom(k.address(at.Addr(), at.Addr().BitLen()), at.Port()).String())
	}
	if p, err := netip.ParsePrefix(text); err == nil {
		bits := p.Addr().BitLen()
		if cidr {
			bits = p.Bits()
		}
		return []byte(netip.PrefixFrom(k.address(p.Addr(), bits), p.Bits()).String())
	}
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		return []byte(k.address(a, a.BitLen()).String())
	}
	return k.shuffle("ip", value)
}

// address permutes the first bits of an address among those that are somebody's.
func (k *keyed) address(a netip.Addr, bits int) netip.Addr {
	switch {
	case a.Is4In6() && bits > 96:
		return netip.AddrFrom16(k.address(a.Unmap(), bits-96).As16())
	case bits == 0 || nobodys(a):
		return a
	}
	raw := a.AsSlice()
	s := k.take("ip")
	defer k.give(s)
	whole, rest := bits/8, bits%8
	for _, b := range raw[:whole] {
		s.add(int(b), 256)
	}
	if rest > 0 {
		s.add(int(raw[whole]>>(8-rest)), 1<<rest)
		s.structure = append(s.structure, raw[whole]<<rest)
		s.structure = append(s.structure, raw[whole+1:]...)
	} else {
		s.structure = append(s.structure, raw[whole:]...)
	}
	read := func(v []uint16) netip.Addr {
		out := bytes.Clone(raw)
		for i := range whole {
			out[i] = byte(v[i])
		}
		if rest > 0 {
			out[whole] = byte(v[whole])<<(8-rest) | raw[whole]<<rest>>rest
		}
		masked, _ := netip.AddrFromSlice(out) // 4 or 16 bytes, as they came
		return masked
	}
	k.permuteWithin(s, func(v []uint16) bool { return !nobodys(read(v)) })
	return read(s.value)
}

// nobodys tells addresses that stay. Those of version 4 written as version 6 are masked as
// what they are before it comes to this.
func nobodys(a netip.Addr) bool { return a.IsLoopback() || a.IsUnspecified() || a.Is4In6() }

var urlShape = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.\-]*)://((?:[^/?#@\s]*@)?)([^/?#:@\s\[\]]+)((?::[0-9]+)?)((?:[/?#].*)?)$`)

// url masks host, user, path and query. Scheme, port and separators stay, and the host
// ends in ".test" afterwards. mailto: and tel: hold what their names say.
func (k *keyed) url(value []byte) []byte {
	if rest, found := bytes.CutPrefix(value, []byte("mailto:")); found {
		return append([]byte("mailto:"), k.email(rest)...)
	}
	if rest, found := bytes.CutPrefix(value, []byte("tel:")); found {
		return append([]byte("tel:"), k.phone(rest)...)
	}
	m := urlShape.FindSubmatch(value)
	if m == nil {
		return k.text(value)
	}
	out := append(bytes.Clone(m[1]), "://"...)
	out = append(out, k.shuffle("user", m[2])...)
	if _, err := netip.ParseAddr(string(m[3])); err == nil {
		out = append(out, k.ip(m[3], false)...)
	} else {
		out = append(out, k.host(m[3])...)
	}
	out = append(out, m[4]...)
	return append(out, k.path(m[5])...)
}

var escape = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)

// path masks what follows the host. Escapes stay well formed: each becomes "%5F", which
// is the one place where two different URLs may become equal.
func (k *keyed) path(value []byte) []byte {
	var spans []span
	for _, m := range escape.FindAllIndex(value, -1) {
		spans = append(spans, span{m[0], m[1], []byte("%5F")})
	}
	return k.shuffleAround("path", value, spans)
}

// hash is 32 hexadecimal digits that say nothing but which values were equal.
func (k *keyed) hash(value []byte) []byte {
	mac := hmac.New(sha256.New, k.mac)
	mac.Write(value)
	return hex.AppendEncode(nil, mac.Sum(nil)[:16])
}

// password replaces a password's hash by one of the same scheme and cost that no password
// has: its salt and digest are all zeros. It says nothing of the value, not even which
// characters it was made of. What is no hash of a known form becomes "!".
func password(value []byte) []byte {
	var out []byte
	replaced := false
	for rest := value; len(rest) > 0; {
		end := bytes.IndexAny(rest, "$:}")
		part := rest
		if end >= 0 {
			part = rest[:end]
		}
		if len(part) >= 16 {
			out, replaced = append(out, zeros(part)...), true
		} else {
			out = append(out, part...)
		}
		if end < 0 {
			break
		}
		out, rest = append(out, rest[end]), rest[end+1:]
	}
	if !replaced {
		return []byte("!")
	}
	return out
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
