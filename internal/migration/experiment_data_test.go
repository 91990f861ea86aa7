package migration_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"understudy"
	"understudy/internal/migration"
)

// reflected is a migration.Mirror of which is known what each run leaves.
type reflected struct {
	killed, first, second understudy.DataPrint
	shifted               []bool   // of the undisturbed runs
	ran                   int      // commands, in all of them
	fails                 []int    // of these
	without               []string // columns, when rows were asked for
}

type commanding func(context.Context, migration.Command) (migration.Result, error)

func (c commanding) RunMigration(ctx context.Context, command migration.Command) (migration.Result, error) {
	return c(ctx, command)
}

func (r *reflected) Undisturbed(ctx context.Context, shifted bool, run func(context.Context, migration.Commander) (bool, error)) (json.RawMessage, error) {
	r.shifted = append(r.shifted, shifted)
	through, err := run(ctx, commanding(func(context.Context, migration.Command) (migration.Result, error) {
		r.ran++
		if slices.Contains(r.fails, r.ran) {
			return said("no row with id 7")
		}
		return ran()
	}))
	if err != nil || !through {
		return nil, err
	}
	if shifted {
		return json.Marshal(r.second)
	}
	return json.Marshal(r.first)
}

func (r *reflected) Data(context.Context) (json.RawMessage, error) { return json.Marshal(r.killed) }

func (r *reflected) Compare(was, is json.RawMessage) ([]understudy.DataChange, error) {
	var a, b understudy.DataPrint
	err := errors.Join(json.Unmarshal(was, &a), json.Unmarshal(is, &b))
	return a.Diff(b), err
}

func (r *reflected) Rows(_ context.Context, table string, without []string) (string, error) {
	r.without = without
	return "rows of " + table, nil
}

// orders is the fingerprint of a table of orders: how many rows, and the sums of its columns.
func orders(rows int64, total, at, id string) understudy.DataPrint {
	return understudy.DataPrint{"public.orders": {Rows: rows, Columns: map[string]understudy.ColumnPrint{
		"total": {Present: rows, Sum: total}, "at": {Present: rows, Sum: at}, "id": {Present: rows, Sum: id},
	}}}
}

func TestInterrupt_HoldsDataAgainstWhatUndisturbedRunsAgreeOn(t *testing.T) {
	interrupted := []string{"blocking migration.interrupted half way"}
	for claim, c := range map[string]struct {
		killed, first, second understudy.DataPrint
		found                 []string
		says                  []string
		without               []string
		runs                  []bool
	}{
		"the same data is the same": {
			killed: orders(10, "5", "1", "7"), first: orders(10, "5", "1", "7"), second: orders(10, "5", "2", "8"),
			says: []string{"it ends well, with the data of an undisturbed run"}, runs: []bool{false},
		},
		"what was done twice is found, with its rows": {
			killed: orders(10, "6", "1", "7"), first: orders(10, "5", "1", "7"), second: orders(10, "5", "1", "7"),
			found: interrupted, runs: []bool{false, true},
			says: []string{"but its data is not that of an undisturbed run: public.orders.total has other values (rows of public.orders)", "record that they are done"},
		},
		"the time and numbers given out are no difference": {
			killed: orders(10, "5", "3", "9"), first: orders(10, "5", "1", "7"), second: orders(10, "5", "2", "8"),
			says: []string{"with the data of an undisturbed run but for public.orders.at, public.orders.id: two of them do not agree on that"}, runs: []bool{false, true},
		},
		"and hide none beside them": {
			killed: orders(10, "6", "3", "9"), first: orders(10, "5", "1", "7"), second: orders(10, "5", "2", "8"),
			found: interrupted, says: []string{"public.orders.total has other values"}, without: []string{"at", "id"}, runs: []bool{false, true},
		},
		"rows that are there twice are found": {
			killed: orders(15, "8", "1", "7"), first: orders(10, "5", "1", "7"), second: orders(10, "5", "1", "7"),
			found: interrupted, says: []string{"public.orders has 15 rows in place of 10"}, runs: []bool{false, true},
		},
		"of a table that grows by itself nothing is said": {
			killed: orders(12, "8", "1", "7"), first: orders(10, "5", "1", "7"), second: orders(11, "6", "1", "7"),
			says: []string{"it ends well, with the data of an undisturbed run but for public.orders"}, runs: []bool{false, true},
		},
		"a table that is gone is the schema's": {
			killed: understudy.DataPrint{}, first: orders(10, "5", "1", "7"), second: orders(10, "5", "1", "7"),
			says: []string{"it ends well"}, runs: []bool{false},
		},
	} {
		t.Run(claim, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mirror := &reflected{killed: c.killed, first: c.first, second: c.second}
				l := lab(newDatabase(careful), "a", "b", "c", "d")
				l.Calm = &migration.Undisturbed{Mirror: mirror}
				tried, err := migration.Interrupt(t.Context(), l)
				holds(t, tried, err, c.found, c.says...)
				if !slices.Equal(mirror.shifted, c.runs) || !slices.Equal(mirror.without, c.without) {
					t.Errorf("undisturbed runs, shifted or not: %v; columns left out: %q", mirror.shifted, mirror.without)
				}
			})
		})
	}
}

func TestInterrupt_LeavesOutWhatEveryStartOfAServiceWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mirror := &reflected{killed: orders(12, "5", "1", "7"), first: orders(11, "5", "1", "7"), second: orders(12, "5", "1", "7")}
		l := lab(newDatabase(careful), "a", "b", "c", "d")
		l.Calm, l.Boots = &migration.Undisturbed{Mirror: mirror}, true
		tried, err := migration.Interrupt(t.Context(), l)
		holds(t, tried, err, nil, "with the data of an undisturbed run")
		if mirror.ran != 3 {
			t.Errorf("it was started %d times: once, and once more on the other copy", mirror.ran)
		}
	})
}

func TestInterrupt_WithoutAMirrorSaysNothingOfData(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tried, err := migration.Interrupt(t.Context(), lab(newDatabase(careful), "a", "b", "c", "d"))
		if holds(t, tried, err, nil, "it ends well"); strings.Contains(tried.Summary, "data") {
			t.Errorf("it says %q", tried.Summary)
		}
	})
}

func TestTogether_HoldsDataAgainstUndisturbedRuns(t *testing.T) {
	for claim, c := range map[string]struct {
		both, first, second understudy.DataPrint
		boots               bool
		found               []string
		says                []string
		without             []string
		runs                []bool
	}{
		"the same data is the same": {
			both: orders(10, "5", "1", "7"), first: orders(10, "5", "1", "7"), second: orders(10, "5", "2", "8"),
			says: []string{"two at once both end well, with the data of an undisturbed run"}, runs: []bool{false},
		},
		"what both did is found, with its table, columns and rows": {
			both: orders(10, "6", "1", "7"), first: orders(10, "5", "1", "7"), second: orders(10, "5", "1", "7"),
			found: []string{"warning migration.together public.orders"}, runs: []bool{false, true},
			says: []string{"; the data is not that of one run: public.orders.total has other values (rows of public.orders)", "a lock of its own before it looks"},
		},
		"and blocks where two really meet": {
			both: orders(15, "8", "1", "7"), first: orders(10, "5", "1", "7"), second: orders(10, "5", "1", "7"), boots: true,
			found: []string{"blocking migration.together public.orders"}, runs: []bool{false, true}, says: []string{"public.orders has 15 rows in place of 10"},
		},
		"the time and numbers given out are no difference": {
			both: orders(10, "5", "3", "9"), first: orders(10, "5", "1", "7"), second: orders(10, "5", "2", "8"), runs: []bool{false, true},
			says: []string{"with the data of an undisturbed run but for public.orders.at, public.orders.id: two of them"},
		},
		"and hide none beside them": {
			both: orders(10, "6", "3", "9"), first: orders(10, "5", "1", "7"), second: orders(10, "5", "2", "8"), runs: []bool{false, true},
			found: []string{"warning migration.together public.orders"}, without: []string{"at", "id"},
		},
		"what every start of a service writes is no difference": {
			both: orders(12, "5", "1", "7"), first: orders(11, "5", "1", "7"), second: orders(12, "5", "1", "7"), boots: true, runs: []bool{false, true},
		},
	} {
		t.Run(claim, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mirror := &reflected{killed: c.both, first: c.first, second: c.second}
				l := lab(newDatabase(careful), "a", "b", "c", "d")
				l.Calm, l.Boots = &migration.Undisturbed{Mirror: mirror}, c.boots
				tried, err := migration.Together(t.Context(), l)
				holds(t, tried, err, c.found, c.says...)
				if !slices.Equal(mirror.shifted, c.runs) || !slices.Equal(mirror.without, c.without) {
					t.Errorf("undisturbed runs, shifted or not: %v; columns left out: %q", mirror.shifted, mirror.without)
				}
			})
		})
	}
}

func TestExperiments_AreHeldAgainstTheSameUndisturbedRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mirror := &reflected{killed: orders(10, "6", "1", "7"), first: orders(10, "5", "1", "7"), second: orders(10, "5", "1", "7")}
		l := lab(newDatabase(careful), "a", "b", "c", "d")
		l.Calm = &migration.Undisturbed{Mirror: mirror}
		tried, err := migration.Interrupt(t.Context(), l)
		holds(t, tried, err, []string{"blocking migration.interrupted half way"}, "public.orders.total has other values")
		tried, err = migration.Together(t.Context(), l)
		holds(t, tried, err, []string{"warning migration.together public.orders"}, "public.orders.total has other values")
		if !slices.Equal(mirror.shifted, []bool{false, true}) {
			t.Errorf("undisturbed runs: %v", mirror.shifted)
		}
	})
}

func TestExperiments_FindAnUndisturbedRunThatFailsOnceAndGoOn(t *testing.T) {
	same := orders(10, "5", "1", "7")
	for claim, c := range map[string]struct {
		left  understudy.DataPrint
		boots bool
		fails int
		found []string
		says  string
		runs  []bool
	}{
		"the first": {left: orders(10, "6", "1", "7"), fails: 1, found: []string{"blocking migration.unsteady "},
			says: "on a fresh copy, with nobody else there, it ended with exit status 1 at try 1: no row with id 7", runs: []bool{false}},
		"the second, where something differs": {left: orders(10, "6", "1", "7"), fails: 2, found: []string{"blocking migration.unsteady "},
			says: "on a fresh copy whose sequences have gone on by one, it ended with exit status 1", runs: []bool{false, true}},
		"the second start of a service": {left: orders(10, "6", "1", "7"), boots: true, fails: 3, found: []string{"blocking migration.unsteady "},
			says: "on a fresh copy whose sequences have gone on by one, started twice, it ended", runs: []bool{false, true}},
		"a second is not made where nothing differs": {left: same, fails: 2, says: "with the data of an undisturbed run", runs: []bool{false}},
	} {
		t.Run(claim, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mirror := &reflected{killed: c.left, first: same, second: same, fails: []int{c.fails}}
				l := lab(newDatabase(careful), "a", "b", "c", "d")
				l.Calm, l.Boots = &migration.Undisturbed{Mirror: mirror}, c.boots
				tried, err := migration.Interrupt(t.Context(), l)
				holds(t, tried, err, c.found, c.says, "it ends well")
				tried, err = migration.Together(t.Context(), l)
				holds(t, tried, err, nil, "two at once both end well")
				if compared := strings.Contains(tried.Summary, "data"); compared != (c.found == nil) {
					t.Errorf("compared with a run that failed: %q", tried.Summary)
				}
				if !slices.Equal(mirror.shifted, c.runs) {
					t.Errorf("undisturbed runs: %v", mirror.shifted)
				}
			})
		})
	}
}
