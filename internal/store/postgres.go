package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"understudy"
)

// openPostgres opens a store in a PostgreSQL database. Messages name the host and the
// database only.
func openPostgres(ctx context.Context, url string) (*Store, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, understudy.Errorf(understudy.KindInvalid, "the URL of the store is not one that PostgreSQL's clients understand").
			WithHint("write postgres://user@host:5432/database; a password is better kept in ~/.pgpass")
	}
	where := fmt.Sprintf("database %s on %s", config.Database, config.Host)
	s := &Store{db: stdlib.OpenDB(*config, stdlib.OptionAfterConnect(flushCommits)), dialect: postgresDialect()}
	s.db.SetMaxOpenConns(8)
	_, err = s.prepare(ctx)
	if err == nil {
		return s, nil
	}
	err = errors.Join(err, s.db.Close())
	if understudy.KindOf(err) == understudy.KindConflict {
		return nil, err
	}
	return nil, understudy.Errorf(understudy.KindUnavailable, "opening the store in %s: %w", where, err).
		WithHint("check that the server runs and that this user may create tables there: psql -h %s -d %s", config.Host, config.Database)
}

// flushCommits makes sure that what is acknowledged is on disk, also where the server
// or the role is set up otherwise.
func flushCommits(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, `SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'`)
	return err
}
