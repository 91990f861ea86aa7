package rehearsal

import (
	"context"

	"understudy"
)

// Flagger knows the candidate's feature flags and sets them on the stage.
type Flagger interface {
	// FlagPlan is which combinations of the candidate's flags are worth a run.
	FlagPlan(ctx context.Context) (FlagPlan, error)
	// SetFlags puts values in force for a part, at once where it runs, and else for its next
	// start. A flag with an empty value is as the release declares it.
	SetFlags(ctx context.Context, part Part, values understudy.FlagValues) error
	// FlagReads is what a part that runs has read since it started.
	FlagReads(ctx context.Context, part Part) (FlagReads, error)
	// GuiltyFlags finds the fewest flags that make a combination fail, and the combination
	// with only these. What has passed spares runs.
	GuiltyFlags(ctx context.Context, failed understudy.FlagValues, passed []understudy.FlagValues, fails func(understudy.FlagValues) (bool, error)) (keys []string, row understudy.FlagValues, err error)
}

// FlagPlan is what is to be found out of the candidate's flags.
type FlagPlan struct {
	Declared []string                // by the candidate
	New      []string                // by the candidate, and not by the baseline
	Off      understudy.FlagValues   // all new ones off, the others as production has them
	Rows     []understudy.FlagValues // each new one on alone, and then in pairs with all others
	NoOff    []string                // new ones that nothing turns off
	Stale    []StaleFlag
}

// StaleFlag has been the same everywhere for some releases.
type StaleFlag struct {
	Key, Variant string
	Releases     int
}

// FlagReads is how often flags were read, by key.
type FlagReads struct {
	Known   map[string]int
	Unknown map[string]int // declared by nobody
	Bulk    int            // times that all were read at once, which says of none that it is used
}

// Player makes the requests of the declared traffic once, in order, and says what they did.
type Player interface {
	// Play makes the same requests each time; turn keeps what must be unique apart.
	Play(ctx context.Context, turn int) ([]Answered, error)
	// Effects is what was done on the work copy and to the outside so far; only what it grows
	// by means anything.
	Effects(ctx context.Context) (Effects, error)
	// End ends whatever runs on the twin once what it has begun seems to be done, so that all
	// of it is counted.
	End(ctx context.Context) error
}

// Answered is one answer.
type Answered struct {
	Step   string // "GET /products/{{int 1 9}}"
	Status int
	Type   string // of its content
	Body   []byte
	Failed string // why it is not what the step expects; empty: it is
}

// Effects are what was done: counted, and calls as they were.
type Effects struct {
	Rows       map[string]int64 // "table public.orders inserted"; those of services that have ended are whole
	Calls      []Call           // in order; what comes is added at the end
	Statements map[string]int64 // by their text without values; nil: nobody counts them
}
