package lockwatch

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"understudy/internal/postgres/postgrestest"
)

// afterFirst acts once a connection's first batch is answered.
type afterFirst struct{ act func() }

func (a *afterFirst) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return ctx
}

func (a *afterFirst) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

func (a *afterFirst) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {
	if act := a.act; act != nil {
		a.act = nil
		act()
	}
}

// TraceQueryStart and TraceQueryEnd make it a tracer.
func (a *afterFirst) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}

func (a *afterFirst) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func TestLook_ShowsALockWithTheStatementThatTookIt(t *testing.T) {
	t.Parallel()
	server, name := postgrestest.Database(t)
	postgrestest.Exec(t, server, name, `CREATE TABLE one (id int); CREATE TABLE two (id int)`)
	mover := postgrestest.Connected(t, server.AdminURL(name))
	postgrestest.Runs(t, mover, `SET application_name = 'mover'`)
	var two uint32
	if err := mover.QueryRow(t.Context(), `SELECT 'two'::regclass::oid`).Scan(&two); err != nil {
		t.Fatal(err)
	}
	postgrestest.Runs(t, mover, `BEGIN`)
	postgrestest.Runs(t, mover, `LOCK TABLE one`)
	config, err := pgx.ParseConfig(server.AdminURL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	config.Tracer = &afterFirst{func() { postgrestest.Runs(t, mover, `LOCK TABLE two`) }} // it goes on meanwhile
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	v := &view{Watch: &Watch{spec: Spec{ApplicationName: "mover"}}}
	if err := conn.QueryRow(t.Context(), `SELECT oid FROM pg_database WHERE datname = $1`, name).Scan(&v.database); err != nil {
		t.Fatal(err)
	}
	seen, err := v.look(t.Context(), conn, false)
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, l := range seen.locks {
		if l.relation != two {
			continue
		}
		found = true
		if said := seen.sessions[l.pid].statement; said != `LOCK TABLE two` {
			t.Errorf("the lock is put down to %q", said)
		}
	}
	if !found {
		t.Errorf("the lock is not among %+v", seen.locks)
	}
}
