package mask

import (
	"bytes"
	"net/netip"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"understudy"
)

// makeGeneralise makes values less exact, in a way that depends on the type: a date becomes
// the first moment of its year, month or day; a number the multiple of a step at or below
// it; a text its first characters; an address its network.
func makeGeneralise(_ *keyed, t columnType, r Rule) (appendFunc, error) {
	isDate := slices.Contains([]string{"year", "month", "day"}, r.Option)
	if isDate && (t.family == familyDate || t.family == familyText || t.family == familyOther) {
		return func(dst, value []byte) ([]byte, error) {
			return generaliseDate(dst, value, r.Option, t.family == familyDate)
		}, nil
	}
	n, err := strconv.ParseInt(r.Option, 10, 32)
	if err != nil || n < 1 || isDate || t.family == familyDate {
		return nil, understudy.Errorf(understudy.KindInvalid, "generalise cannot make %q of values of type %s", r.Option, t.name).
			WithHint("year, month or day for a date; a whole number from 1 on for others: a step for numbers, characters for a text, bits for an address")
	}
	switch t.family {
	case familyInteger, familyDecimal:
		return func(dst, value []byte) ([]byte, error) { return generaliseNumber(dst, value, n) }, nil
	case familyIP:
		return func(dst, value []byte) ([]byte, error) { return generaliseIP(dst, value, int(n)) }, nil
	default:
		return func(dst, value []byte) ([]byte, error) {
			end := 0
			for range n {
				_, size := utf8.DecodeRune(value[end:])
				end += size
			}
			return append(dst, value[:end]...), nil
		}, nil
	}
}

// generaliseDate keeps offset and era, and writes the time of day, if there is one, as zeros.
func generaliseDate(dst, value []byte, to string, isDate bool) ([]byte, error) {
	m := isoDate.FindSubmatch(value)
	switch {
	case m == nil && (string(value) == "infinity" || string(value) == "-infinity"):
		return append(dst, value...), nil
	case m == nil && isDate:
		return nil, understudy.Errorf(understudy.KindInvalid, "generalising a date: expected ISO form (2006-01-02), found another one of %d bytes", len(value))
	case m == nil, !isDate && !clockText.Match(m[4]):
		return dst, nil // a text that is no date says nothing any more
	}
	month, day := m[2], m[3]
	switch to {
	case "year":
		month, day = []byte("01"), []byte("01")
	case "month":
		day = []byte("01")
	}
	dst = append(append(append(append(append(dst, m[1]...), '-'), month...), '-'), day...)
	if clock := m[4]; len(clock) >= len("T"+time.TimeOnly) {
		dst = append(append(dst, clock[0]), "00:00:00"...)
		if zone := bytes.LastIndexAny(clock, "+-Z"); zone > 0 {
			dst = append(dst, clock[zone:]...)
		}
	}
	return append(dst, m[5]...), nil
}

// generaliseNumber rounds down to a multiple of the step; what is behind the point becomes
// zeros.
func generaliseNumber(dst, value []byte, step int64) ([]byte, error) {
	whole, fraction, point := bytes.Cut(value, []byte("."))
	n, err := strconv.ParseInt(string(whole), 10, 64)
	if err != nil {
		if digits := bytes.TrimLeft(value, "-"); bytes.EqualFold(digits, []byte("nan")) || bytes.EqualFold(digits, []byte("infinity")) {
			return append(dst, value...), nil
		}
		return nil, understudy.Errorf(understudy.KindInvalid, "generalising a number: expected at most 18 digits before the point and no exponent, found another form of %d bytes", len(value))
	}
	down := n % step
	if value[0] == '-' && (down != 0 || bytes.Trim(fraction, "0") != nil && len(bytes.Trim(fraction, "0")) > 0) {
		down += step
		if n%step == 0 {
			down = step
		}
	}
	if n < n-down {
		return nil, understudy.Errorf(understudy.KindInvalid, "generalising a number: there is no multiple of %d below it", step)
	}
	dst = strconv.AppendInt(dst, n-down, 10)
	if point {
		dst = append(append(dst, '.'), bytes.Repeat([]byte("0"), len(fraction))...)
	}
	return dst, nil
}

func generaliseIP(dst, value []byte, count int) ([]byte, error) {
	text := string(value)
	suffix := ""
	if p, err := netip.ParsePrefix(text); err == nil {
		text, suffix = p.Addr().String(), "/"+strconv.Itoa(p.Bits())
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		return nil, understudy.Errorf(understudy.KindInvalid, "generalising a network address: found a value of %d bytes that is none", len(value))
	}
	network, err := a.Prefix(min(count, a.BitLen()))
	if err != nil {
		return nil, understudy.Errorf(understudy.KindInternal, "generalising a network address: it has no prefix of %d bits", count)
	}
	return append(network.Addr().AppendTo(dst), suffix...), nil
}
