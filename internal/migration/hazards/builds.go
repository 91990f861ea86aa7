package hazards

import "understudy/internal/check"

// builds are the index builds of group B.
func builds() []Case {
	return []Case{
		{ID: "B1", Name: "CREATE INDEX", About: "CREATE INDEX keeps writers out", Migration: `CREATE INDEX orders_note ON orders (note);`,
			Want: []Expected{found(check.MigrationWriteLock, "public.orders")}},
		{ID: "B1", Name: "in a DO block", About: "the same inside DO", Migration: `DO $$ BEGIN CREATE INDEX orders_note ON orders (note); END $$;`,
			Want: []Expected{found(check.MigrationWriteLock, "public.orders")}},
		{ID: "B1", Name: "under traffic", About: "who waits for it is named", Budget: Budget{BlockedFor: 100e6},
			Migration: "BEGIN;\nCREATE INDEX orders_note ON orders (note);\nSELECT pg_sleep(0.4);\nCOMMIT;",
			Meanwhile: []Act{{"web", `UPDATE orders SET note = 'x' WHERE id = 1`, migrationSleeps}},
			Want:      []Expected{found(check.MigrationBlocked, "public.orders")}},
		{ID: "B2", Name: "partitioned", About: "CREATE INDEX on a partitioned table locks every partition", Migration: `CREATE INDEX events_what ON events (what);`,
			Want: []Expected{found(check.MigrationWriteLock, "public.events, public.events_2024, public.events_2025")}},
		{ID: "B3", Name: "in a transaction", About: "CREATE INDEX CONCURRENTLY inside a transaction", Migration: "BEGIN;\nCREATE INDEX CONCURRENTLY orders_note ON orders (note);\nCOMMIT;",
			Want: []Expected{found(check.MigrationFailed, "")}},
		{ID: "B4", Name: "advisory lock", About: "CONCURRENTLY waits for a second runner, which waits for the first one's advisory lock",
			Migration: "SELECT pg_advisory_lock(4711);\n\\! psql \"$DATABASE_URL\" -X -q -c 'SELECT pg_advisory_lock(4711)' >/dev/null 2>&1 &\n" +
				"DO $$ BEGIN WHILE NOT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted) LOOP PERFORM pg_sleep(0.01); END LOOP; END $$;\n" +
				"CREATE INDEX CONCURRENTLY orders_note ON orders (note);",
			Want: []Expected{found(check.MigrationFailed, ""), found(check.MigrationInvalidIndex, "public.orders_note")}},
		{ID: "B5", Name: "old transaction", About: "CREATE INDEX CONCURRENTLY waits for every old transaction",
			Meanwhile: []Act{{"report", `BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM accounts`, ""}, {"report", `COMMIT`, migrationWaits}},
			Migration: `CREATE INDEX CONCURRENTLY orders_note ON orders (note);`, Want: []Expected{found(check.MigrationWaited, "")}},
		{ID: "B6", Name: "left invalid", About: "CREATE INDEX CONCURRENTLY that fails leaves an invalid index", Migration: `CREATE UNIQUE INDEX CONCURRENTLY orders_one_status ON orders (status);`,
			Want: []Expected{found(check.MigrationInvalidIndex, "public.orders_one_status"), found(check.MigrationFailed, "")}},
		{ID: "B6", Name: "kept by IF NOT EXISTS", About: "an invalid index from before is taken for whole",
			Setup:     `CREATE UNIQUE INDEX orders_one_note ON orders (note); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'orders_one_note'::regclass; ALTER INDEX orders_one_note OWNER TO shop_owner`,
			Migration: `CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS orders_one_note ON orders (note);`, Want: []Expected{found(check.MigrationInvalidIndex, "public.orders_one_note")}},
		{ID: "B7", Name: "DROP INDEX", About: "DROP INDEX locks its table against everything", Migration: `DROP INDEX orders_status;`, Want: []Expected{found(check.MigrationExclusive, "public.orders")}},
		{ID: "B8", Name: "DROP INDEX CONCURRENTLY", About: "a short lock against everything at the end, on the old index alone", Migration: `DROP INDEX CONCURRENTLY orders_status;`,
			Want: []Expected{found(check.MigrationExclusive, "public.orders_status")}, Never: never(check.MigrationWriteLock)},
		{ID: "B8", Name: "REINDEX CONCURRENTLY", About: "a short lock against everything at the end, on the old index alone", Migration: `REINDEX INDEX CONCURRENTLY orders_status;`,
			Want: []Expected{found(check.MigrationExclusive, "")}, Never: never(check.MigrationWriteLock)},
		{ID: "B9", Name: "REINDEX", About: "REINDEX keeps writers out of the table, everybody away from the index", Migration: `REINDEX INDEX orders_status;`,
			Want: []Expected{found(check.MigrationWriteLock, "public.orders"), found(check.MigrationExclusive, "public.orders_status")}},
		{ID: "B9", Name: "REINDEX TABLE", About: "REINDEX TABLE", Migration: `REINDEX TABLE payments;`, Want: []Expected{found(check.MigrationWriteLock, "public.payments")}},
		{ID: "B10", Name: "UNIQUE", About: "ADD UNIQUE builds its index under a lock against everything", Migration: `ALTER TABLE orders ADD CONSTRAINT orders_note_unique UNIQUE (note);`,
			Want: []Expected{found(check.MigrationLockedScan, "public.orders")}},
		{ID: "B10", Name: "PRIMARY KEY", About: "ADD PRIMARY KEY", Migration: `ALTER TABLE events_2026 ADD PRIMARY KEY (order_id);`, Want: []Expected{found(check.MigrationLockedScan, "public.events_2026")}},
		{ID: "B10", Name: "inline UNIQUE", About: "ADD COLUMN … UNIQUE", Migration: `ALTER TABLE orders ADD COLUMN reference text UNIQUE;`, Want: []Expected{found(check.MigrationLockedScan, "public.orders")}},
		{ID: "B11", Name: "key of nullable columns", About: "PRIMARY KEY USING INDEX looks at every row for a value", Setup: `CREATE UNIQUE INDEX events_2026_id ON events_2026 (order_id); ALTER INDEX events_2026_id OWNER TO shop_owner`,
			Migration: `ALTER TABLE events_2026 ADD CONSTRAINT events_2026_key PRIMARY KEY USING INDEX events_2026_id;`, Want: []Expected{found(check.MigrationLockedScan, "public.events_2026")}},
		{ID: "B12", Name: "EXCLUDE", About: "ADD EXCLUDE builds its index under a lock against everything", Migration: `ALTER TABLE events_2026 ADD CONSTRAINT no_two EXCLUDE USING btree (order_id WITH =);`,
			Want: []Expected{found(check.MigrationLockedScan, "public.events_2026")}},
	}
}

// scans are the scans of group B.
func scans() []Case {
	return []Case{
		{ID: "B13", Name: "SET NOT NULL", About: "SET NOT NULL looks at every row under a lock against everything", Migration: `ALTER TABLE orders ALTER COLUMN quantity SET NOT NULL;`,
			Want: []Expected{found(check.MigrationLockedScan, "public.orders")}},
		{ID: "B14", Name: "CHECK", About: "ADD CHECK looks at every row under a lock against everything", Migration: `ALTER TABLE orders ADD CONSTRAINT orders_total CHECK (total >= 0);`,
			Want: []Expected{found(check.MigrationLockedScan, "public.orders")}},
		{ID: "B15", Name: "foreign key", About: "ADD FOREIGN KEY keeps writers out of both tables", Migration: `ALTER TABLE orders ADD CONSTRAINT orders_account FOREIGN KEY (account_id) REFERENCES accounts;`,
			Want: []Expected{found(check.MigrationWriteLock, "public.accounts, public.orders"), found(check.MigrationOtherTable, "public.accounts, public.orders")}},
		{ID: "B15", Name: "column with REFERENCES", About: "ADD COLUMN … REFERENCES", Migration: `ALTER TABLE payments ADD COLUMN account_id bigint REFERENCES accounts;`,
			Want: []Expected{found(check.MigrationOtherTable, "public.accounts, public.payments"), found(check.MigrationUnindexed, "public.payments.payments_account_id_fkey")}},
		{ID: "B16", Name: "in one transaction", About: "NOT VALID and VALIDATE in one transaction keep the strong lock through the scan",
			Migration: "BEGIN;\nALTER TABLE orders ADD CONSTRAINT orders_total CHECK (total >= 0) NOT VALID;\nALTER TABLE orders VALIDATE CONSTRAINT orders_total;\nCOMMIT;",
			Want:      []Expected{found(check.MigrationLockedScan, "public.orders")}},
		{ID: "B17", Name: "partitioned", About: "a foreign key of a partitioned table cannot be NOT VALID before version 18", Migration: `ALTER TABLE events ADD CONSTRAINT events_order FOREIGN KEY (order_id) REFERENCES orders NOT VALID;`,
			Want: []Expected{found(check.MigrationFailed, "")}},
		{ID: "B17", Name: "at once", About: "and at once it locks every partition", Migration: `ALTER TABLE events ADD CONSTRAINT events_order FOREIGN KEY (order_id) REFERENCES orders;`,
			Want: []Expected{found(check.MigrationWriteLock, "public.events, public.events_2024, public.events_2025, public.orders")}},
		{ID: "B18", Name: "no index", About: "no index on the referencing side of a foreign key", Migration: "ALTER TABLE payments ADD CONSTRAINT payments_order FOREIGN KEY (order_id) REFERENCES orders NOT VALID;\nALTER TABLE payments VALIDATE CONSTRAINT payments_order;",
			Want: []Expected{found(check.MigrationUnindexed, "public.payments.payments_order")}},
		{ID: "B19", Name: "domain", About: "ALTER DOMAIN … ADD CONSTRAINT locks every table that uses it", Migration: `ALTER DOMAIN short_code ADD CONSTRAINT short CHECK (length(VALUE) < 10);`,
			Want: []Expected{found(check.MigrationWriteLock, "public.codes")}},
	}
}

// partitions are those of group B.
func partitions() []Case {
	return []Case{
		{ID: "B20", Name: "ATTACH", About: "ATTACH PARTITION without a CHECK looks at every row", Migration: `ALTER TABLE events ATTACH PARTITION events_2026 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');`,
			Want: []Expected{found(check.MigrationLockedScan, "public.events_2026")}},
		{ID: "B21", Name: "DETACH", About: "DETACH PARTITION locks both against everything", Migration: `ALTER TABLE events DETACH PARTITION events_2025;`,
			Want: []Expected{found(check.MigrationOtherTable, "public.events, public.events_2025")}},
		{ID: "B22", Name: "PARTITION OF", About: "CREATE TABLE … PARTITION OF locks the parent against everything", Migration: `CREATE TABLE events_2027 PARTITION OF events FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');`,
			Want: []Expected{found(check.MigrationExclusive, "public.events"), found(check.MigrationOtherTable, "")}},
		{ID: "B23", Name: "default partition", About: "a new partition makes the server look through the default one",
			Setup:     `CREATE TABLE events_rest PARTITION OF events DEFAULT; ALTER TABLE events_rest OWNER TO shop_owner; INSERT INTO events SELECT '2030-01-01', g, 'x' FROM generate_series(1, 2000) g`,
			Migration: `CREATE TABLE events_2027 PARTITION OF events FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');`, Want: []Expected{found(check.MigrationExclusive, "public.events, public.events_rest")}},
	}
}
