package promotion_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"understudy"
	"understudy/internal/promotion"
)

const (
	promotionID = "p1"
	oldID       = "production-p0"
	newID       = "production-p1"
)

// story is how a release, and production under it, behave.
type story struct {
	policy    understudy.Policy
	release   understudy.Release
	statement func(s *understudy.Statement)
	attested  error
	held      string
	unfit     string
	debt      string
	agreed    []understudy.SignedApproval
	glass     *understudy.BrokenGlass
	empty     bool // production runs nothing
	again     bool // production runs the release already, with another configuration
	standby   string
	notReady  error
	migrate   error
	tells     []string                    // of the migration, on the way
	order     func(order promotion.Order) // is shown each order
	copying   error
	perSecond float64                                    // requests at the door
	quietFor  time.Duration                              // nobody comes at first
	errors    func(share int) float64                    // of the new release, by its share; nil: none
	unwell    func(share int, for_ time.Duration) string // nil: it is well
	cold      func(for_ time.Duration) bool              // the old release, once it is warm only; nil: it lives
	latency   func(id string) time.Duration              // of each request; nil: none is noted
	hangs     func(share int) bool                       // the new release answers nothing
	turns     bool                                       // a worker takes turns
	notHanded error
	measure   func(ctx context.Context, of promotion.Window) understudy.Measurement
	contract  error            // of the contract migration
	settle    bool             // a promotion is let alone: somebody settles it
	broken    map[string]error // calls that fail, by name
	unstaged  error            // the safety copy cannot be read
	external  string           // why nothing can be restored
}

type death struct{ in string }

// fate ends the process at a call: before its effect or after it; killed, or told to stop.
type fate struct {
	at    int
	after bool
	tell  func()
}

// world is production and all that is stored of it. It holds at every moment that the
// door's shares sum to 100 and that each goes to a deployment that runs.
type world struct {
	t       *testing.T
	story   story
	record  []byte
	had     understudy.Promotion
	hear    func(understudy.Promotion) // each that is saved, if not nil
	journal []string

	running  map[string]bool
	worker   string // deployment whose worker runs
	shares   map[string]int
	since    time.Time // of the shares
	serving  string
	standby  string
	schema   string
	migrated int
	copies   int
	hold     string
	stopped  []string
	counting bool
	served   map[string]*understudy.Side
	counted  time.Time

	shut   bool // the door is
	staged bool // the safety copy was read
	begun  bool // what is written is no longer the migration's

	swapped bool // the databases are those of the safety copy

	calls int
	fate  fate
}

func newWorld(t *testing.T, s story) *world {
	w := &world{
		t: t, story: s, running: map[string]bool{oldID: true}, shares: map[string]int{oldID: 100}, since: time.Now(), serving: oldID,
		worker: oldID, schema: "old", hold: s.held, served: map[string]*understudy.Side{}, counted: time.Now(),
	}
	if s.standby != "" {
		w.standby, w.running[s.standby] = s.standby, true
	}
	if s.empty {
		w.running, w.shares, w.serving = map[string]bool{}, nil, ""
	}
	w.put(understudy.Promotion{
		ID: promotionID, Release: s.release.Digest, Label: "v2", To: "production", State: understudy.PromotionPlanned, By: "ada", MadeAt: time.Now(), Glass: s.glass,
	})
	return w
}

func (w *world) put(p understudy.Promotion) {
	raw, err := json.Marshal(p)
	if err != nil {
		w.t.Fatal(err)
	}
	w.record, w.had = raw, p
	if w.hear != nil {
		w.hear(p)
	}
}

func (w *world) fault(format string, args ...any) error {
	w.t.Helper()
	w.t.Errorf(format, args...)
	return understudy.Errorf(understudy.KindInternal, format, args...)
}

// act is one call with an effect.
func (w *world) act(ctx context.Context, name string, effect func() error) error {
	w.calls++
	doomed := w.calls == w.fate.at
	if doomed && !w.fate.after {
		w.strike(name)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := w.story.broken[name]; err != nil {
		return err
	}
	err := effect()
	w.alwaysServes(name)
	if doomed && w.fate.after {
		w.strike(name)
	}
	return err
}

func (w *world) strike(name string) {
	if w.fate.tell == nil {
		panic(death{name})
	}
	w.fate.tell()
}

func (w *world) alwaysServes(after string) {
	if w.story.empty || w.shut {
		return
	}
	sum := 0
	for id, share := range w.shares {
		if sum += share; share > 0 && !w.running[id] {
			w.t.Errorf("after %s, %d %% of production's traffic go to %s, which does not run", after, share, id)
		}
	}
	if sum != 100 {
		w.t.Errorf("after %s, production's shares are %v", after, w.shares)
	}
}

// live is one life of the process: an engine over the world, until it ends or dies.
func (w *world) live(ctx context.Context, f fate) (err error, died bool) {
	w.calls, w.fate = 0, f
	defer func() {
		if what := recover(); what != nil {
			if _, died = what.(death); !died {
				panic(what)
			}
		}
	}()
	return w.engine().Run(ctx, promotionID), false
}

func (w *world) engine() *promotion.Engine {
	return &promotion.Engine{
		Records: w, Archive: archive{w}, Consent: consent{w}, Production: production{w}, Deployments: deployments{w},
		Schema: schema{w}, Door: door{w}, Restorer: restorer{w}, Shutter: shutter{w}, Meter: meter{w}, Recorder: w, Clock: w,
	}
}

// Records, Recorder, Clock.

func (w *world) LoadPromotion(ctx context.Context, id string) (p understudy.Promotion, err error) {
	return p, w.act(ctx, "Load", func() error {
		if id != promotionID {
			return w.fault("promotion %q is loaded", id)
		}
		return json.Unmarshal(w.record, &p)
	})
}

func (w *world) SavePromotion(ctx context.Context, p understudy.Promotion) error {
	return w.act(ctx, "Save", func() error {
		switch {
		case p.ID != promotionID:
			return w.fault("promotion %q is saved", p.ID)
		case p.State != w.had.State && !w.had.State.CanBecome(p.State):
			return w.fault("the promotion goes from %s to %s", w.had.State, p.State)
		case w.had.Old != "" && (p.Old != w.had.Old || p.New != w.had.New):
			return w.fault("the promotion forgets what it replaces: %s by %s, and was %s by %s", p.Old, p.New, w.had.Old, w.had.New)
		case len(p.Events) < len(w.had.Events):
			return w.fault("an event is lost")
		}
		w.put(p)
		return nil
	})
}

func (w *world) Record(ctx context.Context, act, subject, reason string, _ map[string]string) error {
	return w.act(ctx, "Record", func() error {
		if subject != promotionID {
			return w.fault("the journal is told of %q", subject)
		}
		w.journal = append(w.journal, act)
		return nil
	})
}

func (w *world) Now() time.Time { return time.Now() }

func (w *world) Wait(ctx context.Context, d time.Duration) error {
	return w.act(ctx, "Wait", func() error {
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
}

type archive struct{ *world }

func (a archive) Release(ctx context.Context, digest understudy.Digest) (understudy.Release, error) {
	return a.story.release, a.act(ctx, "Release", func() error {
		if digest != a.story.release.Digest {
			return a.fault("release %s is asked for", digest)
		}
		return nil
	})
}

func (a archive) Attested(ctx context.Context, release understudy.Digest) (string, understudy.Digest, understudy.Statement, error) {
	s := understudy.Statement{
		Rehearsal: "r1", Outcome: understudy.OutcomePassed, Release: release, Artifact: a.story.release.Artifact.Digest,
		Config: a.story.release.Config, Migrations: a.story.release.Migrations, Production: a.fingerprint(), EndedAt: time.Now().Add(-time.Hour),
		OldRunsOnNew: true,
	}
	for _, name := range understudy.Checks() {
		s.Checks = append(s.Checks, understudy.StatementCheck{Name: name, Outcome: understudy.OutcomePassed})
	}
	if a.story.statement != nil {
		a.story.statement(&s)
	}
	if err := a.act(ctx, "Attested", func() error { return a.story.attested }); err != nil {
		return "", "", understudy.Statement{}, err
	}
	return "verdict-r1", understudy.DigestOf([]byte("r1")), s, nil
}

func (a archive) Policy(ctx context.Context, _ string) (understudy.Policy, error) {
	return a.story.policy.WithDefaults(), a.act(ctx, "Policy", func() error { return nil })
}

type consent struct{ *world }

func (c consent) Approvals(ctx context.Context, _ understudy.Digest, _ string) ([]understudy.SignedApproval, error) {
	return c.story.agreed, c.act(ctx, "Approvals", func() error { return nil })
}

func (c consent) PassedSince(ctx context.Context, _ understudy.Digest) (time.Time, error) {
	return time.Now().Add(-time.Hour), c.act(ctx, "PassedSince", func() error { return nil })
}

func (c consent) Debt(ctx context.Context, _ string) (string, error) {
	return c.story.debt, c.act(ctx, "Debt", func() error { return nil })
}

type production struct{ *world }

func (w *world) fingerprint() understudy.Fingerprint {
	f := understudy.Fingerprint{Environment: "production", Release: understudy.DigestOf([]byte("v1")), ReleaseLabel: "v1", Config: "print"}
	if w.story.again {
		f.Release, f.ReleaseLabel, f.Configured = w.story.release.Digest, "v2", "another print"
	}
	return f
}

func (p production) Observe(ctx context.Context, _ string) (understudy.Fingerprint, error) {
	return p.fingerprint(), p.act(ctx, "Observe", func() error { return nil })
}

func (p production) Held(ctx context.Context, _ string) (string, error) {
	return p.hold, p.act(ctx, "Held", func() error { return nil })
}

func (p production) Fit(ctx context.Context, _ string, _ understudy.Release) (string, string, error) {
	return "as the gate saw it", p.story.unfit, p.act(ctx, "Fit", func() error { return nil })
}

func (p production) Hold(ctx context.Context, _, reason string) error {
	return p.act(ctx, "Hold", func() error {
		p.hold = reason
		return nil
	})
}

func (p production) Serving(ctx context.Context, _ string) (serving, standby understudy.Deployment, err error) {
	labels := map[string]string{oldID: "v1", newID: "v2"}
	serving = understudy.Deployment{ID: p.serving, Label: labels[p.serving]}
	standby = understudy.Deployment{ID: p.standby, Label: labels[p.standby]}
	return serving, standby, p.act(ctx, "Serving", func() error { return nil })
}

type deployments struct{ *world }

func (d deployments) Start(ctx context.Context, id, _ string, _ understudy.Release, configured string) error {
	return d.act(ctx, "Start", func() error {
		switch {
		case configured != "as the gate saw it":
			return d.fault("%s is started with %q", id, configured)
		case id != newID:
			return d.fault("%s is started", id)
		case d.story.release.Application.Migration != nil && d.schema != "new":
			return d.fault("%s is started on the %s schema", id, d.schema)
		case d.story.notReady != nil:
			return d.story.notReady
		}
		d.running[id] = true
		return nil
	})
}

func (d deployments) Revive(ctx context.Context, id string) error {
	return d.act(ctx, "Revive", func() error {
		switch {
		case id != oldID && (id != newID || d.story.unstaged == nil && d.story.broken["Swap"] == nil):
			return d.fault("%q is revived", id)
		case d.swapped && d.had.State == understudy.PromotionRollingBack && (d.had.Restore == nil || !d.had.Restore.Done):
			return d.fault("%q is revived before it is written down that the databases are back", id)
		}
		d.running[id] = true
		return nil
	})
}

func (d deployments) Stop(ctx context.Context, id string) error {
	return d.act(ctx, "Stop", func() error {
		if d.shares[id] > 0 {
			return d.fault("%s is stopped with %d %% of the traffic", id, d.shares[id])
		}
		delete(d.running, id)
		delete(d.shares, id)
		if d.standby == id {
			d.standby = ""
		}
		if !slices.Contains(d.stopped, id) {
			d.stopped = append(d.stopped, id)
		}
		return nil
	})
}

func (d deployments) Look(ctx context.Context, id string) (h promotion.Health, err error) {
	return h, d.act(ctx, "Look", func() error {
		switch {
		case !d.running[id]:
			h.Gone = true
		case id == newID && d.story.unwell != nil:
			h.Unwell = d.story.unwell(d.shares[id], time.Since(d.since))
		case id == oldID && d.shares[id] == 0 && d.story.cold != nil:
			h.Gone = d.story.cold(time.Since(d.since))
		}
		return nil
	})
}

func (d deployments) Hand(ctx context.Context, from, to string) (said string, err error) {
	return said, d.act(ctx, "Hand", func() error {
		switch {
		case !d.story.turns:
			return nil
		case d.story.notHanded != nil && to == newID:
			d.worker = ""
			return d.story.notHanded
		case d.shares[from] > 0:
			return d.fault("the worker of %s ends while it has %d %% of the traffic", from, d.shares[from])
		case d.worker != to:
			d.worker, said = to, "worker handed over"
		}
		return nil
	})
}

type schema struct{ *world }

func (s schema) SafetyCopy(ctx context.Context, _, id string) (string, error) {
	return "backups/" + id, s.act(ctx, "SafetyCopy", func() error {
		switch {
		case s.story.copying != nil:
			return s.story.copying
		case s.schema != "old":
			return s.fault("the safety copy is made of the %s schema", s.schema)
		}
		s.copies = 1
		return nil
	})
}

func (s schema) Migrate(ctx context.Context, _ string, order promotion.Order) (string, error) {
	policy := order.Policy
	for _, text := range s.story.tells {
		order.Tell(text)
	}
	if s.story.order != nil {
		s.story.order(order)
	}
	return "migrated in 1s at try 1", s.act(ctx, "Migrate", func() error {
		switch {
		case policy.SafetyCopy && s.copies == 0:
			return s.fault("production is migrated without the safety copy")
		case s.story.migrate != nil && !order.Contract:
			s.schema = "half"
			return s.story.migrate
		case order.Contract && (s.running[oldID] || s.shares[newID] != 100):
			return s.fault("production is contracted while the old release runs, or before all is switched")
		case order.Contract && s.story.contract != nil:
			s.schema = "half-contracted"
			return s.story.contract
		case order.Contract:
			s.schema = "contracted"
			return nil
		case s.shares[newID] > 0:
			return s.fault("production is migrated while the new release serves")
		}
		s.schema = "new"
		s.migrated++
		return nil
	})
}

type meter struct{ *world }

// Measure is called beside everything else and counts as no call of the engine's life.
func (m meter) Measure(ctx context.Context, _ understudy.Metric, of promotion.Window) understudy.Measurement {
	return m.story.measure(ctx, of)
}

// noted adds requests to the bar of a latency, 5 % wide.
func noted(bars []understudy.Bucket, seconds float64, n int64) []understudy.Bucket {
	for i := range bars {
		if bars[i].UpTo == seconds {
			bars[i].Count += n
			return bars
		}
	}
	return append(bars, understudy.Bucket{UpTo: seconds, Count: n})
}

type door struct{ *world }

// count adds what was served under the shares since the last look.
func (w *world) count() {
	from, to := w.counted, time.Now()
	w.counted = to
	if busy := w.since.Add(w.story.quietFor); w.story.quietFor > 0 && from.Before(busy) {
		from = busy
	}
	for id, share := range w.shares {
		s := w.served[id]
		if s == nil {
			s = &understudy.Side{}
			w.served[id] = s
		}
		n := max(0, to.Sub(from).Seconds()) * w.story.perSecond * float64(share) / 100
		if id == newID && w.story.hangs != nil && w.story.hangs(share) {
			s.Running += int(n)
			continue
		}
		s.Requests += int64(n)
		if w.story.latency != nil {
			s.Latency = noted(s.Latency, w.story.latency(id).Seconds(), int64(n))
		}
		if id == newID && w.story.errors != nil {
			s.Errors += int64(n * w.story.errors(share))
		}
	}
}

func (d door) Split(ctx context.Context, _, old, fresh string, percent int) error {
	return d.act(ctx, "Split", func() error {
		if percent < 0 || percent > 100 || old == fresh {
			return d.fault("a split of %d %% from %s to %s", percent, old, fresh)
		}
		d.count()
		shares := map[string]int{old: 100 - percent, fresh: percent}
		if fmt.Sprint(shares) != fmt.Sprint(d.shares) {
			d.since = time.Now()
		}
		d.shares = shares
		if percent == 100 {
			d.serving, d.standby = fresh, ""
			if d.running[old] {
				d.standby = old
			}
		}
		return nil
	})
}

func (d door) Drain(ctx context.Context, _, id string) (int, error) {
	return 0, d.act(ctx, "Drain", func() error {
		if d.shares[id] > 0 {
			return d.fault("%s is drained with %d %% of the traffic", id, d.shares[id])
		}
		return nil
	})
}

func (d door) Served(ctx context.Context, _, old, fresh string) (a, b understudy.Side, err error) {
	err = d.act(ctx, "Served", func() error {
		if !d.counting && d.shares[newID] > 0 {
			return d.fault("figures are asked for that were never begun")
		}
		d.count()
		if s := d.served[old]; s != nil {
			a = *s
		}
		if s := d.served[fresh]; s != nil {
			b = *s
		}
		return nil
	})
	return a, b, err
}

func (d door) Reset(ctx context.Context, _ string) error {
	return d.act(ctx, "Reset", func() error {
		if d.shares[newID] > 0 {
			return d.fault("the figures are begun anew while the new release serves")
		}
		d.counting, d.counted = true, time.Now()
		clear(d.served)
		return nil
	})
}

// ends is what a promotion came to, without times and what was said on the way.
type ends struct {
	State            understudy.PromotionState
	Shares           string
	Running          string
	Serving, Standby string
	Worker           string // where it runs, if it takes turns
	Schema           string
	Copies           int
	Held             bool
	Old, New         string
	Back             bool // it says why it went back
	Refused          int
}

func (w *world) ends() ends {
	shares := map[string]int{}
	for id, share := range w.shares {
		if share > 0 {
			shares[id] = share
		}
	}
	p, worker := w.had, ""
	if w.story.turns {
		worker = w.worker
	}
	return ends{
		Worker: worker,
		State:  p.State, Shares: fmt.Sprint(shares), Running: fmt.Sprint(w.running), Serving: w.serving, Standby: w.standby, Schema: w.schema,
		Copies: w.copies, Held: w.hold != "", Old: p.Old, New: p.New, Back: p.Reason != "", Refused: len(p.Refusals),
	}
}

// said are the texts of the events.
func (w *world) said() []string {
	var out []string
	for _, e := range w.had.Events {
		out = append(out, e.Text)
	}
	return out
}
