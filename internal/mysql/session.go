package mysql

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	driver "github.com/go-sql-driver/mysql"

	"understudy"
)

// session is one connection to a server. All its statements see text as utf8mb4, times
// as UTC, and the SQL of no special mode.
type session struct {
	address
	pool *sql.DB
	conn *sql.Conn
	id   int64 // as the server counts connections
	server
}

// sessionMode keeps what production holds: a 0 in an AUTO_INCREMENT column, and dates
// that a stricter server would not take today. What does not fit is an error.
const sessionMode = "STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES,NO_ENGINE_SUBSTITUTION"

// connect opens a session; the caller closes it.
func connect(ctx context.Context, at address) (*session, error) {
	connector, err := driver.NewConnector(at.config)
	if err != nil { // its text may hold the address
		return nil, understudy.Errorf(understudy.KindInvalid, "the address of %s cannot be used", at.place)
	}
	s := &session{address: at, pool: sql.OpenDB(connector)}
	if err := s.begin(ctx); err != nil {
		s.close()
		return nil, readError("connecting to "+at.place, err)
	}
	return s, nil
}

func (s *session) begin(ctx context.Context) (err error) {
	if s.conn, err = s.answered(ctx); err != nil {
		return err
	}
	for _, statement := range []string{
		"SET SESSION sql_mode = '" + sessionMode + "', time_zone = '+00:00', sql_quote_show_create = 1, lock_wait_timeout = 10",
		"SET SESSION net_write_timeout = 3600, net_read_timeout = 3600, group_concat_max_len = 1048576",
	} {
		if _, err := s.conn.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	var version, comment string
	if err := s.conn.QueryRowContext(ctx, "SELECT CONNECTION_ID(), VERSION(), @@version_comment").Scan(&s.id, &version, &comment); err != nil {
		return err
	}
	s.server, err = parseServer(version)
	return err
}

// answered connects. The driver bounds only how long nobody may be there; who is there may be
// no such server, and wait for us to speak first.
func (s *session) answered(ctx context.Context) (*sql.Conn, error) {
	within, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	conn, err := s.pool.Conn(within)
	if err != nil && within.Err() != nil && ctx.Err() == nil {
		return nil, understudy.Errorf(understudy.KindUnavailable, "connecting to %s: there was no answer within %s", s.place, s.patience).
			WithHint("see that a server of MariaDB or MySQL listens there")
	}
	return conn, err
}

// close ends the session. The server rolls back what was open.
func (s *session) close() {
	if s.conn != nil {
		_ = s.conn.Close() // the pool's end is the connection's
	}
	_ = s.pool.Close()
}

func (s *session) exec(ctx context.Context, doing string, statements ...string) error {
	for _, statement := range statements {
		if _, err := s.conn.ExecContext(ctx, statement); err != nil {
			return readError(doing, err)
		}
	}
	return nil
}

// texts is a result as text, row by row; NULL is the empty text.
func (s *session) texts(ctx context.Context, doing, query string, args ...any) ([][]string, error) {
	_, rows, err := s.named(ctx, doing, query, args...)
	return rows, err
}

// named is texts with the names of the columns, in lower case.
func (s *session) named(ctx context.Context, doing, query string, args ...any) ([]string, [][]string, error) {
	rows, err := s.conn.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, nil, readError(doing, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, nil, readError(doing, err)
	}
	for i := range columns {
		columns[i] = strings.ToLower(columns[i])
	}
	var all [][]string
	for rows.Next() {
		values, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, nil, readError(doing, err)
		}
		row := make([]string, len(columns))
		for i, value := range values {
			row[i] = value.String
		}
		all = append(all, row)
	}
	if err := rows.Err(); err != nil {
		return nil, nil, readError(doing, err)
	}
	return columns, all, nil
}

// first is the first row of a result by column, nil if there is none.
func (s *session) first(ctx context.Context, doing, query string) (map[string]string, error) {
	columns, rows, err := s.named(ctx, doing, query)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	row := make(map[string]string, len(columns))
	for i, name := range columns {
		row[name] = rows[0][i]
	}
	return row, nil
}

func (s *session) number(ctx context.Context, doing, query string, args ...any) (n int64, err error) {
	err = s.conn.QueryRowContext(ctx, query, args...).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, readError(doing, err)
	}
	return n, nil
}

// quoted writes a name so that it is read as one.
func quoted(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// literal writes a text so that it is read as one, in the mode of our sessions.
func literal(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`, "\x00", `\0`).Replace(text) + "'"
}
