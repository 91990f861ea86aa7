package policy_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"understudy"
	"understudy/internal/policy"
)

func digest(of string) understudy.Digest { return understudy.DigestOf([]byte(of)) }

// free is a case that nothing speaks against.
func free() policy.Case {
	now := time.Date(2026, 12, 2, 12, 0, 0, 0, time.UTC) // a Wednesday
	release := understudy.Release{Digest: digest("v2"), Label: "v2", Artifact: understudy.Artifact{Digest: digest("artifact")}, Config: digest("config"), Migrations: digest("m"), CreatedBy: "dev"}
	production := understudy.Fingerprint{Environment: "production", Release: digest("v1"), ReleaseLabel: "v1", Config: "print"}
	s := &understudy.Statement{
		Rehearsal: "r-1", Outcome: understudy.OutcomePassed, Release: release.Digest, Label: "v2", Artifact: release.Artifact.Digest, Config: release.Config,
		Migrations: release.Migrations, Production: production, StartedAt: now.Add(-70 * time.Minute), EndedAt: now.Add(-time.Hour), Radius: &understudy.Radius{Files: 2, Bytes: 900, Paths: []string{"bin/web", "page.html"}, Likeness: 0.99},
	}
	for _, name := range understudy.Checks() {
		s.Checks = append(s.Checks, understudy.StatementCheck{Name: name, Outcome: understudy.OutcomePassed})
	}
	c := policy.Case{
		Promotion: understudy.Promotion{Release: release.Digest, Label: "v2", To: "production", By: "ops"}, Release: release, Verdict: "r-1", Evidence: digest("envelope"),
		Statement: s, Production: production, Policy: understudy.Policy{}.WithDefaults(), PassedSince: s.EndedAt, Now: now,
	}
	return sign(c)
}

// sign makes the statement one of the policy that holds.
func sign(c policy.Case) policy.Case {
	terms := c.Policy
	c.Statement.Terms, c.Statement.Policy = &terms, mustDigest(c.Policy)
	return c
}

func mustDigest(p understudy.Policy) understudy.Digest {
	d, err := understudy.DigestOfValue(p)
	if err != nil {
		panic(err)
	}
	return d
}

func explain(t testing.TB, c policy.Case) understudy.Explanation {
	t.Helper()
	e, err := policy.Explain(c)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func yes(c policy.Case, by string, groups ...string) understudy.SignedApproval {
	return understudy.SignedApproval{Groups: groups, Approval: understudy.Approval{
		ID: "a-" + by, By: by, Release: c.Release.Digest, Label: "v2", To: "production", Verdict: c.Verdict, Evidence: c.Evidence,
		Policy: mustDigest(c.Policy), Production: c.Production, At: c.Now.Add(-time.Minute),
	}}
}

func requirement(e understudy.Explanation, name string) understudy.Requirement {
	at := slices.IndexFunc(e.Requirements, func(r understudy.Requirement) bool { return r.Name == name })
	if at < 0 {
		return understudy.Requirement{Says: "nothing is asked"}
	}
	return e.Requirements[at]
}

func TestExplain_WhatNothingSpeaksAgainstMayGoUntilItsVerdictIsOld(t *testing.T) {
	e := explain(t, free())
	if !e.May || len(e.Missing()) > 0 || !e.Earliest.Equal(free().Now) || !e.Until.Equal(free().Now.Add(23*time.Hour)) || len(e.Changed) > 0 {
		t.Errorf("%+v", e)
	}
}

func TestExplain_SaysWhatIsMissingWhatToDoAndWhetherItMayBePassedOver(t *testing.T) {
	for _, c := range []struct {
		claim, name, says, do string
		breakable             bool
		spoil                 func(c *policy.Case)
	}{
		{"held", understudy.RequireFree, "production is held: it went back", "understudy hold lift", false, func(c *policy.Case) { c.Held = "it went back" }},
		{"there already", understudy.RequireNew, "production runs release v2 already", "nothing to do", false, func(c *policy.Case) {
			c.Production.Release, c.Statement.Production.Release = c.Release.Digest, c.Release.Digest
		}},
		{"there since the rehearsal", understudy.RequireNew, "production runs release v2 already", "nothing to do", false, func(c *policy.Case) { c.Production.Release = c.Release.Digest }},
		{"what cannot be started", understudy.RequireConfig, "PAGE_SIZE: expected at most 200", "mend it in understudy.yaml", false, func(c *policy.Case) { c.Unfit = "configuration of service web: PAGE_SIZE: expected at most 200" }},
		{"a debt", understudy.RequireRepaid, "production is owed a rehearsal: v1 went", "understudy rehearse v1", true, func(c *policy.Case) { c.Debt = "v1 went there by breaking the glass" }},
		{"never rehearsed", understudy.RequireVerdict, "never rehearsed", "understudy rehearse v2", true, func(c *policy.Case) { c.Statement, c.Unrehearsed = nil, "it was never rehearsed" }},
		{"signed by somebody else", understudy.RequireVerdict, "cannot be relied on", "understudy rehearse v2", false, func(c *policy.Case) { c.Statement, c.Unreliable = nil, "it cannot be relied on" }},
		{"failed", understudy.RequireVerdict, "ended failed", "understudy rehearsal show r-1", true, func(c *policy.Case) { c.Statement.Outcome = understudy.OutcomeFailed }},
		{"other bits", understudy.RequireBits, "the artifacts rehearsed are not these", "", false, func(c *policy.Case) { c.Release.Artifact.Digest = digest("x") }},
		{"moved", understudy.RequireUnmoved, "its configuration has changed", "understudy rehearse v2", true, func(c *policy.Case) { c.Production.Config = "x" }},
		{"a check not looked at", understudy.RequireChecks, "check twin", "understudy rehearse v2", true, func(c *policy.Case) { c.Statement.Checks = c.Statement.Checks[1:] }},
		{"old", understudy.RequireFresh, "is 25h0m0s old", "understudy rehearse v2", true, func(c *policy.Case) { c.Now = c.Now.Add(24 * time.Hour) }},
		{"not long enough", understudy.RequireSoak, "has stood for 1h0m0s since it passed; the policy asks for 3h0m0s", "wait until Wed 2026-12-02 14:00 UTC", true, func(c *policy.Case) { c.Policy.Soak = 3 * time.Hour; *c = sign(*c) }},
		{"nobody agrees", understudy.RequireApprovals, "0 of 1 approvals", "1 more of anybody: understudy approve v2 --to production", true, func(c *policy.Case) { c.Policy.Approvals = &understudy.ApprovalRule{Count: 1}; *c = sign(*c) }},
		{"frozen", understudy.RequireFreeze, "frozen, Wed 2026-12-02 00:00 UTC to Thu 2026-12-03 00:00 UTC (stock-taking); the next moment when it may go is Thu 2026-12-03 00:00 UTC", "wait until Thu", true, func(c *policy.Case) {
			c.Policy.Freeze = []understudy.Window{{From: "2026-12-02", Days: 1, Zone: "UTC", Reason: "stock-taking"}}
			*c = sign(*c)
		}},
		{"closed", understudy.RequireWindow, "no window is open; the next moment when it may go is Thu 2026-12-03 08:00 CET", "wait until Thu", true, func(c *policy.Case) {
			c.Policy.Windows = []understudy.Window{{Rule: "FREQ=DAILY;BYHOUR=8", For: time.Hour, Zone: "Europe/Berlin"}}
			*c = sign(*c)
		}},
	} {
		had := free()
		c.spoil(&had)
		e := explain(t, had)
		missing := e.Missing()
		if len(missing) != 1 || missing[0].Name != c.name || !strings.Contains(missing[0].Says, c.says) || !strings.Contains(missing[0].Do, c.do) || missing[0].Breakable != c.breakable || e.May {
			t.Errorf("%s: missing is %+v (may go: %t), want %s, %q, breakable %t", c.claim, missing, e.May, c.name, c.says, c.breakable)
		}
	}
}

func TestExplain_TheReleaseThatRunsMayGoWithAnotherConfiguration(t *testing.T) {
	c := free()
	c.Production.Release, c.Statement.Production.Release = c.Release.Digest, c.Release.Digest
	c.Production.Configured, c.Statement.Production.Configured = "next", "next"
	if e := explain(t, c); !e.May || !slices.ContainsFunc(e.Requirements, func(r understudy.Requirement) bool {
		return r.Name == understudy.RequireNew && r.Says == "production runs release v2 with another configuration"
	}) {
		t.Errorf("%+v", e)
	}
}

func TestExplain_CountsTheApprovalsThatHoldAndSaysWhyTheOthersDoNot(t *testing.T) {
	rule := understudy.ApprovalRule{Count: 2, By: []string{"ann", "dev", "ops", "group:releasers"}, NotAuthor: true, NotPromoter: true, MaxAge: time.Hour}
	for _, c := range []struct {
		claim string
		give  func(c policy.Case) []understudy.SignedApproval
		move  func(c *policy.Case)
		met   bool
		says  string
	}{
		{"two who count", func(c policy.Case) []understudy.SignedApproval {
			return []understudy.SignedApproval{yes(c, "ann"), yes(c, "bob", "users", "releasers")}
		}, nil, true, "2 of 2 approvals: ann, bob"},
		{"one twice is one", func(c policy.Case) []understudy.SignedApproval {
			return []understudy.SignedApproval{yes(c, "ann"), yes(c, "ann")}
		}, nil, false, "1 of 2 approvals: ann"},
		{"the author", func(c policy.Case) []understudy.SignedApproval {
			return []understudy.SignedApproval{yes(c, "ann"), yes(c, "dev")}
		}, nil, false, "1 of 2 approvals: ann; dev made the release"},
		{"who promotes", func(c policy.Case) []understudy.SignedApproval {
			return []understudy.SignedApproval{yes(c, "ann"), yes(c, "ops")}
		}, nil, false, "ops promotes it"},
		{"a stranger", func(c policy.Case) []understudy.SignedApproval {
			return []understudy.SignedApproval{yes(c, "eve", "users"), yes(c, "ann")}
		}, nil, false, "eve is none of ann, dev, ops, group:releasers"},
		{"called like a group", func(c policy.Case) []understudy.SignedApproval {
			return []understudy.SignedApproval{yes(c, "group:releasers")}
		}, nil, false, "0 of 2"},
		{"withdrawn", func(c policy.Case) []understudy.SignedApproval {
			a := yes(c, "ann")
			a.WithdrawnAt = c.Now
			return []understudy.SignedApproval{yes(c, "ann"), a, yes(c, "bob", "releasers")}
		}, nil, false, "1 of 2 approvals: bob; ann has withdrawn"},
		{"given again", func(c policy.Case) []understudy.SignedApproval {
			a := yes(c, "ann")
			a.WithdrawnAt = c.Now
			return []understudy.SignedApproval{a, yes(c, "ann"), yes(c, "bob", "releasers")}
		}, nil, true, "2 of 2"},
		{"too old", func(c policy.Case) []understudy.SignedApproval {
			a := yes(c, "ann")
			a.At = c.Now.Add(-2 * time.Hour)
			return []understudy.SignedApproval{a, yes(c, "bob", "releasers")}
		}, nil, false, "ann approved 2h0m0s ago, and an approval holds for 1h0m0s"},
		{"another verdict counts", nil, func(c *policy.Case) { c.Verdict = "r-2" }, false, "ann approved by verdict r-1, and r-2 counts now"},
		{"the same verdict, signed anew", nil, func(c *policy.Case) { c.Evidence = digest("another") }, false, "ann approved by verdict r-1"},
		{"another policy", nil, func(c *policy.Case) { c.Policy.Bake = time.Second; *c = sign(*c) }, false, "the policy has changed since ann approved"},
		{"production moved", nil, func(c *policy.Case) { c.Production.Config, c.Statement.Production.Config = "x", "x" }, false, "production has moved since ann approved: its configuration has changed"},
		{"another environment", nil, func(c *policy.Case) { c.Promotion.To = "eu" }, false, "0 of 2"},
	} {
		had := free()
		had.Policy.Approvals = &rule
		had = sign(had)
		give := c.give
		if give == nil {
			give = func(c policy.Case) []understudy.SignedApproval {
				return []understudy.SignedApproval{yes(c, "ann"), yes(c, "bob", "releasers")}
			}
		}
		had.Approvals = give(had)
		if c.move != nil {
			c.move(&had)
		}
		r := requirement(explain(t, had), understudy.RequireApprovals)
		if r.Met != c.met || !strings.Contains(r.Says, c.says) {
			t.Errorf("%s: met %t, %q; want %t, %q", c.claim, r.Met, r.Says, c.met, c.says)
		}
	}
}

func TestExplain_NamesWhoseApprovalIsMissingAndWouldCount(t *testing.T) {
	for want, by := range map[string][]string{
		"1 more of bob, group:releasers: ":                               {"ann", "bob", "dev", "ops", "group:releasers"}, // dev made it, ops promotes it
		"1 more of those whom policy.approvals.by would have to name be": {"ann", "dev", "ops"},
	} {
		c := free()
		c.Policy.Approvals = &understudy.ApprovalRule{Count: 2, By: by, NotAuthor: true, NotPromoter: true}
		c = sign(c)
		c.Approvals = []understudy.SignedApproval{yes(c, "ann")}
		if r := requirement(explain(t, c), understudy.RequireApprovals); r.Met || !strings.HasPrefix(r.Do, want) {
			t.Errorf("of %v: met %t, do %q, want %q", by, r.Met, r.Do, want)
		}
	}
}

func TestExplain_NobodyCountsTwiceNorForWhatTheyDidNotSee(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		c := free()
		c.Policy.Approvals = &understudy.ApprovalRule{Count: rapid.IntRange(1, 3).Draw(r, "count"), NotAuthor: rapid.Bool().Draw(r, "not the author")}
		c = sign(c)
		distinct := map[string]bool{}
		for range rapid.IntRange(0, 6).Draw(r, "approvals") {
			a := yes(c, rapid.SampledFrom([]string{"ann", "bob", "dev", "eve"}).Draw(r, "who"))
			a.ID = "a"
			seen := rapid.Bool().Draw(r, "on this evidence")
			if !seen {
				a.Evidence = digest("other")
			}
			c.Approvals = append(c.Approvals, a)
			distinct[a.By] = seen && (a.By != "dev" || !c.Policy.Approvals.NotAuthor) // the last word counts
		}
		agree := 0
		for _, counts := range distinct {
			if counts {
				agree++
			}
		}
		if got := requirement(explain(t, c), understudy.RequireApprovals); got.Met != (agree >= c.Policy.Approvals.Count) {
			r.Fatalf("%d agree of %d: %+v", agree, c.Policy.Approvals.Count, got)
		}
	})
}

func TestExplain_SaysWhenItMayGoOnlyWhereNothingButTimeIsMissing(t *testing.T) {
	nights := []understudy.Window{{Rule: "FREQ=DAILY;BYHOUR=20", For: 2 * time.Hour, Zone: "UTC"}}
	for _, c := range []struct {
		claim           string
		spoil           func(c *policy.Case)
		earliest, until string
		says            string
	}{
		{"a window, before the soak is over", func(c *policy.Case) { c.Policy.Windows, c.Policy.Soak = nights, 9*time.Hour+30*time.Minute }, "2026-12-02T20:30:00Z", "2026-12-02T22:00:00Z", ""},
		{"a soak beyond the window", func(c *policy.Case) { c.Policy.Windows, c.Policy.Soak = nights, 20*time.Hour }, "2026-12-03T20:00:00Z", "2026-12-03T22:00:00Z", "by then the verdict will be older than 24h0m0s"},
		{"an approval is missing too", func(c *policy.Case) {
			c.Policy.Windows, c.Policy.Approvals = nights, &understudy.ApprovalRule{Count: 1}
		}, "", "", ""},
		{"until the freeze", func(c *policy.Case) {
			c.Policy.Freeze = []understudy.Window{{From: "2026-12-02T18:00", Days: 2, Zone: "UTC"}}
		}, "2026-12-02T12:00:00Z", "2026-12-02T18:00:00Z", ""},
	} {
		had := free()
		c.spoil(&had)
		e := explain(t, sign(had))
		show := func(at time.Time) string {
			if at.IsZero() {
				return ""
			}
			return at.UTC().Format(time.RFC3339)
		}
		said := e.Note
		if show(e.Earliest) != c.earliest || show(e.Until) != c.until || said != "" != (c.says != "") || !strings.Contains(said, c.says) {
			t.Errorf("%s: from %s until %s, want %s until %s; %s", c.claim, show(e.Earliest), show(e.Until), c.earliest, c.until, said)
		}
	}
}

func TestExplain_SaysLineByLineWhatThePolicyWasAtTheRehearsal(t *testing.T) {
	c := free()
	c.Policy.Bake, c.Policy.Approvals = 30*time.Second, &understudy.ApprovalRule{Count: 2, NotAuthor: true}
	c.Approvals = []understudy.SignedApproval{yes(c, "ann"), yes(c, "bob")}
	e := explain(t, c)
	if want := []string{"bake was 1m, is 30s", "approvals was none, is 2, not who made the release"}; !e.May || !slices.Equal(e.Changed, want) {
		t.Errorf("may go %t; changed %q, want %q", e.May, e.Changed, want)
	}
	c.Statement.Terms = nil
	if e := explain(t, c); len(e.Changed) != 1 || !strings.Contains(e.Changed[0], "does not say how") {
		t.Errorf("a verdict of before: %q", e.Changed)
	}
}

func TestExplain_ASmallMeasuredRadiusGoesWithLess(t *testing.T) {
	none, short := 0, 10*time.Second
	c := free()
	c.Policy.Approvals, c.Policy.Soak = &understudy.ApprovalRule{Count: 2}, 12*time.Hour
	c.Policy.Express = &understudy.Express{When: understudy.ExpressWhen{MaxFiles: 2}, Approvals: &none, Soak: new(time.Duration), Bake: &short, Steps: []int{100}}
	c = sign(c)
	if e := explain(t, c); !e.May || e.Lane != understudy.LaneExpress {
		t.Errorf("within the radius: %+v", e)
	}
	if p := c.Policy.On(understudy.LaneExpress); p.Bake != short || len(p.Steps) != 1 || p.StepFor != c.Policy.StepFor {
		t.Errorf("on the lane the policy is %+v", p)
	}
	c.Statement.Radius.Files = 3
	if e := explain(t, c); e.May || e.Lane != understudy.LaneOrdinary || len(e.Missing()) != 2 {
		t.Errorf("beyond it: %+v", e)
	}
	c.Statement.Radius = nil
	if e := explain(t, c); e.May || e.Lane != understudy.LaneOrdinary {
		t.Errorf("not measured: %+v", e)
	}
}

func TestExplain_NoContractMigrationRunsByItselfOnTheExpressLane(t *testing.T) {
	for when, lane := range map[understudy.ContractWhen]understudy.Lane{understudy.ContractByHand: understudy.LaneExpress, understudy.ContractAfterBake: understudy.LaneOrdinary} {
		c, none := free(), 0
		c.Release.Application.Migration = &understudy.Migration{Up: []string{"migrate"}, Contract: []string{"migrate", "contract"}}
		c.Statement.Radius.Migration = &understudy.Reach{Exact: true}
		c.Policy.Contract, c.Policy.Approvals = when, &understudy.ApprovalRule{Count: 2}
		c.Policy.Express = &understudy.Express{When: understudy.ExpressWhen{MaxLock: time.Second}, Approvals: &none}
		if e := explain(t, sign(c)); e.Lane != lane || e.May != (lane == understudy.LaneExpress) {
			t.Errorf("where it runs %s: lane %s, may go %t; %v", when, e.Lane, e.May, e.Bounds)
		}
		c.Production.Release, c.Production.Configured = c.Release.Digest, "another"
		c.Statement.Production = c.Production
		if e := explain(t, sign(c)); e.Lane != understudy.LaneExpress {
			t.Errorf("of a release that runs there, none runs %s: lane %s; %v", when, e.Lane, e.Bounds)
		}
	}
}
