package postgres

import (
	"cmp"
	"context"
	"errors"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"understudy"
)

// Moment is one consistent view of a database, shared by several connections: the
// transaction that exported it stays open until close.
type Moment struct {
	URL      string
	Name     string // application_name of every connection, by which they are found again
	Snapshot string
	// Pace, if not nil, is waited on by who reads whole tables, before so many bytes of
	// them: it spares the server. It may be called from several goroutines.
	Pace func(ctx context.Context, bytes int) error
	conn *pgx.Conn
	Tx   pgx.Tx
}

// OpenMoment fixes the view. The caller closes it.
func OpenMoment(ctx context.Context, url, name string) (*Moment, error) {
	return beginMoment(ctx, url, name, func(m *Moment) error { return m.export(ctx) })
}

// JoinMoment takes over a view that another session has exported and still holds, such as
// that of a replication slot in its making; afterwards that session may end. The caller
// closes it.
func JoinMoment(ctx context.Context, url, name, snapshot string) (*Moment, error) {
	return beginMoment(ctx, url, name, func(m *Moment) error {
		m.Snapshot = snapshot
		if err := m.adopt(ctx, m.Tx); err != nil {
			return err
		}
		return m.export(ctx)
	})
}

func beginMoment(ctx context.Context, url, name string, fix func(*Moment) error) (*Moment, error) {
	conn, err := OpenReader(ctx, url, name)
	if err != nil {
		return nil, err
	}
	m := &Moment{URL: url, Name: name, conn: conn}
	m.Tx, err = conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err == nil {
		err = fix(m) // before any other statement: a view can be shared by a fresh transaction only
	}
	if err == nil {
		err = m.pin(ctx, m.Tx, ReaderStatementTimeout)
	}
	if err != nil {
		m.Close(ctx)
		return nil, ReadError("fixing one view of the data", err)
	}
	return m, nil
}

func (m *Moment) export(ctx context.Context) error {
	return m.Tx.QueryRow(ctx, `SELECT pg_export_snapshot()`).Scan(&m.Snapshot)
}

func (m *Moment) adopt(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, "SET TRANSACTION SNAPSHOT "+QuoteText(m.Snapshot))
	return err
}

// Near tells whether the server is on this machine, as far as the connection to it shows.
func (m *Moment) Near() bool {
	conn := m.conn.PgConn().Conn()
	return near(conn.LocalAddr(), conn.RemoteAddr())
}

func near(local, remote net.Addr) bool {
	to, tcp := remote.(*net.TCPAddr)
	if !tcp {
		return true // a socket in the file system
	}
	from, tcp := local.(*net.TCPAddr)
	return to.IP.IsLoopback() || tcp && from.IP.Equal(to.IP)
}

// Close lets go of the view, and ends its session.
func (m *Moment) Close(ctx context.Context) { CloseConn(ctx, m.conn) }

// Join runs act on a connection of its own that sees the moment. Its statements may take
// as long as they need: whole tables are read there.
func (m *Moment) Join(ctx context.Context, act func(pgx.Tx) error) error {
	conn, err := OpenReader(ctx, m.URL, m.Name)
	if err != nil {
		return err
	}
	defer CloseConn(ctx, conn)
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return ReadError("joining the view of the data", err)
	}
	defer Rollback(ctx, tx)
	if err := m.adopt(ctx, tx); err != nil {
		return joinError(err)
	}
	if err := m.pin(ctx, tx, 0); err != nil {
		return err
	}
	return act(tx)
}

// ErrMomentGone says that the session that held a view of the data has ended, and the
// view with it: nobody can join it any more.
var ErrMomentGone = errors.New("the session that held it has ended")

func joinError(err error) error {
	if answer := new(pgconn.PgError); errors.As(err, &answer) && (answer.Code == "22023" || answer.Code == "42704") {
		return understudy.Errorf(understudy.KindUnavailable, "joining the view of the data: %w", ErrMomentGone).
			WithHint("the server was restarted, or somebody ended its sessions; begin again")
	}
	return ReadError("joining the view of the data", err)
}

// pin fixes a session's settings. A database that does not know the encoding of its texts
// gives them as they are: they may be in several.
func (m *Moment) pin(ctx context.Context, tx pgx.Tx, statement time.Duration) error {
	if err := pinSession(ctx, tx, statement, ReaderLockTimeout); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `SELECT set_config('client_encoding', 'SQL_ASCII', true) WHERE current_setting('server_encoding') = 'SQL_ASCII'`)
	if err != nil {
		return ReadError("fixing the session's settings", err)
	}
	return nil
}

// PID is the number of the process on the server that holds the view. With it, the view
// is gone.
func (m *Moment) PID() uint32 { return m.conn.PgConn().PID() }

// OpenReader connects under an application name. Errors name the place, never the password.
func OpenReader(ctx context.Context, url, name string) (*pgx.Conn, error) {
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
		var refused *net.OpError
		if errors.As(err, &refused) && ctx.Err() == nil { // the driver lists every address that it has tried
			return nil, understudy.Errorf(understudy.KindUnavailable, "connecting to database %s at %s as %s: %w", config.Database, where, config.User, refused.Err).
				WithHint("see that the server runs, and that it listens there")
		}
		return nil, ReadError("connecting to database "+config.Database+" at "+where+" as "+config.User, err)
	}
	return conn, nil
}

// CloseConn ends a session, also when ctx has ended already.
func CloseConn(ctx context.Context, conn *pgx.Conn) {
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), closingTime)
	defer cancel()
	_ = conn.Close(ending) // the server ends the session either way
}

// BiggestFirst is the order in which tables are worked on, as indexes: the big ones
// first, so that none of them starts when the others are done.
func BiggestFirst[T any](tables []T, bytes func(T) int64) []int {
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

// closingTime bounds what is done to end a session or a program after the work is over.
const closingTime = 5 * time.Second

// ReadOnly runs act in a transaction that writes nothing and is rolled back.
func ReadOnly(ctx context.Context, conn *pgx.Conn, act func(pgx.Tx) error) error {
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{AccessMode: pgx.ReadOnly})
	if err != nil {
		return ReadError("reading", err)
	}
	defer Rollback(ctx, tx)
	return act(tx)
}

// Attempt runs act inside a transaction, so that its error leaves the transaction usable.
func Attempt(ctx context.Context, tx pgx.Tx, act func(pgx.Tx) error) error {
	inner, err := tx.Begin(ctx)
	if err != nil {
		return ReadError("setting a mark", err)
	}
	return errors.Join(act(inner), inner.Rollback(ctx))
}
