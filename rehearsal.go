package understudy

import "time"

// RehearsalState is where a rehearsal is in its life:
//
//	queued → running → passed | failed | inconclusive | error
//	   └────────┴────→ cancelled
type RehearsalState string

// The states of a rehearsal.
const (
	RehearsalQueued       RehearsalState = "queued"
	RehearsalRunning      RehearsalState = "running"
	RehearsalPassed       RehearsalState = "passed"
	RehearsalFailed       RehearsalState = "failed"
	RehearsalInconclusive RehearsalState = "inconclusive"
	RehearsalError        RehearsalState = "error"
	RehearsalCancelled    RehearsalState = "cancelled"
)

// CanBecome tells whether a move is allowed.
func (s RehearsalState) CanBecome(next RehearsalState) bool {
	return allowed(map[RehearsalState][]RehearsalState{
		RehearsalQueued:  {RehearsalRunning, RehearsalCancelled},
		RehearsalRunning: {RehearsalPassed, RehearsalFailed, RehearsalInconclusive, RehearsalError, RehearsalCancelled},
	}, s, next)
}

// Ended tells whether the rehearsal is over.
func (s RehearsalState) Ended() bool { return s != RehearsalQueued && s != RehearsalRunning }

// Rehearsal is one run of a candidate on the twin.
type Rehearsal struct {
	ID            string         `json:"id"`
	Candidate     Digest         `json:"candidate"`
	Label         string         `json:"label"`
	Baseline      Digest         `json:"baseline,omitempty"`
	BaselineLabel string         `json:"baselineLabel,omitempty"`
	On            string         `json:"on"`  // the twin
	For           string         `json:"for"` // the environment it would be promoted to
	State         RehearsalState `json:"state"`
	Step          string         `json:"step,omitempty"`     // the check under way
	WaitsFor      string         `json:"waitsFor,omitempty"` // the rehearsal that has the twin
	Checks        []Check        `json:"checks"`
	Production    Fingerprint    `json:"production,omitzero"`
	Snapshot      *Snapshot      `json:"snapshot,omitempty"`
	Expected      *Expectation   `json:"expected,omitempty"` // what its runs of the migration let expect of production
	Radius        *Radius        `json:"radius,omitempty"`   // how far the candidate reaches beyond the baseline
	Parity        *ParitySummary `json:"parity,omitempty"`   // how alike the twin was, and what of it is accepted
	// Contract is what was seen of the contract migration; nil: none was rehearsed, or it broke something.
	Contract *Expectation `json:"contract,omitempty"`
	// Restoration is what was seen of the way back by the safety copy; nil: it is not the
	// release's way, or it did not lead there.
	Restoration *Restoration `json:"restoration,omitempty"`
	// Running is the configuration that the candidate's processes were seen to run with.
	Running   []ConfigRan  `json:"running,omitempty"`
	FlagRows  []FlagValues `json:"flagRows,omitempty"` // combinations of flags that passed
	Reason    string       `json:"reason,omitempty"`   // why it ended in error, or who cancelled it
	Verdict   string       `json:"verdict,omitempty"`
	Resumed   int          `json:"resumed,omitempty"` // times it went on after the daemon had died
	QueuedAt  time.Time    `json:"queuedAt"`
	StartedAt time.Time    `json:"startedAt,omitzero"`
	EndedAt   time.Time    `json:"endedAt,omitzero"`
	By        string       `json:"by"`
}

// Findings are those of all checks, what would hurt most first.
func (r Rehearsal) Findings() []Finding {
	var all []Finding
	for _, c := range r.Checks {
		all = append(all, c.Findings...)
	}
	SortFindings(all)
	return all
}

// Expect adds what one more whole run of the migration lets expect of production.
func (r *Rehearsal) Expect(e *Expectation) {
	if e == nil {
		return
	}
	joined := *e
	if r.Expected != nil {
		joined = r.Expected.Join(*e)
	}
	r.Expected = &joined
}

// Reaches notes how far the run of the migration under traffic was seen to reach.
func (r *Rehearsal) Reaches(o Observation) {
	if r.Radius == nil {
		return
	}
	reach := ReachOf(o)
	r.Radius.Migration = &reach
}

// Done returns the result of a check that has ended, if it has.
func (r Rehearsal) Done(check string) (Check, bool) {
	for _, c := range r.Checks {
		if c.Name == check {
			return c, true
		}
	}
	return Check{}, false
}
