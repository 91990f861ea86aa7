package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"understudy"
	"understudy/internal/api"
)

func TestWatchingParity_KeepsOneLineThatSaysHowItStandsOnATerminal(t *testing.T) {
	var told bytes.Buffer
	var shown screen
	v := newVoice(Streams{Out: &told, Err: &shown})
	v.terminal.live = true
	w := &parityWatch{cli: &cli{voice: v}}
	p := understudy.Parity{A: "production", B: "staging", Figure: 100, Compared: 10}
	hear := func(minutes int, heard api.Likeness) {
		heard.At = noon().Add(time.Duration(minutes) * time.Minute)
		if err := w.hear(heard); err != nil {
			t.Fatal(err)
		}
	}
	hear(0, api.Likeness{Parity: p})
	hear(15, api.Likeness{Parity: p})
	clock := func(minutes int) string { return clockOf(noon().Add(time.Duration(minutes) * time.Minute)) }
	if got, want := strings.Join(shown.rows, "\n"), clock(15)+" 100.0, 0 accidental; measured 2 times, as it is since "+clock(0); got != want {
		t.Errorf("the terminal shows %q", got)
	}
	if got := told.String(); strings.Count(got, "\n") != 1 {
		t.Errorf("that nothing changed is told twice: %q", got)
	}
	p.Gaps, p.Figure = []understudy.Gap{{Kind: "setting", Name: "main fsync", A: "on", B: "off", Weight: 2}}, 81.8
	hear(30, api.Likeness{Parity: p})
	if want := "  came    setting main fsync: on / off\n"; !strings.HasSuffix(told.String(), want) {
		t.Errorf("told %q, want %q at its end", told.String(), want)
	}
	p.Lapsed = []understudy.Lapsed{{Acceptance: understudy.Acceptance{Kind: "index", Name: "*", Owner: "bob"}}}
	hear(40, api.Likeness{Parity: p})
	if want := "  lapsed: the acceptance of index * by bob: no such difference was found any more\n"; !strings.HasSuffix(told.String(), want) {
		t.Errorf("told %q, want %q at its end", told.String(), want)
	}
	hear(45, api.Likeness{Failed: "staging is in use"})
	w.clear()
	if want := clock(45) + " not measured: staging is in use"; shown.rows[0] != want || strings.Join(shown.rows[1:], "") != "" || w.times != 4 {
		t.Errorf("the terminal shows %q after %d measurements", shown.rows, w.times)
	}
}
