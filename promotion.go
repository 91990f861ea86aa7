package understudy

import "time"

// PromotionState is where a promotion is in its life:
//
//	planned → gated → preparing → switching → baking → settled
//	   │        └──────────┴──────────┴─────────┴──→ rolling back → rolled back
//	   └→ refused
//
// A rollback is never rolled back by itself; a hold follows it.
type PromotionState string

// The states of a promotion.
const (
	PromotionPlanned     PromotionState = "planned"
	PromotionRefused     PromotionState = "refused"
	PromotionGated       PromotionState = "gated"
	PromotionPreparing   PromotionState = "preparing"
	PromotionSwitching   PromotionState = "switching"
	PromotionBaking      PromotionState = "baking"
	PromotionSettled     PromotionState = "settled"
	PromotionRollingBack PromotionState = "rolling-back"
	PromotionRolledBack  PromotionState = "rolled-back"
)

// CanBecome tells whether a move is allowed.
func (s PromotionState) CanBecome(next PromotionState) bool {
	return allowed(map[PromotionState][]PromotionState{
		PromotionPlanned:     {PromotionGated, PromotionRefused},
		PromotionGated:       {PromotionPreparing, PromotionRollingBack},
		PromotionPreparing:   {PromotionSwitching, PromotionRollingBack},
		PromotionSwitching:   {PromotionBaking, PromotionRollingBack},
		PromotionBaking:      {PromotionSettled, PromotionRollingBack},
		PromotionSettled:     {PromotionRollingBack},
		PromotionRollingBack: {PromotionRolledBack},
	}, s, next)
}

// Ended tells whether nothing more happens by itself.
func (s PromotionState) Ended() bool {
	return s == PromotionRefused || s == PromotionSettled || s == PromotionRolledBack
}

// Promotion brings a rehearsed release to an environment, unchanged.
type Promotion struct {
	ID       string         `json:"id"`
	Release  Digest         `json:"release"`
	Label    string         `json:"label"`
	To       string         `json:"to"`
	Verdict  string         `json:"verdict,omitempty"`
	State    PromotionState `json:"state"`
	Step     string         `json:"step,omitempty"` // the durable step under way
	Old      string         `json:"old,omitempty"`  // deployment that served before
	OldLabel string         `json:"oldLabel,omitempty"`
	New      string         `json:"new,omitempty"` // deployment that takes over
	Refusals []string       `json:"refusals,omitempty"`
	Do       []string       `json:"do,omitempty"`      // about them
	Changes  []string       `json:"changes,omitempty"` // what it changes, in plain words
	Lane     Lane           `json:"lane,omitempty"`    // how much was asked of it
	// Glass is what somebody broke to promote it at once; nil: the gate let it through.
	Glass  *BrokenGlass `json:"glass,omitempty"`
	Reason string       `json:"reason,omitempty"` // why it went back
	// LockTimeout is what the migration was rehearsed with, and gets again.
	LockTimeout time.Duration `json:"lockTimeout,omitempty"`
	// Expected is what the rehearsal saw of the migration; nil: the verdict does not say.
	Expected *Expectation `json:"expected,omitempty"`
	// OldRunsOnNew: the old release was seen to work on the migrated schema.
	OldRunsOnNew bool             `json:"oldRunsOnNew,omitempty"`
	Events       []PromotionEvent `json:"events,omitempty"`
	By           string           `json:"by"`
	MadeAt       time.Time        `json:"madeAt"`
	EndedAt      time.Time        `json:"endedAt,omitzero"`
	BakeEnds     time.Time        `json:"bakeEnds,omitzero"`
}

// PromotionEvent is one thing that happened on the way.
type PromotionEvent struct {
	At   time.Time `json:"at"`
	Text string    `json:"text"`
}

// Judge compares the new release with the old one as they served: failed when the new
// one's errors exceed the old one's by more than the policy allows, inconclusive when
// too few requests were seen to tell. The sentence says which figures led there.
func (p Policy) Judge(old, fresh Served) (Outcome, string) {
	added := fresh.ErrorRate() - old.ErrorRate()
	switch {
	case fresh.Errors > 0 && added > p.MaxErrorRate && fresh.Errors >= max(3, int64(float64(p.MinRequests)*p.MaxErrorRate)):
		return OutcomeFailed, sentence("%d of %d requests failed on %s (%.1f %%); on %s %d of %d", fresh.Errors, fresh.Requests,
			fresh.Release, 100*fresh.ErrorRate(), old.Release, old.Errors, old.Requests)
	case fresh.Requests < int64(p.MinRequests):
		return OutcomeInconclusive, sentence("%d requests seen on %s; %d are needed to judge", fresh.Requests, fresh.Release, p.MinRequests)
	default:
		return OutcomePassed, sentence("%d of %d requests failed on %s", fresh.Errors, fresh.Requests, fresh.Release)
	}
}
