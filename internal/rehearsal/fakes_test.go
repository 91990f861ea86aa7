package rehearsal_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"understudy"
	"understudy/internal/rehearsal"
)

// story is how a candidate, and the machine it is rehearsed on, behave.
type story struct {
	idle      bool // the migration has nothing to do
	candidate understudy.Release
	quiet     bool // nobody declares traffic
	leaks     []string
	up, down  func(on rehearsal.Copy) rehearsal.Migrated // nil: it runs through in 200 ms
	away      func(on rehearsal.Copy) rehearsal.Migrated // the contract migration; nil: it runs through in 200 ms
	answer    func(at state, request int) string         // the class of a failure; empty: answered
	stall     func(at state) time.Duration               // how long requests due then take; nil: 5 ms
	notReady  error
	bits      []rehearsal.Bit
	cut       int
	test      func(name string, run int) rehearsal.Tested
	parity    understudy.Parity // as measured, held against accepted
	terms     understudy.ParityTerms
	settings  rehearsal.Comparison
	changes   []string // of the schema, after the way back
	orders    []string
	losses    []rehearsal.Loss
	rows      rehearsal.Rows
	restore   func() rehearsal.Restored                 // nil: it goes well
	tried     map[string]rehearsal.Tried                // experiments by name; others find nothing
	said      func(at state) []understudy.ObservedError // what the database says to the application
	rate      rehearsal.Rate                            // production's own
	restarts  bool                                      // the old release does not live through the migration
	differs   map[string]string                         // that policy accepts with new flags off
	flags     *flagging                                 // nil: it declares none
	broken    map[string]error                          // what fails by itself, by the name of the call
}

// state is what a request meets.
type state struct {
	serving   rehearsal.Part
	schema    string        // "old", "new", "half"
	migrating string        // "up", "down"
	wrote     bool          // the candidate has served
	since     time.Time     // the door sends there
	switched  time.Duration // ago
}

type moment struct {
	at time.Time
	state
}

// death is what a process that is killed leaves its calls with.
type death struct{ in string }

// world is everything that outlives a process: what is stored, and what is on the stage.
// It counts the calls of the present process, and ends it at the one that fate names.
type world struct {
	t        *testing.T
	story    story
	record   []byte               // the rehearsal, without its checks
	checks   []keptCheck          // of it
	had      understudy.Rehearsal // as it was saved last
	journal  []string
	verdicts map[string]understudy.Statement
	evidence []string

	running  map[rehearsal.Part]bool
	copies   map[rehearsal.Copy]string // schema of each
	now      state
	timeline []moment
	tested   map[string]int
	entered  int
	closed   int

	// of the present process
	values   understudy.FlagValues
	turns    []int
	lives    int            // of parts that were played to
	ended    rehearsal.Part // since the stage was made fresh
	set      bool           // the stage was made fresh
	restored bool           // and its databases were restored since
	open     bool
	audience *audience
	calls    int
	fate     fate
}

// fate ends the process at a call: before its effect or after it; killed, or told to stop.
type fate struct {
	at    int
	after bool
	tell  func()
}

const rehearsalID = "r1"

func newWorld(t *testing.T, s story) *world {
	w := &world{
		t: t, story: s, verdicts: map[string]understudy.Statement{},
		running: map[rehearsal.Part]bool{}, copies: map[rehearsal.Copy]string{}, tested: map[string]int{},
	}
	queued := understudy.Rehearsal{
		ID: rehearsalID, Candidate: s.candidate.Digest, Label: "v2", On: "staging", For: "production",
		State: understudy.RehearsalQueued, QueuedAt: time.Now(), By: "ada",
	}
	w.record, w.had = w.encode(queued), queued
	return w
}

func (w *world) encode(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		w.t.Fatal(err)
	}
	return raw
}

// fault is a rule of a role that the engine broke.
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

// onStage is a call that needs the stage to be entered and not yet left.
func (w *world) onStage(ctx context.Context, name string, effect func() error) error {
	return w.act(ctx, name, func() error {
		if !w.open {
			return w.fault("%s after the stage was closed", name)
		}
		return effect()
	})
}

func (w *world) becomes(change func(s *state)) {
	was := w.now.serving
	change(&w.now)
	if w.now.serving != was {
		w.now.since = time.Now()
	}
	w.timeline = append(w.timeline, moment{time.Now(), w.now})
}

// live is one life of the process: an engine over the world, until it ends or dies.
func (w *world) live(ctx context.Context, f fate) (err error, died bool) {
	w.set, w.restored, w.open, w.audience, w.calls, w.fate = false, false, false, nil, 0, f
	w.values, w.turns, w.lives, w.ended = nil, nil, 0, ""
	defer func() {
		if what := recover(); what != nil {
			if _, died = what.(death); !died {
				panic(what)
			}
		}
	}()
	engine := &rehearsal.Engine{House: w, Records: w, Notary: w, Recorder: w, Keeper: w, Now: time.Now}
	return engine.Run(ctx, rehearsalID), false
}

// rehearsal is the record as it stands.
func (w *world) rehearsal() understudy.Rehearsal {
	r, err := w.read()
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// House.

func (w *world) Enter(ctx context.Context, r understudy.Rehearsal) (rehearsal.Scene, error) {
	scene := rehearsal.Scene{
		Candidate: w.story.candidate, Policy: understudy.Policy{Parity: w.story.terms}.WithDefaults(), Likeness: likeness{w},
		Stage: stage{w}, Door: door{w}, Crowd: crowd{w}, Migrator: migrator{w}, Contractor: migrator{w}, Witness: witness{w}, Examiner: witness{w}, Ledger: ledger{w}, Restorer: restorer{w}, Settings: settings{w}, Tester: tester{w},
	}
	scene.Policy.Flags.Differs = w.story.differs
	if w.story.flags != nil {
		scene.Flags, scene.Player = flagger{w}, player{w}
	}
	if w.story.quiet {
		scene.Crowd, scene.Player = nil, nil
	}
	return scene, w.act(ctx, "Enter", func() error {
		if r.State != understudy.RehearsalRunning {
			return w.fault("a rehearsal that is %s enters the house", r.State)
		}
		w.open, w.entered = true, w.entered+1
		return nil
	})
}

// Records, each save held against the one before.

func (w *world) LoadRehearsal(ctx context.Context, id string) (r understudy.Rehearsal, err error) {
	err = w.act(ctx, "Load", func() error {
		if id != rehearsalID {
			return w.fault("a rehearsal %q is read, which nobody asked for", id)
		}
		r, err = w.read()
		return err
	})
	if err != nil {
		return understudy.Rehearsal{}, err
	}
	return r, nil
}

// keptCheck is one that has ended, as it is kept and as it is read again: it may not change
// any more, so it is decoded once.
type keptCheck struct {
	raw  []byte
	read understudy.Check
}

// read is the rehearsal as it was written down.
func (w *world) read() (r understudy.Rehearsal, err error) {
	if err := json.Unmarshal(w.record, &r); err != nil {
		return r, err
	}
	for _, c := range w.checks {
		r.Checks = append(r.Checks, c.read)
	}
	return r, nil
}

// written is all that was written down of the rehearsal.
func (w *world) written() string {
	all := bytes.Clone(w.record)
	for _, c := range w.checks {
		all = append(all, c.raw...)
	}
	return string(all)
}

// keep writes checks down, of which those that were kept before must be the same.
func (w *world) keep(checks []understudy.Check) error {
	for i, c := range checks {
		raw := w.encode(c)
		switch {
		case i == len(w.checks):
			kept := keptCheck{raw: raw}
			if err := json.Unmarshal(raw, &kept.read); err != nil {
				return err
			}
			w.checks = append(w.checks, kept)
		case !bytes.Equal(raw, w.checks[i].raw):
			return w.fault("a check that had ended is changed")
		}
	}
	if len(checks) < len(w.checks) {
		return w.fault("a check that had ended is gone")
	}
	return nil
}

func (w *world) SaveRehearsal(ctx context.Context, r understudy.Rehearsal) error {
	return w.act(ctx, "Save", func() error {
		had := w.had
		switch {
		case r.ID != rehearsalID:
			return w.fault("a rehearsal %q is saved, which nobody asked for", r.ID)
		case r.State != had.State && !had.State.CanBecome(r.State):
			return w.fault("the rehearsal goes from %s to %s", had.State, r.State)
		case had.State.Ended():
			return w.fault("a rehearsal that is %s is saved again", had.State)
		case r.State == understudy.RehearsalPassed && len(w.verdicts) == 0:
			return w.fault("passed without a verdict")
		}
		if err := w.keep(r.Checks); err != nil {
			return err
		}
		w.had = r
		r.Checks = nil
		w.record = w.encode(r)
		return nil
	})
}

// Notary, Recorder, Keeper.

func (w *world) Sign(ctx context.Context, s understudy.Statement) (verdict string, err error) {
	return "verdict-" + s.Rehearsal, w.act(ctx, "Sign", func() error {
		if had, signed := w.verdicts[s.Rehearsal]; signed && had.Outcome != s.Outcome {
			return w.fault("signed as %s, and now as %s", had.Outcome, s.Outcome)
		} else if !signed {
			w.verdicts[s.Rehearsal] = s
		}
		return nil
	})
}

func (w *world) Record(ctx context.Context, act, subject, _ string, facts map[string]string) error {
	return w.act(ctx, "Record", func() error {
		if subject != rehearsalID {
			return w.fault("the journal is told of %q", subject)
		}
		if check := facts["check"]; check != "" {
			act += " " + check
		}
		w.journal = append(w.journal, act)
		return nil
	})
}

func (w *world) Keep(name string, content io.Reader) (understudy.Evidence, error) {
	var e understudy.Evidence
	err := w.act(context.Background(), "Keep", func() error {
		raw, err := io.ReadAll(content)
		e = understudy.Evidence{Name: name, Digest: understudy.DigestOf(raw), Size: int64(len(raw))}
		w.evidence = append(w.evidence, name)
		return err
	})
	return e, err
}

// stage refuses what a real one could not do.
type stage struct{ *world }

func (s stage) Reset(ctx context.Context) (set rehearsal.Set, err error) {
	return rehearsal.Set{
			Snapshot:   understudy.Snapshot{ID: "s1", Of: "production", Took: 2 * time.Second, Databases: []understudy.DatabaseCopy{{Tables: []understudy.TableCopy{{Rows: 1234567, Masked: []string{"mail"}}}}}},
			Production: understudy.Fingerprint{Environment: "production", Release: understudy.DigestOf([]byte("v1")), Config: "print"},
			Baseline:   understudy.Release{Digest: understudy.DigestOf([]byte("v1")), Label: "v1"}, Leaks: s.story.leaks,
		}, s.onStage(ctx, "Reset", func() error {
			s.copies[rehearsal.Golden] = "old"
			return nil
		})
}

func (s stage) Fresh(ctx context.Context) error {
	return s.onStage(ctx, "Fresh", func() error {
		switch {
		case s.copies[rehearsal.Golden] == "":
			return s.fault("a fresh stage without a golden copy")
		case s.audience != nil:
			return s.fault("a fresh stage under the eyes of the audience")
		}
		clear(s.running)
		s.ended, s.values = "", nil
		s.set, s.restored, s.copies[rehearsal.Work] = true, false, "old"
		s.becomes(func(now *state) { *now = state{schema: "old"} })
		return nil
	})
}

func (s stage) Start(ctx context.Context, part rehearsal.Part) error {
	return s.onStage(ctx, "Start "+string(part), func() error {
		switch {
		case !s.set:
			return s.fault("%s is started before the stage is fresh", part)
		case part == rehearsal.Candidate && s.story.candidate.Application.Migration != nil && s.copies[rehearsal.Work] != "new" && !s.story.idle:
			return s.fault("the candidate is started on the %s schema", s.copies[rehearsal.Work])
		case part == rehearsal.Candidate && s.story.notReady != nil:
			return s.story.notReady
		}
		s.running[part] = true
		return pass(ctx, 300*time.Millisecond)
	})
}

func (s stage) Stop(ctx context.Context, part rehearsal.Part) error {
	return s.onStage(ctx, "Stop "+string(part), func() error {
		if s.now.serving == part {
			return s.fault("%s is stopped while it serves", part)
		}
		delete(s.running, part)
		return nil
	})
}

func (s stage) Close(ctx context.Context) error {
	return s.onStage(ctx, "Close", func() error {
		if s.audience != nil {
			return s.fault("the stage is closed under the eyes of the audience")
		}
		clear(s.running)
		s.open, s.closed = false, s.closed+1
		return nil
	})
}

func pass(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

type door struct{ *world }

func (d door) Serve(ctx context.Context, part rehearsal.Part) error {
	return d.onStage(ctx, "Serve "+string(part), func() error {
		if !d.running[part] {
			return d.fault("the door sends to %s, which does not run", part)
		}
		d.becomes(func(now *state) { now.serving, now.wrote = part, now.wrote || part == rehearsal.Candidate })
		return nil
	})
}

func (d door) Drain(ctx context.Context, part rehearsal.Part) (int, error) {
	return d.story.cut, d.onStage(ctx, "Drain "+string(part), func() error {
		if d.now.serving == part {
			return d.fault("%s is drained while it serves", part)
		}
		return pass(ctx, 100*time.Millisecond)
	})
}

func (d door) Bits(ctx context.Context, part rehearsal.Part) ([]rehearsal.Bit, error) {
	bits := slices.Clone(d.story.bits)
	if part == rehearsal.Baseline {
		bits = []rehearsal.Bit{{Service: "web", Match: true, Process: "1"}}
		if d.story.restarts && d.now.schema == "new" {
			bits[0].Process = "2"
		}
	}
	return bits, d.onStage(ctx, "Bits "+string(part), func() error {
		if !d.running[part] {
			return d.fault("the bits of %s are looked at, which does not run", part)
		}
		return nil
	})
}

// perSecond is how many requests an audience makes.
const perSecond = 20

type crowd struct{ *world }

func (c crowd) Gather(ctx context.Context) (rehearsal.Audience, error) {
	a := &audience{world: c.world, came: time.Now()}
	return a, c.onStage(ctx, "Gather", func() error {
		switch {
		case c.now.serving == "":
			return c.fault("a crowd gathers before a door that serves nobody")
		case c.audience != nil:
			return c.fault("a second crowd gathers")
		}
		c.audience = a
		return nil
	})
}

// audience remembers nothing of its own: what a request met stands in the timeline.
type audience struct {
	*world
	came time.Time
}

func (a *audience) Leave() { a.world.audience = nil }

func (a *audience) Window(from, to time.Time, budget time.Duration) rehearsal.Heard {
	h := rehearsal.Heard{Classes: map[string]int{}, Rate: perSecond}
	const apart = time.Second / perSecond
	n := int((max(0, from.Sub(a.came)) + apart - 1) / apart)
	for due := a.came.Add(time.Duration(n) * apart); due.Before(to); n, due = n+1, due.Add(apart) {
		met := a.met(due)
		h.Requests++
		if class := a.class(met, n); class != "" {
			h.Failed++
			h.Classes[class]++
		}
		took := 5 * time.Millisecond
		if a.story.stall != nil {
			took = max(took, a.story.stall(met))
		}
		h.Max = max(h.Max, took)
		if took > budget {
			h.Stalled++
			h.Longest = max(h.Longest, took)
		}
	}
	return h
}

func (a *audience) class(met state, n int) string {
	if a.story.answer == nil {
		return ""
	}
	return a.story.answer(met, n)
}

func (a *audience) met(due time.Time) state {
	for _, m := range slices.Backward(a.timeline) {
		if !m.at.After(due) {
			m.switched = due.Sub(m.since)
			return m.state
		}
	}
	return state{}
}

type migrator struct{ *world }

func (m migrator) Up(ctx context.Context, on rehearsal.Copy) (rehearsal.Migrated, error) {
	to := "new"
	if m.story.idle {
		to = "old" // production has the schema already
	}
	return m.migrate(ctx, "up", on, m.story.up, to)
}

func (m migrator) Down(ctx context.Context, on rehearsal.Copy) (rehearsal.Migrated, error) {
	return m.migrate(ctx, "down", on, m.story.down, "old")
}

func (m migrator) Contract(ctx context.Context, on rehearsal.Copy) (rehearsal.Migrated, error) {
	switch {
	case m.running[rehearsal.Baseline]:
		return rehearsal.Migrated{}, m.fault("the contract migration runs while the old release does")
	case !m.running[rehearsal.Candidate] || m.now.serving != rehearsal.Candidate || m.copies[on] != "new" && !m.story.idle:
		return rehearsal.Migrated{}, m.fault("the contract migration runs on a stage that is not switched")
	}
	return m.migrate(ctx, "contract", on, m.story.away, "contracted")
}

func (m migrator) migrate(ctx context.Context, way string, on rehearsal.Copy, how func(rehearsal.Copy) rehearsal.Migrated, to string) (rehearsal.Migrated, error) {
	done := rehearsal.Migrated{OK: true, Took: 200 * time.Millisecond}
	if how != nil {
		done = how(on)
	}
	if done.OK && way != "down" {
		done.Expected = &understudy.Expectation{Runs: []time.Duration{done.Took}, Low: done.Took, High: done.Took}
	}
	return done, m.onStage(ctx, way+" on "+string(on), func() error {
		switch {
		case on == rehearsal.Work && !m.set, m.copies[on] == "":
			return m.fault("%s on the %s copy, which was not made", way, on)
		case way == "down" && m.story.idle:
			return m.fault("a migration that changed nothing is taken back on the %s copy", on)
		case way == "down" && on == rehearsal.Work && m.running[rehearsal.Candidate]:
			return m.fault("the way back begins while the candidate runs")
		}
		if on == rehearsal.Work {
			m.becomes(func(now *state) { now.migrating = way })
		}
		if err := pass(ctx, done.Took); err != nil {
			return err
		}
		switch {
		case done.OK:
			m.copies[on] = to
		case m.copies[on] != to:
			m.copies[on] = "half"
		}
		if on == rehearsal.Work {
			m.becomes(func(now *state) { now.migrating, now.schema = "", m.copies[on] })
		}
		return nil
	})
}

func (m migrator) Queue(ctx context.Context, trial rehearsal.Trial) (rehearsal.Tried, error) {
	return m.try(ctx, "queue", trial)
}

func (m migrator) Interrupt(ctx context.Context, trial rehearsal.Trial) (rehearsal.Tried, error) {
	return m.try(ctx, "interrupt", trial)
}

func (m migrator) Together(ctx context.Context, trial rehearsal.Trial) (rehearsal.Tried, error) {
	return m.try(ctx, "together", trial)
}

// try is an experiment: it leaves the work copy alone, and the side copy in some state.
func (m migrator) try(ctx context.Context, name string, trial rehearsal.Trial) (rehearsal.Tried, error) {
	tried := m.story.tried[name]
	return tried, m.onStage(ctx, name, func() error {
		switch {
		case m.story.idle:
			return m.fault("a migration that changed nothing is tried: %s", name)
		case string(trial.Before) != `"old"` || string(trial.After) != `"new"` || trial.First.Took == 0:
			return m.fault("%s is measured by schemas %s and %s and a run of %s", name, trial.Before, trial.After, trial.First.Took)
		case trial.Rate.PerSecond == 0 && !m.story.quiet:
			return m.fault("%s does not know how many requests come", name)
		}
		m.copies[rehearsal.Side] = "half"
		return pass(ctx, 400*time.Millisecond)
	})
}

type witness struct{ *world }

func (v witness) Errors(ctx context.Context, of rehearsal.Copy, from, to time.Time) (said []understudy.ObservedError, err error) {
	return said, v.onStage(ctx, "Errors", func() error {
		if of != rehearsal.Work || !from.Before(to) {
			return v.fault("errors of the %s copy from %s to %s are asked for", of, from, to)
		}
		met := (&audience{world: v.world}).met(from)
		if v.story.said != nil {
			said = v.story.said(met)
		}
		return nil
	})
}

func (v witness) Rate(ctx context.Context) (rehearsal.Rate, error) {
	return v.story.rate, v.onStage(ctx, "Rate", func() error { return nil })
}

func (v witness) Rows(ctx context.Context, asked rehearsal.Asked) (rehearsal.Rows, error) {
	return v.story.rows, v.onStage(ctx, "Rows", func() error {
		if asked.Is != rehearsal.Side && !v.restored || asked.Was != rehearsal.Golden || len(v.story.losses) == 0 {
			return v.fault("rows of %s on the %s copy are named, where nothing is lost", asked.Table, asked.Is)
		}
		return nil
	})
}

type ledger struct{ *world }

func (l ledger) Clone(ctx context.Context, to rehearsal.Copy) error {
	return l.onStage(ctx, "Clone", func() error {
		l.copies[to] = l.copies[rehearsal.Golden]
		return nil
	})
}

func (l ledger) Schema(ctx context.Context, of rehearsal.Copy) (json.RawMessage, error) {
	return json.RawMessage(fmt.Sprintf("%q", l.copies[of])), l.onStage(ctx, "Schema", func() error { return nil })
}

func (l ledger) Data(ctx context.Context, of rehearsal.Copy) (json.RawMessage, error) {
	return json.RawMessage(fmt.Sprintf("%q", l.copies[of])), l.onStage(ctx, "Data", func() error { return nil })
}

func (l ledger) CompareSchemas(before, after json.RawMessage) ([]string, []string, error) {
	switch {
	case string(before) == `"old"` && string(after) == `"new"`:
		return []string{"table new is there and was not"}, nil, nil
	case string(before) != `"old"` || string(after) != `"old"`:
		return nil, nil, l.fault("schemas compared: %s and %s", before, after)
	}
	return l.story.changes, l.story.orders, nil
}

func (l ledger) CompareData(before, after json.RawMessage) ([]rehearsal.Loss, error) {
	if string(before) != `"old"` || string(after) != `"old"` {
		return nil, l.fault("data compared: %s and %s", before, after)
	}
	return l.story.losses, nil
}

type likeness struct{ *world }

func (l likeness) Measure(ctx context.Context) (understudy.Parity, error) {
	p := l.story.parity
	p.A, p.B, p.MeasuredAt = "production", "staging", time.Now()
	if p.Gaps == nil {
		p.Figure, p.Compared = 100, 10
	}
	return p.Accept(l.story.terms.Accepted), l.onStage(ctx, "Measure", func() error {
		if l.copies[rehearsal.Golden] == "" {
			return l.fault("the likeness of a twin is measured that was never reset")
		}
		return nil
	})
}

type settings struct{ *world }

func (s settings) Compare(ctx context.Context) (rehearsal.Comparison, error) {
	return s.story.settings, s.onStage(ctx, "Compare", func() error { return nil })
}

type tester struct{ *world }

func (r tester) Test(ctx context.Context, part rehearsal.Part, test understudy.Test) (rehearsal.Tested, error) {
	tested := rehearsal.Tested{Passed: true, Ran: 3, Evidence: []understudy.Evidence{{Name: test.Name + ".xml"}}}
	return tested, errors.Join(r.onStage(ctx, "Test", func() error {
		if r.now.serving != part {
			return r.fault("%s is tested while the door sends to %q", part, r.now.serving)
		}
		r.tested[test.Name]++
		if r.story.test != nil {
			tested = r.story.test(test.Name, r.tested[test.Name])
		}
		if f := r.story.flags; f != nil && f.fails != nil && r.values != nil && test.Name == "end to end" {
			if name := f.fails(r.values, r.tested[test.Name]); name != "" {
				tested.Passed, tested.Failed = false, []string{name}
			}
		}
		return nil
	}))
}

// ends is what a rehearsal came to, without times.
type ends struct {
	State    understudy.RehearsalState
	Checks   []string
	Verdict  string
	Signed   understudy.Outcome
	Attested []string
	Binds    [4]any
	Runs     int // whole runs of the migration that the statement expects by
}

func (w *world) ends() ends {
	r := w.rehearsal()
	out := ends{State: r.State, Verdict: r.Verdict}
	for _, c := range r.Checks {
		out.Checks = append(out.Checks, fmt.Sprintf("%s %s", c.Name, c.Outcome))
		for _, f := range c.Findings {
			out.Checks = append(out.Checks, fmt.Sprintf("  %s %s %s", f.Severity, f.Code, f.Subject))
		}
	}
	if s, signed := w.verdicts[rehearsalID]; signed {
		out.Signed = s.Outcome
		out.Binds = [4]any{s.Production.Release, s.Snapshot.ID, s.OldRunsOnNew, s.Migrated}
		if s.Expected != nil {
			out.Runs = len(s.Expected.Runs)
		}
		for _, c := range s.Checks {
			out.Attested = append(out.Attested, fmt.Sprint(c.Name, c.Outcome, c.Findings))
		}
	}
	return out
}

// codes are the findings of a check as "severity code".
func (w *world) codes(name string) []string {
	c, _ := w.rehearsal().Done(name)
	var out []string
	for _, f := range c.Findings {
		out = append(out, string(f.Severity)+" "+f.Code)
	}
	slices.Sort(out)
	return out
}
