package hazards

import (
	"strconv"
	"strings"

	"understudy/internal/check"
)

// releases are group E: the old release on the new schema, and the way back. What the old
// release gets is shown by its held statements; the checks compatibility and rollback find
// it in a rehearsal.
func releases() []Case {
	const compatibility, rollback = "the check compatibility: the old release under traffic on the new schema", "the check rollback"
	return []Case{
		{ID: "R1", Name: "RENAME COLUMN", About: "columns, tables, values renamed or dropped: old code fails", Migration: `ALTER TABLE orders RENAME COLUMN note TO remark;`,
			Want: []Expected{found(check.MigrationExclusive, "public.orders")}, Held: []Held{{`SELECT note FROM orders WHERE id = 1`, "does not exist"}}, By: compatibility},
		{ID: "R1", Name: "SET SCHEMA", About: "columns, tables, values renamed or dropped: old code fails", Migration: `ALTER TABLE payments SET SCHEMA shop;`,
			Held: []Held{{`SELECT state FROM payments WHERE id = 1`, "does not exist"}}, By: compatibility},
		{ID: "R2", Name: "NOT NULL without default", About: "NOT NULL without a default of the database's: old inserts fail",
			Migration: "ALTER TABLE payments ADD COLUMN currency text NOT NULL DEFAULT 'EUR';\nALTER TABLE payments ALTER COLUMN currency DROP DEFAULT;",
			Held:      []Held{{`INSERT INTO payments (id, order_id, code, state) VALUES (99001, 1, 1, 'new')`, "violates not-null constraint"}}, By: compatibility},
		{ID: "R3", Name: "wider values", About: "DROP NOT NULL, new enum values: old code reads what it does not know", Migration: `ALTER TABLE orders ALTER COLUMN account_id DROP NOT NULL;`,
			Held: []Held{{`SELECT account_id FROM orders WHERE id = 1`, ""}}, By: compatibility + ", after the new one has written"},
		{ID: "R4", Name: "new rule", About: "a new CHECK, UNIQUE or key refuses what old code writes", Migration: `ALTER TABLE payments ADD CONSTRAINT known CHECK (state IN ('done', 'open')) NOT VALID;`,
			Want: []Expected{found(check.MigrationNotValid, "public.payments.known")}, Held: []Held{{`UPDATE payments SET state = 'shut' WHERE id = 1`, "violates check constraint"}}, By: compatibility},
		{ID: "R5", Name: "SELECT *", About: "cached plan must not change result type", Migration: `ALTER TABLE orders ADD COLUMN remark text;`,
			Held: []Held{{`SELECT * FROM orders WHERE id = 1`, "cached plan must not change result type"}, {`SELECT note FROM orders WHERE id = 1`, ""}}, By: compatibility},
		{ID: "R5", Name: "varchar → text", About: "cached plan must not change result type", Migration: `ALTER TABLE orders ALTER COLUMN status TYPE text;`,
			Want: []Expected{found(check.MigrationType, "public.orders.status")}, Held: []Held{{`SELECT status FROM orders WHERE id = 1`, "cached plan must not change result type"}}, By: compatibility},
		{ID: "R6", Name: "column caches", About: "caches of columns in an ORM", By: compatibility + ", with its own caches"},
		{ID: "R7", Name: "other type", About: "old code casts, or overflows", Migration: `ALTER TABLE orders ALTER COLUMN quantity TYPE text;`,
			Want: []Expected{found(check.MigrationType, "public.orders.quantity")}, Held: []Held{{`UPDATE orders SET quantity = quantity + 1 WHERE id = 1`, "operator does not exist"}}, By: compatibility},
		{ID: "R8", Name: "no way back", About: "the way back is missing, fails, or is none", By: rollback + ": down is run, the schema compared"},
		{ID: "R9", Name: "data gone", About: "the way back works, and the data is gone", By: rollback + ": data compared column by column; `migration.data-removed` warns before"},
		{ID: "R10", Name: "after new data", About: "the way back fails once the new release has written", By: rollback + ": down after the new release has served"},
		{ID: "R11", Name: "the way back locks", About: "the way back locks or rewrites", By: rollback + ": down is watched and judged as up is"},
		{ID: "R12", Name: "column order", About: "columns come back in another order", By: rollback + ": `rollback.column-order`"},
		{ID: "R13", Name: "refuses", About: "the old release refuses a newer schema", By: rollback + ": the old release is started on the new schema"},
		{ID: "R14", Name: "interrupted", About: "the migration is interrupted half way", By: "the check migration: killed half way and run again"},
		{ID: "R15", Name: "history", About: "a history of migrations that is not linear, or was edited", By: "the team's own command, which is run as production runs it"},
		{ID: "D2", Name: "without ownership", About: "the role of the migration owns nothing, and a superuser never noticed", Role: "shop_guest", Migration: `ALTER TABLE orders ADD COLUMN remark text;`,
			Want: []Expected{found(check.MigrationFailed, "")}},
	}
}

// safe are migrations that hurt nobody.
func safe() []Case {
	s := func(id, name, setup, migration string) Case {
		return Case{ID: id, Name: name, About: "safe", Setup: setup, Migration: migration}
	}
	return []Case{
		s("S1", "a nullable column", "", `ALTER TABLE orders ADD COLUMN remark text;`),
		s("S2", "a column with a constant default", "", `ALTER TABLE orders ADD COLUMN origin text NOT NULL DEFAULT 'web';`),
		s("S3", "a column with now()", "", `ALTER TABLE orders ADD COLUMN seen_at timestamptz NOT NULL DEFAULT now();`),
		s("S4", "a new table", "", `CREATE TABLE carts (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text NOT NULL);`),
		s("S5", "an index CONCURRENTLY", "", `CREATE INDEX CONCURRENTLY orders_note ON orders (note);`),
		s("S6", "a unique constraint of an index", "", "CREATE UNIQUE INDEX CONCURRENTLY orders_note_unique ON orders (note);\nALTER TABLE orders ADD CONSTRAINT orders_note_unique UNIQUE USING INDEX orders_note_unique;"),
		s("S7", "a foreign key in two steps", "", "ALTER TABLE orders ADD CONSTRAINT orders_account FOREIGN KEY (account_id) REFERENCES accounts NOT VALID;\nALTER TABLE orders VALIDATE CONSTRAINT orders_account;"),
		s("S8", "a CHECK in two steps", "", "ALTER TABLE orders ADD CONSTRAINT orders_total CHECK (total >= 0) NOT VALID;\nALTER TABLE orders VALIDATE CONSTRAINT orders_total;"),
		s("S9", "NOT NULL by a proven CHECK", "", "ALTER TABLE orders ADD CONSTRAINT quantity_there CHECK (quantity IS NOT NULL) NOT VALID;\nALTER TABLE orders VALIDATE CONSTRAINT quantity_there;\n"+
			"ALTER TABLE orders ALTER COLUMN quantity SET NOT NULL;\nALTER TABLE orders DROP CONSTRAINT quantity_there;"),
		s("S10", "NOT NULL by a CHECK of an earlier release", `ALTER TABLE orders ADD CONSTRAINT quantity_there CHECK (quantity IS NOT NULL)`,
			"ALTER TABLE orders ALTER COLUMN quantity SET NOT NULL;\nALTER TABLE orders DROP CONSTRAINT quantity_there;"),
		s("S11", "rows in batches", "", batches()),
		s("S12", "a view made anew", "", `CREATE OR REPLACE VIEW paid_orders AS SELECT id, amount, note FROM orders WHERE amount > 0;`),
		s("S13", "a default dropped", "", `ALTER TABLE orders ALTER COLUMN amount DROP DEFAULT;`),
		s("S14", "an index in place of another", `SET enable_seqscan = off; SELECT count(*) FROM orders WHERE status = 'new'`,
			"CREATE INDEX CONCURRENTLY orders_status_placed ON orders (status, placed_at);\nDROP INDEX CONCURRENTLY orders_status;"),
		s("S15", "a partition attached by a proven CHECK", "", "ALTER TABLE events_2026 ADD CONSTRAINT bounds CHECK (at >= '2026-01-01' AND at < '2027-01-01') NOT VALID;\n"+
			"ALTER TABLE events_2026 VALIDATE CONSTRAINT bounds;\nALTER TABLE events ATTACH PARTITION events_2026 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');\nALTER TABLE events_2026 DROP CONSTRAINT bounds;"),
		s("S16", "a materialized view refreshed CONCURRENTLY", "", `REFRESH MATERIALIZED VIEW CONCURRENTLY order_notes;`),
		s("S17", "a comment", "", `COMMENT ON TABLE orders IS 'what was ordered';`),
		s("S18", "a function and a grant", "", "CREATE FUNCTION net(gross numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT gross / 1.2';\nGRANT SELECT ON accounts TO shop_guest;"),
		s("S19", "a version table, in one transaction with a step", `CREATE TABLE schema_version (version text NOT NULL); INSERT INTO schema_version VALUES ('1'); ALTER TABLE schema_version OWNER TO shop_owner`,
			"BEGIN;\nALTER TABLE orders ADD COLUMN remark text;\nDELETE FROM schema_version;\nINSERT INTO schema_version VALUES ('2');\nCOMMIT;"),
		s("S20", "a storage parameter", "", `ALTER TABLE orders SET (fillfactor = 90);`),
		s("S21", "an index on a small table", `CREATE TABLE kinds (id int PRIMARY KEY, name text); INSERT INTO kinds SELECT g, 'k' FROM generate_series(1, 20) g; ANALYZE kinds; ALTER TABLE kinds OWNER TO shop_owner`,
			`CREATE INDEX kinds_name ON kinds (name);`),
		s("S22", "an index dropped that nobody uses", "", `DROP INDEX CONCURRENTLY orders_status;`),
	}
}

// batches is the filling of a column in transactions of some hundred rows each.
func batches() string {
	const step = "UPDATE orders SET note = upper(note) WHERE id > %FROM AND id <= %TO;\n"
	return fill(step, 6, 1000)
}

// fill writes a step once for each batch.
func fill(step string, batches, size int) string {
	var all strings.Builder
	for i := range batches {
		all.WriteString(strings.NewReplacer("%FROM", strconv.Itoa(i*size), "%TO", strconv.Itoa((i+1)*size)).Replace(step))
	}
	return all.String()
}
