// Package storetest is the one suite that a store passes, whatever database it is in.
package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"understudy"
	"understudy/internal/store"
)

// Run tests stores that open makes, each empty at first. Open closes them when its
// test ends.
func Run(t *testing.T, open func(t *testing.T) *store.Store) {
	for name, test := range map[string]func(*testing.T, *store.Store){
		"a record comes back as it was put":             recordComesBack,
		"putting again replaces the record":             puttingReplaces,
		"a deleted record is gone":                      deletedIsGone,
		"records come in the order of their creation":   inOrder,
		"kinds are kept apart":                          kindsApart,
		"an unreadable record is named, others come":    unreadableIsNamed,
		"visiting may use the store":                    visitingUsesStore,
		"changes at once are all kept":                  changesAtOnce,
		"a change that refuses writes nothing":          changeRefuses,
		"a record made anew is not the one it was":      madeAnew,
		"a lease has one holder":                        leaseHasOneHolder,
		"a lease that ran out can be taken":             leaseRunsOut,
		"of many who claim at once one gets the lease":  manyClaim,
		"an ended context stops every method with it":   endedContext,
		"whole texts come back, whatever their letters": anyLetters,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

type play struct {
	Name  string    `json:"name"`
	Acts  int       `json:"acts"`
	Since time.Time `json:"since"`
}

func recordComesBack(t *testing.T, s *store.Store) {
	put := play{Name: "Hamlet", Acts: 5, Since: time.Date(1603, 7, 26, 0, 0, 0, 123456789, time.UTC)}
	must(t, s.Put(t.Context(), "play", "hamlet", put))
	var got play
	must(t, s.Get(t.Context(), "play", "hamlet", &got))
	if got != put {
		t.Fatalf("found %+v, expected %+v", got, put)
	}
	wantKind(t, s.Get(t.Context(), "play", "macbeth", &got), understudy.KindNotFound)
	wantKind(t, s.Get(t.Context(), "actor", "hamlet", &got), understudy.KindNotFound)
}

func puttingReplaces(t *testing.T, s *store.Store) {
	for acts := range 3 {
		must(t, s.Put(t.Context(), "play", "hamlet", play{Acts: acts}))
	}
	all, err := store.All[play](t.Context(), s, "play")
	if err != nil || len(all) != 1 || all[0].Acts != 2 {
		t.Fatalf("found %+v, %v", all, err)
	}
}

func deletedIsGone(t *testing.T, s *store.Store) {
	must(t, s.Put(t.Context(), "play", "hamlet", play{}))
	must(t, s.Delete(t.Context(), "play", "hamlet"))
	must(t, s.Delete(t.Context(), "play", "hamlet"))
	wantKind(t, s.Get(t.Context(), "play", "hamlet", new(play)), understudy.KindNotFound)
}

func inOrder(t *testing.T, s *store.Store) {
	const count = 450 // more than two pages
	for i := range count {
		must(t, s.Put(t.Context(), "play", fmt.Sprint(count-i), play{Acts: i}))
	}
	must(t, s.Put(t.Context(), "play", fmt.Sprint(count), play{Acts: 0, Name: "changed"}))
	all, err := store.All[play](t.Context(), s, "play")
	must(t, err)
	if len(all) != count || all[0].Name != "changed" {
		t.Fatalf("%d records, the first is %+v", len(all), all[0])
	}
	for i, one := range all {
		if one.Acts != i {
			t.Fatalf("record %d came at %d", one.Acts, i)
		}
	}
}

func kindsApart(t *testing.T, s *store.Store) {
	must(t, s.Put(t.Context(), "play", "one", play{Acts: 1}))
	must(t, s.Put(t.Context(), "actor", "one", play{Acts: 2}))
	all, err := store.All[play](t.Context(), s, "actor")
	if err != nil || len(all) != 1 || all[0].Acts != 2 {
		t.Fatalf("found %+v, %v", all, err)
	}
	none, err := store.All[play](t.Context(), s, "stage")
	if err != nil || len(none) != 0 {
		t.Fatalf("found %+v, %v", none, err)
	}
}

func unreadableIsNamed(t *testing.T, s *store.Store) {
	must(t, s.Put(t.Context(), "play", "first", play{Acts: 1}))
	must(t, s.Put(t.Context(), "play", "spoilt", "not a play"))
	must(t, s.Put(t.Context(), "play", "last", play{Acts: 3}))
	all, err := store.All[play](t.Context(), s, "play")
	if len(all) != 2 || all[1].Acts != 3 {
		t.Fatalf("found %+v", all)
	}
	wantKind(t, err, understudy.KindInternal)
	if !strings.Contains(err.Error(), "play spoilt") {
		t.Fatalf("the record is not named: %v", err)
	}
	wantKind(t, s.Get(t.Context(), "play", "spoilt", new(play)), understudy.KindInternal)
	cause, visited := errors.New("the reader objects"), 0
	err = s.Each(t.Context(), "play", func(string, json.RawMessage) error { visited++; return cause })
	if !errors.Is(err, cause) || visited != 3 {
		t.Fatalf("visited %d, %v", visited, err)
	}
}

func visitingUsesStore(t *testing.T, s *store.Store) {
	for i := range 3 {
		must(t, s.Put(t.Context(), "play", fmt.Sprint(i), play{}))
	}
	must(t, s.Each(t.Context(), "play", func(id string, _ json.RawMessage) error {
		return s.Put(t.Context(), "seen", id, true)
	}))
	seen, err := store.All[bool](t.Context(), s, "seen")
	if err != nil || len(seen) != 3 {
		t.Fatalf("found %v, %v", seen, err)
	}
}

func changesAtOnce(t *testing.T, s *store.Store) {
	const sides, each = 6, 10
	must(t, s.Put(t.Context(), "play", "hamlet", play{}))
	var together sync.WaitGroup
	for range sides {
		together.Go(func() {
			for range each {
				if _, err := store.Update(t.Context(), s, "play", "hamlet", func(p *play) error { p.Acts++; return nil }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	together.Wait()
	var got play
	must(t, s.Get(t.Context(), "play", "hamlet", &got))
	if got.Acts != sides*each {
		t.Fatalf("%d changes stand, expected %d", got.Acts, sides*each)
	}
}

func changeRefuses(t *testing.T, s *store.Store) {
	must(t, s.Put(t.Context(), "play", "hamlet", play{Acts: 5}))
	refusal := understudy.Errorf(understudy.KindRefused, "the play is sold out")
	_, err := store.Update(t.Context(), s, "play", "hamlet", func(p *play) error { p.Acts = 0; return refusal })
	if !errors.Is(err, refusal) {
		t.Fatalf("found %v", err)
	}
	var got play
	must(t, s.Get(t.Context(), "play", "hamlet", &got))
	if got.Acts != 5 {
		t.Fatalf("found %+v", got)
	}
	_, err = store.Update(t.Context(), s, "play", "macbeth", func(*play) error { return nil })
	wantKind(t, err, understudy.KindNotFound)
}

func madeAnew(t *testing.T, s *store.Store) {
	must(t, s.Put(t.Context(), "play", "hamlet", play{Name: "old"}))
	calls := 0
	got, err := store.Update(t.Context(), s, "play", "hamlet", func(p *play) error {
		if calls++; calls == 1 {
			return errors.Join(s.Delete(t.Context(), "play", "hamlet"), s.Put(t.Context(), "play", "hamlet", play{Name: "new"}))
		}
		p.Acts = 1
		return nil
	})
	if err != nil || calls != 2 || got.Name != "new" || got.Acts != 1 {
		t.Fatalf("%d calls, found %+v, %v", calls, got, err)
	}
}

func leaseHasOneHolder(t *testing.T, s *store.Store) {
	claim(t, s, "ann", time.Hour, true, "ann")
	claim(t, s, "bob", time.Hour, false, "ann")
	claim(t, s, "ann", time.Hour, true, "ann")
	must(t, s.Renew(t.Context(), "leader", "ann", time.Hour))
	wantKind(t, s.Renew(t.Context(), "leader", "bob", time.Hour), understudy.KindConflict)
	must(t, s.Release(t.Context(), "leader", "bob"))
	claim(t, s, "bob", time.Hour, false, "ann")
	must(t, s.Release(t.Context(), "leader", "ann"))
	wantKind(t, s.Renew(t.Context(), "leader", "ann", time.Hour), understudy.KindConflict)
	claim(t, s, "bob", time.Hour, true, "bob")
}

func leaseRunsOut(t *testing.T, s *store.Store) {
	claim(t, s, "ann", time.Millisecond, true, "ann")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for held := false; !held; {
		var err error
		held, _, err = s.Claim(ctx, "leader", "bob", time.Hour)
		must(t, err)
	}
	wantKind(t, s.Renew(t.Context(), "leader", "ann", time.Hour), understudy.KindConflict)
}

func manyClaim(t *testing.T, s *store.Store) {
	var together sync.WaitGroup
	winners := make(chan string, 8)
	for i := range cap(winners) {
		together.Go(func() {
			held, _, err := s.Claim(t.Context(), "leader", fmt.Sprint("holder ", i), time.Hour)
			if err != nil {
				t.Error(err)
			}
			if held {
				winners <- fmt.Sprint("holder ", i)
			}
		})
	}
	together.Wait()
	if len(winners) != 1 {
		t.Fatalf("%d hold the lease", len(winners))
	}
	claim(t, s, "late", time.Hour, false, <-winners)
}

func endedContext(t *testing.T, s *store.Store) {
	must(t, s.Put(t.Context(), "play", "hamlet", play{}))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, claimed := s.Claim(ctx, "leader", "ann", time.Hour)
	_, updated := store.Update(ctx, s, "play", "hamlet", func(*play) error { return nil })
	for _, err := range []error{
		s.Put(ctx, "play", "hamlet", play{}), s.Get(ctx, "play", "hamlet", new(play)), s.Delete(ctx, "play", "hamlet"), claimed, updated,
		s.Each(ctx, "play", func(string, json.RawMessage) error { return nil }),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("found %v", err)
		}
	}
	must(t, s.Get(t.Context(), "play", "hamlet", new(play)))
}

func anyLetters(t *testing.T, s *store.Store) {
	for i, text := range []string{"", "O'Neill \"$1\" ?1 %s", "Ибсен 東", "a\x00b\u2028c", strings.Repeat("long ", 100_000)} {
		id := fmt.Sprintf("%d O'Neill/$1?%%", i)
		must(t, s.Put(t.Context(), "play", id, play{Name: text}))
		var got play
		must(t, s.Get(t.Context(), "play", id, &got))
		if got.Name != text {
			t.Errorf("found %.40q, expected %.40q", got.Name, text)
		}
	}
}

func claim(t *testing.T, s *store.Store, holder string, term time.Duration, held bool, by string) {
	t.Helper()
	gotHeld, gotBy, err := s.Claim(t.Context(), "leader", holder, term)
	if err != nil || gotHeld != held || gotBy != by {
		t.Fatalf("%s claims: held %v by %q, %v; expected %v by %q", holder, gotHeld, gotBy, err, held, by)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantKind(t *testing.T, err error, kind understudy.Kind) {
	t.Helper()
	if understudy.KindOf(err) != kind {
		t.Fatalf("found kind %q (%v), expected %q", understudy.KindOf(err), err, kind)
	}
}
