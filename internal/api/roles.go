// Package api is the door for programs: JSON over HTTP, described by OpenAPI. It turns
// requests into calls of the roles below, which the daemon plays, and never learns who
// does the work. Whatever takes long tells its progress line by line while it lasts.
package api

import (
	"context"
	"io"
	"net/http"
	"time"

	"understudy"
)

// Tell receives progress, one plain sentence a call. It must not block for long.
type Tell func(text string)

// Releases makes and finds releases. A name is a label, a digest, or an unambiguous
// beginning of a digest's hexadecimal digits.
type Releases interface {
	CreateRelease(ctx context.Context, request CreateRelease) (understudy.Release, error)
	Releases(ctx context.Context) ([]understudy.Release, error)
	Release(ctx context.Context, name string) (understudy.Release, error)
}

// CreateRelease asks for a release made of a folder on the daemon's machine.
type CreateRelease struct {
	Label string `json:"label"`
	From  string `json:"from"` // absolute path
	By    string `json:"by"`
}

// Environments brings environments up and down and looks into them.
type Environments interface {
	Up(ctx context.Context, request Up, tell Tell) (EnvironmentStatus, error)
	Down(ctx context.Context, request Down, tell Tell) error
	Status(ctx context.Context) ([]EnvironmentStatus, error)
	Logs(ctx context.Context, request Logs, out io.Writer) error
	Exec(ctx context.Context, request Exec, stdin io.Reader, stdout, stderr io.Writer) (status int, err error)
}

// Up asks for an environment to run a release. For a twin it stands on a fresh clone of
// the latest snapshot. Production runs a first release this way; later ones are promoted.
type Up struct {
	Environment string `json:"environment"`
	Release     string `json:"release,omitempty"` // empty: what it ran last
	By          string `json:"by"`
}

// Down asks for an environment, or all of them, to be stopped. Data stays.
type Down struct {
	Environment string `json:"environment,omitempty"` // empty: all, the router too
	By          string `json:"by"`
}

// Logs asks for what services wrote.
type Logs struct {
	Environment string
	Service     string // empty: all
	Follow      bool
}

// Exec asks for a command to run inside an environment, with a service's configuration.
type Exec struct {
	Environment string   `json:"environment"`
	Service     string   `json:"service,omitempty"` // empty: the first
	Command     []string `json:"command"`
}

// EnvironmentStatus is what an environment is doing now.
type EnvironmentStatus struct {
	Environment understudy.Environment `json:"environment"`
	URL         string                 `json:"url,omitempty"`
	Sealed      bool                   `json:"sealed"`
	Held        string                 `json:"held,omitempty"`      // why nothing may be promoted to it
	Owed        string                 `json:"owed,omitempty"`      // the rehearsal of what went out past the gate
	Unapplied   []string               `json:"unapplied,omitempty"` // "KEY changed": what understudy.yaml has otherwise than runs
	Deployments []DeploymentStatus     `json:"deployments"`
	Databases   []DatabaseStatus       `json:"databases"`
	Snapshot    *understudy.Snapshot   `json:"snapshot,omitempty"` // of a twin

	Sites        []string                 `json:"sites,omitempty"` // URLs of the hosts that its routes name
	Certificates []understudy.Certificate `json:"certificates,omitempty"`
	Maintenance  *Maintained              `json:"maintenance,omitempty"`
	Problems     []string                 `json:"problems,omitempty"` // of its front door
}

// Maintained is a maintenance that is on.
type Maintained struct {
	Since   time.Time `json:"since"`
	By      string    `json:"by"`
	Reason  string    `json:"reason,omitempty"`
	Allow   []string  `json:"allow,omitempty"`   // who is let through, by address
	Testers bool      `json:"testers,omitempty"` // so is who brings the environment's token
}

// Doors closes front doors to customers, and opens them again.
type Doors interface {
	// Maintain answers everybody with a page until EndMaintenance, also after a restart.
	Maintain(ctx context.Context, request Maintain) error
	EndMaintenance(ctx context.Context, request EndMaintenance) error
}

// Maintain asks for an environment to be closed for maintenance.
type Maintain struct {
	Environment string   `json:"environment"`
	Page        string   `json:"page,omitempty"` // HTML; empty: a plain one
	Allow       []string `json:"allow,omitempty"`
	Testers     bool     `json:"testers,omitempty"`
	By          string   `json:"by"`
	Reason      string   `json:"reason,omitempty"`
}

// EndMaintenance asks for an environment to serve everybody again.
type EndMaintenance struct {
	Environment string `json:"environment"`
	By          string `json:"by"`
	Reason      string `json:"reason,omitempty"`
}

// DeploymentStatus is a deployment with its programs and its share of the traffic.
type DeploymentStatus struct {
	understudy.Deployment
	Percent  int               `json:"percent"`
	Services []ServiceStatus   `json:"services"`
	Served   understudy.Served `json:"served"`
	Unwell   string            `json:"unwell,omitempty"` // why no instance of some service passes the router's health checks
}

// ServiceStatus is one running program.
type ServiceStatus struct {
	Name     string    `json:"name"`
	State    string    `json:"state"`
	PID      int       `json:"pid,omitempty"`
	Restarts int       `json:"restarts"`
	Since    time.Time `json:"since,omitzero"`
	Address  string    `json:"address,omitempty"`
	Unfit    string    `json:"unfit,omitempty"` // why the router gives it no new requests while others are there; empty: it does
}

// DatabaseStatus is one database's server.
type DatabaseStatus struct {
	Name    string `json:"name"`
	Server  string `json:"server"`
	Running bool   `json:"running"`
	Address string `json:"address"` // without credentials
}

// Twins resets and measures twins.
type Twins interface {
	ResetTwin(ctx context.Context, request ResetTwin, tell Tell) (understudy.Snapshot, error)
	Captures(ctx context.Context, environment string, since time.Time) ([]Capture, error)
	MaskPlan(ctx context.Context, environment string) (MaskPlan, error)
	MaskDiff(ctx context.Context, environment string) (MaskDiff, error)
}

// Parities measures how alike environments are. Without names they are production and its twin.
type Parities interface {
	// Parity measures now, and keeps what it finds.
	Parity(ctx context.Context, a, b string) (understudy.Parity, error)
	// WatchParity does so at once and again and again, until the context ends.
	WatchParity(ctx context.Context, request WatchParity, each func(Likeness) error) error
	ParityHistory(ctx context.Context, request ParityHistory) (understudy.ParityHistory, error)
}

// WatchParity asks for two environments to be measured again and again.
type WatchParity struct {
	A     string
	B     string
	Every time.Duration // zero: as parity.every says, else each 15 minutes
}

// Likeness is one measurement of several, or why there is none.
type Likeness struct {
	At     time.Time         `json:"at"`
	Parity understudy.Parity `json:"parity,omitzero"`
	Failed string            `json:"failed,omitempty"`
}

// ParityHistory asks for what was measured of two environments.
type ParityHistory struct {
	A     string
	B     string
	Since time.Time // zero: 30 days ago
}

// Proofs shows what was proven of the copies that twins stand on.
type Proofs interface {
	// Proof is a twin's snapshot with the whole proof of each database; everywhere else a
	// snapshot has their summaries.
	Proof(ctx context.Context, environment string) (understudy.Snapshot, error)
}

// ResetTwin asks for a twin to be made anew from what it is a twin of.
type ResetTwin struct {
	Environment string `json:"environment"`
	By          string `json:"by"`
}

// Capture is one call of the application that the seal caught.
type Capture struct {
	At          time.Time         `json:"at"`
	Kind        string            `json:"kind"` // "http", "smtp", "dns"
	Integration string            `json:"integration,omitempty"`
	Host        string            `json:"host,omitempty"`
	Method      string            `json:"method,omitempty"`
	Path        string            `json:"path,omitempty"`
	Header      map[string]string `json:"header,omitempty"`
	From        string            `json:"from,omitempty"`
	To          []string          `json:"to,omitempty"`
	Subject     string            `json:"subject,omitempty"`
	Body        string            `json:"body,omitempty"`
	Status      int               `json:"status,omitempty"`
}

// MaskPlan is a proposed mask.yaml.
type MaskPlan struct {
	File      string `json:"file"`      // where it belongs
	Text      string `json:"text"`      // its whole content
	Undecided int    `json:"undecided"` // columns a person has to decide
}

// MaskDiff is what a schema, as it is now, asks of mask.yaml.
type MaskDiff struct {
	File    string       `json:"file"`
	Changes []MaskChange `json:"changes"`
}

// MaskChange is one column that the rules do not fit.
type MaskChange struct {
	Kind      string `json:"kind"`   // "new", "changed", "gone", "class"
	Column    string `json:"column"` // of a document with the path
	Type      string `json:"type,omitempty"`
	Was       string `json:"was,omitempty"`  // the types that there are rules for
	Rule      string `json:"rule,omitempty"` // what is in force
	Class     string `json:"class,omitempty"`
	Reason    string `json:"reason,omitempty"`
	Proposed  string `json:"proposed,omitempty"`
	Undecided bool   `json:"undecided,omitempty"` // the proposal is for a person to decide
	Stops     bool   `json:"stops"`               // nothing is copied until this is decided
}

// Rehearsals runs rehearsals.
type Rehearsals interface {
	Rehearse(ctx context.Context, request Rehearse) (understudy.Rehearsal, error) // returns once it is queued
	Rehearsals(ctx context.Context) ([]understudy.Rehearsal, error)
	Rehearsal(ctx context.Context, id string) (understudy.Rehearsal, error)
	WatchRehearsal(ctx context.Context, id string, each func(understudy.Rehearsal) error) error // at once and at each change, until it has ended
	CancelRehearsal(ctx context.Context, id, by string) error
}

// Rehearse asks for a rehearsal.
type Rehearse struct {
	Release string `json:"release"`
	On      string `json:"on,omitempty"` // empty: the only twin of production
	By      string `json:"by"`
}

// Evidences opens what findings rest on.
type Evidences interface {
	Evidence(ctx context.Context, digest understudy.Digest) (io.ReadCloser, error)
}

// Verdicts shows, verifies and revokes verdicts. A name is a verdict's or a rehearsal's
// ID, or a release's name (its newest verdict).
type Verdicts interface {
	Verdicts(ctx context.Context) ([]understudy.Verdict, error)
	Verdict(ctx context.Context, name string) (understudy.Verdict, error)
	VerifyVerdict(ctx context.Context, name string) (understudy.Statement, error) // signature, subject and revocation
	RevokeVerdict(ctx context.Context, request Revoke) (understudy.Verdict, error)
}

// Revoke asks for a verdict to count no longer.
type Revoke struct {
	Name   string `json:"name"`
	By     string `json:"by"`
	Reason string `json:"reason"`
}

// Promotions plans and carries out promotions and rollbacks.
type Promotions interface {
	PlanPromotion(ctx context.Context, request Promote) (understudy.Promotion, error) // what would change, and every refusal; does nothing
	Promote(ctx context.Context, request Promote) (understudy.Promotion, error)       // returns once it is under way, or refused
	Promotions(ctx context.Context) ([]understudy.Promotion, error)
	WatchPromotion(ctx context.Context, id string, each func(understudy.Promotion) error) error
	Rollback(ctx context.Context, request Rollback) (understudy.Promotion, error) // returns once it is under way
}

// Decisions are what people decide over one promotion.
type Decisions interface {
	// SettlePromotion ends the bake of one that cannot be judged.
	SettlePromotion(ctx context.Context, request Decide) (understudy.Promotion, error)
	// ContractPromotion runs the contract migration of one that has settled; returns once it
	// is under way.
	ContractPromotion(ctx context.Context, request Decide) (understudy.Promotion, error)
}

// Decide is a decision over a promotion.
type Decide struct {
	Promotion string `json:"promotion"` // its ID
	By        string `json:"by"`
	Reason    string `json:"reason,omitempty"`
}

// Promote asks for a release to be promoted, or for what that would do.
type Promote struct {
	Release string `json:"release"`
	To      string `json:"to,omitempty"` // empty: production
	By      string `json:"by"`
	// BreakGlass passes over what a person may pass over, for a reason.
	BreakGlass bool   `json:"breakGlass,omitempty"`
	Reason     string `json:"reason,omitempty"`
}

// Rollback asks for an environment to go back to the release it ran before.
type Rollback struct {
	Environment string `json:"environment"`
	By          string `json:"by"`
	Reason      string `json:"reason,omitempty"`
	// LoseWrites gives the databases back as they were before the migration, where that is the
	// release's way back: what was written since is lost.
	LoseWrites bool `json:"loseWrites,omitempty"`
}

// Holds are what keeps promotions from an environment, after a rollback or because somebody
// says so.
type Holds interface {
	// PlaceHold keeps promotions that have not begun from an environment.
	PlaceHold(ctx context.Context, environment, by, reason string) error
	LiftHold(ctx context.Context, environment, by, reason string) error
}

// Policies says what is asked of a promotion, and how a release stands to it.
type Policies interface {
	ExplainPolicy(ctx context.Context, request Promote) (understudy.Explanation, error) // as if it were promoted now; does nothing
	Policy(ctx context.Context) (understudy.PolicyInForce, error)
}

// Approvals gives, takes back and lists what people agree to.
type Approvals interface {
	Approve(ctx context.Context, request Approve) (understudy.SignedApproval, error)
	WithdrawApproval(ctx context.Context, request Approve) (understudy.SignedApproval, error) // of whoever asks
	// Approvals are those whose signatures hold, oldest first. An empty environment is production.
	Approvals(ctx context.Context, release, environment string) ([]understudy.SignedApproval, error)
}

// Approve is somebody's yes to a release for an environment, or asks for it back.
type Approve struct {
	Release string `json:"release"`
	To      string `json:"to,omitempty"` // empty: production
	By      string `json:"by"`
	Reason  string `json:"reason,omitempty"`
}

// Journal reads the record of what was done.
type Journal interface {
	JournalEntries(ctx context.Context, from int64, each func(understudy.Entry) error) error
	VerifyJournal(ctx context.Context, request VerifyJournal) (JournalVerified, error)
	// Metrics are computed from the journal alone.
	Metrics(ctx context.Context, request Metrics) (understudy.Metrics, error)
}

// VerifyJournal asks for the journal to be verified. Its zero value is the whole of it.
type VerifyJournal struct {
	From  int64             // only entries from this on
	Since time.Time         // only entries since then
	Head  understudy.Digest // an entry with this hash has to be there; empty: none
}

// JournalVerified is what a verification of the journal found.
type JournalVerified struct {
	Entries int64             `json:"entries"`
	First   int64             `json:"first"` // the first that was read
	Head    understudy.Digest `json:"head"`
	Known   int64             `json:"known,omitempty"` // the entry of the head that was asked for
}

// Metrics asks for delivery metrics of an environment.
type Metrics struct {
	Environment string    // empty: production
	Since       time.Time // zero: 90 days ago
}

// Notifications shows what is told to whom, and whether it arrived.
type Notifications interface {
	Notifications(ctx context.Context) (Told, error)
	// TestNotification tells a channel that this is a test, and returns once it has arrived.
	TestNotification(ctx context.Context, request TestNotification) error
	RetryNotification(ctx context.Context, request RetryNotification) (understudy.Notification, error)
}

// Told is every channel and every notification that is kept, oldest first.
type Told struct {
	Channels      []ChannelStatus           `json:"channels"`
	Notifications []understudy.Notification `json:"notifications"`
}

// ChannelStatus is a channel and how it fares. Its address is not shown.
type ChannelStatus struct {
	Name      string   `json:"name"`
	Kind      string   `json:"kind"`
	Events    []string `json:"events"`
	Waiting   int      `json:"waiting"`
	Delivered int      `json:"delivered"`
	GivenUp   int      `json:"givenUp"`
	Failed    string   `json:"failed,omitempty"` // why the last attempt did
}

// TestNotification asks for a channel to be tried.
type TestNotification struct {
	Channel string `json:"channel"`
	By      string `json:"by"`
}

// RetryNotification asks for a notification to be tried again now, and for another day.
type RetryNotification struct {
	ID string `json:"id"`
	By string `json:"by"`
}

// Control is about the daemon itself.
type Control interface {
	Info(ctx context.Context) (Info, error)
	Shutdown(ctx context.Context) error // the daemon ends; environments and the router go on
}

// Info says who answers.
type Info struct {
	Version     string    `json:"version"`
	Application string    `json:"application"`
	Project     string    `json:"project"` // folder of understudy.yaml
	State       string    `json:"state"`   // state directory
	PID         int       `json:"pid"`
	StartedAt   time.Time `json:"startedAt"`
	Notes       []string  `json:"notes,omitempty"` // what it found wrong at start and went on from
}

// Roles is everything the API needs played.
type Roles struct {
	Releases     Releases
	Environments Environments
	Doors        Doors
	Twins        Twins
	Parities     Parities
	Proofs       Proofs
	Rehearsals   Rehearsals
	Evidences    Evidences
	Verdicts     Verdicts
	Promotions   Promotions
	Decisions    Decisions
	Holds        Holds
	Policies     Policies
	Approvals    Approvals
	Journal      Journal
	Control      Control

	Configurations Configurations

	Notifications Notifications
	Flags         Flags
	Gauges        http.Handler // the daemon's own figures, as Prometheus reads them; nil: none
}
