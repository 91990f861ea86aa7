package mask

import (
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// family is what a type's text form has to look like.
type family int

// The families. A type that is not known (an enumeration, a domain, an extension's) is
// familyOther: whatever a rule says is tried.
const (
	familyOther family = iota
	familyText
	familyInteger
	familyDecimal
	familyDate
	familyTime
	familyUUID
	familyIP
	familyMAC
	familyJSON
	familyBytes
	familyBool
)

// columnType is what masking needs to know of a type.
type columnType struct {
	name   string // without length and array
	family family
	array  bool
	limit  int    // characters; 0: none
	max    string // greatest value in digits; empty: none
	sized  bool   // of a decimal type: it has a precision, and a scale
	digits int    // the precision
	scale  int    // digits behind the point
}

var typeForm = regexp.MustCompile(`^([^(\[]+?)\s*(?:\(([0-9]+)(?:\s*,\s*([0-9]+))?[^)]*\)([^(\[]*))?((?:\[[0-9]*\])*)$`)

// parseType reads a type as PostgreSQL, MySQL or SQLite write it.
func parseType(written string) columnType {
	m := typeForm.FindStringSubmatch(strings.ToLower(strings.TrimSpace(written)))
	if m == nil {
		return columnType{name: written}
	}
	t := columnType{name: strings.TrimSpace(m[1] + m[4]), array: m[5] != ""}
	t.name = t.name[strings.LastIndexByte(t.name, '.')+1:]
	t.family, t.max = familyOf(t.name)
	if t.family == familyText && m[2] != "" {
		t.limit, _ = strconv.Atoi(m[2]) // digits; too many of them are no limit
	}
	if t.family == familyDecimal && m[2] != "" && !t.isFloat() {
		t.digits, _ = strconv.Atoi(m[2])
		t.scale, _ = strconv.Atoi(m[3]) // none is none
		t.sized = true
	}
	return t
}

// isPadded tells the types whose values are filled up with blanks.
func (t columnType) isPadded() bool {
	return t.name == "character" || t.name == "char" || t.name == "bpchar" || t.name == "nchar"
}

// greatest is the greatest number of a type, in units of its last digit, as far as it is
// below 2^64.
func (t columnType) greatest() uint64 {
	if !t.sized {
		most, _ := strconv.ParseUint(t.max, 10, 64)
		return most
	}
	most := uint64(1)
	for range min(t.digits, 19) {
		most *= 10
	}
	return most - 1
}

func familyOf(name string) (of family, max string) {
	switch name {
	case "text", "character varying", "varchar", "character", "char", "bpchar", "citext", "name",
		`"char"`, "tinytext", "mediumtext", "longtext", "clob", "nvarchar", "nchar", "string":
		return familyText, ""
	case "smallint", "int2":
		return familyInteger, "32767"
	case "integer", "int", "int4", "mediumint":
		return familyInteger, "2147483647"
	case "bigint", "int8":
		return familyInteger, "9223372036854775807"
	case "tinyint":
		return familyInteger, "127"
	case "numeric", "decimal", "real", "double precision", "double", "float", "float4", "float8":
		return familyDecimal, ""
	case "date", "timestamp", "timestamptz", "timestamp without time zone", "timestamp with time zone", "datetime":
		return familyDate, ""
	case "time", "timetz", "time without time zone", "time with time zone", "interval":
		return familyTime, ""
	case "uuid":
		return familyUUID, ""
	case "inet", "cidr":
		return familyIP, ""
	case "macaddr", "macaddr8":
		return familyMAC, ""
	case "json", "jsonb":
		return familyJSON, ""
	case "bytea", "blob", "binary", "varbinary", "tinyblob", "mediumblob", "longblob":
		return familyBytes, ""
	case "boolean", "bool":
		return familyBool, ""
	default:
		return familyOther, ""
	}
}

// fits tells whether a value is not too long for the column.
func (t columnType) fits(value []byte) bool {
	return t.limit == 0 || len(value) <= t.limit || utf8.RuneCount(value) <= t.limit
}

// cut shortens a value to the column's length.
func (t columnType) cut(value []byte) []byte {
	if t.fits(value) {
		return value
	}
	end := 0
	for range t.limit {
		_, n := utf8.DecodeRune(value[end:])
		end += n
	}
	return value[:end]
}
