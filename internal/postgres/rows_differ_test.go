package postgres_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"understudy/internal/postgres"
	"understudy/internal/postgres/postgrestest"
)

func TestDifferRows_NamesRowsByTheirKeyAndNeverByAnotherValue(t *testing.T) {
	t.Parallel()
	const tables = `CREATE TABLE people (id int PRIMARY KEY, mail text, phone text); INSERT INTO people SELECT i, 'm' || i, 'secret' || i FROM generate_series(1, 500) i;
		CREATE TABLE pairs (a text NOT NULL, b date NOT NULL, v int); CREATE UNIQUE INDEX ON pairs (a, b);
		INSERT INTO pairs SELECT chr(64 + i % 26) || i, '2024-01-01'::date + i, i FROM generate_series(1, 100) i;
		CREATE TABLE heap (v int); INSERT INTO heap VALUES (1);
		CREATE TABLE same (id bigint PRIMARY KEY, v text); INSERT INTO same SELECT i, i FROM generate_series(1, 100) i;
		CREATE TABLE parts (id int PRIMARY KEY, v text) PARTITION BY HASH (id); CREATE TABLE part PARTITION OF parts FOR VALUES WITH (MODULUS 1, REMAINDER 0); INSERT INTO parts VALUES (1, 'a'), (2, 'b');
		CREATE TABLE "Odd one" ("the Key" text PRIMARY KEY, v text); INSERT INTO "Odd one" VALUES (repeat('k', 90), 'x');
		CREATE TABLE goes (id int PRIMARY KEY); INSERT INTO goes VALUES (1)`
	c, before := postgrestest.Database(t)
	_, after := postgrestest.Database(t)
	for _, name := range []string{before, after} {
		postgrestest.Runs(t, postgrestest.Connected(t, c.AdminURL(name)), tables)
	}
	postgrestest.Runs(t, postgrestest.Connected(t, c.AdminURL(after)), `
		UPDATE people SET phone = NULL WHERE id IN (17, 23); UPDATE people SET mail = 'other', phone = 'secret' WHERE id = 300; DELETE FROM people WHERE id = 9; INSERT INTO people VALUES (501, 'm', 'p');
		ALTER TABLE people ADD extra int DEFAULT 7; DELETE FROM pairs WHERE v > 94; UPDATE parts SET v = NULL WHERE id = 2; UPDATE "Odd one" SET v = 'y';
		ALTER TABLE same ALTER id TYPE numeric; DROP TABLE goes`)
	for table, want := range map[string]postgres.RowChanges{
		"public.people": {Gone: 1, New: 1, Changed: 3, Columns: []string{"mail", "phone"}, Named: []string{
			"id=17 (changed in phone)", "id=23 (changed in phone)", "id=300 (changed in mail, phone)", "id=501 (new)", "id=9 (gone)"}},
		"public.pairs": {Gone: 6, Named: []string{"a=Q95 b=2024-04-05 (gone)", "a=R96 b=2024-04-06 (gone)", "a=S97 b=2024-04-07 (gone)",
			"a=T98 b=2024-04-08 (gone)", "a=U99 b=2024-04-09 (gone)"}},
		"public.heap":      {Keyless: true},
		"public.same":      {},
		"public.parts":     {Changed: 1, Columns: []string{"v"}, Named: []string{"id=2 (changed in v)"}},
		`public."Odd one"`: {Changed: 1, Columns: []string{"v"}, Named: []string{"the Key=" + strings.Repeat("k", 40) + "… (changed in v)"}},
		"public.goes":      {},
		"public.never":     {},
	} {
		got, err := postgres.DifferRows(t.Context(), c.AdminURL(before), c.AdminURL(after), table, nil, 5)
		if err != nil {
			t.Fatalf("%s: %v", table, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", table, diff)
		}
	}
}
