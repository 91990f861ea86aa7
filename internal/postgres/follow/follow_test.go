package follow_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"understudy"
	"understudy/internal/postgres"
	"understudy/internal/postgres/follow"
	"understudy/internal/postgres/postgrestest"
)

func TestFollow(t *testing.T) {
	t.Parallel()
	server := production(t)
	for name, claim := range map[string]func(*testing.T, *postgrestest.Server){
		"JoinsCopyAndStreamWithoutAGap":                 joins,
		"AppliesEveryKindOfChangeToEveryKindOfTable":    everyKind,
		"FindsRowsWithoutAKey":                          withoutKey,
		"MasksRowsAndKeysAsTheCopyDoes":                 masks,
		"CommitsABigTransactionWhole":                   bigTransaction,
		"StandsAtOneMomentWhilePaused":                  pauses,
		"LeavesIdlePositionsBehind":                     idles,
		"StopsAtANewColumn":                             newColumn,
		"StopsAtANewTableNobodyPublished":               newTable,
		"StopsWhereATypeChangedWhileItWasAway":          typeChangedWhileAway,
		"StopsWhereAMaskGivesAKeyTwice":                 keyTwice,
		"StopsWhereSomebodyWroteToTheTwin":              strangerWrote,
		"SaysWhatProductionLacks":                       lacking,
		"RefusesColumnsThatTakeManyRows":                manyRows,
		"DoesNotDisturbARunningOneOfItsName":            twice,
		"TakesBackWhatWasNotJoined":                     notJoined,
		"RefusesADatabaseThatWasPutInThePlaceOfItsCopy": anotherDatabase,
		"StopsWhereItsPublicationIsGone":                unpublished,
		"TellsWhatIsNotInTheStream":                     notices,
		"RefusesATwinThatLostWhatItConfirmed":           lostConfirmed,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			claim(t, server)
		})
	}
}

func joins(t *testing.T, server *postgrestest.Server) {
	l := laid(t, server, server, bank)
	stop := l.writers(2)
	l.copied()
	l.follows()
	l.level()
	postgrestest.Until(t, "something has come by the stream", func() bool { return l.follower.Status().Transactions > 0 })
	stop()
	l.equal()
	s := l.follower.Status()
	if s.Transactions == 0 || s.State != follow.StateFollowing || s.Server == 0 {
		t.Errorf("the status is %+v", s)
	}
	l.halts()
	if s := l.follower.Status(); s.State != follow.StateStopped {
		t.Errorf("after the end it is %s", s.State)
	}
	if next := postgrestest.Answer(t, l.target, `SELECT (last_value >= (SELECT max(id) FROM transfers))::text FROM transfers_id_seq`); next != "true" {
		t.Error("the sequence is behind the rows")
	}
}

func everyKind(t *testing.T, server *postgrestest.Server) {
	l := laid(t, server, server, postgrestest.EveryKindOfObject+`;
		ALTER TABLE orders ENABLE TRIGGER no_rows; ALTER TABLE orders DISABLE TRIGGER no_rows;
		ALTER TABLE orders DROP CONSTRAINT later;
		ALTER TABLE events REPLICA IDENTITY FULL; ALTER TABLE events_2025 REPLICA IDENTITY FULL; ALTER TABLE events_rest REPLICA IDENTITY FULL;
		ALTER TABLE base REPLICA IDENTITY FULL; ALTER TABLE child REPLICA IDENTITY FULL; ALTER TABLE nothing REPLICA IDENTITY FULL;
		ALTER TABLE "odd Schema"."Table "" of: odds" REPLICA IDENTITY FULL; ALTER TABLE "user" REPLICA IDENTITY FULL;
		CREATE TABLE given (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, what text, long text, place place); ALTER TABLE given ALTER long SET STORAGE EXTERNAL;
		INSERT INTO given (what, long, place) VALUES ('one', repeat('l', 9000), NULL), ('two', repeat('m', 9000), ROW('s', 1));
		CREATE TABLE other (key int PRIMARY KEY, id int GENERATED ALWAYS AS IDENTITY, what text); INSERT INTO other (key, what) VALUES (1, 'a'), (2, NULL);
		CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE kid (id serial PRIMARY KEY, of int REFERENCES parent, long text);
		ALTER TABLE kid ALTER long SET STORAGE EXTERNAL;
		INSERT INTO parent VALUES (1), (2); INSERT INTO kid (of, long) VALUES (1, repeat('a', 10000)), (2, repeat('b', 10000))`)
	l.copied()
	l.follows()
	l.runs(
		`INSERT INTO people (email, name, feeling, age, home, tags, extra, raw) VALUES
			('new@example.org', E'a\\b\tc\nd', 'happy', 9, ROW('x', NULL), ARRAY['1', NULL, ''], '{"k": "\u00e4"}', '\x00')`,
		`UPDATE people SET name = '', extra = NULL, home = ROW(NULL, NULL) WHERE email = 'a@example.org' OR age = 3`,
		`UPDATE given SET id = DEFAULT WHERE what = 'two'; UPDATE other SET id = DEFAULT, what = 'b' WHERE key = 1; UPDATE other SET what = 'c' WHERE key = 2`, // an identity that only the server gives
		`UPDATE orders SET total = total + 0.01, price = price * 2 WHERE id < 50`,
		`DELETE FROM people WHERE email = 'c@example.org'`,
		`UPDATE kid SET of = 2 WHERE of = 1`, // the long text is not sent
		`UPDATE kid SET id = 77 WHERE id = 2`,
		`UPDATE events SET at = '2025-12-31' WHERE at = '2027-01-01'; UPDATE events SET what = NULL WHERE at = '2025-03-01'`, // to another partition
		`UPDATE base SET a = 5 WHERE a = 1; UPDATE child SET a = 6; INSERT INTO child VALUES (7, NULL)`,
		`INSERT INTO nothing DEFAULT VALUES; DELETE FROM nothing WHERE ctid = '(0,1)'`,
		`UPDATE "odd Schema"."Table "" of: odds" SET "two words" = 'z'; INSERT INTO "user" VALUES (NULL), (''); DELETE FROM "user" WHERE "order" IS NULL`,
		`BEGIN; INSERT INTO parent VALUES (9); SAVEPOINT s; INSERT INTO parent VALUES (10); ROLLBACK TO s; COMMIT`,
		`BEGIN; INSERT INTO parent VALUES (11); ROLLBACK`,
		`SET session_replication_role = replica; DELETE FROM parent WHERE id = 1; SET session_replication_role = origin`,
		`SELECT setval('spare', 500)`,
	)
	l.equal()
	l.runs(`TRUNCATE parent CASCADE`, `INSERT INTO parent VALUES (5)`, `TRUNCATE kid RESTART IDENTITY`, `TRUNCATE ONLY base`, `TRUNCATE events`, `INSERT INTO kid (of) VALUES (5)`)
	l.equal()
	if err := l.follower.Pause(t.Context()); err != nil { // sequences are right at a pause
		t.Fatal(err)
	}
	if at := postgrestest.Answer(t, l.target, `SELECT last_value || ' ' || (SELECT last_value FROM kid_id_seq) FROM spare`); at != "500 1" {
		t.Errorf("the sequences stand at %s; expected 500 1", at)
	}
	l.follower.Resume()
	l.runs(`INSERT INTO parent VALUES (6)`) // described to the stream before the pause
	l.equal()
	l.halts()
}

func withoutKey(t *testing.T, server *postgrestest.Server) {
	l := laid(t, server, server, `
		CREATE DOMAIN short AS char(4); CREATE TYPE mood AS ENUM ('sad', 'fine'); CREATE EXTENSION citext;
		CREATE TABLE loose (j json, c char(8), d short, m mood, f float8, p point, x xml, a int[], t citext, n numeric); ALTER TABLE loose REPLICA IDENTITY FULL;
		INSERT INTO loose VALUES ('{"a": 1}', 'ab', 'x', 'sad', 0.1, '(1,2)', '<a/>', '{1,2}', 'Big', 1.00), ('{"a": 1}', 'ab', 'x', 'sad', 0.1, '(1,2)', '<a/>', '{1,2}', 'Big', 1.00),
			('{"a":1}', 'ab', 'x', 'sad', 0.1, '(1,2)', '<a/>', '{1,2}', 'big', 1.0), (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
		CREATE TABLE keyed (id int UNIQUE NOT NULL, long text); ALTER TABLE keyed REPLICA IDENTITY FULL; ALTER TABLE keyed ALTER long SET STORAGE EXTERNAL;
		INSERT INTO keyed SELECT i, repeat('l', 5000) FROM generate_series(1, 50) i;
		CREATE TABLE indexed (a int, b text NOT NULL); CREATE UNIQUE INDEX by_b ON indexed (b); ALTER TABLE indexed REPLICA IDENTITY USING INDEX by_b;
		INSERT INTO indexed VALUES (1, 'one'), (2, 'two')`)
	l.copied()
	l.follows()
	l.runs(
		`DELETE FROM loose WHERE ctid = (SELECT ctid FROM loose WHERE n = 1 AND t::text = 'Big' LIMIT 1)`, // one of two that are alike
		`UPDATE loose SET n = n + 1 WHERE t::text = 'big'`, `UPDATE loose SET a = '{}' WHERE c IS NULL`,
		`UPDATE keyed SET id = id + 1000 WHERE id < 10`, `DELETE FROM keyed WHERE id = 20`, `UPDATE keyed SET long = 'short' WHERE id = 30`,
		`UPDATE indexed SET a = 7 WHERE b = 'one'; UPDATE indexed SET b = 'three' WHERE b = 'two'`,
	)
	l.equal()
	l.halts()
}

// backwards is a mask that keeps values apart; words a rule by table and column.
func backwards(value []byte) ([]byte, error) {
	out := slices.Clone(value)
	slices.Reverse(out)
	return out, nil
}

func masks(t *testing.T, server *postgrestest.Server) {
	l := laid(t, server, server, `CREATE TABLE people (email text PRIMARY KEY, name text, day date) PARTITION BY HASH (email);
		CREATE TABLE people_0 PARTITION OF people FOR VALUES WITH (MODULUS 1, REMAINDER 0);
		CREATE TABLE orders (id int PRIMARY KEY, person text REFERENCES people ON UPDATE CASCADE, note text); ALTER TABLE orders ALTER note SET STORAGE EXTERNAL;`)
	mask := func(apply understudy.MaskFunc) understudy.Mask { return understudy.Mask{Apply: apply} }
	constant := func([]byte) ([]byte, error) { return []byte("X"), nil }
	l.spec.Masks = func(table string, _ []understudy.Column) (understudy.TableMasks, error) {
		switch table {
		case "public.people":
			return understudy.TableMasks{Columns: map[string]understudy.Mask{"email": mask(backwards), "name": mask(constant),
				"day": mask(func([]byte) ([]byte, error) { return nil, nil })}}, nil
		case "public.orders":
			return understudy.TableMasks{Columns: map[string]understudy.Mask{"person": mask(backwards), "note": mask(backwards)}}, nil
		}
		return understudy.TableMasks{}, errors.New("asked for " + table)
	}
	l.copied()
	l.follows()
	l.runs(`INSERT INTO people VALUES ('ann@example.org', 'Ann', '2001-02-03'), ('bea@example.org', NULL, NULL), ('cy@example.org', '', NULL)`,
		`INSERT INTO orders VALUES (1, 'ann@example.org', repeat('ab', 5000)), (2, 'bea@example.org', ''), (3, NULL, NULL)`,
		`UPDATE people SET name = 'Anna' WHERE email = 'ann@example.org'`, `UPDATE people SET email = 'eve@example.org' WHERE email = 'ann@example.org'`,
		`UPDATE orders SET person = 'cy@example.org' WHERE id = 2`, `DELETE FROM people WHERE email = 'bea@example.org'`)
	l.level()
	got := postgrestest.Answer(t, l.target, `SELECT p::text FROM people p ORDER BY 1`) + "\n" +
		postgrestest.Answer(t, l.target, `SELECT id || ' ' || COALESCE(person, '-') || ' ' || COALESCE(left(note, 4) || length(note), '-') FROM orders ORDER BY id`)
	want := "(gro.elpmaxe@eve,X,)\n(gro.elpmaxe@yc,X,)\n1 gro.elpmaxe@eve baba10000\n2 gro.elpmaxe@yc 0\n3 - -"
	if got != want {
		t.Errorf("the twin holds\n%s\nexpected\n%s", got, want)
	}
	l.halts()
}

func bigTransaction(t *testing.T, server *postgrestest.Server) {
	l := laid(t, server, server, `CREATE TABLE rows (id int PRIMARY KEY, filler text)`)
	l.copied()
	l.follows()
	l.runs(`INSERT INTO rows SELECT i, repeat('x', 300) FROM generate_series(1, 60000) i`)
	for l.follower.Status().Changes == 0 {
		if n := postgrestest.Answer(t, l.target, `SELECT count(*)::text FROM rows`); n != "0" && n != "60000" {
			t.Fatalf("%s rows of a transaction of 60000 are seen", n)
		}
	}
	l.equal()
	l.halts()
}

func pauses(t *testing.T, server *postgrestest.Server) {
	l := laid(t, server, server, bank)
	stop := l.writers(2)
	l.copied()
	l.follows()
	l.level()
	database := l.target.Config().Database
	l.target.Close(t.Context())
	for i := range 3 {
		if err := l.follower.Pause(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s := l.follower.Status(); s.State != follow.StatePaused {
			t.Errorf("while paused it is %s", s.State)
		}
		clone := fmt.Sprintf("%s_%d", database, i)
		admin := postgrestest.Connected(t, server.AdminURL("postgres"))
		postgrestest.Runs(t, admin, `CREATE DATABASE `+clone+` TEMPLATE `+database)
		books := postgrestest.Connected(t, server.AdminURL(clone))
		if sum := postgrestest.Answer(t, books, `SELECT sum(money)::text FROM accounts`); sum != "100000" {
			t.Errorf("a clone's books hold %s; expected 100000", sum)
		}
		if left := postgrestest.Answer(t, books, `SELECT nspname::text FROM pg_namespace WHERE nspname LIKE 'understudy%'`); left != "" {
			t.Errorf("a clone holds schema %s", left)
		}
		books.Close(t.Context())
		l.follower.Resume()
	}
	stop()
	l.target = postgrestest.Connected(t, l.spec.Target)
	l.equal()
	soon, cancel := context.WithCancel(t.Context())
	cancel()
	l.halts()
	if err := l.follower.Pause(soon); err != nil { // nobody is there to wait for
		t.Errorf("pausing one that does not run: %v", err)
	}
}

func idles(t *testing.T, server *postgrestest.Server) {
	l := laid(t, server, server, `CREATE TABLE t (i int PRIMARY KEY); CREATE UNLOGGED TABLE quiet (i int)`)
	l.copied()
	l.follows()
	before := l.follower.Status().Applied
	l.runs(`INSERT INTO quiet SELECT generate_series(1, 10); SELECT pg_switch_wal()`, `CREATE TEMP TABLE x AS SELECT 1; SELECT txid_current()`)
	l.level() // without a change to apply
	if now := l.follower.Status(); now.Applied <= before || now.Changes != 0 {
		t.Errorf("from %s it came to %+v", before, now)
	}
	l.halts()
	l.follows()
	l.runs(`INSERT INTO t VALUES (1)`)
	l.level()
	if n := postgrestest.Answer(t, l.target, `SELECT count(*)::text FROM t`); n != "1" {
		t.Errorf("%s rows came", n)
	}
	l.halts()
}

// drifted holds an error to a Drift that says so, and production to keep its log for a copy
// of what changed.
func (l *live) drifted(err error, subject string, words ...string) {
	l.t.Helper()
	postgrestest.Refused(l.t, err, understudy.KindConflict, append(words, "fresh copy")...)
	drift := new(follow.Drift)
	if !errors.As(err, &drift) || drift.Subject != subject {
		l.t.Errorf("the drift is of %+v; expected %s", drift, subject)
	}
	if err := follow.Kept(l.t.Context(), l.spec); err != nil {
		l.t.Errorf("production keeps no log: %v", err)
	}
	postgrestest.Until(l.t, "production has noticed the end, and forgets it", func() bool { return follow.Forget(l.t.Context(), l.spec) == nil })
	l.slotless()
}

func (l *live) slotless() {
	l.t.Helper()
	if n := postgrestest.Answer(l.t, l.source, `SELECT count(*)::text FROM pg_replication_slots WHERE slot_name = 'understudy_`+l.spec.Name+`'`); n != "0" {
		l.t.Error("the slot is left, and holds production's log")
	}
}

func newColumn(t *testing.T, server *postgrestest.Server) {
	l := laid(t, server, server, bank)
	l.copied()
	l.follows()
	l.level()
	l.runs(`INSERT INTO transfers (amount) VALUES (1)`, `ALTER TABLE transfers ADD COLUMN secret text`, `INSERT INTO transfers (amount, secret) VALUES (2, 'hush')`)
	err := l.gaveUp()
	l.drifted(err, "public.transfers", "column public.transfers.secret is new")
	if strings.Contains(err.Error(), "hush") {
		t.Errorf("the error holds a value: %v", err)
	}
}

func newTable(t *testing.T, server *postgrestest.Server) {
	l := laid(t, server, server, bank)
	l.spec.SchemaEvery = 100 * time.Millisecond
	l.copied()
	l.follows()
	l.level()
	l.runs(`CREATE TABLE fresh (id int PRIMARY KEY)`)
	l.drifted(l.gaveUp(), "public.fresh", "table public.fresh is new")
}

func typeChangedWhileAway(t *testing.T, server *postgrestest.Server) {
	l := laid(t, server, server, bank)
	l.copied()
	l.runs(`INSERT INTO accounts VALUES (500, 1)`, `ALTER TABLE accounts ALTER money TYPE numeric`, `INSERT INTO accounts VALUES (501, 1.5)`)
	l.follows()
	l.drifted(l.gaveUp(), "public.accounts", "column public.accounts.money changed")
}

func keyTwice(t *testing.T, server *postgrestest.Server) {
	l := laid(t, server, server, `CREATE TABLE people (email text PRIMARY KEY)`)
	l.spec.Masks = func(string, []understudy.Column) (understudy.TableMasks, error) {
		return understudy.TableMasks{Columns: map[string]understudy.Mask{"email": {Apply: func([]byte) ([]byte, error) { return []byte("same"), nil }}}}, nil
	}
	l.copied()
	l.follows()
	l.runs(`INSERT INTO people VALUES ('ann@example.org'), ('bea@example.org')`)
	err := l.gaveUp()
	postgrestest.Refused(t, err, understudy.KindInvalid, "public.people", "people_pkey", "mask that keeps them so")
	if strings.Contains(err.Error(), "example.org") || strings.Contains(err.Error(), "same") {
		t.Errorf("the error holds a value: %v", err)
	}
	l.slotless()
}

func strangerWrote(t *testing.T, server *postgrestest.Server) {
	l := laid(t, server, server, bank)
	l.copied()
	postgrestest.Runs(t, l.target, `DELETE FROM accounts WHERE id = 7`)
	l.follows()
	l.runs(`UPDATE accounts SET money = 5 WHERE id = 7`)
	postgrestest.Refused(t, l.gaveUp(), understudy.KindConflict, "public.accounts", "does not have the row")
	l.slotless()
}

func lacking(t *testing.T, server *postgrestest.Server) {
	l := laid(t, server, server, bank+`; CREATE TABLE "No Key" (i int); CREATE ROLE lacking_reader LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO lacking_reader;
		CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER ever BEFORE INSERT ON accounts FOR EACH ROW EXECUTE FUNCTION f(); ALTER TABLE accounts ENABLE ALWAYS TRIGGER ever`)
	l.spec.Publish = false
	l.spec.Source = strings.Replace(l.spec.Source, "user=postgres", "user=lacking_reader", 1)
	_, err := follow.Prepare(t.Context(), l.spec)
	if understudy.KindOf(err) == understudy.KindUnavailable { // the socket lets the superuser in alone
		l.spec.Source = l.source.Config().ConnString()
		_, err = follow.Prepare(t.Context(), l.spec)
	} else {
		postgrestest.Refused(t, err, understudy.KindRefused, `ALTER ROLE lacking_reader REPLICATION;`)
	}
	postgrestest.Refused(t, err, understudy.KindRefused, `ALTER TABLE public."No Key" REPLICA IDENTITY FULL;`,
		`CREATE PUBLICATION understudy_`+l.spec.Name+` FOR TABLE ONLY public."No Key", ONLY public.accounts, ONLY public.transfers;`, `ALTER TABLE public.accounts ENABLE TRIGGER ever;`)
	l.runs(`ALTER TABLE accounts ENABLE TRIGGER ever; ALTER TABLE "No Key" REPLICA IDENTITY FULL; CREATE PUBLICATION partial FOR TABLE accounts WHERE (id > 5) WITH (publish = 'insert')`)
	l.spec.Publication, l.spec.Source = "partial", l.source.Config().ConnString()
	_, err = follow.Prepare(t.Context(), l.spec)
	postgrestest.Refused(t, err, understudy.KindRefused, `ALTER PUBLICATION partial SET (publish = 'insert, update, delete, truncate');`)
	l.runs(`ALTER PUBLICATION partial SET (publish = 'insert, update, delete, truncate')`)
	_, err = follow.Prepare(t.Context(), l.spec)
	postgrestest.Refused(t, err, understudy.KindRefused, "leaves rows or columns of accounts out", "ALTER PUBLICATION partial ADD TABLE ONLY public.transfers;", `ALTER PUBLICATION partial ADD TABLE ONLY public."No Key";`)
	l.slotless()
}

func manyRows(t *testing.T, server *postgrestest.Server) {
	l := laid(t, server, server, bank)
	l.spec.Masks = func(table string, _ []understudy.Column) (understudy.TableMasks, error) {
		if table == "public.transfers" {
			return understudy.TableMasks{}, understudy.Errorf(understudy.KindRefused, "column public.transfers.note has no rule")
		}
		return understudy.TableMasks{Batches: []understudy.BatchMask{{Name: "shuffle", Columns: []string{"money"}}}}, nil
	}
	_, err := follow.Prepare(t.Context(), l.spec)
	postgrestest.Refused(t, err, understudy.KindRefused, "money of public.accounts is masked by shuffle", "column public.transfers.note has no rule")
	l.slotless()
}

func twice(t *testing.T, server *postgrestest.Server) {
	l := laid(t, server, server, bank)
	l.copied()
	l.follows()
	l.level()
	_, err := follow.Prepare(t.Context(), l.spec)
	postgrestest.Refused(t, err, understudy.KindConflict, "a follower reads it")
	postgrestest.Refused(t, follow.Forget(t.Context(), l.spec), understudy.KindConflict, "stop that follower")
	postgrestest.Refused(t, l.follower.Run(t.Context()), understudy.KindConflict, "running already")
	l.runs(`UPDATE accounts SET money = 1`)
	l.equal()
	l.halts()
	if err := follow.Forget(t.Context(), l.spec); err != nil {
		t.Fatal(err)
	}
	l.slotless()
	if err := follow.Forget(t.Context(), l.spec); err != nil {
		t.Fatal(err)
	}
	l.follows()
	postgrestest.Refused(t, l.gaveUp(), understudy.KindNotFound, "no replication slot", "fresh copy")
}

func notJoined(t *testing.T, server *postgrestest.Server) {
	l := laid(t, server, server, bank)
	prepared, err := follow.Prepare(t.Context(), l.spec)
	if err != nil {
		t.Fatal(err)
	}
	slots, err := follow.Slots(t.Context(), l.source)
	if err != nil || len(slots) != 1 || slots[0].Active || slots[0].Name != "understudy_"+l.spec.Name {
		t.Errorf("slots are %+v, %v", slots, err)
	}
	if err := prepared.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.slotless()
	if left := postgrestest.Answer(t, l.source, `SELECT pubname::text FROM pg_publication`); left != "" {
		t.Errorf("publication %s is left", left)
	}
}

func anotherDatabase(t *testing.T, server *postgrestest.Server) {
	l := laid(t, server, server, bank)
	joined := func() bool {
		t.Helper()
		is, err := follow.IsJoined(t.Context(), l.spec)
		if err != nil {
			t.Fatal(err)
		}
		return is
	}
	if joined() {
		t.Error("a database that nobody copied into is joined")
	}
	l.copied()
	if !joined() {
		t.Error("a copy is not joined")
	}
	twin := l.target.Config().Database
	l.target.Close(t.Context())
	if err := server.Drop(t.Context(), twin); err != nil {
		t.Fatal(err)
	}
	if _, err := server.EnsureDatabase(t.Context(), twin, "", nil); err != nil {
		t.Fatal(err)
	}
	l.follows()
	postgrestest.Refused(t, l.gaveUp(), understudy.KindNotFound, "not a copy that was prepared", "fresh copy")
	if _, err := postgres.Print(t.Context(), l.spec.Target, 1); err != nil {
		t.Fatal(err)
	}
}

func lostConfirmed(t *testing.T, server *postgrestest.Server) {
	l := laid(t, server, server, bank)
	l.copied()
	l.follows()
	l.level()
	before := l.follower.Status().Confirmed
	l.runs(`UPDATE accounts SET money = money + 1`)
	postgrestest.Until(t, "production is told", func() bool { return l.follower.Status().Confirmed > before })
	l.halts()
	postgrestest.Runs(t, l.target, `SELECT pg_replication_origin_advance(roname, '0/100') FROM pg_replication_origin WHERE starts_with(roname, 'understudy_`+l.spec.Name+`_')`) // as a disk from yesterday would have it
	l.runs(`SELECT pg_replication_slot_advance(slot_name, pg_current_wal_lsn()) FROM pg_replication_slots WHERE slot_name = 'understudy_` + l.spec.Name + `'`)
	l.follows()
	postgrestest.Refused(t, l.gaveUp(), understudy.KindConflict, "has lost transactions", "fresh copy")
	l.slotless()
}

func unpublished(t *testing.T, server *postgrestest.Server) {
	l := laid(t, server, server, bank)
	l.copied()
	l.follows()
	l.level()
	l.runs(`DROP PUBLICATION understudy_`+l.spec.Name, `UPDATE accounts SET money = 0`)
	postgrestest.Refused(t, l.gaveUp(), understudy.KindNotFound, "publication")
	l.slotless() // decoding sees the publications of the past, so that it would never get on
}

func notices(t *testing.T, server *postgrestest.Server) {
	l := laid(t, server, server, `CREATE UNLOGGED TABLE quick (i int); CREATE MATERIALIZED VIEW sums AS SELECT 1; CREATE TABLE slow (i int); ALTER TABLE slow REPLICA IDENTITY FULL;
		SELECT lo_create(0)`)
	var said []string
	l.spec.Notice = func(sentence string) { said = append(said, sentence) }
	prepared, err := follow.Prepare(t.Context(), l.spec)
	if err != nil {
		t.Fatal(err)
	}
	defer prepared.Close(t.Context())
	for _, word := range []string{"max_slot_wal_keep_size = '10240MB'", "unlogged table public.quick", "materialized view public.sums", "large objects", "public.slow has no key"} {
		if !strings.Contains(strings.Join(said, "\n"), word) {
			t.Errorf("nobody was told of %s: %q", word, said)
		}
	}
}
