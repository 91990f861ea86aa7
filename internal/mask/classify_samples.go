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
	add := func(value []byte) ([]byte, error) {
		if s := strings.TrimSpace(string(value)); s != "" {
			samples = append(samples, s)
		}
		return value, nil
	}
	for _, s := range c.Samples {
		look := add
		if t.array {
			look = eachElement(add)
		}
		if _, err := look([]byte(s)); err != nil { // no array: looked at as it is
			_, _ = add([]byte(s)) // never fails
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
		return listed(checksums, head)
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
		if hits := count(l.samples, v.valid); hits > 0 {
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
