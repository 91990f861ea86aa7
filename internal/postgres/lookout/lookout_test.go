package lookout_test

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"understudy/internal/postgres/lookout"
	"understudy/internal/postgres/postgrestest"
)

// scene is a database, somebody who looks at it with no right but to connect, and the
// migration's role.
func scene(t *testing.T) (as func(role, application string) *pgx.Conn, opened func(role string, before ...*lookout.Before) *lookout.Lookout) {
	t.Helper()
	server, name := postgrestest.Database(t)
	postgrestest.Exec(t, server, name, `CREATE ROLE `+name+`_owner LOGIN; CREATE ROLE `+name+`_looks LOGIN; CREATE TABLE notes (id int PRIMARY KEY, text text); INSERT INTO notes SELECT n, 'x' FROM generate_series(1, 100) n;
		CREATE TABLE events (id int, at int) PARTITION BY RANGE (at); CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (10);
		GRANT CREATE ON SCHEMA public TO `+name+`_owner; ALTER TABLE notes OWNER TO `+name+`_owner; ALTER TABLE events OWNER TO `+name+`_owner; ALTER TABLE events_1 OWNER TO `+name+`_owner`)
	address := func(role, application string) string {
		u, err := url.Parse(server.AdminURL(name))
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		q.Set("user", name+role)
		q.Set("application_name", application)
		u.RawQuery = q.Encode()
		return u.String()
	}
	as = func(role, application string) *pgx.Conn { return postgrestest.Connected(t, address(role, application)) }
	return as, func(role string, before ...*lookout.Before) *lookout.Lookout {
		spec := lookout.Spec{URL: address(role, ""), ApplicationName: "mover"}
		if len(before) > 0 {
			spec.Before = before[0]
		}
		l, err := lookout.Open(t.Context(), spec)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close(context.WithoutCancel(t.Context())) })
		return l
	}
}

func look(t *testing.T, l *lookout.Lookout) lookout.Sight {
	t.Helper()
	seen, err := l.Look(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return seen
}

func TestLook_SeesTheMigrationsLocksAndWhoWaitsForThem(t *testing.T) {
	t.Parallel()
	as, opened := scene(t)
	l := opened("_looks")
	if seen := look(t, l); len(seen.Locks)+len(seen.Waits) > 0 {
		t.Errorf("nothing runs, and it sees %+v", seen)
	}
	mover, reader := as("_owner", "mover"), as("_owner", "web")
	postgrestest.Runs(t, mover, `BEGIN; LOCK TABLE notes IN ACCESS EXCLUSIVE MODE; LOCK TABLE events IN SHARE MODE; CREATE TABLE fresh (id int)`)
	ended := make(chan error, 1)
	go func() {
		_, err := reader.Exec(context.WithoutCancel(t.Context()), `SELECT count(*) FROM notes WHERE text = 'Anna'`)
		ended <- err
	}()
	var seen lookout.Sight
	postgrestest.Until(t, "the reader waits", func() bool {
		seen = look(t, l)
		return len(seen.Waits) == 1 && seen.Waits[0].For > 20*time.Millisecond
	})
	var locks []string
	for _, lock := range seen.Locks {
		locks = append(locks, lock.Relation+" "+lock.Of+" "+lock.Mode)
	}
	for _, want := range []string{"public.notes  AccessExclusiveLock", "public.events  ShareLock", "public.events_1 public.events ShareLock"} {
		if !slices.Contains(locks, want) {
			t.Errorf("%q is not among %q", want, locks)
		}
	}
	if strings.Contains(strings.Join(locks, " "), "fresh") {
		t.Errorf("what the migration makes itself is listed: %q", locks)
	}
	if w := seen.Waits[0]; w.Relation != "public.notes" || w.Queued || w.Wanted != "AccessShareLock" || !strings.HasSuffix(w.Who, "_owner web") {
		t.Errorf("the wait is %+v", w)
	}
	postgrestest.Runs(t, mover, `COMMIT`)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if why, err := l.Blind(t.Context()); err != nil || !strings.Contains(why, "pg_read_all_stats") {
		t.Errorf("what cannot be seen: %q, %v", why, err)
	}
}

func TestLook_TellsWhoOnlyQueuesBehindAMigrationThatWaits(t *testing.T) {
	t.Parallel()
	as, opened := scene(t)
	l := opened("_looks")
	long, mover, web := as("_owner", "report"), as("_owner", "mover"), as("_owner", "web")
	postgrestest.Runs(t, long, `BEGIN; SELECT FROM notes`)
	ended := make(chan error, 2)
	run := func(conn *pgx.Conn, statement string) {
		_, err := conn.Exec(context.WithoutCancel(t.Context()), statement)
		ended <- err
	}
	go run(mover, `ALTER TABLE notes ADD COLUMN more int`)
	postgrestest.Until(t, "the migration waits", func() bool {
		return slices.ContainsFunc(look(t, l).Locks, func(lock lookout.Lock) bool { return lock.Waiting })
	})
	go run(web, `SELECT FROM notes`)
	postgrestest.Until(t, "somebody queues behind it", func() bool {
		seen := look(t, l)
		return len(seen.Waits) == 1 && seen.Waits[0].Queued
	})
	postgrestest.Runs(t, long, `COMMIT`)
	for range 2 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func TestBusy_NamesWhoseTransactionStandsInTheWay(t *testing.T) {
	t.Parallel()
	as, opened := scene(t)
	l := opened("_looks")
	long, writer := as("_owner", "report"), as("_owner", "web")
	postgrestest.Runs(t, long, `BEGIN; SELECT FROM notes; SELECT FROM events_1`)
	for _, c := range []struct {
		relation, mode string
		want           int
	}{
		{"public.notes", "AccessExclusiveLock", 1}, {"public.notes", "ShareLock", 0}, // a reader is in nobody's way but this
		{"public.events", "AccessExclusiveLock", 1}, {"public.nowhere", "AccessExclusiveLock", 0},
	} {
		busy, err := l.Busy(t.Context(), map[string]string{c.relation: c.mode})
		if err != nil || len(busy.Holders) != c.want {
			t.Errorf("%s %s: %+v, %v", c.relation, c.mode, busy, err)
		}
	}
	postgrestest.Runs(t, writer, `BEGIN; DELETE FROM notes WHERE id = 1`)
	first, err := l.Busy(t.Context(), map[string]string{"public.notes": "ShareLock"})
	if err != nil || len(first.Holders) != 1 || first.Holders[0].Sure {
		t.Fatalf("%+v, %v", first, err)
	}
	postgrestest.Until(t, "it was seen for a while", func() bool {
		busy, err := l.Busy(t.Context(), map[string]string{"public.notes": "ShareLock"})
		return err == nil && len(busy.Holders) == 1 && busy.Holders[0].Age > 50*time.Millisecond
	})
}

func TestLook_OfAMigrationThatGoesOnKnowsTablesByTheNamesThatTheyHadBeforeItFirstBegan(t *testing.T) {
	t.Parallel()
	as, opened := scene(t)
	first := opened("_looks").Before()
	mover := as("_owner", "mover")
	postgrestest.Runs(t, mover, `ALTER TABLE notes RENAME TO articles; CREATE TABLE made (id int); INSERT INTO articles VALUES (101, 'x')`)
	if _, err := mover.Exec(t.Context(), `CREATE UNIQUE INDEX CONCURRENTLY articles_text ON articles (text)`); err == nil {
		t.Fatal("rows that are equal were unique")
	}
	l := opened("_looks", &first)
	postgrestest.Runs(t, mover, `BEGIN; LOCK TABLE articles, made IN ACCESS EXCLUSIVE MODE; DROP INDEX articles_text`)
	var locks []string
	for _, lock := range look(t, l).Locks {
		if lock.Mode == "AccessExclusiveLock" {
			locks = append(locks, lock.Relation)
		}
	}
	if !slices.Equal(locks, []string{"public.notes"}) {
		t.Errorf("it sees locks on %q", locks)
	}
	postgrestest.Runs(t, mover, `ROLLBACK`)
	if left, err := l.Invalid(t.Context()); err != nil || !slices.Equal(left, []string{"public.articles_text"}) {
		t.Errorf("left invalid by the first run: %q, %v", left, err)
	}
	if busy, err := l.Busy(t.Context(), map[string]string{"public.notes": "AccessExclusiveLock"}); err != nil || len(busy.Holders) != 0 {
		t.Errorf("%+v, %v", busy, err)
	}
	postgrestest.Runs(t, as("_owner", "report"), `BEGIN; SELECT FROM articles`)
	if busy, err := l.Busy(t.Context(), map[string]string{"public.notes": "AccessExclusiveLock"}); err != nil || len(busy.Holders) != 1 {
		t.Errorf("who stands in its way under the new name: %+v, %v", busy, err)
	}
}

func TestEnd_EndsWhatItMayAndSaysWhatIsLeft(t *testing.T) {
	t.Parallel()
	as, opened := scene(t)
	l := opened("_looks")
	mover := as("_owner", "mover")
	postgrestest.Runs(t, mover, `BEGIN; LOCK TABLE notes`)
	if left, err := l.End(t.Context()); err == nil && left == 0 || mover.IsClosed() {
		t.Errorf("without the right to, %d are left: %v", left, err)
	}
	if left, err := opened("_owner").End(t.Context()); err != nil || left != 0 {
		t.Errorf("with the right to, %d are left: %v", left, err)
	}
	if _, err := mover.Exec(t.Context(), `COMMIT`); err == nil {
		t.Error("the migration goes on")
	}
}

func TestInvalid_ListsWhatWasLeft(t *testing.T) {
	t.Parallel()
	as, opened := scene(t)
	l := opened("_looks")
	mover := as("_owner", "mover")
	postgrestest.Runs(t, mover, `INSERT INTO notes VALUES (101, 'x')`)
	if _, err := mover.Exec(t.Context(), `CREATE UNIQUE INDEX CONCURRENTLY notes_text ON notes (text)`); err == nil {
		t.Fatal("rows that are equal were unique")
	}
	if left, err := l.Invalid(t.Context()); err != nil || !slices.Equal(left, []string{"public.notes_text"}) {
		t.Errorf("%q, %v", left, err)
	}
}
