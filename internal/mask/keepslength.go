package mask

import "slices"

// keepsLength tells whether a rule's mask leaves every value of a type as many bytes as it
// had where the database keeps it: of a text its bytes, of a type of fixed width always.
// Of an array it never says so.
func keepsLength(t columnType, r Rule) bool {
	m, found := named(r.Mask)
	return found && !t.array && m.keeps != nil && m.keeps(t, r)
}

func always(columnType, Rule) bool { return true }

// asText is for masks that change characters to others of the same number of bytes.
func asText(t columnType, _ Rule) bool {
	return slices.Contains([]family{familyText, familyOther, familyUUID, familyMAC, familyIP}, t.family)
}

func unlessGrown(t columnType, r Rule) bool { return r.Option == "" && asText(t, r) }

func unlessNamed(t columnType, r Rule) bool { return r.Option == "" && asText(t, r) }

// asDate: dates and moments have a fixed width; as a text, 9.1.1980 may become 12.1.1980.
func asDate(t columnType, _ Rule) bool { return t.family == familyDate }

// asNumber: numeric is kept without its zeros, so that 1000 takes less than 1234.
func asNumber(t columnType, _ Rule) bool {
	return t.family == familyText || t.family == familyInteger || t.family == familyDecimal && t.isFloat()
}

func asRank(t columnType, _ Rule) bool { return t.family == familyInteger }

// isFloat tells the types of binary floating point from those of decimal digits.
func (t columnType) isFloat() bool { return t.name != "numeric" && t.name != "decimal" }
