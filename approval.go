package understudy

import "time"

// ApprovalRule says how many people have to agree before a release may be promoted, and who
// counts.
type ApprovalRule struct {
	Count       int           `json:"count"`
	By          []string      `json:"by,omitempty"`          // users, and group:NAME; none: anybody
	NotAuthor   bool          `json:"notAuthor,omitempty"`   // who made the release does not count
	NotPromoter bool          `json:"notPromoter,omitempty"` // who promotes it does not count
	MaxAge      time.Duration `json:"maxAge,omitempty"`      // 0: as long as what it was given on holds
}

// GroupPrefix marks a group among those who may approve.
const GroupPrefix = "group:"

// Approval is somebody's yes to one release for one environment, as it is signed. It is given
// on evidence: the verdict, the policy and the state of production of that moment. Where one
// of them is another, it counts no longer.
type Approval struct {
	ID         string      `json:"id"`
	By         string      `json:"by"`
	Release    Digest      `json:"release"`
	Label      string      `json:"label"`
	To         string      `json:"to"`
	Verdict    string      `json:"verdict"`
	Evidence   Digest      `json:"evidence"` // of the verdict's envelope
	Policy     Digest      `json:"policy"`
	Production Fingerprint `json:"production"`
	Reason     string      `json:"reason,omitempty"`
	At         time.Time   `json:"at"`
}

// SignedApproval is an approval with its envelope, and what became of it since.
type SignedApproval struct {
	Approval
	Envelope     []byte    `json:"envelope"`
	WithdrawnAt  time.Time `json:"withdrawnAt,omitzero"`
	WithdrawnFor string    `json:"withdrawnFor,omitempty"`
	// Groups are those that its giver is in now; they are looked up, never stored.
	Groups []string `json:"-"`
}

// BrokenGlass is what somebody passed over to promote a release at once, and why. It is of
// one promotion; the next one meets the gate again.
type BrokenGlass struct {
	By     string   `json:"by"`
	Reason string   `json:"reason"`
	Passed []string `json:"passed,omitempty"` // what the gate had against it, that a person may pass
	// Over names the requirements in Passed; nil: the gate was not asked yet.
	Over []string `json:"over"`
}
