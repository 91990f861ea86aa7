package migrationpage_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"understudy"
	"understudy/internal/migrationpage"
)

var update = flag.Bool("update", false, "write the golden files anew")

const ms = time.Millisecond

// queue is a short ALTER behind a long report, with the shop queueing behind it.
func queue() understudy.Observation {
	return understudy.Observation{
		Server: "PostgreSQL 15.18",
		Statements: []understudy.ObservedStatement{
			{Session: 1, Text: "ALTER TABLE orders ADD COLUMN remark text", From: 10 * ms, Until: 3830 * ms, Commits: true},
			{Session: 1, Text: "CREATE INDEX orders_remark ON orders (remark)", From: 3840 * ms, Until: 4900 * ms, Failed: true},
		},
		Locks: []understudy.ObservedLock{
			{Relation: "public.accounts", Kind: "table", Mode: "ShareRowExclusiveLock", From: 3820 * ms, Held: 10 * ms},
			{Relation: "public.orders", Kind: "table", Mode: "AccessExclusiveLock", From: 3810 * ms, Held: 20 * ms, Waited: 3790 * ms, Behind: "shop report"},
			{Relation: "public.orders", Kind: "table", Mode: "ShareLock", From: 3840 * ms, Held: 1060 * ms, Aborted: true},
			{Relation: "public.fresh", Kind: "table", Mode: "AccessExclusiveLock", New: true, Held: time.Second},
			{Relation: "public.orders", Kind: "table", Mode: "AccessShareLock", From: 3810 * ms, Held: 20 * ms},
		},
		Waits: []understudy.ObservedWait{
			{Who: "shop web", Relation: "public.orders", Wanted: "AccessShareLock", Statement: "SELECT", From: 200 * ms, For: 3610 * ms, Times: 12, Queued: true},
			{Who: "shop web", Relation: "public.orders", Wanted: "row", Statement: "UPDATE", From: 4 * time.Second, For: 900 * ms, Times: 1},
		},
	}
}

func drawn(t *testing.T, o understudy.Observation, about string) string {
	t.Helper()
	var picture bytes.Buffer
	if err := migrationpage.Write(&picture, o, "migration.blocked: public.orders", about); err != nil {
		t.Fatal(err)
	}
	return picture.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s is another one (go test ./internal/migrationpage -update): %s", name, diff)
	}
}

func TestWrite_IsThePictureOfTheGoldenFile(t *testing.T) {
	golden(t, "testdata/timeline.svg", drawn(t, queue(), "public.orders"))
}

func TestText_IsThatOfTheGoldenFile(t *testing.T) {
	golden(t, "testdata/timeline.txt", strings.Join(migrationpage.Text(queue(), "public.orders"), "\n")+"\n")
}

// TestThePageShowsARealObservation draws what was seen of psql on a PostgreSQL server: a
// column added behind a report, filled in the same transaction, and an index.
func TestThePageShowsARealObservation(t *testing.T) {
	raw, err := os.ReadFile("testdata/observed.json")
	if err != nil {
		t.Fatal(err)
	}
	var o understudy.Observation
	if err := json.Unmarshal(raw, &o); err != nil {
		t.Fatal(err)
	}
	golden(t, "../../docs/migration-timeline.svg", drawn(t, o, "public.orders"))
}

// wellFormed reads a picture as XML, and returns its elements' names and all attributes.
func wellFormed(t *testing.T, picture string) (elements, attributes []string) {
	t.Helper()
	for decoder := xml.NewDecoder(strings.NewReader(picture)); ; {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return elements, attributes
		}
		if err != nil {
			t.Fatalf("%v in %s", err, picture)
		}
		if start, is := token.(xml.StartElement); is {
			elements = append(elements, start.Name.Local)
			for _, a := range start.Attr {
				attributes = append(attributes, a.Name.Local+"="+a.Value)
			}
		}
	}
}

func TestWrite_TextsCannotBreakOut(t *testing.T) {
	hostile := "</text><script>alert(1)</script>\x00\x1b[2J&\"' ]]> \xff" + strings.Repeat("long ", 100)
	o := queue()
	o.Server, o.Statements[0].Text, o.Locks[0].Relation, o.Waits[0].Who, o.Locks[1].Behind = hostile, hostile, hostile, hostile, hostile
	plain, _ := wellFormed(t, drawn(t, queue(), ""))
	elements, attributes := wellFormed(t, drawn(t, o, ""))
	if len(elements) != len(plain) {
		t.Errorf("%d elements, and %d with hostile texts", len(plain), len(elements))
	}
	for _, a := range attributes {
		if strings.Contains(a, "script") || strings.HasPrefix(a, "on") || strings.HasPrefix(a, "href") {
			t.Errorf("attribute %s", a)
		}
	}
	if text := strings.Join(migrationpage.Text(o, ""), ""); strings.ContainsAny(text, "\x00\x1b") {
		t.Errorf("%q", text)
	}
}

func TestWrite_TheSameObservationGivesTheSamePicture(t *testing.T) {
	want := drawn(t, queue(), "public.orders")
	for range 20 {
		if got := drawn(t, queue(), "public.orders"); got != want {
			t.Fatal(cmp.Diff(want, got))
		}
	}
}

func TestWrite_DrawsAllDatabasesByOneClock(t *testing.T) {
	o := queue()
	o.Database, o.Began = "main", time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	o.Elsewhere = []understudy.Observation{{
		Database: "archive", Began: o.Began.Add(5 * time.Second),
		Statements: []understudy.ObservedStatement{{Session: 1, Text: "UPDATE kept SET until = $1", From: 10 * ms, Until: 500 * ms}},
		Locks: []understudy.ObservedLock{
			{Relation: "public.kept", Kind: "table", Mode: "ShareLock", From: 20 * ms, Held: 300 * ms}, {Relation: "public.sold", Kind: "table", Mode: "ShareLock", From: 20 * ms, Held: 300 * ms},
			{Relation: "public.bought", Kind: "table", Mode: "ShareLock", From: 20 * ms, Held: 300 * ms},
		},
		Waits: []understudy.ObservedWait{{Who: "shop web", Relation: "public.kept", Wanted: "AccessShareLock", From: 20 * ms, For: 200 * ms, Times: 1}},
	}}
	picture := drawn(t, o, "archive/public.kept, public.sold")
	at := 0
	for _, part := range []string{"1: ALTER TABLE orders", "archive 2: UPDATE kept SET until = $1", "archive/public.kept SHARE", "archive/public.sold SHARE", "public.orders ACCESS EXCLUSIVE", "shop web: archive/public.kept ACCESS SHARE", "shop web: public.orders ACCESS SHARE"} {
		next := strings.Index(picture[at:], part)
		if next < 0 {
			t.Fatalf("%q does not follow: %s", part, picture)
		}
		at += next
	}
	if strings.Index(picture, "archive/public.bought") < strings.Index(picture, "archive/public.sold") {
		t.Error("what is not asked about comes first")
	}
	if picture := drawn(t, o, "archive/public.kept, archive/public.sold"); strings.Index(picture, "archive/public.bought") < strings.Index(picture, "archive/public.sold") {
		t.Error("of relations that are each named with their database, only the first comes first")
	}
	if lines := migrationpage.Text(o, "archive/public.kept"); !strings.HasSuffix(lines[0], "5.5s") {
		t.Errorf("it ends elsewhere: %q", lines[0])
	}
}

func TestNothingSeenIsDrawnToo(t *testing.T) {
	wellFormed(t, drawn(t, understudy.Observation{}, ""))
	if text := migrationpage.Text(understudy.Observation{}, ""); len(text) != 1 || !strings.Contains(text[0], "nothing") {
		t.Errorf("%q", text)
	}
}

func TestManyLanesAreCutToThoseThatMatter(t *testing.T) {
	o := understudy.Observation{}
	for i := range 200 {
		o.Statements = append(o.Statements, understudy.ObservedStatement{Text: "INSERT", From: time.Duration(i) * ms, Until: time.Duration(i+1) * ms})
	}
	o.Statements[150].Text, o.Statements[150].Until = "CREATE INDEX", time.Second
	text := strings.Join(migrationpage.Text(o, ""), "\n")
	if !strings.Contains(text, "CREATE INDEX") || !strings.Contains(text, "and 176 shorter ones") || strings.Count(text, "\n") > 40 {
		t.Error(text)
	}
	wellFormed(t, drawn(t, o, ""))
}
