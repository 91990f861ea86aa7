package daemon_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"

	"understudy/internal/postgres/cluster"
)

// session connects to a database of an environment's server, until the test ends.
func (h *house) session(t *testing.T, environment, database string) *pgx.Conn {
	t.Helper()
	conn, err := h.server(t, environment).Connect(limited(t), database)
	check(t, err)
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) }) // the server may be gone
	return conn
}

// server is an environment's, as its superuser sees it.
func (h *house) server(t *testing.T, environment string) *cluster.Cluster {
	t.Helper()
	spec := cluster.Spec{
		Dir: h.state.Below("databases", environment), SocketDir: h.state.ServerSocket(environment), Log: h.state.Below("databases", environment+".log"),
	}
	if port, err := os.ReadFile(h.state.Below("databases", environment+".port")); err == nil { // a twin has none
		_, err := fmt.Sscan(string(port), &spec.Port)
		check(t, err)
	}
	return cluster.New(spec)
}

// answer asks a database of an environment's server for one value.
func (h *house) answer(t *testing.T, environment, database, query string) string {
	t.Helper()
	conn := h.session(t, environment, database)
	var said string
	check(t, conn.QueryRow(limited(t), query).Scan(&said))
	check(t, conn.Close(limited(t)))
	return said
}

// asAdmin runs statements in an environment's database as its superuser.
func (h *house) asAdmin(t *testing.T, environment, statements string) {
	t.Helper()
	conn := h.session(t, environment, "main")
	_, err := conn.Exec(limited(t), statements)
	check(t, errors.Join(err, conn.Close(limited(t))))
}
