package mask

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// reserved ends the host names of known mail providers, and of everybody where a rule asks
// for that. The top-level domain is reserved by RFC 2606 and will never be delegated.
const reserved = ".test"

// hosts are the masks of host names that are made once for a key.
type hosts struct {
	known map[string]string // lower case: "gmail.com" to "qfzp.test"
	taken map[string]bool   // what the known become
	ranks [26 * 26]int      // of two letters among those that may be a country's; -1: nobody's
}

// host masks a host name so that it keeps its length and leads nowhere.
//
// A name of equal length under a reserved domain could not stay unique: ".test" leaves too
// few letters for all the names there are. Therefore
//
//   - the domain of a known mail provider becomes one under ".test" that is its own;
//   - a name under a reserved domain stays under it;
//   - of every other name the letters and digits are permuted as one string, and then the
//     top-level domain is rewritten, one to one, to one with a digit in it (stamp). No such
//     domain exists or can: those in ASCII are letters alone (RFC 1123, section 2.1; ICANN's
//     Applicant Guidebook, 2.2.1.3.2) but for "xn--", whose x becomes 0. The pattern of most
//     checks of addresses, HTML's among them, takes it; for those that ask for letters there
//     is hostGrown.
//
// Different names stay different but in two cases: one whose top-level domain has a digit
// already or is not written in ASCII may, by chance, become what another becomes. The
// letter of a top-level domain of one letter, of which there are none, only changes.
func (k *keyed) host(dst, name []byte) []byte {
	return k.remembered(dst, partHost, name, (*keyed).makeHost)
}

// hostGrown masks a host name and puts it under the reserved domain: five bytes longer,
// without exception one to one, and of a form that every check of host names takes.
func (k *keyed) hostGrown(dst, name []byte) []byte {
	return append(k.shuffle(dst, "host", name), reserved...)
}

func (k *keyed) makeHost(dst, name []byte) []byte {
	lower := lowered(name)
	if to, known := k.hosts.known[lower]; known {
		return appendCased(dst, []byte(to), name)
	}
	if front := reservedFront(lower); front >= 0 {
		return k.underReserved(dst, name, front)
	}
	start, tld := len(dst), bytes.LastIndexByte(name, '.')+1
	switch last := lower[tld:]; {
	case strings.HasPrefix(last, "xn--"):
		without := bytes.Clone(name)
		without[tld] = '-'
		dst = k.shuffle(dst, "host", without)
		dst[start+tld] = '0'
	case strings.Trim(last, "abcdefghijklmnopqrstuvwxyz") == "":
		dst = k.shuffle(dst, "host", name)
		k.hosts.stamp(dst[start+tld:])
	default:
		dst = k.shuffle(dst, "host", name)
		zeroFirstOther(dst[start+tld:])
	}
	return dst
}

// reservedFront is how much of a name stands before a domain that is reserved by RFC 2606
// or RFC 6761; -1 if it is under none.
func reservedFront(lower string) int {
	for _, domain := range [...]string{"test", "example", "invalid", "localhost", "example.com", "example.net", "example.org"} {
		if front, found := strings.CutSuffix(lower, domain); found && (front == "" || strings.HasSuffix(front, ".")) {
			return len(front)
		}
	}
	return -1
}

// underReserved permutes what stands before a reserved domain, past what the known
// providers become.
func (k *keyed) underReserved(dst, name []byte, front int) []byte {
	if front == 0 {
		return append(dst, name...)
	}
	start := len(dst)
	dst = append(k.shuffle(dst, "reserved", name[:front]), name[front:]...)
	for k.hosts.taken[lowered(dst[start:])] {
		again := bytes.Clone(dst[start : start+front])
		dst = append(k.shuffle(dst[:start], "reserved", again), name[front:]...)
	}
	return dst
}

// lowered is a name with ASCII in lower case, so that it keeps its length.
func lowered(name []byte) string {
	lower := bytes.Clone(name)
	for i, b := range lower {
		if b >= 'A' && b <= 'Z' {
			lower[i] = b | 0x20
		}
	}
	return string(lower)
}

// zeroFirstOther writes zeros over the first character outside of ASCII.
func zeroFirstOther(label []byte) {
	at := bytes.IndexFunc(label, func(r rune) bool { return r >= utf8.RuneSelf })
	if at < 0 {
		return
	}
	_, n := utf8.DecodeRune(label[at:])
	for i := range n {
		label[at+i] = '0'
	}
}

// appendCased appends a text in lower case with capitals where like has them.
func appendCased(dst, text, like []byte) []byte {
	for i, b := range text {
		if c := like[i]; c >= 'A' && c <= 'Z' && b >= 'a' && b <= 'z' {
			b -= 'a' - 'A'
		}
		dst = append(dst, b)
	}
	return dst
}

// stamp rewrites the end of a top-level domain of ASCII letters, one to one, so that it has
// a digit. Its last four letters are read as a number below 26⁴, which is written in one of
// the 2·26·36²·10 forms "letter any any digit" and "any any digit letter"; two or three
// letters likewise. Of two letters there are more than forms, 676 and 520: the 156 that are no
// country's stay. Capitals stay where letters do.
func (h *hosts) stamp(label []byte) {
	if len(label) < 2 {
		return
	}
	label = label[len(label)-min(len(label), 4):]
	like := bytes.Clone(label)
	n := 0
	for _, b := range label {
		n = n*26 + int(b|0x20-'a')
	}
	if len(label) == 2 {
		if n = h.ranks[n]; n < 0 {
			return
		}
	}
	const alnum, letters, digits = "0123456789abcdefghijklmnopqrstuvwxyz", "abcdefghijklmnopqrstuvwxyz", "0123456789"
	form := []string{letters, alnum, alnum, digits}
	if len(label) < 4 {
		form = append([]string{letters}, form[5-len(label):]...)
	}
	half := 260
	for range len(label) - 2 {
		half *= 36
	}
	if n >= half {
		n -= half
		form = append(append([]string{}, form[1:]...), letters)
	}
	for i := len(label) - 1; i >= 0; i-- {
		label[i] = form[i][n%len(form[i])]
		n /= len(form[i])
	}
	appendCased(label[:0], bytes.Clone(label), like)
}

// nobodysCountry tells pairs of letters that are no country's and therefore no top-level domain:
// ISO 3166-1 leaves some to its users and has not assigned the others.
func nobodysCountry(a, b byte) bool {
	switch a {
	case 'q':
		return b != 'a'
	case 'x':
		return true
	case 'w':
		return b != 'f' && b != 's'
	case 'o':
		return b != 'm'
	case 'j':
		return !strings.Contains("emop", string(b))
	case 'y':
		return b != 'e' && b != 't'
	case 'h':
		return b <= 'h'
	default:
		return (a == 'a' || a == 'z') && b == a
	}
}

// knownHosts gives each known provider a name of its length under the reserved domain.
func knownHosts(k *keyed) hosts {
	h := hosts{known: map[string]string{}, taken: map[string]bool{}}
	nth := map[int]int{}
	for _, provider := range strings.Fields(mailProviders) {
		s := k.take("provider")
		rest := nth[len(provider)]
		nth[len(provider)]++
		for range len(provider) - len(reserved) {
			s.add(rest%26, 26)
			rest /= 26
		}
		k.permute(s)
		var name []byte
		for _, v := range s.value {
			name = append(name, 'a'+byte(v))
		}
		k.give(s)
		to := fmt.Sprintf("%s%s", name, reserved)
		h.known[provider], h.taken[to] = to, true
	}
	rank := 0
	for n := range h.ranks {
		h.ranks[n] = -1
		if !nobodysCountry('a'+byte(n/26), 'a'+byte(n%26)) {
			h.ranks[n], rank = rank, rank+1
		}
	}
	return h
}

// mailProviders are the mail providers whose addresses make up most of what people write,
// each long enough for a letter under the reserved domain.
const mailProviders = `
gmail.com googlemail.com outlook.com outlook.de outlook.fr outlook.es outlook.it hotmail.com hotmail.de hotmail.fr
hotmail.it hotmail.es hotmail.co.uk live.com live.de live.fr live.nl live.co.uk msn.com yahoo.com yahoo.de yahoo.fr
yahoo.it yahoo.es yahoo.co.uk yahoo.co.jp yahoo.co.in yahoo.com.br ymail.com rocketmail.com icloud.com me.com mac.com
aol.com aol.de web.de gmx.de gmx.net gmx.at gmx.ch gmx.com t-online.de freenet.de arcor.de vodafone.de posteo.de
mailbox.org bluewin.ch a1.net aon.at chello.at proton.me protonmail.com protonmail.ch tutanota.com tuta.io hey.com
fastmail.com zoho.com mail.com email.com orange.fr wanadoo.fr free.fr sfr.fr laposte.net neuf.fr libero.it virgilio.it
alice.it tiscali.it tim.it hotmail.nl ziggo.nl kpnmail.nl planet.nl telenet.be skynet.be btinternet.com sky.com
virginmedia.com talktalk.net comcast.net verizon.net att.net sbcglobal.net bellsouth.net cox.net charter.net shaw.ca
rogers.com telus.net bigpond.com optusnet.com.au onet.pl interia.pl gazeta.pl seznam.cz centrum.cz mail.ru
yandex.ru yandex.com rambler.ru inbox.ru list.ru ukr.net qq.com 163.com 126.com sina.com foxmail.com naver.com
daum.net hanmail.net docomo.ne.jp ezweb.ne.jp softbank.ne.jp uol.com.br bol.com.br terra.com.br rediffmail.com
`
