package understudy_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"understudy"
)

func outcomes(pairs ...string) []understudy.Check {
	var checks []understudy.Check
	for i := 0; i < len(pairs); i += 2 {
		checks = append(checks, understudy.Check{Name: pairs[i], Outcome: understudy.Outcome(pairs[i+1])})
	}
	return checks
}

func TestConclude_IsTheVerdictRule(t *testing.T) {
	for _, c := range []struct {
		claim    string
		checks   []understudy.Check
		required []string
		want     understudy.Outcome
	}{
		{"all required passed", outcomes("twin", "passed", "tests", "passed"), []string{"twin", "tests"}, understudy.OutcomePassed},
		{"one failed", outcomes("twin", "passed", "tests", "failed"), []string{"twin", "tests"}, understudy.OutcomeFailed},
		{"failed outweighs error", outcomes("twin", "error", "tests", "failed"), []string{"twin", "tests"}, understudy.OutcomeFailed},
		{"error outweighs inconclusive", outcomes("twin", "inconclusive", "tests", "error"), []string{"twin", "tests"}, understudy.OutcomeError},
		{"inconclusive is no pass", outcomes("twin", "passed", "tests", "inconclusive"), []string{"twin", "tests"}, understudy.OutcomeInconclusive},
		{"missing could not be told", outcomes("twin", "passed"), []string{"twin", "tests"}, understudy.OutcomeInconclusive},
		{"nothing looked at", nil, []string{"twin"}, understudy.OutcomeInconclusive},
		{"failed counts though not asked for", outcomes("twin", "passed", "tests", "failed"), []string{"twin"}, understudy.OutcomeFailed},
		{"error not asked for is let be", outcomes("twin", "passed", "tests", "error"), []string{"twin"}, understudy.OutcomePassed},
		{"inconclusive not asked for is let be", outcomes("twin", "passed", "tests", "inconclusive"), []string{"twin"}, understudy.OutcomePassed},
		{"no outcome is no pass", outcomes("twin", ""), []string{"twin"}, understudy.OutcomeInconclusive},
		{"an unknown outcome is no pass", outcomes("twin", "splendid"), []string{"twin"}, understudy.OutcomeInconclusive},
	} {
		if got := understudy.Conclude(c.checks, c.required); got != c.want {
			t.Errorf("%s: %s, want %s", c.claim, got, c.want)
		}
	}
}

func TestConclude_PassesOnlyIfEveryRequiredCheckPassed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := []understudy.Outcome{"", understudy.OutcomePassed, understudy.OutcomeFailed, understudy.OutcomeInconclusive, understudy.OutcomeError}
		required := rapid.SliceOfDistinct(rapid.SampledFrom(understudy.Checks()), rapid.ID).Draw(t, "required")
		looked := rapid.SliceOfNDistinct(rapid.SampledFrom(understudy.Checks()), 0, 7, rapid.ID).Draw(t, "looked at")
		ended := map[string]understudy.Outcome{}
		var checks []understudy.Check
		failed := false
		for _, name := range looked {
			outcome := rapid.SampledFrom(all).Draw(t, name)
			ended[name], failed = outcome, failed || outcome == understudy.OutcomeFailed
			checks = append(checks, understudy.Check{Name: name, Outcome: outcome})
		}
		pass := !failed
		for _, name := range required {
			pass = pass && ended[name] == understudy.OutcomePassed
		}
		if got := understudy.Conclude(checks, required); (got == understudy.OutcomePassed) != pass {
			t.Fatalf("%s, and passing is %t", got, pass)
		}
	})
}

func TestCheckConclude_ABlockingFindingFailsWhateverTheOutcome(t *testing.T) {
	blocking := []understudy.Finding{{Severity: understudy.SeverityNote}, {Severity: understudy.SeverityBlocking}}
	mild := []understudy.Finding{{Severity: understudy.SeverityWarning}, {Severity: understudy.SeverityNote}}
	for _, c := range []struct {
		had      understudy.Outcome
		findings []understudy.Finding
		want     understudy.Outcome
	}{
		{"", nil, understudy.OutcomePassed},
		{"", mild, understudy.OutcomePassed},
		{"", blocking, understudy.OutcomeFailed},
		{understudy.OutcomeInconclusive, mild, understudy.OutcomeInconclusive},
		{understudy.OutcomeInconclusive, blocking, understudy.OutcomeFailed},
		{understudy.OutcomeError, nil, understudy.OutcomeError},
		{understudy.OutcomeError, blocking, understudy.OutcomeFailed},
	} {
		got := understudy.Check{Outcome: c.had, Findings: c.findings}.Conclude()
		if got.Outcome != c.want {
			t.Errorf("%q with %d findings: %s, want %s", c.had, len(c.findings), got.Outcome, c.want)
		}
	}
}

// permitted is a gate and a statement that it lets through.
func permitted() (understudy.Gate, understudy.Statement) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	release := understudy.Release{
		Digest: digest("release"), Artifact: understudy.Artifact{Digest: digest("artifact")},
		Config: digest("config"), Migrations: digest("migrations"), Flags: digest("flags"),
	}
	production := understudy.Fingerprint{
		Environment: "production", Release: digest("old"), ReleaseLabel: "v1", Config: "print",
		Schemas: map[string]understudy.Digest{"shop": digest("schema")}, Servers: map[string]string{"shop": "PostgreSQL 15.14"},
		Flags: digest("production's flags"), ObservedAt: now.Add(-2 * time.Hour),
	}
	statement := understudy.Statement{
		Rehearsal: "r1", Outcome: understudy.OutcomePassed, Release: release.Digest, Artifact: release.Artifact.Digest,
		Config: release.Config, Migrations: release.Migrations, Flags: release.Flags, Production: production, EndedAt: now.Add(-time.Hour),
	}
	for _, name := range understudy.Checks() {
		statement.Checks = append(statement.Checks, understudy.StatementCheck{Name: name, Outcome: understudy.OutcomePassed})
	}
	return understudy.Gate{Release: release, Production: production, Policy: understudy.Policy{}.WithDefaults(), Now: now}, statement
}

func digest(of string) understudy.Digest { return understudy.DigestOf([]byte(of)) }

func TestGate_PermitsWhatWasRehearsed(t *testing.T) {
	gate, statement := permitted()
	gate.Production.ObservedAt = gate.Now // another moment, the same state
	if why := gate.Refusals(statement); len(why) > 0 {
		t.Errorf("refused: %q", why)
	}
}

func TestGate_NamesEveryReasonByItself(t *testing.T) {
	for _, c := range []struct {
		claim string
		spoil func(g *understudy.Gate, s *understudy.Statement)
		want  string
	}{
		{"did not pass", func(_ *understudy.Gate, s *understudy.Statement) { s.Outcome = understudy.OutcomeInconclusive }, "its rehearsal r1 ended inconclusive"},
		{"other release", func(g *understudy.Gate, _ *understudy.Statement) { g.Release.Digest = digest("other") }, "the verdict is for release"},
		{"other artifacts", func(g *understudy.Gate, _ *understudy.Statement) { g.Release.Artifact.Digest = digest("other") }, "artifacts"},
		{"other configuration", func(g *understudy.Gate, _ *understudy.Statement) { g.Release.Config = digest("other") }, "the configuration rehearsed"},
		{"other migration", func(g *understudy.Gate, _ *understudy.Statement) { g.Release.Migrations = digest("other") }, "the migration rehearsed"},
		{"other flags", func(g *understudy.Gate, _ *understudy.Statement) { g.Release.Flags = digest("other") }, "the flags rehearsed"},
		{"production moved", func(g *understudy.Gate, _ *understudy.Statement) { g.Production.Config = "another" },
			"production has moved since the rehearsal: its configuration has changed"},
		{"check not looked at", func(_ *understudy.Gate, s *understudy.Statement) { s.Checks = s.Checks[1:] }, "the policy requires check twin, which the rehearsal did not look at"},
		{"check ended otherwise", func(_ *understudy.Gate, s *understudy.Statement) { s.Checks[0].Outcome = understudy.OutcomeError },
			"the policy requires check twin, which ended otherwise than passed"},
		{"too old", func(g *understudy.Gate, _ *understudy.Statement) { g.Now = g.Now.Add(24 * time.Hour) }, "the verdict is 25h0m0s old; the policy allows 24h0m0s"},
		{"from the future", func(g *understudy.Gate, _ *understudy.Statement) { g.Now = g.Now.Add(-2 * time.Hour) }, "the verdict is from the future"},
	} {
		gate, statement := permitted()
		c.spoil(&gate, &statement)
		why := gate.Refusals(statement)
		if len(why) != 1 || !strings.Contains(why[0], c.want) {
			t.Errorf("%s: refusals %q, want one with %q", c.claim, why, c.want)
		}
	}
}

func TestGate_AClockAMinuteBehindIsNoFuture(t *testing.T) {
	gate, statement := permitted()
	gate.Now = statement.EndedAt.Add(-time.Minute)
	if why := gate.Refusals(statement); len(why) > 0 {
		t.Errorf("refused: %q", why)
	}
	gate.Now = gate.Now.Add(-time.Second)
	if why := gate.Refusals(statement); len(why) != 1 {
		t.Errorf("a verdict from 61 s ahead: refusals %q, want one", why)
	}
}

func TestGate_SaysEverythingAtOnce(t *testing.T) {
	gate, _ := permitted()
	if why := gate.Refusals(understudy.Statement{}); len(why) < 10 {
		t.Errorf("an empty statement is refused for %d reasons only: %q", len(why), why)
	}
}

func TestFingerprint_MovedNamesThePart(t *testing.T) {
	_, statement := permitted()
	for _, c := range []struct {
		claim string
		move  func(f *understudy.Fingerprint)
		want  string
	}{
		{"release", func(f *understudy.Fingerprint) { f.Release, f.ReleaseLabel = digest("new"), "v9" }, "it runs release v9, then it ran v1"},
		{"release without a label", func(f *understudy.Fingerprint) { f.Release, f.ReleaseLabel = digest("new"), "" }, "it runs release " + digest("new").Short() + ", then it ran v1"},
		{"nothing runs", func(f *understudy.Fingerprint) { f.Release, f.ReleaseLabel = "", "" }, "it runs release nothing, then it ran v1"},
		{"configuration", func(f *understudy.Fingerprint) { f.Config = "other" }, "its configuration has changed"},
		{"configuration to come", func(f *understudy.Fingerprint) { f.Configured = "other" }, "the configuration that a release would be started with there has changed"},
		{"schema", func(f *understudy.Fingerprint) { f.Schemas = map[string]understudy.Digest{"shop": digest("x")} }, "schema of database shop has changed"},
		{"server", func(f *understudy.Fingerprint) { f.Servers = map[string]string{"shop": "PostgreSQL 16.2"} }, "server of database shop has changed"},
		{"database gone", func(f *understudy.Fingerprint) { f.Schemas = nil }, "schema of database shop is gone"},
		{"flags", func(f *understudy.Fingerprint) { f.Flags = digest("x") }, "its flags have changed"},
		{"a flag", func(f *understudy.Fingerprint) {
			f.Flags, f.FlagSet = digest("x"), understudy.FlagValues{"checkout": "off"}
		}, "flag checkout was as declared, is off"},
	} {
		now := statement.Production
		c.move(&now)
		if moved := statement.Production.Moved(now); len(moved) != 1 || moved[0] != c.want {
			t.Errorf("%s: %q, want %q", c.claim, moved, c.want)
		}
	}
	pending := statement.Production
	pending.Configured = "next"
	if moved := pending.Moved(pending); len(moved) > 0 || !pending.Reconfigures() || statement.Production.Reconfigures() {
		t.Errorf("what was to come then and is now: %q", moved)
	}
	if moved := pending.Moved(statement.Production); len(moved) != 1 {
		t.Errorf("what was rehearsed is taken out of the file: %q", moved)
	}
	arrived := pending
	arrived.Config, arrived.Configured = "next", ""
	if moved := pending.Moved(arrived); len(moved) != 1 || moved[0] != "its configuration has changed" {
		t.Errorf("what was rehearsed has been promoted: %q", moved)
	}
	more := statement.Production
	more.Servers = map[string]string{"shop": "PostgreSQL 15.14", "stock": "PostgreSQL 15.14"}
	if moved := statement.Production.Moved(more); len(moved) != 1 || moved[0] != "server of database stock is new" {
		t.Errorf("a new database: %q", moved)
	}
}

func TestGate_SaysInOneSentenceThatARehearsalNeverSawProduction(t *testing.T) {
	gate, statement := permitted()
	statement.Production = understudy.Fingerprint{}
	if why := gate.Refusals(statement); len(why) != 1 || why[0] != "the rehearsal did not get to see production" {
		t.Errorf("refused: %q", why)
	}
}

func TestFingerprint_WhenAndUnderWhatLabelDoNotMatter(t *testing.T) {
	_, statement := permitted()
	now := statement.Production
	now.ObservedAt, now.ReleaseLabel = now.ObservedAt.Add(time.Hour), "v1-again"
	if moved := statement.Production.Moved(now); moved != nil {
		t.Errorf("moved: %q", moved)
	}
}
