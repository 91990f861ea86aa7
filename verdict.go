package understudy

import (
	"maps"
	"slices"
	"strings"
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
	Rehearsal  string  `json:"rehearsal"`
	Outcome    Outcome `json:"outcome"`
	Release    Digest  `json:"release"`
	Label      string  `json:"label"`
	Artifact   Digest  `json:"artifact"`
	Config     Digest  `json:"config"`
	Migrations Digest  `json:"migrations"`
	Flags      Digest  `json:"flags,omitempty"`
	// FlagRows are the combinations of the release's flags that passed: what production's
	// flags may move to before the promotion.
	FlagRows   []FlagValues `json:"flagRows,omitempty"`
	Baseline   Digest       `json:"baseline,omitempty"`
	Production Fingerprint  `json:"production"`
	Snapshot   Snapshot     `json:"snapshot"`
	Policy     Digest       `json:"policy"`
	// Terms is the policy itself; nil in a verdict of before it was attested.
	Terms  *Policy          `json:"terms,omitempty"`
	Checks []StatementCheck `json:"checks"`
	// Radius is how far the release reaches beyond the baseline; nil as above.
	Radius *Radius `json:"radius,omitempty"`
	// Parity is how alike the twin was to what it is a twin of; nil: the check parity could not look.
	Parity *ParitySummary `json:"parity,omitempty"`
	// LockTimeout and Migrated are what promotion must repeat: as rehearsed, for about as long.
	LockTimeout time.Duration `json:"lockTimeout,omitempty"`
	Migrated    time.Duration `json:"migrated,omitempty"`
	// Expected is what promotion holds the migration against; nil in a verdict of before
	// that was noted, and where there is no migration.
	Expected *Expectation `json:"expected,omitempty"`
	// Contract is what promotion holds the contract migration against; nil: it was not rehearsed.
	Contract *Expectation `json:"contract,omitempty"`
	// Restoration is the way back by the safety copy, as it was seen to go; nil: it was not.
	Restoration *Restoration `json:"restoration,omitempty"`
	// OldRunsOnNew tells whether the baseline was seen to work on the migrated schema.
	OldRunsOnNew bool `json:"oldRunsOnNew"`
	// Running is the configuration that the candidate's processes were seen to run with on the
	// twin, by keyed digest; the configuration of production is part of Production.
	Running   []ConfigRan `json:"running,omitempty"`
	StartedAt time.Time   `json:"startedAt"`
	EndedAt   time.Time   `json:"endedAt"`
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
// words; none means that it does.
func (g Gate) Refusals(s Statement) []string {
	var why []string
	for _, r := range g.Requirements(s) {
		if !r.Met {
			why = append(why, r.Says)
		}
	}
	return why
}

// Requirements holds a statement against what the gate asks of it, and says of each thing how
// it stands. Signature and revocation are checked by who reads the statement.
func (g Gate) Requirements(s Statement) []Requirement {
	anew := "rehearse it as things are now: understudy rehearse " + g.Release.Label
	out := []Requirement{{
		Name: RequireVerdict, Met: s.Outcome == OutcomePassed, Says: sentence("its rehearsal %s ended %s", s.Rehearsal, s.Outcome),
		Do: "see what was found: understudy rehearsal show " + s.Rehearsal, Breakable: true,
	}}
	for _, all := range [][]Requirement{g.bits(s), g.unmoved(s), g.checks(s), g.accepted(s), g.fresh(s)} {
		out = append(out, all...)
	}
	for i := range out {
		if out[i].Met {
			out[i].Do = ""
		} else if out[i].Do == "" {
			out[i].Do = anew
		}
	}
	return out
}

// bits are never passed over: what was rehearsed is what is started, or it was not rehearsed.
func (g Gate) bits(s Statement) []Requirement {
	var out []Requirement
	for _, part := range []struct {
		differs bool
		says    string
	}{
		{s.Release != g.Release.Digest, sentence("the verdict is for release %s, not %s", s.Release.Short(), g.Release.Digest.Short())},
		{s.Artifact != g.Release.Artifact.Digest, "the artifacts rehearsed are not these"},
		{s.Config != g.Release.Config, "the configuration rehearsed is not this one"},
		{s.Migrations != g.Release.Migrations, "the migration rehearsed is not this one"},
		{s.Flags != g.Release.Flags, "the flags rehearsed are not these"},
	} {
		if part.differs {
			out = append(out, Requirement{Name: RequireBits, Says: part.says})
		}
	}
	if len(out) > 0 {
		return out
	}
	return []Requirement{{Name: RequireBits, Met: true, Says: sentence("release %s is what was rehearsed, bit by bit", g.Release.Digest.Short())}}
}

func (g Gate) unmoved(s Statement) []Requirement {
	if s.Production.Environment == "" { // its twin was never set to what production is
		return []Requirement{{Name: RequireUnmoved, Breakable: true, Says: "the rehearsal did not get to see production"}}
	}
	var out []Requirement
	now := g.Production
	if g.rehearsed(s) { // as it would be with the release
		now.Flags, now.FlagSet = s.Production.Flags, s.Production.FlagSet
	}
	for _, moved := range s.Production.Moved(now) {
		out = append(out, Requirement{Name: RequireUnmoved, Breakable: true, Says: sentence("%s has moved since the rehearsal: %s", s.Production.Environment, moved)})
	}
	if len(out) > 0 {
		return out
	}
	return []Requirement{{Name: RequireUnmoved, Met: true, Says: sentence("%s is what it was rehearsed against: release %s", s.Production.Environment, labelled(s.Production))}}
}

// rehearsed tells whether the release was rehearsed with what production's flags would be
// for it now, though they have moved.
func (g Gate) rehearsed(s Statement) bool {
	values, _ := g.Release.Application.Values(g.Production.FlagSet)
	return slices.ContainsFunc(s.FlagRows, func(row FlagValues) bool { return maps.Equal(row, values) })
}

func (g Gate) checks(s Statement) []Requirement {
	var out []Requirement
	for _, name := range g.Policy.Required {
		at := slices.IndexFunc(s.Checks, func(c StatementCheck) bool { return c.Name == name })
		switch {
		case at < 0:
			out = append(out, Requirement{Name: RequireChecks, Breakable: true, Says: sentence("the policy requires check %s, which the rehearsal did not look at", name)})
		case s.Outcome == OutcomePassed && s.Checks[at].Outcome != OutcomePassed:
			out = append(out, Requirement{Name: RequireChecks, Breakable: true, Says: sentence("the policy requires check %s, which ended otherwise than passed", name)})
		}
	}
	if len(out) > 0 || s.Outcome != OutcomePassed {
		return out
	}
	return []Requirement{{Name: RequireChecks, Met: true, Says: sentence("all required checks passed: %s", strings.Join(g.Policy.Required, ", "))}}
}

// accepted are the differences that the verdict rests on: whoever answers for them does so
// until a day, and that may come between the rehearsal and the promotion.
func (g Gate) accepted(s Statement) []Requirement {
	if s.Parity == nil {
		return nil
	}
	var out []Requirement
	for _, a := range s.Parity.RanOut(g.Now) {
		out = append(out, Requirement{Name: RequireAccepted, Breakable: true,
			Says: sentence("the rehearsal rests on %s being accepted, which ran out on %s (%s)", a, a.Until, a.Owner)})
	}
	if len(out) == 0 && len(s.Parity.Accepted) > 0 {
		out = append(out, Requirement{Name: RequireAccepted, Met: true, Says: "whoever answered for differences of the twin still does"})
	}
	return out
}

func (g Gate) fresh(s Statement) []Requirement {
	age := g.Now.Sub(s.EndedAt)
	r := Requirement{Name: RequireFresh, Breakable: true}
	switch {
	case age > g.Policy.MaxAge:
		r.Says = sentence("the verdict is %s old; the policy allows %s", age.Round(time.Second), g.Policy.MaxAge)
	case age < -time.Minute:
		r.Says = sentence("the verdict is from the future: it was signed at %s, and the clock now says %s",
			s.EndedAt.UTC().Format(time.RFC3339), g.Now.UTC().Format(time.RFC3339))
	default:
		r.Met, r.Says = true, sentence("the verdict is %s old, of %s", max(0, age).Round(time.Second), g.Policy.MaxAge)
	}
	return []Requirement{r}
}
