package postgres_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"understudy"
	"understudy/internal/postgres"
	"understudy/internal/postgres/postgrestest"
)

func TestPrint_DiffSaysWhatBecameOfTheRows(t *testing.T) {
	t.Parallel()
	c, name := postgrestest.Database(t)
	conn := postgrestest.Connected(t, c.AdminURL(name))
	printed := func() postgres.DataPrint {
		t.Helper()
		p, err := postgres.Print(t.Context(), c.AdminURL(name), 2)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	postgrestest.Runs(t, conn, `CREATE TABLE stays (id int, v text); INSERT INTO stays SELECT i, i FROM generate_series(1, 100) i;
		CREATE TABLE loses (id int, v text); INSERT INTO loses SELECT i, i FROM generate_series(1, 100) i;
		CREATE TABLE gains (id int); CREATE TABLE goes (id int); INSERT INTO goes VALUES (1);
		CREATE TABLE changes (id int, kept timestamptz, cleared text, rounded numeric, dropped text, "Odd one" float8);
		INSERT INTO changes SELECT i, now(), i, i / 3.0, i, i / 7.0 FROM generate_series(1, 100) i;
		CREATE TABLE parts (id int) PARTITION BY HASH (id); CREATE TABLE part PARTITION OF parts FOR VALUES WITH (MODULUS 1, REMAINDER 0); INSERT INTO parts VALUES (1)`)
	before := printed()
	postgrestest.Runs(t, conn, `UPDATE stays SET id = id; ALTER TABLE stays ALTER id TYPE bigint`)
	postgrestest.Runs(t, conn, `SET timezone = 'Asia/Tokyo'; DELETE FROM loses WHERE id > 90; INSERT INTO gains VALUES (1); DROP TABLE goes; CREATE TABLE comes (id int);
		UPDATE changes SET cleared = NULL WHERE id <= 40; UPDATE changes SET rounded = round(rounded, 2); ALTER TABLE changes DROP dropped, ADD fresh int`)
	var got []string
	for _, change := range before.Diff(printed()) {
		got = append(got, change.String())
	}
	want := []string{
		"values of public.changes.cleared changed: 100 not null before, 60 after",
		"column public.changes.dropped is gone, with 100 values",
		"column public.changes.fresh is new, with 0 values",
		"values of public.changes.rounded changed: 100 not null before, 100 after",
		"table public.comes is new, with 0 rows",
		"public.gains has 1 more rows: 0 before, 1 after",
		"table public.goes is gone, with 1 rows",
		"public.loses lost 10 rows: 100 before, 90 after",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestPrintAt_IsTheSameAtAPace(t *testing.T) {
	t.Parallel()
	c, name := postgrestest.Database(t)
	conn := postgrestest.Connected(t, c.AdminURL(name))
	postgrestest.Runs(t, conn, `CREATE TABLE big (id int, v text, wide text); INSERT INTO big SELECT i, NULLIF(i % 5, 0), repeat('x', 1500) FROM generate_series(1, 16000) i;
		CREATE TABLE small (id int); INSERT INTO small VALUES (1); CREATE TABLE empty (id int)`)
	want, err := postgres.Print(t.Context(), c.AdminURL(name), 2)
	if err != nil {
		t.Fatal(err)
	}
	moment, err := postgres.OpenMoment(t.Context(), c.AdminURL(name), "test")
	if err != nil {
		t.Fatal(err)
	}
	defer moment.Close(t.Context())
	var calls, bytes atomic.Int64
	moment.Pace = func(_ context.Context, n int) error {
		calls.Add(1)
		bytes.Add(int64(n))
		return nil
	}
	got, err := postgres.PrintAt(t.Context(), moment, 2, func(*postgres.DescribedTable, understudy.Column) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("at a pace: %s", diff)
	}
	if calls.Load() < 5 || bytes.Load() < 24<<20 {
		t.Errorf("%d pieces, %d bytes; expected all of the big table in pieces of 8 MB", calls.Load(), bytes.Load())
	}
}
