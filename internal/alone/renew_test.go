package alone_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"understudy"
	"understudy/internal/alone"
	"understudy/internal/cli"
	"understudy/internal/postgres"
	"understudy/internal/postgres/postgrestest"
)

const soldGoods = `
	CREATE TYPE mood AS ENUM ('sad', 'fine');
	CREATE TABLE people (id int PRIMARY KEY, email text UNIQUE, town text UNIQUE, feeling mood); INSERT INTO people SELECT i, md5(i::text) || '@example.org', 't' || i, 'sad' FROM generate_series(1, 300) i;
	CREATE TABLE orders (id serial PRIMARY KEY, person int REFERENCES people, total numeric); INSERT INTO orders (person, total) SELECT i, i FROM generate_series(1, 300) i;
	CREATE TABLE ballast (id int PRIMARY KEY, filler text); INSERT INTO ballast SELECT i, repeat('x', 200) FROM generate_series(1, 6000) i;
	CREATE TABLE tags (id int PRIMARY KEY, word text); INSERT INTO tags SELECT i, 'w' || i FROM generate_series(1, 50) i;
	CREATE TABLE lists (id int PRIMARY KEY, word text); INSERT INTO lists SELECT i, 'l' || i FROM generate_series(1, 50) i;
	CREATE TABLE marks (id int PRIMARY KEY, word text); INSERT INTO marks SELECT i, 'm' || i FROM generate_series(1, 50) i;
	CREATE TABLE words (id int PRIMARY KEY, word text); INSERT INTO words SELECT i, 'v' || i FROM generate_series(1, 50) i;
	CREATE TABLE events_0 (at date, what text, PRIMARY KEY (at, what)); INSERT INTO events_0 VALUES ('2025-05-05', 'before');
	CREATE TABLE pairs (id int PRIMARY KEY, a text, b text); INSERT INTO pairs SELECT i, 'a', 'b' FROM generate_series(1, 50) i;
	CREATE TABLE events (at date, what text, PRIMARY KEY (at, what)) PARTITION BY RANGE (at);
	CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01'); INSERT INTO events SELECT '2026-01-02', 'e' || i FROM generate_series(1, 100) i;
	CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2026-02-01') TO ('2026-03-01'); INSERT INTO events SELECT '2026-02-02', 'e' || i FROM generate_series(1, 100) i`

const shopRules = "columns:\n  public.people.email: email\n  public.people.town: keep\n  public.*.*: keep\n"

// followedShop is a production and its followed copy.
type followedShop struct {
	t      *testing.T
	server *postgrestest.Server
	order  cli.TwinCopy
}

func newFollowedShop(t *testing.T) *followedShop {
	t.Helper()
	spec := postgrestest.Spec(postgrestest.Folder(t), 0)
	spec.Settings["wal_level"] = "logical"
	server := postgrestest.Started(t, spec)
	for _, name := range []string{"shop", "twin"} {
		if _, err := server.EnsureDatabase(t.Context(), name, "", nil); err != nil {
			t.Fatal(err)
		}
	}
	folder := t.TempDir()
	s := &followedShop{t: t, server: server, order: cli.TwinCopy{
		From: server.AdminURL("shop"), To: server.AdminURL("twin"), Rules: filepath.Join(folder, "mask.yaml"), Key: filepath.Join(folder, "mask.key"),
		Follow: true, Publish: true, Copying: understudy.Copying{Method: understudy.CopyLogical, Rate: -1},
	}}
	s.rules(shopRules)
	s.produces(soldGoods)
	return s
}

func (s *followedShop) rules(text string) {
	s.t.Helper()
	write(s.t, s.order.Rules, text)
}

// produces changes production, in a session that is over then.
func (s *followedShop) produces(statements string) {
	s.t.Helper()
	postgrestest.Exec(s.t, s.server, "shop", statements)
}

func (s *followedShop) ask(database, query string) string {
	s.t.Helper()
	conn, err := s.server.Connect(s.t.Context(), database)
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(s.t.Context()))
	return postgrestest.Answer(s.t, conn, query)
}

// follows runs the command until act says that it has seen enough, and returns what it told.
func (s *followedShop) follows(enough func(sentence string) bool) (made cli.TwinCopied, told []string, err error) {
	s.t.Helper()
	ctx, interrupt := context.WithCancel(s.t.Context())
	defer interrupt()
	made, err = alone.CopyTwin(ctx, s.order, func(sentence string) {
		told = append(told, sentence)
		if enough(sentence) {
			interrupt()
		}
	})
	return made, told, err
}

func isFollowing(sentence string) bool {
	return strings.Contains(sentence, "following production from here on")
}

func hasTakenPlace(sentence string) bool {
	return strings.Contains(sentence, "has taken the place of the last one")
}

// rowsRead is how many rows of each of production's tables were read so far, by anybody.
func (s *followedShop) rowsRead() map[string]string {
	s.t.Helper()
	postgrestest.Until(s.t, "all sessions have ended and told what they read", func() bool {
		return s.ask("postgres", `SELECT (count(*) = 0)::text FROM pg_stat_activity WHERE datname = 'shop'`) == "true"
	})
	read := map[string]string{}
	for line := range strings.Lines(s.ask("shop", `SELECT relid || ' ' || seq_tup_read + COALESCE(idx_tup_fetch, 0) FROM pg_stat_user_tables`)) {
		oid, rows, _ := strings.Cut(strings.TrimSpace(line), " ")
		read[oid] = rows
	}
	return read
}

// moved are the tables, by their names of now, whose counts are others than they were.
func (s *followedShop) moved(before map[string]string) []string {
	s.t.Helper()
	var names []string
	for oid, rows := range s.rowsRead() {
		if before[oid] != rows {
			names = append(names, s.ask("shop", `SELECT relname::text FROM pg_class WHERE oid = `+oid))
		}
	}
	slices.Sort(names)
	return names
}

// alike holds the copy to production: the schema, and all rows of what is not masked.
func (s *followedShop) alike() {
	s.t.Helper()
	var schemas [2]postgres.Schema
	var prints [2]understudy.DataPrint
	for i, name := range []string{"shop", "twin"} {
		conn, err := s.server.Connect(s.t.Context(), name)
		if err != nil {
			s.t.Fatal(err)
		}
		if schemas[i], err = postgres.Inspect(s.t.Context(), conn); err != nil {
			s.t.Fatal(err)
		}
		conn.Close(s.t.Context())
		if prints[i], err = postgres.Print(s.t.Context(), s.server.AdminURL(name), 1); err != nil {
			s.t.Fatal(err)
		}
		for _, print := range prints[i] {
			delete(print.Columns, "email")
			delete(print.Columns, "phone")
		}
	}
	changes := slices.DeleteFunc(schemas[0].Diff(schemas[1]), func(c postgres.SchemaChange) bool { return c.Object == "setting understudy.rules" })
	if len(changes) > 0 {
		s.t.Errorf("the schemas differ: %v", changes)
	}
	if changes := prints[0].Diff(prints[1]); len(changes) > 0 {
		s.t.Errorf("the rows differ: %v", changes)
	}
	if raw := s.ask("twin", `SELECT count(*)::text FROM people WHERE email = md5(id::text) || '@example.org'`); raw != "0" {
		s.t.Errorf("%s addresses are as in production", raw)
	}
	if left := s.ask("postgres", `SELECT datname::text FROM pg_database WHERE datname LIKE 'understudy%'`); left != "" {
		s.t.Errorf("database %s is left", left)
	}
	postgrestest.Until(s.t, "production has the one slot that is kept", func() bool { // the copy's own ends with its session
		return s.ask("postgres", `SELECT count(*) || ' ' || bool_or(temporary) FROM pg_replication_slots`) == "1 false"
	})
}

// Changes are made while nobody follows, and the next run finds them. Those of one round
// are to tables that have nothing to do with each other.
func TestCopyTwin_ReadsOnlyWhatChangedAgain(t *testing.T) {
	t.Parallel()
	s := newFollowedShop(t)
	if _, _, err := s.follows(isFollowing); err != nil {
		t.Fatal(err)
	}
	masked := s.ask("twin", `SELECT email FROM people WHERE id = 7`)
	type change struct{ name, statements, read string }
	for i, round := range [][]change{
		{
			{"a new column", `ALTER TABLE tags ADD COLUMN weight int NOT NULL DEFAULT 7; INSERT INTO tags VALUES (51, 'w51', 8)`, "tags"},
			{"another type, and rows that refer to new ones of a table that stays", `INSERT INTO people VALUES (302, md5('302') || '@example.org', 't302', 'fine');
				INSERT INTO orders (person, total) VALUES (302, 1.5); ALTER TABLE orders ALTER total TYPE float8; INSERT INTO orders (person, total) VALUES (302, 2.5)`, "orders"},
			{"a new table, and a new partition", `CREATE TABLE fresh (id int PRIMARY KEY REFERENCES people); INSERT INTO fresh VALUES (302); CREATE TABLE events_3 PARTITION OF events FOR VALUES FROM ('2026-03-01') TO ('2026-04-01');
				INSERT INTO events VALUES ('2026-03-02', 'new'), ('2026-02-03', 'new')`, "events_3 fresh"},
			{"columns that changed names", `ALTER TABLE pairs RENAME a TO c; ALTER TABLE pairs RENAME b TO a; ALTER TABLE pairs RENAME c TO b`, "pairs"},
			{"a table that was dropped and made again", `DROP TABLE lists; CREATE TABLE lists (id int PRIMARY KEY, word text); INSERT INTO lists VALUES (1, 'another')`, "lists"},
			{"a column that was dropped and made again", `ALTER TABLE marks DROP COLUMN word; ALTER TABLE marks ADD COLUMN word text`, "marks"},
			{"another name for a while", `ALTER TABLE words RENAME TO w; INSERT INTO w VALUES (60, 'sixty'); ALTER TABLE w RENAME TO words`, "words"},
		}, {
			{"a column with another name", `ALTER TABLE tags RENAME weight TO mass`, "tags"},
			{"a column less", `ALTER TABLE pairs DROP COLUMN b`, "pairs"},
			{"a partition that is a table of its own", `ALTER TABLE events DETACH PARTITION events_1; INSERT INTO events_1 VALUES ('2026-01-05', 'after')`, "events_1"},
			{"a table that is a partition", `ALTER TABLE events ATTACH PARTITION events_0 FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')`, "events_0"},
			{"a table less", `DROP TABLE fresh; DELETE FROM words WHERE id = 3`, ""},
			{"nothing that rows rest on", `CREATE INDEX by_total ON orders (total); ALTER TABLE orders ADD CONSTRAINT positive CHECK (total > 0); COMMENT ON TABLE orders IS 'what they bought'; ALTER TABLE ballast ALTER filler SET DEFAULT 'y';
				CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER t BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION f(); UPDATE ballast SET filler = 'z' WHERE id < 10; UPDATE orders SET total = 9 WHERE id = 5`, ""},
			{"a label more", `ALTER TYPE mood ADD VALUE 'glad'`, ""},
			{"rows written anew in place", `ALTER TABLE lists ALTER word TYPE text USING upper(word)`, "lists"},
		}, {
			{"a table with another name", `ALTER TABLE tags RENAME TO labels`, "labels"},
			{"a rule less, and rows that it forbade", `ALTER TABLE people DROP CONSTRAINT people_town_key; UPDATE people SET town = 't1' WHERE id < 5`, "people"},
			{"a table emptied beside the change", `BEGIN; TRUNCATE orders; ALTER TABLE marks ADD COLUMN more text; INSERT INTO orders (person, total) VALUES (302, 3); COMMIT; INSERT INTO orders (person, total) VALUES (302, 4)`, "marks orders"},
		}, {
			{"a label with another name", `ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'`, "people"},
		},
	} {
		var expected []string
		for _, c := range round {
			s.produces(c.statements)
			expected = append(expected, strings.Fields(c.read)...)
		}
		slices.Sort(expected)
		s.order.NoProof = i > 1
		before := s.rowsRead()
		made, told, err := s.follows(hasTakenPlace)
		if err != nil {
			t.Fatalf("%v (hint: %s), after %q", err, understudy.HintOf(err), told)
		}
		moved := s.moved(before)
		for _, c := range round {
			for _, table := range strings.Fields(c.read) {
				if !slices.Contains(moved, table) {
					t.Errorf("%s: %s was not read again", c.name, table)
				}
			}
		}
		if !slices.Equal(moved, expected) {
			t.Errorf("production was read for %q, expected %q; it told %q", moved, expected, told)
		}
		var copied []string
		for _, table := range made.Tables {
			if !table.Earlier {
				copied = append(copied, strings.TrimPrefix(table.Table, "public."))
			}
		}
		if !slices.Equal(copied, expected) || (made.Proof == nil) != s.order.NoProof {
			t.Errorf("it says that it read %q, with proof %v", copied, made.Proof)
		}
		s.alike()
	}
	if now := s.ask("twin", `SELECT email FROM people WHERE id = 7`); now != masked {
		t.Error("a value is masked in another way than before")
	}
}

func TestCopyTwin_AChangeWithoutARuleWaitsForAPerson(t *testing.T) {
	t.Parallel()
	s := newFollowedShop(t)
	s.order.NoProof = true
	if _, _, err := s.follows(isFollowing); err != nil {
		t.Fatal(err)
	}
	s.produces(`INSERT INTO ballast VALUES (9000, 'before'); ALTER TABLE tags ADD COLUMN phone text; UPDATE tags SET phone = '+49 170 1234567'; INSERT INTO ballast VALUES (9001, 'after')`)
	before := s.rowsRead()
	for range 2 {
		_, _, err := s.follows(hasTakenPlace)
		postgrestest.Refused(t, err, understudy.KindRefused, "public.tags.phone", "mask plan")
		if rows := s.ask("twin", `SELECT count(*) || ' ' || max(id) FROM ballast`); rows != "6001 9000" && rows != "6000 6000" {
			t.Errorf("the twin has ballast %s", rows)
		}
	}
	s.rules(strings.Replace(shopRules, "columns:\n", "columns:\n  public.tags.phone: phone\n", 1))
	if _, told, err := s.follows(hasTakenPlace); err != nil {
		t.Fatalf("%v, after %q", err, told)
	}
	if read := strings.Join(s.moved(before), " "); read != "tags" {
		t.Errorf("production was read for %q", read)
	}
	s.alike()
	if raw := s.ask("twin", `SELECT count(*)::text FROM tags WHERE phone LIKE '%1234567'`); raw != "0" {
		t.Errorf("%s numbers are as in production", raw)
	}
}

func TestCopyTwin_CopiesAllAgainWhereTheOldCopyIsOfNoUse(t *testing.T) {
	t.Parallel()
	s := newFollowedShop(t)
	s.order.NoProof = true
	if _, _, err := s.follows(isFollowing); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ change, why string }{
		{`ALTER TABLE ballast ADD COLUMN more text`, " % of production's bytes changed"},
		{`SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots; ALTER TABLE tags ADD COLUMN more text`, "no replication slot"},
	} {
		postgrestest.Until(t, "production has noticed that nobody follows", func() bool {
			return s.ask("postgres", `SELECT count(*)::text FROM pg_replication_slots WHERE active`) == "0"
		})
		s.produces(c.change)
		if strings.Contains(c.change, "slot") { // a follower without a slot has ended; other rules begin it anew
			s.rules(strings.Replace(shopRules, "email: email", "email: hash", 1))
		}
		made, told, err := s.follows(hasTakenPlace)
		if err != nil {
			t.Fatalf("%v, after %q", err, told)
		}
		if !slices.ContainsFunc(told, func(text string) bool {
			return strings.HasPrefix(text, "all of production is copied again: ") && strings.Contains(text, c.why)
		}) {
			t.Errorf("it told %q", told)
		}
		if slices.ContainsFunc(made.Tables, func(t understudy.TableCopy) bool { return t.Earlier }) {
			t.Errorf("rows of the copy before are in %+v", made.Tables)
		}
		s.alike()
	}
}

// The first and the last change come while it follows, the second when the fresh copy has its
// moment and not yet its locks; for the last one, the tables of the others are not read.
func TestCopyTwin_GoesOnAfterOneChangeAndAnother(t *testing.T) {
	t.Parallel()
	s := newFollowedShop(t)
	s.order.NoProof = true
	again := 0
	_, told, err := s.follows(func(sentence string) bool {
		switch {
		case isFollowing(sentence):
			s.produces(`ALTER TABLE tags ADD COLUMN more text; INSERT INTO tags VALUES (60, 'x', 'y')`)
		case strings.Contains(sentence, "are read from production again") && again == 0:
			again++
			s.produces(`ALTER TABLE lists ADD COLUMN more text; UPDATE lists SET more = 'z' WHERE id = 1`)
		case hasTakenPlace(sentence) && again == 1:
			again++
			s.produces(`UPDATE tags SET more = 'z' WHERE id = 1; ALTER TABLE pairs ADD COLUMN more text; INSERT INTO pairs VALUES (60, 'x', 'y', 'z')`)
		case hasTakenPlace(sentence):
			return true
		}
		return false
	})
	if err != nil {
		t.Fatalf("%v, after %q", err, told)
	}
	s.alike()
	var read []string
	for _, sentence := range told {
		if strings.Contains(sentence, "are read from production again") {
			read = append(read, sentence)
		}
	}
	if len(read) != 3 || !strings.Contains(read[0], ": public.tags;") || !strings.Contains(read[1], ": public.lists, public.tags;") || !strings.Contains(read[2], ": public.pairs;") {
		t.Errorf("it told %q", told)
	}
}

// diesAt has this program follow, and kill itself at its so many-th sentence.
const diesAt = "UNDERSTUDY_TEST_DIES_AT"

func TestCopyTwin_KilledAnywhereItGoesOn(t *testing.T) {
	t.Parallel()
	s := newFollowedShop(t)
	if _, _, err := s.follows(isFollowing); err != nil {
		t.Fatal(err)
	}
	s.produces(`INSERT INTO people VALUES (400, md5('400') || '@example.org', 't400', 'fine'); ALTER TABLE tags ADD COLUMN more text; UPDATE people SET town = 'moved' WHERE id = 3; INSERT INTO tags VALUES (60, 'x', 'y')`)
	died := 0
	for ; s.dies(2*died + 1); died++ { // every second sentence: a run takes a second or two
		s.produces(fmt.Sprintf(`DELETE FROM orders WHERE person = %[1]d; DELETE FROM people WHERE id = %[1]d`, 10+died))
		if rows := s.ask("twin", `SELECT count(*)::text FROM pg_class WHERE relname IN ('people', 'tags', 'ballast')`); rows != "3" {
			t.Fatalf("after %d kills the twin has %s of its tables", died, rows)
		}
	}
	if died < 5 {
		t.Errorf("it was killed %d times only", died)
	}
	s.alike()
}

// dies runs the command in a program of its own that kills itself at a sentence; false: it
// said fewer, and put a fresh copy in its place.
func (s *followedShop) dies(at int) bool {
	s.t.Helper()
	order, err := json.Marshal(s.order)
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.CommandContext(s.t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d %s", diesAt, at, order))
	said, err := cmd.CombinedOutput()
	postgrestest.Until(s.t, "its sessions have ended", func() bool {
		return s.ask("postgres", `SELECT (count(*) = 0)::text FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND (datname IN ('shop', 'twin') OR application_name LIKE 'understudy%')`) == "true"
	})
	if status, exited := cmd.ProcessState.Sys().(syscall.WaitStatus); exited && status.Signaled() {
		return true
	}
	if err != nil {
		s.t.Fatalf("%v: %s", err, said)
	}
	return false
}

// die follows as an order says, kills the program at a sentence, and ends when a fresh copy
// has taken its place.
func die(text string) error {
	at, text, _ := strings.Cut(text, " ")
	var order cli.TwinCopy
	if err := json.Unmarshal([]byte(text), &order); err != nil {
		return err
	}
	ctx, interrupt := context.WithCancel(context.Background())
	defer interrupt()
	said := 0
	_, err := alone.CopyTwin(ctx, order, func(sentence string) {
		if said++; strconv.Itoa(said) == at {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
		if hasTakenPlace(sentence) {
			interrupt()
		}
	})
	return err
}
