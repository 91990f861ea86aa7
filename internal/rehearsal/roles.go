package rehearsal

import (
	"context"
	"encoding/json"
	"io"
	"time"

	"understudy"
)

// Part is a release's part on the stage.
type Part string

// The parts.
const (
	Baseline  Part = "baseline"
	Candidate Part = "candidate"
)

// Copy is a clone of the golden snapshot.
type Copy string

// The copies. Work is what the parts run on; Side is for experiments without traffic, and Calm
// for what these are held against.
const (
	Golden Copy = "golden"
	Work   Copy = "work"
	Side   Copy = "side"
	Calm   Copy = "calm"
)

// House lets a rehearsal onto the twin. Enter is called once for each time that a
// rehearsal starts or goes on; the scene ends with its Stage's Close.
type House interface {
	Enter(ctx context.Context, rehearsal understudy.Rehearsal) (Scene, error)
}

// Scene is everybody a rehearsal works with.
type Scene struct {
	Candidate  understudy.Release
	Policy     understudy.Policy
	Checks     []string // that are looked at, by name; none: all
	Stage      Stage
	Door       Door
	Crowd      Crowd  // nil: nobody declares traffic
	Silence    string // why there is none; empty: the declaration has none
	Migrator   Migrator
	Contractor Contractor // nil: contract migrations are not rehearsed
	Restorer   Restorer   // nil: nothing is restored
	Witness    Witness
	Examiner   Examiner
	Ledger     Ledger
	Likeness   Likeness // nil: nobody can measure it
	Settings   Settings
	Tester     Tester
	Flags      Flagger // nil: nobody serves flags
	Player     Player  // nil: nobody declares traffic
}

// Stage is the twin as a rehearsal uses it. Its methods may be called again after a crash.
type Stage interface {
	// Reset makes the golden snapshot what production is now, or keeps it where policy
	// allows, and says what production was seen to be.
	Reset(ctx context.Context) (Set, error)
	// Fresh ends whatever runs on the twin and makes the work copy anew.
	Fresh(ctx context.Context) error
	// Start starts a part on the work copy and returns once it is ready. A release that does
	// not become ready is an error of KindFailed.
	Start(ctx context.Context, part Part) error
	// Stop ends a part. One that does not run is stopped already.
	Stop(ctx context.Context, part Part) error
	// Close ends all that the rehearsal started and gives the twin back.
	Close(ctx context.Context) error
}

// Set is what a reset twin stands for.
type Set struct {
	Snapshot   understudy.Snapshot
	Production understudy.Fingerprint
	Baseline   understudy.Release
	Kept       bool     // the snapshot was young enough to be used again
	Leaks      []string // ways to the outside that the seal's canaries found
	Differs    []string // how the golden copy's schema differs from production's
	Notes      []string
}

// Door is the twin's front door.
type Door interface {
	// Serve sends all new requests to a part, at once.
	Serve(ctx context.Context, part Part) error
	// Drain waits until a part that serves no more has answered what it had begun, and
	// says how many requests it had to cut off.
	Drain(ctx context.Context, part Part) (cut int, err error)
	// Bits says of each service of a part whether it runs what the release holds.
	Bits(ctx context.Context, part Part) ([]Bit, error)
}

// Bit is one running service compared with its release.
type Bit struct {
	Service string
	Match   bool
	Found   string
	// Process tells one run of the service from another: it stays while it was not started anew.
	Process string
	// Config is what it was seen to be configured with, Given what it was to be; an empty
	// Given is not known.
	Config understudy.ConfigRan
	Given  string
}

// Crowd is the traffic that a release is rehearsed under.
type Crowd interface {
	// Gather sends visitors to the twin's door until the audience leaves or ctx ends.
	Gather(ctx context.Context) (Audience, error)
}

// Audience is a crowd that is there.
type Audience interface {
	// Window is what the requests scheduled between two moments came to. Those that took
	// longer than budget, counted from the moment they were due, are counted as stalled.
	Window(from, to time.Time, budget time.Duration) Heard
	// Leave ends the traffic and waits for what is in flight.
	Leave()
}

// Heard is what a crowd came to in a window.
type Heard struct {
	Journeys int            `json:"journeys"`
	Requests int            `json:"requests"`
	Failed   int            `json:"failed"`
	Dropped  int            `json:"dropped"` // the generator itself could not send
	Classes  map[string]int `json:"classes,omitempty"`
	P50      time.Duration  `json:"p50"`
	P99      time.Duration  `json:"p99"`
	Max      time.Duration  `json:"max"`
	Stalled  int            `json:"stalled"`
	Longest  time.Duration  `json:"longest"`
	Rate     float64        `json:"rate"` // requests a second
	Late     time.Duration  `json:"late"` // the generator's own lateness, 99th percentile
	Samples  []string       `json:"samples,omitempty"`
}

// Migrator runs the candidate's migration on a copy, watched, as promotion would, and tries
// it in ways that promotion would not. The experiments make the side copy anew each time. Of
// a release that declares none, the start of its services is what is run, until they are ready.
type Migrator interface {
	Up(ctx context.Context, on Copy) (Migrated, error)
	Down(ctx context.Context, on Copy) (Migrated, error)
	// Queue runs it behind a long transaction.
	Queue(ctx context.Context, trial Trial) (Tried, error)
	// Interrupt kills it on its way and runs it again.
	Interrupt(ctx context.Context, trial Trial) (Tried, error)
	// Together starts it twice at once.
	Together(ctx context.Context, trial Trial) (Tried, error)
}

// Contractor runs the candidate's contract migration on a copy, watched, as promotion would.
type Contractor interface {
	Contract(ctx context.Context, on Copy) (Migrated, error)
}

// Migrated is what a run of a migration came to.
type Migrated struct {
	OK       bool
	Began    time.Time
	Took     time.Duration
	Blocked  time.Duration // longest that somebody was blocked, as sampled
	Said     string        // the end of its output
	Seen     understudy.Observation
	Findings []understudy.Finding
	Figures  []understudy.Figure
	Evidence []understudy.Evidence
	// Expected is what this run lets expect of production; nil: it was none of the whole migration.
	Expected *understudy.Expectation
}

// Trial is what an experiment is measured by.
type Trial struct {
	First  Migrated        // the run under traffic
	Before json.RawMessage // the schema of a fresh copy
	After  json.RawMessage // the schema that the first run left
	Rate   Rate
}

// Rate is how many requests come, and where that was counted.
type Rate struct {
	PerSecond float64
	Of        string // "the declared traffic"
}

// Tried is what an experiment with a migration came to.
type Tried struct {
	Findings []understudy.Finding
	Figures  []understudy.Figure
	Evidence []understudy.Evidence
	Summary  string // half a sentence
}

// Witness says what others have seen meanwhile.
type Witness interface {
	// Errors are those that the database server gave to the sessions of a copy between two
	// moments, the migration's own aside.
	Errors(ctx context.Context, of Copy, from, to time.Time) ([]understudy.ObservedError, error)
	// Rate is production's own, by its front door; PerSecond 0: nobody knows.
	Rate(ctx context.Context) (Rate, error)
}

// Examiner compares copies row by row.
type Examiner interface {
	// Rows names rows of a table that are not in one copy as they are in another.
	Rows(ctx context.Context, asked Asked) (Rows, error)
}

// Asked is which rows are compared.
type Asked struct {
	Was, Is Copy
	Table   string
	Without []string // columns that are left out
}

// Rows are rows that differ, by key and never by value.
type Rows struct {
	Gone, New, Changed int64
	Columns            []string // in which some have changed
	Named              []string // the first, as "id=17 (gone)"
	Keyless            bool     // no key that is the same on both sides names them, and none were compared
}

// Ledger compares schemas and data. What it takes is kept as JSON.
type Ledger interface {
	Clone(ctx context.Context, to Copy) error // from golden; replaces what is there
	Schema(ctx context.Context, of Copy) (json.RawMessage, error)
	Data(ctx context.Context, of Copy) (json.RawMessage, error)
	CompareSchemas(before, after json.RawMessage) (changes []string, orders []string, err error)
	CompareData(before, after json.RawMessage) ([]Loss, error)
}

// Loss is data of one table that is not as it was.
type Loss struct {
	Table string
	What  string // "12 rows", "column phone: 4,000 of 4,000 values"
	Count int64
}

// Likeness measures the golden copy, and the configuration around it, against production.
type Likeness interface {
	// Measure holds what it finds against what the scene's policy accepts.
	Measure(ctx context.Context) (understudy.Parity, error)
}

// Settings compares configuration.
type Settings interface {
	// Compare gives the candidate's needs and what the environments hold, values only as keyed prints.
	Compare(ctx context.Context) (Comparison, error)
}

// Tester runs the team's own tests against a part.
type Tester interface {
	Test(ctx context.Context, part Part, test understudy.Test) (Tested, error)
}

// Tested is what one run of a test came to.
type Tested struct {
	Passed   bool
	Ran      int      // cases, where the report tells
	Failed   []string // names of failed cases, or what went wrong
	Took     time.Duration
	Evidence []understudy.Evidence
}

// Records keeps rehearsals. What Save has returned for is there after a crash.
type Records interface {
	LoadRehearsal(ctx context.Context, id string) (understudy.Rehearsal, error)
	SaveRehearsal(ctx context.Context, rehearsal understudy.Rehearsal) error
}

// Notary signs a statement and keeps the verdict. Signing twice for one rehearsal gives
// the first verdict again.
type Notary interface {
	Sign(ctx context.Context, statement understudy.Statement) (verdict string, err error)
}

// Recorder writes the journal.
type Recorder interface {
	Record(ctx context.Context, act, subject, reason string, facts map[string]string) error
}

// Keeper keeps evidence.
type Keeper interface {
	Keep(name string, content io.Reader) (understudy.Evidence, error)
}
