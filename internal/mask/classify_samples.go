package mask

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"understudy"
)

// samplesOf are the values of the samples: of an array, those of its elements.
func samplesOf(c understudy.Column, t columnType) []string {
	var samples []string
	add := appendFunc(func(dst, value []byte) ([]byte, error) {
		if s := strings.TrimSpace(string(value)); s != "" {
			samples = append(samples, s)
		}
		return dst, nil
	})
	for _, s := range c.Samples {
		look := add
		if t.array {
			look = eachElement(add)
		}
		if _, err := look([]byte{}, []byte(s)); err != nil { // no array: looked at as it is
			_, _ = add(nil, []byte(s)) // never fails
		}
	}
	return samples
}

// byMostSamples believes a validator that most samples pass.
func (l look) byMostSamples() Finding {
	f := l.typed.family
	if len(l.samples) == 0 || f != familyText && f != familyOther && f != familyInteger {
		return Finding{}
	}
	for _, v := range validators() {
		if f == familyInteger && !v.numeric || l.contradicts(v.class) {
			continue
		}
		hits := count(l.samples, v.valid)
		if hits >= v.least && float64(hits) >= v.share*float64(len(l.samples)) {
			return Finding{Class: v.class, Reason: fmt.Sprintf("%d of %d samples are such", hits, len(l.samples))}
		}
	}
	return Finding{}
}

// contradicts tells whether the name says what a chance likeness of values must not
// overrule: a digest is no secret, and a product called Rosa no person.
func (l look) contradicts(class Class) bool {
	if len(l.words) == 0 {
		return false
	}
	head := l.words[len(l.words)-1]
	switch class {
	case ClassToken:
		return listed(checksums, head) || l.words[0] == "public" || isIdentifier(head)
	case ClassName:
		return listed(ofTheHouse, head) && !l.about.people
	default:
		return false
	}
}

// byAnySample looks for what must not be in a text even once.
func (l look) byAnySample() Finding {
	if l.typed.family != familyText && l.typed.family != familyOther {
		return Finding{}
	}
	for _, v := range finders() {
		if hits := count(l.samples, func(s string) bool { return !uuidShape.MatchString(s) && v.valid(s) }); hits > 0 {
			return Finding{Class: ClassText, Reason: fmt.Sprintf("%d of %d samples contain %s", hits, len(l.samples), v.class)}
		}
	}
	return Finding{}
}

func count(samples []string, valid func(string) bool) int {
	hits := 0
	for _, s := range samples {
		if valid(s) {
			hits++
		}
	}
	return hits
}

// isIdentifier tells the last word of a key's or reference's name: id, userid.
func isIdentifier(head string) bool {
	stem, fused := strings.CutSuffix(head, "id")
	return listed(identifiers, head) || fused && len(stem) > 2 && !listed(notIdentifiers, head)
}

// objectID is an identifier that says what it is one of, as services write them: cus_9s6XK….
var objectID = regexp.MustCompile(`^[a-z]{2,12}_[A-Za-z0-9_\-]+$`)

// areReferences tells whether the values are those of keys.
func (l look) areReferences() bool {
	return l.typed.family == familyUUID || l.column.References != "" || len(l.samples) > 0 && len(l.words) > 0 && listed(identifiers, l.words[len(l.words)-1]) &&
		(l.areKeys() || count(l.samples, objectID.MatchString) == len(l.samples))
}

// areKeys tells whether all values are UUIDs.
func (l look) areKeys() bool { return count(l.samples, uuidShape.MatchString) == len(l.samples) }

// disproves tells whether the values are none of a class that the name speaks for: UUIDs
// that are called an id are references, and three words are no links.
func (l look) disproves(class Class) bool {
	const few = 5
	switch {
	case class == ClassName && l.about.house:
		return !hasListed(l.words, roles) && !hasAny(l.words, "owner", "contact", "recipient", "customer")
	case class == ClassToken && len(l.words) > 0 && listed(identifiers, l.words[len(l.words)-1]):
		return l.areReferences()
	case class == ClassURL:
		return 0 < len(l.samples) && (len(l.samples) <= few || l.areKeys()) && count(l.samples, func(s string) bool { return strings.ContainsAny(s, "./@") }) == 0
	case class == ClassEmail && l.typed.family == familyText:
		return len(l.samples) > few && count(l.samples, func(s string) bool { return strings.Contains(s, "@") }) == 0 && !hasAny(l.words, "hash", "digest")
	case class == ClassName && len(l.words) > 0 && listed(roles, l.words[len(l.words)-1]):
		return 0 < len(l.samples) && len(l.samples) <= few && count(l.samples, codeShape.MatchString) == len(l.samples)
	}
	return false
}

// byProse takes sentences that nothing speaks for, outside of what the house offers, for
// somebody's own words.
func (l look) byProse() Finding {
	const sentence = 5
	if l.typed.family != familyText || len(l.samples) == 0 || l.about.house || hasListed(l.words, technical) {
		return Finding{}
	}
	spoken := func(s string) bool { return len(wordsIn.FindAllString(s, sentence)) == sentence }
	if hits := count(l.samples, spoken); hits*2 > len(l.samples) {
		return Finding{Class: ClassText, Reason: fmt.Sprintf("%d of %d samples are sentences", hits, len(l.samples)), Weak: true}
	}
	return Finding{}
}

var wordsIn = regexp.MustCompile(`(?:^|\s)\pL+[.,;:!?]?`)

var dayOnly = regexp.MustCompile(`^([0-9]{4})-[0-9]{2}-[0-9]{2}(?: 00:00:00(?:[+\-Z].*)?)?$`)

// byDates takes days that lie a working life apart, in a table about people, for dates of
// birth: no other day in such a table goes back as far.
func (l look) byDates() Finding {
	const enough, life = 5, 25
	if l.typed.family != familyDate || !l.about.people || len(l.samples) < enough {
		return Finding{}
	}
	first, last := 9999, 0
	for _, s := range l.samples {
		m := dayOnly.FindStringSubmatch(s)
		if m == nil {
			return Finding{}
		}
		year, err := strconv.Atoi(m[1])
		if err != nil { // four digits are a number
			return Finding{}
		}
		first, last = min(first, year), max(last, year)
	}
	if last-first < life || first < 1900 {
		return Finding{}
	}
	return Finding{Class: ClassBirth, Reason: fmt.Sprintf("its days lie %d years apart, in a table about people", last-first)}
}
