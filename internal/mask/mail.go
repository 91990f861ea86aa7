package mask

import (
	"bytes"
	"regexp"
	"unicode"
	"unicode/utf8"
)

// email masks an address: the local part as one string, the domain by host. It keeps the
// address's length, and nothing sent to what it makes can reach anybody. Equal local parts
// are masked equally under every domain, and equal domains in every address.
func (k *keyed) email(dst, value []byte) []byte {
	return k.address(dst, value, (*keyed).host)
}

// emailGrown is email with a domain that has grown by ".test".
func (k *keyed) emailGrown(dst, value []byte) []byte {
	return k.address(dst, value, (*keyed).hostGrown)
}

func (k *keyed) address(dst, value []byte, host func(k *keyed, dst, value []byte) []byte) []byte {
	at := bytes.LastIndexByte(value, '@')
	if at <= 0 || at == len(value)-1 || saysMore(value) {
		return k.text(dst, value)
	}
	dst = k.remembered(dst, partLocal, value[:at], (*keyed).local)
	return host(k, append(dst, '@'), value[at+1:])
}

func (k *keyed) local(dst, value []byte) []byte { return k.shuffle(dst, "local", value) }

// saysMore tells a text with characters that mean more than a bare address: "Anna <anna@…>".
func saysMore(value []byte) bool {
	for i, b := range value {
		switch {
		case b >= utf8.RuneSelf:
			return bytes.ContainsFunc(value[i:], notInAddress)
		case b < 64 && meansMore>>b&1 != 0:
			return true
		}
	}
	return false
}

// meansMore has a bit for each character of ASCII that notInAddress tells; all are below 64.
const meansMore uint64 = 1<<'\t' | 1<<'\n' | 1<<'\v' | 1<<'\f' | 1<<'\r' | 1<<' ' | 1<<'"' | 1<<',' | 1<<';' | 1<<'<' | 1<<'>'

func notInAddress(r rune) bool {
	return unicode.IsSpace(r) || r == '<' || r == '>' || r == ',' || r == ';' || r == '"'
}

// phoneInText looks at the classes of characters alone, so that a masked text is taken
// apart at the same places as the real one: on that rests that text stays a bijection.
var phoneInText = regexp.MustCompile(`\+[0-9][0-9 ()./\-]{5,20}[0-9]`)

// text masks free text: addresses and international telephone numbers inside as they are
// masked everywhere else, all other letters and digits as one string. What it costs is
// that two texts with one word in common have nothing in common any more.
func (k *keyed) text(dst, value []byte) []byte {
	return k.shuffleAround(dst, "text", value, k.spans(value))
}

// spans finds the parts of a text that are masked by themselves.
func (k *keyed) spans(value []byte) []span {
	var spans []span
	from := 0
	for {
		start, end, found := nextMail(value, from)
		if !found {
			return k.phones(spans, value, from, len(value))
		}
		spans = k.phones(spans, value, from, start)
		spans = append(spans, span{start, end, k.email(nil, value[start:end])})
		from = end
	}
}

// phones adds the telephone numbers between two places of a text.
func (k *keyed) phones(spans []span, value []byte, from, to int) []span {
	part := value[from:to]
	if bytes.IndexByte(part, '+') < 0 {
		return spans
	}
	for at := 0; ; {
		start, end, found := nextPhone(part, at)
		if !found {
			return spans
		}
		spans = append(spans, span{from + start, from + end, k.phone(nil, part[start:end])})
		at = end
	}
}

// nextPhone finds the first international number in a text from a place on: what matches
// phoneInText.
func nextPhone(value []byte, from int) (start, end int, found bool) {
	const least, most = 7, 22 // from the first digit to the last
	for at := from; ; at++ {
		next := bytes.IndexByte(value[at:], '+')
		if next < 0 {
			return 0, 0, false
		}
		at += next
		length, digit := 0, 0
		for i := at + 1; i < len(value) && length < most; i++ {
			isDigit := value[i] >= '0' && value[i] <= '9'
			if !isDigit && (length == 0 || bytes.IndexByte([]byte(" ()./-"), value[i]) < 0) {
				break
			}
			if length++; isDigit {
				digit = length
			}
		}
		if digit >= least {
			return at, at + 1 + digit, true
		}
	}
}

// nextMail finds the first e-mail address in a text from a place on: what matches
// [A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+. Like phoneInText it looks at the
// classes of characters alone.
func nextMail(value []byte, from int) (start, end int, found bool) {
	for at := from; ; at++ {
		next := bytes.IndexByte(value[at:], '@')
		if next < 0 {
			return 0, 0, false
		}
		at += next
		start = at
		for start > from && inLocal(value[start-1]) {
			start--
		}
		if end = hostEnd(value, at+1); start < at && end > 0 {
			return start, end, true
		}
	}
}

func inLocal(b byte) bool {
	return inLabel(b) || b == '.' || b == '_' || b == '%' || b == '+'
}

func inLabel(b byte) bool {
	return b|0x20 >= 'a' && b|0x20 <= 'z' || b >= '0' && b <= '9' || b == '-'
}

// hostEnd is where the host that begins at a place ends; 0 if none with a dot does.
func hostEnd(value []byte, from int) int {
	end, dots := 0, 0
	for at := from; ; at++ {
		label := at
		for at < len(value) && inLabel(value[at]) {
			at++
		}
		if at == label {
			break
		}
		if dots++; dots > 1 {
			end = at
		}
		if at == len(value) || value[at] != '.' {
			break
		}
	}
	return end
}

// sweep masks only the e-mail addresses inside a value.
func (k *keyed) sweep(dst, value []byte) []byte {
	from := 0
	for {
		start, end, found := nextMail(value, from)
		if !found {
			return append(dst, value[from:]...)
		}
		dst = k.email(append(dst, value[from:start]...), value[start:end])
		from = end
	}
}

// holdsMail tells whether there is an e-mail address in a text.
func holdsMail(text string) bool {
	_, _, found := nextMail([]byte(text), 0)
	return found
}
