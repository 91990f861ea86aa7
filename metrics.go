package understudy

import "time"

// Metrics say how an application is delivered to one environment. They are computed from the
// journal alone, by the definitions of DORA (dora.dev); docs/metrics.md has them with what each
// is taken from.
type Metrics struct {
	Environment string    `json:"environment"`
	Since       time.Time `json:"since"`
	Until       time.Time `json:"until"`
	Entries     int64     `json:"entries"` // of the journal that they are computed from
	Least       int       `json:"least"`   // of fewer than these nothing is said

	Frequency Frequency `json:"deploymentFrequency"`
	LeadTime  LeadTime  `json:"changeLeadTime"`
	Recovery  Spread    `json:"failedDeploymentRecoveryTime"`
	FailRate  Share     `json:"changeFailRate"`
	Rework    Share     `json:"deploymentReworkRate"`

	Rehearsals RehearsalFigures `json:"rehearsals"`
	Rollbacks  RollbackFigures  `json:"rollbacks"`
	Refused    int              `json:"refusedPromotions"`

	Weeks   []Week   `json:"weeks"`
	Changes []Change `json:"changes"` // the deployments that were counted, oldest first
	Notes   []string `json:"notes,omitempty"`
}

// Frequency is how often a release reaches the environment.
type Frequency struct {
	Count   int     `json:"count"`
	Days    int     `json:"days"`        // of the span
	OnDays  int     `json:"onDays"`      // on which there was at least one
	PerWeek float64 `json:"perWeek"`     // mean
	Between Spread  `json:"timeBetween"` // two of them
}

// LeadTime is how long a change takes from its commit until all of the traffic goes to it.
type LeadTime struct {
	Spread
	FromCommit  int `json:"fromCommit"`  // of the counted, where the release knows its commit's time
	FromRelease int `json:"fromRelease"` // of the counted, where it does not: since it was created
}

// Spread is how a length of time is spread over the times that it was taken.
type Spread struct {
	Count   int           `json:"count"`
	Enough  bool          `json:"enough"` // to say anything by the quantiles
	Median  time.Duration `json:"median,omitempty"`
	P90     time.Duration `json:"p90,omitempty"`
	Longest time.Duration `json:"longest,omitempty"`
}

// Share is how many of all something is true of.
type Share struct {
	Count  int     `json:"count"`
	Of     int     `json:"of"`
	Rate   float64 `json:"rate"`
	Enough bool    `json:"enough"`
}

// RehearsalFigures are about what happened before production.
type RehearsalFigures struct {
	Ended    map[RehearsalState]int `json:"ended"`
	Releases int                    `json:"releases"`       // that were rehearsed
	Caught   int                    `json:"caughtReleases"` // failed, and never switched to afterwards
	Took     Spread                 `json:"took"`
}

// RollbackFigures are about the way back.
type RollbackFigures struct {
	Count    int    `json:"count"`
	ByItself int    `json:"byItself"` // that nobody asked for
	Answered Spread `json:"decisionToAnswer"`
}

// Week is one week, from Monday 00:00 UTC, of which the span may hold a part only.
type Week struct {
	Begins     time.Time     `json:"begins"`
	Deployed   int           `json:"deployed"`
	Failed     int           `json:"failed"`
	Rework     int           `json:"rework"`
	Rehearsals int           `json:"rehearsals"`
	LeadTime   time.Duration `json:"leadTime,omitempty"` // median
}

// Change is one deployment as it was counted: a promotion from the moment that the first
// traffic went to its release.
type Change struct {
	Promotion string        `json:"promotion"`
	Release   string        `json:"release"`
	At        time.Time     `json:"at"`
	LeadTime  time.Duration `json:"leadTime,omitempty"`
	From      string        `json:"from,omitempty"`   // what the lead time begins with: "commit" or "release"
	Failed    string        `json:"failed,omitempty"` // why it counts as failed
	Recovered time.Duration `json:"recovered,omitempty"`
	Rework    string        `json:"rework,omitempty"` // why it counts as rework
}
