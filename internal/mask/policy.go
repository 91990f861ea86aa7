package mask

import (
	"maps"
	"slices"

	"understudy"
)

// Policy is what a team has decided about its columns: the content of mask.yaml. The zero
// value rules nothing.
type Policy struct {
	// Columns are the rules, each by the column and the type that it was decided for, as in
	// "public.account.email text"; the column is written as understudy.Column.String does,
	// in double quotes where it has dots or spaces.
	//
	// Without a type a rule holds for every type that its mask fits. A pattern, in which *
	// stands for any characters but a dot, is held against the end of the name: "*.email" is
	// the column email of every table, of the types that the mask fits.
	// "schema.table.column.path" rules one path of a document. A whole name goes before a
	// pattern, of several patterns the one with the most letters, and what says a type before
	// what says none.
	Columns map[string]Rule

	// Accepted are the places of a copy, schema.table.column, at which originals of masked
	// columns may stand.
	Accepted []string

	// Groups are the columns that together may single a person out.
	Groups []Group

	comments map[string]string   // of the file's lines, by key, so that Plan keeps them
	heads    map[string][]string // the comment lines above a line, likewise
	order    map[string]int      // of the file's lines
}

// Rule is what is done to one column.
type Rule struct {
	Mask     string          `json:"mask"`               // one of Names
	Constant string          `json:"constant,omitempty"` // what a constant is
	Option   string          `json:"option,omitempty"`   // what stands behind the mask's name: {name: de}, {generalise: month}, {expression: …}
	Program  []string        `json:"program,omitempty"`  // of program: the command and its arguments
	JSON     map[string]Rule `json:"json,omitempty"`     // of json, xml, hstore: by dotted path; "*" is every text without a rule of its own
}

// Digest names the rules, whatever order the file has them in and whatever its comments say.
func (p Policy) Digest() understudy.Digest {
	type line struct {
		Key  string
		Rule Rule
	}
	lines := make([]line, 0, len(p.Columns))
	for _, key := range slices.Sorted(maps.Keys(p.Columns)) {
		lines = append(lines, line{key, p.Columns[key]})
	}
	for _, place := range slices.Sorted(slices.Values(p.Accepted)) {
		lines = append(lines, line{Key: acceptedKey(place)})
	}
	digest, err := understudy.DigestOfValue(lines)
	if err != nil { // strings and maps of them have a JSON form
		return understudy.DigestOf([]byte(err.Error()))
	}
	return digest
}
