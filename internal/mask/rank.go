package mask

import (
	"bytes"
	"math/bits"
	"strconv"

	"understudy"
)

// rank is a strictly growing function over whole numbers from zero, drawn by the key. A
// function of a finite range into itself that keeps order and distinctness can only change
// nothing; this one therefore stretches, by less than twice.
//
// The numbers lie in segments, 16 to each doubling; the n-th is stretched by its own keyed
// share, from nothing to once its width:
//
//	from[n+1] = from[n] + width + extra        0 ≤ extra ≤ width
//	rank(x)   = from[n] + (x−start) + ⌊(x−start)·extra/width⌋
type rank struct {
	from, extra [segments]uint64
}

const (
	segments  = 16 + 16*57      // zero to 15 one by one, then 57 doublings
	rankBelow = uint64(1) << 61 // what it takes
	rankSteps = 4               // a doubling has 2^rankSteps segments
)

func newRank(k *keyed, name string) *rank {
	r := new(rank)
	s := k.take("rank")
	defer k.give(s)
	s.structure = append(s.structure, name...)
	named := len(s.structure)
	at := uint64(0)
	for n := range segments {
		_, width := segment(n)
		r.from[n] = at
		s.structure = append(s.structure[:named], byte(n), byte(n>>8))
		k.seal(s)
		draw := uint64(0)
		for _, b := range s.mixed[:8] {
			draw = draw<<8 | uint64(b)
		}
		r.extra[n], _ = bits.Mul64(draw, width+1)
		if n == 0 {
			r.extra[0] = 0 // zero stays, and one may be one
		}
		at += width + r.extra[n]
	}
	return r
}

// segment is where the n-th segment starts and how wide it is.
func segment(n int) (start, width uint64) {
	if n < 16 {
		return uint64(n), 1
	}
	doubling := n/16 - 1
	return uint64(16+n%16) << doubling, 1 << doubling
}

func (r *rank) of(x uint64) uint64 {
	n := int(x)
	if x >= 16 {
		doubling := bits.Len64(x) - 1 - rankSteps
		n = 16 + 16*doubling + int(x>>doubling)&15
	}
	start, width := segment(n)
	high, low := bits.Mul64(x-start, r.extra[n])
	more, _ := bits.Div64(high, low, width)
	return r.from[n] + x - start + more
}

// makeRank masks numbers so that order, distinctness, sign and zero stay: a greater one is
// greater afterwards, in every table with a type of the same scale. A number so great that
// twice as much might leave its type is an error, which stops the copy.
func makeRank(k *keyed, t columnType, _ Rule) (appendFunc, error) {
	if t.family == familyDecimal && (t.isFloat() || !t.sized) {
		return nil, understudy.Errorf(understudy.KindInvalid, "rank needs whole numbers or numeric with a precision and scale, as in numeric(12,2), found %s", t.name).
			WithHint("number masks digits of any type of number")
	}
	r := newRank(k, strconv.Itoa(t.scale))
	most := t.greatest()
	return func(dst, value []byte) ([]byte, error) {
		digits, negative := bytes.CutPrefix(value, []byte("-"))
		if bytes.EqualFold(digits, []byte("nan")) || bytes.EqualFold(digits, []byte("infinity")) {
			return append(dst, value...), nil
		}
		whole, fraction, point := bytes.Cut(digits, []byte("."))
		if t.scale != len(fraction) || point != (t.scale > 0) {
			return nil, understudy.Errorf(understudy.KindInvalid, "masking a number by rank: expected %d digits behind the point, found %d", t.scale, len(fraction))
		}
		x, err := strconv.ParseUint(string(whole)+string(fraction), 10, 64)
		if err != nil || x >= rankBelow || r.of(x) > most {
			return nil, understudy.Errorf(understudy.KindInvalid, "masking a number by rank: it has %d digits, and its type has no room for twice as much", len(whole)).
				WithHint("widen the type, or mask the column by number")
		}
		if negative {
			dst = append(dst, '-')
		}
		return appendScaled(dst, r.of(x), t.scale), nil
	}, nil
}

// appendScaled writes a number with so many digits behind the point.
func appendScaled(dst []byte, x uint64, scale int) []byte {
	text := strconv.AppendUint(nil, x, 10)
	for len(text) <= scale {
		text = append([]byte{'0'}, text...)
	}
	dst = append(dst, text[:len(text)-scale]...)
	if scale > 0 {
		dst = append(append(dst, '.'), text[len(text)-scale:]...)
	}
	return dst
}
