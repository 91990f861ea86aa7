package follow

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"understudy"
	"understudy/internal/postgres"
	"understudy/internal/postgres/replication"
)

// openTarget connects to the twin as one that replicates: its triggers and foreign keys
// stay quiet, values are read as production wrote them, and its log is told no row.
func openTarget(ctx context.Context, spec Spec) (*pgx.Conn, error) {
	conn, err := postgres.OpenReader(ctx, spec.Target, spec.application())
	if err != nil {
		return nil, err
	}
	var superuser bool
	err = conn.QueryRow(ctx, `SELECT current_setting('is_superuser') = 'on'`).Scan(&superuser)
	if err == nil && !superuser {
		postgres.CloseConn(ctx, conn)
		return nil, understudy.Errorf(understudy.KindInvalid, "the role that writes the twin is no superuser; only one can apply changes without firing triggers")
	}
	if err == nil {
		_, err = conn.Exec(ctx, `
			SELECT set_config(s.name, v.value, false)
			FROM (VALUES ('search_path', ''), ('client_encoding', 'UTF8'), ('datestyle', 'ISO, MDY'), ('intervalstyle', 'postgres'),
				('timezone', 'UTC'), ('lc_monetary', 'C'), ('xmloption', 'content'), ('session_replication_role', 'replica'), ('row_security', 'off'),
				('statement_timeout', '0'), ('lock_timeout', '0'), ('idle_in_transaction_session_timeout', '0'), ('transaction_timeout', '0'),
				('idle_session_timeout', '0'), ('default_transaction_read_only', 'off'), ('default_transaction_isolation', 'read committed'), ('client_min_messages', 'warning'),
				('synchronous_commit', 'off'), ('log_error_verbosity', 'terse'), ('log_min_error_statement', 'panic'),
				('log_statement', 'none'), ('log_min_duration_statement', '-1'), ('extra_float_digits', '3'), ('bytea_output', 'hex')) v(name, value)
			JOIN (SELECT name FROM pg_catalog.pg_settings) s ON lower(s.name) = v.name`)
	}
	if err != nil {
		postgres.CloseConn(ctx, conn)
		return nil, targetError("preparing the session on the twin", err)
	}
	return conn, nil
}

// checkTarget finds out before the copy whether the twin's server can keep a position.
func checkTarget(ctx context.Context, spec Spec) error {
	conn, err := openTarget(ctx, spec)
	if err != nil {
		return err
	}
	defer postgres.CloseConn(ctx, conn)
	var room int
	if err := conn.QueryRow(ctx, `SELECT COALESCE(current_setting('max_active_replication_origins', true), current_setting('max_replication_slots'))::int`).Scan(&room); err != nil {
		return targetError("asking the twin's server whether it can keep a position", err)
	}
	if room < 1 {
		return understudy.Errorf(understudy.KindUnavailable, "the twin's server cannot keep a position in production's log: it has max_replication_slots = 0").
			WithHint("set max_replication_slots = 10 on the twin's server, and restart it")
	}
	return nil
}

// originName is of this follower and this very database: one that takes its place has
// another oid.
func originName(ctx context.Context, target *pgx.Conn, spec Spec) (string, error) {
	var oid uint32
	if err := target.QueryRow(ctx, `SELECT oid FROM pg_database WHERE datname = current_database()`).Scan(&oid); err != nil {
		return "", targetError("asking which database the twin is", err)
	}
	return fmt.Sprintf("%s%s_%d", slotPrefix, spec.Name, oid), nil
}

// resetOrigin notes where the twin stands, and forgets those of databases that are gone.
// Until its last statement there is no position, and nobody follows.
func resetOrigin(ctx context.Context, target *pgx.Conn, spec Spec, at replication.LSN) error {
	const doing = "noting in the twin's server where production's changes go on"
	name, err := originName(ctx, target, spec)
	if err != nil {
		return err
	}
	_, err = target.Exec(ctx, `
		SELECT pg_replication_origin_drop(o.roname) FROM pg_replication_origin o
		WHERE o.roname = $1 OR o.roname ~ '^understudy_.*_[0-9]+$'
			AND NOT EXISTS (SELECT FROM pg_database d WHERE d.oid::text = substring(o.roname FROM '_([0-9]+)$'))`, name)
	if err == nil {
		_, err = target.Exec(ctx, `SELECT pg_replication_origin_create($1)`, name)
	}
	if err == nil {
		_, err = target.Exec(ctx, `SELECT pg_replication_origin_advance($1, $2::text::pg_lsn)`, name, at.String())
	}
	if err == nil { // a commit that is flushed carries with it what was logged before
		_, err = target.Exec(ctx, `SET synchronous_commit = on; BEGIN; SELECT txid_current(); COMMIT; SET synchronous_commit = off`, pgx.QueryExecModeSimpleProtocol)
	}
	if err != nil {
		return targetError(doing, err)
	}
	return nil
}

// takeOrigin makes the session the one that moves the position, and tells where it is.
func takeOrigin(ctx context.Context, target *pgx.Conn, spec Spec) (replication.LSN, error) {
	const doing = "reading from the twin's server how far it is"
	name, err := originName(ctx, target, spec)
	if err != nil {
		return 0, err
	}
	var at *string
	err = target.QueryRow(ctx, `SELECT pg_replication_origin_progress(roname, true)::text FROM pg_replication_origin WHERE roname = $1`, name).Scan(&at)
	if errors.Is(err, pgx.ErrNoRows) || err == nil && at == nil {
		return 0, understudy.Errorf(understudy.KindNotFound, "%s: this database is not a copy that was prepared to be followed as %s", doing, spec.Name).
			WithHint("make a fresh copy that is followed from its beginning")
	}
	if err == nil {
		_, err = target.Exec(ctx, `SELECT pg_replication_origin_session_setup($1)`, name)
	}
	if err != nil {
		return 0, targetError(doing, err)
	}
	return replication.ParseLSN(*at)
}

// IsJoined tells whether a twin's database was Prepared and Joined under this name, so that
// Run can go on with it.
func IsJoined(ctx context.Context, spec Spec) (bool, error) {
	spec, err := spec.complete()
	if err != nil {
		return false, err
	}
	target, err := openTarget(ctx, spec)
	if err != nil {
		return false, err
	}
	defer postgres.CloseConn(ctx, target)
	if _, err = takeOrigin(ctx, target, spec); understudy.KindOf(err) == understudy.KindNotFound {
		return false, nil
	}
	return err == nil, err
}

// keepPosition writes a position that no commit has carried, and flushes what commits
// have; it answers with the position that is on disk.
func keepPosition(ctx context.Context, target *pgx.Conn, idle replication.LSN) (replication.LSN, error) {
	const doing = "flushing the twin's position"
	if idle > 0 {
		mark := fmt.Sprintf(`BEGIN; SELECT txid_current(), pg_replication_origin_xact_setup('%s', now()); COMMIT`, idle)
		if _, err := target.Exec(ctx, mark, pgx.QueryExecModeSimpleProtocol); err != nil {
			return 0, targetError(doing, err)
		}
	}
	var at *string
	if err := target.QueryRow(ctx, `SELECT pg_replication_origin_session_progress(true)::text`).Scan(&at); err != nil {
		return 0, targetError(doing, err)
	}
	if at == nil {
		return 0, nil
	}
	return replication.ParseLSN(*at)
}

// targetError says why something in the twin did not work, without values. What may pass
// by itself is of KindUnavailable.
func targetError(doing string, err error) error {
	answer := new(pgconn.PgError)
	if !errors.As(err, &answer) {
		return postgres.ReadError(doing, err)
	}
	said := postgres.SafeMessage(answer)
	switch {
	case answer.Code == "40P01", answer.Code == "40001", answer.Code == "55006", answer.Code == "55P03",
		slices.Contains([]string{"08", "53", "58"}, answer.Code[:2]): // connection, room, disk
		return understudy.Errorf(understudy.KindUnavailable, "%s: %s", doing, said)
	case answer.Code[:2] == "23":
		return understudy.Errorf(understudy.KindInvalid, "%s: the row breaks a rule of the table: %s", doing, said).
			WithHint("a column whose values are unique or checked needs a mask that keeps them so")
	case answer.Code[:2] == "22":
		return understudy.Errorf(understudy.KindInvalid, "%s: a value does not fit: %s", doing, said).
			WithHint("choose a mask that keeps the column's form")
	}
	return postgres.ServerError(doing, answer)
}
