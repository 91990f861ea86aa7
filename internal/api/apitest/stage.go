// Package apitest holds a daemon that is only played: it keeps what it is asked in memory
// and answers as a test has told it to. It passes the same suite as the client that
// speaks to it over a socket, which lies beside the client.
package apitest

import (
	"context"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"understudy"
	"understudy/internal/api"
)

// Stage plays every role of the API. Fields are set before it is used; Update changes
// them while it is. The zero value knows nothing.
type Stage struct {
	mu     sync.Mutex
	turned chan struct{} // closed at a change, and made anew

	Know       []understudy.Release
	Standing   []api.EnvironmentStatus
	Written    string // by services
	Caught     []api.Capture
	Measured   understudy.Parity
	Watched    []api.Likeness // what watching parity shows, one after another
	Past       understudy.ParityHistory
	Mask       api.MaskPlan
	Asks       api.MaskDiff
	Snapshot   understudy.Snapshot
	Script     []understudy.Rehearsal // what watching shows, one after another; Rehearse returns the first
	Play       []understudy.Promotion // the same of a promotion
	Plan       understudy.Promotion
	Signed     []understudy.Verdict
	Statement  understudy.Statement
	Explained  understudy.Explanation
	InForce    understudy.PolicyInForce
	Configured understudy.Configuration
	ConfigDiff understudy.ConfigDiff
	KeyTold    understudy.KeyExplanation
	Agreed     []understudy.SignedApproval
	Kept       map[understudy.Digest]string // evidence
	Record     []understudy.Entry
	Figures    understudy.Metrics
	Told       api.Told
	Flagged    map[string]api.EnvironmentFlags
	About      api.Info
	Asked      []any // every request that changes something, as it came
	OnShutdown func()
}

// Roles is the stage in every role.
func (s *Stage) Roles() api.Roles {
	return api.Roles{
		Releases: s, Environments: s, Doors: s, Twins: s, Parities: s, Proofs: s, Rehearsals: s, Evidences: s, Verdicts: s,
		Promotions: s, Decisions: s, Holds: s, Policies: s, Configurations: s, Approvals: s, Journal: s, Control: s, Notifications: s, Flags: s,
	}
}

// Update changes the stage and wakes whoever watches it.
func (s *Stage) Update(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
	if s.turned != nil {
		close(s.turned)
	}
	s.turned = make(chan struct{})
}

// Requests are those that came, in order.
func (s *Stage) Requests() []any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.Asked)
}

func (s *Stage) note(request any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Asked = append(s.Asked, request)
}

// look reads a field, and gives what is closed when something changes.
func look[T any](s *Stage, field *T) (T, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.turned == nil {
		s.turned = make(chan struct{})
	}
	return *field, s.turned
}

func now[T any](s *Stage, field *T) T {
	v, _ := look(s, field)
	return v
}

func missing(what, name string) error {
	return understudy.Errorf(understudy.KindNotFound, "there is no %s %q", what, name).WithHint("see what there is: understudy %s list", what)
}

// CreateRelease makes a release without files.
func (s *Stage) CreateRelease(_ context.Context, request api.CreateRelease) (understudy.Release, error) {
	s.note(request)
	release := understudy.Release{Label: request.Label, CreatedBy: request.By, Digest: understudy.DigestOf([]byte(request.Label))}
	s.Update(func() { s.Know = append(s.Know, release) })
	return release, nil
}

// Releases are those that are known.
func (s *Stage) Releases(context.Context) ([]understudy.Release, error) { return now(s, &s.Know), nil }

// Release finds one by its label.
func (s *Stage) Release(_ context.Context, name string) (understudy.Release, error) {
	for _, r := range now(s, &s.Know) {
		if r.Label == name {
			return r, nil
		}
	}
	return understudy.Release{}, missing("release", name)
}

// Up tells two things and shows the environment.
func (s *Stage) Up(_ context.Context, request api.Up, tell api.Tell) (api.EnvironmentStatus, error) {
	s.note(request)
	tell("starting " + request.Environment)
	for _, e := range now(s, &s.Standing) {
		if e.Environment.Name == request.Environment {
			tell(request.Environment + " is ready")
			return e, nil
		}
	}
	return api.EnvironmentStatus{}, missing("environment", request.Environment)
}

// Down tells one thing.
func (s *Stage) Down(_ context.Context, request api.Down, tell api.Tell) error {
	s.note(request)
	tell("stopping " + request.Environment)
	return nil
}

// Status shows every environment.
func (s *Stage) Status(context.Context) ([]api.EnvironmentStatus, error) {
	return now(s, &s.Standing), nil
}

// Logs writes what was written; with Follow also what is written later, to the end of ctx.
func (s *Stage) Logs(ctx context.Context, request api.Logs, out io.Writer) error {
	seen := 0
	for {
		written, turned := look(s, &s.Written)
		if _, err := io.WriteString(out, written[seen:]); err != nil || !request.Follow {
			return err
		}
		seen = len(written)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-turned:
		}
	}
}

// Exec knows "cat", "complain TEXT", "exit N" (one digit) and "panic".
func (s *Stage) Exec(_ context.Context, request api.Exec, stdin io.Reader, stdout, stderr io.Writer) (int, error) {
	s.note(request)
	switch request.Command[0] {
	case "cat":
		_, err := io.Copy(stdout, stdin)
		return 0, err
	case "complain":
		_, err := io.WriteString(stderr, request.Command[1])
		return 1, err
	case "exit":
		return int(request.Command[1][0] - '0'), nil
	case "panic":
		panic("a fault of the stage: " + strings.Join(request.Command[1:], " "))
	}
	return 0, understudy.Errorf(understudy.KindUnavailable, "there is no program %s", request.Command[0])
}

// ResetTwin gives the snapshot.
func (s *Stage) ResetTwin(_ context.Context, request api.ResetTwin, tell api.Tell) (understudy.Snapshot, error) {
	s.note(request)
	tell("copying")
	return now(s, &s.Snapshot), nil
}

// Parity is what was measured.
func (s *Stage) Parity(_ context.Context, a, b string) (understudy.Parity, error) {
	p := now(s, &s.Measured)
	if a != "" {
		p.A, p.B = a, b
	}
	return p, nil
}

// WatchParity shows what watching does, and waits for more of it.
func (s *Stage) WatchParity(ctx context.Context, request api.WatchParity, each func(api.Likeness) error) error {
	s.note(request)
	return watch(ctx, s, &s.Watched, each, func(api.Likeness) bool { return false })
}

// ParityHistory is what was measured since a moment.
func (s *Stage) ParityHistory(_ context.Context, request api.ParityHistory) (understudy.ParityHistory, error) {
	h := now(s, &s.Past)
	h.Stretches = slices.DeleteFunc(slices.Clone(h.Stretches), func(m understudy.ParityStretch) bool { return m.Until.Before(request.Since) })
	return h, nil
}

// Captures are those since a moment.
func (s *Stage) Captures(_ context.Context, _ string, since time.Time) ([]api.Capture, error) {
	return slices.DeleteFunc(slices.Clone(now(s, &s.Caught)), func(c api.Capture) bool { return c.At.Before(since) }), nil
}

// MaskDiff is what the schema asks of the rules.
func (s *Stage) MaskDiff(context.Context, string) (api.MaskDiff, error) { return now(s, &s.Asks), nil }

// Proof is the snapshot with its proofs.
func (s *Stage) Proof(context.Context, string) (understudy.Snapshot, error) {
	return now(s, &s.Snapshot), nil
}

// MaskPlan is the plan.
func (s *Stage) MaskPlan(context.Context, string) (api.MaskPlan, error) { return now(s, &s.Mask), nil }
