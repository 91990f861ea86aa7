package mask

import (
	"bytes"
	"net/netip"
	"strconv"
)

// ip masks an address of either version so that it keeps its length: a number of an
// address becomes one that is written with as many digits, and zeros between colons stay,
// so that "::" stands where it stood. Prefix length and port stay. Loopback and unspecified
// addresses stay too: they are nobody's. What is no address is masked by its letters and digits.
func (k *keyed) ip(dst, value []byte) []byte {
	end := len(value)
	if slash := bytes.IndexByte(value, '/'); slash >= 0 {
		if _, err := netip.ParsePrefix(string(value)); err != nil {
			return k.shuffle(dst, "ip", value)
		}
		end = slash
	}
	host := value[:end]
	if masked, is := k.address4(dst, host); is {
		return append(masked, value[end:]...)
	}
	if at, err := netip.ParseAddrPort(string(host)); err == nil {
		colon := bytes.LastIndexByte(host, ':')
		if at.Addr().Is4() {
			masked, _ := k.address4(dst, host[:colon])
			return append(masked, value[colon:]...)
		}
		masked := k.address6(append(dst, '['), host[1:colon-1])
		return append(masked, value[colon-1:]...)
	}
	if a, err := netip.ParseAddr(string(host)); err == nil && a.Zone() == "" {
		return append(k.address6(dst, host), value[end:]...)
	}
	return k.shuffle(dst, "ip", value)
}

// cidr masks a network: as ip does, but only the bits of its prefix, for a column of
// networks takes no others. The length of an address may change.
func (k *keyed) cidr(dst, value []byte) []byte {
	p, err := netip.ParsePrefix(string(value))
	if err != nil {
		return k.ip(dst, value)
	}
	if p.Bits() == p.Addr().BitLen() {
		return k.ip(dst, value)
	}
	return netip.PrefixFrom(k.bits(p.Addr(), p.Bits()), p.Bits()).AppendTo(dst)
}

// address4 masks an address of version 4, if value is one in its usual form.
func (k *keyed) address4(dst, value []byte) (masked []byte, is bool) {
	octets, is := octetsOf(value)
	if !is {
		return dst, false
	}
	if nobodys(netip.AddrFrom4(octets)) {
		return append(dst, value...), true
	}
	s := k.take("ip4")
	defer k.give(s)
	least := [4]int{}
	for i, o := range octets {
		l, size := octetsLike(o)
		least[i] = l
		s.structure = append(s.structure, byte(l))
		s.add(int(o)-l, size)
	}
	k.permuteWithin(s, func(v []uint16) bool {
		for i := range octets {
			octets[i] = byte(least[i] + int(v[i]))
		}
		return !nobodys(netip.AddrFrom4(octets))
	})
	return netip.AddrFrom4(octets).AppendTo(dst), true
}

// octetsOf reads four numbers up to 255 between dots, without zeros before them: what
// netip reads, and no memory for it.
func octetsOf(value []byte) (octets [4]byte, is bool) {
	n, digits, number := 0, 0, 0
	for i, b := range value {
		switch {
		case b >= '0' && b <= '9' && (digits == 0 || number > 0):
			number, digits = number*10+int(b-'0'), digits+1
		case b == '.' && digits > 0 && n < 3:
			octets[n] = byte(number)
			n, digits, number = n+1, 0, 0
			continue
		default:
			return octets, false
		}
		if number > 255 || i >= len("255.255.255.255") {
			return octets, false
		}
	}
	octets[n] = byte(number)
	return octets, n == 3 && digits > 0
}

// octetsLike are the numbers that are written with as many digits: the least and how many.
func octetsLike(o byte) (least, size int) {
	switch {
	case o < 10:
		return 0, 10
	case o < 100:
		return 10, 90
	default:
		return 100, 156
	}
}

// address6 masks the groups of an address of version 6 that are not zero, each by one with
// as many digits; one of version 4 at its end is masked as such.
func (k *keyed) address6(dst, value []byte) []byte {
	if a, err := netip.ParseAddr(string(value)); err != nil || nobodys(a) {
		return append(dst, value...)
	}
	start := len(dst)
	dst = append(dst, value...)
	end := len(value)
	if bytes.IndexByte(value, '.') >= 0 {
		end = bytes.LastIndexByte(value, ':') + 1
		masked, _ := k.address4(dst[:start+end], value[end:])
		dst = masked
		if a, err := netip.ParseAddr(string(value)); err == nil && a.Is4In6() {
			return dst // ::ffff: says that it is one of version 4, and stays
		}
	}
	upper := bytes.ContainsAny(value, "ABCDEF")
	s := k.take("ip6")
	defer k.give(s)
	groups := groupsOf(value[:end])
	for _, g := range groups {
		s.structure = append(s.structure, byte(g.nth), byte(g.digits()))
		s.add(int(g.value)-g.least(), g.size())
	}
	for {
		k.permute(s)
		for i, g := range groups {
			text := strconv.AppendUint(nil, uint64(g.least()+int(s.value[i])), 16)
			if upper {
				text = bytes.ToUpper(text)
			}
			copy(dst[start+g.end-len(text):], text)
		}
		if a, err := netip.ParseAddr(string(dst[start:])); err == nil && !nobodys(a) {
			return dst
		}
	}
}

// group is a number between colons that is not zero.
type group struct {
	nth   int // from the address's beginning, or from its end behind "::"
	end   int
	value uint64
}

func (g group) digits() int { return len(strconv.FormatUint(g.value, 16)) }
func (g group) least() int  { return max(1, 1<<(4*(g.digits()-1))) }
func (g group) size() int   { return 1<<(4*g.digits()) - g.least() }

func groupsOf(value []byte) []group {
	var groups []group
	nth, start := 0, 0
	for i := 0; i <= len(value); i++ {
		if i < len(value) && value[i] != ':' {
			continue
		}
		if i == start && i > 0 { // "::"
			nth += 100
		}
		if n, err := strconv.ParseUint(string(value[start:i]), 16, 16); err == nil && n > 0 {
			groups = append(groups, group{nth, i, n})
		}
		nth, start = nth+1, i+1
	}
	return groups
}

// bits permutes the first bits of an address among those that are somebody's.
func (k *keyed) bits(a netip.Addr, count int) netip.Addr {
	switch {
	case a.Is4In6() && count > 96:
		return netip.AddrFrom16(k.bits(a.Unmap(), count-96).As16())
	case count == 0 || nobodys(a):
		return a
	}
	raw := a.AsSlice()
	s := k.take("cidr")
	defer k.give(s)
	s.structure = append(s.structure, byte(count), byte(len(raw)))
	for i := range count {
		s.add(int(raw[i/8]>>(7-i%8)&1), 2)
	}
	var masked netip.Addr
	k.permuteWithin(s, func(v []uint16) bool {
		for i, bit := range v {
			raw[i/8] = raw[i/8]&^(1<<(7-i%8)) | byte(bit)<<(7-i%8)
		}
		masked, _ = netip.AddrFromSlice(raw) // 4 or 16 bytes, as they came
		return !nobodys(masked)
	})
	return masked
}

// nobodys tells addresses that stay.
func nobodys(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsLoopback() || a.IsUnspecified()
}
