package understudy

import (
	"slices"
	"time"
)

// Policy is what must hold before a release may be promoted, and how it is promoted.
// Zero values stand for the defaults that WithDefaults documents.
type Policy struct {
	Required     []string      `json:"required,omitempty"`     // checks that must have passed
	MaxAge       time.Duration `json:"maxAge,omitempty"`       // of a verdict
	SnapshotAge  time.Duration `json:"snapshotAge,omitempty"`  // of the twin's data; older is taken anew
	BlockedFor   time.Duration `json:"blockedFor,omitempty"`   // longest a statement or request may be blocked by a migration
	RollbackIn   time.Duration `json:"rollbackIn,omitempty"`   // longest the way back may take
	LockTimeout  time.Duration `json:"lockTimeout,omitempty"`  // handed to migrations in production
	Retries      int           `json:"retries,omitempty"`      // of a migration that could not get its lock
	QuietWait    time.Duration `json:"quietWait,omitempty"`    // longest that each of them waits for a quiet moment in production
	Steps        []int         `json:"steps,omitempty"`        // percent of traffic, ascending, ends with 100
	StepFor      time.Duration `json:"stepFor,omitempty"`      // how long each step but the last is watched
	Bake         time.Duration `json:"bake,omitempty"`         // watched after the switch
	MinRequests  int           `json:"minRequests,omitempty"`  // fewer cannot be judged
	MaxErrorRate float64       `json:"maxErrorRate,omitempty"` // added by the new release, as a share of requests
	SafetyCopy   bool          `json:"safetyCopy,omitempty"`   // dump the database before migrating it

	Soak      time.Duration `json:"soak,omitempty"`      // a release has stood, passed, before it goes
	Approvals *ApprovalRule `json:"approvals,omitempty"` // nil: nobody is asked
	Freeze    []Window      `json:"freeze,omitempty"`    // no promotion begins in them
	Windows   []Window      `json:"windows,omitempty"`   // promotions begin in them only; none: at any time
	Express   *Express      `json:"express,omitempty"`   // nil: every release goes the same way
	// A quantile of the new release's latencies is too long where it is more than MaxLatencyRatio
	// times the old one's, and LatencyFloor longer.
	MaxLatencyRatio float64       `json:"maxLatencyRatio,omitempty"`
	LatencyFloor    time.Duration `json:"latencyFloor,omitempty"`
	MaxCPURatio     float64       `json:"maxCPURatio,omitempty"`    // processor time of a request; 0: it is only told
	MaxMemoryRatio  float64       `json:"maxMemoryRatio,omitempty"` // 0: it is only told
	StalledFor      time.Duration `json:"stalledFor,omitempty"`     // longest that no request ends though some are under way
	WithoutTraffic  AfterBake     `json:"withoutTraffic,omitempty"` // what follows a bake that saw too little to judge
	Metrics         []Metric      `json:"metrics,omitempty"`        // the team's own
	Contract        ContractWhen  `json:"contract,omitempty"`       // when contract migrations run
	Parity          ParityTerms   `json:"parity,omitzero"`          // of the twin that a release was rehearsed on
	Flags           FlagPolicy    `json:"flags,omitzero"`
}

// FlagPolicy is how combinations of flags are rehearsed.
type FlagPolicy struct {
	Rows int           `json:"rows,omitempty"` // that are run at most, beside that with all new flags off
	Time time.Duration `json:"time,omitempty"` // for all of them
	// Stale is how many releases a flag may be the same in, and the same everywhere.
	Stale int `json:"stale,omitempty"`
	// Differs gives a reason for each request, table, integration or "statements" that may
	// differ from production's release though all new flags are off.
	Differs map[string]string `json:"differs,omitempty"`
}

// AfterBake is what follows a bake that saw too little traffic to judge the release by.
type AfterBake string

// What may follow.
const (
	BakeOn         AfterBake = "wait" // until there is enough, or a person decides
	SettleUnjudged AfterBake = "settle"
)

// ContractWhen is when the contract migration of a release runs.
type ContractWhen string

// When it may.
const (
	ContractByHand    ContractWhen = "by-hand"
	ContractAfterBake ContractWhen = "after-bake"
)

// LeastLockTimeout is the shortest that there can be: databases count in whole milliseconds, and
// to them none is no limit at all.
const LeastLockTimeout = time.Millisecond

// WithDefaults fills in what was left out.
func (p Policy) WithDefaults() Policy {
	if len(p.Required) == 0 {
		p.Required = Checks()
	}
	if len(p.Steps) == 0 {
		p.Steps = []int{10, 50, 100}
	}
	set(&p.MaxAge, 24*time.Hour)
	set(&p.SnapshotAge, 24*time.Hour)
	set(&p.BlockedFor, time.Second)
	set(&p.RollbackIn, time.Minute)
	set(&p.LockTimeout, max(p.BlockedFor/2, LeastLockTimeout)) // who stands behind a try that waits for its lock stays within BlockedFor
	set(&p.Retries, 5)
	set(&p.QuietWait, 30*time.Second)
	set(&p.StepFor, 10*time.Second)
	set(&p.Bake, time.Minute)
	set(&p.MinRequests, 50)
	set(&p.MaxErrorRate, 0.01)
	set(&p.MaxLatencyRatio, 2)
	set(&p.LatencyFloor, 20*time.Millisecond)
	set(&p.StalledFor, 10*time.Second)
	set(&p.WithoutTraffic, BakeOn)
	set(&p.Contract, ContractByHand)
	set(&p.Flags.Rows, 24)
	set(&p.Flags.Time, 10*time.Minute)
	set(&p.Flags.Stale, 10)
	set(&p.Parity.Blocking, 5)
	p.Metrics = slices.Clone(p.Metrics)
	for i, m := range p.Metrics {
		p.Metrics[i] = m.WithDefaults()
	}
	return p
}

func set[V comparable](field *V, value V) {
	var zero V
	if *field == zero {
		*field = value
	}
}

// Validate reports the first rule that cannot be followed.
func (p Policy) Validate() error {
	known := map[string]bool{}
	for _, name := range Checks() {
		known[name] = true
	}
	for _, name := range p.Required {
		if !known[name] {
			return Errorf(KindInvalid, "policy requires check %q, which does not exist", name).
				WithHint("the checks are %v", Checks())
		}
	}
	last := 0
	for _, step := range p.Steps {
		if step <= last || step > 100 {
			return Errorf(KindInvalid, "policy steps must rise and end with 100, found %v", p.Steps)
		}
		last = step
	}
	if len(p.Steps) > 0 && last != 100 {
		return Errorf(KindInvalid, "policy steps must rise and end with 100, found %v", p.Steps)
	}
	return nil
}
