package hazards

import "understudy/internal/check"

// rewrites are group A: a whole table is written anew, or its rows go, under a lock
// against everything.
func rewrites() []Case {
	orders := []Expected{found(check.MigrationRewrote, "public.orders")}
	return []Case{
		{ID: "A1", Name: "uuid", About: "ADD COLUMN with a volatile default", Migration: `ALTER TABLE orders ADD COLUMN token uuid DEFAULT gen_random_uuid();`, Want: orders},
		{ID: "A1", Name: "clock", About: "ADD COLUMN with a volatile default", Migration: `ALTER TABLE orders ADD COLUMN seen_at timestamptz DEFAULT clock_timestamp();`, Want: orders},
		{ID: "A1", Name: "in a DO block", About: "the same inside DO, where a linter cannot look", Migration: `DO $$ BEGIN EXECUTE 'ALTER TABLE orders ADD COLUMN token uuid DEFAULT gen_random_uuid()'; END $$;`, Want: orders},
		{ID: "A1", Name: "in a function", About: "the same inside a function of the database's own", Setup: `CREATE FUNCTION add_token(t text) RETURNS void LANGUAGE plpgsql AS
			$$ BEGIN EXECUTE format('ALTER TABLE %I ADD COLUMN token uuid DEFAULT gen_random_uuid()', t); END $$`, Migration: `SELECT add_token('orders');`, Want: orders},
		{ID: "A2", Name: "constant", About: "ADD COLUMN with a constant default: written anew before version 11, free since", Migration: `ALTER TABLE orders ADD COLUMN origin text NOT NULL DEFAULT 'web';`,
			Want: []Expected{found(check.MigrationExclusive, "public.orders")}, Never: never(check.MigrationRewrote)},
		{ID: "A3", Name: "bigserial", About: "ADD COLUMN serial", Migration: `ALTER TABLE orders ADD COLUMN number bigserial;`, Want: orders},
		{ID: "A4", Name: "identity", About: "ADD COLUMN identity", Migration: `ALTER TABLE payments ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY;`,
			Want: []Expected{found(check.MigrationRewrote, "public.payments")}},
		{ID: "A5", Name: "generated", About: "ADD COLUMN GENERATED … STORED", Migration: `ALTER TABLE orders ADD COLUMN gross numeric GENERATED ALWAYS AS (total * 1.2) STORED;`, Want: orders},
		{ID: "A6", Name: "domain", About: "ADD COLUMN of a domain with a constraint and a default", Setup: `CREATE DOMAIN positive AS integer CHECK (VALUE > 0)`,
			Migration: `ALTER TABLE orders ADD COLUMN parts positive DEFAULT 1;`, Want: orders},
		{ID: "A7", Name: "int to bigint", About: "an incompatible change of type", Migration: `ALTER TABLE orders ALTER COLUMN quantity TYPE bigint;`,
			Want: []Expected{orders[0], found(check.MigrationType, "public.orders.quantity")}},
		{ID: "A7", Name: "with USING", About: "an incompatible change of type", Migration: `ALTER TABLE orders ALTER COLUMN note TYPE varchar(10) USING left(note, 10);`,
			Want: []Expected{orders[0], found(check.MigrationRemoved, "public.orders.note")}},
		{ID: "A7", Name: "scale", About: "an incompatible change of type", Migration: `ALTER TABLE orders ALTER COLUMN total TYPE numeric(12,3);`, Want: orders},
		{ID: "A8", Name: "Paris", About: "timestamp → timestamptz in another time zone than UTC", Migration: `SET timezone = 'Europe/Paris'; ALTER TABLE orders ALTER COLUMN placed_at TYPE timestamptz;`,
			Want: []Expected{orders[0], found(check.MigrationTimeZone, "public.orders.placed_at")}},
		{ID: "A8", Name: "UTC", About: "timestamp → timestamptz in UTC: nothing is written anew, which only the session decides", Migration: `SET timezone = 'UTC'; ALTER TABLE orders ALTER COLUMN placed_at TYPE timestamptz;`,
			Want: []Expected{found(check.MigrationTimeZone, "public.orders.placed_at"), found(check.MigrationType, "public.orders.placed_at")}, Never: never(check.MigrationRewrote)},
		{ID: "A8", Name: "role's time zone", About: "the time zone that decides is the role's", Setup: `ALTER ROLE shop_owner IN DATABASE {database} SET timezone = 'Asia/Tokyo'`,
			Migration: `ALTER TABLE orders ALTER COLUMN paid_at TYPE timestamp;`, Want: []Expected{orders[0], found(check.MigrationTimeZone, "public.orders.paid_at")}},
		{ID: "A9", Name: "longer varchar", About: "a compatible change of type, called safe: statistics are gone, cached plans fail", Migration: `ALTER TABLE orders ALTER COLUMN status TYPE varchar(100);`,
			Want:  []Expected{found(check.MigrationStatistics, "public.orders.status"), found(check.MigrationType, "public.orders.status")},
			Never: never(check.MigrationRewrote, check.MigrationRemoved), Held: []Held{{`SELECT status FROM orders WHERE id = 1`, "cached plan must not change result type"}}},
		{ID: "A9", Name: "numeric", About: "a compatible change of type, called safe", Migration: `ALTER TABLE orders ALTER COLUMN total TYPE numeric(14,2);`,
			Want: []Expected{found(check.MigrationStatistics, "public.orders.total")}, Never: never(check.MigrationRewrote)},
		{ID: "A9", Name: "the same type", About: "even the same type again deletes the statistics", Migration: `ALTER TABLE orders ALTER COLUMN note TYPE text;`,
			Want: []Expected{found(check.MigrationStatistics, "public.orders.note")}, Never: never(check.MigrationRewrote, check.MigrationType)},
		{ID: "A10", Name: "unlogged", About: "SET UNLOGGED", Migration: `ALTER TABLE payments SET UNLOGGED;`,
			Want: []Expected{found(check.MigrationRewrote, "public.payments"), found(check.MigrationUnlogged, "public.payments")}},
		{ID: "A10", Name: "logged", About: "SET LOGGED", Setup: `ALTER TABLE payments SET UNLOGGED`, Migration: `ALTER TABLE payments SET LOGGED;`, Want: []Expected{found(check.MigrationRewrote, "public.payments")}},
		{ID: "A11", Name: "VACUUM FULL", About: "VACUUM FULL", Migration: `VACUUM FULL payments;`, Want: []Expected{found(check.MigrationRewrote, "public.payments")}},
		{ID: "A11", Name: "CLUSTER", About: "CLUSTER", Migration: `CLUSTER orders USING orders_status;`, Want: orders},
		{ID: "A12", Name: "REFRESH", About: "REFRESH MATERIALIZED VIEW", Migration: `REFRESH MATERIALIZED VIEW order_notes;`,
			Want: []Expected{found(check.MigrationRewrote, "public.order_notes"), found(check.MigrationExclusive, "public.order_notes")}},
		{ID: "A13", Name: "access method", About: "SET ACCESS METHOD, SET TABLESPACE", Setup: `CREATE ACCESS METHOD heap2 TYPE TABLE HANDLER heap_tableam_handler`,
			Migration: `ALTER TABLE payments SET ACCESS METHOD heap2;`, Want: []Expected{found(check.MigrationRewrote, "public.payments")}},
		{ID: "A14", Name: "TRUNCATE", About: "TRUNCATE", Migration: `TRUNCATE payments;`, Want: []Expected{found(check.MigrationRemoved, "public.payments")}},
		{ID: "A14", Name: "CASCADE", About: "TRUNCATE … CASCADE empties what references it", Migration: `TRUNCATE orders CASCADE;`, Want: []Expected{found(check.MigrationRemoved, "public.items, public.orders")}},
	}
}
