package serverlog

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"time"

	"understudy"
	"understudy/internal/postgres"
)

// IsError tells the messages by which something was refused.
func (e Entry) IsError() bool {
	return e.Severity == "ERROR" || e.Severity == "FATAL" || e.Severity == "PANIC"
}

var (
	place    = regexp.MustCompile(` at character \d+$`)
	quoted   = regexp.MustCompile(`'(?:[^']|'')*'`)
	inQuotes = regexp.MustCompile(`"[^"]*"`)
	digits   = regexp.MustCompile(`\b\d+\b`)
)

// Said is the message of an error without values: those that the server quotes of data,
// numbers, and whatever stands in quotes in what a function of somebody's raised.
func (e Entry) Said() string {
	said, _, _ := strings.Cut(place.ReplaceAllString(e.Message, ""), "\n")
	said = postgres.WithoutValue(said)
	said = quoted.ReplaceAllString(said, "?")
	if strings.HasPrefix(e.Code, "P0") {
		said = inQuotes.ReplaceAllString(said, "?")
	}
	return digits.ReplaceAllString(said, "?")
}

// Errors counts errors by kind.
type Errors struct{ kinds map[errorKind]int }

type errorKind struct{ who, code, message string }

// Add takes in one message, if it is an error.
func (c *Errors) Add(e Entry) {
	if !e.IsError() {
		return
	}
	if c.kinds == nil {
		c.kinds = map[errorKind]int{}
	}
	c.kinds[errorKind{strings.TrimSpace(e.Role + " " + e.Program), e.Code, e.Said()}]++
}

// All are the kinds, the commonest first.
func (c *Errors) All() []understudy.ObservedError {
	var out []understudy.ObservedError
	for kind, times := range c.kinds {
		out = append(out, understudy.ObservedError{Who: kind.who, Code: kind.code, Message: kind.message, Times: times})
	}
	slices.SortFunc(out, func(a, b understudy.ObservedError) int {
		return cmp.Or(cmp.Compare(b.Times, a.Times), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Message, b.Message), cmp.Compare(a.Who, b.Who))
	})
	return out
}

// ErrorsBetween are the errors that sessions of a database were given in a time, but for
// those of one program.
func ErrorsBetween(path string, from, to time.Time, database, except string) ([]understudy.ObservedError, error) {
	var errors Errors
	r := From(path)
	defer r.Close() //nolint:errcheck // opened for reading
	err := r.Read(true, func(e Entry) {
		if e.Database == database && e.Program != except && !e.At.Before(from.Truncate(time.Millisecond)) && !e.At.After(to) {
			errors.Add(e)
		}
	})
	return errors.All(), err
}
