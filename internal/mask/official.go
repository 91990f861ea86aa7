package mask

import "strings"

// official is a person's number that ends in check digits: how it is taken apart.
type official struct {
	scheme   string
	payload  []int // places of digits
	kept     int   // so many of them stay: a century, a sex
	check    []int // places of what is computed from the payload
	alphabet string
	valid    func(number string) bool
}

// national masks a person's official number. One of a country whose check digits are known
// (Germany, Poland, France, Spain, Sweden) has them right again; one that has a known
// form has that form again, and any other has none of those forms afterwards either.
func (k *keyed) national(dst, value []byte) []byte {
	start := len(dst)
	dst = append(dst, value...)
	if o, found := officialOf(value); found {
		for out := dst[start:]; ; {
			k.permuteTail(o.scheme, out, o.payload, o.kept)
			o.settle(out, 0)
			if now, still := officialOf(out); still && now.scheme == o.scheme {
				return dst
			}
		}
	}
	formed := isNational(string(value))
	for {
		again := append([]byte{}, dst[start:]...)
		dst = k.shuffle(dst[:start], "national", again)
		if _, checked := officialOf(dst[start:]); !checked && isNational(string(dst[start:])) == formed {
			return dst
		}
	}
}

// settle writes the check digits that make a number valid, from the i-th on.
func (o official) settle(out []byte, i int) bool {
	if i == len(o.check) {
		return o.valid(string(out))
	}
	for _, c := range []byte(o.alphabet) {
		out[o.check[i]] = c
		if o.settle(out, i+1) {
			return true
		}
	}
	return false
}

// officialOf takes apart a number whose check digits are right.
func officialOf(value []byte) (official, bool) {
	const digits = "0123456789"
	number := string(value)
	at, _ := digitsOf(value)
	n := len(at)
	plain := func(valid func(string) bool) func(string) bool {
		return func(s string) bool { return valid(strings.ReplaceAll(s, " ", "")) }
	}
	var o official
	switch {
	case spanish.MatchString(number):
		o = official{"DNI", at, 0, []int{len(value) - 1}, "ABCDEFGHJKLMNPQRSTVWXYZ", isSpanish}
	case swedish.MatchString(number):
		o = official{"personnummer", at[:n-1], n - 10, at[n-1:], digits, isSwedish}
	case strings.Trim(number, digits+" ") != "":
		return official{}, false
	case n == 11 && isGermanTaxID(strings.ReplaceAll(number, " ", "")):
		o = official{"tax number", at[:10], 0, at[10:], digits, plain(isGermanTaxID)}
	case n == 11:
		o = official{"PESEL", at[:10], 0, at[10:], digits, plain(isPESEL)}
	case n == 15:
		o = official{"NIR", at[:13], 1, at[13:], digits, plain(isFrench)}
	default:
		return official{}, false
	}
	return o, o.valid(number)
}

func isSwedish(s string) bool {
	m := swedish.FindStringSubmatch(s)
	return luhnValid(m[1] + m[2])
}
