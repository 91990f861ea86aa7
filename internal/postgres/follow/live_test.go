package follow_test

import (
	"bytes"
	"context"
	"fmt"
	"hash/crc32"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres"
	"understudy/internal/postgres/follow"
	"understudy/internal/postgres/postgrestest"
	"understudy/internal/postgres/replication"
)

// production is a running server that decodes its log.
func production(t testing.TB) *postgrestest.Server {
	t.Helper()
	spec := postgrestest.Spec(postgrestest.Folder(t), 0)
	spec.Settings["wal_level"] = "logical"
	spec.Settings["max_replication_slots"], spec.Settings["max_wal_senders"] = "40", "40"
	spec.Settings["wal_writer_delay"] = "10ms"
	return postgrestest.Started(t, spec)
}

// live is a production, its twin, and what follows.
type live struct {
	t              testing.TB
	spec           follow.Spec
	source, target *pgx.Conn
	follower       *follow.Follower
	stop           context.CancelFunc
	ended          chan error
}

func noMasks(string, []understudy.Column) (understudy.TableMasks, error) {
	return understudy.TableMasks{}, nil
}

// laid makes a production with a content, and an empty database for its twin.
func laid(t testing.TB, from, to *postgrestest.Server, fill string) *live {
	t.Helper()
	name := fmt.Sprintf("live_%08x", crc32.ChecksumIEEE([]byte(t.Name())))
	for _, made := range []struct {
		server   *postgrestest.Server
		database string
	}{{from, name}, {to, name + "_twin"}} {
		if _, err := made.server.EnsureDatabase(t.Context(), made.database, "", nil); err != nil {
			t.Fatal(err)
		}
	}
	l := &live{t: t, spec: follow.Spec{
		Source: from.AdminURL(name), Target: to.AdminURL(name + "_twin"), Masks: noMasks, Name: name, Publish: true,
	}}
	l.source, l.target = postgrestest.Connected(t, l.spec.Source), postgrestest.Connected(t, l.spec.Target)
	postgrestest.Runs(t, l.source, fill)
	return l
}

// copied makes the first copy and joins the stream to it.
func (l *live) copied() {
	l.t.Helper()
	prepared, err := follow.Prepare(l.t.Context(), l.spec)
	if err != nil {
		l.t.Fatalf("preparing: %v (hint: %s)", err, understudy.HintOf(err))
	}
	l.load(prepared.Snapshot)
	if err := prepared.Joined(l.t.Context()); err != nil {
		l.t.Fatalf("joining: %v", err)
	}
	if err := prepared.Close(l.t.Context()); err != nil {
		l.t.Fatal(err)
	}
}

// load copies a snapshot without masks.
func (l *live) load(snapshot string) {
	l.t.Helper()
	var dump bytes.Buffer
	from := postgres.Tool{Bin: postgrestest.Bin(l.t), Name: "pg_dump", URL: l.spec.Source, Args: []string{"--snapshot=" + snapshot, "--no-publications"}}
	if err := from.Run(l.t.Context(), nil, &dump); err != nil {
		l.t.Fatal(err)
	}
	to := postgres.Tool{Bin: postgrestest.Bin(l.t), Name: "psql", URL: l.spec.Target, Args: []string{"-X", "-q", "-o", "/dev/null", "-v", "ON_ERROR_STOP=1"}}
	if err := to.Run(l.t.Context(), &dump, nil); err != nil {
		l.t.Fatal(err)
	}
}

// follows runs a new follower until the test ends or stops it.
func (l *live) follows() {
	l.t.Helper()
	follower, err := follow.New(l.spec)
	if err != nil {
		l.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- follower.Run(ctx)
		close(ended)
	}()
	l.follower, l.stop, l.ended = follower, cancel, ended
	l.t.Cleanup(func() {
		cancel()
		<-ended
	})
}

// halts ends the follower and waits for it.
func (l *live) halts() {
	l.t.Helper()
	l.stop()
	if err := <-l.ended; err != nil {
		l.t.Fatalf("following ended with %v", err)
	}
	postgrestest.Until(l.t, "production's end of the stream has ended too", func() bool {
		return postgrestest.Answer(l.t, l.source, `SELECT count(*)::text FROM pg_replication_slots WHERE active AND slot_name = 'understudy_`+l.spec.Name+`'`) == "0"
	})
}

// gaveUp is why the follower ended by itself.
func (l *live) gaveUp() error {
	l.t.Helper()
	select {
	case err := <-l.ended:
		if err == nil {
			l.t.Fatal("the follower ended, and says no reason")
		}
		return err
	case <-time.After(2 * time.Minute):
		l.t.Fatalf("the follower goes on: %+v", l.follower.Status())
		return nil
	}
}

// level waits until the twin has all that production has now.
func (l *live) level() {
	l.t.Helper()
	at, err := replication.ParseLSN(postgrestest.Answer(l.t, l.source, "SELECT pg_current_wal_lsn()::text"))
	if err != nil {
		l.t.Fatal(err)
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(2 * time.Minute)
	for l.follower.Status().Applied < at {
		select {
		case err := <-l.ended:
			l.t.Fatalf("the follower ended before it was level: %v (hint: %s)", err, understudy.HintOf(err))
		case <-late:
			l.t.Fatalf("waited too long for the twin to be at %s: %+v", at, l.follower.Status())
		case <-tick.C:
		}
	}
}

// equal holds every row of the twin to production's.
func (l *live) equal() {
	l.t.Helper()
	l.level()
	l.same()
}

// same compares without waiting.
func (l *live) same() {
	l.t.Helper()
	there, err := postgres.Print(l.t.Context(), l.spec.Source, 1)
	if err != nil {
		l.t.Fatal(err)
	}
	here, err := postgres.Print(l.t.Context(), l.spec.Target, 1)
	if err != nil {
		l.t.Fatal(err)
	}
	if changes := there.Diff(here); len(changes) > 0 {
		l.t.Errorf("the twin differs: %v", changes)
	}
	for table := range there { // whole rows, not only columns
		query := fmt.Sprintf(`SELECT sum(hashtextextended(t::text, 0))::text FROM %s t`, table)
		if a, b := postgrestest.Answer(l.t, l.source, query), postgrestest.Answer(l.t, l.target, query); a != b {
			l.t.Errorf("the rows of %s differ", table)
		}
	}
}

func (l *live) runs(statements ...string) {
	l.t.Helper()
	for _, s := range statements {
		postgrestest.Runs(l.t, l.source, s)
	}
}

// writers change the books of a bank on several connections until they are told to stop.
func (l *live) writers(n int) (stop func()) {
	l.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var writing sync.WaitGroup
	for i := range n {
		conn := postgrestest.Connected(l.t, l.source.Config().ConnString()) // past whatever stands before the follower
		writing.Add(1)
		go func() {
			defer writing.Done()
			for k := 0; ctx.Err() == nil; k++ {
				_, err := conn.Exec(context.Background(), fmt.Sprintf(`BEGIN; UPDATE accounts SET money = money - 1, seen = now() WHERE id = %d;
					UPDATE accounts SET money = money + 1 WHERE id = %d; INSERT INTO transfers (amount, note) VALUES (1, repeat(md5('%d'), 1 + %d)); COMMIT`,
					1+(k*7+i)%100, 1+(k*13+i*3)%100, k, k%200))
				if err != nil {
					_, err = conn.Exec(context.Background(), "ROLLBACK") // two writers in each other's way
				}
				if k%10 == 0 && err == nil {
					_, err = conn.Exec(context.Background(), `DELETE FROM transfers WHERE id = (SELECT min(id) FROM transfers)`)
				}
				if err != nil {
					return
				}
			}
		}()
	}
	return func() { cancel(); writing.Wait() }
}

const bank = `CREATE TABLE accounts (id int PRIMARY KEY, money bigint NOT NULL, seen timestamptz); INSERT INTO accounts SELECT i, 1000 FROM generate_series(1, 100) i;
	CREATE TABLE transfers (id bigserial PRIMARY KEY, amount bigint NOT NULL, note text)`
