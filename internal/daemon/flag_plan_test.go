package daemon

import (
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"understudy"
	"understudy/internal/journal"
	"understudy/internal/rehearsal"
	"understudy/internal/runtime/process"
	"understudy/internal/store"
)

// declares is an application with boolean flags that are off. A key may be followed by what
// its metadata says, as in "a requires b"; one with a + is on.
func declares(keys ...string) understudy.Application {
	var flags []string
	for _, key := range keys {
		words := strings.Fields(strings.TrimSuffix(key, "+"))
		metadata := ""
		if len(words) == 3 {
			metadata = fmt.Sprintf(`, "metadata": {"%s": "%s"}`, words[1], words[2])
		}
		variant := "off"
		if strings.HasSuffix(key, "+") {
			variant = "on"
		}
		flags = append(flags, fmt.Sprintf(`"%s": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "%s"%s}`, words[0], variant, metadata))
	}
	return understudy.Application{Flags: &understudy.Flags{Definition: []byte(`{"flags": {` + strings.Join(flags, ",") + `}}`)}}
}

// shown is a row as the flags that are on.
func shown(row understudy.FlagValues) string {
	var on []string
	for key, variant := range row {
		if variant == "on" {
			on = append(on, key)
		}
	}
	slices.Sort(on)
	return strings.Join(on, "+")
}

func TestFlagPlan_RowsTurnNewFlagsOnAroundWhatProductionHas(t *testing.T) {
	for _, c := range []struct {
		claim               string
		baseline, candidate understudy.Application
		set                 understudy.FlagValues
		off                 string
		rows                []string // must be among them, the first ones in this order
		never               func(row understudy.FlagValues) bool
	}{
		{"one new flag alone", declares(), declares("a"), nil, "", []string{"a"}, nil},
		{"what production sets stays while new ones are off", declares("old"), declares("a", "old"), understudy.FlagValues{"old": "on"}, "old", []string{"a+old", "a"}, nil},
		{"a new flag that is on by default is off in the first row", declares(), declares("a+"), nil, "", []string{"a"}, nil},
		{"two new flags come together", declares(), declares("a", "b"), nil, "", []string{"a", "b", "a+b"}, nil},
		{"what a flag requires comes with it", declares("old"), declares("a requires old", "old"), nil, "", []string{"a+old"},
			func(row understudy.FlagValues) bool { return row["a"] == "on" && row["old"] == "off" }},
		{"what a flag requires and production has is not taken away", declares("old+"), declares("a requires old", "old+"), nil, "old", []string{"a+old"},
			func(row understudy.FlagValues) bool { return row["a"] == "on" && row["old"] == "off" }},
		{"what a flag excludes and production has is turned off for it", declares("old+"), declares("a excludes old", "old+"), nil, "old", []string{"a"},
			func(row understudy.FlagValues) bool { return row["a"] == "on" && row["old"] == "on" }},
	} {
		t.Run(c.claim, func(t *testing.T) {
			space, plan, err := planFlags(c.candidate, c.baseline, c.set)
			if err != nil {
				t.Fatal(err)
			}
			rows, err := rowsOn(space, plan.New)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, row := range rows {
				got = append(got, shown(row))
				if c.never != nil && c.never(row) {
					t.Errorf("a row that must not be: %v", row)
				}
			}
			if shown(plan.Off) != c.off || len(got) < len(c.rows) || !slices.Equal(got[:len(c.rows)], c.rows) {
				t.Errorf("off: %s; rows %q, want %s and %q", shown(plan.Off), got, c.off, c.rows)
			}
		})
	}
}

func TestFlagPlan_OfManyFlagsStaysSmallAndHasEachPairWithANewOne(t *testing.T) {
	var old, all []string
	for n := range 30 {
		old = append(old, fmt.Sprintf("old%d", n))
	}
	all = append(slices.Clone(old), "a", "b")
	space, plan, err := planFlags(declares(all...), declares(old...), nil)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := rowsOn(space, plan.New)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d rows for %d flags", len(rows), len(all))
	if len(rows) > 20 {
		t.Errorf("%d rows", len(rows))
	}
	for _, fresh := range plan.New {
		for _, other := range all {
			for _, variant := range []string{"on", "off"} {
				together := slices.ContainsFunc(rows, func(row understudy.FlagValues) bool { return row[fresh] == "on" && row[other] == variant })
				if fresh != other && !together {
					t.Errorf("%s never meets %s=%s", fresh, other, variant)
				}
			}
		}
	}
}

func TestStale_IsWhatIsTheSameEverywhereInAllReleases(t *testing.T) {
	release := func(keys ...string) understudy.Release { return understudy.Release{Application: declares(keys...)} }
	same := []understudy.Release{release("a", "b"), release("a", "b"), release("a", "b")}
	for _, c := range []struct {
		claim    string
		releases []understudy.Release
		states   []understudy.FlagValues
		want     []string
	}{
		{"both", same, []understudy.FlagValues{nil, nil}, []string{"a", "b"}},
		{"not what an environment sets otherwise", same, []understudy.FlagValues{nil, {"a": "on"}}, []string{"b"}},
		{"not what a release had otherwise", []understudy.Release{release("a+", "b"), same[0]}, []understudy.FlagValues{nil}, []string{"b"}},
		{"not what is new", []understudy.Release{release("b"), same[0]}, []understudy.FlagValues{nil}, []string{"b"}},
	} {
		var got []string
		for _, s := range stale(c.releases, c.states) {
			got = append(got, s.Key)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.claim, got, c.want)
		}
	}
}

// remembering is a daemon with a journal besides its records.
func remembering(t *testing.T) *Daemon {
	t.Helper()
	d := archived(t)
	var err error
	if d.journal, err = journal.Open(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.journal.Close(); err != nil {
			t.Error(err)
		}
	})
	d.news = &news{bell: d.bell}
	return d
}

func TestFlags_WhatTheJournalHasIsInForceThoughTheStoreHasLostIt(t *testing.T) {
	d := remembering(t)
	state := understudy.FlagState{Environment: "production"}
	c := flagChange{env: "production", by: "ada", reason: "slow", to: understudy.FlagValues{"cart": "off", "gift": "on"}}
	var err error
	for _, key := range []string{"cart", "gift"} {
		if state, err = d.changeFlag(t.Context(), state, key, c); err != nil {
			t.Fatal(err)
		}
	}
	first := understudy.FlagState{Environment: "production"}.Change("cart", understudy.FlagSetting{Variant: "off", By: "ada"})
	for name, restored := range map[string]func() error{
		"nothing":           func() error { return d.store.Delete(t.Context(), kindFlags, "production") },
		"the first of two":  func() error { return d.store.Put(t.Context(), kindFlags, "production", first) },
		"all, as it should": func() error { return d.store.Put(t.Context(), kindFlags, "production", state) },
	} {
		if err := restored(); err != nil {
			t.Fatal(err)
		}
		if err := d.reconcile(t.Context()); err != nil {
			t.Fatal(err)
		}
		now, err := d.flagState(t.Context(), "production")
		if err != nil || now.Version != 2 || now.Set["cart"].Variant != "off" || now.Set["gift"].Variant != "on" || now.Set["gift"].By != "ada" {
			t.Errorf("the store had %s: %+v, %v", name, now, err)
		}
	}
}

func TestFlags_AChangeThatTheStoreDoesNotTakeHoldsAndLastsBeyondTheNext(t *testing.T) {
	fine := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	d := remembering(t)
	file := filepath.Join(t.TempDir(), "store.db")
	whole, err := store.Open(t.Context(), "sqlite:"+file)
	fine(errors.Join(err, d.store.Close()))
	d.store, d.runtime = whole, &process.Runtime{Run: t.TempDir()}
	beside, err := sql.Open("sqlite", file)
	fine(err)
	defer beside.Close()
	set := func(key string) error {
		return d.changeFlags(t.Context(), flagChange{env: "production", by: "ada", reason: "slow", to: understudy.FlagValues{key: "on"}})
	}
	on := func(when string, keys ...string) {
		t.Helper()
		state, err := d.flagState(t.Context(), "production")
		if got := slices.Sorted(maps.Keys(state.Set)); err != nil || !slices.Equal(got, keys) || state.Version != int64(len(keys)) {
			t.Errorf("%s version %d is in force with %q, expected %q (%v)", when, state.Version, got, keys, err)
		}
	}
	_, err = beside.ExecContext(t.Context(), `CREATE TRIGGER full BEFORE INSERT ON understudy_records BEGIN SELECT RAISE(FAIL, 'the disk is full'); END`)
	fine(err)
	if err := set("cart"); err == nil || !strings.Contains(err.Error(), "flag cart of production is set and stands in the journal, and was not kept in the store") || !strings.Contains(err.Error(), "the disk is full") {
		t.Errorf("the store did not take it, and that is told as %v", err)
	}
	on("once the store was full,", "cart")
	_, err = beside.ExecContext(t.Context(), `DROP TRIGGER full`)
	fine(errors.Join(err, set("gift")))
	on("after the next change", "cart", "gift")
	d.unkept = unkept{} // as of a daemon that is started again
	fine(d.reconcile(t.Context()))
	on("after the daemon was started again", "cart", "gift")
}

func TestFlags_ATwinTakesThoseOfWhatItIsATwinOf(t *testing.T) {
	d := remembering(t)
	production := understudy.FlagState{Environment: "production", Version: 7, Set: map[string]understudy.FlagSetting{"cart": {Variant: "off", At: time.Unix(9, 0)}}}
	twin := understudy.FlagState{Environment: "staging", Version: 3, Set: map[string]understudy.FlagSetting{"gift": {Variant: "on"}}}
	for name, state := range map[string]understudy.FlagState{"production": production, "staging": twin} {
		if err := d.store.Put(t.Context(), kindFlags, name, state); err != nil {
			t.Fatal(err)
		}
	}
	d.spread.end("staging", d.spread.begin("staging"))
	for range 2 { // a second time it is nothing
		if err := d.takeFlags(t.Context(), "staging", "production"); err != nil {
			t.Fatal(err)
		}
		now, err := d.flagState(t.Context(), "staging")
		if err != nil || now.Version != 4 || shown(now.Variants()) != "" || now.Variants()["cart"] != "off" || d.journal.Head().Sequence != 1 {
			t.Errorf("%+v after %d entries, %v", now, d.journal.Head().Sequence, err)
		}
	}
	if d.spread.is("staging") {
		t.Error("what runs on the twin is not told")
	}
}

var _ rehearsal.Flagger = (*stage)(nil)

func TestSpread_IsWholeOnlyOnceTheLastOneWas(t *testing.T) {
	var s spread
	if s.is("production") {
		t.Error("a daemon that has just been started has seen nothing")
	}
	first := s.begin("production")
	second := s.begin("production")
	if s.end("production", first); s.is("production") {
		t.Error("the second has not ended")
	}
	if s.end("production", second); !s.is("production") || s.is("staging") {
		t.Error("both have ended")
	}
	s.begin("production")
	if s.is("production") {
		t.Error("one has begun since")
	}
}

func TestViolations_AreToldOfWhatIsSet(t *testing.T) {
	app := declares("a requires b", "b")
	for said, set := range map[string]understudy.FlagValues{
		"":                                     {"a": "on", "b": "on"},
		"a is on and requires b, which is off": {"a": "on"},
	} {
		values, _ := app.Values(set)
		if got := strings.Join(violations(app, values), "; "); got != said {
			t.Errorf("with %v: %q, want %q", set, got, said)
		}
	}
}
