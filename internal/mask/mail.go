package mask

import (
	"bytes"
	"regexp"
	"unicode"
)

// reserved ends every masked host name. The top-level domain is reserved by RFC 2606 and
// will never be delegated: nothing sent there can reach anybody.
const reserved = ".test"

// email masks an address: the local part and the domain each as one string, then ".test".
// The growth by five bytes is the price for being both undeliverable and unique; an
// address of equal length under a reserved domain could not be unique. Equal local parts
// are masked equally under every domain, and equal domains in every address.
func (k *keyed) email(value []byte) []byte {
	at := bytes.LastIndexByte(value, '@')
	if at <= 0 || at == len(value)-1 || bytes.ContainsFunc(value, notInAddress) {
		return k.text(value)
	}
	out := append(k.shuffle("local", value[:at]), '@')
	return append(out, k.host(value[at+1:])...)
}

// notInAddress tells characters that mean more than a bare address: "Anna <anna@…>".
func notInAddress(r rune) bool {
	return unicode.IsSpace(r) || r == '<' || r == '>' || r == ',' || r == ';' || r == '"'
}

// host masks a host name and puts it under the reserved domain.
func (k *keyed) host(name []byte) []byte {
	return append(k.shuffle("host", name), reserved...)
}

// The patterns look at the classes of characters alone, so that a masked text is taken
// apart at the same places as the real one: on that rests that text stays a bijection.
var (
	mailInText  = regexp.MustCompile(`[A-Za-z0-9._%+\-]+@[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)+`)
	phoneInText = regexp.MustCompile(`\+[0-9][0-9 ()./\-]{5,20}[0-9]`)
)

// text masks free text: addresses and international telephone numbers inside as they are
// masked everywhere else, all other letters and digits as one string. What it costs is
// that two texts with one word in common have nothing in common any more.
func (k *keyed) text(value []byte) []byte {
	return k.shuffleAround("text", value, k.spans(value))
}

// spans finds the parts of a text that are masked by themselves.
func (k *keyed) spans(value []byte) []span {
	var spans []span
	from := 0
	if bytes.IndexByte(value, '@') >= 0 {
		for _, m := range mailInText.FindAllIndex(value, -1) {
			spans = k.phones(spans, value, from, m[0])
			spans = append(spans, span{m[0], m[1], k.email(value[m[0]:m[1]])})
			from = m[1]
		}
	}
	return k.phones(spans, value, from, len(value))
}

// phones adds the telephone numbers between two places of a text.
func (k *keyed) phones(spans []span, value []byte, from, to int) []span {
	part := value[from:to]
	if bytes.IndexByte(part, '+') < 0 {
		return spans
	}
	for _, m := range phoneInText.FindAllIndex(part, -1) {
		spans = append(spans, span{from + m[0], from + m[1], k.phone(part[m[0]:m[1]])})
	}
	return spans
}

// sweep masks only the e-mail addresses inside a value.
func (k *keyed) sweep(value []byte) []byte {
	if bytes.IndexByte(value, '@') < 0 {
		return value
	}
	return mailInText.ReplaceAllFunc(value, k.email)
}
