package hazards

import "understudy/internal/check"

// rows are group D as far as it is about data and what it costs.
func rows() []Case {
	failed := []Expected{found(check.MigrationFailed, "")}
	return []Case{
		{ID: "D1", Name: "UPDATE of all", About: "UPDATE or DELETE of a whole table", Migration: `UPDATE orders SET note = upper(note);`, Want: []Expected{found(check.MigrationBulkWrite, "public.orders")}},
		{ID: "D1", Name: "in a function", About: "the same inside a function", Setup: `CREATE FUNCTION fill() RETURNS void LANGUAGE sql AS 'UPDATE orders SET note = upper(note)'`,
			Migration: `SELECT fill();`, Want: []Expected{found(check.MigrationBulkWrite, "public.orders")}},
		{ID: "D1", Name: "DELETE of many", About: "UPDATE or DELETE of a whole table", Migration: `DELETE FROM payments WHERE code < 4;`,
			Want: []Expected{found(check.MigrationBulkWrite, "public.payments"), found(check.MigrationRemoved, "public.payments")}},
		{ID: "D2", Name: "NULLs", About: "it fails on the data that is there", Setup: `UPDATE orders SET note = NULL WHERE id = 7`, Migration: `ALTER TABLE orders ALTER COLUMN note SET NOT NULL;`, Want: failed},
		{ID: "D2", Name: "duplicates", About: "it fails on the data that is there", Migration: `CREATE UNIQUE INDEX orders_status_unique ON orders (status);`, Want: failed},
		{ID: "D2", Name: "cast", About: "it fails on the data that is there", Migration: `ALTER TABLE orders ALTER COLUMN note TYPE integer USING note::integer;`, Want: failed},
		{ID: "D2", Name: "orphans", About: "it fails on the data that is there", Setup: `UPDATE payments SET order_id = 999999 WHERE id = 3`,
			Migration: `ALTER TABLE payments ADD CONSTRAINT payments_order FOREIGN KEY (order_id) REFERENCES orders;`, Want: failed},
		{ID: "D2", Name: "CHECK", About: "it fails on the data that is there", Migration: `ALTER TABLE payments ADD CONSTRAINT odd CHECK (code <> 3);`, Want: failed},
		{ID: "D2", Name: "too long", About: "it fails on the data that is there", Migration: `ALTER TABLE orders ALTER COLUMN note TYPE varchar(10);`, Want: failed},
		{ID: "D3", Name: "DROP COLUMN", About: "data is lost", Migration: `ALTER TABLE orders DROP COLUMN note;`, Want: []Expected{found(check.MigrationRemoved, "public.orders.note")}},
		{ID: "D3", Name: "DROP TABLE", About: "data is lost", Migration: `DROP TABLE payments;`, Want: []Expected{found(check.MigrationRemoved, "public.payments")}},
		{ID: "D3", Name: "DROP SCHEMA", About: "data is lost", Setup: `ALTER TABLE payments SET SCHEMA shop`, Migration: `DROP SCHEMA shop CASCADE;`, Want: []Expected{found(check.MigrationRemoved, "shop.payments")}},
		{ID: "D3", Name: "dedupe", About: "data is lost", Migration: `DELETE FROM payments a USING payments b WHERE a.code = b.code AND a.id > b.id;`, Want: []Expected{found(check.MigrationRemoved, "public.payments")}},
		{ID: "D4", Name: "disk", About: "the disk fills: a rewrite needs the table again", Budget: Budget{DiskMore: 256 << 10},
			Migration: "BEGIN;\nALTER TABLE orders ADD COLUMN token uuid DEFAULT gen_random_uuid();\nSELECT pg_sleep(0.3);\nCOMMIT;", Want: []Expected{found(check.MigrationDisk, "")}},
		{ID: "D4", Name: "log", About: "the log that is written", Budget: Budget{LogBytes: 256 << 10}, Migration: `UPDATE orders SET note = upper(note);`, Want: []Expected{found(check.MigrationLog, "")}},
		{ID: "D5", Name: "expression index", About: "no statistics on new columns, expression indexes, new tables", Migration: `CREATE INDEX CONCURRENTLY accounts_mail ON accounts (lower(email));`,
			Want: []Expected{found(check.MigrationNoStatistics, "public.accounts_mail")}},
		{ID: "D5", Name: "new table", About: "no statistics on new columns, expression indexes, new tables", Migration: `CREATE TABLE archive AS SELECT * FROM orders;`,
			Want: []Expected{found(check.MigrationNoStatistics, "public.archive")}},
		{ID: "D5", Name: "new column", About: "no statistics on new columns, expression indexes, new tables", Migration: `ALTER TABLE orders ADD COLUMN remark text;`,
			Want: []Expected{found(check.MigrationNoStatistics, "public.orders.remark")}},
		{ID: "D6", Name: "published", About: "followers are not told of a change of the schema", Setup: `CREATE PUBLICATION feed FOR TABLE orders`, Migration: `ALTER TABLE orders ADD COLUMN remark text;`,
			Want: []Expected{found(check.MigrationFollowers, "public.orders")}},
		{ID: "D6", Name: "replica identity", About: "followers cannot tell rows apart", Setup: `CREATE PUBLICATION feed FOR TABLE orders`, Migration: `ALTER TABLE orders REPLICA IDENTITY NOTHING;`,
			Want: []Expected{found(check.MigrationFollowers, "public.orders")}},
	}
}

// schemas are group D as far as it is about keys, plans and dependents.
func schemas() []Case {
	return []Case{
		{ID: "D7", Name: "type of a key", About: "the two ends of a foreign key differ in type", Migration: "CREATE TABLE notes (id bigint PRIMARY KEY, order_id integer);\nALTER TABLE notes ADD CONSTRAINT notes_order FOREIGN KEY (order_id) REFERENCES orders;",
			Want: []Expected{found(check.MigrationKeyType, "public.notes.notes_order")}},
		{ID: "D7", Name: "nearly used up", About: "an integer key is nearly used up", Migration: "CREATE TABLE visits (id serial PRIMARY KEY);\nSELECT setval('visits_id_seq', 1900000000);",
			Want: []Expected{found(check.MigrationKeyRoom, "")}},
		{ID: "D8", Name: "index gone", About: "an index that is used is dropped", Setup: `SET enable_seqscan = off; SELECT count(*) FROM orders WHERE status = 'new'`, Migration: `DROP INDEX CONCURRENTLY orders_status;`,
			Want: []Expected{found(check.MigrationIndexGap, "public.orders_status")}},
		{ID: "D8", Name: "old before new", About: "the old index is dropped before the new one is there", Setup: `SET enable_seqscan = off; SELECT count(*) FROM orders WHERE status = 'new'`,
			Migration: "DROP INDEX CONCURRENTLY orders_status;\nCREATE INDEX CONCURRENTLY orders_status_placed ON orders (status, placed_at);", Want: []Expected{found(check.MigrationIndexGap, "public.orders_status")}},
		{ID: "D9", Name: "sequence", About: "a sequence is not advanced after rows were copied", Migration: "CREATE TABLE archive (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, note text);\nINSERT INTO archive (id, note) SELECT id, note FROM orders WHERE id < 900;",
			Want: []Expected{found(check.MigrationSequence, "")}},
		{ID: "D10", Name: "HOT", About: "a new index on a column that changes often costs every update",
			Setup:     `ALTER TABLE payments SET (fillfactor = 50); VACUUM FULL payments; UPDATE payments SET state = 'open' WHERE id % 3 = 0; UPDATE payments SET state = 'shut' WHERE id % 3 = 0`,
			Meanwhile: []Act{{"web", `UPDATE payments SET state = 'more' || id WHERE id % 5 = 0`, indexed}, {"web", `UPDATE payments SET state = 'less' || id WHERE id % 5 = 0`, ""}},
			Migration: "CREATE INDEX CONCURRENTLY payments_state ON payments (state);\nSELECT pg_sleep(0.5);", Want: []Expected{found(check.MigrationHot, "public.payments")}},
		{ID: "D11", Name: "json", About: "json has no equality", Migration: `ALTER TABLE orders ADD COLUMN extra json;`, Want: []Expected{found(check.MigrationNoEquality, "public.orders.extra")}},
		{ID: "D12", Name: "used at once", About: "a new enum value used in its own transaction", Migration: "BEGIN;\nALTER TYPE mood ADD VALUE 'calm';\nUPDATE codes SET feeling = 'calm' WHERE id = 1;\nCOMMIT;",
			Want: []Expected{found(check.MigrationFailed, "")}},
		{ID: "D12", Name: "no way back", About: "an enum value cannot be taken away again", Migration: `ALTER TYPE mood ADD VALUE 'calm';`, Want: []Expected{found(check.MigrationEnum, "")}},
		{ID: "D13", Name: "0A000", About: "a view uses the column", Migration: `ALTER TABLE orders ALTER COLUMN amount TYPE bigint;`, Want: []Expected{found(check.MigrationFailed, "")}},
		{ID: "D13", Name: "2BP01", About: "a view uses the column", Migration: `ALTER TABLE orders DROP COLUMN amount;`, Want: []Expected{found(check.MigrationFailed, "")}},
		{ID: "D13", Name: "CASCADE", About: "CASCADE takes views along", Migration: `ALTER TABLE orders DROP COLUMN amount CASCADE;`, Want: []Expected{found(check.MigrationDependents, "public.paid_orders")}},
		{ID: "D14", Name: "outbox", About: "triggers fire for the rows that the migration writes",
			Setup: `CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO outbox (said) VALUES (NEW.status); RETURN NEW; END $$;
				CREATE TRIGGER tell AFTER UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION tell()`,
			Migration: `UPDATE orders SET status = 'sent' WHERE id < 400;`, Want: []Expected{found(check.MigrationTriggers, "tell on public.orders")}},
	}
}

// indexed is the condition that the new index of the payments is there.
const indexed = `SELECT EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass('payments_state') AND indisvalid)`
