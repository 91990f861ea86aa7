package cli_test

import (
	"strings"
	"time"

	"understudy"
	"understudy/internal/api"
	"understudy/internal/api/apitest"
)

func at(clock string) time.Time {
	t, err := time.Parse(time.DateTime, "2026-03-01 "+clock)
	if err != nil {
		panic(err)
	}
	return t
}

func digest(text string) understudy.Digest { return understudy.DigestOf([]byte(text)) }

// newStage knows three releases of a shop, production and its twin.
func newStage(project string) *apitest.Stage {
	s := &apitest.Stage{About: api.Info{Version: "test", Application: "shop", Project: project, PID: 1}}
	for i, label := range []string{"v1", "v2", "v3"} {
		s.Know = append(s.Know, understudy.Release{
			Label: label, Digest: digest(label), CreatedAt: at("09:00:00").Add(time.Duration(i) * time.Hour), CreatedBy: "ann",
			Source:   understudy.Source{Revision: "0123456789abcdef0123", Dirty: i == 2},
			Artifact: understudy.Artifact{Digest: digest(label + " files"), Files: []understudy.ArtifactFile{{Path: "bin/shop", Digest: digest(label), Size: 3 << 20}}},
			Application: understudy.Application{
				Name: "shop", Services: []understudy.Service{{Name: "web"}, {Name: "worker"}}, Databases: []understudy.Database{{Name: "main", Engine: "postgres"}},
			},
		})
	}
	s.Snapshot = understudy.Snapshot{ID: "s1", Of: "production", TakenAt: at("11:59:00"), Took: 5100 * time.Millisecond, Databases: []understudy.DatabaseCopy{{
		Database: "main", Tables: []understudy.TableCopy{{Table: "public.orders", Rows: 1300000}, {Table: "public.accounts", Rows: 20000, Masked: []string{"mail", "name"}}},
		Proof: proven(),
	}}}
	s.Standing = standing(s.Snapshot)
	s.Measured, s.Watched, s.Past = likeness()
	s.Written = "web listening\n"
	s.Mask = api.MaskPlan{File: project + "/mask.yaml", Undecided: 1, Text: "# rules\ncolumns:\n  public.accounts.mail: email\n  #? public.accounts.note: text # may hold names\n"}
	s.Asks = api.MaskDiff{File: project + "/mask.yaml", Changes: []api.MaskChange{
		{Kind: "new", Column: "public.accounts.phone", Type: "text", Class: "telephone number", Reason: "by its name", Proposed: "phone", Stops: true},
		{Kind: "gone", Column: "public.accounts.fax", Type: "text", Rule: "phone"},
	}}
	s.Caught = []api.Capture{
		{At: at("12:00:01"), Kind: "http", Integration: "payments", Host: "pay.example", Method: "POST", Path: "/charges"},
		{At: at("12:00:02"), Kind: "smtp", Integration: "mail", To: []string{"a@example.test"}, Subject: "Your order"},
	}
	s.Kept = map[understudy.Digest]string{digest("locks"): "relation orders: AccessExclusiveLock 3.7 s\n"}
	s.Record = []understudy.Entry{
		{Sequence: 1, At: at("09:00:00"), Actor: "ann", Act: "release.created", Subject: "v1", Hash: digest("1"), Facts: map[string]string{"digest": "abc"}},
		{Sequence: 2, At: at("09:30:00"), Actor: "ann", Act: "environment.up", Subject: "production", Hash: digest("2")},
		{Sequence: 3, At: at("12:00:00"), Actor: "bob", Act: "verdict.revoked", Subject: "r-1", Reason: "payments were not covered", Hash: digest("3")},
	}
	s.Signed = []understudy.Verdict{{ID: "r-1", Rehearsal: "r-1", Release: digest("v2"), Label: "v2", Outcome: understudy.OutcomePassed, Envelope: []byte("{}"), SignedAt: at("12:01:00")}}
	s.Statement = understudy.Statement{Rehearsal: "r-1", Outcome: understudy.OutcomePassed, Label: "v2", Release: digest("v2"), Running: []understudy.ConfigRan{{Program: "web", Print: "0123456789abcdef", Read: "kernel"}}, Snapshot: s.Snapshot,
		Expected: &understudy.Expectation{Runs: []time.Duration{time.Second, 2 * time.Second}, Low: time.Second, High: 3 * time.Second, Basis: "linear",
			Locks: []understudy.ExpectedLock{{Relation: "public.orders", Kind: "table", Mode: "AccessExclusiveLock"}}},
		Parity: attestedLikeness(),
		Flags:  digest("flags"), FlagRows: []understudy.FlagValues{{"new-checkout": "on", "search": ""}},
		Checks: []understudy.StatementCheck{{Name: "twin", Outcome: understudy.OutcomePassed}}}
	s.Explained, s.InForce, s.Agreed = askedFor()
	s.Flagged = flagged()
	operate(s)
	scenes()["failed"](s)
	return s
}

// askedFor is a policy, how v2 stands to it, and who agreed.
func askedFor() (understudy.Explanation, understudy.PolicyInForce, []understudy.SignedApproval) {
	monday, friday := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC), time.Date(2026, 3, 6, 16, 0, 0, 0, time.UTC)
	explained := understudy.Explanation{
		Label: "v2", To: "production", Verdict: "r-1", Lane: understudy.LaneOrdinary, Bounds: []understudy.Bound{{Says: "9 files changed, of 5 at most"}},
		Changed: []string{"bake was 1m, is 30s"}, Earliest: monday, Until: monday.Add(4 * time.Hour),
		Requirements: []understudy.Requirement{
			{Name: understudy.RequireVerdict, Met: true, Says: "its rehearsal r-1 ended passed"},
			{Name: understudy.RequireApprovals, Says: "1 of 2 approvals: ann", Do: "1 more of bob, eve: understudy approve v2 --to production"},
		},
	}
	in := understudy.PolicyInForce{
		Digest: "sha256:00", Lines: []understudy.PolicyLine{{Key: "bake", Value: "1m"}},
		Frozen:  []understudy.Times{{From: friday, Until: friday.Add(64 * time.Hour), Reason: "the weekend"}},
		Allowed: []understudy.Times{{From: monday, Until: monday.Add(8 * time.Hour)}},
	}
	agreed := understudy.SignedApproval{Approval: understudy.Approval{ID: "a-1", By: "ann", Label: "v2", To: "production", Verdict: "r-1", Reason: "tried the checkout", At: at("12:05:00")}}
	return explained, in, []understudy.SignedApproval{agreed}
}

// proven is the proof of a copy that nothing speaks against.
func proven() *understudy.CopyProof {
	p, err := understudy.CopyProof{
		ProofSummary: understudy.ProofSummary{Values: 5280000, Originals: 40000},
		Tables:       []understudy.TableProof{{Table: "public.orders", Rows: 1300000, Found: 1300000, Compared: "rows"}, {Table: "public.accounts", Rows: 20000, Found: 20000, Compared: "fingerprint", Columns: 3}},
		Objects:      understudy.ObjectProof{Constraints: 3, Indexes: 2},
		Groups:       []understudy.GroupProof{{Table: "public.accounts", Columns: []string{"born", "city"}, K: 5, Groups: 19000, Small: 18000, Rows: 18500, Guessed: true}},
		NotShown:     []string{"plans were not compared: the source has no pg_stat_statements"},
	}.Sealed()
	if err != nil {
		panic(err)
	}
	return &p
}

func standing(snapshot understudy.Snapshot) []api.EnvironmentStatus {
	snapshot.Following = []understudy.Following{
		{Database: "main", State: understudy.FollowingOn, AsOf: at("11:59:00"), Lag: 300 * time.Millisecond, LagBytes: 4096},
		{Database: "mail", State: understudy.FollowingStopped, AsOf: at("11:59:00"), Why: "production's schema changed: table public.tags is new"},
	}
	return []api.EnvironmentStatus{
		{Environment: understudy.Environment{Name: "production", Purpose: understudy.PurposeProduction}, URL: "http://127.0.0.1:18080", Held: "it went back to v1",
			Deployments: []api.DeploymentStatus{{
				Deployment: understudy.Deployment{ID: "d1", Label: "v1", State: understudy.DeploymentServing}, Percent: 100,
				Served:   understudy.Served{Requests: 12345, Errors: 2, P99: 0.0123},
				Services: []api.ServiceStatus{{Name: "web", State: "ready", PID: 41, Since: at("11:00:00"), Restarts: 2, Unfit: "GET /healthz answered 503"}, {Name: "worker", State: "ready", PID: 42, Since: at("11:00:00")}},
			}},
			Databases: []api.DatabaseStatus{{Name: "main", Server: "PostgreSQL 15.6", Running: true, Address: "/tmp/p"}}},
		{Environment: understudy.Environment{Name: "staging", Purpose: understudy.PurposeStaging, TwinOf: "production"}, Sealed: true, Snapshot: &snapshot},
	}
}

// rehearsal is one of v3 that has come to a check, and ended the ones before it.
func rehearsal(state understudy.RehearsalState, step string, done ...understudy.Check) understudy.Rehearsal {
	r := understudy.Rehearsal{
		ID: "r-2", Candidate: digest("v3"), Label: "v3", Baseline: digest("v1"), BaselineLabel: "v1", On: "staging", For: "production",
		State: state, Step: step, Checks: done, QueuedAt: at("12:00:00"), StartedAt: at("12:00:01"), By: "ann",
	}
	if state.Ended() {
		r.EndedAt, r.Verdict = at("12:01:05"), "r-2"
	}
	return r
}

func check(name string, outcome understudy.Outcome, began string, took time.Duration, summary string, findings ...understudy.Finding) understudy.Check {
	return understudy.Check{Name: name, Outcome: outcome, Summary: summary, StartedAt: at(began), Took: took, Findings: findings}
}

func twinCheck() understudy.Check {
	c := check("twin", understudy.OutcomePassed, "12:00:01", 5100*time.Millisecond, "1,320,000 rows in 2 tables, 2 columns masked")
	c.Figures = []understudy.Figure{{Name: "rows", Value: 1320000, Unit: "rows", Basis: "counted while copying"}}
	return c
}

func migrationCheck() understudy.Check {
	return check("migration", understudy.OutcomeFailed, "12:00:07", 6200*time.Millisecond, "orders was locked for 3.7 s", understudy.Finding{
		Code: "slow", Check: "migration", Severity: understudy.SeverityWarning, Title: "the migration takes 6.2 s", Would: "it would take longer on more rows", Seen: "6.2 s on 1,300,000 rows",
		Remedy: "plan for it", Inexact: true,
	}, understudy.Finding{
		Code: "blocked", Check: "migration", Severity: understudy.SeverityBlocking, Title: "writers of orders stood still for 3.7 s", Subject: "orders",
		Would: "customers could not order for as long as the lock was held", Seen: "37 requests waited, the longest 3.7 s", Remedy: "add the column without a default",
		Evidence: []understudy.Evidence{{Name: "locks.txt", Digest: digest("locks"), Size: 1536}},
	})
}

// observation is what was seen of an ALTER TABLE behind a report, with the shop behind it.
const observation = `{"server": "PostgreSQL 15.18", "logBytes": 0, "bytesBefore": 0, "bytesPeak": 0, "bytesAfter": 0, "exact": {},
	"statements": [{"session": 1, "text": "ALTER TABLE orders ADD COLUMN remark text", "from": 10000000, "until": 3830000000, "commits": true}],
	"locks": [{"relation": "public.orders", "kind": "table", "mode": "AccessExclusiveLock", "from": 3810000000, "held": 20000000, "waited": 3790000000, "behind": "shop report"}],
	"waits": [{"who": "shop web", "relation": "public.orders", "wanted": "AccessShareLock", "statement": "SELECT ?", "by": "", "from": 200000000, "for": 3610000000, "times": 12, "queued": true}],
	"notes": ["waits were sampled"]}`

// observedCheck is a migration's with what was seen of it, and two findings of one code.
func observedCheck() understudy.Check {
	kept := []understudy.Evidence{{Name: "migration-up-observed.json", Digest: digest("observed"), Size: int64(len(observation))}}
	blocked := func(subject string, hurt float64) understudy.Finding {
		return understudy.Finding{Code: "migration.blocked", Check: "migration", Severity: understudy.SeverityBlocking, Title: "the migration blocks " + subject, Subject: subject,
			Would: "customers would wait", Seen: "3.8 s", Remedy: "add it in a quiet hour:\n  ALTER TABLE orders ADD COLUMN remark text;", Hurt: hurt, Evidence: kept}
	}
	return check("migration", understudy.OutcomeFailed, "12:00:07", 6200*time.Millisecond, "orders was locked", blocked("public.orders", 3.8), blocked("public.accounts", 1))
}

func scenes() map[string]func(*apitest.Stage) {
	play := func(states ...understudy.Rehearsal) func(*apitest.Stage) {
		return func(s *apitest.Stage) { s.Script = states }
	}
	queued, running := understudy.RehearsalQueued, understudy.RehearsalRunning
	waiting := rehearsal(queued, "")
	waiting.WaitsFor = "r-1"
	cancelled := rehearsal(understudy.RehearsalCancelled, "")
	cancelled.Verdict, cancelled.Reason = "", "cancelled by bob"
	return map[string]func(*apitest.Stage){
		"configured": configured,
		"failed": play(rehearsal(queued, ""), rehearsal(running, "twin"), rehearsal(running, "migration", twinCheck()),
			rehearsal(understudy.RehearsalFailed, "", twinCheck(), migrationCheck())),
		"observed": func(s *apitest.Stage) {
			s.Script = []understudy.Rehearsal{rehearsal(understudy.RehearsalFailed, "", twinCheck(), observedCheck())}
			s.Kept[digest("observed")] = observation
		},
		"passed":       play(rehearsal(running, "twin"), rehearsal(understudy.RehearsalPassed, "", twinCheck())),
		"inconclusive": play(rehearsal(understudy.RehearsalInconclusive, "", twinCheck())),
		"error":        play(rehearsal(understudy.RehearsalError, "")),
		"cancelled":    play(waiting, rehearsal(running, "twin"), cancelled),
		"endless":      play(rehearsal(running, "twin")),
		"hostile": play(rehearsal(understudy.RehearsalFailed, "",
			check("tests", understudy.OutcomeFailed, "12:00:01", time.Second, "\x1b[2J\x1b]0;owned\a\u202egone"))),
		"closed":     closed,
		"may go":     func(s *apitest.Stage) { s.Plan, s.Play = plan(), switching() },
		"may not go": func(s *apitest.Stage) { s.Plan = refused() },
		"the glass is broken": func(s *apitest.Stage) {
			s.Plan, s.Play = plan(), switching()
			s.Plan.Changes = append(s.Plan.Changes, "BREAK-GLASS passes over: 0 of 2 approvals")
			for i := range s.Play {
				s.Play[i].Glass = &understudy.BrokenGlass{By: "ann", Reason: "checkout is down", Passed: []string{"0 of 2 approvals"}}
			}
			s.Standing[0].Owed = "v2 went to production by breaking the glass"
		},
		"goes back": func(s *apitest.Stage) {
			s.Plan, s.Play = plan(), switching()
			last := &s.Play[len(s.Play)-1]
			last.State, last.Reason = understudy.PromotionRolledBack, "9 of 80 requests failed on v2"
		},
	}
}

// closed is production with a front door of which much is to be said.
func closed(s *apitest.Stage) {
	e := &s.Standing[0]
	e.Unapplied = []string{"PAGE_SIZE changed", "WORKERS added"}
	e.URL, e.Sites, e.Problems = "https://127.0.0.1:18443", []string{"https://shop.example.com:18443"}, []string{"0.0.0.0:80 could not be opened"}
	e.Maintenance = &api.Maintained{Since: at("12:00:00"), By: "ann", Reason: "new disks", Allow: []string{"10.0.0.0/8"}, Testers: true}
	e.Certificates = []understudy.Certificate{
		{Hosts: []string{"shop.example.com"}, From: "/srv/cert.pem", Until: at("12:00:00").AddDate(0, 1, 0)},
		{Hosts: []string{"api.example.com"}, From: "https://ca.example/dir", Problem: "no certificate for api.example.com could be had"},
	}
}

func plan() understudy.Promotion {
	return understudy.Promotion{Release: digest("v2"), Label: "v2", To: "production", OldLabel: "v1", Verdict: "r-1", State: understudy.PromotionPlanned,
		Changes: []string{"web: 10, 50, 100 % of requests", "database main: 1 migration"}}
}

func refused() understudy.Promotion {
	p := plan()
	p.Refusals = []string{"its rehearsal r-2 ended failed", "production has moved since the rehearsal: its configuration has changed"}
	p.Do = []string{"rehearse it as things are now: understudy rehearse v2"}
	return p
}

func switching() []understudy.Promotion {
	p := plan()
	p.ID, p.State, p.MadeAt = "p-1", understudy.PromotionPreparing, at("12:10:00")
	p.Events = []understudy.PromotionEvent{{At: at("12:10:00"), Text: "starting v2"}}
	next := p
	next.State = understudy.PromotionBaking
	next.Events = append(next.Events[:1:1], understudy.PromotionEvent{At: at("12:10:09"), Text: "100 % of requests go to v2"})
	last := next
	last.State, last.EndedAt = understudy.PromotionSettled, at("12:11:10")
	return []understudy.Promotion{p, next, last}
}

func countLines(text, part string) int {
	n := 0
	for line := range strings.SplitSeq(text, "\n") {
		if strings.Contains(line, part) {
			n++
		}
	}
	return n
}
