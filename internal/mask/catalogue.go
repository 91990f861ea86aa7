package mask

import (
	"slices"

	"understudy"
)

// The masks that are referred to by name elsewhere in the package.
const (
	maskKeep     = "keep"
	maskNull     = "null"
	maskConstant = "constant"
	maskJSON     = "json"
)

// mask is one entry of the catalogue.
type mask struct {
	name string
	// about says for people what it makes of a value.
	about string
	// on are the families of types it can be written to; familyOther takes every mask.
	on []family
	// unique tells whether different values stay different.
	unique bool
	// make binds it to a key and a column's type. Masks without it are compiled apart.
	make func(k *keyed, t columnType, r Rule) understudy.MaskFunc
}

// simple makes a MaskFunc of what neither fails nor looks at the type.
func simple(of func(k *keyed) func([]byte) []byte) func(*keyed, columnType, Rule) understudy.MaskFunc {
	return func(k *keyed, _ columnType, _ Rule) understudy.MaskFunc {
		f := of(k)
		return func(value []byte) ([]byte, error) { return f(value), nil }
	}
}

// catalogue lists every mask, in the order in which people read about them.
func catalogue() []mask {
	text := []family{familyText}
	every := []family{familyText, familyInteger, familyDecimal, familyDate, familyTime, familyUUID, familyIP, familyMAC, familyJSON, familyBytes, familyBool}
	return []mask{
		{name: maskKeep, about: "stays as it is", on: every, unique: true},
		{name: maskNull, about: "becomes NULL", on: every, unique: true, make: func(*keyed, columnType, Rule) understudy.MaskFunc {
			return func([]byte) ([]byte, error) { return nil, nil }
		}},
		{name: maskConstant, about: "becomes one value: {constant: value}", on: every, make: makeConstant},
		{name: "hash", about: "becomes 32 hexadecimal digits that cannot be undone", on: []family{familyText, familyBytes}, unique: true, make: makeHash},
		{name: "email", about: "letters change, the domain ends in .test", on: text, unique: true, make: makeEmail},
		{name: "name", about: "letters change, word by word", on: text, unique: true, make: simple(func(k *keyed) func([]byte) []byte { return k.words })},
		{name: "phone", about: "digits change, country code and format stay", on: text, unique: true, make: simple(func(k *keyed) func([]byte) []byte { return k.phone })},
		{name: "address", about: "letters and digits change, word by word", on: text, unique: true, make: simple(func(k *keyed) func([]byte) []byte { return k.words })},
		{name: "postcode", about: "letters and digits change", on: text, unique: true, make: simple(func(k *keyed) func([]byte) []byte {
			return func(v []byte) []byte { return k.shuffle("postcode", v) }
		})},
		{name: "card", about: "digits change, brand stays, the check digit is right again", on: text, unique: true, make: simple(func(k *keyed) func([]byte) []byte { return k.card })},
		{name: "iban", about: "account changes, country stays, check digits are right again", on: text, unique: true, make: simple(func(k *keyed) func([]byte) []byte { return k.iban })},
		{name: "date", about: "moves back, all dates by the same number of weeks", on: []family{familyText, familyDate}, unique: true, make: makeDate},
		{name: "number", about: "digits change, their count, sign and point stay", on: []family{familyText, familyInteger, familyDecimal}, unique: true, make: makeNumber},
		{name: "token", about: "letters and digits change, the shape stays", on: []family{familyText, familyUUID, familyMAC}, unique: true, make: simple(func(k *keyed) func([]byte) []byte { return k.token })},
		{name: "uuid", about: "becomes another UUID of the same version", on: []family{familyText, familyUUID}, unique: true, make: simple(func(k *keyed) func([]byte) []byte { return k.token })},
		{name: "ip", about: "becomes another address of the same version", on: []family{familyText, familyIP}, unique: true, make: makeIP},
		{name: "url", about: "all but scheme and port changes, the host ends in .test", on: text, unique: true, make: makeURL},
		{name: "text", about: "every letter and digit changes, addresses in it as elsewhere", on: text, unique: true, make: makeText},
		{name: "password", about: "becomes a hash of the same scheme that no password has", on: text, make: simple(func(*keyed) func([]byte) []byte { return password })},
		{name: maskJSON, about: "by path: {json: {contact.email: email}}", on: []family{familyText, familyJSON}},
	}
}

// Names lists the masks that a rule may name.
func Names() []string {
	var names []string
	for _, m := range catalogue() {
		names = append(names, m.name)
	}
	return names
}

// About says in a few words what a mask does, or nothing if there is none of that name.
func About(name string) string {
	m, _ := named(name)
	return m.about
}

func named(name string) (mask, bool) {
	all := catalogue()
	at := slices.IndexFunc(all, func(m mask) bool { return m.name == name })
	if at < 0 {
		return mask{}, false
	}
	return all[at], true
}

func makeConstant(_ *keyed, _ columnType, r Rule) understudy.MaskFunc {
	return func([]byte) ([]byte, error) { return []byte(r.Constant), nil }
}

func makeHash(k *keyed, t columnType, _ Rule) understudy.MaskFunc {
	return func(value []byte) ([]byte, error) {
		if t.family == familyBytes {
			return append([]byte(`\x`), k.hash(value)...), nil
		}
		return t.cut(k.hash(value)), nil
	}
}

func makeDate(k *keyed, t columnType, _ Rule) understudy.MaskFunc {
	return func(value []byte) ([]byte, error) { return k.date(value, t.family != familyDate) }
}

func makeNumber(k *keyed, t columnType, _ Rule) understudy.MaskFunc {
	return func(value []byte) ([]byte, error) { return k.number(value, t.max), nil }
}

func makeIP(k *keyed, t columnType, _ Rule) understudy.MaskFunc {
	return func(value []byte) ([]byte, error) { return k.ip(value, t.name == "cidr"), nil }
}

// makeEmail falls back, where the column is too short for an address that has grown, to a
// hash under the reserved domain: as unique as the room left allows.
func makeEmail(k *keyed, t columnType, _ Rule) understudy.MaskFunc {
	return func(value []byte) ([]byte, error) {
		masked := k.email(value)
		if t.fits(masked) {
			return masked, nil
		}
		const domain = "@x" + reserved
		digits := k.hash(value)
		return t.cut(append(digits[:min(len(digits), max(t.limit-len(domain), 1))], domain...)), nil
	}
}

func makeURL(k *keyed, t columnType, _ Rule) understudy.MaskFunc {
	return func(value []byte) ([]byte, error) {
		masked := k.url(value)
		if t.fits(masked) {
			return masked, nil
		}
		const scheme = "https://"
		digits := k.hash(value)
		digits = digits[:min(len(digits), max(t.limit-len(scheme+reserved), 1))]
		return t.cut([]byte(scheme + string(digits) + reserved)), nil
	}
}

func makeText(k *keyed, t columnType, _ Rule) understudy.MaskFunc {
	return func(value []byte) ([]byte, error) { return t.cut(k.text(value)), nil }
}
