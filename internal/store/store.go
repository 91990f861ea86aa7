package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"understudy"
)

// Store holds records and leases. Its methods may be called at the same time, from
// several processes too. Whoever opened it closes it.
type Store struct {
	db      *sql.DB
	dialect dialect
	file    string // of a store in SQLite
}

// Open opens the store that a URL names, and makes it when there never was one:
//
//	sqlite:/path/store.db            made with its folder; see the package's failure story
//	postgres://user@host/database    (or postgresql://) the database has to exist
//
// Errors never show a password that the URL holds.
func Open(ctx context.Context, url string) (*Store, error) {
	scheme, rest, _ := strings.Cut(url, ":")
	switch scheme {
	case "sqlite":
		return openSQLite(ctx, rest)
	case "postgres", "postgresql":
		return openPostgres(ctx, url)
	default:
		return nil, understudy.Errorf(understudy.KindInvalid, "a store is named by sqlite:/path/store.db or postgres://…, found %q", scheme+":…")
	}
}

// Close gives the connections back. Nothing is pending.
func (s *Store) Close() error { return s.db.Close() }

// exec runs a statement that writes and returns how many rows it touched.
func (s *Store) exec(ctx context.Context, statement string, args ...any) (int64, error) {
	result, err := s.db.ExecContext(ctx, s.dialect.sql(statement), args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// Put writes a record, whether it is there or not. V goes through encoding/json.
func (s *Store) Put(ctx context.Context, kind, id string, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("writing %s %s: %w", kind, id, err)
	}
	_, err = s.exec(ctx, `INSERT INTO understudy_records (kind, id, version, body) VALUES ($1, $2, 1, $3)
		ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body, version = understudy_records.version + 1`, kind, id, string(body))
	if err != nil {
		return fmt.Errorf("writing %s %s: %w", kind, id, err)
	}
	return nil
}

// Get reads a record into v. KindNotFound when there is none, KindInternal when it
// cannot be read as what v is.
func (s *Store) Get(ctx context.Context, kind, id string, v any) error {
	r, err := s.read(ctx, kind, id)
	if err != nil {
		return err
	}
	return r.decode(v)
}

// Delete removes a record. One that is not there is no error.
func (s *Store) Delete(ctx context.Context, kind, id string) error {
	if _, err := s.exec(ctx, `DELETE FROM understudy_records WHERE kind = $1 AND id = $2`, kind, id); err != nil {
		return fmt.Errorf("deleting %s %s: %w", kind, id, err)
	}
	return nil
}

// record is a row. Created tells a record from an earlier one of the same ID.
type record struct {
	kind, id string
	created  int64
	version  int64
	body     string
}

func (r record) decode(v any) error {
	if err := json.Unmarshal([]byte(r.body), v); err != nil {
		return understudy.Errorf(understudy.KindInternal, "%s %s cannot be read from the store: %w", r.kind, r.id, err).
			WithHint("the other records are not touched by this; bring the store back from a backup if this one matters")
	}
	return nil
}

func (s *Store) read(ctx context.Context, kind, id string) (record, error) {
	r := record{kind: kind, id: id}
	err := s.db.QueryRowContext(ctx, s.dialect.sql(`SELECT created, version, body FROM understudy_records WHERE kind = $1 AND id = $2`), kind, id).
		Scan(&r.created, &r.version, &r.body)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return r, understudy.Errorf(understudy.KindNotFound, "there is no %s %s", kind, id)
	case err != nil:
		return r, fmt.Errorf("reading %s %s: %w", kind, id, err)
	}
	return r, nil
}
