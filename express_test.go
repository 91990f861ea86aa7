package understudy_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"understudy"
)

func shopOf(files ...understudy.ArtifactFile) understudy.Release {
	return understudy.Release{Label: "v1", Digest: digest("v1"), Artifact: understudy.Artifact{Files: files}, Application: understudy.Application{
		Name: "shop", Services: []understudy.Service{{Name: "web", Command: []string{"bin/web"}}}, Config: []understudy.ConfigKey{{Key: "A"}},
		Databases: []understudy.Database{{Name: "main"}}, Migration: &understudy.Migration{Up: []string{"bin/migrate"}},
	}}
}

func file(path, content string) understudy.ArtifactFile {
	return understudy.ArtifactFile{Path: path, Digest: digest(content), Size: int64(len(content))}
}

func TestMeasureRadius_IsOfContentAndDeclarations(t *testing.T) {
	before := shopOf(file("bin/web", "one"), file("page.html", "old"), file("gone", "12345"), file("same", "same"))
	after := shopOf(file("bin/web", "three"), file("page.html", "old"), file("new", "ab"), file("same", "same"))
	after.Artifact.Files[1].Executable = true
	after.Application.Services = []understudy.Service{{Name: "web", Command: []string{"bin/web"}, User: "root"}, {Name: "worker", Command: []string{"x"}}}
	after.Application.Config = []understudy.ConfigKey{{Key: "A", Required: true}, {Key: "B"}}
	after.Application.Databases = append(after.Application.Databases, understudy.Database{Name: "more"})
	after.Application.Migration = &understudy.Migration{Up: []string{"bin/migrate", "-f"}}
	after.Application.Tests = []understudy.Test{{Name: "e2e"}} // never runs in production
	snapshot := understudy.Snapshot{Databases: []understudy.DatabaseCopy{{Database: "main", Proof: &understudy.CopyProof{ProofSummary: understudy.ProofSummary{Likeness: 0.97}}}}}
	want := understudy.Radius{
		Against: digest("v1"), Files: 4, Bytes: 5 + 3 + 5 + 2, Paths: []string{"bin/web", "gone", "new", "page.html"}, Services: []string{"web", "worker"},
		Keys: []string{"A", "B"}, Permissions: []string{"page.html", "service web"}, Wiring: []string{"database more", "the migration's command"}, Likeness: 0.97,
	}
	if diff := cmp.Diff(want, understudy.MeasureRadius(before, after, snapshot)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	same := understudy.MeasureRadius(before, before, understudy.Snapshot{})
	if diff := cmp.Diff(understudy.Radius{Against: digest("v1")}, same); diff != "" {
		t.Errorf("of the same, without a proof, -want +got:\n%s", diff)
	}
}

func TestReachOf_CountsWhatKeepsOthersOutOfWhatWasThere(t *testing.T) {
	o := understudy.Observation{
		Exact: understudy.Exactness{Locks: true, Writes: true},
		Locks: []understudy.ObservedLock{
			{Relation: "a", Mode: "AccessExclusiveLock", Held: 20 * time.Millisecond, HeldMost: 30 * time.Millisecond},
			{Relation: "b", Mode: "RowExclusiveLock", Held: time.Hour},
			{Relation: "new", Mode: "AccessExclusiveLock", Held: time.Hour, New: true},
			{Relation: "c", Mode: "SHARED_WRITE", Stops: understudy.StopsWrites, Held: 40 * time.Millisecond},
		},
		Tables: []understudy.TableChange{
			{Relation: "a", Inserted: 1, Updated: 2, Deleted: 3}, {Relation: "new", New: true, Inserted: 1e6}, {Relation: "b", Rewritten: true},
			{Relation: "d", Gone: true}, {Relation: "e", Columns: []understudy.ColumnChange{{Name: "x", Was: "text"}, {Name: "y", Is: "text"}}},
		},
	}
	want := understudy.Reach{Held: 40 * time.Millisecond, Exact: true, Rows: 6, Heavy: []string{"table b written anew", "table d gone or emptied", "column e.x gone"}}
	if diff := cmp.Diff(want, understudy.ReachOf(o)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	o.Exact.Locks = false
	if understudy.ReachOf(o).Exact {
		t.Error("sampled locks are taken for all")
	}
}

func TestReachOf_IsIdleOnlyWhereNothingWasSeenToBeDone(t *testing.T) {
	exact := understudy.Exactness{Locks: true, Writes: true}
	for claim, o := range map[string]understudy.Observation{
		"it was only sampled": {},
		"a table changed":     {Exact: exact, Tables: []understudy.TableChange{{Relation: "a", New: true}}},
		"it locked":           {Exact: exact, Locks: []understudy.ObservedLock{{Relation: "a", Mode: "ShareLock", New: true}}},
		"it made a function":  {Exact: exact, Statements: []understudy.ObservedStatement{{Text: "CREATE FUNCTION f", Commits: true}}},
	} {
		if understudy.ReachOf(o).Idle {
			t.Errorf("%s, and it counts as idle", claim)
		}
	}
	idle := understudy.ReachOf(understudy.Observation{Exact: exact, Locks: []understudy.ObservedLock{{Relation: "a", Mode: "AccessShareLock"}}, Statements: []understudy.ObservedStatement{{Text: "SELECT"}}})
	if bounds := (understudy.ExpressWhen{}).Bounds(&understudy.Radius{Migration: &idle}); !understudy.Within(bounds) {
		t.Errorf("one that finds nothing to do is beyond: %+v", bounds)
	}
}

func TestExpressBounds_EachSideAloneKeepsAReleaseOff(t *testing.T) {
	when := understudy.ExpressWhen{MaxFiles: 3, MaxBytes: 1000, Paths: []string{"bin/web", "pages/", "*.css"}, Services: []string{"web"}, MaxLock: 50 * time.Millisecond, Likeness: 0.9}
	small := understudy.Radius{
		Files: 3, Bytes: 1000, Paths: []string{"bin/web", "pages/a/b.html", "main.css"}, Services: []string{"web"}, Likeness: 0.9,
		Migration: &understudy.Reach{Held: 50 * time.Millisecond, Exact: true, Rows: 100},
	}
	if bounds := when.Bounds(&small); !understudy.Within(bounds) {
		t.Errorf("a small one is beyond: %+v", bounds)
	}
	for _, c := range []struct {
		says  string
		spoil func(r *understudy.Radius)
	}{
		{"files changed: 4, of 3 at most", func(r *understudy.Radius) { r.Files, r.Paths = 4, append(r.Paths, "pages/c") }},
		{"bytes of content in them: 1001", func(r *understudy.Radius) { r.Bytes = 1001 }},
		{"paths changed that are not listed: bin/worker, css/a.css", func(r *understudy.Radius) { r.Paths = []string{"bin/worker", "css/a.css", "pages/x"} }},
		{"only 1 of the 3 changed paths are attested", func(r *understudy.Radius) { r.Paths = r.Paths[:1] }},
		{"services changed: worker", func(r *understudy.Radius) { r.Services = []string{"web", "worker"} }},
		{"configuration keys changed: NEW", func(r *understudy.Radius) { r.Keys = []string{"NEW"} }},
		{"permissions changed: bin/web", func(r *understudy.Radius) { r.Permissions = []string{"bin/web"} }},
		{"other declarations changed: database b", func(r *understudy.Radius) { r.Wiring = []string{"database b"} }},
		{"0.899 like production's, and 0.900 is asked for", func(r *understudy.Radius) { r.Likeness = 0.899 }},
		{"kept others out for 51ms, of 50ms at most", func(r *understudy.Radius) { r.Migration.Held = 51 * time.Millisecond }},
		{"wrote 101 rows that were there, of 100 at most", func(r *understudy.Radius) { r.Migration.Rows = 101 }},
		{"locks were sampled", func(r *understudy.Radius) { r.Migration.Exact = false }},
		{"the migration has table a written anew", func(r *understudy.Radius) { r.Migration.Heavy = []string{"table a written anew"} }},
	} {
		r, reach := small, *small.Migration
		r.Paths, r.Migration = slices.Clone(small.Paths), &reach
		c.spoil(&r)
		beyond := slices.DeleteFunc(when.Bounds(&r), func(b understudy.Bound) bool { return b.Within })
		if len(beyond) != 1 || !strings.Contains(beyond[0].Says, c.says) {
			t.Errorf("%s: beyond is %+v", c.says, beyond)
		}
	}
	when.MaxLock = 0
	if understudy.Within(when.Bounds(&small)) {
		t.Error("a migration is within a lane that allows none")
	}
	small.Migration = nil
	if !understudy.Within(when.Bounds(&small)) {
		t.Error("no migration is beyond a lane that allows none")
	}
	if understudy.Within(when.Bounds(nil)) || understudy.Within(nil) {
		t.Error("what was not measured is within")
	}
}

func TestPolicyOn_TheExpressLaneNeverAsksForMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		length := func(name string) time.Duration {
			return time.Duration(rapid.IntRange(0, 100).Draw(t, name)) * time.Second
		}
		count := rapid.IntRange(0, 5).Draw(t, "spared")
		soak, bake := length("spared soak"), length("spared bake")
		p := understudy.Policy{
			Soak: length("soak"), Bake: length("bake"), Approvals: &understudy.ApprovalRule{Count: rapid.IntRange(1, 5).Draw(t, "count")},
			Express: &understudy.Express{Approvals: &count, Soak: &soak, Bake: &bake},
		}
		e := p.On(understudy.LaneExpress)
		if e.Soak > p.Soak || e.Bake > p.Bake || e.Approvals.Count > p.Approvals.Count {
			t.Fatalf("%s is asked on the lane, %s otherwise", e.Lines(), p.Lines())
		}
		if diff := cmp.Diff(p, p.On(understudy.LaneOrdinary)); diff != "" {
			t.Fatal(diff)
		}
	})
}

// TestPolicyLines_TellEveryChange changes each field of a policy, and of what is in it, by
// itself: a field that no line tells could change between a rehearsal and a promotion unseen.
func TestPolicyLines_TellEveryChange(t *testing.T) {
	whole := func() understudy.Policy {
		p := understudy.Policy{
			Approvals: &understudy.ApprovalRule{Count: 1}, Freeze: []understudy.Window{{Rule: "FREQ=DAILY", From: "2026-01-01", Days: 1, Zone: "UTC"}},
			Windows: []understudy.Window{{Rule: "FREQ=DAILY", From: "2026-01-01", Days: 1, Zone: "UTC"}},
			Metrics: []understudy.Metric{{Name: "orders", Max: new(float64), Min: new(float64)}},
			Parity:  understudy.ParityTerms{Accepted: []understudy.Acceptance{{Kind: "volume", Name: "*", Owner: "ann", Reason: "a subset", Until: "2026-12-31"}}},
			Express: &understudy.Express{Approvals: new(int), Soak: new(time.Duration), Bake: new(time.Duration), StepFor: new(time.Duration)},
		}
		return p.WithDefaults()
	}
	for _, path := range fieldPaths(reflect.TypeFor[understudy.Policy](), nil) {
		now := whole()
		alter(t, reflect.ValueOf(&now).Elem(), path)
		if was := whole(); len(was.Changes(now)) == 0 {
			t.Errorf("no line tells that %v has changed", path)
		}
	}
	if same := whole().Changes(whole()); len(same) > 0 {
		t.Errorf("of the same policy changed is told: %q", same)
	}
	shorter := whole()
	shorter.Freeze = nil
	if said := whole().Changes(shorter); len(said) != 1 || !strings.HasSuffix(said[0], "is gone") {
		t.Errorf("without the freeze: %q", said)
	}
}

// fieldPaths are the ways to every field that holds a plain value.
func fieldPaths(of reflect.Type, way []string) [][]string {
	switch {
	case of.Kind() == reflect.Pointer, of.Kind() == reflect.Slice && of.Elem().Kind() == reflect.Struct:
		return fieldPaths(of.Elem(), way)
	case of.Kind() != reflect.Struct:
		return [][]string{way}
	}
	var out [][]string
	for f := range of.Fields() {
		out = append(out, fieldPaths(f.Type, append(slices.Clone(way), f.Name))...)
	}
	return out
}

func alter(t *testing.T, v reflect.Value, path []string) {
	for ; v.Kind() == reflect.Pointer || v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct; v = reflect.Indirect(v) {
		if v.Kind() == reflect.Slice {
			v = v.Index(0)
		}
	}
	if len(path) > 0 {
		alter(t, v.FieldByName(path[0]), path[1:])
		return
	}
	switch v.Kind() {
	case reflect.Int, reflect.Int64:
		v.SetInt(v.Int() + int64(time.Hour))
	case reflect.Float64:
		v.SetFloat(v.Float() + 0.125)
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.String:
		v.SetString("other")
	case reflect.Slice:
		one := reflect.New(v.Type().Elem()).Elem()
		alter(t, one, nil)
		v.Set(reflect.Append(v, one))
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{"one": "other"}))
	default:
		t.Fatalf("a field of kind %s", v.Kind())
	}
}

func TestParseLength_ReadsWhatItWrites(t *testing.T) {
	for text, want := range map[string]string{"14h": "14h", "2d": "2d", "2d14h30m": "2d14h30m", "90m": "1h30m", "0d": "", "36h": "36h"} {
		days, more, err := understudy.ParseLength(text)
		if got := (understudy.Window{Days: days, For: more}).Length(); err != nil || got != want {
			t.Errorf("%s is %q, %v; want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"", "d", "1", "1s", "-1h", "1h2d", "99999d", "1.5h", "1d 2h", "9999999h"} {
		if _, _, err := understudy.ParseLength(text); understudy.KindOf(err) != understudy.KindInvalid {
			t.Errorf("%q is read: %v", text, err)
		}
	}
	if said := fmt.Sprint(understudy.Window{From: "2026-12-20", Days: 2, Zone: "UTC", Reason: "x"}); said != "from 2026-12-20 for 2d, UTC (x)" {
		t.Errorf("once is written as %q", said)
	}
}
