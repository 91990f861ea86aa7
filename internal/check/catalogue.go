// Package check is the catalogue of findings: for each code its title, how bad it is,
// what would happen in production and how to avoid it. It observes nothing; checks
// bring the facts, and the catalogue the words, so that one finding always reads the
// same and all of them can be read in one place.
package check

import (
	"fmt"
	"strings"

	"understudy"
)

// Code names a kind of finding.
type Code string

// Entry is one kind of finding. Would and Remedy may hold {subject} and the names of
// facts in braces.
type Entry struct {
	Code     Code
	Check    string
	Severity understudy.Severity
	Title    string
	Would    string
	Remedy   string
}

// Facts are what a finding's words are filled in with. Names are those in braces.
type Facts map[string]any

// Find makes a finding of a code: its words from the catalogue, what was seen from the
// caller. An unknown code is a fault of the program and yields a blocking finding that
// says so, never nothing.
func Find(code Code, subject, seen string, facts Facts) understudy.Finding {
	for _, e := range Catalogue() {
		if e.Code != code {
			continue
		}
		words := replacer(subject, facts)
		return understudy.Finding{
			Code: string(code), Check: e.Check, Severity: e.Severity, Title: words.Replace(e.Title),
			Subject: subject, Would: words.Replace(e.Would), Seen: seen, Remedy: words.Replace(e.Remedy),
		}
	}
	return understudy.Finding{
		Code: string(code), Severity: understudy.SeverityBlocking, Subject: subject, Seen: seen,
		Title: "a finding that the catalogue does not know", Remedy: "report this as a fault of the program",
	}
}

func replacer(subject string, facts Facts) *strings.Replacer {
	pairs := []string{"{subject}", subject}
	for name, value := range facts {
		pairs = append(pairs, "{"+name+"}", fmt.Sprint(value))
	}
	return strings.NewReplacer(pairs...)
}
