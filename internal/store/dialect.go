package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"understudy"
)

// schemaVersion is the newest schema that this program knows. Raise it together with
// a new step in schemaSteps.
const schemaVersion = 1

// dialect is what differs between the two databases.
type dialect struct {
	name   string
	sql    func(string) string // from $1 to the database's own placeholders
	now    string              // the database's clock, in milliseconds since 1970, fixed within a statement
	serial string              // type of a key that grows and is never given twice
	guard  string              // lets one process at a time make or change the schema
}

func sqliteDialect() dialect {
	return dialect{
		name:   "SQLite",
		sql:    func(statement string) string { return strings.ReplaceAll(statement, "$", "?") },
		now:    `CAST(unixepoch('subsec') * 1000 AS INTEGER)`,
		serial: `INTEGER PRIMARY KEY AUTOINCREMENT`,
	}
}

func postgresDialect() dialect {
	return dialect{
		name:   "PostgreSQL",
		sql:    func(statement string) string { return statement },
		now:    `CAST(extract(epoch FROM statement_timestamp()) * 1000 AS BIGINT)`,
		serial: `BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY`,
		guard:  `SELECT pg_advisory_xact_lock(hashtext('understudy store schema'))`,
	}
}

// schemaSteps are the statements that lead from each version to the next, from 0 on.
func (d dialect) schemaSteps() [][]string {
	return [][]string{{
		`CREATE TABLE understudy_records (created ` + d.serial + `, kind TEXT NOT NULL, id TEXT NOT NULL,
			version BIGINT NOT NULL, body TEXT NOT NULL, UNIQUE (kind, id))`,
		`CREATE INDEX understudy_records_in_order ON understudy_records (kind, created)`,
		`CREATE TABLE understudy_leases (name TEXT PRIMARY KEY, holder TEXT NOT NULL, taken BIGINT NOT NULL, until BIGINT NOT NULL)`,
	}}
}

// prepare brings the schema up to date, in one transaction, and returns the store's
// own ID. A schema newer than this program is refused and not touched.
func (s *Store) prepare(ctx context.Context) (id string, err error) {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ignoreDone(tx.Rollback()))
		}
	}()
	if s.dialect.guard != "" {
		if _, err := tx.ExecContext(ctx, s.dialect.guard); err != nil {
			return "", err
		}
	}
	if _, err := tx.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS understudy_schema (version BIGINT NOT NULL, id TEXT NOT NULL)`); err != nil {
		return "", err
	}
	var version int
	err = tx.QueryRowContext(ctx, `SELECT version, id FROM understudy_schema`).Scan(&version, &id)
	if errors.Is(err, sql.ErrNoRows) {
		id = rand.Text()
		_, err = tx.ExecContext(ctx, s.dialect.sql(`INSERT INTO understudy_schema (version, id) VALUES (0, $1)`), id)
	}
	if err != nil {
		return "", err
	}
	if err := s.migrate(ctx, tx, version); err != nil {
		return "", err
	}
	return id, tx.Commit()
}

func (s *Store) migrate(ctx context.Context, tx *sql.Tx, version int) error {
	if version > schemaVersion {
		return understudy.Errorf(understudy.KindConflict,
			"the store has schema version %d, this understudy knows none above %d", version, schemaVersion).
			WithHint("a newer understudy wrote it: run that version, or a newer one")
	}
	for _, step := range s.dialect.schemaSteps()[version:] {
		for _, statement := range step {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return fmt.Errorf("bringing the schema to version %d: %w", schemaVersion, err)
			}
		}
	}
	_, err := tx.ExecContext(ctx, s.dialect.sql(`UPDATE understudy_schema SET version = $1`), schemaVersion)
	return err
}

// ignoreDone drops the one error of a rollback that says there was nothing to do.
func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}
