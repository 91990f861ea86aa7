package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"understudy"
	"understudy/internal/api"
	"understudy/internal/api/apitest"
)

// part is one claim about whoever plays the roles.
type part func(t *testing.T, stage *apitest.Stage, roles api.Roles)

func suite() map[string]part {
	return map[string]part{
		"a release comes back as it was made":          releaseComesBack,
		"an error keeps its kind, sentence and hint":   errorKeepsAll,
		"progress is told before the result":           progressFirst,
		"a long act that fails tells why":              longActFails,
		"requests arrive whole":                        requestsArrive,
		"logs come as they were written":               logsCome,
		"following logs ends with its context":         followingLogsEnds,
		"a command reads, writes and ends as it does":  commandRuns,
		"a command is heard while it still reads":      commandIsHeard,
		"watching shows every scene and ends":          watchingEnds,
		"watching stops when who watches has enough":   watchingStops,
		"watching ends with its context":               watchingEndsWithContext,
		"evidence is byte for byte what was kept":      evidenceIsWhole,
		"names may hold anything":                      anyNames,
		"the journal comes in order from where asked":  journalFrom,
		"the journal is held against a head":           journalAgainstHead,
		"metrics come as they were computed":           metricsCome,
		"notifications come, and are tried again":      notificationsCome,
		"captures since a moment are those since then": capturesSince,
		"a proof comes whole":                          proofIsWhole,
		"a signed envelope stays as it was signed":     envelopeStays,
		"an explanation comes whole":                   explanationIsWhole,
		"a configuration comes whole":                  configurationIsWhole,
		"flags come as they were set":                  flagsCome,
		"likeness is watched, and its history comes":   likenessComes,
	}
}

func releaseComesBack(t *testing.T, _ *apitest.Stage, roles api.Roles) {
	made, err := roles.Releases.CreateRelease(t.Context(), api.CreateRelease{Label: "v9", From: "/srv/v9", By: "ann"})
	if err != nil {
		t.Fatal(err)
	}
	found, err := roles.Releases.Release(t.Context(), "v9")
	if err != nil || !cmp.Equal(made, found) {
		t.Errorf("found %+v, %v; made %+v", found, err, made)
	}
	all, err := roles.Releases.Releases(t.Context())
	if err != nil || len(all) != 1 {
		t.Errorf("%d releases, %v; want one", len(all), err)
	}
}

func errorKeepsAll(t *testing.T, _ *apitest.Stage, roles api.Roles) {
	_, err := roles.Releases.Release(t.Context(), "nowhere")
	if understudy.KindOf(err) != understudy.KindNotFound || err.Error() != `there is no release "nowhere"` ||
		understudy.HintOf(err) != "see what there is: understudy release list" {
		t.Errorf("found %v (%s), hint %q", err, understudy.KindOf(err), understudy.HintOf(err))
	}
}

func likenessComes(t *testing.T, stage *apitest.Stage, roles api.Roles) {
	at := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	accepted := &understudy.Acceptance{Kind: "setting", Name: "main *", Owner: "ann", Reason: "small", Until: "2026-12-31"}
	stage.Measured = understudy.Parity{A: "production", B: "staging", Figure: 100, Compared: 10, MeasuredAt: at, Gaps: []understudy.Gap{{Kind: "setting", Name: "main x", Weight: 2, Accepted: accepted}}}
	stage.Watched = []api.Likeness{{At: at, Parity: stage.Measured}, {At: at.Add(time.Minute), Failed: "staging is in use"}}
	stage.Past = understudy.ParityHistory{A: "production", B: "staging", Promoted: []understudy.Promoted{{At: at, To: "production", Label: "v2"}},
		Stretches: []understudy.ParityStretch{{ID: "m1", From: at.Add(-time.Hour), Until: at.Add(-time.Hour)}, {ID: "m2", From: at, Until: at, Times: 3, Figure: 98.9, Kinds: []understudy.GapSum{{Kind: "setting", Accepted: 1}}}}}
	if got, err := roles.Parities.Parity(t.Context(), "", ""); err != nil || !cmp.Equal(got, stage.Measured) {
		t.Errorf("%v: %s", err, cmp.Diff(stage.Measured, got))
	}
	var seen []api.Likeness
	enough := errors.New("enough")
	request := api.WatchParity{A: "production", B: "staging", Every: 90 * time.Second}
	err := roles.Parities.WatchParity(t.Context(), request, func(l api.Likeness) error {
		if seen = append(seen, l); len(seen) == 2 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || !cmp.Equal(seen, stage.Watched) || !cmp.Equal(stage.Requests(), []any{request}) {
		t.Errorf("watched %+v (%v), asked %+v", seen, err, stage.Requests())
	}
	past, err := roles.Parities.ParityHistory(t.Context(), api.ParityHistory{Since: at.Add(-time.Minute)})
	want := stage.Past
	want.Stretches = want.Stretches[1:]
	if err != nil || !cmp.Equal(past, want) {
		t.Errorf("%v: %s", err, cmp.Diff(want, past))
	}
}

func progressFirst(t *testing.T, stage *apitest.Stage, roles api.Roles) {
	stage.Standing = []api.EnvironmentStatus{{Environment: understudy.Environment{Name: "staging"}, URL: "http://127.0.0.1:1"}}
	var told []string
	status, err := roles.Environments.Up(t.Context(), api.Up{Environment: "staging"}, func(text string) { told = append(told, text) })
	if err != nil || status.URL != "http://127.0.0.1:1" {
		t.Errorf("found %+v, %v", status, err)
	}
	if want := []string{"starting staging", "staging is ready"}; !cmp.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}

func longActFails(t *testing.T, _ *apitest.Stage, roles api.Roles) {
	told := 0
	_, err := roles.Environments.Up(t.Context(), api.Up{Environment: "nowhere"}, func(string) { told++ })
	if understudy.KindOf(err) != understudy.KindNotFound || understudy.HintOf(err) == "" || told != 1 {
		t.Errorf("found %v after %d lines", err, told)
	}
}

func requestsArrive(t *testing.T, stage *apitest.Stage, roles api.Roles) {
	stage.Script = []understudy.Rehearsal{{ID: "r1"}}
	stage.Play = []understudy.Promotion{{ID: "p1"}}
	stage.Know = []understudy.Release{{Label: "v2"}}
	stage.Signed = []understudy.Verdict{{ID: "r1"}}
	quiet := func(string) {}
	want := []any{
		api.Rehearse{Release: "v2", On: "staging", By: "ann"}, apitest.Cancelled{ID: "r1", By: "ann"},
		api.Promote{Release: "v2", To: "production", By: "ann", BreakGlass: true, Reason: "down"}, api.Rollback{Environment: "production", By: "ann", Reason: "slow"},
		apitest.Lifted{Environment: "production", By: "ann", Reason: "fixed"}, api.Revoke{Name: "r1", By: "ann", Reason: "wrong"},
		api.Decide{Promotion: "p1", By: "ann", Reason: "seen"}, api.Decide{Promotion: "p1", By: "ann"},
		api.Down{By: "ann"}, api.ResetTwin{Environment: "staging", By: "ann"},
		api.Maintain{Environment: "production", Page: "<p>soon", Allow: []string{"10.0.0.0/8"}, Testers: true, By: "ann", Reason: "disks"},
		api.EndMaintenance{Environment: "production", By: "ann", Reason: "done"},
		api.Approve{Release: "v2", To: "production", By: "ann", Reason: "tried"}, api.Approve{Release: "v2", By: "ann"},
		apitest.Placed{Environment: "production", By: "ann", Reason: "wait"},
	}
	acts := []func() error{
		func() error { _, err := roles.Rehearsals.Rehearse(t.Context(), want[0].(api.Rehearse)); return err },
		func() error { return roles.Rehearsals.CancelRehearsal(t.Context(), "r1", "ann") },
		func() error { _, err := roles.Promotions.Promote(t.Context(), want[2].(api.Promote)); return err },
		func() error { _, err := roles.Promotions.Rollback(t.Context(), want[3].(api.Rollback)); return err },
		func() error { return roles.Holds.LiftHold(t.Context(), "production", "ann", "fixed") },
		func() error { _, err := roles.Verdicts.RevokeVerdict(t.Context(), want[5].(api.Revoke)); return err },
		func() error { _, err := roles.Decisions.SettlePromotion(t.Context(), want[6].(api.Decide)); return err },
		func() error {
			_, err := roles.Decisions.ContractPromotion(t.Context(), want[7].(api.Decide))
			return err
		},
		func() error { return roles.Environments.Down(t.Context(), want[8].(api.Down), quiet) },
		func() error { _, err := roles.Twins.ResetTwin(t.Context(), want[9].(api.ResetTwin), quiet); return err },
		func() error { return roles.Doors.Maintain(t.Context(), want[10].(api.Maintain)) },
		func() error { return roles.Doors.EndMaintenance(t.Context(), want[11].(api.EndMaintenance)) },
		func() error { _, err := roles.Approvals.Approve(t.Context(), want[12].(api.Approve)); return err },
		func() error {
			stage.Update(func() { stage.Agreed = []understudy.SignedApproval{{}} })
			_, err := roles.Approvals.WithdrawApproval(t.Context(), want[13].(api.Approve))
			return err
		},
		func() error { return roles.Holds.PlaceHold(t.Context(), "production", "ann", "wait") },
	}
	for i, act := range acts {
		if err := act(); err != nil {
			t.Errorf("%T: %v", want[i], err)
		}
	}
	if diff := cmp.Diff(want, stage.Requests()); diff != "" {
		t.Errorf("want (-), found (+):\n%s", diff)
	}
}

func logsCome(t *testing.T, stage *apitest.Stage, roles api.Roles) {
	stage.Written = "one\n\x1b[31mtwo\n\xff\x00three"
	var out bytes.Buffer
	if err := roles.Environments.Logs(t.Context(), api.Logs{Environment: "staging", Service: "web"}, &out); err != nil || out.String() != stage.Written {
		t.Errorf("found %q, %v", out.String(), err)
	}
}

func followingLogsEnds(t *testing.T, stage *apitest.Stage, roles api.Roles) {
	stage.Written = "begun\n"
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- roles.Environments.Logs(ctx, api.Logs{Environment: "staging", Follow: true}, writer) }()
	read := func(want string) {
		got := make([]byte, len(want))
		if _, err := io.ReadFull(reader, got); err != nil || string(got) != want {
			t.Fatalf("read %q, %v; want %q", got, err, want)
		}
	}
	read("begun\n")
	stage.Update(func() { stage.Written += "later\n" })
	read("later\n")
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("following ended with %v, want the context's end", err)
	}
}

func commandRuns(t *testing.T, _ *apitest.Stage, roles api.Roles) {
	long := strings.Repeat("0123456789abcdef", 1<<17) // 2 MiB: more than a request's body may have otherwise
	for _, c := range []struct {
		command        []string
		in             string
		status         int
		stdout, stderr string
	}{
		{command: []string{"cat"}, in: long, stdout: long},
		{command: []string{"complain", "a b & c=d\n"}, status: 1, stderr: "a b & c=d\n"},
		{command: []string{"exit", "7"}, status: 7},
		{command: []string{"exit", "3"}, in: long, status: 3}, // which it does not read
	} {
		var stdout, stderr bytes.Buffer
		status, err := roles.Environments.Exec(t.Context(), api.Exec{Environment: "staging", Service: "web", Command: c.command}, strings.NewReader(c.in), &stdout, &stderr)
		if err != nil || status != c.status || stdout.String() != c.stdout || stderr.String() != c.stderr {
			t.Errorf("%q: status %d, %d and %d bytes, %v", c.command, status, stdout.Len(), stderr.Len(), err)
		}
	}
	_, err := roles.Environments.Exec(t.Context(), api.Exec{Environment: "staging", Command: []string{"no-such"}}, strings.NewReader(""), io.Discard, io.Discard)
	if understudy.KindOf(err) != understudy.KindUnavailable {
		t.Errorf("no such program: %v", err)
	}
}

// commandIsHeard is a conversation: each line is answered before the next is said.
func commandIsHeard(t *testing.T, _ *apitest.Stage, roles api.Roles) {
	in, say := io.Pipe()
	hear, out := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		_, err := roles.Environments.Exec(t.Context(), api.Exec{Environment: "staging", Command: []string{"cat"}}, in, out, io.Discard)
		ended <- err
	}()
	for _, line := range []string{"one\n", "two\n", "three\n"} {
		if _, err := io.WriteString(say, line); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(line))
		if _, err := io.ReadFull(hear, got); err != nil || string(got) != line {
			t.Fatalf("heard %q, %v", got, err)
		}
	}
	if err := say.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func watchingEnds(t *testing.T, stage *apitest.Stage, roles api.Roles) {
	stage.Script = []understudy.Rehearsal{
		{ID: "r1", State: understudy.RehearsalQueued}, {ID: "r1", State: understudy.RehearsalRunning, Step: "twin"},
	}
	var seen []understudy.RehearsalState
	err := roles.Rehearsals.WatchRehearsal(t.Context(), "r1", func(r understudy.Rehearsal) error {
		if seen = append(seen, r.State); len(seen) == 2 {
			stage.Update(func() {
				stage.Script = append(stage.Script, understudy.Rehearsal{ID: "r1", State: understudy.RehearsalFailed})
			})
		}
		return nil
	})
	if want := []understudy.RehearsalState{"queued", "running", "failed"}; err != nil || !cmp.Equal(seen, want) {
		t.Errorf("saw %v, %v", seen, err)
	}
	if err := roles.Rehearsals.WatchRehearsal(t.Context(), "r2", nil); understudy.KindOf(err) != understudy.KindNotFound {
		t.Errorf("watching what does not exist: %v", err)
	}
}

func watchingStops(t *testing.T, stage *apitest.Stage, roles api.Roles) {
	stage.Play = []understudy.Promotion{{ID: "p1", State: understudy.PromotionBaking}}
	enough := errors.New("enough")
	if err := roles.Promotions.WatchPromotion(t.Context(), "p1", func(understudy.Promotion) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("watching ended with %v", err)
	}
}

func watchingEndsWithContext(t *testing.T, stage *apitest.Stage, roles api.Roles) {
	stage.Script = []understudy.Rehearsal{{ID: "r1", State: understudy.RehearsalRunning}}
	ctx, cancel := context.WithCancel(t.Context())
	err := roles.Rehearsals.WatchRehearsal(ctx, "r1", func(understudy.Rehearsal) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("watching ended with %v", err)
	}
}

func evidenceIsWhole(t *testing.T, stage *apitest.Stage, roles api.Roles) {
	content := strings.Repeat("\x00\xfflock\n", 1<<16)
	digest := understudy.DigestOf([]byte(content))
	stage.Kept = map[understudy.Digest]string{digest: content}
	opened, err := roles.Evidences.Evidence(t.Context(), digest)
	if err != nil {
		t.Fatal(err)
	}
	read, err := io.ReadAll(opened)
	if err != nil || understudy.DigestOf(read) != digest || opened.Close() != nil {
		t.Errorf("read %d bytes, %v", len(read), err)
	}
	if _, err := roles.Evidences.Evidence(t.Context(), understudy.DigestOf(nil)); understudy.KindOf(err) != understudy.KindNotFound {
		t.Errorf("no such evidence: %v", err)
	}
}

func anyNames(t *testing.T, stage *apitest.Stage, roles api.Roles) {
	for _, name := range []string{"a b", "feature/x", "50%", "ä?#&=+", "...", "v1.0"} {
		stage.Know = []understudy.Release{{Label: name}}
		if r, err := roles.Releases.Release(t.Context(), name); err != nil || r.Label != name {
			t.Errorf("%q: found %q, %v", name, r.Label, err)
		}
	}
}

func journalFrom(t *testing.T, stage *apitest.Stage, roles api.Roles) {
	for i := range int64(500) {
		stage.Record = append(stage.Record, understudy.Entry{Sequence: i + 1, Act: "release.created", Facts: map[string]string{"n": strings.Repeat("x", 100)}})
	}
	next := int64(3)
	err := roles.Journal.JournalEntries(t.Context(), 3, func(e understudy.Entry) error {
		if e.Sequence != next {
			t.Errorf("entry %d came, want %d", e.Sequence, next)
		}
		next++
		return nil
	})
	if err != nil || next != 501 {
		t.Errorf("ended before %d, %v", next, err)
	}
	if v, err := roles.Journal.VerifyJournal(t.Context(), api.VerifyJournal{}); err != nil || v.Entries != 500 || v.First != 1 {
		t.Errorf("verified %+v, %v", v, err)
	}
}

func journalAgainstHead(t *testing.T, stage *apitest.Stage, roles api.Roles) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 5, time.UTC)
	for i := range int64(9) {
		stage.Record = append(stage.Record, understudy.Entry{Sequence: i + 1, At: at.Add(time.Duration(i) * time.Hour), Hash: understudy.DigestOf([]byte{byte(i)})})
	}
	v, err := roles.Journal.VerifyJournal(t.Context(), api.VerifyJournal{Since: at.Add(3 * time.Hour), From: 2, Head: stage.Record[6].Hash})
	if err != nil || v.First != 4 || v.Known != 7 || v.Head != stage.Record[8].Hash {
		t.Errorf("verified %+v, %v", v, err)
	}
	if _, err := roles.Journal.VerifyJournal(t.Context(), api.VerifyJournal{From: 8, Head: stage.Record[6].Hash}); err == nil {
		t.Error("a head from before what was read was found")
	}
}

func metricsCome(t *testing.T, stage *apitest.Stage, roles api.Roles) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	stage.Figures = understudy.Metrics{
		Until: at, Entries: 12, Recovery: understudy.Spread{Count: 5, Enough: true, Median: time.Minute},
		LeadTime: understudy.LeadTime{Spread: understudy.Spread{Count: 1}, FromCommit: 1}, Weeks: []understudy.Week{{Begins: at, Deployed: 2}},
		Changes: []understudy.Change{{Promotion: "p1", Failed: "it was rolled back by itself"}}, Notes: []string{"a note"},
	}
	want := stage.Figures
	want.Environment, want.Since = "production", at.AddDate(0, 0, -30)
	m, err := roles.Journal.Metrics(t.Context(), api.Metrics{Environment: "production", Since: want.Since})
	if diff := cmp.Diff(want, m); err != nil || diff != "" {
		t.Errorf("%v; want (-), found (+):\n%s", err, diff)
	}
}

func notificationsCome(t *testing.T, stage *apitest.Stage, roles api.Roles) {
	stage.Told = api.Told{
		Channels:      []api.ChannelStatus{{Name: "chat", Kind: "slack", Events: []string{"promotion"}, GivenUp: 1, Failed: "the server answered 500"}},
		Notifications: []understudy.Notification{{ID: "7-chat", Channel: "chat", State: understudy.NotificationGivenUp, Attempts: []understudy.Attempt{{Why: "the server answered 500"}}}},
	}
	told, err := roles.Notifications.Notifications(t.Context())
	if diff := cmp.Diff(stage.Told, told); err != nil || diff != "" {
		t.Errorf("%v; want (-), found (+):\n%s", err, diff)
	}
	if err := roles.Notifications.TestNotification(t.Context(), api.TestNotification{Channel: "chat", By: "ann"}); err != nil {
		t.Error(err)
	}
	if err := roles.Notifications.TestNotification(t.Context(), api.TestNotification{Channel: "pager", By: "ann"}); understudy.KindOf(err) != understudy.KindNotFound {
		t.Errorf("a channel that is not there: %v", err)
	}
	n, err := roles.Notifications.RetryNotification(t.Context(), api.RetryNotification{ID: "7-chat", By: "ann"})
	if err != nil || n.State != understudy.NotificationWaiting {
		t.Errorf("found %+v, %v", n, err)
	}
}

func capturesSince(t *testing.T, stage *apitest.Stage, roles api.Roles) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 5, time.UTC)
	stage.Caught = []api.Capture{{At: at.Add(-1), Kind: "smtp"}, {At: at, Kind: "http"}}
	caught, err := roles.Twins.Captures(t.Context(), "staging", at)
	if err != nil || len(caught) != 1 || caught[0].Kind != "http" {
		t.Errorf("since then: %+v, %v", caught, err)
	}
	if caught, err = roles.Twins.Captures(t.Context(), "staging", time.Time{}); err != nil || len(caught) != 2 {
		t.Errorf("all: %+v, %v", caught, err)
	}
}

func proofIsWhole(t *testing.T, stage *apitest.Stage, roles api.Roles) {
	proof := understudy.CopyProof{
		ProofSummary: understudy.ProofSummary{At: time.Date(2026, 3, 1, 12, 0, 0, 5, time.UTC), Values: 7},
		Tables:       []understudy.TableProof{{Table: "public.a", Rows: 3, Found: 3, Compared: "rows"}},
		Columns:      []understudy.ColumnLikeness{{Column: "public.a.b", Spread: -1, Top: [2][]float64{{0.5}, {0.25, 0.125}}}},
		NotShown:     []string{"nothing"},
	}
	sealed, err := proof.Sealed()
	if err != nil {
		t.Fatal(err)
	}
	stage.Snapshot = understudy.Snapshot{ID: "s1", Databases: []understudy.DatabaseCopy{{Database: "main", Proof: &sealed}}}
	found, err := roles.Proofs.Proof(t.Context(), "staging")
	if diff := cmp.Diff(stage.Snapshot, found); err != nil || diff != "" {
		t.Errorf("%v, %s", err, diff)
	}
	again, err := found.Databases[0].Proof.Sealed()
	if err != nil || again.Digest != sealed.Digest {
		t.Errorf("what came has digest %s (%v), what was sent %s", again.Digest, err, sealed.Digest)
	}
}

func envelopeStays(t *testing.T, stage *apitest.Stage, roles api.Roles) {
	envelope := []byte("{\"payload\":\"<&>\u2028\"}\x00\xff")
	stage.Signed = []understudy.Verdict{{ID: "r1", Label: "v2", Envelope: envelope}}
	v, err := roles.Verdicts.Verdict(t.Context(), "v2")
	if err != nil || !bytes.Equal(v.Envelope, envelope) {
		t.Errorf("found %q, %v", v.Envelope, err)
	}
}

func explanationIsWhole(t *testing.T, stage *apitest.Stage, roles api.Roles) {
	moment := time.Date(2026, 3, 1, 12, 0, 0, 5, time.UTC)
	stage.Know = []understudy.Release{{Label: "v2"}}
	stage.Explained = understudy.Explanation{
		Label: "v2", To: "production", Lane: understudy.LaneExpress, Radius: &understudy.Radius{Files: 2, Migration: &understudy.Reach{Held: 5}},
		Requirements: []understudy.Requirement{{Name: understudy.RequireFreeze, Says: "frozen", Do: "wait", Breakable: true, From: moment}}, Earliest: moment,
	}
	got, err := roles.Policies.ExplainPolicy(t.Context(), api.Promote{Release: "v2"})
	if diff := cmp.Diff(stage.Explained, got); err != nil || diff != "" {
		t.Errorf("%v, %s", err, diff)
	}
	short := time.Second
	stage.InForce = understudy.PolicyInForce{Policy: understudy.Policy{Express: &understudy.Express{Bake: &short}}, Frozen: []understudy.Times{{From: moment, Until: moment, Reason: "x"}}}
	in, err := roles.Policies.Policy(t.Context())
	if diff := cmp.Diff(stage.InForce, in); err != nil || diff != "" {
		t.Errorf("%v, %s", err, diff)
	}
	stage.Agreed = []understudy.SignedApproval{{Approval: understudy.Approval{By: "ann", At: moment}, Envelope: []byte("<&>")}}
	given, err := roles.Approvals.Approvals(t.Context(), "v2", "")
	if diff := cmp.Diff(stage.Agreed, given); err != nil || diff != "" {
		t.Errorf("%v, %s", err, diff)
	}
}

func configurationIsWhole(t *testing.T, stage *apitest.Stage, roles api.Roles) {
	setting := understudy.Setting{Key: "PAGE_SIZE", Value: "<50>", Print: "0123456789ab", Layer: "environment", From: "understudy.yaml:7",
		Over: []understudy.SettingLayer{{Layer: "release default", From: "release v2", Value: "20"}}, Refers: []string{"OTHER"}}
	stage.Configured = understudy.Configuration{Environment: "production", Release: "v2", Services: []understudy.ServiceSettings{{Service: "web", Settings: []understudy.Setting{setting}}}}
	shown, err := roles.Configurations.Configuration(t.Context(), api.ShowConfig{Environment: "production", Service: "web", Running: true})
	if diff := cmp.Diff(stage.Configured, shown); err != nil || diff != "" {
		t.Errorf("%v, %s", err, diff)
	}
	stage.ConfigDiff = understudy.ConfigDiff{A: "production", B: "staging", Changes: []understudy.ConfigChange{{Key: "K", Change: "changed", A: "1", B: "2"}}, Equal: 3}
	differs, err := roles.Configurations.DiffConfiguration(t.Context(), api.DiffConfig{A: "production", B: "staging"})
	if diff := cmp.Diff(stage.ConfigDiff, differs); err != nil || diff != "" {
		t.Errorf("%v, %s", err, diff)
	}
	stage.KeyTold = understudy.KeyExplanation{Key: "K", Settings: []understudy.PlacedSetting{{Environment: "production", Service: "web", Setting: setting}},
		Declared: &understudy.ConfigKey{Key: "K", Schema: []byte(`{"type":"integer"}`)}, Read: understudy.ReadConfigResult{State: understudy.ReadFound, How: "x"}}
	told, err := roles.Configurations.ExplainConfiguration(t.Context(), api.ExplainConfig{Key: "K", Environment: "production"})
	if diff := cmp.Diff(stage.KeyTold, told); err != nil || diff != "" {
		t.Errorf("%v, %s", err, diff)
	}
	for _, want := range []any{api.ShowConfig{Environment: "production", Service: "web", Running: true}, api.DiffConfig{A: "production", B: "staging"}, api.ExplainConfig{Key: "K", Environment: "production"}} {
		if !slices.Contains(stage.Requests(), want) {
			t.Errorf("%+v did not arrive: %+v", want, stage.Requests())
		}
	}
}

func flagsCome(t *testing.T, stage *apitest.Stage, roles api.Roles) {
	flag := understudy.Flag{Key: "a/b?c", Variants: map[string]json.RawMessage{"on": json.RawMessage("true"), "off": json.RawMessage("false")}, Off: "off"}
	flags := func(env string) api.EnvironmentFlags {
		return api.EnvironmentFlags{FlagState: understudy.FlagState{Environment: env}, Flags: []api.FlagStatus{{Flag: flag}}}
	}
	stage.Flagged = map[string]api.EnvironmentFlags{"production": flags("production"), "staging": flags("staging")}
	set, err := roles.Flags.SetFlag(t.Context(), api.SetFlag{Environment: "production", Key: flag.Key, Off: true, Expect: new(int64), By: "ann"})
	if err != nil || set.Version != 1 || set.Set[flag.Key].Variant != "off" || string(set.Flags[0].Value) != "false" {
		t.Errorf("set to %+v, %v", set, err)
	}
	if _, err := roles.Flags.SetFlag(t.Context(), api.SetFlag{Environment: "production", Key: flag.Key, Variant: "on", Expect: new(int64)}); understudy.KindOf(err) != understudy.KindConflict {
		t.Errorf("of another version: %v", err)
	}
	found, err := roles.Flags.Flags(t.Context(), "production")
	if err != nil || !cmp.Equal(found, set) {
		t.Errorf("found %+v, %v; set %+v", found, err, set)
	}
	diff, err := roles.Flags.DiffFlags(t.Context(), "production", "staging")
	if err != nil || !cmp.Equal(diff, []api.FlagDifference{{Key: flag.Key, A: "off"}}) {
		t.Errorf("they differ in %+v, %v", diff, err)
	}
	if _, err := roles.Flags.CopyFlags(t.Context(), api.CopyFlags{From: "staging", To: "nowhere"}); understudy.KindOf(err) != understudy.KindNotFound {
		t.Errorf("copied to nowhere: %v", err)
	}
}
