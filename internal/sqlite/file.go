package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	driver "modernc.org/sqlite" // the engine, which registers itself as "sqlite"

	"understudy"
)

// busyPatience is how long, in milliseconds, a statement waits for a lock of somebody else.
const busyPatience = "5000"

// locate reads where a database is: a path, or sqlite:path, or sqlite:///path.
func locate(raw string) (string, error) {
	path := strings.TrimPrefix(strings.TrimPrefix(raw, "sqlite:"), "//")
	if path == "" || strings.Contains(path, "://") || strings.ContainsAny(path, "?\x00") {
		return "", understudy.Errorf(understudy.KindInvalid, "the address of the database is not well formed").WithHint("write the path of its file, or sqlite:///path/of/file")
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return "", understudy.Errorf(understudy.KindUnavailable, "finding %s: %w", path, err)
	}
	return absolute, nil
}

// present refuses a path at which there is no file to read.
func present(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return understudy.Errorf(understudy.KindNotFound, "opening database %s: there is no such file", path)
	case err != nil:
		return understudy.Errorf(understudy.KindUnavailable, "opening database %s: %w", path, err)
	case !info.Mode().IsRegular():
		return understudy.Errorf(understudy.KindInvalid, "opening database %s: it is no file", path)
	}
	return nil
}

// session is one connection.
type session struct {
	path string
	pool *sql.DB
	conn *sql.Conn
}

// uri is a file as SQLite is told of it, in a mode: ro, rw or rwc.
func uri(path, mode string) string {
	return (&url.URL{Scheme: "file", Path: path, RawQuery: "mode=" + mode}).String()
}

// open connects to a file; the caller closes it.
func open(ctx context.Context, path, mode string) (*session, error) {
	pool, err := sql.Open("sqlite", uri(path, mode)+"&_pragma=busy_timeout("+busyPatience+")")
	if err != nil {
		return nil, failed("opening database "+path, err)
	}
	s := &session{path: path, pool: pool}
	if s.conn, err = pool.Conn(ctx); err == nil {
		_, err = s.texts(ctx, "opening database "+path, "SELECT count(*) FROM sqlite_schema")
	}
	if err != nil {
		return nil, errors.Join(failed("opening database "+path, err), s.close())
	}
	return s, nil
}

// openReader connects to a database that is only read.
func openReader(ctx context.Context, raw string) (*session, error) {
	path, err := locate(raw)
	if err != nil {
		return nil, err
	}
	if err := present(path); err != nil {
		return nil, err
	}
	return open(ctx, path, "ro")
}

func (s *session) close() error {
	var err error
	if s.conn != nil {
		err = s.conn.Close()
	}
	if err := errors.Join(err, s.pool.Close()); err != nil {
		return failed("closing database "+s.path, err)
	}
	return nil
}

func (s *session) exec(ctx context.Context, doing string, statements ...string) error {
	for _, statement := range statements {
		if _, err := s.conn.ExecContext(ctx, statement); err != nil {
			return failed(doing, err)
		}
	}
	return nil
}

// texts is a result as text, row by row; NULL is the empty text.
func (s *session) texts(ctx context.Context, doing, query string, args ...any) ([][]string, error) {
	rows, err := s.conn.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, failed(doing, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, failed(doing, err)
	}
	var all [][]string
	for rows.Next() {
		values, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, failed(doing, err)
		}
		row := make([]string, len(columns))
		for i, value := range values {
			row[i] = value.String
		}
		all = append(all, row)
	}
	if err := rows.Err(); err != nil {
		return nil, failed(doing, err)
	}
	return all, nil
}

// value is the only text of a result.
func (s *session) value(ctx context.Context, doing, query string, args ...any) (string, error) {
	rows, err := s.texts(ctx, doing, query, args...)
	if err != nil || len(rows) == 0 {
		return "", err
	}
	return rows[0][0], nil
}

// SQLite's result codes that mean something to somebody; extended ones carry more above
// the lowest byte.
const (
	codePermission = 3
	codeBusy       = 5
	codeLocked     = 6
	codeReadOnly   = 8
	codeInput      = 10
	codeCorrupt    = 11
	codeFull       = 13
	codeCannotOpen = 14
	codeTooBig     = 18
	codeConstraint = 19
	codeMismatch   = 20
	codeNoDatabase = 26
)

// failed says what SQLite answered while something was done. Its messages name tables,
// columns and constraints, never values.
func failed(doing string, err error) error {
	known, answer := new(understudy.Error), new(driver.Error)
	switch {
	case errors.As(err, &known):
		return err
	case !errors.As(err, &answer):
		return understudy.Errorf(understudy.KindUnavailable, "%s: %w", doing, err)
	}
	switch answer.Code() & 0xff {
	case codeBusy, codeLocked:
		return understudy.Errorf(understudy.KindConflict, "%s: somebody else has the file locked", doing).
			WithHint("a program is writing to it; try again, or switch the database to WAL mode, in which readers and writers do not wait for each other")
	case codeNoDatabase:
		return understudy.Errorf(understudy.KindInvalid, "%s: the file is no SQLite database, or is encrypted", doing)
	case codeCorrupt:
		return understudy.Errorf(understudy.KindInvalid, "%s: the database is damaged", doing).
			WithHint("see what `sqlite3 FILE 'PRAGMA integrity_check'` says, and restore it from a backup")
	case codePermission, codeCannotOpen, codeReadOnly:
		return understudy.Errorf(understudy.KindUnavailable, "%s: the file cannot be opened: %w", doing, err).
			WithHint("see to it that this user may read the file, and may write in its folder if the database is in WAL mode")
	case codeFull, codeInput:
		return understudy.Errorf(understudy.KindUnavailable, "%s: the disk is full or does not answer: %w", doing, err)
	case codeConstraint, codeMismatch, codeTooBig:
		return understudy.Errorf(understudy.KindInvalid, "%s: %w", doing, err)
	}
	return understudy.Errorf(understudy.KindInternal, "%s: %w", doing, err)
}

// quoted writes a name so that it is read as one.
func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// literal writes a text so that it is read as one.
func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// tableName is a table as rules, messages and results write it: schema.table, where the
// schema is main, as SQLite calls a file's own.
func tableName(name string) string { return "main." + plainName(name) }

// plainName is a name as rules and messages write it: quoted where a point or a space in it
// would mislead.
func plainName(name string) string {
	if name != "" && !strings.ContainsAny(name, ".`\"'* \t\n") {
		return name
	}
	return quoted(name)
}
