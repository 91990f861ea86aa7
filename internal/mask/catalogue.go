package mask

import (
	"slices"

	"understudy"
)

// The masks that are referred to by name elsewhere in the package.
const (
	maskKeep       = "keep"
	maskNull       = "null"
	maskConstant   = "constant"
	maskShuffle    = "shuffle"
	maskExpression = "expression"
	maskProgram    = "program"
	maskJSON       = "json"
	maskXML        = "xml"
	maskHstore     = "hstore"
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
	// keeps tells whether a value of a type is as long afterwards; nil: never.
	keeps func(t columnType, r Rule) bool
	// option says what {mask: option} takes, empty if nothing; needs, that it must be there.
	option string
	needs  bool
	// make binds it to a key and a column's type. Masks without it are compiled apart.
	make func(k *keyed, t columnType, r Rule) (appendFunc, error)
}

// simple makes an appendFunc of what neither fails nor looks at the type.
func simple(masked func(k *keyed, dst, value []byte) []byte) func(*keyed, columnType, Rule) (appendFunc, error) {
	return func(k *keyed, _ columnType, _ Rule) (appendFunc, error) {
		return func(dst, value []byte) ([]byte, error) { return masked(k, dst, value), nil }, nil
	}
}

// catalogue lists every mask, in the order in which people read about them.
func catalogue() []mask {
	return slices.Concat(plainMasks(), personMasks(), shapeMasks(), roughMasks(), documentMaskList())
}

func every() []family {
	return []family{familyText, familyInteger, familyDecimal, familyDate, familyTime, familyUUID, familyIP, familyMAC, familyJSON, familyBytes, familyBool}
}

func text() []family { return []family{familyText} }

func plainMasks() []mask {
	return []mask{
		{name: maskKeep, about: "stays as it is", on: every(), unique: true, keeps: always},
		{name: maskNull, about: "becomes NULL", on: every(), unique: true, make: simple(func(*keyed, []byte, []byte) []byte { return nil })},
		{name: maskConstant, about: "becomes one value", on: every(), option: "the value", needs: true, make: makeConstant},
		{name: "hash", about: "becomes 32 hexadecimal digits that cannot be undone", on: []family{familyText, familyBytes}, unique: true, make: makeHash},
		{name: "password", about: "becomes a hash of the same scheme that no password has", on: text(), keeps: asText,
			make: simple(func(_ *keyed, dst, value []byte) []byte { return password(dst, value) })},
	}
}

func personMasks() []mask {
	return []mask{
		{name: "email", about: "letters and digits change, nothing sent there arrives", on: text(), unique: true, keeps: unlessGrown,
			option: "grow: the domain ends in .test and is five bytes longer", make: makeGrowing((*keyed).email, (*keyed).emailGrown, "@x")},
		{name: "name", about: "letters change, word by word", on: text(), unique: true, keeps: unlessNamed,
			option: "a locale (" + localeList() + "): names of that language, with `first` or `last` behind it for a column that has only those", make: makeName},
		{name: "phone", about: "digits change, country code and format stay", on: text(), unique: true, keeps: asText, make: simple((*keyed).phone)},
		{name: "address", about: "letters and digits change, word by word", on: text(), unique: true, keeps: asText, make: simple((*keyed).words)},
		{name: "postcode", about: "letters and digits change", on: text(), unique: true, keeps: asText, make: simple(shuffled("postcode"))},
		{name: "card", about: "digits change, brand stays, the check digit is right again", on: text(), unique: true, keeps: asText, make: simple((*keyed).card)},
		{name: "iban", about: "account changes, country stays, check digits are right again", on: text(), unique: true, keeps: asText, make: simple((*keyed).iban)},
		{name: "national", about: "an official number with its check digits right again", on: text(), unique: true, keeps: asText, make: simple((*keyed).national)},
	}
}

func shapeMasks() []mask {
	return []mask{
		{name: "date", about: "moves back, all dates by the same number of weeks", on: []family{familyText, familyDate}, unique: true, keeps: asDate, make: makeDate},
		{name: "number", about: "digits change, their count, sign and point stay", on: []family{familyText, familyInteger, familyDecimal}, unique: true, keeps: asNumber, make: makeNumber},
		{name: "rank", about: "grows to at most twice as much, order, sign and zero stay", on: []family{familyInteger, familyDecimal}, unique: true, keeps: asRank, make: makeRank},
		{name: "token", about: "letters and digits change, the shape stays", on: []family{familyText, familyUUID, familyMAC}, unique: true, keeps: asText, make: simple((*keyed).token)},
		{name: "uuid", about: "becomes another UUID of the same version", on: []family{familyText, familyUUID}, unique: true, keeps: asText, make: simple((*keyed).token)},
		{name: "ip", about: "becomes another address of the same version and length", on: []family{familyText, familyIP}, unique: true, keeps: asText, make: makeIP},
		{name: "url", about: "all but scheme and port changes, the host leads nowhere", on: text(), unique: true, keeps: unlessGrown,
			option: "grow: the host ends in .test and is five bytes longer", make: makeGrowing((*keyed).url, (*keyed).urlGrown, "https://")},
		{name: "text", about: "every letter and digit changes, addresses in it as elsewhere", on: text(), unique: true, keeps: asText, make: simple((*keyed).text)},
	}
}

func roughMasks() []mask {
	return []mask{
		{name: "generalise", about: "becomes less exact", on: []family{familyText, familyInteger, familyDecimal, familyDate, familyIP},
			option: "year, month or day for a date; a step for a number; how many characters of a text or bits of an address stay", needs: true, make: makeGeneralise},
		{name: maskShuffle, about: "values change places between rows", on: every(), unique: true},
		{name: maskExpression, about: "becomes what an expression says", on: every(), option: "an expression of CEL over value, a text", needs: true, make: makeExpression},
		{name: maskProgram, about: "becomes what a program of your own says", on: every(), option: "the command and its arguments, as a list", needs: true},
	}
}

func documentMaskList() []mask {
	return []mask{
		{name: maskJSON, about: "by path: {json: {contact.email: email}}", on: []family{familyText, familyJSON}},
		{name: maskXML, about: "by path: {xml: {person.name: name, person.@id: token}}", on: text()},
		{name: maskHstore, about: "by key: {hstore: {email: email}}", on: text()},
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

func makeConstant(_ *keyed, _ columnType, r Rule) (appendFunc, error) {
	return func(dst, _ []byte) ([]byte, error) { return append(dst, r.Constant...), nil }, nil
}

func makeHash(k *keyed, t columnType, _ Rule) (appendFunc, error) {
	return func(dst, value []byte) ([]byte, error) {
		if t.family == familyBytes {
			return k.hash(append(dst, `\x`...), value), nil
		}
		return cut(t, k.hash(dst, value), len(dst)), nil
	}, nil
}

func makeDate(k *keyed, t columnType, _ Rule) (appendFunc, error) {
	return func(dst, value []byte) ([]byte, error) { return k.date(dst, value, t.family != familyDate) }, nil
}

func makeNumber(k *keyed, t columnType, _ Rule) (appendFunc, error) {
	return func(dst, value []byte) ([]byte, error) { return k.number(dst, value, t.max), nil }, nil
}

func makeIP(k *keyed, t columnType, _ Rule) (appendFunc, error) {
	masked := (*keyed).ip
	if t.name == "cidr" {
		masked = (*keyed).cidr
	}
	return func(dst, value []byte) ([]byte, error) { return masked(k, dst, value), nil }, nil
}

// makeGrowing makes a mask of one that keeps length and one that grows, as the rule asks.
// The one that grows falls back, where the column is too short for what it makes, to a hash
// under the reserved domain: as unique as the room left allows.
func makeGrowing(same, grown func(k *keyed, dst, value []byte) []byte, head string) func(*keyed, columnType, Rule) (appendFunc, error) {
	return func(k *keyed, t columnType, r Rule) (appendFunc, error) {
		switch r.Option {
		case "":
			return func(dst, value []byte) ([]byte, error) { return same(k, dst, value), nil }, nil
		case "grow":
		default:
			return nil, understudy.Errorf(understudy.KindInvalid, "%s has no option %q", r.Mask, r.Option).WithHint("the only one is grow")
		}
		return func(dst, value []byte) ([]byte, error) {
			start := len(dst)
			dst = grown(k, dst, value)
			if t.fits(dst[start:]) {
				return dst, nil
			}
			digits := k.hash(nil, value)
			digits = digits[:min(len(digits), max(t.limit-len(head+reserved), 1))]
			if head == "@x" { // what is unique stands before it in an address
				dst = append(append(append(dst[:start], digits...), head...), reserved...)
			} else {
				dst = append(append(append(dst[:start], head...), digits...), reserved...)
			}
			return cut(t, dst, start), nil
		}, nil
	}
}

// cut shortens what was appended to dst from a place on to the column's length.
func cut(t columnType, dst []byte, start int) []byte {
	return dst[:start+len(t.cut(dst[start:]))]
}
