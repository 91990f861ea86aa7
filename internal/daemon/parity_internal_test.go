package daemon

import (
	"path/filepath"
	"testing"
	"time"

	"understudy"
	"understudy/internal/store"
)

// shelved is a daemon that has a store, and nothing else.
func shelved(t *testing.T) *Daemon {
	t.Helper()
	records, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := records.Close(); err != nil {
			t.Error(err)
		}
	})
	return &Daemon{store: records}
}

func lists(t *testing.T, d *Daemon) int {
	t.Helper()
	all, err := store.All[understudy.ParityList](t.Context(), d.store, kindParityList)
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

func TestKeepMeasured_AStretchWithoutChangeIsOneRecordAndItsListIsKeptOnce(t *testing.T) {
	d := shelved(t)
	noon := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	memory := []understudy.Gap{{Kind: "setting", Name: "main work_mem", A: "4MB", B: "64MB", Weight: 2}}
	r1 := &understudy.ParityOccasion{At: noon, What: understudy.OccasionRehearsal, ID: "r1", Label: "v2"}
	for i, c := range []struct {
		gaps []understudy.Gap
		b    string
		why  *understudy.ParityOccasion
	}{{b: "staging"}, {b: "staging", why: r1}, {b: "qa", gaps: memory}, {b: "staging"}, {b: "staging", gaps: memory}, {b: "staging", gaps: memory}, {b: "staging"}} {
		p := understudy.Parity{A: "production", B: c.b, Figure: 100, Compared: 10, Gaps: c.gaps, MeasuredAt: noon.Add(time.Duration(i) * time.Minute)}.Accept(nil)
		if err := d.keepMeasured(t.Context(), p, c.why); err != nil {
			t.Fatal(err)
		}
	}
	all, err := d.allStretches(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	had := between(all, "production", "staging")
	if len(all) != 4 || len(had) != 3 || lists(t, d) != 2 {
		t.Fatalf("%d stretches, %d of them of staging, with %d lists: %+v", len(all), len(had), lists(t, d), all)
	}
	if first := had[0]; first.Times != 3 || !first.From.Equal(noon) || !first.Until.Equal(noon.Add(3*time.Minute)) || len(first.Occasions) != 1 {
		t.Errorf("the first stretch is %+v", first)
	}
	if second := had[1]; second.Times != 2 || second.Figure >= 100 || len(second.Kinds) != 1 || had[2].List != had[0].List {
		t.Errorf("then %+v and %+v", second, had[2])
	}
	changes, err := d.changes(t.Context(), had[0].List, had[1].List)
	if err != nil || len(changes) != 1 || changes[0].What != understudy.GapCame || changes[0].Gap.Name != "main work_mem" {
		t.Errorf("changes %+v, %v", changes, err)
	}
}

func TestThin_TakesTheListsOfWhatIsKeptNoLongerThatNobodyElseFound(t *testing.T) {
	d := shelved(t)
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	var had []understudy.ParityStretch
	for i := range understudy.ParityKeptAll + 3 { // the three oldest are of one day: the worst of them stays
		at := now.Add(time.Duration(i-understudy.ParityKeptAll-3) * time.Minute)
		list := understudy.DigestOf([]byte{byte(i)})
		if i >= 3 {
			list = understudy.DigestOf([]byte{1}) // as that of the second
		}
		had = append(had, understudy.ParityStretch{ID: at.String(), A: "production", B: "staging", From: at, Until: at, Figure: 90 + float64(i), List: list})
		if i > 5 {
			continue
		}
		if err := d.store.Put(t.Context(), kindParity, had[i].ID, had[i]); err != nil {
			t.Fatal(err)
		}
		if err := d.store.Put(t.Context(), kindParityList, list.Hex(), understudy.ParityList{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.thin(t.Context(), had, had, now); err != nil {
		t.Fatal(err)
	}
	left, err := d.allStretches(t.Context())
	if err != nil || len(left) != 4 || left[0].ID != had[0].ID || left[1].ID != had[3].ID {
		t.Errorf("left are %+v, %v", left, err)
	}
	for i, want := range []bool{true, true, false} {
		err := d.store.Get(t.Context(), kindParityList, had[i].List.Hex(), &understudy.ParityList{})
		if (err == nil) != want {
			t.Errorf("list %d is there: %v, want %t", i, err, want)
		}
	}
}

func TestDueIn_IsAtOnceForWhatWasNeverMeasuredAndThenEachTime(t *testing.T) {
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	had := []understudy.ParityStretch{{Until: now.Add(-time.Hour)}, {From: now.Add(-time.Hour), Until: now.Add(-10 * time.Minute)}}
	for claim, c := range map[string]struct {
		had  []understudy.ParityStretch
		want time.Duration
	}{"never": {nil, 0}, "not long ago": {had, 5 * time.Minute}, "long ago": {had[:1], 0}} {
		if got := dueIn(c.had, 15*time.Minute, now); got != c.want {
			t.Errorf("%s: in %s, want %s", claim, got, c.want)
		}
	}
}
