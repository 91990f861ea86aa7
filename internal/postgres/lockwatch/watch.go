package lockwatch

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"understudy/internal/postgres"

	"github.com/jackc/pgx/v5"

	"understudy"
)

// Spec says what to watch. A session of the watched database is the migration's when
// it has the application name and the role given; one that is empty does not matter, and
// at least one is needed. Give the migration an application name of its own where the
// application uses the same role.
type Spec struct {
	AdminURL        string // of a superuser, for a database other than the watched one: "postgres"
	Database        string
	ApplicationName string
	Role            string
	Every           time.Duration // between looks; 0: 10 ms
}

// Watch looks at what a migration does to a database, several times each 100 ms, from
// another database, so that it holds nothing there and waits for nothing there.
//
// It sees what lasts: a lock that is held for less than the time between two looks may go
// unseen, and durations are lower bounds by as much. [Observation] says so.
type Watch struct {
	spec     Spec
	conn     *pgx.Conn // the sampler's until it is done, then Stop's
	database uint32
	before   catalog
	bytes    int64
	wal      walReader
	tally    *tally
	looks    atomic.Int64
	stop     chan struct{}
	stopping sync.Once
	done     chan struct{}
	broken   error // why sampling ended early; read after done
}

// Observation is what was seen between Start and Stop.
type Observation struct {
	Locks          []Lock    // taken by the migration; the strongest first, then the longest
	Blocked        []Blocked // who waited for it; the longest first
	WAL            int64     // bytes of write-ahead log, of everybody in the cluster
	BytesBefore    int64     // size of the database
	BytesPeak      int64     // the largest seen
	BytesAfter     int64
	Rewritten      []Rewrite     // what existed before and has new files
	InvalidIndexes []string      // invalid now and not before
	LostStatistics []string      // columns the planner knew before and does not know now
	ExclusiveByWAL []string      // relations from before that anybody locked AccessExclusive: exact, also when it was rolled back
	WALRead        bool          // ExclusiveByWAL could be read
	Samples        int           // looks taken
	Gap            time.Duration // longest time between two looks
	Exact          bool          // false: locks and durations are samples
	Notes          []string      // what could not be looked at, and why
}

// Lock is a relation lock that the migration held or waited for.
type Lock struct {
	Relation  string // schema.table, by the name it had before if it existed
	Kind      string // "table", "index", "materialized view", …
	New       bool   // made by the migration
	Mode      string // "AccessExclusiveLock"
	Held      time.Duration
	Waited    time.Duration
	Times     int    // transactions that were seen to hold it
	Statement string // the migration's, when it was held (or waited for) longest; literals taken out
}

// Blocked is sessions that waited for the migration, or in the queue behind it.
type Blocked struct {
	Role        string
	Application string
	Relation    string // empty where the system does not tell
	Mode        string // wanted; "row" for a row that the migration has changed
	Statement   string // theirs, literals taken out
	By          string // the migration's statement at that time, literals taken out
	Times       int    // waits
	Longest     time.Duration
	Total       time.Duration
}

// Rewrite is a relation whose file was replaced by a new one.
type Rewrite struct {
	Relation string
	Kind     string
	Bytes    int64 // of the new file
	Rows     int64 // as the planner estimates them; 0: unknown
}

// Start begins to look. The caller ends it with Stop; when ctx ends before, looking
// ends, and Stop says so.
func Start(ctx context.Context, spec Spec) (*Watch, error) {
	if spec.Database == "" || spec.ApplicationName == "" && spec.Role == "" {
		return nil, understudy.Errorf(understudy.KindInvalid,
			"watching a migration: it needs the database, and the application name or the role of the migration's sessions")
	}
	if spec.Every <= 0 {
		spec.Every = 10 * time.Millisecond
	}
	w := &Watch{spec: spec, stop: make(chan struct{}), done: make(chan struct{})}
	if err := w.open(ctx); err != nil {
		if w.conn != nil {
			err = errors.Join(err, w.conn.Close(context.WithoutCancel(ctx)))
		}
		return nil, postgres.ReadError("watching database "+spec.Database, err)
	}
	go w.run(ctx)
	return w, nil
}

func (w *Watch) open(ctx context.Context) (err error) {
	if w.conn, err = dialWatch(ctx, w.spec.AdminURL, ""); err != nil {
		return err
	}
	if w.conn.Config().Database == w.spec.Database {
		return understudy.Errorf(understudy.KindInvalid, "watching database %s: it is watched from another database, not from itself", w.spec.Database)
	}
	err = w.conn.QueryRow(ctx, "SELECT oid, pg_database_size(oid) FROM pg_database WHERE datname = $1", w.spec.Database).Scan(&w.database, &w.bytes)
	if errors.Is(err, pgx.ErrNoRows) {
		return understudy.Errorf(understudy.KindNotFound, "watching database %s: there is none of that name", w.spec.Database)
	}
	if err != nil {
		return err
	}
	if w.before, err = w.readCatalog(ctx); err != nil {
		return err
	}
	if w.wal, err = openWAL(ctx, w.conn); err != nil {
		return err
	}
	w.tally = newTally(w.bytes)
	return w.sample(ctx)
}

// dialWatch opens a connection that gives up on locks rather than wait for the migration.
func dialWatch(ctx context.Context, address, database string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return nil, err
	}
	if database != "" {
		config.Database = database
	}
	config.RuntimeParams["application_name"] = "understudy watch"
	config.RuntimeParams["lock_timeout"] = "2s"
	config.RuntimeParams["statement_timeout"] = "60s"
	config.RuntimeParams["synchronous_commit"] = "local"
	return pgx.ConnectConfig(ctx, config)
}

func (w *Watch) run(ctx context.Context) {
	defer close(w.done)
	tick := time.NewTicker(w.spec.Every)
	defer tick.Stop()
	for {
		select {
		case <-w.stop:
			w.broken = w.sample(ctx)
			return
		case <-ctx.Done():
			w.broken = errors.Join(ctx.Err(), w.conn.Close(context.WithoutCancel(ctx)))
			return
		case <-tick.C:
		}
		if w.broken = w.sample(ctx); w.broken != nil {
			return
		}
	}
}

// Stop ends the watch and says what was seen. It is called once, after the migration has
// ended. With an error, what is there of the observation is not the whole.
func (w *Watch) Stop(ctx context.Context) (Observation, error) {
	first := false
	w.stopping.Do(func() { first = true; close(w.stop) })
	if !first {
		return Observation{}, understudy.Errorf(understudy.KindConflict, "ending the watch of database %s: it has ended already", w.spec.Database)
	}
	<-w.done
	defer w.conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing hangs on it any more
	var seen Observation
	err := w.broken
	if err == nil {
		err = w.conclude(ctx, &seen)
	}
	if err != nil {
		return seen, postgres.ReadError("watching database "+w.spec.Database, err)
	}
	return seen, nil
}

func (w *Watch) conclude(ctx context.Context, seen *Observation) error {
	after, err := w.readCatalog(ctx)
	if err != nil {
		return err
	}
	seen.BytesBefore, seen.Samples = w.bytes, int(w.looks.Load())
	if seen.BytesAfter, err = databaseSize(ctx, w.conn, w.database); err != nil {
		return err
	}
	w.tally.bytes(seen.BytesAfter)
	w.tally.report(seen, names{w.before, after})
	seen.InvalidIndexes = newlyInvalid(w.before, after)
	seen.LostStatistics = lostStatistics(w.before, after)
	if seen.Rewritten, err = w.rewritten(ctx, after); err != nil {
		return err
	}
	return w.wal.read(ctx, w.conn, w.database, names{w.before, after}, seen)
}
