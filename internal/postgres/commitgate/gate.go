package commitgate

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres"
	"understudy/internal/postgres/replication"
	"understudy/internal/postgres/wal"
)

// Spec describes a gate.
type Spec struct {
	// URL is the address of a superuser in a database where nothing is watched. The server
	// has to be on this machine, and its processes ours to signal.
	URL string
	// Record gets every record of the log from the opening on, in order. It is not to keep it.
	Record func(*wal.Record)
	// Hold is called with commits that are held, which it lets go by returning: all that
	// the next pieces of the log bring wait for it, so its context ends soon.
	Hold func(context.Context, []wal.Outcome) error
}

// Gate is one that is open. Both functions of its Spec are called from one goroutine.
type Gate struct {
	spec    Spec
	name    string
	control *pgx.Conn
	dog     *watchdog
	stream  *stream
	armed   bool
	notes   []string
}

// Report is what came of a gate.
type Report struct {
	// Held: every commit that takes part was held, from Open's return to Close's call.
	Held bool
	// Read: the log was read whole, from Begin to End.
	Read       bool
	Begin, End replication.LSN
	Notes      []string // why not
}

const (
	probing    = 10 * time.Second // how long the checkpointer may be busy before it is told
	nextTry    = 20 * time.Millisecond
	holdsAtAll = 500 * time.Millisecond // longest that commits are held
)

// Open begins to read the log and arms the gate. A gate that cannot be armed is none the
// less a reader of the log; its report says why.
func Open(ctx context.Context, spec Spec) (*Gate, error) {
	chance := make([]byte, 4)
	if _, err := rand.Read(chance); err != nil {
		return nil, err
	}
	g := &Gate{spec: spec, name: postgres.GateName + "_" + hex.EncodeToString(chance)}
	if err := g.open(ctx); err != nil {
		g.end(ctx)
		return nil, postgres.ReadError("opening the gate for commits", err)
	}
	if err := g.arm(ctx); err != nil {
		if ctx.Err() != nil {
			g.end(ctx)
			return nil, ctx.Err()
		}
		g.notes = append(g.notes, "commits were not held: "+postgres.ReadError("arming the gate", err).Error())
	}
	return g, nil
}

func (g *Gate) open(ctx context.Context) (err error) {
	if g.control, err = dial(ctx, g.spec.URL, "understudy gate", "local"); err != nil {
		return err
	}
	g.stream, err = openStream(ctx, g.control, g.spec, g.name)
	return err
}

// dial opens a session that no setting of the server or a role gets in the way of.
func dial(ctx context.Context, address, name, commit string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return nil, err
	}
	for setting, value := range map[string]string{
		"application_name": name, "synchronous_commit": commit, "plan_cache_mode": "force_generic_plan", "statement_timeout": "0", "lock_timeout": "0", "idle_in_transaction_session_timeout": "0",
	} {
		config.RuntimeParams[setting] = value
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	_, err = conn.Exec(ctx, `SELECT set_config(name, '0', false) FROM pg_settings WHERE name IN ('idle_session_timeout', 'transaction_timeout', 'client_connection_check_interval')`)
	if err == nil {
		_, err = conn.Exec(ctx, postgres.KeepMemory)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close(context.WithoutCancel(ctx)))
	}
	return conn, nil
}

// Close ends the gate once everything that was written before is read. It is called once.
func (g *Gate) Close(ctx context.Context) (Report, error) {
	report := Report{Begin: g.stream.begin, Notes: g.notes}
	g.stream.holds.Store(false)
	if g.armed {
		came, err := g.probe(ctx, time.Now().Add(probing), waited, passed)
		if err == nil && came == waited && g.stream.whole.Load() {
			report.Held = true
		} else {
			report.Notes = append(report.Notes, "not every commit was held: the gate was released while the migration ran, as the server was restarted, its configuration reloaded, or this program stopped for a second")
		}
	}
	err := g.readToEnd(ctx, &report)
	g.disarm(ctx)
	g.end(ctx)
	return report, err
}

// readToEnd waits until all that was written so far has been read.
func (g *Gate) readToEnd(ctx context.Context, report *Report) error {
	if g.control.IsClosed() {
		conn, err := dial(ctx, g.spec.URL, "understudy gate", "local")
		if err != nil {
			return err
		}
		g.control = conn
	}
	// What was written so far reaches the disk with the commit of a message of our own.
	if _, err := g.control.Exec(ctx, "SELECT pg_logical_emit_message(true, 'understudy', '')"); err != nil {
		return err
	}
	var end string
	if err := g.control.QueryRow(ctx, "SELECT pg_current_wal_flush_lsn()::text").Scan(&end); err != nil {
		return err
	}
	var err error
	if report.End, err = replication.ParseLSN(end); err != nil {
		return err
	}
	if err := g.stream.until(ctx, report.End); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		report.Notes = append(report.Notes, "the write-ahead log was not read to its end: "+err.Error())
		return nil
	}
	report.Read = true
	return nil
}

// end closes whatever is open. What it cannot reach any more, the watchdog ends.
func (g *Gate) end(ctx context.Context) {
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if g.stream != nil {
		g.stream.close()
	}
	if g.dog != nil {
		g.dog.close(ending)
	}
	if g.control != nil {
		_ = g.control.Close(ending) // the server ends the session either way
	}
}

// probed is what came of a commit of our own.
type probed int

const (
	unseen probed = iota // for as long as others may be held it was neither seen to wait nor back
	passed               // it came back by itself: nobody is held
	waited
)

// probe finds out by commits of its own whether commits are held, until what came of one is
// enough or the time has come.
func (g *Gate) probe(ctx context.Context, until time.Time, enough ...probed) (came probed, err error) {
	prober, err := dial(ctx, g.spec.URL, "understudy gate probe", "remote_apply")
	if err != nil {
		return unseen, err
	}
	defer prober.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing hangs on it any more
	for {
		if came, err = g.probeOnce(ctx, prober); err != nil || slices.Contains(enough, came) || !time.Now().Before(until) {
			return came, err
		}
		select {
		case <-time.After(nextTry):
		case <-ctx.Done():
			return unseen, ctx.Err()
		}
	}
}

// probeOnce lets nothing pass while a commit is made: it waits, or comes back.
func (g *Gate) probeOnce(ctx context.Context, prober *pgx.Conn) (came probed, err error) {
	g.stream.shut.Store(true)
	var open sync.Once
	letGo := func() { open.Do(func() { g.stream.shut.Store(false) }) }
	defer letGo()
	done := make(chan error, 1)
	go func() {
		_, err := prober.Exec(ctx, "SELECT pg_logical_emit_message(true, 'understudy', '')")
		done <- err
	}()
	limit := time.Now().Add(holdsAtAll)
	for {
		select {
		case err := <-done:
			return passed, err
		case <-time.After(2 * time.Millisecond):
		}
		var event string
		err := g.control.QueryRow(ctx, "SELECT coalesce(wait_event, '') FROM pg_stat_get_activity($1)", int32(prober.PgConn().PID())).Scan(&event)
		if errors.Is(err, pgx.ErrNoRows) {
			err = nil
		}
		if event == "SyncRep" {
			came = waited
		} else if err == nil && time.Now().Before(limit) {
			continue
		}
		letGo()
		return came, errors.Join(err, <-done)
	}
}

// errGone says that a server process is not there.
func errGone(what string) error {
	return understudy.Errorf(understudy.KindUnavailable, "the server shows no %s", what)
}
