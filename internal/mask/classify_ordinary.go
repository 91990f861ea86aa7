package mask

import (
	"fmt"
	"regexp"
	"strings"
)

// ordinary is the class of what is not personal: by its keys, its type, its name, its
// values. What nothing speaks for is unknown, and for a person to decide.
func (l look) ordinary() Finding {
	for _, way := range []func(look) Finding{look.byAllowed, look.byKey, look.byHead, look.byPlainType, look.byShape} {
		if finding := way(l); finding.Class != "" {
			return finding
		}
	}
	if len(l.samples) == 0 {
		return Finding{Class: ClassUnknown, Reason: "its name says nothing, and it has no values", Weak: true}
	}
	return Finding{Class: ClassUnknown, Reason: fmt.Sprintf("its name says nothing, and its %d samples look like nothing personal", len(l.samples)), Weak: true}
}

// byAllowed takes a column whose values are laid down for a status.
func (l look) byAllowed() Finding {
	if len(l.column.Allowed) == 0 {
		return Finding{}
	}
	return Finding{Class: ClassStatus, Reason: fmt.Sprintf("the schema lays down its %d values", len(l.column.Allowed))}
}

func (l look) byKey() Finding {
	if len(l.words) == 0 || !listed(identifiers, l.words[len(l.words)-1]) && !(l.column.Unique && l.typed.family == familyInteger) {
		if l.typed.family == familyUUID {
			return Finding{Class: ClassKey, Reason: "by its type"}
		}
		return Finding{}
	}
	if len(l.words) == 1 || l.column.Unique && l.typed.family != familyText {
		return Finding{Class: ClassKey, Reason: "by its name"}
	}
	return Finding{Class: ClassReference, Reason: "by its name"}
}

// byHead goes by the last word of the name, which says what the thing is.
func (l look) byHead() Finding {
	if len(l.words) == 0 || l.typed.family != familyText && l.typed.family != familyOther {
		return Finding{}
	}
	whole, head := strings.Join(l.words, ""), strings.TrimRight(l.words[len(l.words)-1], "0123456789")
	for _, class := range ordinaryClasses() {
		words := ordinaryVocabulary()[class]
		if listed(words, whole) || listed(words, head) {
			weak := class == ClassWords && !l.about.house // whose words they are, a person has to say
			return Finding{Class: class, Reason: "by its name", Weak: weak}
		}
	}
	if listed(questions, l.words[0]) {
		return Finding{Class: ClassFlag, Reason: "its name asks a question", Weak: true}
	}
	return Finding{}
}

// byPlainType takes numbers and dates, which nothing took for personal, for what they are.
func (l look) byPlainType() Finding {
	switch l.typed.family {
	case familyInteger, familyDecimal:
		return Finding{Class: ClassNumber, Reason: "by its type"}
	case familyDate:
		return Finding{Class: ClassMoment, Reason: "by its type"}
	}
	if strings.HasSuffix(l.typed.name, "range") || l.typed.name == "oid" || l.typed.name == "money" || l.typed.name == "bit" || l.typed.name == "bit varying" {
		return Finding{Class: ClassNumber, Reason: "by its type"}
	}
	return Finding{}
}

var codeShape = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.:/\-]{0,39}$`)

// byShape looks at how values are written.
func (l look) byShape() Finding {
	const few, some = 12, 3
	if len(l.samples) == 0 || l.typed.family != familyText && l.typed.family != familyOther {
		return Finding{}
	}
	all := func(valid func(string) bool) bool { return count(l.samples, valid) == len(l.samples) }
	switch {
	case all(func(s string) bool { return strings.Trim(s, "0123456789.,+-eE") == "" }):
		return Finding{Class: ClassNumber, Reason: "its samples are numbers", Weak: true}
	case all(dateLike.MatchString):
		return Finding{Class: ClassMoment, Reason: "its samples are dates"}
	case all(uuidShape.MatchString):
		return Finding{Class: ClassKey, Reason: "its samples are UUIDs"}
	case len(l.samples) >= some && len(l.samples) <= few && all(codeShape.MatchString):
		return Finding{Class: ClassStatus, Reason: fmt.Sprintf("its samples are %d words", len(l.samples)), Weak: true}
	}
	return Finding{}
}
