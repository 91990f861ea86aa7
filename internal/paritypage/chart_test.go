package paritypage_test

import (
	"bytes"
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
	"understudy/internal/paritypage"
)

var update = flag.Bool("update", false, "write the golden files anew")

func at(text string) time.Time {
	t, err := time.Parse("2006-01-02 15:04", text)
	if err != nil {
		panic(err)
	}
	return t
}

// autumn is a month in which a twin was reset each week, came away in between, and somebody
// set a key on it by hand.
func autumn() understudy.ParityHistory {
	h := understudy.ParityHistory{A: "production", B: "staging", Promoted: []understudy.Promoted{
		{At: at("2026-10-12 14:20"), To: "production", Label: "v41"}, {At: at("2026-10-20 09:05"), To: "production", Label: "v42"},
		{At: at("2026-10-21 16:40"), To: "production", Label: "v42.1"}, {At: at("2026-11-02 10:15"), To: "production", Label: "v43"},
	}}
	add := func(from, until string, times int, figure float64, kinds ...understudy.GapSum) {
		h.Stretches = append(h.Stretches, understudy.ParityStretch{ID: from, From: at(from), Until: at(until), Times: times, Figure: figure, Compared: 412, Kinds: kinds})
	}
	rehearsed := func(when, label string) {
		s := &h.Stretches[len(h.Stretches)-1]
		s.Occasions = append(s.Occasions, understudy.ParityOccasion{At: at(when), What: understudy.OccasionRehearsal, ID: "r", Label: label})
	}
	known := understudy.GapSum{Kind: "limit", Accepted: 2}
	expected := understudy.GapSum{Kind: "credential", Expected: 3}
	add("2026-10-10 08:00", "2026-10-12 14:15", 218, 100, known, expected)
	rehearsed("2026-10-12 13:30", "v41")
	add("2026-10-12 14:30", "2026-10-16 07:45", 365, 95.3, understudy.GapSum{Kind: "release", Accidental: 1, Weight: 10}, understudy.GapSum{Kind: "column", Accidental: 2, Weight: 10}, known, expected)
	add("2026-10-16 08:00", "2026-10-18 11:00", 205, 100, known, expected)
	rehearsed("2026-10-16 08:00", "v42")
	add("2026-10-18 11:15", "2026-10-20 09:00", 184, 99.2, understudy.GapSum{Kind: "configuration", Accidental: 1, Weight: 3}, known, expected)
	rehearsed("2026-10-19 17:20", "v42")
	add("2026-10-20 09:15", "2026-10-21 16:30", 126, 96.8, understudy.GapSum{Kind: "release", Accidental: 1, Weight: 10}, understudy.GapSum{Kind: "configuration", Accidental: 1, Weight: 3}, known, expected)
	add("2026-10-21 16:45", "2026-10-24 06:00", 230, 96.1, understudy.GapSum{Kind: "release", Accidental: 1, Weight: 10}, understudy.GapSum{Kind: "configuration", Accidental: 2, Weight: 6}, known, expected)
	add("2026-10-27 09:00", "2026-10-30 18:00", 323, 98.6, understudy.GapSum{Kind: "configuration", Accidental: 2, Weight: 6}, understudy.GapSum{Kind: "limit", Accepted: 1}, expected)
	add("2026-10-30 18:15", "2026-11-02 10:00", 256, 99.5, understudy.GapSum{Kind: "volume", Accidental: 1, Weight: 1.8}, understudy.GapSum{Kind: "limit", Accepted: 1}, expected)
	rehearsed("2026-11-02 08:45", "v43")
	add("2026-11-02 10:30", "2026-11-03 09:00", 90, 97.2, understudy.GapSum{Kind: "release", Accidental: 1, Weight: 10}, understudy.GapSum{Kind: "volume", Accidental: 1, Weight: 2.1}, understudy.GapSum{Kind: "limit", Accepted: 1}, expected)
	add("2026-11-03 09:15", "2026-11-09 12:00", 590, 100, understudy.GapSum{Kind: "limit", Accepted: 1}, expected)
	return h
}

func drawn(t *testing.T, h understudy.ParityHistory) string {
	t.Helper()
	var picture bytes.Buffer
	if err := paritypage.Write(&picture, h); err != nil {
		t.Fatal(err)
	}
	return picture.String()
}

func TestWrite_IsThePictureInTheDocuments(t *testing.T) {
	const golden = "../../docs/parity-history.svg"
	got := drawn(t, autumn())
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s is another one (go test ./internal/paritypage -update): %s", golden, diff)
	}
}

// elements reads a picture as XML, and returns its elements with their attributes.
func elements(t *testing.T, picture string) []xml.StartElement {
	t.Helper()
	var out []xml.StartElement
	for decoder := xml.NewDecoder(strings.NewReader(picture)); ; {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatalf("%v in %s", err, picture)
		}
		if start, is := token.(xml.StartElement); is {
			out = append(out, start.Copy())
		}
	}
}

func classes(t *testing.T, picture string) map[string]int {
	t.Helper()
	out := map[string]int{}
	for _, e := range elements(t, picture) {
		for _, a := range e.Attr {
			if a.Name.Local == "class" {
				out[a.Value]++
			}
		}
	}
	return out
}

func TestWrite_EachKindIsALaneWhoseBarsGoOnWhileNothingChanges(t *testing.T) {
	of := classes(t, drawn(t, autumn()))
	// One of each is the legend's.
	for class, want := range map[string]int{"measured": 1 + 10, "rehearsed": 1 + 4, "promoted": 1 + 4, "label": 4, "heavy": 1 + 4, "light": 1 + 3, "accepted": 1 + 2} {
		if of[class] != want {
			t.Errorf("%d elements are %s, want %d", of[class], class, want)
		}
	}
}

func TestWrite_TextsCannotBreakOut(t *testing.T) {
	hostile := "</text><script>alert(1)</script>\x00\x1b[2J&\"' ]]> \xff" + strings.Repeat("long ", 100)
	h := autumn()
	plain := len(elements(t, drawn(t, h)))
	h.A, h.Promoted[0].Label, h.Stretches[0].Occasions[0].Label, h.Stretches[8].Kinds[1].Kind = hostile, hostile, hostile, hostile
	all := elements(t, drawn(t, h))
	if len(all) < plain-1 || len(all) > plain+4 { // a lane more for the new name, a label less for which there is no room
		t.Errorf("%d elements, and %d with hostile texts", plain, len(all))
	}
	for _, e := range all {
		for _, a := range e.Attr {
			if e.Name.Local == "script" || strings.Contains(a.Value, "script") || strings.HasPrefix(a.Name.Local, "on") || a.Name.Local == "href" {
				t.Errorf("%s has attribute %s=%s", e.Name.Local, a.Name.Local, a.Value)
			}
		}
	}
}

func TestWrite_NothingOneAndTooManyAreDrawnToo(t *testing.T) {
	if text := drawn(t, understudy.ParityHistory{A: "a", B: "b"}); !strings.Contains(text, "nothing was measured") {
		t.Error(text)
	}
	one := understudy.ParityHistory{Stretches: []understudy.ParityStretch{{From: at("2026-10-10 08:00"), Until: at("2026-10-10 08:00"), Times: 1, Figure: 0}}}
	if text := drawn(t, one); strings.Contains(text, "NaN") || strings.Contains(text, "Inf") {
		t.Error(text)
	}
	for i := range 40 {
		one.Stretches[0].Kinds = append(one.Stretches[0].Kinds, understudy.GapSum{Kind: strings.Repeat("k", i+1), Accidental: 1, Weight: float64(i)})
	}
	if text := drawn(t, one); !strings.Contains(text, "22 kinds that weighed less are not drawn") {
		t.Error(text)
	}
	elements(t, drawn(t, one))
	for days := 1; days < 3000; days *= 3 {
		long := autumn()
		last := &long.Stretches[len(long.Stretches)-1]
		last.Until = last.From.AddDate(0, 0, days)
		elements(t, drawn(t, long))
	}
}
