package lockwatch

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"understudy/internal/postgres"
	"understudy/internal/postgres/commitgate"
	"understudy/internal/postgres/serverlog"
	"understudy/internal/postgres/wal"
	"understudy/internal/yield"

	"github.com/jackc/pgx/v5"

	"understudy"
)

// Spec says what to watch. A session of the watched database is the migration's when
// it has the application name and the role given; one that is empty does not matter, and
// at least one is needed. Give the migration an application name of its own where the
// application uses the same role.
type Spec struct {
	AdminURL        string // of a superuser, for a database other than the watched ones: "postgres"
	Database        string
	Others          []string // databases of the same server that are watched with it
	ApplicationName string
	Role            string
	Every           time.Duration // between looks; 0: 10 ms
	LogFile         string        // the server's own log, as [serverlog] reads it; empty: waits are sampled
	// Gate holds each commit of the migration until its locks have been read, for as long as that takes, and
	// reads the write-ahead log. Only for a private server on this machine; the migration's
	// sessions have to run with synchronous_commit = remote_apply.
	Gate bool
}

// Watch looks at what a migration does to a database, or several, several times each 100 ms, from
// another database, so that it holds nothing there and waits for nothing there. What lasts
// shorter than the time between two looks it sees by the gate and in the logs.
type Watch struct {
	spec   Spec
	conn   *pgx.Conn // the sampler's until it is done, then Stop's
	holder *pgx.Conn // the gate's
	role   uint32    // the number of Spec.Role; 0: any
	gate   *commitgate.Gate
	looks  atomic.Int64
	views  []*view // of each database, the first first

	mutex   sync.Mutex // holds the one below, and what views have seen
	missing bool       // a commit was held whose session could not be told

	stop     chan struct{}
	stopping sync.Once
	done     chan struct{}
	broken   error // why sampling ended early; read after done
}

// Start begins to watch. The caller stops the watch; when ctx ends, it stops by itself and
// what was seen is lost.
func Start(ctx context.Context, spec Spec) (*Watch, error) {
	if spec.ApplicationName == "" && spec.Role == "" {
		return nil, understudy.Errorf(understudy.KindInvalid, "watching database %s: nobody to watch", spec.Database).
			WithHint("give the application name or the role of the migration's sessions")
	}
	if spec.Every <= 0 {
		spec.Every = 10 * time.Millisecond
	}
	w := &Watch{spec: spec, stop: make(chan struct{}), done: make(chan struct{})}
	if err := w.open(ctx); err != nil {
		w.release(ctx)
		return nil, postgres.ReadError("watching database "+spec.Database, err)
	}
	go w.run(ctx)
	return w, nil
}

func (w *Watch) open(ctx context.Context) (err error) {
	if w.conn, err = dialWatch(ctx, w.spec.AdminURL, ""); err != nil {
		return err
	}
	if w.spec.Role != "" { // of a role that does not exist yet, no session is seen
		if err := w.conn.QueryRow(ctx, "SELECT coalesce((SELECT oid FROM pg_roles WHERE rolname = $1), 1)", w.spec.Role).Scan(&w.role); err != nil {
			return err
		}
	}
	for _, name := range append([]string{w.spec.Database}, w.spec.Others...) {
		v := &view{Watch: w, name: name}
		w.views = append(w.views, v)
		if err := v.open(ctx); err != nil {
			return err
		}
	}
	if w.spec.Gate {
		if err := w.openGate(ctx); err != nil {
			return err
		}
	}
	return w.sample(ctx)
}

func (w *Watch) openGate(ctx context.Context) (err error) {
	if w.holder, err = dialWatch(ctx, w.spec.AdminURL, ""); err != nil {
		return err
	}
	w.gate, err = commitgate.Open(ctx, commitgate.Spec{URL: w.spec.AdminURL, Record: w.record, Hold: w.hold})
	return err
}

func (w *Watch) record(r *wal.Record) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	for _, v := range w.views {
		v.ledger.record(r)
	}
}

// hold looks at the locks of the transactions whose commits are held, in the database of each.
func (w *Watch) hold(ctx context.Context, ends []wal.Outcome) (err error) {
	for _, v := range w.views {
		if ends, err = v.hold(ctx, ends); err != nil || len(ends) == 0 {
			return err
		}
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.missing = true
	return nil
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
	config.RuntimeParams["plan_cache_mode"] = "force_generic_plan" // what is asked again and again is planned once
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Exec(ctx, postgres.KeepMemory); err != nil {
		return nil, errors.Join(err, conn.Close(context.WithoutCancel(ctx)))
	}
	return conn, nil
}

// logEvery is how many looks go by between two at the server's log.
const logEvery = 5

func (w *Watch) run(ctx context.Context) {
	defer close(w.done)
	pause := time.NewTimer(w.spec.Every)
	defer pause.Stop()
	loud := w.sessions()
	calm := calm{length: w.logSize}
	for round := 1; ; {
		loud = slices.DeleteFunc(loud, yield.Behind)
		select {
		case <-w.stop:
			w.broken = w.sample(ctx)
			return
		case <-ctx.Done():
			w.broken = ctx.Err()
			w.release(ctx)
			return
		case <-pause.C:
		}
		if calm.lasts(time.Now()) {
			pause.Reset(listens)
			continue
		}
		began := time.Now()
		if w.broken = w.sample(ctx); w.broken != nil {
			return
		}
		if round%logEvery == 0 {
			w.readLog(false)
		}
		round++
		resting := rest(w.spec, time.Since(began))
		calm.begin(time.Now(), w.still(), resting)
		pause.Reset(resting)
	}
}

// listens is the time between two looks at how long the server's log is.
const listens = 10 * time.Millisecond

// still tells that what is seen of locks is exact, and the last look found none.
func (w *Watch) still() bool {
	return w.spec.Gate && !slices.ContainsFunc(w.views, func(v *view) bool { return v.likely })
}

func (w *Watch) logSize() int64 {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.views[0].log.size() // of the server
}

// sessions are the processes of a private server that look for us, and not for the application.
func (w *Watch) sessions() []int {
	if !w.spec.Gate {
		return nil
	}
	return []int{int(w.conn.PgConn().PID()), int(w.holder.PgConn().PID())}
}

const (
	restful  = 9                     // times as long as a look took
	restMost = 50 * time.Millisecond // and not longer
)

// rest is how long the server is let be after a look. Where commits are held, what is exact
// comes from there and from the logs; so looking takes a tenth of the time at most, on a
// server that is too busy to answer soon, until the looks are too far apart.
func rest(spec Spec, took time.Duration) time.Duration {
	pause := max(spec.Every-took, 0)
	if spec.Gate {
		pause = max(pause, min(restful*took, restMost))
	}
	return pause
}

// sample takes one look at each database.
func (w *Watch) sample(ctx context.Context) error {
	for _, v := range w.views {
		if err := v.sample(ctx); err != nil {
			return err
		}
	}
	w.looks.Add(1)
	return nil
}

func (w *Watch) readLog(ended bool) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	for _, v := range w.views {
		v.log.read(ended, v.tally, v.name)
	}
}

// release lets go of everything that is held at the server.
func (w *Watch) release(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	if w.gate != nil {
		_, _ = w.gate.Close(ctx) // what it would tell is not asked for any more
		w.gate = nil
	}
	for _, conn := range []*pgx.Conn{w.holder, w.conn} {
		if conn != nil {
			_ = conn.Close(ctx) // the server ends the session either way
		}
	}
	for _, v := range w.views {
		if v.log != nil {
			v.log.close()
		}
	}
}

// Stop ends the watch and says what was seen, of databases after the first as what was seen
// elsewhere. It is called once, after the migration has ended. With an error, what is there of
// the observation is not the whole.
func (w *Watch) Stop(ctx context.Context) (understudy.Observation, error) {
	first := false
	w.stopping.Do(func() { first = true; close(w.stop) })
	if !first {
		return understudy.Observation{}, understudy.Errorf(understudy.KindConflict, "ending the watch of database %s: it has ended already", w.spec.Database)
	}
	<-w.done
	defer w.release(ctx)
	all, err := make([]understudy.Observation, len(w.views)), w.broken
	if err == nil {
		err = w.conclude(ctx, all)
	}
	all[0].Elsewhere = all[1:]
	if err != nil {
		return all[0], postgres.ReadError("watching database "+w.spec.Database, err)
	}
	return all[0], nil
}

func (w *Watch) conclude(ctx context.Context, all []understudy.Observation) error {
	exact, notes, err := w.endGate(ctx)
	if err != nil {
		return err
	}
	w.readLog(true)
	for i, v := range w.views {
		all[i] = v.told()
		all[i].Exact, all[i].Notes = exact, slices.Clone(notes)
		if err := v.conclude(ctx, &all[i]); err != nil {
			return err
		}
	}
	return nil
}

// endGate ends the reading of the write-ahead log, and says what is exact by it. What could
// not be seen is a note.
func (w *Watch) endGate(ctx context.Context) (exact understudy.Exactness, notes []string, err error) {
	if w.gate == nil {
		return exact, nil, nil
	}
	report, err := w.gate.Close(ctx)
	w.gate = nil
	if err != nil {
		return exact, nil, err
	}
	exact.Locks, exact.Exclusive, exact.Writes = report.Held && !w.missing, report.Read, report.Read
	notes = report.Notes
	if w.missing {
		notes = append(notes, "a commit was held whose session could not be told: it was cancelled meanwhile, or goes by another name than the migration's")
	}
	return exact, notes, nil
}

// Errors are the errors that the server gave to sessions of a database in a time, from its
// log: by kind, without values, without those of the migration.
func Errors(logFile string, from, to time.Time, database string) ([]understudy.ObservedError, error) {
	return serverlog.ErrorsBetween(logFile, from, to, database, MigrationName)
}

// MigrationName is what the sessions of migrations are known by at servers.
const MigrationName = "understudy-migration"
