package mask

import (
	"bytes"
	"strings"
)

// digitsOf lists where the ASCII digits of a value are, and whether it has letters, which
// the masks for numbers do not expect.
func digitsOf(value []byte) (at []int, letters bool) { return digitPlaces(nil, value) }

// digitPlaces is digitsOf in room that is given, as far as it goes.
func digitPlaces(at []int, value []byte) (places []int, letters bool) {
	for i, b := range value {
		switch {
		case b >= '0' && b <= '9':
			at = append(at, i)
		case b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= 0x80:
			letters = true
		}
	}
	return at, letters
}

// permuteDigits replaces the digits at the places given by their image under a purpose
// and a context that stays. The first one, which is not zero, does not become zero.
func (k *keyed) permuteDigits(purpose string, context, value []byte, at []int) {
	if len(at) == 0 {
		return
	}
	s := k.take(purpose)
	defer k.give(s)
	s.structure = append(s.structure, context...)
	for _, i := range at {
		s.add(int(value[i]-'0'), 10)
	}
	k.permuteWithin(s, func(v []uint16) bool { return v[0] != 0 })
	for n, i := range at {
		value[i] = byte('0' + s.value[n])
	}
}

// phone masks the digits of a telephone number. The country's code, leading zeros and the
// way it is written stay; one number written in two ways is masked alike. A number
// without its country's code is another string than one with it.
func (k *keyed) phone(dst, value []byte) []byte {
	return k.remembered(dst, partPhone, value, (*keyed).makePhone)
}

func (k *keyed) makePhone(dst, value []byte) []byte {
	var room [32]int
	at, letters := digitPlaces(room[:0], value)
	if letters || len(at) == 0 {
		return k.shuffle(dst, "phone", value)
	}
	start := len(dst)
	dst = append(dst, value...)
	international := bytes.HasPrefix(bytes.TrimLeft(value, " ("), []byte("+"))
	if !international && len(at) > 2 && at[1] == at[0]+1 && bytes.HasPrefix(value[at[0]:], []byte("00")) {
		international, at = true, at[2:]
	}
	var code [4]byte
	country := code[:0]
	if international {
		n := min(countryCode(value, at), len(at))
		for _, i := range at[:n] {
			country = append(country, value[i])
		}
		at = at[n:]
	}
	for len(at) > 0 && value[at[0]] == '0' {
		at = at[1:]
	}
	k.permuteDigits("phone", country, dst[start:], at)
	return dst
}

// twoDigits are the country codes of two digits (ITU E.164); 1 and 7 have one, all others
// three.
const twoDigits = " 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58" +
	" 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98 "

// countryCode is the length of the country's code at the head of the digits.
func countryCode(value []byte, at []int) int {
	switch {
	case len(at) == 0:
		return 0
	case value[at[0]] == '1' || value[at[0]] == '7':
		return 1
	case len(at) > 1 && strings.Contains(twoDigits, " "+string([]byte{value[at[0]], value[at[1]]})+" "):
		return 2
	default:
		return 3
	}
}

// card masks a payment card's number. The first two digits stay (they tell the brand),
// and a number whose check digit was right has it right again; a wrong one stays wrong.
func (k *keyed) card(dst, value []byte) []byte {
	var room [32]int
	at, letters := digitPlaces(room[:0], value)
	if letters || len(at) < 12 {
		return k.shuffle(dst, "card", value)
	}
	start := len(dst)
	dst = append(dst, value...)
	out := dst[start:]
	last := at[len(at)-1]
	payload := at[:len(at)-1]
	offset := int(value[last]-'0') - luhn(value, payload) + 10
	k.permuteTail("card", out, payload, 2)
	out[last] = byte('0' + (luhn(out, payload)+offset)%10)
	return dst
}

// permuteTail permutes all digits after the first few, which are its context. The tail
// may begin with a zero.
func (k *keyed) permuteTail(purpose string, value []byte, at []int, kept int) {
	s := k.take(purpose)
	defer k.give(s)
	for _, i := range at[:kept] {
		s.structure = append(s.structure, value[i])
	}
	for _, i := range at[kept:] {
		s.add(int(value[i]-'0'), 10)
	}
	k.permute(s)
	for n, i := range at[kept:] {
		value[i] = byte('0' + s.value[n])
	}
}

// luhn is the check digit that belongs behind the digits at the places given.
func luhn(value []byte, at []int) int {
	sum := 0
	for n := range at {
		digit := int(value[at[len(at)-1-n]] - '0')
		if n%2 == 0 {
			if digit *= 2; digit > 9 {
				digit -= 9
			}
		}
		sum += digit
	}
	return (10 - sum%10) % 10
}

// iban masks an account's number. The country stays and the check digits are right again
// if they were right; the way it is spaced stays and does not matter.
func (k *keyed) iban(dst, value []byte) []byte {
	var room [34]int
	at := accountPlaces(room[:0], value)
	if at == nil {
		return k.shuffle(dst, "iban", value)
	}
	start := len(dst)
	dst = append(dst, value...)
	out := dst[start:]
	check := int(value[at[2]]-'0')*10 + int(value[at[3]]-'0')
	offset := check - ibanCheck(value, at) + 100
	s := k.take("iban")
	defer k.give(s)
	s.structure = append(s.structure, value[at[0]]&^0x20, value[at[1]]&^0x20)
	for _, i := range at[4:] {
		k.read(s, value[i:i+1])
	}
	k.permute(s)
	for n, i := range at[4:] {
		k.write(out[:i], value[i:i+1], s, n)
	}
	check = (ibanCheck(out, at) + offset) % 100
	out[at[2]], out[at[3]] = byte('0'+check/10), byte('0'+check%10)
	return dst
}

// ibanPlaces lists where the characters of an IBAN are, or nothing if it has not the form
// of one: two letters side by side, two digits, 10 to 30 letters and digits, spaced at will.
func ibanPlaces(value []byte) []int { return accountPlaces(nil, value) }

// accountPlaces is ibanPlaces in room that is given, as far as it goes.
func accountPlaces(at []int, value []byte) []int {
	for i, b := range value {
		isDigit := b >= '0' && b <= '9'
		isLetter := b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
		switch n := len(at); {
		case b == ' ' || b == '-':
			continue
		case n < 2 && !isLetter, (n == 2 || n == 3) && !isDigit, !isLetter && !isDigit:
			return nil
		}
		at = append(at, i)
	}
	if len(at) < 14 || len(at) > 34 || at[1] != at[0]+1 {
		return nil
	}
	return at
}

// ibanCheck is the pair of check digits that belongs to country and account (ISO 7064,
// modulo 97).
func ibanCheck(value []byte, at []int) int {
	rest := 0
	add := func(b byte) {
		switch {
		case b >= '0' && b <= '9':
			rest = (rest*10 + int(b-'0')) % 97
		default:
			rest = (rest*100 + int(b|0x20-'a') + 10) % 97
		}
	}
	for _, i := range at[4:] {
		add(value[i])
	}
	add(value[at[0]])
	add(value[at[1]])
	return 98 - rest*100%97
}

// number masks the digits of a number. Sign, point, exponent, leading zeros and the count
// of digits stay, and so does being within the type: max is its greatest value in digits,
// or empty. Zero, NaN, Infinity and the least value of a type stay as they are.
func (k *keyed) number(dst, value []byte, max string) []byte {
	mantissa := value[:len(value)-exponent(value)]
	var room [32]int
	at, letters := digitPlaces(room[:0], mantissa)
	if letters {
		return k.shuffle(dst, "number", value)
	}
	for len(at) > 0 && value[at[0]] == '0' {
		at = at[1:]
	}
	start := len(dst)
	dst = append(dst, value...)
	if max == "" || len(at) < len(max) {
		k.permuteDigits("number", nil, dst[start:], at)
	} else {
		k.permuteUpTo("number", dst[start:], at, max)
	}
	return dst
}

// exponent is how many bytes of a value are the power of ten that it ends in, as in 12e-3: of
// a text none are, whatever letters it has.
func exponent(value []byte) int {
	digits := len(bytes.TrimRight(value, "0123456789"))
	head := bytes.TrimRight(value[:digits], "+-")
	e := len(head) - 1
	if digits == len(value) || digits-len(head) > 1 || e < 1 || head[e]|0x20 != 'e' || head[e-1] != '.' && (head[e-1] < '0' || head[e-1] > '9') {
		return 0
	}
	return len(value) - e
}

// permuteUpTo permutes numbers of exactly as many digits as the greatest one has.
func (k *keyed) permuteUpTo(purpose string, value []byte, at []int, max string) {
	inside := func(v []uint16) bool {
		for n := range v {
			digit := int(v[n])
			if n == 0 {
				digit++
			}
			if limit := int(max[n] - '0'); digit != limit {
				return digit < limit
			}
		}
		return true
	}
	s := k.take(purpose)
	defer k.give(s)
	s.structure = append(s.structure, max...)
	s.add(int(value[at[0]]-'1'), int(max[0]-'0'))
	for _, i := range at[1:] {
		s.add(int(value[i]-'0'), 10)
	}
	if len(at) > len(max) || uint32(s.value[0]) >= s.radix[0] || !inside(s.value) {
		return
	}
	k.permuteWithin(s, inside)
	value[at[0]] = byte('1' + s.value[0])
	for n, i := range at[1:] {
		value[i] = byte('0' + s.value[n+1])
	}
}
