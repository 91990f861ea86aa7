package logical_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres"
	"understudy/internal/postgres/logical"
	"understudy/internal/postgres/postgrestest"
)

func logicalCopy(t *testing.T, spec logical.Spec) (understudy.DatabaseCopy, error) {
	t.Helper()
	return logical.Copy(t.Context(), spec)
}

const pupils = `CREATE TABLE pupils (id int PRIMARY KEY, name text, mark int, note jsonb);
	INSERT INTO pupils SELECT i, CASE WHEN i % 7 > 0 THEN 'pupil ' || i END, i % 6, jsonb_build_object('of', i) FROM generate_series(1, 2500) i`

func TestCopy_GivesBatchesTheirRowsInTheTablesOrder(t *testing.T) {
	t.Parallel()
	for name, columns := range map[string][]string{"binary": {"name"}, "text": {"name", "mark"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec, source, target := pair(t, pupils)
			var sizes []int
			apply := func(_ context.Context, rows [][][]byte) error {
				sizes = append(sizes, len(rows))
				first := append([][]byte(nil), rows[0]...)
				for i := range len(rows) - 1 {
					copy(rows[i], rows[i+1])
				}
				copy(rows[len(rows)-1], first)
				return nil
			}
			spec.Masks = func(string, []understudy.Column) (understudy.TableMasks, error) {
				return understudy.TableMasks{
					Columns: map[string]understudy.Mask{"note": {Apply: func([]byte) ([]byte, error) { return []byte(`{"gone": true}`), nil }}},
					Batches: []understudy.BatchMask{{Name: "rotate", Columns: columns, Rows: 1000, Apply: apply}},
				}, nil
			}
			got := copied(t, spec)
			if tried, rest := sizes[0], fmt.Sprint(sizes[1:]); tried != 50 || rest != "[1000 1000 500]" {
				t.Errorf("the batches had %v rows", sizes)
			}
			moved := strings.Join(columns, ", ")
			for _, pair := range [][2]int{{1, 2}, {999, 1000}, {1000, 1}, {1001, 1002}, {2500, 2001}} {
				query := `SELECT (` + moved + `, 1)::text FROM pupils WHERE id = `
				if here, there := postgrestest.Answer(t, source, query+fmt.Sprint(pair[1])), postgrestest.Answer(t, target, query+fmt.Sprint(pair[0])); here != there {
					t.Errorf("row %d has %s; expected %s", pair[0], there, here)
				}
			}
			if note := postgrestest.Answer(t, target, `SELECT DISTINCT note::text FROM pupils`); note != `{"gone": true}` {
				t.Errorf("the notes are %s", note)
			}
			if masked := strings.Join(got.Tables[0].Masked, " "); masked != "note "+strings.Join(columns, " ") {
				t.Errorf("masked are %s", masked)
			}
		})
	}
}

func TestCopy_TakesOnlyTheRowsThatWereChosen(t *testing.T) {
	t.Parallel()
	spec, _, target := pair(t, postgrestest.EveryKindOfObject)
	var asked sync.Map
	spec.Choose = func(table string) (logical.Choice, bool) {
		asked.Store(table, true)
		switch table {
		case "public.people":
			return logical.Choice{Where: `id = ANY ('{1,2}'::bigint[])`}, true
		case "public.orders":
			return logical.Choice{Where: `(person) IN (VALUES (1), (2)) AND total < 100`}, true
		case "public.events":
			return logical.Choice{Where: `what = 'in'`}, true
		case "public.nothing":
			return logical.Choice{Where: `false`}, true
		}
		return logical.Choice{}, false
	}
	got := copied(t, spec)
	have := postgrestest.Answer(t, target, `SELECT concat_ws(' ', (SELECT count(*) FROM people), (SELECT count(*) FROM orders), (SELECT count(*) FROM events),
		(SELECT count(*) FROM nothing), (SELECT count(*) FROM "user"))`)
	if have != "2 33 1 0 1" {
		t.Errorf("the twin has %s rows; expected 2 33 1 0 1", have)
	}
	if _, partition := asked.Load("public.events_2025"); partition || got.Rows() != 41 {
		t.Errorf("%d rows are said to be copied; a partition was asked about by itself: %v", got.Rows(), partition)
	}
}

func TestCopy_AChoiceThatLeavesOutWhatIsReferredToIsNamed(t *testing.T) {
	t.Parallel()
	spec, _, _ := pair(t, postgrestest.EveryKindOfObject)
	spec.Choose = func(table string) (logical.Choice, bool) {
		return logical.Choice{Where: `id > 3`}, table == "public.people"
	}
	_, err := logicalCopy(t, spec)
	postgrestest.Refused(t, err, understudy.KindInvalid, "orders_person_fkey", "chosen rows need the rows they refer to")
}

func TestCopy_ShowsEveryMaskedValueToAnObserver(t *testing.T) {
	t.Parallel()
	spec, _, _ := pair(t, pupils)
	spec.Masks = func(string, []understudy.Column) (understudy.TableMasks, error) {
		return understudy.TableMasks{
			Columns: map[string]understudy.Mask{"note": {Apply: func([]byte) ([]byte, error) { return nil, nil }}},
			Batches: []understudy.BatchMask{{Columns: []string{"name"}, Apply: func(_ context.Context, rows [][][]byte) error {
				for _, row := range rows {
					if row[0] != nil {
						row[0] = []byte("somebody")
					}
				}
				return nil
			}}},
		}, nil
	}
	var mu sync.Mutex
	seen := map[string]string{}
	spec.Observe = func(table, column string, original, masked []byte) {
		mu.Lock()
		defer mu.Unlock()
		seen[table+"."+column+" "+string(original)] = string(masked)
		if column == "note" && masked != nil {
			t.Errorf("NULL is shown as %q", masked)
		}
	}
	copied(t, spec)
	if len(seen) != 2500+2500-2500/7 {
		t.Errorf("%d values were shown", len(seen))
	}
	if seen["public.pupils.name pupil 2"] != "somebody" {
		t.Error("a batch's values were not shown")
	}
	if _, shown := seen[`public.pupils.note {"of": 7}`]; !shown {
		t.Error("a document was not shown as text")
	}
}

func TestCopy_ShowsBothEndsAtTheSameMoment(t *testing.T) {
	t.Parallel()
	spec, source, _ := pair(t, pupils)
	called := false
	spec.While = func(ctx context.Context, m *postgres.Moment, target *pgx.Conn) error {
		called = true
		postgrestest.Runs(t, source, `DELETE FROM pupils WHERE id < 100`)
		const query = `SELECT count(*), (SELECT count(*) FROM pg_index WHERE indrelid = 'public.pupils'::regclass AND indisvalid) FROM public.pupils`
		var here, there, hereIndexes, thereIndexes int
		if err := m.Join(ctx, func(tx pgx.Tx) error { return tx.QueryRow(ctx, query).Scan(&here, &hereIndexes) }); err != nil {
			return err
		}
		if err := target.QueryRow(ctx, query).Scan(&there, &thereIndexes); err != nil {
			return err
		}
		if here != 2500 || there != 2500 || thereIndexes != 1 {
			t.Errorf("the source's moment has %d rows, the target %d with %d indexes", here, there, thereIndexes)
		}
		return nil
	}
	copied(t, spec)
	if !called {
		t.Error("nobody looked")
	}
	spec, _, _ = pair(t, pupils)
	spec.While = func(context.Context, *postgres.Moment, *pgx.Conn) error {
		return understudy.Errorf(understudy.KindFailed, "they differ")
	}
	_, err := logicalCopy(t, spec)
	postgrestest.Refused(t, err, understudy.KindFailed, "they differ")
}

func TestCopy_IsNotOfAMomentThatTheTablesHaveLeft(t *testing.T) {
	t.Parallel()
	for _, change := range []string{`ALTER TABLE pupils ADD COLUMN more text`, `TRUNCATE pupils`, `ALTER TABLE pupils RENAME name TO called`} {
		spec, source, _ := pair(t, pupils)
		m, err := postgres.OpenMoment(t.Context(), spec.Source, "a moment")
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close(t.Context())
		postgrestest.Runs(t, source, change)
		spec.Snapshot = m.Snapshot
		_, err = logicalCopy(t, spec)
		postgrestest.Refused(t, err, understudy.KindConflict, "after the copy's moment", "copy again")
	}
}

func TestCopy_TakesWhatAnEarlierCopyHasFromThere(t *testing.T) {
	t.Parallel()
	spec, source, target := pair(t, pupils+`; CREATE TABLE rooms (id int PRIMARY KEY); INSERT INTO rooms VALUES (1)`)
	earlier, _, _ := pair(t, `CREATE TABLE pupils (id int PRIMARY KEY, name text, mark int, note jsonb); INSERT INTO pupils VALUES (1, 'masked', NULL, '{}')`)
	conn := postgrestest.Connected(t, earlier.Source)
	postgrestest.Runs(t, conn, `BEGIN; INSERT INTO pupils VALUES (2, 'not committed', 1, NULL)`)
	spec.Earlier = &postgres.Earlier{Conn: conn, Tables: map[string]bool{`"public"."pupils"`: true}}
	spec.Masks = func(string, []understudy.Column) (understudy.TableMasks, error) {
		return understudy.TableMasks{Columns: map[string]understudy.Mask{"id": {Apply: func(value []byte) ([]byte, error) { return append(value, '0'), nil }}}}, nil
	}
	before := postgrestest.Answer(t, source, `SELECT seq_tup_read::text FROM pg_stat_user_tables WHERE relname = 'pupils'`)
	got := copied(t, spec)
	if rows := postgrestest.Answer(t, target, `SELECT concat_ws(' ', id, name) FROM pupils ORDER BY id`); rows != "1 masked\n2 not committed" {
		t.Errorf("the copy has pupils %q", rows)
	}
	if rooms := postgrestest.Answer(t, target, `SELECT id::text FROM rooms`); rooms != "10" {
		t.Errorf("the copy has rooms %q", rooms)
	}
	if got.Cost.Rows != 1 || got.Rows() != 3 || !got.Tables[0].Earlier || got.Tables[1].Earlier || !slices.Equal(got.Tables[0].Masked, []string{"id"}) {
		t.Errorf("it says %+v at the cost of %+v", got.Tables, got.Cost)
	}
	if after := postgrestest.Answer(t, source, `SELECT seq_tup_read::text FROM pg_stat_user_tables WHERE relname = 'pupils'`); after != before {
		t.Errorf("%s rows of production's were read, and %s before", after, before)
	}
}

func TestCopy_LetsTheSnapshotGoBeforeItBuildsIndexes(t *testing.T) {
	t.Parallel()
	spec, source, _ := pair(t, pupils)
	released := false
	spec.Progress = func(p logical.Progress) {
		if p.Phase != logical.PhaseIndexes || released {
			return
		}
		postgrestest.Until(t, "no session of the copy holds a snapshot", func() bool {
			return postgrestest.Answer(t, source, `SELECT count(*)::text FROM pg_stat_activity WHERE datname = current_database()
				AND application_name LIKE 'understudy copy ________' AND backend_xmin IS NOT NULL`) == "0"
		})
		released = true
	}
	if got := copied(t, spec); !released || got.Cost.Held <= 0 || got.Cost.Rows != 2500 {
		t.Errorf("the snapshot was let go: %v; the cost is %+v", released, got.Cost)
	}
}
