package twin_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"understudy"
	"understudy/internal/twin"
)

// world is production, and a twin's disk and shelf. What dies names the call at which the
// process ends.
type world struct {
	now        time.Time
	production understudy.Fingerprint
	policy     understudy.Digest
	copies     map[string]bool // golden copies that are whole, by snapshot
	shelf      []understudy.Snapshot
	made       int
	dies       string
	breaks     map[string]error
}

type death struct{}

func (w *world) act(name string) error {
	if w.dies == name {
		panic(death{})
	}
	return w.breaks[name]
}

func newWorld() *world {
	return &world{
		now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), policy: understudy.DigestOf([]byte("rules")), copies: map[string]bool{},
		production: understudy.Fingerprint{
			Environment: "production", Config: "print", Schemas: map[string]understudy.Digest{"shop": understudy.DigestOf([]byte("schema"))},
			Servers: map[string]string{"shop": "PostgreSQL 15.14"},
		},
	}
}

func (w *world) Observe(_ context.Context, environment string) (understudy.Fingerprint, error) {
	return w.production, w.act("Observe")
}

func (w *world) Copy(_ context.Context, from, _, snapshot string, _ func(string)) ([]understudy.DatabaseCopy, time.Time, error) {
	w.copies[snapshot] = false // half of it is there
	if err := w.act("Copy"); err != nil {
		return nil, w.now, err
	}
	w.copies[snapshot] = true
	return []understudy.DatabaseCopy{{Database: "shop", Tables: []understudy.TableCopy{{Table: "public.users", Rows: 7}}}}, w.now, w.act("copied")
}

func (w *world) Whole(_ context.Context, _ string, snapshot understudy.Snapshot) (bool, error) {
	return w.copies[snapshot.ID], w.act("Whole")
}

func (w *world) Discard(_ context.Context, _, snapshot string) error {
	err := w.act("Discard")
	if err == nil {
		delete(w.copies, snapshot)
	}
	return err
}

func (w *world) Rules(string) (understudy.Digest, error) { return w.policy, w.act("Rules") }

func (w *world) Latest(context.Context, string) (understudy.Snapshot, bool, error) {
	if len(w.shelf) == 0 {
		return understudy.Snapshot{}, false, w.act("Latest")
	}
	return w.shelf[len(w.shelf)-1], true, w.act("Latest")
}

func (w *world) Put(_ context.Context, _ string, s understudy.Snapshot) error {
	if err := w.act("Put"); err != nil {
		return err
	}
	w.shelf = append(w.shelf, s)
	return w.act("put")
}

// snapshot asks for one, and tells whether the process died.
func (w *world) snapshot(want twin.Want) (got twin.Got, err error, died bool) {
	defer func() {
		if what := recover(); what != nil {
			if _, died = what.(death); !died {
				panic(what)
			}
		}
	}()
	studio := twin.Studio{Observer: w, Copier: w, Shelf: w, Now: func() time.Time { return w.now }, NewID: func() string {
		w.made++
		return fmt.Sprintf("s%d", w.made)
	}}
	got, err = studio.Snapshot(context.Background(), want, func(string) {})
	return got, err, false
}

func want() twin.Want { return twin.Want{Of: "production", On: "staging", MaxAge: 24 * time.Hour} }

func TestSnapshot_TheFirstIsTaken(t *testing.T) {
	w := newWorld()
	got, err, _ := w.snapshot(want())
	if err != nil || got.Kept || got.Why != "there is none yet" {
		t.Fatalf("%+v, %v", got, err)
	}
	s := got.Snapshot
	if s.ID != "s1" || s.Of != "production" || s.Policy != w.policy || !s.TakenAt.Equal(w.now) || s.Databases[0].Rows() != 7 {
		t.Errorf("snapshot %+v", s)
	}
	if diff := cmp.Diff(w.production, s.Source); diff != "" {
		t.Error(diff)
	}
	if len(w.shelf) != 1 || !w.copies["s1"] {
		t.Errorf("shelf %v, copies %v", w.shelf, w.copies)
	}
}

func TestSnapshot_IsKeptWhileItIsGood(t *testing.T) {
	for claim, change := range map[string]func(w *world){
		"nothing changed":          func(*world) {},
		"as old as it may be":      func(w *world) { w.now = w.now.Add(24 * time.Hour) },
		"a clock a minute behind":  func(w *world) { w.now = w.now.Add(-time.Minute) },
		"production runs another":  func(w *world) { w.production.Release = understudy.DigestOf([]byte("v2")) },
		"production is configured": func(w *world) { w.production.Config = "other" },
	} {
		w := newWorld()
		if _, err, _ := w.snapshot(want()); err != nil {
			t.Fatal(err)
		}
		change(w)
		got, err, _ := w.snapshot(want())
		if err != nil || !got.Kept || got.Snapshot.ID != "s1" || got.Why != "" {
			t.Errorf("%s: %+v, %v", claim, got, err)
		}
		if diff := cmp.Diff(w.production, got.Production); diff != "" {
			t.Errorf("%s: production is not as it is now: %s", claim, diff)
		}
	}
}

func TestSnapshot_ThatIsFollowedToThisMinuteIsAFreshOne(t *testing.T) {
	w := newWorld()
	if _, err, _ := w.snapshot(want()); err != nil {
		t.Fatal(err)
	}
	w.shelf[0].Following = []understudy.Following{{Database: "shop", State: understudy.FollowingOn}}
	fresh := want()
	fresh.MaxAge = 0
	if got, err, _ := w.snapshot(fresh); err != nil || !got.Kept || got.Snapshot.ID != "s1" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestSnapshot_IsTakenAnewForAReason(t *testing.T) {
	for _, c := range []struct {
		claim  string
		change func(w *world, want *twin.Want)
		why    string
	}{
		{"asked for", func(_ *world, want *twin.Want) { want.MaxAge = 0 }, "a fresh one was asked for"},
		{"not whole", func(w *world, _ *twin.Want) { w.copies["s1"] = false }, "the last one is not whole"},
		{"old", func(w *world, _ *twin.Want) { w.now = w.now.Add(25 * time.Hour) }, "the last one is 25h0m0s old"},
		{"clock put back", func(w *world, _ *twin.Want) { w.now = w.now.Add(-2 * time.Hour) }, "the last one is from the future: the clock was put back"},
		{"other masks", func(w *world, _ *twin.Want) { w.policy = understudy.DigestOf([]byte("other")) }, "the masking rules have changed"},
		{"other schema", func(w *world, _ *twin.Want) {
			w.production.Schemas = map[string]understudy.Digest{"shop": understudy.DigestOf([]byte("other"))}
		}, "schema of database shop has changed"},
		{"other server", func(w *world, _ *twin.Want) { w.production.Servers = map[string]string{"shop": "PostgreSQL 16.1"} }, "server of database shop has changed"},
		{"no longer followed", func(w *world, _ *twin.Want) {
			w.shelf[0].Following = []understudy.Following{{Database: "shop", State: understudy.FollowingStopped, Why: "production's schema changed: table public.tags is new"}}
		}, "production's schema changed: table public.tags is new"},
		{"followed, and far behind when a fresh one is asked for", func(w *world, want *twin.Want) {
			w.shelf[0].Following = []understudy.Following{{Database: "shop", State: understudy.FollowingOn}}
			w.now, want.MaxAge = w.now.Add(2*time.Minute), 0
		}, "a fresh one was asked for"},
		{"of another environment", func(_ *world, want *twin.Want) { want.Of = "other-production" }, "the last one is of production"},
	} {
		w := newWorld()
		if _, err, _ := w.snapshot(want()); err != nil {
			t.Fatal(err)
		}
		wanted := want()
		c.change(w, &wanted)
		got, err, _ := w.snapshot(wanted)
		if err != nil || got.Kept || got.Why != c.why || got.Snapshot.ID != "s2" {
			t.Errorf("%s: %+v, %v, want %q", c.claim, got, err, c.why)
		}
		if _, there := w.copies["s1"]; there || !w.copies["s2"] {
			t.Errorf("%s: copies %v", c.claim, w.copies)
		}
	}
}

func TestSnapshot_TheLastGoodOneStaysUntilTheNewOneIsWhole(t *testing.T) {
	for _, at := range []string{"Observe", "Rules", "Latest", "Whole", "Copy", "copied", "Put"} {
		w := newWorld()
		if _, err, _ := w.snapshot(want()); err != nil {
			t.Fatal(err)
		}
		fresh := want()
		fresh.MaxAge = 0
		w.dies = at
		if _, _, died := w.snapshot(fresh); !died {
			t.Fatalf("%s: nobody died", at)
		}
		w.dies = ""
		if !w.copies["s1"] {
			t.Errorf("%s: the last good copy is gone", at)
		}
		got, err, _ := w.snapshot(want())
		if err != nil || !got.Kept || got.Snapshot.ID != "s1" {
			t.Errorf("%s: %+v, %v", at, got, err)
		}
	}
}

func TestSnapshot_KilledAfterItWasRecordedItIsTheOne(t *testing.T) {
	for _, at := range []string{"put", "Discard"} {
		w := newWorld()
		if _, err, _ := w.snapshot(want()); err != nil {
			t.Fatal(err)
		}
		fresh := want()
		fresh.MaxAge = 0
		w.dies = at
		if _, _, died := w.snapshot(fresh); !died {
			t.Fatalf("%s: nobody died", at)
		}
		w.dies = ""
		got, err, _ := w.snapshot(want())
		if err != nil || !got.Kept || got.Snapshot.ID != "s2" {
			t.Errorf("%s: %+v, %v", at, got, err)
		}
	}
}

func TestSnapshot_WhatCannotBeCopiedOrRecordedLeavesNothingBehind(t *testing.T) {
	full := errors.New("no room on the disk")
	for _, at := range []string{"Copy", "Put"} {
		w := newWorld()
		if _, err, _ := w.snapshot(want()); err != nil {
			t.Fatal(err)
		}
		w.breaks = map[string]error{at: full}
		fresh := want()
		fresh.MaxAge = 0
		if _, err, _ := w.snapshot(fresh); !errors.Is(err, full) {
			t.Errorf("%s: %v", at, err)
		}
		if _, left := w.copies["s2"]; left || !w.copies["s1"] || len(w.shelf) != 1 {
			t.Errorf("%s: copies %v, shelf of %d", at, w.copies, len(w.shelf))
		}
	}
}

func TestSnapshot_WhatCannotBeLookedAtIsNoReasonToCopy(t *testing.T) {
	for _, at := range []string{"Observe", "Rules", "Latest", "Whole"} {
		w := newWorld()
		if _, err, _ := w.snapshot(want()); err != nil {
			t.Fatal(err)
		}
		w.breaks = map[string]error{at: errors.New("it does not answer")}
		if _, err, _ := w.snapshot(want()); err == nil || w.made != 1 {
			t.Errorf("%s: %v, %d made", at, err, w.made)
		}
	}
}
