package heap

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"time"
)

// Form is how a type stores its values, and how it writes them as text. Its zero value
// is that of a text.
type Form struct {
	kind   formKind
	text   func(to, stored []byte) ([]byte, bool)
	stored func(to, text, old []byte) ([]byte, bool)
}

type formKind int

const (
	formText     formKind = iota // the bytes are the text
	formSized                    // the bytes have the length that the text has, or follow from it
	formFixed                    // values of any text fit, or fit mostly
	formDocument                 // jsonb
)

// FormOf finds the form of a type by its name in pg_type, that of the base type of a
// domain; element is that of an array's elements, else empty. Types that are not known are
// not masked in place.
func FormOf(name, element string) (form Form, known bool) {
	text := []string{"text", "varchar", "bpchar", "citext", "json", "xml"}
	switch {
	case slices.Contains(text, name):
		return Form{}, true
	case slices.Contains(text[:4], element) && name == "_"+element:
		return Form{formSized, arrayText, arrayStored}, true
	}
	switch name {
	case "jsonb":
		return Form{kind: formDocument}, true
	case "bytea":
		return Form{formSized, byteaText, byteaStored}, true
	case "uuid":
		return Form{formFixed, uuidText, uuidStored}, true
	case "int2", "int4", "int8":
		return integerForm(int(name[3] - '0')), true
	case "numeric":
		return Form{formFixed, numericText, numericStored}, true
	case "inet", "cidr":
		return Form{formFixed, addressText(name == "cidr"), addressStored}, true
	case "date":
		return Form{formFixed, dateText, dateStored}, true
	case "timestamp":
		return timestampForm(""), true
	case "timestamptz":
		return timestampForm("+00"), true
	}
	return Form{}, false
}

// InPlace tells whether the values of a mask can be written over those of a column of
// this form, at least mostly.
func (f Form) InPlace(keepsLength, hasLeaf bool) bool {
	switch f.kind {
	case formFixed:
		return true
	case formDocument:
		return keepsLength && hasLeaf
	}
	return keepsLength
}

func byteaText(to, stored []byte) ([]byte, bool) {
	return hex.AppendEncode(append(to, `\x`...), stored), true
}

func byteaStored(to, text, _ []byte) ([]byte, bool) {
	if len(text) < 2 || string(text[:2]) != `\x` {
		return to, false
	}
	out, err := hex.AppendDecode(to, text[2:])
	return out, err == nil
}

func uuidText(to, stored []byte) ([]byte, bool) {
	for i, b := range stored {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			to = append(to, '-')
		}
		to = hex.AppendEncode(to, []byte{b})
	}
	return to, len(stored) == 16
}

func uuidStored(to, text, _ []byte) ([]byte, bool) {
	var digits []byte
	for _, b := range text {
		if b != '-' {
			digits = append(digits, b)
		}
	}
	out, err := hex.AppendDecode(to, digits)
	return out, err == nil && len(digits) == 32
}

func integerForm(size int) Form {
	text := func(to, stored []byte) ([]byte, bool) {
		return strconv.AppendInt(to, integer(stored), 10), len(stored) == size
	}
	stored := func(to, text, _ []byte) ([]byte, bool) {
		n, err := strconv.ParseInt(string(text), 10, 8*size)
		return binary.LittleEndian.AppendUint64(to, uint64(n))[:len(to)+size], err == nil
	}
	return Form{formFixed, text, stored}
}

func integer(b []byte) int64 {
	switch len(b) {
	case 2:
		return int64(int16(binary.LittleEndian.Uint16(b)))
	case 4:
		return int64(int32(binary.LittleEndian.Uint32(b)))
	}
	return int64(binary.LittleEndian.Uint64(b))
}

// The server counts days and microseconds from the year 2000; years that have not four
// digits are written in other ways and left to it.
const (
	epochDays   = 10957 // from 1970
	epochMicros = epochDays * 86400 * 1_000_000
)

func fourDigits(t time.Time) bool { return t.Year() >= 1 && t.Year() <= 9999 }

func dateText(to, stored []byte) ([]byte, bool) {
	if len(stored) != 4 {
		return to, false
	}
	t := time.Unix((integer(stored)+epochDays)*86400, 0).UTC()
	return t.AppendFormat(to, time.DateOnly), fourDigits(t)
}

func dateStored(to, text, _ []byte) ([]byte, bool) {
	t, err := time.Parse(time.DateOnly, string(text))
	if err != nil {
		return to, false
	}
	return binary.LittleEndian.AppendUint32(to, uint32(int32(t.Unix()/86400-epochDays))), fourDigits(t)
}

func timestampForm(zone string) Form {
	text := func(to, stored []byte) ([]byte, bool) {
		micros := integer(stored)
		if len(stored) != 8 || micros == math.MaxInt64 || micros == math.MinInt64 {
			return to, false
		}
		t := time.UnixMicro(micros + epochMicros).UTC()
		return append(t.AppendFormat(to, "2006-01-02 15:04:05.999999"), zone...), fourDigits(t)
	}
	layout := "2006-01-02 15:04:05"
	if zone != "" {
		layout += "-07"
	}
	stored := func(to, text, _ []byte) ([]byte, bool) {
		t, err := time.Parse(layout, string(text))
		if err != nil || t.Nanosecond()%1000 != 0 {
			return to, false
		}
		return binary.LittleEndian.AppendUint64(to, uint64(t.UnixMicro()-epochMicros)), fourDigits(t)
	}
	return Form{formFixed, text, stored}
}

// How an address is stored: its family, the bits of its net, itself (utils/inet.h).
const (
	family4 = 2
	family6 = 3
)

func addressText(net bool) func(to, stored []byte) ([]byte, bool) {
	return func(to, stored []byte) ([]byte, bool) {
		if len(stored) < 2 {
			return to, false
		}
		address, ok := netip.AddrFromSlice(stored[2:])
		if !ok || address.Is4() != (stored[0] == family4) || int(stored[1]) > address.BitLen() || address.Is4In6() {
			return to, false
		}
		to = address.AppendTo(to)
		if net || int(stored[1]) != address.BitLen() {
			to = strconv.AppendInt(append(to, '/'), int64(stored[1]), 10)
		}
		return to, true
	}
}

func addressStored(to, text, old []byte) ([]byte, bool) {
	prefix, err := netip.ParsePrefix(string(text))
	if err != nil {
		address, err := netip.ParseAddr(string(text))
		if err != nil || address.Zone() != "" {
			return to, false
		}
		prefix = netip.PrefixFrom(address, address.BitLen())
	}
	family := byte(family6)
	if prefix.Addr().Is4() {
		family = family4
	}
	to = append(to, family, byte(prefix.Bits()))
	return append(to, prefix.Addr().AsSlice()...), family == old[0]
}
