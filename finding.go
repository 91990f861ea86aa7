package understudy

import (
	"cmp"
	"slices"
)

// Severity says what a finding does to the verdict.
type Severity string

// The severities, worst first.
const (
	SeverityBlocking Severity = "blocking" // the check fails
	SeverityWarning  Severity = "warning"  // should be known before promotion
	SeverityNote     Severity = "note"     // a fact worth seeing
)

func (s Severity) rank() int {
	return slices.Index([]Severity{SeverityBlocking, SeverityWarning, SeverityNote}, s)
}

// Finding is one fact that a check found. Its texts carry no personal data and no secrets.
type Finding struct {
	Code     string     `json:"code"` // its entry in the catalogue
	Check    string     `json:"check"`
	Severity Severity   `json:"severity"`
	Title    string     `json:"title"`
	Subject  string     `json:"subject,omitempty"` // the table, key, service or test it is about
	Would    string     `json:"would"`             // what would happen in production
	Seen     string     `json:"seen"`              // what was observed, with its figures
	Remedy   string     `json:"remedy"`            // how to avoid it
	Evidence []Evidence `json:"evidence,omitempty"`
	Inexact  bool       `json:"inexact,omitempty"` // observed by sampling: more may have happened
	// Hurt orders findings of one severity: seconds of harm, requests lost, rows lost. Larger is worse.
	Hurt float64 `json:"hurt,omitempty"`
}

// Evidence is a file that shows what was seen.
type Evidence struct {
	Name   string `json:"name"`
	Digest Digest `json:"digest"`
	Size   int64  `json:"size"`
}

// SortFindings puts what would hurt most first.
func SortFindings(findings []Finding) {
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(a.Severity.rank(), b.Severity.rank()),
			cmp.Compare(b.Hurt, a.Hurt),
			cmp.Compare(a.Code, b.Code),
			cmp.Compare(a.Subject, b.Subject),
		)
	})
}
