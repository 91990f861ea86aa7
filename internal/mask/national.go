package mask

import (
	"regexp"
	"strings"
)

var (
	ssnShape    = regexp.MustCompile(`^[0-9]{3}-[0-9]{2}-[0-9]{4}$`)
	ninoShape   = regexp.MustCompile(`^[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]$`)
	fiscalShape = regexp.MustCompile(`^[A-Z]{6}[0-9LMNP-V]{2}[ABCDEHLMPRST][0-9LMNP-V]{2}[A-Z][0-9LMNP-V]{3}[A-Z]$`)
	spanish     = regexp.MustCompile(`^([XYZ]?)([0-9]{7,8})-?([A-Z])$`)
	swedish     = regexp.MustCompile(`^(?:[0-9]{2})?([0-9]{6})[\-+]([0-9]{4})$`)
	brazilian   = regexp.MustCompile(`^[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}$`)
)

// isNational knows the official numbers of some countries: United States, United Kingdom,
// Italy, Spain, Sweden, Brazil by form; Germany, Poland and France by check digit.
func isNational(s string) bool {
	s = strings.ToUpper(strings.TrimSpace(s))
	digits := strings.ReplaceAll(s, " ", "")
	if strings.Trim(digits, "0123456789") == "" {
		return isNationalDigits(digits)
	}
	switch {
	case ssnShape.MatchString(s), ninoShape.MatchString(s), fiscalShape.MatchString(s), brazilian.MatchString(s):
		return true
	case spanish.MatchString(s):
		return isSpanish(s)
	case swedish.MatchString(s):
		return isSwedish(s)
	}
	return false
}

// isNationalDigits knows those that are digits alone, by their check digit.
func isNationalDigits(digits string) bool {
	switch len(digits) {
	case 11:
		return isGermanTaxID(digits) || isPESEL(digits)
	case 15:
		return isFrench(digits)
	}
	return false
}

func luhnValid(digits string) bool {
	value := []byte(digits)
	at, _ := digitsOf(value)
	last := len(at) - 1
	return luhn(value, at[:last]) == int(value[last]-'0')
}

func isSpanish(s string) bool {
	m := spanish.FindStringSubmatch(s)
	number := strings.Index("XYZ", m[1])
	if m[1] == "" {
		number = 0
	}
	for _, d := range m[2] {
		number = number*10 + int(d-'0')
	}
	return "TRWAGMYFPDXBNJZSQVHLCKE"[number%23] == m[3][0]
}

// isGermanTaxID checks ISO 7064, modulo 11, 10; the first digit is never zero.
func isGermanTaxID(digits string) bool {
	product := 10
	for _, d := range digits[:10] {
		sum := (int(d-'0') + product) % 10
		if sum == 0 {
			sum = 10
		}
		product = sum * 2 % 11
	}
	return digits[0] != '0' && (11-product)%10 == int(digits[10]-'0')
}

func isPESEL(digits string) bool {
	sum := 0
	for i, d := range digits[:10] {
		sum += int(d-'0') * [...]int{1, 3, 7, 9}[i%4]
	}
	return (10-sum%10)%10 == int(digits[10]-'0')
}

func isFrench(digits string) bool {
	rest := 0
	for _, d := range digits[:13] {
		rest = (rest*10 + int(d-'0')) % 97
	}
	key := int(digits[13]-'0')*10 + int(digits[14]-'0')
	return (digits[0] == '1' || digits[0] == '2') && 97-rest == key
}
