package migration_test

import (
	"strings"
	"testing"
	"time"

	"understudy"
	"understudy/internal/migration"
)

// sized is a run of 10 s in which one lock was held for 6, and what was done meanwhile.
func sized(change func(*understudy.Observation)) migration.Ran {
	ran := migration.Ran{Tries: 1, Took: 11 * time.Second, Last: 10 * time.Second}
	ran.Observation.Locks = []understudy.ObservedLock{{Relation: "public.orders", Kind: "table", Mode: "AccessExclusiveLock", Held: 6 * time.Second}}
	if change != nil {
		change(&ran.Observation)
	}
	return ran
}

func sizes(rows, bytes, productionRows, productionBytes int64) migration.Budget {
	b := budget()
	b.Twin = map[string]migration.Size{"public.orders": {Rows: rows, Bytes: bytes}}
	b.Production = map[string]migration.Size{"public.orders": {Rows: productionRows, Bytes: productionBytes}}
	return b
}

func TestExpect_IsARangeByWhatWasDone(t *testing.T) {
	rewrote := func(o *understudy.Observation) {
		o.Tables = []understudy.TableChange{{Relation: "public.orders", Rewritten: true}}
	}
	wrote := func(o *understudy.Observation) {
		o.Tables = []understudy.TableChange{{Relation: "public.orders", Updated: 7}}
	}
	indexed := func(o *understudy.Observation) {
		o.Indexes = []understudy.IndexChange{{Name: "public.x", Table: "public.orders", New: true}}
	}
	for _, c := range []struct {
		claim     string
		seen      func(*understudy.Observation)
		budget    migration.Budget
		low, high time.Duration
		basis     string
	}{
		{"as big as production", wrote, sizes(1000, 1<<20, 1000, 1<<20), 10 * time.Second, 10 * time.Second, "linear in rows and bytes"},
		{"ten times as big", wrote, sizes(1000, 1<<20, 10_000, 10<<20), 64 * time.Second, 64 * time.Second, "linear"},
		{"bloated: rows and bytes tell differently", wrote, sizes(1000, 1<<20, 2000, 4<<20), 16 * time.Second, 28 * time.Second, "linear"},
		{"an index is built", indexed, sizes(1000, 1<<20, 1_000_000, 1000<<20), 6004 * time.Second, 12004 * time.Second, "n·log n"},
		{"written anew, its indexes with it", rewrote, sizes(1000, 1<<20, 1_000_000, 1000<<20), 6004 * time.Second, 12004 * time.Second, "n·log n"},
		{"only locked, as far as was seen", nil, sizes(1000, 1<<20, 10_000, 10<<20), 10 * time.Second, 64 * time.Second, "it was not seen whether"},
		{"production is smaller", wrote, sizes(1000, 1<<20, 500, 1<<19), 7 * time.Second, 7 * time.Second, "linear"},
		{"production was never analysed", wrote, sizes(1000, 1<<20, -1, 10<<20), 64 * time.Second, 64 * time.Second, "statistics do not know its rows"},
		{"sizes are not known", wrote, budget(), 10 * time.Second, 10 * time.Second, "could not be read"},
		{"an empty table", wrote, sizes(0, 0, 1000, 1<<20), 10 * time.Second, 10 * time.Second, "nothing there on the twin"},
	} {
		e := migration.Expect(sized(c.seen), c.budget)
		if near(e.Low, c.low) && near(e.High, c.high) && strings.Contains(e.Basis, c.basis) && strings.Contains(e.Basis, "are not those of the twin") {
			continue
		}
		t.Errorf("%s: %s to %s, want %s to %s; %q", c.claim, e.Low, e.High, c.low, c.high, e.Basis)
	}
}

func near(a, b time.Duration) bool { return (a - b).Abs() < 50*time.Millisecond }

func TestExpect_OfOverlappingWorkGrowsByTheLeastAndTheMost(t *testing.T) {
	ran := sized(func(o *understudy.Observation) {
		o.Locks = append(o.Locks, understudy.ObservedLock{Relation: "public.users", Kind: "table", Mode: "ShareLock", Held: 9 * time.Second})
		o.Tables = []understudy.TableChange{{Relation: "public.orders", Updated: 1}, {Relation: "public.users", Deleted: 1}}
	})
	b := sizes(1000, 1<<20, 4000, 4<<20)
	b.Twin["public.users"], b.Production["public.users"] = migration.Size{Rows: 10, Bytes: 1 << 13}, migration.Size{Rows: 20, Bytes: 1 << 14}
	if e := migration.Expect(ran, b); !near(e.Low, 19*time.Second) || !near(e.High, 40*time.Second) {
		t.Errorf("%s to %s", e.Low, e.High)
	}
}

func TestExpect_ScalesWhatWasWorkedOnInEveryDatabase(t *testing.T) {
	ran := sized(func(o *understudy.Observation) {
		o.Locks[0].Held = 2 * time.Second
		o.Tables = []understudy.TableChange{{Relation: "public.orders", Updated: 1}}
		o.Elsewhere = []understudy.Observation{{
			Database: "archive", Locks: []understudy.ObservedLock{{Relation: "public.orders", Kind: "table", Mode: "AccessExclusiveLock", Held: 3 * time.Second}},
			Tables: []understudy.TableChange{{Relation: "public.orders", Deleted: 1}},
			Waits:  []understudy.ObservedWait{blocked("public.orders", "RowExclusiveLock", "DELETE FROM orders", 500*time.Millisecond)},
		}}
	})
	ran.Observation.Tables = append(ran.Observation.Tables, understudy.TableChange{Relation: "public.made", New: true})
	ran.Observation.Indexes = []understudy.IndexChange{{Name: "public.made_key", Table: "public.made", New: true}}
	ran.Observation.Locks = append(ran.Observation.Locks, understudy.ObservedLock{Relation: "public.made", Kind: "table", Mode: "AccessExclusiveLock", New: true, Held: time.Second})
	// Its rows are in its partitions, of which each is scaled.
	ran.Observation.Locks = append(ran.Observation.Locks, understudy.ObservedLock{Relation: "public.events", Kind: "partitioned table", Mode: "ShareLock", Held: time.Second})
	b := sizes(1000, 1<<20, 2000, 2<<20)
	e := migration.Expect(ran, b) // archive's size is not known
	if !near(e.Low, 12*time.Second) || !near(e.High, 12*time.Second) || !strings.Contains(e.Basis, "as long as on the twin for archive/public.orders, whose size is not known") {
		t.Errorf("%s to %s; %q", e.Low, e.High, e.Basis)
	}
	b.Twin["archive/public.orders"], b.Production["archive/public.orders"] = migration.Size{Rows: 10, Bytes: 1 << 13}, migration.Size{Rows: 100, Bytes: 10 << 13}
	if e := migration.Expect(ran, b); !near(e.Low, 39*time.Second) || !near(e.High, 39*time.Second) || !strings.HasPrefix(e.Basis, "archive/public.orders: 10 rows") || strings.Contains(e.Basis, "not known") {
		t.Errorf("%s to %s; %q", e.Low, e.High, e.Basis)
	}
	if figures := migration.Figures(migration.Estimates(ran, b)); len(figures) != 2 || figures[0].Name != "expected in production: archive/public.orders" {
		t.Errorf("%+v", figures)
	}
	var grows []string
	for _, f := range migration.Judge(ran, b) {
		if f.Code == "migration.blocks-at-size" || f.Code == "migration.outlasts-timeout" {
			grows = append(grows, f.Code+" "+f.Subject)
		}
	}
	if strings.Join(grows, ", ") != "migration.blocks-at-size archive/public.orders" {
		t.Errorf("found %q", grows)
	}
}

func TestExpect_NamesSomeOfTheTablesWhoseSizeIsNotKnown(t *testing.T) {
	ran := sized(nil)
	for _, name := range []string{"public.a", "public.b", "public.c", "public.d"} {
		ran.Observation.Locks = append(ran.Observation.Locks, understudy.ObservedLock{Relation: name, Kind: "table", Mode: "ShareLock", Held: time.Second})
	}
	if e := migration.Expect(ran, sizes(1000, 1<<20, 2000, 2<<20)); !strings.Contains(e.Basis, "; as long as on the twin for public.a, public.b, public.c and 1 more, whose size is not known; production's machine") {
		t.Errorf("%q", e.Basis)
	}
}

func TestExpect_RemembersTheStrongLocksAndTheLastTry(t *testing.T) {
	ran := sized(nil)
	ran.Tries = 3
	e := migration.Expect(ran, budget())
	if e.Tries != 3 || len(e.Runs) != 1 || e.Runs[0] != 10*time.Second || len(e.Locks) != 1 || e.Locks[0].Relation != "public.orders" {
		t.Errorf("%+v", e)
	}
}

func TestJudge_SaysWhatProductionsSizeMakesOfIt(t *testing.T) {
	ran := sized(func(o *understudy.Observation) {
		o.Tables = []understudy.TableChange{{Relation: "public.orders", Rewritten: true, Rows: 1000, Bytes: 1 << 20}}
		o.Waits = []understudy.ObservedWait{blocked("public.orders", "AccessShareLock", "ALTER TABLE orders ALTER a TYPE bigint", 5*time.Second)}
	})
	told := 0
	for _, f := range migration.Judge(ran, sizes(1000, 1<<20, 1_000_000, 1000<<20)) {
		if f.Code != "migration.blocked" && f.Code != "migration.rewrite" {
			continue
		}
		told++
		if !strings.Contains(f.Would, "1.7–3.3 h") || !strings.Contains(f.Seen, "public.orders: 1000 rows, 1 MB on the twin, 1.0 M rows, 1000 MB in production") || !strings.Contains(f.Seen, "166 rows/s") {
			t.Errorf("%s: %s\n%s", f.Code, f.Would, f.Seen)
		}
	}
	if told != 2 {
		t.Errorf("%d findings", told)
	}
	if figures := migration.Figures(migration.Estimates(ran, sizes(1000, 1<<20, 2000, 2<<20))); len(figures) != 1 || figures[0].Value < 12 || !strings.Contains(figures[0].Basis, "measured 6s") {
		t.Errorf("%+v", figures)
	}
}

func TestJudge_FindsWhatOnlyProductionsSizeMakesTooLong(t *testing.T) {
	ran := sized(func(o *understudy.Observation) {
		o.Tables = []understudy.TableChange{{Relation: "public.orders", Updated: 1}}
		o.Waits = []understudy.ObservedWait{blocked("public.orders", "RowExclusiveLock", "UPDATE orders SET a = ?", 500*time.Millisecond)}
	})
	for _, c := range []struct {
		claim  string
		budget migration.Budget
		want   string
	}{
		{"as big as production", sizes(1000, 1<<20, 1000, 1<<20), ""},
		{"ten times as big", sizes(1000, 1<<20, 10_000, 10<<20), "blocking migration.blocks-at-size"},
		{"perhaps", sizes(1000, 1<<20, 1000, 10<<20), "warning migration.blocks-at-size"},
		{"a thousand times as big", sizes(1000, 1<<20, 1_000_000, 1000<<20), "blocking migration.blocks-at-size, blocking migration.outlasts-timeout"},
		{"perhaps a thousand times", sizes(1000, 1<<20, 1000, 1000<<20), "warning migration.blocks-at-size, warning migration.outlasts-timeout"},
		{"not known", budget(), ""},
	} {
		var got []string
		for _, f := range migration.Judge(ran, c.budget) {
			if f.Code == "migration.blocks-at-size" || f.Code == "migration.outlasts-timeout" {
				got = append(got, string(f.Severity)+" "+f.Code)
				if strings.ContainsAny(f.Title+f.Would+f.Remedy, "{}") {
					t.Errorf("%s: %+v", c.claim, f)
				}
			}
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%s: %q, want %q", c.claim, got, c.want)
		}
	}
}
