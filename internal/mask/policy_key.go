package mask

import (
	"regexp"
	"slices"
	"strings"

	"understudy"
)

// key is what stands before a rule: "public.account.email text" or "*.email".
type key struct {
	name  string // in the canonical form of columnName, or a pattern
	typed string // the canonical type; empty: any
}

// parseKey splits a key where its type begins: at the first space outside of quotes.
func parseKey(text string) key {
	quoted := false
	for i := range len(text) {
		switch {
		case text[i] == '"':
			quoted = !quoted
		case text[i] == ' ' && !quoted:
			return key{canonicalName(text[:i]), canonicalType(text[i:])}
		}
	}
	return key{name: canonicalName(text)}
}

// String is the key as a file has it.
func (k key) String() string {
	if k.typed == "" {
		return k.name
	}
	return k.name + " " + k.typed
}

// pattern tells a key of many columns: a * stands in its schema, table or column, outside of
// quotes. Behind the column is the path of a document, where * is a key that looks like data.
func (k key) pattern() bool {
	parts := splitName(k.name)
	return slices.ContainsFunc(parts[:min(len(parts), columnParts)], isPattern)
}

// columnParts are how many parts the name of a column has: schema, table, column.
const columnParts = 3

func isPattern(part string) bool { return !isQuoted(part) && strings.Contains(part, "*") }

// keyOf is the key that a plan writes for a column.
func keyOf(c understudy.Column) key {
	return key{columnName(c), canonicalType(c.Type)}
}

// columnName is a column as a key names it.
func columnName(c understudy.Column) string { return c.Table + "." + plainPart(c.Name) }

// referredName is the column that a foreign key refers to, as a key names it: its
// schema and table are quoted where they must be, and what follows is the column.
func referredName(references string) string {
	parts := splitName(references)
	if len(parts) < 3 {
		return canonicalName(references)
	}
	table := parts[0] + "." + parts[1]
	return table + "." + plainPart(unquoted(references[len(table)+1:]))
}

// canonicalName takes the quotes away from parts that need none, so that a name has one form.
func canonicalName(name string) string {
	parts := splitName(name)
	for i := 2; i < len(parts); i++ { // a column; schema and table are as the server quotes them
		if isQuoted(parts[i]) {
			parts[i] = plainPart(unquoted(parts[i]))
		}
	}
	return strings.Join(parts, ".")
}

func isQuoted(part string) bool {
	return len(part) >= 2 && part[0] == '"' && part[len(part)-1] == '"'
}

func unquoted(part string) string {
	if !isQuoted(part) {
		return part
	}
	return strings.ReplaceAll(part[1:len(part)-1], `""`, `"`)
}

// plainPart quotes a name that could be taken for something else in a key.
func plainPart(part string) string {
	if part != "" && !strings.ContainsAny(part, " .\"*") {
		return part
	}
	return `"` + strings.ReplaceAll(part, `"`, `""`) + `"`
}

var spaces = regexp.MustCompile(`\s+`)

// canonicalType writes a type as PostgreSQL does, so that one written by hand is the same:
// "varchar(50)" is "character varying(50)".
func canonicalType(written string) string {
	written = strings.TrimSpace(spaces.ReplaceAllString(written, " "))
	end := strings.IndexAny(written, "([")
	if end < 0 {
		end = len(written)
	}
	name, rest := written[:end], written[end:]
	if long, short := longTypes()[strings.ToLower(strings.TrimSpace(name))]; short {
		return long + rest
	}
	return written
}

// longTypes are the standard's names of types that have a short one.
func longTypes() map[string]string {
	return map[string]string{
		"varchar": "character varying", "char": "character", "bpchar": "character", "int": "integer", "int2": "smallint", "int4": "integer",
		"int8": "bigint", "float4": "real", "float8": "double precision", "bool": "boolean", "decimal": "numeric",
		"timestamptz": "timestamp with time zone", "timestamp": "timestamp without time zone", "timetz": "time with time zone", "varbit": "bit varying",
	}
}

// matches holds a pattern against the last parts of a column's name, as many as it has.
func matches(pattern, column string) bool {
	want, have := splitName(pattern), splitName(column)
	if len(want) > len(have) {
		return false
	}
	have = have[len(have)-len(want):]
	for i := range want {
		if !matchesPart(want[i], have[i]) {
			return false
		}
	}
	return true
}

// matchesPart holds one part against a pattern in which * is any run of characters, outside
// of quotes.
func matchesPart(pattern, part string) bool {
	part = unquoted(part)
	if isQuoted(pattern) {
		return unquoted(pattern) == part
	}
	pieces := strings.Split(pattern, "*")
	rest, found := strings.CutPrefix(part, pieces[0])
	if !found || len(pieces) == 1 {
		return found && rest == ""
	}
	for _, piece := range pieces[1 : len(pieces)-1] {
		at := strings.Index(rest, piece)
		if at < 0 {
			return false
		}
		rest = rest[at+len(piece):]
	}
	return strings.HasSuffix(rest, pieces[len(pieces)-1])
}

// splitName splits at the dots that are not inside double quotes.
func splitName(name string) []string {
	var parts []string
	quoted, start := false, 0
	for i := range len(name) {
		switch {
		case name[i] == '"':
			quoted = !quoted
		case name[i] == '.' && !quoted:
			parts, start = append(parts, name[start:i]), i+1
		}
	}
	return append(parts, name[start:])
}
