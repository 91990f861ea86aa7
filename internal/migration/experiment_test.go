package migration_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"understudy"
	"understudy/internal/migration"
)

// database is a copy with one lock and a schema of steps, the team's command that works on it, and
// the other sessions there. Each step takes a second.
type database struct {
	mu       sync.Mutex
	steps    []string // of the schema, as they stand
	free     chan struct{}
	waiting  int
	queue    int // commands in the queue, whom others wait behind
	program  func(ctx context.Context, d *database, command migration.Command) (migration.Result, error)
	fresh    int
	leftover int
	status   string
}

func newDatabase(program func(context.Context, *database, migration.Command) (migration.Result, error)) *database {
	d := &database{program: program, free: make(chan struct{}, 1)}
	d.free <- struct{}{}
	return d
}

func (d *database) RunMigration(ctx context.Context, command migration.Command) (migration.Result, error) {
	return d.program(ctx, d, command)
}

func (d *database) Fresh(context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fresh++
	d.steps = nil
	return nil
}

func (d *database) Schema(context.Context) (json.RawMessage, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return json.Marshal(d.steps)
}

func (d *database) Compare(before, after json.RawMessage) ([]string, error) {
	var a, b, changes []string
	if err := errors.Join(json.Unmarshal(before, &a), json.Unmarshal(after, &b)); err != nil {
		return nil, err
	}
	for _, s := range b {
		if !slices.Contains(a, s) {
			changes = append(changes, s+" is there and was not")
		}
	}
	for _, s := range a {
		if !slices.Contains(b, s) {
			changes = append(changes, s+" is gone")
		}
	}
	return changes, nil
}

func (d *database) Still(context.Context, time.Duration) (int, error) { return d.leftover, nil }
func (d *database) Status(context.Context) string                     { return d.status }

func (d *database) has(step string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Contains(d.steps, step)
}

// does is one step: a second of work, then it stands.
func (d *database) does(ctx context.Context, step string) error {
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
		return ctx.Err()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.steps = append(d.steps, step)
	return nil
}

// lock waits for the lock as long as timeout allows; 0: as long as it takes.
func (d *database) lock(ctx context.Context, timeout time.Duration) bool {
	d.count(&d.waiting, 1)
	d.count(&d.queue, 1)
	defer d.count(&d.waiting, -1)
	defer d.count(&d.queue, -1)
	var late <-chan time.Time
	if timeout > 0 {
		late = time.After(timeout)
	}
	select {
	case <-d.free:
		return true
	case <-late:
	case <-ctx.Done():
	}
	return false
}

func (d *database) unlock() { d.free <- struct{}{} }

func (d *database) count(n *int, by int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	*n += by
}

func (d *database) Occupy(context.Context, []migration.Target) (func(), error) {
	<-d.free
	return sync.OnceFunc(d.unlock), nil
}

// Ask is answered at once while nobody is in the queue, and otherwise when nobody is.
func (d *database) Ask(ctx context.Context, _ migration.Target) error {
	for {
		d.mu.Lock()
		queued := d.queue > 0
		d.mu.Unlock()
		if !queued {
			return nil
		}
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (d *database) Waits(context.Context) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.waiting > 0, nil
}

func lab(d *database, steps ...string) migration.Lab {
	want, _ := json.Marshal(steps)
	return migration.Lab{
		Commander: d, Bench: d, Before: json.RawMessage(`[]`), Want: want, Budget: migration.Budget{BlockedFor: time.Second},
		Options: migration.Options{
			LockTimeout: 2 * time.Second, Tries: 5,
			LockTimedOut: func(output string) bool { return strings.Contains(output, "lock timeout") },
			Pause:        func(context.Context, int) error { time.Sleep(500 * time.Millisecond); return nil },
		},
		First: migration.Ran{Took: time.Duration(len(steps)) * time.Second, Tries: 1, Observation: understudy.Observation{
			Locks: []understudy.ObservedLock{{Relation: "public.orders", Kind: "table", Mode: "AccessExclusiveLock"}},
		}},
	}
}

func ran() (migration.Result, error) { return migration.Result{}, nil }
func said(text string) (migration.Result, error) {
	return migration.Result{Status: 1, Output: text}, nil
}

// careful makes each step that is not there, one after the other, behind a lock of its own.
func careful(ctx context.Context, d *database, command migration.Command) (migration.Result, error) {
	if !d.lock(ctx, command.LockTimeout) {
		return said("canceling statement due to lock timeout")
	}
	defer d.unlock()
	for _, step := range []string{"a", "b", "c", "d"} {
		if !d.has(step) {
			if err := d.does(ctx, step); err != nil {
				return migration.Result{Status: -1}, err
			}
		}
	}
	return ran()
}

// careless looks once whether all is done, and begins from the first step if not.
func careless(ctx context.Context, d *database, _ migration.Command) (migration.Result, error) {
	if d.has("d") {
		return ran()
	}
	for _, step := range []string{"a", "b", "c", "d"} {
		if d.has(step) {
			return said(step + " already exists")
		}
		if err := d.does(ctx, step); err != nil {
			return migration.Result{Status: -1}, err
		}
	}
	return ran()
}

// found is one line for each finding, and what they say.
func found(t *testing.T, tried migration.Tried) (codes []string, text string) {
	t.Helper()
	for _, f := range tried.Findings {
		codes = append(codes, fmt.Sprintf("%s %s %s", f.Severity, f.Code, f.Subject))
		text += f.Title + "\n" + f.Would + "\n" + f.Seen + "\n" + f.Remedy + "\n"
	}
	if strings.ContainsAny(text, "{}") {
		t.Errorf("a blank that nobody filled in: %s", text)
	}
	return codes, text
}

// holds fails the test unless an experiment found just that, and says all the words.
func holds(t *testing.T, tried migration.Tried, err error, want []string, words ...string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	codes, text := found(t, tried)
	if fmt.Sprint(codes) != fmt.Sprint(want) {
		t.Errorf("found %q, want %q: %s", codes, want, text)
	}
	for _, word := range words {
		if !strings.Contains(text+tried.Summary, word) {
			t.Errorf("nothing says %q: %s%s", word, text, tried.Summary)
		}
	}
}

func TestInterrupt_OneThatGoesOnWhereItWasPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDatabase(careful)
		tried, err := migration.Interrupt(t.Context(), lab(d, "a", "b", "c", "d"))
		holds(t, tried, err, nil, "killed half way (2s) and run again, it ends well")
		if d.fresh != 1 {
			t.Errorf("%d fresh copies", d.fresh)
		}
	})
}

func TestInterrupt_SaysWhatOneLeavesThatCannotGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDatabase(careless)
		d.leftover, d.status = 1, "version 7, dirty"
		tried, err := migration.Interrupt(t.Context(), lab(d, "a", "b", "c", "d"))
		holds(t, tried, err, []string{"blocking migration.interrupted half way"}, "2s into a run of 4s", "1 of its sessions", "a is there and was not",
			"version 7, dirty", "exit status 1 at try 1: a already exists")
	})
}

func TestInterrupt_ASecondRunThatOnlySaysThatAllIsWellIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDatabase(func(ctx context.Context, d *database, _ migration.Command) (migration.Result, error) {
			if d.has("index i (invalid)") {
				return ran() // IF NOT EXISTS
			}
			if err := d.does(ctx, "a"); err != nil {
				return migration.Result{Status: -1}, err
			}
			d.mu.Lock()
			d.steps = []string{"index i (invalid)"}
			d.mu.Unlock()
			select {
			case <-time.After(3 * time.Second):
			case <-ctx.Done():
				return migration.Result{Status: -1}, ctx.Err()
			}
			d.mu.Lock()
			defer d.mu.Unlock()
			d.steps = []string{"index i"}
			return ran()
		})
		l := lab(d, "index i")
		l.First.Took = 4 * time.Second
		tried, err := migration.Interrupt(t.Context(), l)
		holds(t, tried, err, []string{"blocking migration.interrupted half way"}, "index i (invalid)", "IF NOT EXISTS keeps the broken one")
	})
}

func TestInterrupt_CountsFromTheStatementThatRanHalfWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs := make(chan string, 10)
		d := newDatabase(func(ctx context.Context, d *database, command migration.Command) (migration.Result, error) {
			time.Sleep(3 * time.Second) // this machine is slower to start it than it was
			runs <- "a"
			result, err := careless(ctx, d, command)
			return result, err
		})
		l := lab(d, "a", "b", "c", "d")
		l.First.Took = time.Second
		l.First.Observation.Statements = []understudy.ObservedStatement{{Text: "a", From: 0, Until: 200 * time.Millisecond}, {Text: "all", From: 200 * time.Millisecond, Until: 4800 * time.Millisecond}}
		l.Begins = func(ctx context.Context, statement string) (bool, error) {
			if statement != "all" {
				t.Errorf("waited for %q", statement)
			}
			<-runs
			return true, nil
		}
		tried, err := migration.Interrupt(t.Context(), l)
		holds(t, tried, err, []string{"blocking migration.interrupted half way"}, "killed half way, 5.2s into a run of 1s", "a is there and was not; b is there and was not")
	})
}

func TestInterrupt_KillsALongOneAfterItsFirstCommitToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDatabase(careful)
		l := lab(d, "a", "b", "c", "d")
		l.First.Observation.Statements = []understudy.ObservedStatement{
			{Text: "a", From: 0, Until: time.Second, Commits: true}, {Text: "b", From: time.Second, Until: 4 * time.Second, Commits: true},
		}
		tried, err := migration.Interrupt(t.Context(), l)
		holds(t, tried, err, nil, "killed half way (2s) and after its first commit (1s) and run again")
		if d.fresh != 2 {
			t.Errorf("%d fresh copies", d.fresh)
		}
	})
}

func TestInterrupt_OneThatIsFasterThanItWasIsKilledEarlier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDatabase(careful)
		l := lab(d, "a", "b", "c", "d")
		l.First.Took = 9 * time.Second // half of it is 4.5 s, and it takes 4
		tried, err := migration.Interrupt(t.Context(), l)
		holds(t, tried, err, nil, "killed half way (2.3s) and run again, it ends well")
		l.First.Took = time.Hour
		tried, err = migration.Interrupt(t.Context(), l)
		holds(t, tried, err, nil, "too fast to be killed half way")
	})
}

func TestTogether_OneThatWaitsForTheOtherPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tried, err := migration.Together(t.Context(), lab(newDatabase(careful), "a", "b", "c", "d"))
		holds(t, tried, err, nil, "two at once both end well")
	})
}

func TestTogether_TwoThatMeetBlockWhereTheyCanReallyMeet(t *testing.T) {
	for boots, want := range map[bool]string{true: "blocking migration.together ", false: "warning migration.together "} {
		synctest.Test(t, func(t *testing.T) {
			l := lab(newDatabase(func(ctx context.Context, d *database, _ migration.Command) (migration.Result, error) {
				if d.has("a") {
					return ran()
				}
				if err := d.does(ctx, "a"); err != nil {
					return migration.Result{Status: -1}, err
				}
				d.mu.Lock()
				defer d.mu.Unlock()
				d.steps = slices.Compact(d.steps)
				if d.waiting++; d.waiting > 1 {
					return said("relation a already exists")
				}
				return ran()
			}), "a")
			l.Boots = boots
			tried, err := migration.Together(t.Context(), l)
			holds(t, tried, err, []string{want}, "relation a already exists", "ran through in 1s")
		})
	}
}

func TestTogether_TwoThatWaitForEachOtherForEverAreEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		tried, err := migration.Together(t.Context(), lab(newDatabase(func(ctx context.Context, _ *database, _ migration.Command) (migration.Result, error) {
			<-ctx.Done()
			return migration.Result{Status: -1}, ctx.Err()
		}), "a"))
		holds(t, tried, err, []string{"warning migration.together "}, "did not end within")
		if took := time.Since(began); took > time.Minute {
			t.Errorf("they were ended after %s", took)
		}
	})
}

func TestTogether_OneThatCannotBeRunAtAllIsTheErrorAndNotThatTheOtherWasEnded(t *testing.T) {
	for fails := range 2 { // the one that comes first, or the other
		synctest.Test(t, func(t *testing.T) {
			_, err := migration.Together(t.Context(), lab(newDatabase(func(ctx context.Context, d *database, _ migration.Command) (migration.Result, error) {
				d.mu.Lock()
				comes := d.waiting
				d.waiting++
				d.mu.Unlock()
				if comes == fails {
					time.Sleep(time.Second)
					return migration.Result{}, errors.New("no such program")
				}
				<-ctx.Done()
				return migration.Result{}, ctx.Err()
			}), "a"))
			if err == nil || !strings.Contains(err.Error(), "no such program") {
				t.Errorf("it ends with %v", err)
			}
		})
	}
}

func TestQueue_MeasuresHowLongRequestsStandStillBehindTheWaitingLock(t *testing.T) {
	deaf := func(ctx context.Context, d *database, command migration.Command) (migration.Result, error) {
		command.LockTimeout = 0
		return careful(ctx, d, command)
	}
	dirty := func(ctx context.Context, d *database, command migration.Command) (migration.Result, error) {
		if d.has("dirty") {
			return said("the schema is dirty")
		}
		result, err := careful(ctx, d, command)
		if result.Status != 0 {
			d.steps = append(d.steps, "dirty")
		}
		return result, err
	}
	rate := migration.Rate{PerSecond: 10, Of: "the declared traffic"}
	for _, c := range []struct {
		claim   string
		program func(context.Context, *database, migration.Command) (migration.Result, error)
		change  func(l *migration.Lab)
		want    []string
		says    []string
	}{
		{"the lock timeout bounds it", careful, func(*migration.Lab) {}, []string{"warning migration.queue public.orders"},
			[]string{"stand still for 2s", "without one it would be the whole 4.5s", "at the rate of the declared traffic, 10 requests a second, up to 20 of them", "a lower policy.lock_timeout"}},
		{"the lock timeout is below the budget", careful, func(l *migration.Lab) { l.Options.LockTimeout = 400 * time.Millisecond }, nil,
			[]string{"behind a long transaction requests stood still for"}},
		{"the lock timeout is not kept", deaf, func(*migration.Lab) {}, []string{"blocking migration.queue public.orders"},
			[]string{"it did not keep to the lock_timeout of 2s", "stand still for 4.5s"}},
		{"none is handed over", careful, func(l *migration.Lab) { l.Options.LockTimeout = 0 }, []string{"blocking migration.queue public.orders"},
			[]string{"no lock_timeout below 5s bounds it", "stand still for 5s"}},
		{"a try in vain leaves the next one no way", dirty, func(*migration.Lab) {}, []string{"blocking migration.queue public.orders"},
			[]string{"at try 2: the schema is dirty", "leave nothing behind"}},
		{"it is tried once", careful, func(l *migration.Lab) { l.Options.Tries = 1 }, []string{"warning migration.queue public.orders"},
			[]string{"exit status 1 at try 1: canceling statement due to lock timeout"}},
		{"nothing is locked strongly", careful, func(l *migration.Lab) { l.First.Observation.Locks[0].Mode = "ShareUpdateExclusiveLock" }, nil,
			[]string{"no lock of it holds up"}},
		{"only what it made itself is locked", careful, func(l *migration.Lab) { l.First.Observation.Locks[0].New = true }, nil, []string{"no lock of it holds up"}},
	} {
		t.Run(c.claim, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDatabase(c.program)
				l := lab(d, "a", "b", "c", "d")
				c.change(&l)
				tried, err := migration.Queue(t.Context(), l, d, rate)
				holds(t, tried, err, c.want, c.says...)
				if limit := l.Options.LockTimeout.Seconds(); c.want == nil && len(tried.Figures) > 0 && (tried.Figures[0].Value < limit-0.1 || tried.Figures[0].Value > limit+0.1) {
					t.Errorf("measured %v", tried.Figures)
				}
				if len(d.free) != 1 {
					t.Error("the long transaction is still there")
				}
			})
		})
	}
}

// distant is a database whose answers are a while under way.
type distant struct{ *database }

func (d distant) Ask(ctx context.Context, target migration.Target) error {
	if err := d.database.Ask(ctx, target); err != nil {
		return err
	}
	select {
	case <-time.After(5 * time.Millisecond):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestQueue_CountsARequestThatStoodStillUntilTheCommandEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDatabase(careful)
		l := lab(d, "a", "b", "c", "d")
		l.Options.Tries = 1
		tried, err := migration.Queue(t.Context(), l, distant{d}, migration.Rate{})
		holds(t, tried, err, []string{"warning migration.queue public.orders"}, "stand still for 2s")
	})
}

func TestQueue_EndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		why := errors.New("cancelled by ada")
		time.AfterFunc(time.Second, func() { cancel(why) })
		d := newDatabase(careful)
		if _, err := migration.Queue(ctx, lab(d, "a", "b", "c", "d"), d, migration.Rate{}); !errors.Is(err, why) {
			t.Errorf("it ended with %v", err)
		}
		if len(d.free) != 1 {
			t.Error("the long transaction is still there")
		}
	})
}

func TestTargets_AreWhatReadersOrWritersHaveToWaitFor(t *testing.T) {
	lock := func(relation, kind, mode string) understudy.ObservedLock {
		return understudy.ObservedLock{Relation: relation, Kind: kind, Mode: mode}
	}
	got := migration.Targets(understudy.Observation{Locks: []understudy.ObservedLock{
		lock("a", "table", "ShareLock"), lock("b", "partitioned table", "AccessExclusiveLock"), lock("a", "table", "AccessExclusiveLock"),
		lock("c", "table", "ShareRowExclusiveLock"), lock("d", "table", "RowExclusiveLock"), lock("i", "index", "AccessExclusiveLock"), lock("v", "view", "AccessExclusiveLock"),
	}, Elsewhere: []understudy.Observation{{Database: "archive", Locks: []understudy.ObservedLock{lock("a", "table", "ShareLock")}}}})
	want := []migration.Target{{Relation: "a"}, {Relation: "b"}, {Relation: "c", Writes: true}, {Database: "archive", Relation: "a", Writes: true}}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	var many []understudy.ObservedLock
	for n := range 12 {
		many = append(many, lock(fmt.Sprint(n), "table", "ShareLock"))
	}
	got = migration.Targets(understudy.Observation{Locks: many, Elsewhere: []understudy.Observation{{Database: "archive", Locks: many[:2]}, {Database: "stock", Locks: many}}})
	of := map[string]int{}
	for _, target := range got {
		of[target.Database]++
	}
	if len(of) != 3 || of[""] != 8 || of["archive"] != 2 || of["stock"] != 8 {
		t.Errorf("of each database there are %v", of)
	}
}
