package hazards

import (
	"time"

	"understudy/internal/check"
)

// queues are group C: locks that are short by themselves, and who stands behind them.
func queues() []Case {
	behindReader := []Act{
		{"report", `BEGIN; SELECT count(*) FROM orders`, ""},
		{"web", `SELECT note FROM orders WHERE id = 1`, migrationWaits},
		{"report", `COMMIT`, webWaits},
	}
	return []Case{
		{ID: "C1", Name: "behind a long reader", About: "a lock for a moment, behind a long reader: everybody queues", Meanwhile: behindReader, Budget: Budget{BlockedFor: 100 * time.Millisecond},
			Migration: `ALTER TABLE orders ADD COLUMN remark text;`, Want: []Expected{found(check.MigrationBlocked, "public.orders"), found(check.MigrationWaited, "public.orders")}},
		{ID: "C2", Name: "never in time", About: "a lock_timeout that never suffices", Budget: Budget{LockTimeout: 300 * time.Millisecond},
			Meanwhile: []Act{{"report", `BEGIN; SELECT count(*) FROM orders`, ""}}, Migration: `ALTER TABLE orders ADD COLUMN remark text;`, Want: []Expected{found(check.MigrationFailed, "")}},
		{ID: "C3", Name: "statements after it", About: "a strong lock is kept while later statements of its transaction run",
			Migration: "BEGIN;\nALTER TABLE orders ADD COLUMN remark text;\nUPDATE orders SET remark = note;\nSELECT pg_sleep(0.3);\nCOMMIT;",
			Want:      []Expected{found(check.MigrationLockKept, "public.orders"), found(check.MigrationBulkWrite, "public.orders")}},
		{ID: "C3", Name: "two tables", About: "two tables locked in one transaction", Migration: "BEGIN;\nALTER TABLE orders ADD COLUMN remark text;\nALTER TABLE accounts ADD COLUMN remark text;\nCOMMIT;",
			Want: []Expected{found(check.MigrationTogether, "public.accounts, public.orders")}},
		{ID: "C3", Name: "waiting for the second", About: "the first table stays locked while the second is waited for",
			Meanwhile: []Act{{"report", `BEGIN; SELECT count(*) FROM accounts`, ""}, {"report", `COMMIT`, migrationWaits}},
			Migration: "BEGIN;\nALTER TABLE orders ADD COLUMN remark text;\nALTER TABLE accounts ADD COLUMN remark text;\nCOMMIT;",
			Want:      []Expected{found(check.MigrationLockKept, "public.orders"), found(check.MigrationWaited, "public.accounts")}},
		{ID: "C4", Name: "deadlock", About: "the migration and the application lock each other out",
			Meanwhile: []Act{{"web", `BEGIN; SELECT count(*) FROM accounts`, ""}, {"web", `SELECT count(*) FROM orders`, migrationWaits}},
			Migration: "BEGIN;\nALTER TABLE orders ADD COLUMN remark text;\nALTER TABLE accounts ADD COLUMN remark text;\nCOMMIT;",
			Want:      []Expected{{string(check.MigrationDeadlock + "|" + check.MigrationFailed), ""}}},
		{ID: "C5", Name: "DROP TABLE", About: "DROP TABLE locks the table that it references", Migration: `DROP TABLE items;`,
			Want: []Expected{found(check.MigrationOtherTable, "public.items, public.orders"), found(check.MigrationRemoved, "public.items")}},
		{ID: "C5", Name: "DROP CONSTRAINT", About: "dropping a foreign key locks both tables against everything", Migration: `ALTER TABLE items DROP CONSTRAINT items_order;`,
			Want: []Expected{found(check.MigrationOtherTable, "public.items, public.orders"), found(check.MigrationExclusive, "public.items, public.orders")}},
		{ID: "C5", Name: "CREATE TABLE REFERENCES", About: "a new table that references another keeps that one's writers out", Migration: `CREATE TABLE notes (id bigint PRIMARY KEY, account_id bigint REFERENCES accounts);`,
			Want: []Expected{found(check.MigrationWriteLock, "public.accounts"), found(check.MigrationUnindexed, "public.notes.notes_account_id_fkey")}},
		{ID: "C6", Name: "CREATE TRIGGER", About: "triggers, policies and rules lock their table", Setup: stamp, Migration: `CREATE TRIGGER stamp BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION stamp();`,
			Want: []Expected{found(check.MigrationWriteLock, "public.orders")}},
		{ID: "C6", Name: "row security", About: "triggers, policies and rules lock their table", Migration: "ALTER TABLE orders ENABLE ROW LEVEL SECURITY;\nCREATE POLICY own ON orders USING (true);",
			Want: []Expected{found(check.MigrationExclusive, "public.orders")}},
		{ID: "C7", Name: "SET DEFAULT", About: "a short lock against everything", Migration: `ALTER TABLE orders ALTER COLUMN note SET DEFAULT '';`, Want: []Expected{found(check.MigrationExclusive, "public.orders")}},
		{ID: "C7", Name: "SET STORAGE", About: "a short lock against everything", Migration: `ALTER TABLE orders ALTER COLUMN note SET STORAGE EXTERNAL;`, Want: []Expected{found(check.MigrationExclusive, "public.orders")}},
		{ID: "C7", Name: "SET SCHEMA", About: "a short lock against everything", Migration: `ALTER TABLE payments SET SCHEMA shop;`, Want: []Expected{found(check.MigrationExclusive, "public.payments")}},
		{ID: "C7", Name: "RENAME CONSTRAINT", About: "a short lock against everything", Migration: `ALTER TABLE items RENAME CONSTRAINT items_order TO items_of_order;`, Want: []Expected{found(check.MigrationExclusive, "public.items")}},
		{ID: "C7", Name: "DROP NOT NULL", About: "a short lock against everything", Migration: `ALTER TABLE orders ALTER COLUMN account_id DROP NOT NULL;`, Want: []Expected{found(check.MigrationExclusive, "public.orders")}},
		{ID: "C8", Name: "VACUUM", About: "VACUUM cuts empty pages off the end under a lock against everything", Setup: `DELETE FROM payments WHERE id > 500`,
			Migration: `VACUUM payments;`, Want: []Expected{found(check.MigrationExclusive, "public.payments")}},
	}
}

const stamp = `CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.note := NEW.note; RETURN NEW; END $$; ALTER FUNCTION stamp() OWNER TO shop_owner`

// transactions are the lines of group C about sessions and transactions.
func transactions() []Case {
	return []Case{
		{ID: "C9", Name: "a lock like autovacuum's", About: "autovacuum against wraparound does not give way",
			By: "found as `migration.waited` behind autovacuum when it runs on the twin; a test cannot make one against wraparound in a minute"},
		{ID: "C10", Name: "idle in transaction", About: "a transaction that stands open blocks every change of the schema",
			Meanwhile: []Act{{"worker", `BEGIN; UPDATE orders SET note = 'x' WHERE id = 7`, ""}, {"worker", `COMMIT`, migrationWaits}},
			Migration: `ALTER TABLE orders ADD COLUMN remark text;`, Want: []Expected{found(check.MigrationWaited, "public.orders")}},
		{ID: "C10", Name: "prepared transaction", About: "a prepared transaction blocks every change of the schema",
			Meanwhile: []Act{{"worker", `BEGIN; UPDATE orders SET note = 'x' WHERE id = 7; PREPARE TRANSACTION 'two'`, ""}, {"worker", `COMMIT PREPARED 'two'`, migrationWaits}},
			Migration: `ALTER TABLE orders ADD COLUMN remark text;`, Want: []Expected{found(check.MigrationWaited, "public.orders")}},
		{ID: "C11", Name: "LOCK TABLE", About: "LOCK TABLE keeps writers out", Migration: "BEGIN;\nLOCK TABLE orders IN SHARE ROW EXCLUSIVE MODE;\nUPDATE accounts SET name = 'x' WHERE id = 1;\nSELECT pg_sleep(0.2);\nCOMMIT;",
			Want: []Expected{found(check.MigrationWriteLock, "public.orders")}},
		{ID: "C11", Name: "SELECT FOR UPDATE", About: "SELECT … FOR UPDATE of all rows blocks every writer", Budget: Budget{BlockedFor: 100 * time.Millisecond},
			Migration: "BEGIN;\nSELECT count(*) FROM (SELECT FROM orders FOR UPDATE) o;\nSELECT pg_sleep(0.4);\nCOMMIT;",
			Meanwhile: []Act{{"web", `UPDATE orders SET note = 'x' WHERE id = 7`, migrationSleeps}}, Want: []Expected{found(check.MigrationBlocked, "public.orders")}},
		{ID: "C12", Name: "no lock_timeout", About: "a pooler, or the migration itself, takes lock_timeout away", Budget: Budget{LockTimeout: 100 * time.Millisecond},
			Meanwhile: []Act{{"report", `BEGIN; SELECT count(*) FROM orders`, ""}, {"report", `COMMIT`, migrationWaitsLong}},
			Migration: "SET lock_timeout = 0;\nALTER TABLE orders ADD COLUMN remark text;", Want: []Expected{found(check.MigrationNoTimeout, "")}},
		{ID: "C13", Name: "ALTER SEQUENCE", About: "ALTER SEQUENCE makes nextval wait", Migration: `ALTER SEQUENCE tickets CACHE 10;`, Want: []Expected{found(check.MigrationWriteLock, "public.tickets")}},
		{ID: "C14", Name: "no COMMIT", About: "a transaction that nobody commits is thrown away, and the command succeeds", Migration: "BEGIN;\nALTER TABLE orders ADD COLUMN token uuid DEFAULT gen_random_uuid();",
			Want: []Expected{found(check.MigrationRolledBack, "public.orders")}},
	}
}

// migrationWaitsLong is a condition of acts, as those in case.go.
const migrationWaitsLong = `SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid)
	WHERE a.datname = current_database() AND a.application_name = 'understudy-migration' AND NOT l.granted AND clock_timestamp() - l.waitstart > '350 ms')`
