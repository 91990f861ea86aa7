package understudy

import "time"

// PromotionState is where a promotion is in its life:
//
//	planned → gated → preparing → switching → baking → settled ⇄ contracting → contracted
//	   │        └──────────┴──────────┴─────────┴────────┴──→ rolling back → rolled back
//	   └→ refused
//
// A rollback is never rolled back by itself; a hold follows it. What was begun to be
// contracted has no way back. A rollback whose databases could not be restored leaves the
// promotion settled; one that left them as they were may be followed by another that restores them.
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
	PromotionContracting PromotionState = "contracting"
	PromotionContracted  PromotionState = "contracted"
)

// CanBecome tells whether a move is allowed.
func (s PromotionState) CanBecome(next PromotionState) bool {
	return allowed(map[PromotionState][]PromotionState{
		PromotionPlanned:     {PromotionGated, PromotionRefused},
		PromotionGated:       {PromotionPreparing, PromotionRollingBack},
		PromotionPreparing:   {PromotionSwitching, PromotionRollingBack},
		PromotionSwitching:   {PromotionBaking, PromotionRollingBack},
		PromotionBaking:      {PromotionSettled, PromotionRollingBack},
		PromotionSettled:     {PromotionRollingBack, PromotionContracting},
		PromotionContracting: {PromotionContracted, PromotionSettled},
		PromotionRollingBack: {PromotionRolledBack, PromotionSettled},
		PromotionRolledBack:  {PromotionRollingBack},
	}, s, next)
}

// Ended tells whether nothing more happens by itself.
func (s PromotionState) Ended() bool {
	return s == PromotionRefused || s == PromotionSettled || s == PromotionRolledBack || s == PromotionContracted
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
	OldRunsOnNew bool `json:"oldRunsOnNew,omitempty"`
	// Configured is the keyed digest of the configuration that the gate looked at, which is the
	// only one that it is started with.
	Configured string `json:"configured,omitempty"`
	// Again: the environment ran the release already, and gets another configuration for it.
	Again bool `json:"again,omitempty"`
	// Judged is what the last look at the new release came to, Metrics what the team's own did,
	// and OldSeen what the old one was counted to do while it served.
	Judged  Judgement  `json:"judged,omitempty"`
	Metrics []Measured `json:"metrics,omitempty"`
	OldSeen *Side      `json:"oldSeen,omitempty"`
	// Restores: its way back is the databases' safety copy, which stands in SafetyCopy once it
	// is made, and Restoration is what was rehearsed of it; nil: it was not.
	Restores    bool         `json:"restores,omitempty"`
	SafetyCopy  string       `json:"safetyCopy,omitempty"`
	Restoration *Restoration `json:"restoration,omitempty"`
	// Restore is a rollback that brings the databases back; nil: they stay as they are.
	Restore *Restore `json:"restore,omitempty"`
	// Contract is its contract migration; nil: none was asked for.
	Contract *Contract        `json:"contract,omitempty"`
	Events   []PromotionEvent `json:"events,omitempty"`
	By       string           `json:"by"`
	MadeAt   time.Time        `json:"madeAt"`
	EndedAt  time.Time        `json:"endedAt,omitzero"`
	BakeEnds time.Time        `json:"bakeEnds,omitzero"`
}

// Contract is the contract migration of a promotion that has settled.
type Contract struct {
	By     string `json:"by"`               // who asked for it, or "policy"
	Wanted bool   `json:"wanted,omitempty"` // it is to be done, or under way
	Begun  bool   `json:"begun,omitempty"`  // the old release may not run any more
	Said   string `json:"said,omitempty"`   // what the last try came to
}

// Goes tells whether something happens to it by itself.
func (p Promotion) Goes() bool {
	return !p.State.Ended() || p.State == PromotionSettled && p.Contract != nil && p.Contract.Wanted
}

// PromotionEvent is one thing that happened on the way.
type PromotionEvent struct {
	At   time.Time `json:"at"`
	Text string    `json:"text"`
}
