package understudy

import "time"

// Requirement is one thing that the gate asks of a promotion, and how it stands.
type Requirement struct {
	Name string `json:"name"`
	Met  bool   `json:"met"`
	Says string `json:"says"`         // what satisfies it, or what speaks against the promotion
	Do   string `json:"do,omitempty"` // about it, where it is not met
	// Breakable: a person may pass over it for a reason. What is not would be a lie.
	Breakable bool `json:"breakable,omitempty"`
	// From is when it will be met by itself; zero: time does not mend it.
	From time.Time `json:"from,omitzero"`
}

// The names of requirements.
const (
	RequireFree      = "hold"      // nothing holds the environment
	RequireNew       = "release"   // the environment does not run it already
	RequireRepaid    = "rehearsal" // what went out past the gate was rehearsed since
	RequireVerdict   = "verdict"   // there is one, signed, and it passed
	RequireBits      = "bits"      // what was rehearsed is what is promoted
	RequireChecks    = "checks"
	RequireUnmoved   = "unmoved"       // production is what it was rehearsed against
	RequireConfig    = "configuration" // the release can be started with what the environment has
	RequireWayBack   = "way back"      // where it is a restore: it was rehearsed, and can be done there
	RequireFresh     = "age"
	RequireAccepted  = "accepted" // who answers for the twin's differences still does
	RequireSoak      = "soak"
	RequireApprovals = "approvals"
	RequireFreeze    = "freeze"
	RequireWindow    = "window"
)

// Explanation is how a release stands before the gate of an environment.
type Explanation struct {
	Release      Digest        `json:"release"`
	Label        string        `json:"label"`
	To           string        `json:"to"`
	Verdict      string        `json:"verdict,omitempty"`
	May          bool          `json:"may"`
	Requirements []Requirement `json:"requirements"`
	Lane         Lane          `json:"lane"`
	Radius       *Radius       `json:"radius,omitempty"`
	Bounds       []Bound       `json:"bounds,omitempty"`  // of the express lane, where there is one
	Changed      []string      `json:"changed,omitempty"` // of the policy, since the rehearsal
	// Earliest is when it may go if nothing but time is missing, zero otherwise; Until is when
	// that ends, as far as that can be said.
	Earliest time.Time `json:"earliest,omitzero"`
	Until    time.Time `json:"until,omitzero"`
	Note     string    `json:"note,omitempty"` // what has to be done until then
}

// Missing are the requirements that are not met.
func (e Explanation) Missing() []Requirement {
	var out []Requirement
	for _, r := range e.Requirements {
		if !r.Met {
			out = append(out, r)
		}
	}
	return out
}

// PolicyInForce is what a policy asks, and its next windows.
type PolicyInForce struct {
	Digest  Digest       `json:"digest"`
	Policy  Policy       `json:"policy"`
	Lines   []PolicyLine `json:"lines"`
	Frozen  []Times      `json:"frozen,omitempty"`  // the next, or the present one first
	Allowed []Times      `json:"allowed,omitempty"` // the same
}
