package rehearsal_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"understudy"
	"understudy/internal/rehearsal"
)

// found is what a whole rehearsal found: "severity code" by check, checks without findings left out.
func (w *world) found() map[string][]string {
	out := map[string][]string{}
	for _, name := range understudy.Checks() {
		if codes := w.codes(name); len(codes) > 0 {
			out[name] = codes
		}
	}
	return out
}

// sound is a story in which nothing is wrong, changed.
func sound(change func(s *story)) story {
	s := story{candidate: candidate()}
	change(&s)
	return s
}

// whenServing fails requests while the door sends to a part.
func whenServing(part rehearsal.Part, class string) func(state, int) string {
	return func(at state, _ int) string {
		if at.serving == part {
			return class
		}
		return ""
	}
}

func TestLooks_FindWhatWouldGoWrongAndNothingElse(t *testing.T) {
	everyNth := func(nth int, class string) func(state, int) string {
		return func(_ state, n int) string {
			if n%nth == 0 {
				return class
			}
			return ""
		}
	}
	lostInSwitch := func(at state, n int) string {
		if at.serving == rehearsal.Candidate && at.switched < 100*time.Millisecond { // while the old one drains
			return "GET / → 502"
		}
		return ""
	}
	whileMigrating := func(way string) func(state, int) string {
		return func(at state, _ int) string {
			if at.migrating == way {
				return "POST /orders → 500"
			}
			return ""
		}
	}
	afterTheNewOneWrote := func(at state, _ int) string {
		if at.serving == rehearsal.Baseline && at.wrote && at.schema == "new" {
			return "GET /orders → 500"
		}
		return ""
	}
	afterTheWayBack := func(at state, _ int) string {
		if at.serving == rehearsal.Baseline && at.wrote && at.schema == "old" {
			return "GET /orders → 500"
		}
		return ""
	}
	migrated := func(change func(m *rehearsal.Migrated)) func(rehearsal.Copy) rehearsal.Migrated {
		return func(rehearsal.Copy) rehearsal.Migrated {
			m := rehearsal.Migrated{OK: true, Took: time.Second}
			change(&m)
			return m
		}
	}
	const passed, failed, untold = understudy.RehearsalPassed, understudy.RehearsalFailed, understudy.RehearsalInconclusive
	for _, c := range []struct {
		claim string
		story story
		ends  understudy.RehearsalState
		found map[string][]string
	}{
		{"noise before the migration is not blamed", sound(func(s *story) { s.answer = everyNth(9, "GET /search → 500") }), passed, nil},
		{"a way to the outside", sound(func(s *story) { s.leaks = []string{"smtp to 203.0.113.1", "dns"} }), failed,
			map[string][]string{"twin": {"blocking seal.leaked", "blocking seal.leaked"}}},
		{"requests fail while it migrates", sound(func(s *story) { s.answer = whileMigrating("up"); s.up = migrated(func(*rehearsal.Migrated) {}) }), failed,
			map[string][]string{"migration": {"blocking migration.failed-requests"}}},
		{"the old release breaks on the new schema", stories()["the old release breaks"], failed,
			map[string][]string{"compatibility": {"blocking compatibility.old-release-breaks"}, "rollback": {"blocking rollback.old-release-breaks"}}},
		{"requests are lost in the switch", sound(func(s *story) { s.answer = lostInSwitch }), failed,
			map[string][]string{"deployment": {"blocking deployment.requests-lost"}}},
		{"requests are cut off", sound(func(s *story) { s.cut = 3 }), failed,
			map[string][]string{"deployment": {"blocking deployment.requests-lost"}}},
		{"the new release has errors", sound(func(s *story) { s.answer = whenServing(rehearsal.Candidate, "GET /cart → 500") }), failed,
			map[string][]string{"deployment": {"blocking deployment.new-errors"}}},
		{"other bits run", sound(func(s *story) {
			s.bits = []rehearsal.Bit{{Service: "web", Match: true}, {Service: "worker", Found: "another file"}}
		}), failed, map[string][]string{"deployment": {"blocking deployment.wrong-bits"}}},
		{"it runs with another configuration", sound(func(s *story) {
			s.bits = []rehearsal.Bit{{Service: "web", Match: true, Given: "a1", Config: understudy.ConfigRan{Program: "web", Print: "b2", Read: "kernel"}},
				{Service: "worker", Match: true, Given: "c3", Config: understudy.ConfigRan{Program: "worker", Print: "c3", Read: "start"}}, {Service: "old", Match: true}}
		}), failed, map[string][]string{"deployment": {"blocking deployment.wrong-configuration"}}},
		{"the old release breaks once the new one has written", sound(func(s *story) { s.answer = afterTheNewOneWrote }), failed,
			map[string][]string{"rollback": {"blocking rollback.old-release-breaks"}}},
		{"the old release breaks after the way back", sound(func(s *story) { s.answer = afterTheWayBack }), failed,
			map[string][]string{"rollback": {"blocking rollback.old-release-breaks"}}},
		{"the way back fails", sound(func(s *story) {
			s.down = migrated(func(m *rehearsal.Migrated) { m.OK, m.Said = false, "no such column" })
		}), failed,
			map[string][]string{"rollback": {"blocking rollback.down-failed"}}},
		{"the way back fails on a quiet copy only", sound(func(s *story) {
			s.down = func(on rehearsal.Copy) rehearsal.Migrated {
				return rehearsal.Migrated{OK: on == rehearsal.Work, Took: time.Second, Said: "no such column"}
			}
		}), failed, map[string][]string{"rollback": {"blocking rollback.down-failed"}}},
		{"the way back is slow", sound(func(s *story) { s.down = migrated(func(m *rehearsal.Migrated) { m.Took = 2 * time.Minute }) }), passed,
			map[string][]string{"rollback": {"warning rollback.slow"}}},
		{"the schema is not back", sound(func(s *story) { s.changes, s.orders = []string{"column phone is gone"}, []string{"public.users"} }), failed,
			map[string][]string{"rollback": {"blocking rollback.schema-differs", "note rollback.column-order"}}},
		{"data is lost", stories()["the way back loses data"], failed,
			map[string][]string{"rollback": {"blocking rollback.data-lost"}}},
		{"no way back is declared", sound(func(s *story) { s.candidate.Application.Migration.Back = understudy.WayNone }), passed,
			map[string][]string{"rollback": {"note rollback.no-way-back"}}},
		{"the contract migration fails", sound(func(s *story) {
			contracts(s)
			s.away = migrated(func(m *rehearsal.Migrated) { m.OK, m.Said = false, "no such column" })
		}), failed, map[string][]string{"rollback": {"blocking contract.failed"}}},
		{"the new release breaks on the contracted schema", sound(func(s *story) {
			contracts(s)
			s.answer = func(at state, _ int) string {
				if at.schema == "contracted" {
					return "GET / → 500"
				}
				return ""
			}
		}), failed, map[string][]string{"rollback": {"blocking contract.release-breaks"}}},
		{"a contract migration that is fine", sound(contracts), passed, nil},
		{"no migration at all", sound(func(s *story) { s.candidate.Application.Migration = nil }), passed, nil},
		{"no tests at all", sound(func(s *story) { s.candidate.Application.Tests = nil }), passed, nil},
		{"no traffic", stories()["nobody comes"], untold, nil},
		{"traffic that fails from the beginning", sound(func(s *story) { s.answer = everyNth(1, "GET / → 404") }), untold, nil},
	} {
		t.Run(c.claim, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := undisturbed(t, c.story)
				if w.rehearsal().State != c.ends {
					t.Errorf("it ends %s, want %s", w.rehearsal().State, c.ends)
				}
				if c.found == nil {
					c.found = map[string][]string{}
				}
				if diff := cmp.Diff(c.found, w.found()); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func TestMigration_WaitingIsBlamedOnLocksOnlyWhereTheyWereSeen(t *testing.T) {
	for _, c := range []struct {
		claim   string
		blocked time.Duration
		want    string
		ends    understudy.RehearsalState
	}{
		{"blocked", 2900 * time.Millisecond, "blocking migration.stalled-requests", understudy.RehearsalFailed},
		{"a slow machine", 0, "warning migration.stalled-requests", understudy.RehearsalPassed},
	} {
		t.Run(c.claim, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := undisturbed(t, sound(func(s *story) {
					s.up = func(rehearsal.Copy) rehearsal.Migrated {
						return rehearsal.Migrated{OK: true, Took: 3 * time.Second, Blocked: c.blocked}
					}
					s.stall = func(at state) time.Duration {
						if at.migrating == "up" {
							return 3 * time.Second
						}
						return 0
					}
				}))
				if got := w.codes(understudy.CheckMigration); !slices.Equal(got, []string{c.want}) || w.rehearsal().State != c.ends {
					t.Errorf("%v, and it ends %s", got, w.rehearsal().State)
				}
				m, _ := w.rehearsal().Done(understudy.CheckMigration)
				if f := m.Findings[0]; f.Hurt != 3 || strings.Contains(f.Seen, "machine may have been slow") != (c.blocked == 0) {
					t.Errorf("hurt %v, seen %q", f.Hurt, f.Seen)
				}
			})
		})
	}
}

func TestMigration_IsRunASecondTimeAsAnInterruptedPromotionWould(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs := 0
		w := undisturbed(t, sound(func(s *story) {
			s.up = func(on rehearsal.Copy) rehearsal.Migrated {
				if on == rehearsal.Work {
					runs++
				}
				return rehearsal.Migrated{OK: runs != 2 || on == rehearsal.Side, Took: time.Second, Said: "relation exists already"}
			}
		}))
		if got := w.codes(understudy.CheckMigration); !slices.Contains(got, "blocking migration.not-repeatable") || runs < 2 {
			t.Errorf("%v after %d runs", got, runs)
		}
	})
}

func TestMigration_ThatFailsLeadsToAFailedVerdictThatSaysWhatCouldNotBeLookedAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := undisturbed(t, stories()["the migration stops half way"])
		want := map[string]understudy.Outcome{
			"twin": "passed", "parity": "passed", "config": "passed", "migration": "failed", "compatibility": "inconclusive",
			"deployment": "error", "tests": "error", "flags": "passed", "rollback": "error",
		}
		for _, c := range w.rehearsal().Checks {
			if c.Outcome != want[c.Name] {
				t.Errorf("%s is %s, want %s", c.Name, c.Outcome, want[c.Name])
			}
			if c.Outcome == understudy.OutcomeError && !strings.Contains(c.Summary, "the migration did not run through") {
				t.Errorf("%s does not say why: %s", c.Name, c.Summary)
			}
		}
		if w.verdicts[rehearsalID].Outcome != understudy.OutcomeFailed || w.verdicts[rehearsalID].OldRunsOnNew {
			t.Errorf("verdict %+v", w.verdicts[rehearsalID])
		}
		if c, _ := w.rehearsal().Done(understudy.CheckCompatibility); !strings.Contains(c.Summary, "stopped half way") {
			t.Errorf("compatibility: %s", c.Summary)
		}
	})
}

func TestMigration_ThatStoppedHalfWayShowsWhatTheOldReleaseDoesThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stories()["the migration stops half way"]
		s.answer = func(at state, _ int) string {
			if at.schema == "half" {
				return "GET /feeds → 500"
			}
			return ""
		}
		w := undisturbed(t, s)
		if got := w.codes(understudy.CheckCompatibility); !slices.Equal(got, []string{"blocking compatibility.old-release-breaks"}) {
			t.Errorf("%v", got)
		}
	})
}

func TestDeployment_ACandidateThatIsNotReadyIsAFindingAndNothingAfterItPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := undisturbed(t, stories()["the candidate does not start"])
		c, _ := w.rehearsal().Done(understudy.CheckDeployment)
		if len(c.Findings) != 1 || c.Findings[0].Code != "deployment.not-ready" || c.Findings[0].Seen != "web ended with status 1" || c.Findings[0].Subject != "v2" {
			t.Errorf("%+v", c)
		}
		for _, name := range []string{understudy.CheckTests, understudy.CheckRollback} {
			if c, _ := w.rehearsal().Done(name); c.Outcome != understudy.OutcomeError || !strings.Contains(c.Summary, "web ended with status 1") {
				t.Errorf("%s is %s: %s", name, c.Outcome, c.Summary)
			}
		}
	})
}

func TestDeployment_AMachineThatCannotStartItIsNoFindingAboutTheCandidate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stories()["nothing is wrong"]
		s.notReady = understudy.Errorf(understudy.KindUnavailable, "no room on the disk")
		w := undisturbed(t, s)
		c, _ := w.rehearsal().Done(understudy.CheckDeployment)
		if c.Outcome != understudy.OutcomeError || len(c.Findings) > 0 || w.rehearsal().State != understudy.RehearsalError {
			t.Errorf("%+v, and it ends %s", c, w.rehearsal().State)
		}
	})
}

func TestTests_AFlakyOneIsNamedAndAFailingOneFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := undisturbed(t, sound(func(s *story) {
			s.test = func(name string, run int) rehearsal.Tested {
				if name == "unit" {
					return rehearsal.Tested{Passed: run > 1, Ran: 5, Failed: []string{"TestClock"}}
				}
				return rehearsal.Tested{Passed: true, Ran: 2}
			}
		}))
		c, _ := w.rehearsal().Done(understudy.CheckTests)
		if c.Outcome != understudy.OutcomePassed || len(c.Findings) != 1 || c.Findings[0].Code != "tests.flaky" || c.Findings[0].Subject != "unit" || c.Findings[0].Seen != "TestClock" {
			t.Errorf("%+v", c)
		}
		if w.tested["unit"] != 2 || w.tested["end to end"] != 1 {
			t.Errorf("runs %v", w.tested)
		}
		w = undisturbed(t, stories()["a test fails"])
		c, _ = w.rehearsal().Done(understudy.CheckTests)
		if c.Outcome != understudy.OutcomeFailed || len(c.Findings) != 1 || c.Findings[0].Code != "tests.failed" || c.Findings[0].Subject != "end to end" {
			t.Errorf("%+v", c)
		}
	})
}

func TestCompareSettings_IsTheRuleOfTheConfigCheck(t *testing.T) {
	key := func(name string) understudy.ConfigKey { return understudy.ConfigKey{Key: name} }
	unique := func(name string) understudy.ConfigKey { return understudy.ConfigKey{Key: name, Unique: true} }
	for _, c := range []struct {
		claim string
		given rehearsal.Comparison
		want  []string
		seen  string
	}{
		{"all is there", rehearsal.Comparison{
			Needs: []understudy.ConfigKey{key("A")}, Declared: []understudy.ConfigKey{key("A")}, Was: []understudy.ConfigKey{key("A")},
			Target: map[string]rehearsal.Held{"A": {Print: "1"}}, OnTwin: map[string]rehearsal.Held{"A": {Print: "1"}},
		}, nil, ""},
		{"missing in production", rehearsal.Comparison{Needs: []understudy.ConfigKey{key("A")}, OnTwin: map[string]rehearsal.Held{"A": {}}},
			[]string{"blocking config.missing A"}, "staging has it, production does not"},
		{"missing everywhere", rehearsal.Comparison{Needs: []understudy.ConfigKey{key("A")}}, []string{"blocking config.missing A"}, "nobody has it"},
		{"empty", rehearsal.Comparison{Needs: []understudy.ConfigKey{key("A")}, Target: map[string]rehearsal.Held{"A": {Empty: true}}},
			[]string{"blocking config.empty A"}, "set, and empty"},
		{"a shared credential", rehearsal.Comparison{
			Declared: []understudy.ConfigKey{unique("A")}, Was: []understudy.ConfigKey{unique("A")},
			Target: map[string]rehearsal.Held{"A": {Print: "1"}}, OnTwin: map[string]rehearsal.Held{"A": {Print: "1"}},
		}, []string{"blocking config.shared-credential A"}, "equal values (by keyed digest) in production and staging"},
		{"credentials that differ", rehearsal.Comparison{
			Declared: []understudy.ConfigKey{unique("A")}, Was: []understudy.ConfigKey{unique("A")},
			Target: map[string]rehearsal.Held{"A": {Print: "1"}}, OnTwin: map[string]rehearsal.Held{"A": {Print: "2"}},
		}, nil, ""},
		{"declared anew, and no more", rehearsal.Comparison{Declared: []understudy.ConfigKey{key("A")}, Was: []understudy.ConfigKey{key("B")}},
			[]string{"note config.added A", "note config.removed B"}, ""},
		{"on the twin only", rehearsal.Comparison{OnTwin: map[string]rehearsal.Held{"A": {}}}, []string{"warning config.only-on-twin A"}, ""},
		{"another value than now", rehearsal.Comparison{Changes: []understudy.ConfigChange{{Key: "A", Change: "changed", Service: "web", A: "20", B: "50", FromA: "x", FromB: "understudy.yaml:7"}}},
			[]string{"note config.changed A"}, "service web: 20 now (x), then 50 (understudy.yaml:7)"},
		{"set and not set", rehearsal.Comparison{Changes: []understudy.ConfigChange{{Key: "A", Change: "added", B: "50", FromB: "y"}, {Key: "B", Change: "removed", A: "secret 0a"}}},
			[]string{"note config.changed A", "note config.changed B"}, "not set"},
		{"declared anew, which says it already", rehearsal.Comparison{Declared: []understudy.ConfigKey{key("A")}, Changes: []understudy.ConfigChange{{Key: "A", Change: "added"}}},
			[]string{"note config.added A"}, ""},
		{"another value than the release's", rehearsal.Comparison{Differs: []rehearsal.Differing{{Key: "A", Default: "20", Value: "50", From: "y"}}},
			[]string{"note config.differs-from-release A"}, "20 in the release, 50 in production (y)"},
		{"rules that are not kept", rehearsal.Comparison{Broken: []rehearsal.Broken{{Environment: "production", Key: "A", Says: "A: expected at most 5"}, {Environment: "staging", Says: "too many"}}},
			[]string{"blocking config.rule-broken A", "blocking config.rule-broken "}, ""},
		{"read by nothing", rehearsal.Comparison{Unread: []rehearsal.Unread{{Key: "A", Where: "set in production"}}, Looked: "searched by name: 3 files"},
			[]string{"warning config.unused A"}, "set in production; searched by name: 3 files"},
	} {
		c.given.Environment, c.given.Twin = "production", "staging"
		var got []string
		for _, f := range rehearsal.CompareSettings(c.given) {
			got = append(got, string(f.Severity)+" "+f.Code+" "+f.Subject)
			if strings.ContainsAny(f.Title+f.Would+f.Remedy, "{}") {
				t.Errorf("%s: a blank that nobody filled in: %+v", c.claim, f)
			}
			if !strings.Contains(f.Seen, c.seen) {
				t.Errorf("%s: seen %q, want %q", c.claim, f.Seen, c.seen)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.claim, got, c.want)
		}
	}
}

func TestRollback_TakesNothingBackWhereTheMigrationChangedNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := undisturbed(t, sound(func(s *story) { s.idle = true }))
		if got := w.ends().State; got != understudy.RehearsalPassed {
			t.Errorf("a release whose schema production has already ends %s: %v", got, w.found())
		}
	})
}

func TestDeployment_PassesNothingWhereNoRequestEverSucceeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := undisturbed(t, sound(func(s *story) { s.answer = func(state, int) string { return "GET / → 404" } }))
		done, _ := w.rehearsal().Done("deployment")
		if done.Outcome != understudy.OutcomeInconclusive || !strings.Contains(done.Summary, "and so did all on the new release") {
			t.Errorf("it is %s: %s", done.Outcome, done.Summary)
		}
		w = undisturbed(t, sound(func(s *story) { // the new one mends it
			s.answer = func(at state, _ int) string {
				if at.serving == rehearsal.Baseline {
					return "GET / → 500"
				}
				return ""
			}
		}))
		if done, _ := w.rehearsal().Done("deployment"); done.Outcome != understudy.OutcomePassed {
			t.Errorf("a release that mends what failed: it is %s: %s", done.Outcome, done.Summary)
		}
	})
}
