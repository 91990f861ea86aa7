package understudy

import (
	"fmt"
	"slices"
	"time"
)

// Verdict is what a rehearsal concludes. Its signed form is an attestation, of which
// Statement is the content.
type Verdict struct {
	ID         string    `json:"id"`
	Rehearsal  string    `json:"rehearsal"`
	Release    Digest    `json:"release"`
	Label      string    `json:"label"`
	Outcome    Outcome   `json:"outcome"`
	Envelope   []byte    `json:"envelope"` // the DSSE envelope, as it was signed
	SignedAt   time.Time `json:"signedAt"`
	RevokedAt  time.Time `json:"revokedAt,omitzero"`
	RevokedBy  string    `json:"revokedBy,omitempty"`
	RevokedFor string    `json:"revokedFor,omitempty"`
}

// Statement is what an attestation says: the predicate that binds an outcome to the
// release, to the policy in force and to the state of production it was found against.
// It is compared field by field; a digest alone never stands for the whole.
type Statement struct {
	Rehearsal  string           `json:"rehearsal"`
	Outcome    Outcome          `json:"outcome"`
	Release    Digest           `json:"release"`
	Label      string           `json:"label"`
	Artifact   Digest           `json:"artifact"`
	Config     Digest           `json:"config"`
	Migrations Digest           `json:"migrations"`
	Flags      Digest           `json:"flags,omitempty"`
	Baseline   Digest           `json:"baseline,omitempty"`
	Production Fingerprint      `json:"production"`
	Snapshot   Snapshot         `json:"snapshot"`
	Policy     Digest           `json:"policy"`
	Checks     []StatementCheck `json:"checks"`
	// LockTimeout and Migrated are what promotion must repeat: as rehearsed, for about as long.
	LockTimeout time.Duration `json:"lockTimeout,omitempty"`
	Migrated    time.Duration `json:"migrated,omitempty"`
	// Expected is what promotion holds the migration against; nil in a verdict of before
	// that was noted, and where there is no migration.
	Expected *Expectation `json:"expected,omitempty"`
	// Contract is what promotion holds the contract migration against; nil: it was not rehearsed.
	Contract *Expectation `json:"contract,omitempty"`
	// OldRunsOnNew tells whether the baseline was seen to work on the migrated schema.
	OldRunsOnNew bool      `json:"oldRunsOnNew"`
	StartedAt    time.Time `json:"startedAt"`
	EndedAt      time.Time `json:"endedAt"`
}

// StatementCheck is one check's outcome as it is attested.
type StatementCheck struct {
	Name     string   `json:"name"`
	Outcome  Outcome  `json:"outcome"`
	Findings []string `json:"findings,omitempty"` // codes
	Evidence []Digest `json:"evidence,omitempty"`
}

// Conclude is the verdict rule: passed only if every required check passed. A failed
// check makes the whole failed, whether required or not asked for; an error outweighs
// what could not be told; a required check that is missing could not be told.
func Conclude(checks []Check, required []string) Outcome {
	byName := map[string]Outcome{}
	for _, c := range checks {
		if c.Outcome == OutcomeFailed {
			return OutcomeFailed
		}
		byName[c.Name] = c.Outcome
	}
	whole := OutcomePassed
	for _, name := range required {
		switch byName[name] {
		case OutcomePassed:
		case OutcomeError:
			return OutcomeError
		default: // could not be told, was not looked at, or says nothing
			whole = OutcomeInconclusive
		}
	}
	return whole
}

// Gate is what a verdict is held against at the moment of promotion.
type Gate struct {
	Release    Release
	Production Fingerprint // observed now
	Policy     Policy
	Now        time.Time
}

// Refusals lists every reason why a statement does not permit the promotion, in plain
// words; none means that it does. Signature and revocation are checked by who reads it.
func (g Gate) Refusals(s Statement) []string {
	var why []string
	add := func(wrong bool, format string, args ...any) {
		if wrong {
			why = append(why, fmt.Sprintf(format, args...))
		}
	}
	add(s.Outcome != OutcomePassed, "its rehearsal %s ended %s", s.Rehearsal, s.Outcome)
	add(s.Release != g.Release.Digest, "the verdict is for release %s, not %s", s.Release.Short(), g.Release.Digest.Short())
	add(s.Artifact != g.Release.Artifact.Digest, "the artifacts rehearsed are not these")
	add(s.Config != g.Release.Config, "the configuration rehearsed is not this one")
	add(s.Migrations != g.Release.Migrations, "the migration rehearsed is not this one")
	add(s.Flags != g.Release.Flags, "the flags rehearsed are not these")
	for _, moved := range s.Production.Moved(g.Production) {
		why = append(why, fmt.Sprintf("%s has moved since the rehearsal: %s", s.Production.Environment, moved))
	}
	for _, name := range g.Policy.Required {
		at := slices.IndexFunc(s.Checks, func(c StatementCheck) bool { return c.Name == name })
		add(at < 0, "the policy requires check %s, which the rehearsal did not look at", name)
		add(at >= 0 && s.Outcome == OutcomePassed && s.Checks[max(at, 0)].Outcome != OutcomePassed, "the policy requires check %s, which ended otherwise than passed", name)
	}
	age := g.Now.Sub(s.EndedAt)
	add(age > g.Policy.MaxAge, "the verdict is %s old; the policy allows %s", age.Round(time.Second), g.Policy.MaxAge)
	add(age < -time.Minute, "the verdict is from the future: it was signed at %s, and the clock now says %s",
		s.EndedAt.UTC().Format(time.RFC3339), g.Now.UTC().Format(time.RFC3339))
	return why
}
