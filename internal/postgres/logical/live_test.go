package logical_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"understudy"
	"understudy/internal/postgres/logical"
	"understudy/internal/postgres/postgrestest"
)

func TestCopy_IsOfOneMomentWhileWritersGoOn(t *testing.T) {
	t.Parallel()
	spec, _, target := pair(t, `
		CREATE TABLE accounts (id int PRIMARY KEY, money bigint NOT NULL); INSERT INTO accounts SELECT i, 1000 FROM generate_series(1, 2000) i;
		CREATE TABLE other_accounts (LIKE accounts INCLUDING ALL); INSERT INTO other_accounts SELECT i, 1000 FROM generate_series(1, 2000) i;
		CREATE TABLE transfers (id bigserial PRIMARY KEY, amount bigint NOT NULL)`)
	writing, stop := context.WithCancel(t.Context())
	var writers errgroup.Group
	started := make(chan struct{}, 2)
	for range 2 {
		conn := postgrestest.Connected(t, spec.Source)
		writers.Go(func() error {
			for n := 0; writing.Err() == nil; n++ {
				amount := rand.IntN(100)
				_, err := conn.Exec(context.Background(), fmt.Sprintf(`BEGIN; UPDATE accounts SET money = money - %d WHERE id = %d;
					UPDATE other_accounts SET money = money + %d WHERE id = %d; INSERT INTO transfers (amount) VALUES (%d); COMMIT`,
					amount, 1+rand.IntN(2000), amount, 1+rand.IntN(2000), amount))
				if err != nil {
					conn.Exec(context.Background(), "ROLLBACK") // two writers in each other's way
				}
				if n == 10 {
					started <- struct{}{}
				}
			}
			return nil
		})
	}
	<-started
	got, err := logical.Copy(t.Context(), spec)
	stop()
	if err := writers.Wait(); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	sums := postgrestest.Answer(t, target, `SELECT (SELECT sum(money) FROM accounts) || ' ' || (SELECT sum(money) FROM other_accounts) + -2000000 - COALESCE((SELECT sum(amount) FROM transfers), 0)
		|| ' ' || (SELECT 2000000 - sum(money) FROM accounts) - (SELECT sum(amount) FROM transfers)`)
	if parts := strings.Fields(sums); len(parts) != 3 || parts[1] != "0" || parts[2] != "0" {
		t.Errorf("the books do not balance: %s", sums)
	}
	if moved := postgrestest.Answer(t, target, `SELECT count(*)::text FROM transfers`); moved == "0" || got.Rows() < 4000 {
		t.Errorf("%s transfers, %d rows: the writers were not seen", moved, got.Rows())
	}
	if next := postgrestest.Answer(t, target, `SELECT (nextval('transfers_id_seq') > max(id))::text FROM transfers`); next != "true" {
		t.Error("the sequence is behind the rows")
	}
}

// manyRows takes long enough to copy, through a mask that waits, to be met half way.
const manyRows = `CREATE TABLE small (id int); INSERT INTO small VALUES (1);
	CREATE TABLE long (id int, filler text); INSERT INTO long SELECT i, repeat('x', 500) FROM generate_series(1, 20000) i`

// halfWay makes a spec's copy stop in the middle of table long until release is called.
func halfWay(t *testing.T, spec *logical.Spec) (reached <-chan struct{}, release func()) {
	t.Helper()
	at, goOn := make(chan struct{}), make(chan struct{})
	var n atomic.Int64
	spec.Masks = func(table string, _ []understudy.Column) (understudy.TableMasks, error) {
		if table != "public.long" {
			return understudy.TableMasks{}, nil
		}
		return masking("id", func(value []byte) ([]byte, error) {
			if n.Add(1) == 1000 {
				close(at)
				<-goOn
			}
			return value, nil
		}), nil
	}
	release = sync.OnceFunc(func() { close(goOn) })
	t.Cleanup(release) // also when the test has failed
	return at, release
}

func TestCopy_GivesWayToASchemaChangeInProduction(t *testing.T) {
	t.Parallel()
	spec, source, _ := pair(t, manyRows)
	reached, release := halfWay(t, &spec)
	copying := started(t, spec)
	copying.until(t, reached)
	waiting := postgrestest.Connected(t, spec.Source)
	const guards = `FROM pg_stat_activity WHERE datname = current_database() AND application_name ~ '^understudy copy \S+ guard$'`
	untilYes(t, waiting, `SELECT count(*) = 1 `+guards)
	var change errgroup.Group
	change.Go(func() error {
		_, err := source.Exec(t.Context(), `ALTER TABLE small ADD COLUMN more text`)
		return err
	})
	untilYes(t, waiting, `SELECT count(*) = 0 `+guards)
	release()
	_, err := copying.end()
	postgrestest.Refused(t, err, understudy.KindConflict, "gave way")
	if err := change.Wait(); err != nil {
		t.Errorf("the schema change: %v", err)
	}
}

// untilYes asks until the answer is yes.
func untilYes(t *testing.T, conn *pgx.Conn, question string) {
	t.Helper()
	postgrestest.Until(t, question, func() bool { return postgrestest.Answer(t, conn, `SELECT (`+question+`)::text`) == "true" })
}

func TestCopy_ACutConnectionBeginsItsTableAgain(t *testing.T) {
	t.Parallel()
	for _, side := range []string{"source", "target"} {
		t.Run(side, func(t *testing.T) {
			t.Parallel()
			spec, source, target := pair(t, manyRows)
			spec.Parallel = 1
			reached, release := halfWay(t, &spec)
			copying := started(t, spec)
			copying.until(t, reached)
			conn := map[string]*pgx.Conn{"source": source, "target": target}[side]
			const copies = ` FROM pg_stat_activity WHERE datname = current_database() AND query ~ '^COPY' AND state = 'active' AND pid <> pg_backend_pid()`
			untilYes(t, conn, `SELECT count(*) = 1`+copies) // rows may be masked before there is a place for them
			cut := postgrestest.Answer(t, conn, `SELECT count(pg_terminate_backend(pid, 60000))::text`+copies)
			release()
			if cut != "1" {
				t.Errorf("%s sessions were cut; expected 1", cut)
			}
			got, err := copying.end()
			if err != nil {
				t.Fatal(err)
			}
			if got.Cost.Again != 1 || got.Rows() != 20001 {
				t.Errorf("the copy began %d tables again and has %d rows", got.Cost.Again, got.Rows())
			}
			rows := `SELECT count(*) || ' ' || sum(id) FROM long`
			if here, there := postgrestest.Answer(t, source, rows), postgrestest.Answer(t, target, rows); here != there {
				t.Errorf("production has %s, the twin %s", here, there)
			}
		})
	}
}

func TestCopy_EndsWhenTheViewOfTheDataIsGone(t *testing.T) {
	t.Parallel()
	spec, source, _ := pair(t, manyRows)
	reached, release := halfWay(t, &spec)
	copying := started(t, spec)
	copying.until(t, reached)
	holder := ""
	postgrestest.Until(t, "one session is left that can hold the view", func() bool {
		holder = postgrestest.Answer(t, source, `SELECT pid::text FROM pg_stat_activity WHERE datname = current_database()
			AND application_name ~ '^understudy copy \S+$' AND state = 'idle in transaction' AND query !~ '^COPY'`)
		return holder != "" && !strings.Contains(holder, "\n")
	})
	postgrestest.Answer(t, source, `SELECT pg_terminate_backend(`+holder+`)::text`)
	untilYes(t, source, `SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = current_database() AND application_name ~ '^understudy copy \S+ guard$'`)
	release()
	_, err := copying.end()
	postgrestest.Refused(t, err, understudy.KindUnavailable, "view of the data is gone", "copy again")
}

// underWay is a copy that runs beside its test.
type underWay struct {
	group errgroup.Group
	got   understudy.DatabaseCopy
	ended chan struct{} // closed when it has
}

func started(t *testing.T, spec logical.Spec) *underWay {
	u := &underWay{ended: make(chan struct{})}
	u.group.Go(func() (err error) {
		defer close(u.ended)
		u.got, err = logical.Copy(t.Context(), spec)
		return err
	})
	return u
}

// until waits for something on the copy's way, which a copy that has ended does not come to.
func (u *underWay) until(t *testing.T, reached <-chan struct{}) {
	t.Helper()
	select {
	case <-reached:
	case <-u.ended:
		_, err := u.end()
		t.Fatalf("the copy ended before: %v", err)
	}
}

func (u *underWay) end() (understudy.DatabaseCopy, error) {
	err := u.group.Wait()
	return u.got, err
}

func TestCopy_EndsWithItsContext(t *testing.T) {
	t.Parallel()
	spec, source, _ := pair(t, manyRows)
	reached, release := halfWay(t, &spec)
	ctx, cancel := context.WithCancel(t.Context())
	var copying errgroup.Group
	copying.Go(func() error {
		_, err := logical.Copy(ctx, spec)
		return err
	})
	<-reached
	cancel()
	release()
	if err := copying.Wait(); err == nil || !strings.Contains(err.Error(), "cancel") {
		t.Errorf("the copy ended with %v", err)
	}
	untilYes(t, source, `SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'understudy copy%'`)
}

func TestCopy_ReportsProgressOneAtATime(t *testing.T) {
	t.Parallel()
	spec, _, _ := pair(t, manyRows)
	var reports []logical.Progress
	spec.Progress = func(p logical.Progress) { reports = append(reports, p) } // the race detector watches
	copied(t, spec)
	last := reports[len(reports)-1]
	if last.TablesDone != 2 || last.Tables != 2 || last.RowsAll != 20001 || last.BytesAll == 0 || last.Share != 1 || last.Phase != logical.PhaseStatistics {
		t.Errorf("the last report is %+v", last)
	}
	var phases []logical.Phase
	for _, p := range reports {
		phases = append(phases, p.Phase)
	}
	want := []logical.Phase{logical.PhaseRows, logical.PhaseIndexes, logical.PhaseConstraints, logical.PhaseStatistics}
	if diff := cmp.Diff(want, slices.Compact(phases)); diff != "" {
		t.Errorf("the phases: %s", diff)
	}
}

func TestCopy_NamesToolsThatDoNotFit(t *testing.T) {
	t.Parallel()
	spec, _, _ := pair(t, `CREATE TABLE a (b text)`)
	spec.Bin = t.TempDir()
	_, err := logical.Copy(t.Context(), spec)
	postgrestest.Refused(t, err, understudy.KindUnavailable, "pg_dump", "install")
	script := "#!/bin/sh\necho 'pg_dump (PostgreSQL) 11.22'\n"
	syscall.ForkLock.RLock() // a program that is started meanwhile would have it open for a moment, so that it could not be executed
	err = os.WriteFile(filepath.Join(spec.Bin, "pg_dump"), []byte(script), 0o755)
	syscall.ForkLock.RUnlock()
	if err != nil {
		t.Fatal(err)
	}
	_, err = logical.Copy(t.Context(), spec)
	postgrestest.Refused(t, err, understudy.KindUnavailable, "pg_dump in "+spec.Bin+" is version 11", "the source is PostgreSQL")
}

func TestCopy_AnAddressThatLeadsNowhereShowsNoPassword(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"postgres://app:hidden@127.0.0.1:1/db", "postgres://app:hidden@127.0.0.1:x/db", "postgres://app:hid%den@h/db"} {
		_, err := logical.Copy(t.Context(), logical.Spec{Source: address, Masks: noMasks})
		if err == nil || strings.Contains(err.Error()+understudy.HintOf(err), "hid") {
			t.Errorf("got %v; expected an error without the password", err)
		}
	}
}

func TestCopy_SeveralAtOnceIntoOneCluster(t *testing.T) {
	t.Parallel()
	c, from := postgrestest.Database(t)
	source := postgrestest.Connected(t, c.AdminURL(from))
	postgrestest.Runs(t, source, `CREATE ROLE shared_owner LOGIN; ALTER ROLE shared_owner SET work_mem = '5MB'; ALTER ROLE shared_owner SET app.token = 'theirs'; CREATE TABLE a (b int); ALTER TABLE a OWNER TO shared_owner; INSERT INTO a VALUES (1)`)
	t.Cleanup(func() { runsAfter(t, c.AdminURL(from), `DROP OWNED BY shared_owner; DROP ROLE shared_owner`) })
	var copies errgroup.Group
	for range 3 {
		_, to := postgrestest.Database(t)
		t.Cleanup(func() { runsAfter(t, c.AdminURL(to), `DROP OWNED BY shared_owner`) })
		copies.Go(func() error {
			_, err := logical.Copy(t.Context(), logical.Spec{Source: c.AdminURL(from), Target: c.AdminURL(to), Bin: postgrestest.Bin(t), Masks: noMasks})
			return err
		})
	}
	if err := copies.Wait(); err != nil {
		t.Error(err)
	}
	const want = "{work_mem=5MB,app.token=theirs}" // the cluster is production's, too
	if got := postgrestest.Answer(t, source, `SELECT rolconfig::text FROM pg_roles WHERE rolname = 'shared_owner'`); got != want {
		t.Errorf("a copy into production's own server leaves its role with %s; expected %s", got, want)
	}
}

// runsAfter runs a statement when the test is over.
func runsAfter(t *testing.T, url, statement string) {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), url)
	if err == nil {
		_, err = conn.Exec(context.Background(), statement)
		conn.Close(context.Background())
	}
	if err != nil {
		t.Errorf("%s: %v", statement, err)
	}
}
