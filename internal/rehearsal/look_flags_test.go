package rehearsal_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"understudy"
	"understudy/internal/rehearsal"
)

func page(body string) rehearsal.Answered {
	return rehearsal.Answered{Step: "GET /cart", Status: 200, Body: []byte(body)}
}

// says makes answers that the candidate gives, and its baseline.
func says(candidate, baseline func(life int) string) func(rehearsal.Part, int) []rehearsal.Answered {
	return func(part rehearsal.Part, life int) []rehearsal.Answered {
		if part == rehearsal.Candidate {
			return []rehearsal.Answered{page(candidate(life))}
		}
		return []rehearsal.Answered{page(baseline(life))}
	}
}

func always(body string) func(int) string { return func(int) string { return body } }

func TestFlags_FindWhatTheyWouldDoAndNothingElse(t *testing.T) {
	cartBreaks := func(v understudy.FlagValues, _ int) string {
		if v["cart"] == "on" {
			return "TestBuy"
		}
		return ""
	}
	for _, c := range []struct {
		claim   string
		change  func(f *flagging)
		quiet   bool
		outcome understudy.Outcome
		found   []string
		said    string
	}{
		{"all is well", nil, false, "passed", nil, "new: cart, gift; 4 of 4 combinations passed, 4 runs"},
		{"no flag is new", func(f *flagging) { f.plan.New, f.plan.Rows = nil, nil }, false, "passed", nil, "3 flags, none of them new"},
		{"an answer differs with all off", func(f *flagging) { f.answers = says(always("a\nnew"), always("a\nb")) }, false, "failed",
			[]string{"blocking flags.off-differs GET /cart"}, ""},
		{"what varies by itself is not blamed", func(f *flagging) {
			f.answers = says(always("a\nother"), func(life int) string { return "a\n" + strings.Repeat("x", life+1) })
		}, false, "passed", nil, "4 of 4"},
		{"what does not come back is not blamed", func(f *flagging) {
			f.answers = says(func(life int) string {
				if life == 2 {
					return "a slip"
				}
				return "a"
			}, always("a"))
		}, false, "passed", nil, "4 of 4"},
		{"rows are written that were not", func(f *flagging) {
			f.effects = func(part rehearsal.Part, _ int) rehearsal.Effects {
				e := rehearsal.Effects{Rows: map[string]int64{"table public.orders inserted": 3}, Statements: map[string]int64{"SELECT a": 60, "SELECT b": 3, "SELECT c": 5}}
				e.Calls = []rehearsal.Call{{Of: "integration mail", Does: "mail", Path: "Thanks"}, {Of: "integration pay", Does: "POST pay.example", Path: "/charges", Type: "application/json", Body: []byte(`{"amount":1}`)}}
				if part == rehearsal.Candidate {
					e.Rows["table public.gifts inserted"], e.Statements = 3, map[string]int64{"SELECT a": 62, "SELECT b": 103, "SELECT d": 5}
					e.Calls = append(e.Calls, e.Calls[0])
					e.Calls[1].Body = []byte(`{"amount":2}`)
				}
				return e
			}
		}, false, "failed", []string{
			"blocking flags.off-differs integration mail mail", "blocking flags.off-differs integration pay POST pay.example/charges",
			"blocking flags.off-differs statement SELECT b", "blocking flags.off-differs table public.gifts inserted",
			"note flags.off-statement statement SELECT c", "note flags.off-statement statement SELECT d"}, ""},
		{"one flag breaks it, alone and with others", func(f *flagging) { f.fails, f.guilty = cartBreaks, []string{"cart"} }, false, "failed",
			[]string{"blocking flags.row-fails cart=on"}, "2 of 4 combinations passed, 5 runs; 1 hold what is known to fail"},
		{"a pair breaks it", func(f *flagging) {
			f.guilty = []string{"cart", "gift"}
			f.fails = func(v understudy.FlagValues, _ int) string {
				if v["cart"] == "on" && v["gift"] == "on" {
					return "TestBuy"
				}
				return ""
			}
		}, false, "failed", []string{"blocking flags.row-fails cart=on, gift=on"}, "3 of 4"},
		{"it fails with all off", func(f *flagging) { f.fails = func(understudy.FlagValues, int) string { return "TestOld" } }, false, "failed",
			[]string{"blocking flags.row-fails with all new flags off"}, "3 of 4"},
		{"chance makes one fail", func(f *flagging) {
			f.fails = func(v understudy.FlagValues, run int) string {
				if v["gift"] == "on" && v["cart"] == "off" && run%2 == 0 {
					return "TestBuy"
				}
				return ""
			}
		}, false, "inconclusive", []string{"warning flags.flaky gift=on"}, "a combination failed once and passed once"},
		{"more combinations than policy lets run", func(f *flagging) {
			for range 30 {
				f.plan.Rows = append(f.plan.Rows, set("cart", "off", "gift", "on", "old", "off"))
			}
		}, false, "inconclusive", nil, "9 combinations were not run (policy: flags.rows 24, flags.time 10m0s)"},
		{"nobody declares traffic", nil, true, "inconclusive", nil, "there is no declared traffic"},
		{"flags that nobody reads or declares, or turns off, or needs", func(f *flagging) {
			f.reads = rehearsal.FlagReads{Known: map[string]int{"cart": 1, "old": 1}, Unknown: map[string]int{"ghost": 3}}
			f.plan.NoOff, f.plan.Stale = []string{"gift"}, []rehearsal.StaleFlag{{Key: "old", Variant: "on", Releases: 10}}
		}, false, "passed", []string{"warning flags.no-off gift", "warning flags.undeclared ghost", "warning flags.unread gift", "note flags.stale old"}, "4 of 4"},
		{"all flags are read at once", func(f *flagging) { f.reads = rehearsal.FlagReads{Bulk: 1} }, false, "passed", nil, "4 of 4"},
	} {
		t.Run(c.claim, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := withFlags(c.change)
				s.quiet = c.quiet
				w := undisturbed(t, s)
				done, _ := w.rehearsal().Done(understudy.CheckFlags)
				var found []string
				for _, f := range done.Findings {
					found = append(found, string(f.Severity)+" "+f.Code+" "+f.Subject)
				}
				if done.Outcome != c.outcome || !slices.Equal(found, c.found) || !strings.Contains(done.Summary, c.said) {
					t.Errorf("%s: %s\nfound %q\n want %q", done.Outcome, done.Summary, found, c.found)
				}
				if back, _ := w.rehearsal().Done(understudy.CheckRollback); !c.quiet && back.Outcome != understudy.OutcomePassed {
					t.Errorf("the way back is %s: %s", back.Outcome, back.Summary)
				}
			})
		})
	}
}

func TestFlags_WhatPassedIsAttested(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := undisturbed(t, withFlags(func(f *flagging) {
			f.guilty = []string{"gift"}
			f.fails = func(v understudy.FlagValues, _ int) string {
				if v["gift"] == "on" {
					return "TestGift"
				}
				return ""
			}
		}))
		rows := w.verdicts[rehearsalID].FlagRows
		if len(rows) != 2 || rows[0]["cart"] != "off" || rows[1]["cart"] != "on" || rows[1]["gift"] != "off" {
			t.Errorf("attested: %v", rows)
		}
	})
}

func TestFlags_AcceptedDifferencesAreToldWithTheReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := withFlags(func(f *flagging) { f.answers = says(always("new"), always("old")) })
		s.differs = map[string]string{"GET /cart": "the new logo"}
		w := undisturbed(t, s)
		done, _ := w.rehearsal().Done(understudy.CheckFlags)
		if len(done.Findings) != 1 || done.Findings[0].Severity != understudy.SeverityNote || !strings.Contains(done.Findings[0].Seen, "accepted: the new logo") {
			t.Errorf("%s: %+v", done.Outcome, done.Findings)
		}
	})
}

func TestFlags_SayWhereAnAnswerDiffersAndNotHow(t *testing.T) {
	answer := func(status int, body string) rehearsal.Answered {
		return rehearsal.Answered{Step: "GET /api", Status: status, Type: "application/json", Body: []byte(body)}
	}
	for _, c := range []struct {
		claim               string
		first, second, with rehearsal.Answered
		seen                string // empty: nothing
	}{
		{"a status", answer(200, `{}`), answer(200, `{}`), answer(404, `{}`), "status 404, and 200 on production's release"},
		{"a status that varies", answer(200, `{}`), answer(503, `{}`), answer(404, `{}`), ""},
		{"a field that changed", answer(200, `{"a": 1, "b": "secret"}`), answer(200, `{"a": 1, "b": "secret"}`), answer(200, `{"a": 1, "b": "other"}`), "the body differs at $.b (1 of 3 places)"},
		{"a field more", answer(200, `{"a": [1]}`), answer(200, `{"a": [1]}`), answer(200, `{"a": [1, 2]}`), "the body differs at $.a[1] (1 of 3 places)"},
		{"a field less", answer(200, `{"a": 1, "b": 2}`), answer(200, `{"a": 1, "b": 2}`), answer(200, `{"a": 1}`), "the body differs at $.b (1 of 3 places)"},
		{"another order of the keys", answer(200, `{"a": 1, "b": 2}`), answer(200, `{"a": 1, "b": 2}`), answer(200, `{"b": 2, "a": 1}`), ""},
		{"a field that varies", answer(200, `{"at": 1, "b": 2}`), answer(200, `{"at": 2, "b": 2}`), answer(200, `{"at": 3, "b": 2}`), ""},
		{"a field that varies beside one that changed", answer(200, `{"at": 1, "b": 2}`), answer(200, `{"at": 2, "b": 2}`), answer(200, `{"at": 3, "b": 3}`), "the body differs at $.b (1 of 3 places)"},
	} {
		t.Run(c.claim, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := undisturbed(t, withFlags(func(f *flagging) {
					f.answers = func(part rehearsal.Part, life int) []rehearsal.Answered {
						switch {
						case part == rehearsal.Candidate:
							return []rehearsal.Answered{c.with}
						case life == 0:
							return []rehearsal.Answered{c.first}
						}
						return []rehearsal.Answered{c.second}
					}
				}))
				done, _ := w.rehearsal().Done(understudy.CheckFlags)
				seen := ""
				for _, f := range done.Findings {
					seen += f.Seen
				}
				if seen != c.seen || strings.Contains(seen, "secret") {
					t.Errorf("seen %q, want %q", seen, c.seen)
				}
			})
		})
	}
}
