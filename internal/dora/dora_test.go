package dora_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"understudy"
	"understudy/internal/dora"
)

// begin is a Monday.
func begin() time.Time { return time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC) }

// script is a journal, told in the words of its acts.
type script struct {
	t      *testing.T
	ledger dora.Ledger
}

// at adds an entry some time after the beginning.
func (s *script) at(after time.Duration, actor, act, subject string, facts ...string) {
	s.t.Helper()
	e := understudy.Entry{At: begin().Add(after), Actor: actor, Act: act, Subject: subject, Facts: map[string]string{}}
	for i := 0; i < len(facts); i += 2 {
		e.Facts[facts[i]] = facts[i+1]
	}
	s.ledger.Add(e)
}

// promote lets a release reach a state, minute by minute.
func (s *script) promote(after time.Duration, id, release string, states ...string) {
	s.t.Helper()
	for i, state := range states {
		s.at(after+time.Duration(i)*time.Minute, "understudy", "promotion."+state, id, "release", release, "digest", "sha256:"+release, "to", "production")
	}
}

func settled() []string {
	return []string{"planned", "gated", "preparing", "switching", "baking", "settled"}
}

func (s *script) metrics() understudy.Metrics {
	s.t.Helper()
	return s.ledger.Metrics(dora.Ask{Environment: "production", Since: begin(), Until: begin().AddDate(0, 0, 28)})
}

func TestMetrics_CountWhatTheJournalSays(t *testing.T) {
	day := 24 * time.Hour
	for name, c := range map[string]struct {
		tell func(*script)
		want func(understudy.Metrics) any
		is   any
	}{
		"a promotion with traffic is a deployment": {
			func(s *script) { s.promote(0, "p1", "v1", settled()...) },
			func(m understudy.Metrics) any { return m.Frequency.Count }, 1,
		},
		"one that was refused, or turned back before its first traffic, is none": {
			func(s *script) {
				s.promote(0, "p1", "v1", "refused")
				s.promote(day, "p2", "v2", "planned", "gated", "preparing", "rolling-back", "rolled-back")
			},
			func(m understudy.Metrics) any {
				return []int{m.Frequency.Count, m.Refused, m.FailRate.Count, m.Rollbacks.Count}
			}, []int{0, 1, 0, 0},
		},
		"what goes elsewhere does not count": {
			func(s *script) {
				s.at(0, "understudy", "promotion.switching", "p1", "release", "v1", "to", "qa")
			},
			func(m understudy.Metrics) any { return m.Frequency.Count }, 0,
		},
		"what was before the span or after it does not count": {
			func(s *script) {
				s.promote(-day, "p0", "v0", settled()...)
				s.promote(29*day, "p9", "v9", settled()...)
			},
			func(m understudy.Metrics) any { return m.Frequency.Count }, 0,
		},
		"the lead time begins with the commit": {
			func(s *script) {
				s.at(0, "ann", "release.created", "sha256:v1", "committed", begin().Add(-2*time.Hour).Format(time.RFC3339))
				s.promote(time.Hour, "p1", "v1", settled()...)
			},
			func(m understudy.Metrics) any {
				return []any{m.Changes[0].LeadTime, m.Changes[0].From, m.LeadTime.FromCommit, m.LeadTime.FromRelease}
			}, []any{3*time.Hour + 4*time.Minute, "commit", 1, 0},
		},
		"else with the release": {
			func(s *script) {
				s.at(0, "ann", "release.created", "sha256:v1", "committed", "")
				s.promote(time.Hour, "p1", "v1", settled()...)
			},
			func(m understudy.Metrics) any {
				return []any{m.Changes[0].LeadTime, m.Changes[0].From, m.LeadTime.FromCommit, m.LeadTime.FromRelease}
			}, []any{time.Hour + 4*time.Minute, "release", 0, 1},
		},
		"a commit from the future is not believed": {
			func(s *script) {
				s.at(0, "ann", "release.created", "sha256:v1", "committed", begin().Add(day).Format(time.RFC3339))
				s.promote(time.Hour, "p1", "v1", settled()...)
			},
			func(m understudy.Metrics) any { return m.Changes[0].From }, "release",
		},
		"the same content made again keeps its first moment": {
			func(s *script) {
				s.at(0, "ann", "release.created", "sha256:v1")
				s.at(time.Hour, "ann", "release.created", "sha256:v1")
				s.promote(2*time.Hour, "p1", "v1", settled()...)
			},
			func(m understudy.Metrics) any { return m.Changes[0].LeadTime }, 2*time.Hour + 4*time.Minute,
		},
		"one that never had all of the traffic has no lead time": {
			func(s *script) {
				s.at(0, "ann", "release.created", "sha256:v1")
				s.promote(time.Hour, "p1", "v1", "switching", "rolling-back", "rolled-back")
			},
			func(m understudy.Metrics) any { return m.LeadTime.Count }, 0,
		},
		"what goes back by itself has failed, and recovered when the old release answered": {
			func(s *script) {
				s.promote(0, "p1", "v1", "switching", "baking", "rolling-back")
				s.at(2*time.Minute+20*time.Millisecond, "understudy", "rollback.answered", "p1")
				s.promote(3*time.Minute, "p1", "v1", "rolled-back")
			},
			func(m understudy.Metrics) any {
				return []any{m.Changes[0].Failed, m.Changes[0].Recovered, m.Rollbacks.ByItself, m.Rollbacks.Answered.Longest}
			}, []any{"it was rolled back by itself", 2*time.Minute + 20*time.Millisecond, 1, 20 * time.Millisecond},
		},
		"and where nothing says when it answered, when it had gone back": {
			func(s *script) { s.promote(0, "p1", "v1", "switching", "rolling-back", "rolled-back") },
			func(m understudy.Metrics) any { return []any{m.Changes[0].Recovered, m.Rollbacks.Answered.Count} }, []any{2 * time.Minute, 0},
		},
		"what is rolled back days after it settled has failed too": {
			func(s *script) {
				s.promote(0, "p1", "v1", settled()...)
				s.at(3*day, "ann", "rollback.asked", "p1")
				s.at(3*day+50*time.Millisecond, "understudy", "rollback.answered", "p1")
				s.promote(3*day, "p1", "v1", "rolled-back")
			},
			func(m understudy.Metrics) any {
				return []any{m.Changes[0].Failed, m.FailRate.Count, m.Rollbacks.ByItself, m.Rollbacks.Answered.Longest}
			}, []any{"somebody rolled it back", 1, 0, 50 * time.Millisecond},
		},
		"a rollback that was asked for and refused is none": {
			func(s *script) {
				s.promote(0, "p1", "v1", settled()...)
				s.at(day, "ann", "rollback.asked", "p1")
			},
			func(m understudy.Metrics) any { return []any{m.Changes[0].Failed, m.Rollbacks.Count} }, []any{"", 0},
		},
		"a hotfix past the gate speaks against what was there, and is rework": {
			func(s *script) {
				s.promote(0, "p1", "v1", settled()...)
				s.at(2*time.Hour, "ann", "glass.broken", "p2", "release", "v2", "to", "production")
				s.promote(2*time.Hour, "p2", "v2", settled()...)
			},
			func(m understudy.Metrics) any {
				return []any{m.Changes[0].Failed, m.Changes[0].Recovered, m.Changes[1].Failed, m.Changes[1].Rework}
			}, []any{"a hotfix was brought past the gate after it", 2*time.Hour + time.Minute, "", "it was brought past the gate"},
		},
		"but not a week later": {
			func(s *script) {
				s.promote(0, "p1", "v1", settled()...)
				s.at(7*day, "ann", "glass.broken", "p2", "to", "production")
				s.promote(7*day, "p2", "v2", settled()...)
			},
			func(m understudy.Metrics) any { return []any{m.Changes[0].Failed, m.Rework.Count} }, []any{"", 1},
		},
		"the first after one that failed is rework, the next is not": {
			func(s *script) {
				s.promote(0, "p1", "v1", "switching", "rolling-back", "rolled-back")
				s.promote(day, "p2", "v2", settled()...)
				s.promote(2*day, "p3", "v3", settled()...)
			},
			func(m understudy.Metrics) any { return []any{m.Rework.Count, m.Changes[1].Rework, m.Changes[2].Rework} },
			[]any{1, "it follows v1, which had failed", ""},
		},
		"a hold that a person places soon after speaks against it until it is lifted": {
			func(s *script) {
				s.promote(0, "p1", "v1", settled()...)
				s.at(time.Hour+3*time.Minute, "ann", "hold.placed", "production")
				s.at(5*time.Hour, "ann", "hold.lifted", "production")
			},
			func(m understudy.Metrics) any { return []any{m.Changes[0].Failed, m.Changes[0].Recovered} },
			[]any{"a hold was placed after it", 5*time.Hour - 3*time.Minute},
		},
		"the hold that follows a rollback by itself says nothing new": {
			func(s *script) {
				s.promote(0, "p1", "v1", settled()...)
				s.at(time.Hour, "understudy", "hold.placed", "production")
			},
			func(m understudy.Metrics) any { return m.FailRate.Count }, 0,
		},
		"a release that failed on the twin and never had traffic was caught": {
			func(s *script) {
				rehearse(s, 0, "r1", "v1", "production", "failed")
				rehearse(s, time.Hour, "r2", "v1", "production", "failed")
				rehearse(s, 2*time.Hour, "r3", "v2", "production", "failed")
				rehearse(s, 3*time.Hour, "r4", "v2", "production", "passed")
				s.promote(4*time.Hour, "p2", "v2", settled()...)
				rehearse(s, 5*time.Hour, "r5", "v3", "qa", "failed")
				rehearse(s, 6*time.Hour, "r6", "v4", "production", "cancelled")
			},
			func(m understudy.Metrics) any {
				return []any{m.Rehearsals.Releases, m.Rehearsals.Caught, m.Rehearsals.Ended[understudy.RehearsalFailed], m.Rehearsals.Took.Count, m.Rehearsals.Took.Median}
			}, []any{3, 1, 3, 4, 10 * time.Minute},
		},
		"a rehearsal of before targets were noted counts": {
			func(s *script) { rehearse(s, 0, "r1", "v1", "", "passed") },
			func(m understudy.Metrics) any { return m.Rehearsals.Ended[understudy.RehearsalPassed] }, 1,
		},
		"weeks begin on Mondays": {
			func(s *script) {
				s.promote(6*day+23*time.Hour, "p1", "v1", settled()...)
				s.promote(7*day, "p2", "v2", settled()...)
			},
			func(m understudy.Metrics) any {
				return []int{len(m.Weeks), m.Weeks[0].Deployed, m.Weeks[1].Deployed, m.Frequency.OnDays}
			}, []int{4, 1, 1, 2},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{t: t}
			c.tell(s)
			if diff := cmp.Diff(c.is, c.want(s.metrics())); diff != "" {
				t.Errorf("want (-), found (+):\n%s", diff)
			}
		})
	}
}

func rehearse(s *script, after time.Duration, id, release, target, end string) {
	facts := []string{"release", release, "digest", "sha256:" + release, "for", target}
	s.at(after, "ann", "rehearsal.queued", id, facts...)
	s.at(after, "understudy", "rehearsal.started", id, "release", release)
	s.at(after+10*time.Minute, "understudy", "rehearsal."+end, id, "release", release)
}

func TestMetrics_SayNothingOfTooFew(t *testing.T) {
	s := &script{t: t}
	for i := range dora.Least {
		if m := s.metrics(); m.FailRate.Enough || m.LeadTime.Enough {
			t.Errorf("%d are enough", i)
		}
		id := string(rune('a' + i))
		s.at(0, "ann", "release.created", "sha256:"+id)
		s.promote(time.Duration(i+1)*time.Hour, id, id, settled()...)
	}
	m := s.metrics()
	if !m.FailRate.Enough || !m.LeadTime.Enough || m.LeadTime.Median != 3*time.Hour+4*time.Minute || m.LeadTime.P90 != 5*time.Hour+4*time.Minute {
		t.Errorf("found %+v, %+v", m.FailRate, m.LeadTime)
	}
	if m.Frequency.PerWeek != 5.0/4 || m.Frequency.Days != 28 || m.Frequency.Between.Median != time.Hour {
		t.Errorf("found %+v", m.Frequency)
	}
}

func TestMetrics_OfAnEmptyJournalAreEmpty(t *testing.T) {
	m := (&dora.Ledger{}).Metrics(dora.Ask{Environment: "production", Since: begin(), Until: begin().AddDate(0, 0, 7), External: true})
	if m.Frequency.Count != 0 || m.FailRate.Rate != 0 || len(m.Notes) != 1 || len(m.Weeks) != 1 {
		t.Errorf("found %+v", m)
	}
}

func TestWriteSVG_IsWellFormedAndSaysWhatItWasTold(t *testing.T) {
	s := &script{t: t}
	s.promote(0, "p1", "v1", "switching", "rolling-back", "rolled-back")
	s.at(0, "ann", "release.created", "sha256:v2")
	s.promote(8*24*time.Hour, "p2", "v2", settled()...)
	var out bytes.Buffer
	if err := dora.WriteSVG(&out, s.metrics(), []string{"2 deployments & <more>"}); err != nil {
		t.Fatal(err)
	}
	decoder := xml.NewDecoder(bytes.NewReader(out.Bytes()))
	for {
		_, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"2 deployments &amp; &lt;more&gt;", "week of 2026-03-02: 1 failed", "week of 2026-03-09: 192.1 hours", "production, 2026-03-02 to 2026-03-30"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not have %q:\n%s", want, out.String())
		}
	}
}
