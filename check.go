package understudy

import (
	"slices"
	"time"
)

// Outcome is how a check, or a whole rehearsal, ends.
type Outcome string

// The outcomes.
const (
	OutcomePassed       Outcome = "passed"
	OutcomeFailed       Outcome = "failed"
	OutcomeInconclusive Outcome = "inconclusive" // looked, could not tell
	OutcomeError        Outcome = "error"        // could not look
)

// Check is what one look of a rehearsal ended with.
type Check struct {
	Name      string        `json:"name"`
	Outcome   Outcome       `json:"outcome"`
	Summary   string        `json:"summary"` // one line, with figures
	Findings  []Finding     `json:"findings,omitempty"`
	Figures   []Figure      `json:"figures,omitempty"`
	Evidence  []Evidence    `json:"evidence,omitempty"`
	StartedAt time.Time     `json:"startedAt"`
	Took      time.Duration `json:"took"`
}

// Figure is one measured number. Basis says what it was measured on, in words.
type Figure struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	Basis string  `json:"basis,omitempty"`
}

// The checks that exist, by the names that policies and people use.
const (
	CheckTwin          = "twin"
	CheckParity        = "parity"
	CheckConfig        = "config"
	CheckMigration     = "migration"
	CheckCompatibility = "compatibility"
	CheckDeployment    = "deployment"
	CheckTests         = "tests"
	CheckFlags         = "flags"
	CheckRollback      = "rollback"
)

// Checks lists the checks in the order of a rehearsal.
func Checks() []string {
	return []string{CheckTwin, CheckParity, CheckConfig, CheckMigration, CheckCompatibility, CheckDeployment, CheckTests, CheckFlags, CheckRollback}
}

// Conclude gives a check its outcome from what it found: a blocking finding fails it.
// An outcome that is already inconclusive or error stays, unless a finding blocks.
func (c Check) Conclude() Check {
	blocking := slices.ContainsFunc(c.Findings, func(f Finding) bool { return f.Severity == SeverityBlocking })
	switch {
	case blocking:
		c.Outcome = OutcomeFailed
	case c.Outcome == "":
		c.Outcome = OutcomePassed
	}
	SortFindings(c.Findings)
	return c
}
