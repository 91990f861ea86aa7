package postgres

import (
	"cmp"
	"context"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"understudy"
)

// moment is one consistent view of a database, shared by several connections: the
// transaction that exported it stays open until close.
type moment struct {
	url      string
	name     string // application_name of every connection, by which they are found again
	snapshot string
	conn     *pgx.Conn
	tx       pgx.Tx
}

// openMoment fixes the view. The caller closes it.
func openMoment(ctx context.Context, url, name string) (*moment, error) {
	conn, err := openReader(ctx, url, name)
	if err != nil {
		return nil, err
	}
	m := &moment{url: url, name: name, conn: conn}
	m.tx, err = conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err == nil {
		err = pinSession(ctx, m.tx, readerStatementTimeout)
	}
	if err == nil {
		err = m.tx.QueryRow(ctx, `SELECT pg_export_snapshot()`).Scan(&m.snapshot)
	}
	if err != nil {
		m.close(ctx)
		return nil, readError("fixing one view of the data", err)
	}
	return m, nil
}

func (m *moment) close(ctx context.Context) { closeConn(ctx, m.conn) }

// join runs act on a connection of its own that sees the moment. Its statements may take
// as long as they need: whole tables are read there.
func (m *moment) join(ctx context.Context, act func(pgx.Tx) error) error {
	conn, err := openReader(ctx, m.url, m.name)
	if err != nil {
		return err
	}
	defer closeConn(ctx, conn)
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return readError("joining the view of the data", err)
	}
	defer rollback(ctx, tx)
	if _, err := tx.Exec(ctx, "SET TRANSACTION SNAPSHOT '"+m.snapshot+"'"); err != nil {
		return readError("joining the view of the data", err)
	}
	if err := pinSession(ctx, tx, 0); err != nil {
		return err
	}
	return act(tx)
}

func openReader(ctx context.Context, url, name string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil { // its text holds the address, and the password where it could not be parsed
		return nil, understudy.Errorf(understudy.KindInvalid, "the address of the database is not well formed").
			WithHint("write postgres://user@host:5432/database")
	}
	config.RuntimeParams["application_name"] = name
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = 10 * time.Second
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		where := net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port)))
		return nil, readError("connecting to database "+config.Database+" at "+where+" as "+config.User, err)
	}
	return conn, nil
}

func closeConn(ctx context.Context, conn *pgx.Conn) {
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), closingTime)
	defer cancel()
	_ = conn.Close(ending) // the server ends the session either way
}

// biggestFirst is the order in which tables are worked on, as indexes: the big ones
// first, so that none of them starts when the others are done.
func biggestFirst[T any](tables []T, bytes func(T) int64) []int {
	order := make([]int, len(tables))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(bytes(tables[b]), bytes(tables[a])) })
	return order
}

// number reads a count that the server wrote as text.
func number(text []byte) int64 {
	n, _ := strconv.ParseInt(string(text), 10, 64) // count(*) is always one
	return n
}
