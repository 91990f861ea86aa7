package parity

import (
	"strings"

	"understudy"
)

// containers are the names of what other objects can belong to.
func containers(objects []object) map[string]bool {
	out := map[string]bool{}
	for _, o := range objects {
		switch o.kind {
		case understudy.GapTable, understudy.GapType, understudy.GapConstraint, understudy.GapForeign, understudy.GapSchema, understudy.GapIndex, understudy.GapColumn,
			understudy.GapTrigger, understudy.GapRule, understudy.GapPolicy, understudy.GapExtension:
			out[o.rest] = true
		case understudy.GapView, understudy.GapSequence, understudy.GapFunction, understudy.GapPublication:
			out[withoutWords(o.rest)] = true
		}
	}
	return out
}

// isOf tells whether an object belongs to one of these.
func (o object) isOf(missing map[string]bool) bool {
	if len(missing) == 0 {
		return false
	}
	for _, name := range o.belongsTo() {
		if missing[name] || missing[schemaOf(name)] {
			return true
		}
	}
	return o.kind != understudy.GapSchema && missing[schemaOf(withoutWords(o.rest))]
}

// belongsTo names what an object cannot be without.
func (o object) belongsTo() []string {
	switch o.kind {
	case understudy.GapColumn:
		return []string{cutLast(o.rest, ".")}
	case understudy.GapConstraint, understudy.GapTrigger, understudy.GapRule, understudy.GapPolicy:
		return []string{withoutWords(afterLast(o.rest, " on "))}
	case understudy.GapIndex:
		table := strings.TrimPrefix(between(o.is, " ON ", " USING "), "ONLY ")
		return []string{table, afterLast(o.rest, ".") + " on " + table}
	case understudy.GapStatistics:
		return []string{afterLast(o.is, " FROM ")}
	case understudy.GapSequence:
		return []string{cutLast(afterLast(o.is, " owned by "), ".")}
	case understudy.GapPublication:
		if of := strings.SplitN(o.rest, " of ", 2); len(of) == 2 {
			return []string{of[0], withoutWords(of[1])}
		}
	case understudy.GapFunction: // those that come with a range type
		made := between(o.is, "returns ", " language internal ")
		return []string{made, strings.TrimSuffix(made, "_multirange")}
	case understudy.GapOwner:
		return []string{withoutWords(o.rest)}
	case understudy.GapGrant:
		if _, in, found := strings.Cut(o.rest, " in schema "); found {
			return []string{cutLast(in, " to ")}
		}
		of := withoutWords(cutLast(strings.SplitN(o.rest, " by ", 2)[0], " to "))
		return []string{of, cutLast(of, ".")}
	case understudy.GapComment:
		of := withoutWords(o.rest)
		return []string{of, cutLast(of, "."), afterLast(of, " on ")}
	}
	return nil
}

// withoutWords takes what says the kind off the front of a name.
func withoutWords(name string) string {
	for _, word := range []string{
		"materialized view column ", "view column ", "table column ", "table constraint ", "domain constraint ", "materialized view ", "foreign table ", "event trigger ",
		"table ", "view ", "sequence ", "function ", "procedure ", "aggregate ", "type ", "column ", "schema ", "index ", "domain ", "trigger ", "rule ", "policy ",
		"statistics object ", "publication ", "server ",
	} {
		if rest, found := strings.CutPrefix(name, word); found {
			return rest
		}
	}
	return name
}

// schemaOf is the first part of a qualified name.
func schemaOf(name string) string {
	if at := outside(name, "."); len(at) > 0 {
		return name[:at[0]]
	}
	return ""
}

// cutLast is what stands before the last mark outside quotes; all of it where there is none.
func cutLast(text, mark string) string {
	if at := outside(text, mark); len(at) > 0 {
		return text[:at[len(at)-1]]
	}
	return text
}

// afterLast is what stands behind it.
func afterLast(text, mark string) string {
	if at := outside(text, mark); len(at) > 0 {
		return text[at[len(at)-1]+len(mark):]
	}
	return text
}

func between(text, from, to string) string {
	_, text, _ = strings.Cut(text, from)
	text, _, _ = strings.Cut(text, to)
	return text
}

// outside finds a mark outside of quoted names and of the arguments of a function.
func outside(text, mark string) []int {
	var at []int
	quoted, depth := false, 0
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '"':
			quoted = !quoted
		case quoted:
		case strings.HasPrefix(text[i:], mark) && depth == 0:
			at = append(at, i)
		case text[i] == '(':
			depth++
		case text[i] == ')':
			depth--
		}
	}
	return at
}
