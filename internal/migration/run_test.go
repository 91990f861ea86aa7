package migration_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"understudy"
	"understudy/internal/migration"
)

// turn is what one run of the command comes to.
type turn struct {
	status int
	output string
	err    error
	takes  time.Duration
	deaf   bool // it does not say that it was ended
}

// team plays the command and the watcher, and counts.
type team struct {
	turns                    []turn
	runs, watched, stopped   int
	commands                 []migration.Command
	watchErr, stopErr        error
	stoppedWithLivingContext bool
}

func (m *team) RunMigration(ctx context.Context, command migration.Command) (migration.Result, error) {
	m.commands = append(m.commands, command)
	now := m.turns[min(m.runs, len(m.turns)-1)]
	m.runs++
	select {
	case <-time.After(now.takes):
		return migration.Result{Status: now.status, Output: now.output}, now.err
	case <-ctx.Done():
		if now.deaf {
			return migration.Result{Status: -1, Output: "signal: killed"}, nil
		}
		return migration.Result{Status: -1}, ctx.Err()
	}
}

func (m *team) Watch(context.Context) (func(context.Context) (understudy.Observation, error), error) {
	m.watched++
	return func(ctx context.Context) (understudy.Observation, error) {
		m.stopped++
		m.stoppedWithLivingContext = ctx.Err() == nil
		return understudy.Observation{LogBytes: 42}, m.stopErr
	}, m.watchErr
}

func (m *team) run(ctx context.Context) (migration.Ran, error) {
	return migration.Run(ctx, m, m, migration.Options{
		Args: []string{"up"}, Timeout: time.Minute, LockTimeout: 2 * time.Second, Tries: 3,
		LockTimedOut: func(output string) bool { return strings.Contains(output, "lock timeout") },
		Pause: func(ctx context.Context, try int) error {
			select {
			case <-time.After(time.Duration(try) * time.Second):
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		},
	})
}

func TestRun_TriesAgainOnlyAfterALockTimeout(t *testing.T) {
	locked := turn{status: 1, output: "ERROR: canceling statement due to lock timeout"}
	for _, c := range []struct {
		claim string
		turns []turn
		tries int
		ok    bool
		took  time.Duration
	}{
		{"it runs through", []turn{{takes: time.Second}}, 1, true, time.Second},
		{"it fails", []turn{{status: 1, output: "syntax error"}}, 1, false, 0},
		{"a lock timeout, then it runs through", []turn{locked, {}}, 2, true, time.Second},
		{"lock timeouts to the last try", []turn{locked}, 3, false, 3 * time.Second},
		{"a lock timeout, then it fails", []turn{locked, {status: 1, output: "syntax error"}}, 2, false, time.Second},
		{"it hangs", []turn{{takes: time.Hour}, {}}, 1, false, time.Minute},
		{"it runs through, though the words are there", []turn{{output: "waiting for lock timeout"}}, 1, true, 0},
	} {
		t.Run(c.claim, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &team{turns: c.turns}
				ran, err := m.run(t.Context())
				if err != nil || ran.Tries != c.tries || m.runs != c.tries || ran.OK() != c.ok || ran.Took != c.took {
					t.Errorf("%+v, %v after %d runs", ran, err, m.runs)
				}
				if m.watched != 1 || m.stopped != 1 || ran.Observation.LogBytes != 42 {
					t.Errorf("watched %d times, stopped %d times, saw %+v", m.watched, m.stopped, ran.Observation)
				}
				for _, command := range m.commands {
					if command.LockTimeout != 2*time.Second || command.Args[0] != "up" {
						t.Errorf("the command is %+v", command)
					}
				}
			})
		})
	}
}

func TestRun_AHangAtItsDeadlineIsAResult(t *testing.T) {
	for _, deaf := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			m := &team{turns: []turn{{takes: time.Hour, deaf: deaf}}}
			if ran, err := m.run(t.Context()); err != nil || !ran.Hung || ran.OK() || ran.Took != time.Minute {
				t.Errorf("%+v, %v", ran, err)
			}
		})
	}
}

func TestRun_WhatRanThroughAtTheLastMomentDidNotHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &team{}
		ran, err := migration.Run(t.Context(), late{}, m, migration.Options{Timeout: time.Minute})
		if err != nil || ran.Hung || !ran.OK() {
			t.Errorf("%+v, %v", ran, err)
		}
	})
}

// late ends well just after its deadline.
type late struct{}

func (late) RunMigration(ctx context.Context, _ migration.Command) (migration.Result, error) {
	<-ctx.Done()
	return migration.Result{}, nil
}

func TestRun_ACancelIsAnErrorWheneverItComes(t *testing.T) {
	asked := errors.New("ada asked to go back")
	for claim, turns := range map[string][]turn{
		"while it runs":                       {{takes: time.Hour}},
		"while it runs, and it does not tell": {{takes: time.Hour, deaf: true}},
		"in the pause after a lock timeout":   {{status: 1, output: "lock timeout", takes: 9500 * time.Millisecond}},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			time.AfterFunc(10*time.Second, func() { cancel(asked) })
			m := &team{turns: turns}
			ran, err := m.run(ctx)
			if err == nil || ran.Hung || m.runs != 1 {
				t.Errorf("%s: %+v, %v after %d runs", claim, ran, err, m.runs)
			}
			if m.stopped != 1 || !m.stoppedWithLivingContext {
				t.Errorf("%s: stopped %d times, with a context that lives: %t", claim, m.stopped, m.stoppedWithLivingContext)
			}
		})
	}
}

func TestRun_TheWatchIsStoppedOnceWhateverHappens(t *testing.T) {
	broken := errors.New("no such program")
	lost := errors.New("the server ended")
	for _, c := range []struct {
		claim            string
		turn             turn
		watch, stop      error
		want             []error
		watched, stopped int
	}{
		{"all is well", turn{}, nil, nil, nil, 1, 1},
		{"the command cannot be run", turn{err: broken}, nil, nil, []error{broken}, 1, 1},
		{"what was seen is lost", turn{}, nil, lost, []error{lost}, 1, 1},
		{"both", turn{err: broken}, nil, lost, []error{broken, lost}, 1, 1},
		{"it cannot be watched", turn{}, lost, nil, []error{lost}, 1, 0},
	} {
		m := &team{turns: []turn{c.turn}, watchErr: c.watch, stopErr: c.stop}
		_, err := m.run(t.Context())
		if (err == nil) != (len(c.want) == 0) {
			t.Errorf("%s: %v", c.claim, err)
		}
		for _, want := range c.want {
			if !errors.Is(err, want) {
				t.Errorf("%s: %v does not say %v", c.claim, err, want)
			}
		}
		if m.stopped != c.stopped || c.watch != nil && m.runs != 0 {
			t.Errorf("%s: stopped %d times after %d runs", c.claim, m.stopped, m.runs)
		}
	}
}

func budget() migration.Budget {
	return migration.Budget{BlockedFor: time.Second, LockTimeout: 2 * time.Second, Timeout: 10 * time.Minute}
}

func blocked(relation, wanted, by string, d time.Duration) understudy.ObservedWait {
	return understudy.ObservedWait{Who: "shop web", Relation: relation, Wanted: wanted, By: by, For: d}
}

func TestJudge(t *testing.T) {
	seen := func(change func(o *understudy.Observation)) migration.Ran {
		ran := migration.Ran{Tries: 1, Took: 3 * time.Second}
		change(&ran.Observation)
		return ran
	}
	for _, c := range []struct {
		claim string
		ran   migration.Ran
		want  []string
		says  string // somewhere in the findings
	}{
		{"nothing to say", migration.Ran{Tries: 1}, nil, ""},
		{"it hung", migration.Ran{Hung: true, Tries: 1}, []string{"blocking migration.hung "}, "does not end within 10m0s"},
		{"it failed", migration.Ran{Result: migration.Result{Status: 1, Output: "ERROR: permission denied for table x"}, Tries: 1},
			[]string{"blocking migration.failed "}, "grant it in production"},
		{"it got its lock late", migration.Ran{Tries: 2}, []string{"warning migration.lock-timeout "}, "at try 2: the tries before met a lock timeout (2s)"},
		{"blocked within the budget", seen(func(o *understudy.Observation) {
			o.Waits = []understudy.ObservedWait{blocked("public.orders", "RowExclusiveLock", "CREATE INDEX a ON orders (b)", time.Second)}
		}), nil, ""},
		{"blocked beyond it, the worst of each table", seen(func(o *understudy.Observation) {
			o.Waits = []understudy.ObservedWait{
				blocked("public.users", "AccessShareLock", "ALTER TABLE users ALTER a TYPE bigint", 2*time.Second),
				blocked("public.orders", "RowExclusiveLock", "CREATE INDEX a ON orders (b)", 4*time.Second),
				blocked("public.orders", "RowExclusiveLock", "x", 5*time.Millisecond),
			}
		}), []string{"blocking migration.blocked public.orders", "blocking migration.blocked public.users"}, "writers of public.orders for 4s"},
		{"readers too", seen(func(o *understudy.Observation) {
			o.Waits = []understudy.ObservedWait{blocked("public.users", "AccessShareLock", "ALTER TABLE users ALTER a TYPE bigint", 2*time.Second)}
		}), []string{"blocking migration.blocked public.users"}, "readers and writers of public.users"},
		{"left behind", seen(func(o *understudy.Observation) {
			o.Tables = []understudy.TableChange{{Relation: "public.users", Rewritten: true, Bytes: 3 << 20, Rows: 12,
				Columns: []understudy.ColumnChange{{Name: "mail", LostStatistics: true}}}}
			o.Indexes = []understudy.IndexChange{{Name: "public.users_mail", Invalid: true}}
		}), []string{"warning migration.rewrite public.users", "blocking migration.invalid-index public.users_mail", "warning migration.lost-statistics public.users.mail"},
			"about 12 rows, 3 MB copied"},
	} {
		var got []string
		all := ""
		for _, f := range migration.Judge(c.ran, budget()) {
			got = append(got, fmt.Sprintf("%s %s %s", f.Severity, f.Code, f.Subject))
			all += f.Title + "\n" + f.Would + "\n" + f.Seen + "\n" + f.Remedy + "\n"
		}
		if fmt.Sprint(got) != fmt.Sprint(c.want) || !strings.Contains(all, c.says) || strings.ContainsAny(all, "{}") {
			t.Errorf("%s: %q, want %q that say %q:\n%s", c.claim, got, c.want, c.says, all)
		}
	}
}

func TestJudge_TheSameRunGivesTheSameFindings(t *testing.T) {
	ran := migration.Ran{Tries: 1}
	for i := range 9 {
		relation := fmt.Sprintf("public.t%d", i)
		ran.Observation.Waits = append(ran.Observation.Waits, blocked(relation, "RowExclusiveLock", "x", 2*time.Second))
		ran.Observation.Locks = append(ran.Observation.Locks, understudy.ObservedLock{Relation: relation, Kind: "table", Mode: "AccessExclusiveLock"})
	}
	want := fmt.Sprint(migration.Judge(ran, budget()))
	for range 20 {
		if got := fmt.Sprint(migration.Judge(ran, budget())); got != want {
			t.Fatalf("%s\nand then\n%s", want, got)
		}
	}
}

func TestJudge_WhatWasSampledIsInexact(t *testing.T) {
	ran := migration.Ran{Tries: 1}
	ran.Observation.Waits = []understudy.ObservedWait{blocked("public.users", "RowExclusiveLock", "x", 2*time.Second)}
	ran.Observation.Indexes = []understudy.IndexChange{{Name: "public.users_mail", Invalid: true}}
	for _, exact := range []bool{false, true} {
		ran.Observation.Exact.Waits = exact
		for _, f := range migration.Judge(ran, budget()) {
			if want := !exact && f.Code == "migration.blocked"; f.Inexact != want {
				t.Errorf("exact %t: %s is inexact: %t", exact, f.Code, f.Inexact)
			}
		}
	}
}

func TestJudge_TheRemedyFitsTheStatement(t *testing.T) {
	for by, want := range map[string]string{
		"create unique index a on t (b)":               "CONCURRENTLY",
		"ALTER TABLE t ALTER COLUMN a TYPE bigint":     "column of the new type",
		"ALTER TABLE t ALTER COLUMN a SET NOT NULL":    "NOT VALID",
		"ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0)": "add the constraint NOT VALID",
		"ALTER TABLE t ADD b int REFERENCES u":         "add the constraint NOT VALID",
		"UPDATE t SET a = 1":                           "in batches",
		"delete from t":                                "in batches",
		"LOCK TABLE t":                                 "do without the lock",
		"ALTER TABLE t ENABLE TRIGGER a":               "keep the transaction that takes this lock short",
	} {
		ran := migration.Ran{Tries: 1}
		ran.Observation.Waits = []understudy.ObservedWait{blocked("public.t", "RowExclusiveLock", by, 2*time.Second)}
		if f := migration.Judge(ran, budget()); len(f) != 1 || !strings.Contains(f[0].Remedy, want) || f[0].Hurt != 2 {
			t.Errorf("%s: %+v, want %q", by, f, want)
		}
	}
}

func TestLastLines_IsTheEndOnOneLine(t *testing.T) {
	if got := migration.LastLines("a\nb\nc\nd\n", 2); got != "c / d" {
		t.Errorf("%q", got)
	}
	if got := migration.LastLines("", 3); got != "" {
		t.Errorf("%q", got)
	}
}
