package mask

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"understudy"
)

// Classify says what a column seems to hold, and why, without any of its values.
func Classify(c understudy.Column) Finding { return classifyBeside(c, nil) }

// ClassifyTable classifies the columns of one table, each in the light of the others: a
// name beside a date of birth is a person's.
func ClassifyTable(columns []understudy.Column) []Finding {
	findings := make([]Finding, len(columns))
	for i, c := range columns {
		findings[i] = classifyBeside(c, columns)
	}
	return findings
}

// look is one column under examination.
type look struct {
	column  understudy.Column
	typed   columnType
	words   []string // of its name
	about   subject  // of its table
	samples []string
}

// classifyBeside asks, in this order: the type, the paths of documents, the samples where
// most of them agree, the column's name and table, its comment, and samples that hold
// something personal here and there. What none of them takes for personal is given the
// class that its keys, its type, its name or its values speak for.
func classifyBeside(c understudy.Column, beside []understudy.Column) Finding {
	l := look{column: c, typed: parseType(c.Type), about: subjectOf(c.Table, beside)}
	l.words = l.about.ownWords(wordsOf(c.Name))
	if finding := l.byType(); finding.Class != "" {
		return finding
	}
	l.samples = samplesOf(c, l.typed)
	if l.isDocument() {
		return l.document()
	}
	for _, way := range []func(look) Finding{look.byMostSamples, look.byName, look.byTable, look.byAccount, look.byComment, look.byAnySample, look.byDates, look.byReference, look.byProse} {
		if finding := way(l); finding.Class != "" {
			return finding
		}
	}
	return l.ordinary()
}

// byType knows the types that leave no choice.
func (l look) byType() Finding {
	reason := "by its type"
	switch l.typed.family {
	case familyIP:
		return Finding{Class: ClassIP, Reason: reason}
	case familyMAC:
		return Finding{Class: ClassMAC, Reason: reason}
	case familyBool:
		return Finding{Class: ClassFlag, Reason: reason}
	case familyTime:
		return Finding{Class: ClassMoment, Reason: reason}
	}
	switch l.typed.name {
	case "point", "geometry", "geography":
		return Finding{Class: ClassLocation, Reason: reason}
	case "tsvector":
		if l.about.house {
			return Finding{Class: ClassWords, Reason: "by its type: the words of other columns"}
		}
		return Finding{Class: ClassText, Reason: "by its type: the words of other columns"}
	}
	return Finding{}
}

// isDocument tells whether the values have paths.
func (l look) isDocument() bool {
	return l.typed.family == familyJSON || l.typed.name == maskHstore || l.typed.name == maskXML || l.typed.family == familyText && mostlyJSON(l.samples)
}

// document is the class of a column by its paths, or, while it is empty, by its name.
func (l look) document() Finding {
	paths := ClassifyPaths(l.column)
	if slices.ContainsFunc(paths, func(p PathFinding) bool { return p.Class.Personal() }) {
		return Finding{Class: ClassJSON, Reason: pathsReason(paths), Document: true}
	}
	if len(l.samples) == 0 {
		if finding := l.byName(); finding.Class != "" {
			return finding
		}
		return Finding{Class: ClassDocument, Reason: "no document was there to look at", Document: true}
	}
	return Finding{Class: ClassDocument, Reason: fmt.Sprintf("none of its %d paths looks personal", len(paths)), Document: true}
}

// byName looks the column's name up in the vocabulary: the longest run of words first, and
// what comes last before what comes earlier, as that is what the thing is.
func (l look) byName() Finding {
	if len(l.words) == 0 || listed(questions, l.words[0]) {
		return Finding{}
	}
	if class, found := spoken(strings.Join(wordsOf(l.column.Name), "")); found && class.fits(l.typed.family) && !l.disproves(class) {
		return Finding{Class: class, Reason: "by its name"}
	}
	if class, found := l.longestRun(l.words); found {
		return Finding{Class: class, Reason: "by its name"}
	}
	if class, found := l.longestRun(wordsOf(l.column.Name)); found {
		return Finding{Class: class, Reason: "by its name"}
	}
	return Finding{}
}

// longestRun finds the longest run of words that the vocabulary knows, and of several the
// one nearest to the end, which is what the thing is.
func (l look) longestRun(words []string) (Class, bool) {
	head := words[len(words)-1]
	for length := len(words); length > 0; length-- {
		for start := len(words) - length; start >= 0; start-- {
			class, found := spoken(strings.Join(words[start:start+length], ""))
			last := start+length == len(words)
			qualified := !last && (class == ClassText || isHead(head) && l.typed.family != familyBytes)
			if found && !qualified && class.fits(l.typed.family) && !l.disproves(class) {
				return class, true
			}
		}
	}
	return "", false
}

// byTable finds names that mean something only in tables about people, or of what they write.
func (l look) byTable() Finding {
	f := l.typed.family
	if f != familyText && f != familyOther && f != familyJSON || len(l.words) == 0 {
		return Finding{}
	}
	name := strings.Join(l.words, "")
	switch {
	case l.about.people && listed(inPeople, name):
		return Finding{Class: ClassName, Reason: "by its name, in a table about people"}
	case l.about.people && l.words[len(l.words)-1] == "name" && !hasListed(l.words, namedThings):
		return Finding{Class: ClassName, Reason: "by its name, in a table about people"}
	case l.about.people && listed(placesInPeople, name):
		return Finding{Class: ClassAddress, Reason: "by its name, in a table about people"}
	case l.about.people && listed(services, name):
		return Finding{Class: ClassURL, Reason: "by its name: an account at another service"}
	case l.about.people && listed(linksInPeople, name), l.about.organisations && listed(linksOfOrganisations, name), l.about.social && listed(linksOfOrganisations, name):
		return Finding{Class: ClassURL, Reason: "by its name, in a table about people or organisations"}
	case l.about.addresses && listed(inAddresses, name):
		return Finding{Class: ClassAddress, Reason: "by its name, in a table of addresses"}
	case l.about.secrets && listed(inSecrets, name) && !l.areReferences():
		return Finding{Class: ClassToken, Reason: "by its name, in a table of what opens doors"}
	case l.about.secrets && name == "id" && strings.HasPrefix(l.about.head, "session") && l.typed.family == familyText && !l.areReferences():
		return Finding{Class: ClassToken, Reason: "by its name, in a table of what opens doors"}
	case l.about.people && listed(textInPeople, name), l.about.messages && listed(inMessages, name):
		return Finding{Class: ClassText, Reason: "by its name, in a table of what people write"}
	case l.about.organisations && listed(inOrganisations, name):
		return Finding{Class: ClassOrganisation, Reason: "by its name, in a table about organisations"}
	}
	return Finding{}
}

// lexicon is the vocabulary by word.
var lexicon = sync.OnceValue(func() map[string]Class {
	index := map[string]Class{}
	for class, words := range vocabulary() {
		for word := range strings.FieldsSeq(words) {
			index[word] = class
		}
	}
	return index
})

// spoken looks a word up, with a number behind it or without, and by its stem.
func spoken(word string) (Class, bool) {
	index, plain := lexicon(), strings.TrimRight(word, "0123456789")
	for _, w := range [...]string{word, plain} {
		if class, found := index[w]; found {
			return class, true
		}
	}
	for stem := range strings.FieldsSeq(stems) {
		named := stem == "firstname" || stem == "lastname"
		if strings.HasSuffix(plain, stem) || named && strings.HasPrefix(plain, stem) {
			return index[stem], true
		}
	}
	return "", false
}

// byComment looks for the vocabulary in what the column's comment says. Only classes that
// have unmistakable words are believed there.
func (l look) byComment() Finding {
	words := wordsOf(l.column.Comment)
	for length := min(3, len(words)); length > 0; length-- {
		for start := 0; start+length <= len(words); start++ {
			word := strings.Join(words[start:start+length], "")
			if listed(warnings, word) {
				return Finding{Class: ClassText, Reason: "its comment says it is personal data"}
			}
			class, found := spoken(word)
			vague := class == ClassText || class == ClassURL || class == ClassName || class == ClassAddress || class == ClassOrganisation
			if found && class.fits(l.typed.family) && (length > 1 || !vague) {
				return Finding{Class: class, Reason: "by its comment"}
			}
		}
	}
	return Finding{}
}

// byAccount finds who somebody is at another service, and a person's links.
func (l look) byAccount() Finding {
	if len(l.words) < 1 || l.typed.family != familyText && l.typed.family != familyOther {
		return Finding{}
	}
	head, before := l.words[len(l.words)-1], l.words[:len(l.words)-1]
	account := listed(identifiers, head) || head == "account"
	switch {
	case account && head == "uid" && l.about.identities, account && l.about.identities && hasAny(before, "account", "federated", "external", "remote", "party"):
		return Finding{Class: ClassToken, Reason: "by its name, beside the service's"}
	case account && l.about.people && hasListed(before, services):
		return Finding{Class: ClassToken, Reason: "by its name: an account at another service"}
	case listed(ordinaryVocabulary()[ClassLink], head) && hasListed(before, people) && !l.disproves(ClassURL):
		return Finding{Class: ClassURL, Reason: "by its name"}
	}
	return Finding{}
}

func hasListed(words []string, list string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return listed(list, w) })
}

func hasAny(words []string, any ...string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return slices.Contains(any, w) })
}

// byReference takes a foreign key, of which nothing else said that it is personal, for one.
func (l look) byReference() Finding {
	if l.column.References == "" {
		return Finding{}
	}
	return Finding{Class: ClassReference, Reason: "it refers to " + l.column.References}
}
