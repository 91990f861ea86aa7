package rehearsal_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"understudy"
	"understudy/internal/rehearsal"
)

// text is all that a check says.
func (w *world) text(name string) string {
	c, _ := w.rehearsal().Done(name)
	all := c.Summary
	for _, f := range c.Findings {
		all += "\n" + f.Title + "\n" + f.Would + "\n" + f.Seen + "\n" + f.Remedy
	}
	return all
}

// says fails the test unless a check says all the words.
func (w *world) says(t *testing.T, name string, words ...string) {
	t.Helper()
	for _, word := range words {
		if text := w.text(name); !strings.Contains(text, word) {
			t.Errorf("%s does not say %q: %s", name, word, text)
		}
	}
}

func TestMigration_IsTriedInWaysThatProductionWouldNotForgive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := undisturbed(t, sound(func(s *story) {
			s.tried = map[string]rehearsal.Tried{
				"queue":     {Summary: "requests stood still for 2s", Figures: []understudy.Figure{{Name: "stood still", Value: 2}}},
				"interrupt": {Findings: []understudy.Finding{{Code: "migration.interrupted", Severity: understudy.SeverityBlocking}}},
				"together":  {Summary: "two at once both end well", Evidence: []understudy.Evidence{{Name: "together.json"}}},
			}
		}))
		if got := w.codes(understudy.CheckMigration); !slices.Equal(got, []string{"blocking migration.interrupted"}) {
			t.Errorf("%v", got)
		}
		w.says(t, understudy.CheckMigration, "requests stood still for 2s; two at once both end well")
		c, _ := w.rehearsal().Done(understudy.CheckMigration)
		if len(c.Figures) != 2 || !slices.ContainsFunc(c.Evidence, func(e understudy.Evidence) bool { return e.Name == "together.json" }) {
			t.Errorf("figures %v, evidence %v", c.Figures, c.Evidence)
		}
	})
}

func TestMigration_ThatChangesNothingIsNotTriedAndSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, exact := range []bool{false, true} { // whether it was seen that nothing was written, or has to be compared
			w := undisturbed(t, sound(func(s *story) {
				s.idle = true
				s.up = func(rehearsal.Copy) rehearsal.Migrated {
					return rehearsal.Migrated{OK: true, Took: time.Second, Seen: understudy.Observation{Exact: understudy.Exactness{Writes: exact}}}
				}
			}))
			w.says(t, understudy.CheckMigration, "it changed nothing, so it was not tried")
		}
	})
}

func TestMigration_ThatDoesNotRunThroughOnACopyOfItsOwnIsFoundAndTheRestLookedAt(t *testing.T) {
	const found, said = "blocking migration.unsteady", "on a fresh copy, with nobody else there: no row with id 7"
	underTraffic := func(on rehearsal.Copy) rehearsal.Migrated {
		return rehearsal.Migrated{OK: on == rehearsal.Work, Took: time.Second, Said: "no row with id 7", Evidence: []understudy.Evidence{{Name: "output of " + string(on)}}}
	}
	keeps := func(w *world, name string) {
		c, _ := w.rehearsal().Done(name)
		if !slices.ContainsFunc(c.Evidence, func(e understudy.Evidence) bool { return e.Name == "output of side" }) {
			t.Errorf("%s does not keep what the command said on its own copy: %v", name, c.Evidence)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		w := undisturbed(t, sound(func(s *story) {
			s.up, s.tried = underTraffic, map[string]rehearsal.Tried{"together": {Summary: "two at once both end well"}}
		}))
		w.says(t, understudy.CheckMigration, "two at once both end well")
		if got := w.codes(understudy.CheckRollback); !slices.Contains(got, found) {
			t.Errorf("of the way back: %v", got)
		}
		w.says(t, understudy.CheckRollback, said, "so there was nothing to take back")
		keeps(w, understudy.CheckRollback)
	})
	synctest.Test(t, func(t *testing.T) { // one that leaves the schema as it was is run alone to see what it writes
		w := undisturbed(t, sound(func(s *story) { s.up, s.idle = underTraffic, true }))
		if got := w.codes(understudy.CheckMigration); !slices.Contains(got, found) {
			t.Errorf("%v", got)
		}
		w.says(t, understudy.CheckMigration, said, "it did not run through on a copy of its own, so it was not tried")
		keeps(w, understudy.CheckMigration)
	})
}

func TestMigration_CountsHeldUpRequestsAtProductionsOwnRateWhereItIsKnown(t *testing.T) {
	for says, rate := range map[string]rehearsal.Rate{
		"about 300 at the rate of production, 100 a second":         {PerSecond: 100, Of: "production"},
		"about 60 at the rate of the declared traffic, 20 a second": {},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := undisturbed(t, sound(func(s *story) {
				s.rate = rate
				s.up = func(rehearsal.Copy) rehearsal.Migrated {
					blocked := understudy.Finding{Code: "migration.blocked", Severity: understudy.SeverityBlocking, Would: "writers wait", Hurt: 2.5}
					return rehearsal.Migrated{OK: true, Took: 3 * time.Second, Blocked: 3 * time.Second, Findings: []understudy.Finding{blocked}}
				}
				s.stall = func(at state) time.Duration {
					if at.migrating == "up" {
						return 3 * time.Second
					}
					return 0
				}
			}))
			w.says(t, understudy.CheckMigration, says, map[bool]string{true: "up to 250 come in that time", false: "up to 50 come in that time"}[rate.PerSecond > 0])
		})
	}
}

func TestCompatibility_NamesWhatTheDatabaseSaidAndTheWayOutThatFits(t *testing.T) {
	onNew := func(code, message string) func(state) []understudy.ObservedError {
		return func(at state) []understudy.ObservedError {
			all := []understudy.ObservedError{{Who: "web", Code: "23505", Message: "duplicate key value violates unique constraint", Times: 3}}
			if at.schema == "new" {
				all = append(all, understudy.ObservedError{Who: "web", Code: code, Message: message, Times: 14})
			}
			return all
		}
	}
	for _, c := range []struct{ code, message, way string }{
		{"0A000", "cached plan must not change result type", "name the columns that a query reads"},
		{"42703", `column "phone" does not exist`, "expand, then contract"},
		{"", `relation "orders" does not exist`, "expand, then contract"},
		{"23502", `null value in column "zone" violates not-null constraint`, "give the column a DEFAULT"},
		{"23514", "new row violates check constraint", "NOT VALID"},
		{"42501", "permission denied for table orders", "grant the application's role"},
		{"22001", "value too long for type character varying(10)", "a column of its own"},
		{"XX000", "something else", "expand first"},
	} {
		t.Run(c.message, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := stories()["the old release breaks"]
				s.said = onNew(c.code, c.message)
				w := undisturbed(t, s)
				said := "The database said: " + c.message + " (14 times"
				if c.code != "" {
					said += ", SQLSTATE " + c.code
				}
				for _, check := range []string{understudy.CheckCompatibility, understudy.CheckRollback} {
					w.says(t, check, said+")")
					if strings.Contains(w.text(check), "duplicate key") {
						t.Errorf("%s blames what the database said before too: %s", check, w.text(check))
					}
				}
				w.says(t, understudy.CheckCompatibility, c.way, "at the rate of the declared traffic that is about 20 of 20 requests a second")
			})
		})
	}
}

func TestCompatibility_SaysWhatTheDatabaseSaidEvenWhereNoRequestFailedOfIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := undisturbed(t, sound(func(s *story) {
			s.said = func(at state) []understudy.ObservedError {
				if at.schema == "new" {
					return []understudy.ObservedError{{Code: "0A000", Message: "cached plan must not change result type", Times: 1}}
				}
				return nil
			}
		}))
		w.says(t, understudy.CheckCompatibility, "no request failed of it, but the database said what it had not said before: cached plan must not change result type (once, SQLSTATE 0A000)",
			"its processes and their connections are those from before the migration")
		if w.rehearsal().State != understudy.RehearsalPassed {
			t.Errorf("it ends %s", w.rehearsal().State)
		}
	})
}

func TestCompatibility_AnOldReleaseThatDoesNotLiveThroughTheMigrationIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := undisturbed(t, sound(func(s *story) { s.restarts = true }))
		if got := w.codes(understudy.CheckCompatibility); !slices.Equal(got, []string{"blocking compatibility.old-release-breaks"}) {
			t.Errorf("%v", got)
		}
		w.says(t, understudy.CheckCompatibility, "its process ended since the migration began")
		if strings.Contains(w.text(understudy.CheckCompatibility), "are those from before") {
			t.Error("it says that the processes are those from before")
		}
	})
}

func TestRollback_NamesTheRowsThatAreNotAsTheyWere(t *testing.T) {
	for says, rows := range map[string]rehearsal.Rows{
		"12 rows; rows: 2 gone, 1,234 changed in phone: id=17 (gone), id=23 (changed in phone), and 1,234 more": {
			Gone: 2, Changed: 1234, Columns: []string{"phone"}, Named: []string{"id=17 (gone)", "id=23 (changed in phone)"}},
		"12 rows; its rows are not named: it has no key, or none that is the same on both sides": {Keyless: true},
		"12 rows\n": {},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := stories()["the way back loses data"]
			s.rows = rows
			undisturbed(t, s).says(t, understudy.CheckRollback, says)
		})
	}
}

func TestMigration_AStartThatBringsTheSchemaForwardIsRehearsedAsOne(t *testing.T) {
	blocking := []understudy.Finding{{Code: "migration.together", Severity: understudy.SeverityBlocking}}
	for _, c := range []struct {
		claim  string
		change func(s *story)
		ends   understudy.RehearsalState
		codes  []string
		says   string
	}{
		{"all is well", func(*story) {}, understudy.RehearsalPassed, nil, "brings the schema forward when it starts: that took 200ms"},
		{"it changes nothing", func(s *story) { s.idle = true }, understudy.RehearsalPassed, nil, "starting it changes nothing in the schema"},
		{"two at once meet", func(s *story) { s.tried = map[string]rehearsal.Tried{"together": {Findings: blocking}} }, understudy.RehearsalFailed,
			[]string{"blocking migration.together"}, "when it starts"},
		{"it does not start, and has changed nothing", func(s *story) {
			s.idle = true
			s.up = func(rehearsal.Copy) rehearsal.Migrated { return rehearsal.Migrated{Took: time.Second} }
			s.notReady = understudy.Errorf(understudy.KindFailed, "web ended with status 1")
		}, understudy.RehearsalFailed, nil, "did not become ready, with the schema as it was"},
	} {
		t.Run(c.claim, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := booting()
				c.change(&s)
				w := undisturbed(t, s)
				if got := w.codes(understudy.CheckMigration); !slices.Equal(got, c.codes) || w.rehearsal().State != c.ends {
					t.Errorf("%v, and it ends %s", got, w.rehearsal().State)
				}
				w.says(t, understudy.CheckMigration, c.says)
				if back := w.codes(understudy.CheckRollback); !s.idle && !slices.Equal(back, []string{"note rollback.no-way-back"}) {
					t.Errorf("of the way back: %v", back)
				}
			})
		})
	}
}

func TestRollback_NamesTheRowsOfATableOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stories()["the way back loses data"]
		s.losses = append(s.losses, rehearsal.Loss{Table: s.losses[0].Table, What: "column phone", Count: 1})
		s.rows = rehearsal.Rows{Gone: 1, Named: []string{"id=17 (gone)"}}
		if text := undisturbed(t, s).text(understudy.CheckRollback); strings.Count(text, "id=17") != 1 {
			t.Error(text)
		}
	})
}
