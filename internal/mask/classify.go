package mask

import (
	"fmt"
	"strings"

	"understudy"
)

// Classify says what personal data a column seems to hold, and why, without any of its
// values. It asks, in this order: the type, the samples where most of them agree, the
// column's name, its comment, and samples that hold something personal here and there.
// Suspicious is what must not be copied without a rule.
func Classify(c understudy.Column) (class Class, reason string, suspicious bool) {
	t := parseType(c.Type)
	if class, reason := byType(t); class != ClassNone {
		return class, reason, true
	}
	if t.family == familyBool || t.family == familyTime {
		return ClassNone, "", false
	}
	samples := samplesOf(c, t)
	if t.family == familyJSON || mostlyJSON(samples) {
		if paths := classifyPaths(c); len(paths) > 0 {
			return ClassJSON, pathsReason(paths), true
		}
		if len(samples) > 0 {
			return ClassNone, "", false
		}
	}
	looks := []func() (Class, string){
		func() (Class, string) { return byMostSamples(c, t, samples) },
		func() (Class, string) { return byName(c, t.family) },
		func() (Class, string) { return byComment(c, t.family) },
		func() (Class, string) { return byAnySample(t, samples) },
	}
	for _, look := range looks {
		if class, reason := look(); class != ClassNone {
			return class, reason, true
		}
	}
	return ClassNone, "", false
}

func byType(t columnType) (Class, string) {
	switch t.family {
	case familyIP:
		return ClassIP, "its type is " + t.name
	case familyMAC:
		return ClassMAC, "its type is " + t.name
	}
	switch t.name {
	case "point", "geometry", "geography":
		return ClassLocation, "its type is " + t.name
	}
	return ClassNone, ""
}

// byName looks the column's name up in the vocabulary, the longest run of words first.
func byName(c understudy.Column, f family) (Class, string) {
	words := wordsOf(c.Name)
	if len(words) == 0 || listed(" is has was can should allow allows enable use needs ", words[0]) {
		return ClassNone, ""
	}
	spoken := byWords()
	for length := len(words); length > 0; length-- {
		for start := 0; start+length <= len(words); start++ {
			class, found := spoken(strings.Join(words[start:start+length], ""))
			last := start+length == len(words)
			if !found || !class.fits(f) || !last && listed(nothing, words[len(words)-1]) {
				continue
			}
			return class, fmt.Sprintf("its name says %s", class)
		}
	}
	return byTable(c, words, f)
}

// byTable finds names that mean something only in tables about people or messages.
func byTable(c understudy.Column, words []string, f family) (Class, string) {
	if f != familyText && f != familyOther && f != familyJSON || len(words) != 1 {
		return ClassNone, ""
	}
	parts := splitName(c.Table)
	for _, about := range wordsOf(parts[len(parts)-1]) {
		switch {
		case listed(people, about) && listed(inPeople, words[0]) && words[0] != "title" && words[0] != "number":
			return ClassName, fmt.Sprintf("its name says %s, in a table about people", ClassName)
		case listed(messages, about) && listed(inMessages, words[0]):
			return ClassText, fmt.Sprintf("its name says %s, in a table of messages", ClassText)
		}
	}
	return ClassNone, ""
}

// byWords returns a function that looks a word up.
func byWords() func(word string) (Class, bool) {
	index := map[string]Class{}
	for class, words := range vocabulary() {
		for _, word := range strings.Fields(words) {
			index[word] = class
		}
	}
	return func(word string) (Class, bool) {
		plain := strings.TrimRight(word, "0123456789")
		for _, w := range [...]string{word, plain} {
			if class, found := index[w]; found {
				return class, true
			}
		}
		for _, stem := range strings.Fields(stems) {
			if strings.HasSuffix(plain, stem) {
				return index[stem], true
			}
		}
		return ClassNone, false
	}
}

// byComment looks for the vocabulary in what the column's comment says. Only classes that
// have unmistakable words are believed there.
func byComment(c understudy.Column, f family) (Class, string) {
	spoken := byWords()
	words := wordsOf(c.Comment)
	for length := min(3, len(words)); length > 0; length-- {
		for start := 0; start+length <= len(words); start++ {
			word := strings.Join(words[start:start+length], "")
			class, found := spoken(word)
			if word == "pii" || word == "gdpr" || word == "dsgvo" || word == "rgpd" {
				return ClassText, "its comment says it is personal data"
			}
			if found && class.fits(f) && (length > 1 || class != ClassText && class != ClassURL && class != ClassName && class != ClassAddress) {
				return class, fmt.Sprintf("its comment says %s", class)
			}
		}
	}
	return ClassNone, ""
}

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
func byMostSamples(c understudy.Column, t columnType, samples []string) (Class, string) {
	if len(samples) == 0 || t.family != familyText && t.family != familyOther && t.family != familyInteger {
		return ClassNone, ""
	}
	words := wordsOf(c.Name)
	checksum := len(words) > 0 && listed(checksums, words[len(words)-1])
	for _, v := range validators() {
		if v.class == ClassToken && checksum || t.family == familyInteger && !v.numeric {
			continue
		}
		hits := 0
		for _, s := range samples {
			if v.valid(s) {
				hits++
			}
		}
		if hits >= v.least && float64(hits) >= v.share*float64(len(samples)) {
			return v.class, fmt.Sprintf("%d of %d samples look like %s", hits, len(samples), v.class)
		}
	}
	return ClassNone, ""
}

// byAnySample looks for what must not be in a text even once.
func byAnySample(t columnType, samples []string) (Class, string) {
	if t.family != familyText && t.family != familyOther {
		return ClassNone, ""
	}
	for _, v := range finders() {
		hits := 0
		for _, s := range samples {
			if v.valid(s) {
				hits++
			}
		}
		if hits > 0 {
			return ClassText, fmt.Sprintf("%d of %d samples contain %s", hits, len(samples), v.class)
		}
	}
	return ClassNone, ""
}
