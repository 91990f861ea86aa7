package postgres

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"understudy"
)

// Whoever reads a database that others work with waits this long at most: for a lock,
// and for one statement that only looks at catalogs or samples.
const (
	ReaderLockTimeout      = 5 * time.Second
	ReaderStatementTimeout = time.Minute
)

// reading runs act in a read-only transaction with one view of the data, in which
// texts come out the same whatever the server's and the role's settings are, and which
// never holds anybody up: it waits briefly for locks and then gives way.
func reading(ctx context.Context, conn *pgx.Conn, doing string, act func(pgx.Tx) error) error {
	if conn.PgConn().TxStatus() != 'I' {
		return understudy.Errorf(understudy.KindConflict, "%s: the connection is inside a transaction already", doing)
	}
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return ReadError(doing, err)
	}
	defer Rollback(ctx, tx)
	if err := pinSession(ctx, tx, ReaderStatementTimeout, ReaderLockTimeout); err != nil {
		return err
	}
	return act(tx)
}

// Rollback ends a transaction that only read, or whose work is to be forgotten. An
// error leaves nothing to do: the server rolls back with the connection.
func Rollback(ctx context.Context, tx pgx.Tx) {
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), closingTime)
	defer cancel()
	_ = tx.Rollback(ending)
}

// pinSession fixes, for the transaction, every setting that decides how values are
// written and how long anything may take. A statement timeout of 0 is none.
func pinSession(ctx context.Context, tx pgx.Tx, statement, lock time.Duration) error {
	_, err := tx.Exec(ctx, `
		SELECT set_config(s.name, v.value, true)
		FROM (VALUES ('search_path', ''), ('client_encoding', 'UTF8'), ('datestyle', 'ISO, MDY'), ('intervalstyle', 'postgres'),
			('timezone', 'UTC'), ('extra_float_digits', '3'), ('bytea_output', 'hex'), ('lc_monetary', 'C'), ('xmloption', 'content'),
			('row_security', 'off'), ('synchronize_seqscans', 'off'), ('quote_all_identifiers', 'off'),
			('idle_in_transaction_session_timeout', '0'), ('transaction_timeout', '0'),
			('lock_timeout', $1), ('statement_timeout', $2)) v(name, value)
		JOIN (SELECT name FROM pg_catalog.pg_settings) s ON lower(s.name) = v.name`,
		milliseconds(lock), milliseconds(statement))
	if err != nil {
		return ReadError("fixing the session's settings", err)
	}
	return nil
}

func milliseconds(d time.Duration) string { return fmt.Sprintf("%dms", d.Milliseconds()) }

// MajorOf is the server's major version. One that is too old to be understood is an error.
func MajorOf(ctx context.Context, tx pgx.Tx) (int, error) {
	var number int
	if err := tx.QueryRow(ctx, `SELECT current_setting('server_version_num')::int`).Scan(&number); err != nil {
		return 0, ReadError("asking the server for its version", err)
	}
	major := number / 10000
	if major < oldestMajor {
		return major, understudy.Errorf(understudy.KindUnavailable,
			"the server is PostgreSQL %d; %d is the oldest that can be read", major, oldestMajor)
	}
	return major, nil
}

// bareName matches a name that needs no quotes where it stands behind a dot.
var bareName = regexp.MustCompile(`^[a-z_][a-z0-9_$]*$`)

// TableName is how rules, messages and results write a table: schema.table, each part
// quoted where it must be.
func TableName(schema, table string) string { return PlainName(schema) + "." + PlainName(table) }

// PlainName is a name as SQL writes it: quoted only where it must be.
func PlainName(name string) string {
	if bareName.MatchString(name) {
		return name
	}
	return pgx.Identifier{name}.Sanitize()
}

// OfUser keeps what is in a schema of the user's own; n is pg_namespace.
const OfUser = `n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`

// NotOfExtension keeps what no extension has made.
func NotOfExtension(class, oid string) string {
	return fmt.Sprintf(`NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = '%s'::regclass AND e.objid = %s AND e.deptype = 'e')`, class, oid)
}

// ReadError turns an error of a server that is read from into a sentence without
// values: the server's detail and context lines hold rows.
func ReadError(doing string, err error) error {
	var known *understudy.Error
	if errors.As(err, &known) {
		return known
	}
	var answer *pgconn.PgError
	if !errors.As(err, &answer) {
		return understudy.Errorf(understudy.KindUnavailable, "%s: %w", doing, err)
	}
	return ServerError(doing, answer)
}

// ServerError says what a server answered while something was done, without values.
func ServerError(doing string, answer *pgconn.PgError) error {
	said := SafeMessage(answer)
	switch answer.Code {
	case "42501":
		return understudy.Errorf(understudy.KindRefused, "%s: %s", doing, said)
	case "55P03":
		return understudy.Errorf(understudy.KindConflict, "%s: another session holds a lock that was not free within %s", doing, ReaderLockTimeout).
			WithHint("a schema change may be under way; try again when it is done")
	case "57014", "57P01", "57P02", "57P03", "53300", "28000", "28P01", "3D000":
		return understudy.Errorf(understudy.KindUnavailable, "%s: %s", doing, said)
	case "40001":
		return understudy.Errorf(understudy.KindUnavailable, "%s: the source is a standby and had to go on replaying: %s", doing, said).
			WithHint("set hot_standby_feedback = on there, or give max_standby_streaming_delay the time a copy takes")
	case "53100":
		return understudy.Errorf(understudy.KindUnavailable, "%s: the server's disk is full", doing).
			WithHint("free space where the server keeps its data, then run it again")
	}
	return understudy.Errorf(understudy.KindInternal, "%s: %s (SQLSTATE %s)", doing, said, answer.Code)
}

// SafeMessage is what the server said, without a value: messages about wrong data
// quote it behind a colon.
func SafeMessage(answer *pgconn.PgError) string {
	return WithoutValue(answer.Message)
}

// WithoutValue takes out of a message what a server quotes of the data.
func WithoutValue(message string) string {
	if at := strings.Index(message, `: "`); at >= 0 {
		return message[:at]
	}
	return quotedDatum.ReplaceAllString(message, "$1")
}

// quotedDatum is a value that a message quotes in its middle: value "…" is out of range for
// type integer. It ends at the last quote, as a value may hold some; names of columns and
// constraints stand behind other words.
var quotedDatum = regexp.MustCompile(`(?s)\b([Vv]alue|[Tt]ime zone|[Ss]tring|[Tt]oken) ".*"`)

// QuoteText writes a text as a literal that is read the same under every setting.
func QuoteText(text string) string {
	quoted := "'" + strings.ReplaceAll(strings.ReplaceAll(text, `\`, `\\`), "'", "''") + "'"
	if strings.Contains(text, `\`) {
		return " E" + quoted
	}
	return quoted
}
