package promotion

import (
	"context"
	"time"

	"understudy"
)

// Records keeps promotions. What Save has returned for is there after a crash.
type Records interface {
	LoadPromotion(ctx context.Context, id string) (understudy.Promotion, error)
	SavePromotion(ctx context.Context, promotion understudy.Promotion) error
}

// Archive finds releases and what is attested of them.
type Archive interface {
	Release(ctx context.Context, digest understudy.Digest) (understudy.Release, error)
	// Attested is the newest verdict on a release with the digest of its envelope, its
	// signature verified and not revoked. When none counts the error is Unrehearsed; one whose
	// signature does not hold is another error, of KindRefused.
	Attested(ctx context.Context, release understudy.Digest) (verdict string, evidence understudy.Digest, statement understudy.Statement, err error)
	Policy(ctx context.Context, environment string) (understudy.Policy, error)
}

// Unrehearsed is why no verdict on a release counts.
type Unrehearsed struct{ Why string }

func (u Unrehearsed) Error() string { return u.Why }

// Consent is what people, and rehearsals before, have left for the gate.
type Consent interface {
	// Approvals are those of a release for an environment, oldest first, their signatures verified.
	Approvals(ctx context.Context, release understudy.Digest, environment string) ([]understudy.SignedApproval, error)
	// PassedSince is since when every verdict on a release passed; zero: the newest did not.
	PassedSince(ctx context.Context, release understudy.Digest) (time.Time, error)
	// Debt says which release an environment runs that went out past the gate and did not pass
	// a rehearsal since; empty: none.
	Debt(ctx context.Context, environment string) (string, error)
}

// Production is the environment as a promotion sees and changes it.
type Production interface {
	Observe(ctx context.Context, environment string) (understudy.Fingerprint, error)
	// Held says why nothing may be promoted; empty: it may.
	Held(ctx context.Context, environment string) (string, error)
	Hold(ctx context.Context, environment, reason string) error
	// Fit says with which configuration a release would be started there, as a keyed digest, or
	// why it cannot be.
	Fit(ctx context.Context, environment string, release understudy.Release) (configured, unfit string, err error)
	// Serving is the deployment that serves now, and the one kept warm beside it, if any.
	Serving(ctx context.Context, environment string) (serving, standby understudy.Deployment, err error)
}

// Deployments starts and stops releases in an environment.
type Deployments interface {
	// Start starts a release under an ID and returns once it is ready. Starting what runs
	// is nothing; a release that does not become ready is an error of KindFailed. It is started
	// with no other configuration than the one of the digest; empty: whatever there is.
	Start(ctx context.Context, id, environment string, release understudy.Release, configured string) error
	// Revive starts a deployment again as it was, where it does not run.
	Revive(ctx context.Context, id string) error
	Stop(ctx context.Context, id string) error
	// Look says how a deployment's processes fare.
	Look(ctx context.Context, id string) (Health, error)
	// Hand ends the services of one deployment that take turns with those of another, then
	// starts the other's and returns once they are ready. Again it does nothing. What it
	// did is said; empty: nothing takes turns.
	Hand(ctx context.Context, from, to string) (said string, err error)
}

// Health is how a deployment's processes fare.
type Health struct {
	Gone     bool
	Unwell   string // what is wrong with them now; empty: nothing
	Restarts int    // of services that ended by themselves
	Last     string // what such a service did, in words
	// CPU is the processor time they have used, Memory the bytes they hold; 0: not known.
	CPU    time.Duration
	Memory int64
}

// fallen says why a new release is not well; empty: it is.
func (h Health) fallen() string {
	switch {
	case h.Gone:
		return "it has gone"
	case h.Restarts > 0:
		return h.Last
	}
	return h.Unwell
}

// Schema changes production's databases.
type Schema interface {
	// SafetyCopy dumps the databases for a promotion; a second call does so anew.
	SafetyCopy(ctx context.Context, environment, promotion string) (path string, err error)
	// Migrate runs the release's migration with the policy's lock timeout and tries, each
	// in a quiet moment, and stops it at the first thing that was not rehearsed. The sentence
	// says what happened; with an error, what state things are in was told.
	Migrate(ctx context.Context, environment string, order Order) (said string, err error)
}

// Order is one migration as it is to be done.
type Order struct {
	Promotion string // by its id: what was noted when an interrupted one first began is known by it
	Release   understudy.Release
	Contract  bool                    // its contract migration, not the one that goes forward
	Policy    understudy.Policy       // its lock timeout is the rehearsed one
	Expected  *understudy.Expectation // nil: the verdict does not say what was rehearsed
	Old       string                  // label of the release that serves meanwhile
	// OldRunsOnNew: it was seen to work on the migrated schema.
	OldRunsOnNew bool
	// Tell notes what happens on the way, at once.
	Tell func(text string)
}

// Door is the environment's front door.
type Door interface {
	// Split gives the new deployment a share of the traffic in percent, the old one the rest.
	Split(ctx context.Context, environment, old, fresh string, percent int) error
	// Drain waits until a deployment without a share has answered what it had begun.
	Drain(ctx context.Context, environment, deployment string) (cut int, err error)
	// Served is what both were counted to have answered since the counting began.
	Served(ctx context.Context, environment, old, fresh string) (oldSide, freshSide understudy.Side, err error)
	// Reset begins the counting.
	Reset(ctx context.Context, environment string) error
}

// Meter measures the team's own metrics.
type Meter interface {
	// Measure gives a metric's value as it is now. What cannot be measured is an outcome too.
	Measure(ctx context.Context, metric understudy.Metric, of Window) understudy.Measurement
}

// Window is what a metric is measured of.
type Window struct {
	Environment string
	Deployment  string
	Release     string // label
	Old         string // of the other release
	Lasts       time.Duration
}

// Recorder writes the journal.
type Recorder interface {
	Record(ctx context.Context, act, subject, reason string, facts map[string]string) error
}

// Clock tells the time and lets it pass.
type Clock interface {
	Now() time.Time
	// Wait returns after d, or with the cause when ctx ends first.
	Wait(ctx context.Context, d time.Duration) error
}
