package cli

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"understudy"
)

func noon() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func scene(now time.Time) understudy.Rehearsal {
	return understudy.Rehearsal{
		ID: "r-2", Label: "v3", BaselineLabel: "v1", On: "staging", For: "production", State: understudy.RehearsalRunning, Step: "compatibility", StartedAt: now,
		Checks: []understudy.Check{
			{Name: "twin", Outcome: understudy.OutcomePassed, StartedAt: now, Took: 5100 * time.Millisecond, Summary: "1,320,000 rows in 2 tables"},
			{Name: "parity", Outcome: understudy.OutcomePassed, StartedAt: now.Add(5 * time.Second), Took: 40 * time.Millisecond, Summary: "99.2 of 100"},
			{Name: "config", Outcome: understudy.OutcomeInconclusive, StartedAt: now.Add(5100 * time.Millisecond), Took: 90 * time.Millisecond, Summary: "one key\nis a guess"},
			{Name: "migration", Outcome: understudy.OutcomeFailed, StartedAt: now.Add(6 * time.Second), Took: 6200 * time.Millisecond, Summary: "orders was locked for 3.7 s, 注文 waited"},
		},
	}
}

func texts(lines []boardLine) string {
	var out []string
	for _, l := range lines {
		out = append(out, l.text)
	}
	return strings.Join(out, "\n")
}

func TestTheBoardFitsItsTerminal(t *testing.T) {
	later := noon().Add(64 * time.Second)
	for name, c := range map[string]struct {
		width, height int
		want          string
	}{
		"wide": {100, 24, `
rehearsing v3 against v1 on staging for production (r-2)
  passed       twin             5.1s  1,320,000 rows in 2 tables
  passed       parity           40ms  99.2 of 100
  inconclusive config           90ms  one key is a guess
  failed       migration        6.2s  orders was locked for 3.7 s, 注文 waited
  running      compatibility   51.8s
  waiting      deployment
  waiting      tests
  waiting      flags
  waiting      rollback
  1m04s so far`},
		"narrow": {40, 24, `
rehearsing v3 against v1 on staging fo…
  passed       twin             5.1s  …
  passed       parity           40ms  …
  inconclusive config           90ms  …
  failed       migration        6.2s  …
  running      compatibility   51.8s
  waiting      deployment
  waiting      tests
  waiting      flags
  waiting      rollback
  1m04s so far`},
		"low": {60, 5, `
rehearsing v3 against v1 on staging for production (r-2)
  running      compatibility   51.8s
  waiting      deployment
  1m04s so far`},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(strings.TrimPrefix(c.want, "\n"), texts(boardLines(scene(noon()), later, c.width, c.height))); diff != "" {
				t.Errorf("want (-), found (+):\n%s", diff)
			}
		})
	}
}

func TestNoLineOfTheBoardIsAsWideAsTheTerminal(t *testing.T) {
	for width := 1; width < 130; width++ {
		for _, line := range boardLines(scene(noon()), noon(), width, 24) {
			if columns(line.text) >= width {
				t.Errorf("at width %d: %q takes %d columns", width, line.text, columns(line.text))
			}
		}
	}
}

func TestOnlyTheMarkIsColoured(t *testing.T) {
	for mark, want := range map[string]string{
		"passed": "  \x1b[32mpassed\x1b[0m       twin", "failed": "  \x1b[31mfailed\x1b[0m       twin",
		"inconclusive": "  \x1b[33minconclusive\x1b[0m twin", "running": "  \x1b[1mrunning\x1b[0m      twin",
	} {
		line := boardLine{text: checkLine{state: mark, name: "twin"}.text(), mark: mark}
		if got := line.in(true); got != want {
			t.Errorf("%s: %q, want %q", mark, got, want)
		}
		if got := line.in(false); strings.Contains(got, "\x1b") {
			t.Errorf("%s without colour: %q", mark, got)
		}
	}
}

// screen is as much of a terminal as the board uses. It has no last line.
type screen struct {
	rows   []string
	at     int
	scraps strings.Builder
}

func (s *screen) Write(p []byte) (int, error) {
	s.scraps.Write(p)
	text := s.scraps.String()
	s.scraps.Reset()
	for text != "" {
		switch {
		case strings.HasPrefix(text, "\r"):
			text = text[1:]
		case strings.HasPrefix(text, "\n"):
			s.at, text = s.at+1, text[1:]
		case strings.HasPrefix(text, "\x1b["):
			end := strings.IndexFunc(text, func(r rune) bool { return r >= 'A' && r <= 'z' && r != '[' })
			if text[end] == 'A' {
				up := 0
				for _, digit := range text[2:end] {
					up = 10*up + int(digit-'0')
				}
				s.at -= up
			}
			if text[end] == 'J' {
				s.rows = s.rows[:min(s.at, len(s.rows))]
			}
			if text[end] == 'K' && s.at < len(s.rows) { // the cursor is at its beginning
				s.rows[s.at] = ""
			}
			text = text[end+1:]
		default:
			end := strings.IndexAny(text+"\n", "\r\n\x1b")
			for len(s.rows) <= s.at {
				s.rows = append(s.rows, "")
			}
			s.rows[s.at], text = s.rows[s.at]+text[:end], text[end:]
		}
	}
	return len(p), nil
}

func TestTheBoardIsRedrawnInPlaceAndNarrationStandsAbove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var shown screen
		v := newVoice(Streams{Out: &bytes.Buffer{}, Err: &shown})
		b := newLiveBoard(v, time.Now)
		b.size = func() (int, int) { return 72, 24 }
		start := time.Now()
		r := scene(start)
		b.show(r)
		time.Sleep(3 * time.Second) // in the bubble's time
		synctest.Wait()
		if last := shown.rows[len(shown.rows)-1]; last != "  3s so far" {
			t.Errorf("after three seconds the board says %q", last)
		}
		v.say("the daemon is gone")
		r.State, r.EndedAt, r.Step = understudy.RehearsalFailed, start.Add(20*time.Second), ""
		b.show(r)
		b.close()
		v.say("after it")
		want := "the daemon is gone\n" + texts(boardLines(r, start, 72, 24)) + "\nafter it"
		if diff := cmp.Diff(want, strings.Join(shown.rows, "\n")); diff != "" {
			t.Errorf("want (-), found (+):\n%s", diff)
		}
	})
}

func TestATerminalThatBecameNarrowerIsErasedWhole(t *testing.T) {
	drawn := []string{strings.Repeat("x", 79), "short", strings.Repeat("注", 20)}
	for width, want := range map[int]string{100: "\r\x1b[3A\x1b[J", 40: "\r\x1b[4A\x1b[J", 20: "\r\x1b[7A\x1b[J"} {
		if got := erase(drawn, width, 24); got != want {
			t.Errorf("at width %d: %q, want %q", width, got, want)
		}
	}
	if got := erase(drawn, 20, 5); got != "\r\x1b[4A\x1b[J" {
		t.Errorf("no further than the top: %q", got)
	}
	if got := erase(nil, 20, 5); got != "" {
		t.Errorf("nothing drawn: %q", got)
	}
}

func TestTextsAreBrokenAtSpaces(t *testing.T) {
	for _, c := range []struct {
		text  string
		width int
		want  []string
	}{
		{"one two three", 7, []string{"one two", "three"}},
		{"one two three", 0, []string{"one two three"}},
		{"averylongword and", 5, []string{"averylongword", "and"}},
		{"first\nsecond line", 6, []string{"first", "second", "line"}},
		{"注文 注文", 4, []string{"注文", "注文"}},
	} {
		if got := wrap(c.text, c.width); !cmp.Equal(got, c.want) {
			t.Errorf("%q at %d: %q, want %q", c.text, c.width, got, c.want)
		}
	}
}

func TestLengthsAndCountsReadWell(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0ms", 340 * time.Millisecond: "340ms", 6249 * time.Millisecond: "6.2s", 59999 * time.Millisecond: "59.9s", 64 * time.Second: "1m04s", 3725 * time.Second: "1h02m",
	} {
		if got := took(d); got != want {
			t.Errorf("%v: %q, want %q", int64(d), got, want)
		}
	}
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1320000: "1,320,000", -12345: "-12,345"} {
		if got := number(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
	for value, want := range map[float64]string{3.7: "3.7", 1320000: "1,320,000", 0.0627: "0.063", 100.1: "100.1"} {
		if got := amount(value); got != want {
			t.Errorf("%v: %q, want %q", value, got, want)
		}
	}
}

func TestWhatWouldSteerATerminalIsShown(t *testing.T) {
	if got, want := clean("a\x1b[31mb\x07c\u009bd\u202ee\tf\ng"), "a\uFFFD[31mb\uFFFDc\uFFFDd\uFFFDe\tf\ng"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestFindingsAreWrappedOnATerminal(t *testing.T) {
	f := understudy.Finding{
		Severity: understudy.SeverityBlocking, Title: "writers of orders stood still for 3.7 s",
		Would: "customers could not order for as long as the lock was held", Remedy: "add the column without a default",
	}
	want := []string{
		"blocking: writers of orders stood still for 3.7 s",
		"  would     customers could not order",
		"            for as long as the lock was",
		"            held",
		"  remedy    add the column without a",
		"            default",
	}
	if diff := cmp.Diff(want, findingLines(f, 40)); diff != "" {
		t.Errorf("want (-), found (+):\n%s", diff)
	}
}
