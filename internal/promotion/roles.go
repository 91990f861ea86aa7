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
	// Serving is the deployment that serves now, and the one kept warm beside it, if any.
	Serving(ctx context.Context, environment string) (serving, standby understudy.Deployment, err error)
}

// Deployments starts and stops releases in an environment.
type Deployments interface {
	// Start starts a release under an ID and returns once it is ready. Starting what runs
	// is nothing; a release that does not become ready is an error of KindFailed.
	Start(ctx context.Context, id, environment string, release understudy.Release) error
	// Revive starts a deployment again as it was, where it does not run.
	Revive(ctx context.Context, id string) error
	Stop(ctx context.Context, id string) error
	// Alive says why a deployment is not well; empty: it is.
	Alive(ctx context.Context, id string) (string, error)
}

// Schema changes production's databases.
type Schema interface {
	// SafetyCopy dumps the databases once for a promotion; a second call finds it made.
	SafetyCopy(ctx context.Context, environment, promotion string) (path string, err error)
	// Migrate runs the release's migration with the policy's lock timeout and tries, each
	// in a quiet moment, and stops it at the first thing that was not rehearsed. The sentence
	// says what happened; with an error, what state things are in was told.
	Migrate(ctx context.Context, environment string, order Order) (said string, err error)
}

// Order is one migration as it is to be done.
type Order struct {
	Release  understudy.Release
	Policy   understudy.Policy       // its lock timeout is the rehearsed one
	Expected *understudy.Expectation // nil: the verdict does not say what was rehearsed
	Old      string                  // label of the release that serves meanwhile
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
	// Served is what both were counted to have answered since the promotion's first split.
	Served(ctx context.Context, environment, old, fresh string) (oldServed, freshServed understudy.Served, err error)
	// Reset begins the counting.
	Reset(ctx context.Context, environment string) error
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
