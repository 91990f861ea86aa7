package migration_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"understudy"
	"understudy/internal/migration"
)

// production plays the database of production and whoever looks at it, and the command,
// which takes its time in each try.
type production struct {
	takes []time.Duration // by try
	sees  func(try int, after time.Duration) migration.Sight
	busy  func(after time.Duration) (migration.Busy, error)
	left  int

	mu    sync.Mutex
	try   int
	began time.Time
	first time.Time
	ended int
	told  []string
}

func (p *production) RunMigration(ctx context.Context, _ migration.Command) (migration.Result, error) {
	p.mu.Lock()
	p.began = time.Now()
	takes := p.takes[min(p.try, len(p.takes)-1)]
	p.try++
	p.mu.Unlock()
	select {
	case <-time.After(takes):
		return migration.Result{}, nil
	case <-ctx.Done():
		return migration.Result{Status: -1, Output: "killed"}, errors.New("it was ended")
	}
}

func (p *production) Look(context.Context) (migration.Sight, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sees == nil {
		return migration.Sight{}, errors.New("the server does not answer")
	}
	return p.sees(p.try, time.Since(p.began)), nil
}

func (p *production) Busy(_ context.Context, wanted map[string]string) (migration.Busy, error) {
	if wanted["public.notes"] != "AccessExclusiveLock" || wanted["archive/public.kept"] != "ShareLock" || len(wanted) != 2 {
		return migration.Busy{}, errors.New("asked for other locks than were rehearsed")
	}
	if p.first.IsZero() {
		p.first = time.Now()
	}
	if p.busy == nil {
		return migration.Busy{}, nil
	}
	return p.busy(time.Since(p.first))
}

func (p *production) End(context.Context) (int, error) {
	p.ended++
	return p.left, nil
}

// guarded runs the migration on production as the promotion does.
func (p *production) guarded(t *testing.T, expected *understudy.Expectation) (migration.Ran, error) {
	g := &migration.Guard{
		Commander: p, Lookout: p, Rules: migration.Rules{Expected: expected, BlockedFor: time.Second}, Patience: 30 * time.Second,
		Tell: func(text string) { p.told = append(p.told, text) },
	}
	return migration.Run(t.Context(), g, g, migration.Options{
		Timeout: time.Hour, Tries: 3, Before: g.Before, Pause: func(context.Context, int) error { return nil },
	})
}

func expected() *understudy.Expectation {
	return &understudy.Expectation{
		Locks:     []understudy.ExpectedLock{{Relation: "public.notes", Kind: "table", Mode: "AccessExclusiveLock"}, {Relation: "public.notes_key", Kind: "index", Mode: "AccessExclusiveLock"}, {Relation: "archive/public.kept", Kind: "table", Mode: "ShareLock"}},
		Elsewhere: []string{"archive"}, Exact: understudy.Exactness{Locks: true}, Runs: []time.Duration{time.Second, 2 * time.Second}, Low: time.Second, High: 2 * time.Second,
	}
}

func locks(relation, mode string) []migration.SeenLock {
	return []migration.SeenLock{{Relation: relation, Kind: "table", Mode: mode}}
}

func TestGuard_StopsAtTheFirstSurprise(t *testing.T) {
	sampled, old := expected(), (*understudy.Expectation)(nil)
	sampled.Exact = understudy.Exactness{}
	waits := func(d time.Duration, queued bool) []understudy.ObservedWait {
		return []understudy.ObservedWait{{Who: "notes web", Relation: "public.notes", For: d, Queued: queued}}
	}
	for _, c := range []struct {
		claim    string
		expected *understudy.Expectation
		takes    time.Duration
		sees     migration.Sight
		why      string
	}{
		{"all as rehearsed", expected(), 2 * time.Second, migration.Sight{Locks: locks("public.notes", "AccessExclusiveLock")}, ""},
		{"a weaker lock than rehearsed", expected(), time.Second, migration.Sight{Locks: locks("public.notes", "ShareLock")}, ""},
		{"a weak lock on another table", expected(), time.Second, migration.Sight{Locks: locks("public.users", "RowExclusiveLock")}, ""},
		{"a lock on another table", expected(), time.Minute, migration.Sight{Locks: locks("public.users", "ShareLock")}, "it takes SHARE on public.users, which the rehearsal did not see"},
		{"a partition made since", expected(), time.Second, migration.Sight{Locks: []migration.SeenLock{{Relation: "public.notes_7", Of: "public.notes", Mode: "AccessExclusiveLock"}}}, ""},
		{"a lock that it has not got yet", expected(), time.Minute, migration.Sight{Locks: []migration.SeenLock{{Relation: "public.users", Mode: "AccessExclusiveLock", Waiting: true}}}, "it wants ACCESS EXCLUSIVE on public.users"},
		{"another lock, where the rehearsal only took samples", sampled, time.Second, migration.Sight{Locks: locks("public.users", "ShareLock")}, ""},
		{"another lock, where nothing is attested", old, time.Minute, migration.Sight{Locks: locks("public.users", "ShareLock")}, ""},
		{"a lock that was seen, in another database", expected(), time.Minute, migration.Sight{Locks: []migration.SeenLock{{Database: "archive", Relation: "public.notes", Mode: "AccessExclusiveLock"}}}, "it takes ACCESS EXCLUSIVE on archive/public.notes, which the rehearsal did not see"},
		{"as rehearsed in another database", expected(), time.Second, migration.Sight{Locks: []migration.SeenLock{{Database: "archive", Relation: "public.kept", Mode: "ShareLock"}, {Database: "archive", Relation: "public.kept_7", Of: "public.kept", Mode: "ShareLock"}}}, ""},
		{"a lock in a database of which nothing is attested", expected(), time.Second, migration.Sight{Locks: []migration.SeenLock{{Database: "stock", Relation: "public.notes", Mode: "AccessExclusiveLock"}}}, ""},
		{"longer than expected, within reason", expected(), 11 * time.Second, migration.Sight{}, ""},
		{"too long", expected(), time.Minute, migration.Sight{}, "it runs for longer than 12s, and 1–2 s was expected by 2 runs"},
		{"too long, where nothing is attested", old, time.Minute, migration.Sight{}, ""},
		{"others wait for it", expected(), time.Minute, migration.Sight{Waits: waits(1100*time.Millisecond, false)}, "notes web waits for more than 1s for it on public.notes"},
		{"others wait for it, where nothing is attested", old, time.Minute, migration.Sight{Waits: waits(1100*time.Millisecond, false)}, "notes web waits"},
		{"others wait for a moment", expected(), time.Second, migration.Sight{Waits: waits(900*time.Millisecond, false)}, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			c.sees.Statement = "ALTER TABLE notes"
			p := &production{takes: []time.Duration{c.takes}, left: 2, sees: func(int, time.Duration) migration.Sight { return c.sees }}
			ran, err := p.guarded(t, c.expected)
			var surprise *migration.Surprise
			switch {
			case c.why == "" && (err != nil || !ran.OK() || p.ended != 0):
				t.Errorf("%s: %v", c.claim, err)
			case c.why != "" && (!errors.As(err, &surprise) || !strings.HasPrefix(surprise.Why, c.why) || surprise.Statement != "ALTER TABLE notes" || surprise.Left != 2 || p.ended != 1 || p.try != 1):
				t.Errorf("%s: %+v, %v; its sessions were ended %d times in %d tries", c.claim, surprise, err, p.ended, p.try)
			}
		})
	}
}

func TestRules_SayOfWhichDatabasesNothingIsHeld(t *testing.T) {
	r := migration.Rules{Expected: expected(), Elsewhere: []string{"archive"}}
	if unheld := r.Unheld(); unheld != "" {
		t.Errorf("of what is attested it says %q", unheld)
	}
	r.Elsewhere = append(r.Elsewhere, "stock")
	if unheld := r.Unheld(); unheld != "the verdict says nothing of locks in database stock, so none there is a surprise" {
		t.Errorf("%q", unheld)
	}
}

func TestGuard_LetsOneThatEndedInTimeBeThoughTheLastLookWasSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limit := expected().Limit()
		p := &production{takes: []time.Duration{limit - 50*time.Millisecond}, sees: func(_ int, after time.Duration) migration.Sight {
			if after > limit-100*time.Millisecond {
				time.Sleep(time.Second)
			}
			return migration.Sight{}
		}}
		if ran, err := p.guarded(t, expected()); err != nil || !ran.OK() || p.ended != 0 {
			t.Errorf("it ended with %+v, %v, and its sessions were ended %d times", ran.Result, err, p.ended)
		}
	})
}

func TestGuard_StepsBackFromAQueueAndTriesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &production{takes: []time.Duration{time.Minute, time.Second}, sees: func(try int, after time.Duration) (s migration.Sight) {
			if try == 1 && after > 1500*time.Millisecond {
				s.Waits = []understudy.ObservedWait{{Who: "notes web", For: after, Queued: true}}
			}
			return s
		}}
		ran, err := p.guarded(t, expected())
		if err != nil || !ran.OK() || ran.Tries != 2 || p.ended != 1 || ran.Last != time.Second {
			t.Errorf("%+v, %v", ran, err)
		}
		if len(p.told) != 1 || !strings.Contains(p.told[0], "while it waits for its own lock") {
			t.Errorf("it told %q", p.told)
		}
	})
}

func TestGuard_GoesOnWhereItCannotLookAndSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &production{takes: []time.Duration{time.Second}}
		ran, err := p.guarded(t, expected())
		if err != nil || !ran.OK() || len(ran.Observation.Notes) != 1 || !strings.Contains(ran.Observation.Notes[0], "the server does not answer") {
			t.Errorf("%+v, %v", ran, err)
		}
	})
	synctest.Test(t, func(t *testing.T) { // its time is known all the same
		p := &production{takes: []time.Duration{time.Minute}}
		var surprise *migration.Surprise
		if _, err := p.guarded(t, expected()); !errors.As(err, &surprise) {
			t.Errorf("%v", err)
		}
	})
}

func TestGuard_RemembersWhatItSaw(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &production{takes: []time.Duration{time.Second}, sees: func(int, time.Duration) migration.Sight {
			return migration.Sight{Locks: append(locks("public.notes", "AccessExclusiveLock"), locks("public.users", "AccessShareLock")...)}
		}}
		ran, err := p.guarded(t, expected())
		if err != nil || len(ran.Observation.Locks) != 1 || ran.Observation.Locks[0].Relation != "public.notes" || ran.Observation.Exact.Locks {
			t.Errorf("%+v, %v", ran.Observation, err)
		}
	})
}

func TestGuard_WaitsForAQuietMoment(t *testing.T) {
	holder := func(age time.Duration, sure bool) migration.Busy {
		return migration.Busy{Holders: []migration.Holder{{Who: "notes report", Relation: "public.notes", Mode: "AccessShareLock", Age: age, Sure: sure}}}
	}
	for _, c := range []struct {
		claim       string
		busy        func(after time.Duration) (migration.Busy, error)
		least, most time.Duration
		told        []string // in order, parts of it
	}{
		{"nobody is there", nil, 0, 0, nil},
		{"a short transaction", func(time.Duration) (migration.Busy, error) { return holder(50*time.Millisecond, true), nil }, 0, 0, nil},
		{"a long transaction that ends", func(after time.Duration) (migration.Busy, error) {
			if after < 3*time.Second {
				return holder(time.Minute+after, true), nil
			}
			return migration.Busy{Active: 4}, nil
		}, 3 * time.Second, 4 * time.Second, []string{"try 1 waits for a quiet moment, 30s at most: notes report has held public.notes (ACCESS SHARE) in a transaction for 1m0s", "4 sessions at work"}},
		{"one that does not end", func(time.Duration) (migration.Busy, error) { return holder(time.Hour, true), nil }, 30 * time.Second, 31 * time.Second,
			[]string{"waits for a quiet moment", "not quiet after 30"}},
		{"one of which it cannot be told, and that ends", func(after time.Duration) (migration.Busy, error) {
			if after < 500*time.Millisecond {
				return holder(after, false), nil
			}
			return migration.Busy{}, nil
		}, 500 * time.Millisecond, time.Second, nil},
		{"others of which it cannot be told, again and again", func(time.Duration) (migration.Busy, error) { return holder(50*time.Millisecond, false), nil }, time.Second, 1300 * time.Millisecond, nil},
		{"somebody waits there", func(after time.Duration) (migration.Busy, error) {
			if after < time.Second {
				return migration.Busy{Waiting: 2}, nil
			}
			return migration.Busy{}, nil
		}, time.Second, 1300 * time.Millisecond, []string{"2 sessions wait", "quiet after"}},
		{"it cannot be seen", func(time.Duration) (migration.Busy, error) { return migration.Busy{}, errors.New("no answer") }, 0, 0, []string{"could not be seen"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := &production{takes: []time.Duration{time.Second}, busy: c.busy, sees: func(int, time.Duration) migration.Sight { return migration.Sight{} }}
			ran, err := p.guarded(t, expected())
			waited := ran.Took - time.Second
			ok := err == nil && ran.OK() && waited >= c.least && waited <= c.most && len(p.told) == len(c.told) && ran.Last == time.Second
			for i, part := range c.told {
				ok = ok && strings.Contains(p.told[i], part)
			}
			if !ok {
				t.Errorf("%s: waited %s and told %q: %v", c.claim, waited, p.told, err)
			}
		})
	}
}

func TestGuard_EndsTheSessionsOfACommandThatWasToldToStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(2*time.Second, func() { cancel(errors.New("ada asked to go back")) })
		p := &production{takes: []time.Duration{time.Minute}, sees: func(int, time.Duration) migration.Sight { return migration.Sight{} }}
		g := &migration.Guard{Commander: p, Lookout: p, Tell: func(string) {}}
		_, err := g.RunMigration(ctx, migration.Command{})
		if surprise := new(migration.Surprise); err == nil || errors.As(err, &surprise) || p.ended != 1 {
			t.Errorf("%v; its sessions were ended %d times", err, p.ended)
		}
	})
}

func TestGuard_WaitsNoLongerThanTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		asked := errors.New("ada asked to go back")
		time.AfterFunc(2*time.Second, func() { cancel(asked) })
		g := &migration.Guard{Rules: migration.Rules{Expected: expected()}, Patience: time.Minute, Tell: func(string) {}, Lookout: &production{busy: func(time.Duration) (migration.Busy, error) {
			return migration.Busy{Waiting: 1}, nil
		}}}
		if err := g.Before(ctx, 1); !errors.Is(err, asked) {
			t.Errorf("%v", err)
		}
	})
}

func TestState_SaysWhatThingsAreIn(t *testing.T) {
	for _, c := range []struct {
		claim string
		state migration.State
		want  []string
	}{
		{"nothing happened", migration.State{Old: "v1"}, []string{"nothing of the schema has changed; rows that it had committed stay", "v1 serves on, on the schema that it had"}},
		{"half of it", migration.State{Statement: "CREATE INDEX", Status: "version 7 of 9", Changes: []string{"a", "b", "c", "d", "e", "f", "g"}, Invalid: []string{"public.i"}, Left: 1, Old: "v1", OldRunsOnNew: true},
			[]string{"it was running: CREATE INDEX", "its status command says: version 7 of 9", "committed, and stays: a; b; c; d; e; and 2 more", "left invalid, to be dropped before the next try: index public.i",
				"1 sessions of it could not be ended, and may go on: end them with pg_terminate_backend, as a role that may", "v1 serves on; it was seen to work on the whole new schema, and this may be a part of it"}},
		{"nobody knows", migration.State{Unknown: "no answer", Old: "v1"}, []string{"how far the schema has come could not be read: no answer", "v1 serves on; it is not known to work on the new schema"}},
	} {
		if got := c.state.Sentences(); !slices.Equal(got, c.want) {
			t.Errorf("%s:\n%q, want\n%q", c.claim, got, c.want)
		}
	}
}
