package lockwatch_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres/lockwatch"
	"understudy/internal/postgres/postgrestest"
)

// stage is a database with one table on a server set as a twin's, watched for sessions
// named "migration".
type stage struct {
	*testing.T
	c    *postgrestest.Server
	name string
	gate bool
}

func newStage(t *testing.T, rows int) stage {
	c, name := postgrestest.Database(t)
	postgrestest.Exec(t, c, name, fmt.Sprintf(`
		CREATE TABLE public.orders (id int PRIMARY KEY, status varchar(20), note text);
		INSERT INTO public.orders SELECT g, 'new', md5(g::text) FROM generate_series(1, %d) g;
		ANALYZE public.orders`, rows))
	return stage{T: t, c: c, name: name}
}

// inLog is by how much a time may be off that is taken from the server's log, which tells milliseconds.
const inLog = 2 * time.Millisecond

// gated is a stage whose watch holds commits and reads both logs.
func gated(t *testing.T, rows int) stage {
	s := newStage(t, rows)
	s.gate = true
	return s
}

func (s stage) watch() *lockwatch.Watch {
	s.Helper()
	spec := lockwatch.Spec{AdminURL: s.c.AdminURL("postgres"), Database: s.name, ApplicationName: "migration", Every: 5 * time.Millisecond, Gate: s.gate}
	if s.gate {
		spec.LogFile = s.c.Log()
	}
	w, err := lockwatch.Start(s.Context(), spec)
	if err != nil {
		s.Fatal(err)
	}
	return w
}

func (s stage) stop(w *lockwatch.Watch) understudy.Observation {
	s.Helper()
	seen, err := w.Stop(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	return seen
}

func (s stage) session(application string) *pgx.Conn {
	s.Helper()
	config, err := pgx.ParseConfig(s.c.AdminURL(s.name))
	if err != nil {
		s.Fatal(err)
	}
	config.RuntimeParams["application_name"] = application
	config.RuntimeParams["synchronous_commit"] = "local"
	if application == "migration" {
		config.RuntimeParams["synchronous_commit"] = "remote_apply"
	}
	conn, err := pgx.ConnectConfig(s.Context(), config)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func (s stage) do(conn *pgx.Conn, statement string) {
	s.Helper()
	if _, err := conn.Exec(s.Context(), statement); err != nil {
		s.Errorf("%s: %v", statement, err)
	}
}

// looked returns when a watch has looked so often, from now on.
func (s stage) looked(w *lockwatch.Watch, often int) {
	s.Helper()
	looks := w.Looks()
	postgrestest.Until(s.T, "it was looked at", func() bool { return w.Looks() > looks+often })
}

// waiting returns when n sessions of an application wait for a lock.
func (s stage) waiting(application string, n int) {
	s.Helper()
	conn := s.session("test")
	postgrestest.Until(s.T, application+" waits", func() bool {
		var waiting int
		err := conn.QueryRow(s.Context(), "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND application_name = $2 AND wait_event_type = 'Lock'",
			s.name, application).Scan(&waiting)
		return err == nil && waiting >= n
	})
}

func TestBegins_OnceTheStatementRunsWhateverItsConstantsAre(t *testing.T) {
	t.Parallel()
	s := newStage(t, 1)
	conn, seen := s.session("migration"), make(chan bool, 1)
	go func() {
		begins, err := lockwatch.Begins(s.Context(), s.c.AdminURL("postgres"), []string{s.name}, "SELECT pg_sleep(?)")
		if err != nil {
			t.Error(err)
		}
		seen <- begins
	}()
	s.do(conn, "SELECT 1")
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-seen; cancel() }()
	if _, err := conn.Exec(ctx, "SELECT pg_sleep(60)"); ctx.Err() == nil {
		t.Errorf("it was not seen to run: %v", err)
	}
	other := s.session("test")
	postgrestest.Until(t, "the server has ended it", func() bool { // a moment after its client went
		var running int
		err := other.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND state = 'active' AND query = 'SELECT pg_sleep(60)'", s.name).Scan(&running)
		return err == nil && running == 0
	})
	limited, end := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer end()
	if begins, err := lockwatch.Begins(limited, s.c.AdminURL("postgres"), []string{s.name}, "SELECT pg_sleep(?)"); begins || err == nil {
		t.Errorf("what runs no more was seen: %v, %v", begins, err)
	}
}

func lockOn(seen understudy.Observation, relation, mode string) (understudy.ObservedLock, bool) {
	for _, l := range seen.Locks {
		if l.Relation == relation && l.Mode == mode {
			return l, true
		}
	}
	return understudy.ObservedLock{}, false
}

func tableOf(t *testing.T, seen understudy.Observation, relation string) understudy.TableChange {
	t.Helper()
	for _, table := range seen.Tables {
		if table.Relation == relation {
			return table
		}
	}
	t.Errorf("nothing is told of table %s: %+v", relation, seen.Tables)
	return understudy.TableChange{}
}

// exactLock holds an observation to a lock that the gate and the log have both seen.
func exactLock(t *testing.T, seen understudy.Observation, relation, mode string) understudy.ObservedLock {
	t.Helper()
	for _, l := range seen.Locks {
		if l.Relation == relation && l.Mode == mode && slices.Contains(l.SeenBy, understudy.ByGate) {
			if mode == "AccessExclusiveLock" && !slices.Contains(l.SeenBy, understudy.ByLog) {
				t.Errorf("the log does not tell of %+v", l)
			}
			if !seen.Exact.Locks || !seen.Exact.Exclusive || l.HeldMost < l.Held || l.HeldMost == 0 {
				t.Errorf("%+v of %+v, notes %q", l, seen.Exact, seen.Notes)
			}
			return l
		}
	}
	t.Errorf("no %s of %s: %+v %q", mode, relation, seen.Locks, seen.Notes)
	return understudy.ObservedLock{}
}

func TestWatch_AnIndexBuildBlocksAWriterForAsLongAsItTakes(t *testing.T) {
	s := newStage(t, 300_000)
	w := s.watch()
	migration, writer := s.session("migration"), s.session("shop")
	var both sync.WaitGroup
	var built, waited time.Duration
	behind := make(chan struct{}) // who comes later waits, and was looked at for nearly as long as that
	s.do(migration, "BEGIN")
	both.Go(func() {
		began := time.Now()
		s.do(migration, "CREATE INDEX by_note ON public.orders (note)")
		built = time.Since(began)
		<-behind
		s.do(migration, "COMMIT")
	})
	conn := s.session("test")
	postgrestest.Until(t, "the index is being built", func() bool {
		var n int
		err := conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_locks WHERE mode = 'ShareLock' AND relation = 'public.orders'::regclass").Scan(&n)
		return err == nil && n > 0
	})
	both.Go(func() {
		began := time.Now()
		s.do(writer, "UPDATE public.orders SET note = 'private' WHERE id = 1")
		waited = time.Since(began)
	})
	s.waiting("shop", 1)
	s.looked(w, 20)
	close(behind)
	both.Wait()
	seen := s.stop(w)

	l, held := lockOn(seen, "public.orders", "ShareLock")
	if !held || l.Held < built/2 || l.New || l.Kind != "table" || l.Statement != "CREATE INDEX by_note ON public.orders (note)" {
		t.Errorf("the build took %v; locks: %+v", built, seen.Locks)
	}
	if len(seen.Waits) != 1 {
		t.Fatalf("blocked: %+v", seen.Waits)
	}
	b := seen.Waits[0]
	if b.Who != "postgres shop" || b.Relation != "public.orders" || b.Wanted != "RowExclusiveLock" || b.Times != 1 ||
		b.Statement != "UPDATE public.orders SET note = ? WHERE id = ?" || !strings.HasPrefix(b.By, "CREATE INDEX") {
		t.Errorf("blocked: %+v", b)
	}
	if b.For < waited/2 || b.For > waited {
		t.Errorf("the writer waited for %v, and is said to have been blocked for %v", waited, b.For)
	}
	if seen.Exact != (understudy.Exactness{}) || seen.LogBytes < 1<<20 || seen.BytesAfter <= seen.BytesBefore || seen.BytesPeak < seen.BytesAfter {
		t.Errorf("figures: %+v", seen)
	}
}

func TestWatch_AVolatileDefaultIsARewrite(t *testing.T) {
	s := gated(t, 20_000)
	w := s.watch()
	s.do(s.session("migration"), "ALTER TABLE public.orders ADD COLUMN token uuid DEFAULT gen_random_uuid()")
	seen := s.stop(w)
	if r := tableOf(t, seen, "public.orders"); !r.Rewritten || r.Emptied || r.Kind != "table" || r.Bytes < 1<<20 || r.Rows != 20_000 || r.Inserted != 0 {
		t.Errorf("rewritten: %+v", r)
	}
	exactLock(t, seen, "public.orders", "AccessExclusiveLock")
}

func TestWatch_AQuickExclusiveLockIsInTheLogEvenWhenRolledBack(t *testing.T) {
	s := gated(t, 10)
	w := s.watch()
	s.do(s.session("migration"), "BEGIN; ALTER TABLE public.orders RENAME TO bestellungen; ROLLBACK")
	seen := s.stop(w)
	if l, _ := lockOn(seen, "public.orders", "AccessExclusiveLock"); !l.Aborted || !slices.Contains(l.SeenBy, understudy.ByLog) || !seen.Exact.Exclusive {
		t.Errorf("locks %+v, notes %q", seen.Locks, seen.Notes)
	}
	if len(seen.Tables) != 1 || seen.Tables[0].Renamed != "" || seen.Tables[0].Rewritten {
		t.Errorf("tables %+v", seen.Tables)
	}
}

func TestWatch_AReaderBehindAWaitingAlterIsBlockedByIt(t *testing.T) {
	s := gated(t, 10)
	w := s.watch()
	long, migration, late := s.session("report"), s.session("migration"), s.session("shop")
	s.do(long, "BEGIN; SELECT count(*) FROM public.orders")
	var both sync.WaitGroup
	both.Go(func() { s.do(migration, "ALTER TABLE public.orders ADD COLUMN x int") })
	s.waiting("migration", 1)
	asked := time.Now()
	both.Go(func() { s.do(late, "SELECT note FROM public.orders WHERE id = 7") })
	s.waiting("shop", 1)
	since := time.Now()
	postgrestest.Until(t, "it has lasted", func() bool { return time.Since(since) > 150*time.Millisecond })
	s.looked(w, 2)
	s.do(long, "COMMIT")
	both.Wait()
	lasted := time.Since(asked)
	seen := s.stop(w)

	l := exactLock(t, seen, "public.orders", "AccessExclusiveLock")
	if l.Waited < 150*time.Millisecond || l.Behind != "postgres report, idle in transaction" || l.HeldMost < l.Waited {
		t.Errorf("locks: %+v", seen.Locks)
	}
	if len(seen.Waits) != 1 {
		t.Fatalf("waits: %+v", seen.Waits)
	}
	got := seen.Waits[0]
	if got.Who != "postgres shop" || got.Wanted != "AccessShareLock" || got.Relation != "public.orders" || got.For < 150*time.Millisecond || got.For > lasted+inLog ||
		got.Total != got.For || got.Times != 1 || !got.Queued || !slices.Equal(got.SeenBy, []understudy.ObservedBy{understudy.ByLog}) ||
		got.By != "ALTER TABLE public.orders ADD COLUMN x int" || got.Statement != "SELECT note FROM public.orders WHERE id = ?" {
		t.Errorf("waits: %+v", got)
	}
	if !seen.Exact.Waits || seen.Exact.WaitsFrom != 10*time.Millisecond {
		t.Errorf("exact: %+v", seen.Exact)
	}
}

func TestWatch_AWriterOfARowThatTheMigrationChangedWaitsForTheRow(t *testing.T) {
	s := gated(t, 10)
	w := s.watch()
	migration := s.session("migration")
	s.do(migration, "BEGIN; UPDATE public.orders SET status = 'x'")
	var writers sync.WaitGroup
	for range 2 {
		conn := s.session("shop")
		writers.Go(func() { s.do(conn, "DELETE FROM public.orders WHERE id = 3") })
	}
	s.waiting("shop", 2)
	since := time.Now()
	postgrestest.Until(t, "it has lasted", func() bool { return time.Since(since) > 100*time.Millisecond })
	s.looked(w, 2)
	s.do(migration, "COMMIT")
	writers.Wait()
	seen := s.stop(w)
	var waits int
	for _, b := range seen.Waits {
		if b.Wanted == "row" && b.Relation == "public.orders" && b.For >= 100*time.Millisecond && !b.Queued && b.SeenBy[0] == understudy.ByLog && b.By == "BEGIN; UPDATE public.orders SET status = ?" {
			waits += b.Times
		}
	}
	if waits != 2 {
		t.Errorf("waits: %+v", seen.Waits)
	}
}

func TestWatch_AFailedConcurrentBuildLeavesAnInvalidIndex(t *testing.T) {
	s := newStage(t, 10)
	postgrestest.Exec(t, s.c, s.name, "CREATE INDEX invalid_before ON public.orders (id); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'invalid_before'::regclass")
	w := s.watch()
	if _, err := s.session("migration").Exec(t.Context(), `CREATE UNIQUE INDEX CONCURRENTLY "One Status" ON public.orders (status)`); err == nil {
		t.Fatal("the index was built although values repeat")
	}
	seen := s.stop(w)
	for _, i := range seen.Indexes {
		if i.Invalid && !i.WasInvalid && i.Name != `public."One Status"` {
			t.Errorf("invalid: %+v", i)
		}
	}
	if !slices.ContainsFunc(seen.Indexes, func(i understudy.IndexChange) bool { return i.Invalid && i.New }) {
		t.Errorf("indexes: %+v", seen.Indexes)
	}
}

func TestWatch_NamesTheColumnsWhoseStatisticsAreGone(t *testing.T) {
	s := newStage(t, 1000)
	w := s.watch()
	s.do(s.session("migration"), "ALTER TABLE public.orders ALTER COLUMN status TYPE varchar(40), DROP COLUMN note")
	var lost []string
	for _, c := range tableOf(t, s.stop(w), "public.orders").Columns {
		if c.LostStatistics {
			lost = append(lost, c.Name)
		}
	}
	if !slices.Equal(lost, []string{"status"}) {
		t.Errorf("lost: %q", lost)
	}
}

func TestWatch_OtherPeoplesLocksAreNotTheMigrations(t *testing.T) {
	s := newStage(t, 10)
	w := s.watch()
	holder, waiter := s.session("shop"), s.session("report")
	s.do(holder, "BEGIN; LOCK TABLE public.orders")
	var one sync.WaitGroup
	one.Go(func() { s.do(waiter, "SELECT FROM public.orders") })
	s.waiting("report", 1)
	s.do(holder, "COMMIT")
	one.Wait()
	if seen := s.stop(w); len(seen.Locks) != 0 || len(seen.Waits) != 0 {
		t.Errorf("locks %+v, blocked %+v", seen.Locks, seen.Waits)
	}
}

func TestWatch_RelationsMadeRenamedAndDroppedMeanwhileAreNamedAsBefore(t *testing.T) {
	s := gated(t, 10)
	postgrestest.Exec(t, s.c, s.name, `CREATE TABLE public."go""ne" ()`)
	w := s.watch()
	migration := s.session("migration")
	s.do(migration, `BEGIN; ALTER TABLE public.orders RENAME TO "Orders 2"; DROP TABLE public."go""ne"; CREATE TABLE public.fresh ()`)
	s.looked(w, 2)
	s.do(migration, "COMMIT")
	seen := s.stop(w)
	for _, relation := range []string{"public.orders", `public."go""ne"`} {
		if l, held := lockOn(seen, relation, "AccessExclusiveLock"); !held || l.New {
			t.Errorf("%s: %+v in %+v", relation, l, seen.Locks)
		}
	}
	for _, relation := range []string{"public.orders", `public."go""ne"`} {
		exactLock(t, seen, relation, "AccessExclusiveLock")
	}
}

func TestWatch_LeavesNothingBehind(t *testing.T) {
	s := newStage(t, 10)
	w := s.watch()
	s.stop(w)
	if _, err := w.Stop(t.Context()); understudy.KindOf(err) != understudy.KindConflict {
		t.Errorf("a second stop: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	w, err := lockwatch.Start(ctx, lockwatch.Spec{AdminURL: s.c.AdminURL("postgres"), Database: s.name, Role: "nobody"})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := w.Stop(t.Context()); err == nil {
		t.Error("a watch whose context has ended says nothing of it")
	}
	conn := s.session("test")
	postgrestest.Until(t, "sessions and slots are gone", func() bool {
		var left int
		err := conn.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM pg_stat_activity WHERE application_name = 'understudy watch')
			+ (SELECT count(*) FROM pg_replication_slots)`).Scan(&left)
		return err == nil && left == 0
	})
}

func TestStartWatch_RefusesWhatItCannotWatch(t *testing.T) {
	s := newStage(t, 1)
	for want, spec := range map[understudy.Kind]lockwatch.Spec{
		understudy.KindInvalid:     {AdminURL: s.c.AdminURL(s.name), Database: s.name, Role: "x"},
		understudy.KindNotFound:    {AdminURL: s.c.AdminURL("postgres"), Database: "no-such", Role: "x"},
		understudy.KindUnavailable: {AdminURL: "postgres:///postgres?host=/tmp/us-nowhere", Database: s.name, Role: "x"},
	} {
		if _, err := lockwatch.Start(t.Context(), spec); understudy.KindOf(err) != want {
			t.Errorf("expected %s, got %v", want, err)
		}
	}
	if _, err := lockwatch.Start(t.Context(), lockwatch.Spec{AdminURL: s.c.AdminURL("postgres"), Database: s.name}); understudy.KindOf(err) != understudy.KindInvalid {
		t.Errorf("nobody to watch: %v", err)
	}
}

func TestWatch_EveryShortExclusiveLockIsSeenByTheGateAndByTheLog(t *testing.T) {
	s := gated(t, 10)
	w := s.watch()
	migration := s.session("migration")
	const times = 200
	for i := range times {
		s.do(migration, fmt.Sprintf("ALTER TABLE public.orders ADD COLUMN c%d int", i))
	}
	seen := s.stop(w)
	byGate, byLog := 0, 0
	for _, l := range seen.Locks {
		if l.Relation == "public.orders" && l.Mode == "AccessExclusiveLock" {
			if slices.Contains(l.SeenBy, understudy.ByGate) {
				byGate += l.Times
			}
			if slices.Contains(l.SeenBy, understudy.ByLog) {
				byLog += l.Times
			}
		}
	}
	if byGate != times || byLog != times || !seen.Exact.Locks || !seen.Exact.Exclusive {
		t.Errorf("of %d locks the gate saw %d and the log %d: %+v %q", times, byGate, byLog, seen.Exact, seen.Notes)
	}
}

func TestWatch_AWaitThatIsGivenUpLastsUntilThen(t *testing.T) {
	s := gated(t, 10)
	w := s.watch()
	migration, writer := s.session("migration"), s.session("shop")
	s.do(migration, "BEGIN; LOCK TABLE public.orders")
	began := time.Now()
	// Long enough for the server to say that it waits before it says that it has waited for too long.
	if _, err := writer.Exec(t.Context(), "SET lock_timeout = 1000; UPDATE public.orders SET note = 'secret' WHERE id = 1"); err == nil {
		t.Fatal("it got the lock")
	}
	lasted := time.Since(began)
	s.do(migration, "COMMIT")
	seen := s.stop(w)
	if len(seen.Waits) != 1 || seen.Waits[0].For < 990*time.Millisecond || seen.Waits[0].For > lasted+inLog || seen.Waits[0].Queued {
		t.Errorf("waits: %+v", seen.Waits)
	}
	if want := []understudy.ObservedError{{Who: "postgres shop", Code: "55P03", Message: "canceling statement due to lock timeout", Times: 1}}; !slices.Equal(seen.Errors, want) {
		t.Errorf("errors: %+v", seen.Errors)
	}
}

func TestWatch_AMigrationThatGivesUpIsSeenToHaveWaited(t *testing.T) {
	s := gated(t, 10)
	w := s.watch()
	report, migration := s.session("report"), s.session("migration")
	s.do(report, "BEGIN; SELECT FROM public.orders")
	s.do(migration, "SET lock_timeout = 1000") // long enough for a look on a busy machine
	began := time.Now()
	if _, err := migration.Exec(t.Context(), "ALTER TABLE public.orders ADD x int"); err == nil {
		t.Fatal("it got the lock")
	}
	lasted := time.Since(began)
	s.do(report, "COMMIT")
	seen := s.stop(w)
	l, wanted := lockOn(seen, "public.orders", "AccessExclusiveLock")
	if !wanted || l.Held != 0 || l.Waited < 990*time.Millisecond || l.Waited > lasted+inLog || l.Behind != "postgres report, idle in transaction" {
		t.Errorf("locks: %+v", seen.Locks)
	}
	if len(seen.Waits) != 0 || len(seen.Errors) != 0 || !seen.Statements[len(seen.Statements)-1].Failed {
		t.Errorf("waits %+v, errors %+v, statements %+v", seen.Waits, seen.Errors, seen.Statements)
	}
}

func TestErrors_CountsKindsWithoutValues(t *testing.T) {
	s := newStage(t, 10)
	shop, migration := s.session("shop"), s.session(lockwatch.MigrationName)
	from := time.Now()
	for id := range 3 {
		for _, statement := range []string{
			fmt.Sprintf("INSERT INTO public.orders VALUES (%d, 'secret')", id+1),
			fmt.Sprintf("SELECT 'secret%d'::int", id),
			fmt.Sprintf("DO $$BEGIN RAISE EXCEPTION 'order %% of \"%%\"', %d, 'secret'; END$$", id),
		} {
			if _, err := shop.Exec(t.Context(), statement); err == nil {
				t.Fatal("it did not fail")
			}
		}
	}
	if _, err := migration.Exec(t.Context(), "SELECT 1/0"); err == nil {
		t.Fatal("it did not fail")
	}
	found, err := lockwatch.Errors(s.c.Log(), from, time.Now(), s.name)
	want := []understudy.ObservedError{
		{Who: "postgres shop", Code: "22P02", Message: "invalid input syntax for type integer", Times: 3},
		{Who: "postgres shop", Code: "23505", Message: `duplicate key value violates unique constraint "orders_pkey"`, Times: 3},
		{Who: "postgres shop", Code: "P0001", Message: "order ? of ?", Times: 3},
	}
	if err != nil || !slices.Equal(found, want) {
		t.Errorf("%+v, %v", found, err)
	}
}
