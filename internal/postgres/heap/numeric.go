package heap

import (
	"bytes"
	"encoding/binary"
	"strconv"
)

// A number with decimals is stored as digits to the base of ten thousand behind a header
// of two bytes, or of four where the short one cannot hold it (numeric.c).
const (
	numericSigns     = 0xC000
	numericNegative  = 0x4000
	numericShort     = 0x8000
	numericSpecial   = 0xC000
	numericBase      = 10000
	shortNegative    = 0x2000
	shortScale       = 0x1F80
	shortScaleShift  = 7
	shortScaleMax    = 0x3F
	shortWeightSign  = 0x0040
	shortWeight      = 0x003F
	longScale        = 0x3FFF
	digitsPerNumeral = 4
)

// decimal is a number as it is stored: its value is the sum of numerals[i] × 10000 to
// the power of weight-i.
type decimal struct {
	negative bool
	scale    int // digits that are written behind the point
	weight   int
	numerals []uint16
}

func readDecimal(stored []byte) (d decimal, ok bool) {
	if len(stored) < 2 || len(stored)%2 != 0 {
		return d, false
	}
	header := int(binary.LittleEndian.Uint16(stored))
	rest := stored[2:]
	switch {
	case header&numericSigns == numericSpecial: // infinite, or no number
		return d, false
	case header&numericSigns == numericShort:
		d.negative = header&shortNegative != 0
		d.scale = header & shortScale >> shortScaleShift
		d.weight = header & shortWeight
		if header&shortWeightSign != 0 {
			d.weight -= shortWeight + 1
		}
	case len(rest) < 2:
		return d, false
	default:
		d.negative = header&numericSigns == numericNegative
		d.scale = header & longScale
		d.weight = int(int16(binary.LittleEndian.Uint16(rest)))
		rest = rest[2:]
	}
	for ; len(rest) > 0; rest = rest[2:] {
		numeral := binary.LittleEndian.Uint16(rest)
		if numeral >= numericBase {
			return d, false
		}
		d.numerals = append(d.numerals, numeral)
	}
	return d, true
}

func numericText(to, stored []byte) ([]byte, bool) {
	d, ok := readDecimal(stored)
	if !ok {
		return to, false
	}
	if d.negative {
		to = append(to, '-')
	}
	start := len(to)
	for power := max(d.weight, 0); power >= 0; power-- {
		to = appendNumeral(to, d.at(power))
	}
	whole := bytes.TrimLeft(to[start:len(to)-1], "0")
	to = append(to[:start], append(whole, to[len(to)-1])...)
	if d.scale == 0 {
		return to, true
	}
	to = append(to, '.')
	start = len(to)
	for power := -1; len(to)-start < d.scale; power-- {
		to = appendNumeral(to, d.at(power))
	}
	return to[:start+d.scale], true
}

// at is the numeral at a power of ten thousand.
func (d decimal) at(power int) uint16 {
	if i := d.weight - power; i >= 0 && i < len(d.numerals) {
		return d.numerals[i]
	}
	return 0
}

func appendNumeral(to []byte, n uint16) []byte {
	return append(to, '0'+byte(n/1000), '0'+byte(n/100%10), '0'+byte(n/10%10), '0'+byte(n%10))
}

// numericStored stores a text, if it has as many digits behind the point as what was
// there, and no more before it: the column may ask for that.
func numericStored(to, text, old []byte) ([]byte, bool) {
	was, ok := numericText(nil, old)
	if !ok {
		return to, false
	}
	oldWhole, oldPart, _ := bytes.Cut(bytes.TrimPrefix(was, []byte("-")), []byte("."))
	digits := bytes.TrimPrefix(text, []byte("-"))
	whole, part, _ := bytes.Cut(digits, []byte("."))
	if len(whole) == 0 || len(whole) > len(oldWhole) || len(part) != len(oldPart) {
		return to, false
	}
	d := decimal{negative: len(digits) < len(text), scale: len(part)}
	if d.numerals, ok = numerals(whole, part); !ok {
		return to, false
	}
	d.weight = (len(whole)+digitsPerNumeral-1)/digitsPerNumeral - 1
	return d.appendTo(to), true
}

// numerals cuts digits into groups of four, from the point in both directions.
func numerals(whole, part []byte) ([]uint16, bool) {
	for len(whole)%digitsPerNumeral != 0 {
		whole = append([]byte("0"), whole...)
	}
	all := bytes.Clone(whole)
	all = append(all, part...)
	for len(all)%digitsPerNumeral != 0 {
		all = append(all, '0')
	}
	out := make([]uint16, 0, len(all)/digitsPerNumeral)
	for ; len(all) > 0; all = all[digitsPerNumeral:] {
		n, err := strconv.ParseUint(string(all[:digitsPerNumeral]), 10, 16)
		if err != nil || all[0] == '+' {
			return nil, false
		}
		out = append(out, uint16(n))
	}
	return out, true
}

func (d decimal) appendTo(to []byte) []byte {
	for len(d.numerals) > 0 && d.numerals[0] == 0 {
		d.numerals = d.numerals[1:]
		d.weight--
	}
	for len(d.numerals) > 0 && d.numerals[len(d.numerals)-1] == 0 {
		d.numerals = d.numerals[:len(d.numerals)-1]
	}
	if len(d.numerals) == 0 {
		d.weight, d.negative = 0, false
	}
	if d.scale <= shortScaleMax && d.weight <= shortWeight && d.weight >= -shortWeight-1 {
		header := numericShort | d.scale<<shortScaleShift | d.weight&(shortWeight|shortWeightSign)
		if d.negative {
			header |= shortNegative
		}
		to = binary.LittleEndian.AppendUint16(to, uint16(header))
	} else {
		header := d.scale
		if d.negative {
			header |= numericNegative
		}
		to = binary.LittleEndian.AppendUint16(to, uint16(header))
		to = binary.LittleEndian.AppendUint16(to, uint16(int16(d.weight)))
	}
	for _, n := range d.numerals {
		to = binary.LittleEndian.AppendUint16(to, n)
	}
	return to
}
