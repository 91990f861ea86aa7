// Package migrate brings the shop's schema forward and back.
//
// A migration is a file NNNN_name.sql with its way back in NNNN_name.down.sql. Each runs
// in a transaction together with its note in schema_migrations; one that begins with the
// line "-- no transaction" runs statement by statement outside of one (statements end with
// a semicolon at the end of a line) and must stand being run again. The note keeps which
// release brought the migration: down takes back what this release brought, newest first.
package migrate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Migration is one step of the schema.
type Migration struct {
	Version  string // the digits its file name begins with
	Name     string
	Up, Down string
}

// Plain tells whether a text must run outside of a transaction.
func Plain(sql string) bool { return strings.HasPrefix(sql, "-- no transaction\n") }

// Read collects the migrations of several folders, sorted by version.
func Read(folders ...fs.FS) ([]Migration, error) {
	var all []Migration
	for _, folder := range folders {
		names, err := fs.Glob(folder, "*.sql")
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if strings.HasSuffix(name, ".down.sql") {
				continue
			}
			m, err := read(folder, strings.TrimSuffix(name, ".sql"))
			if err != nil {
				return nil, err
			}
			all = append(all, m)
		}
	}
	slices.SortFunc(all, func(a, b Migration) int { return strings.Compare(a.Version, b.Version) })
	return all, nil
}

func read(folder fs.FS, name string) (Migration, error) {
	up, err := fs.ReadFile(folder, name+".sql")
	if err != nil {
		return Migration{}, err
	}
	down, err := fs.ReadFile(folder, name+".down.sql")
	if err != nil {
		return Migration{}, fmt.Errorf("migration %s has no way back: %w", name, err)
	}
	version, _, _ := strings.Cut(name, "_")
	return Migration{Version: version, Name: name, Up: string(up), Down: string(down)}, nil
}

// Migrator runs the migrations of one release on one database.
type Migrator struct {
	Release    string
	Migrations []Migration
	Out        io.Writer // says what was done
}

// Run carries out "up", "down" or "status" on the database at url. With limit, up stops
// after that version. Two that run at once wait for each other.
func (m Migrator) Run(ctx context.Context, url, direction, limit string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("connecting to the database: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if err := alone(ctx, conn); err != nil {
		return err
	}
	done, err := notes(ctx, conn)
	if err != nil {
		return err
	}
	switch direction {
	case "up":
		return m.up(ctx, conn, done, limit)
	case "down":
		return m.down(ctx, conn, done)
	case "status":
		return m.status(done)
	}
	return fmt.Errorf("expected up, down or status, found %q", direction)
}

// alone waits until no other migrator runs. It asks again and again instead of waiting in
// the server: a statement that waits there holds a snapshot, and CREATE INDEX
// CONCURRENTLY waits for those.
func alone(ctx context.Context, conn *pgx.Conn) error {
	for {
		var got bool
		if err := conn.QueryRow(ctx, "SELECT pg_try_advisory_lock(hashtext('shop migrations'))").Scan(&got); err != nil {
			return fmt.Errorf("taking the migrators' lock: %w", err)
		}
		if got {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.New("stopped while another migrator was running")
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// notes reads which migrations were applied, and which release brought each.
func notes(ctx context.Context, conn *pgx.Conn) (map[string]string, error) {
	_, err := conn.Exec(ctx, `CREATE TABLE IF NOT EXISTS schema_migrations (
		version    text PRIMARY KEY,
		release    text NOT NULL,
		applied_at timestamptz NOT NULL DEFAULT now())`)
	if err != nil {
		return nil, fmt.Errorf("making schema_migrations: %w", err)
	}
	rows, err := conn.Query(ctx, "SELECT version, release FROM schema_migrations")
	if err != nil {
		return nil, fmt.Errorf("reading schema_migrations: %w", err)
	}
	done := map[string]string{}
	var version, release string
	_, err = pgx.ForEachRow(rows, []any{&version, &release}, func() error {
		done[version] = release
		return nil
	})
	return done, err
}

func (m Migrator) up(ctx context.Context, conn *pgx.Conn, done map[string]string, limit string) error {
	for _, step := range m.Migrations {
		if _, applied := done[step.Version]; applied || limit != "" && step.Version > limit {
			continue
		}
		const note = "INSERT INTO schema_migrations (version, release) VALUES ($1, $2)"
		if err := m.apply(ctx, conn, step.Name, step.Up, note, step.Version, m.Release); err != nil {
			return err
		}
	}
	return nil
}

func (m Migrator) down(ctx context.Context, conn *pgx.Conn, done map[string]string) error {
	for _, step := range slices.Backward(m.Migrations) {
		if done[step.Version] != m.Release {
			continue
		}
		const note = "DELETE FROM schema_migrations WHERE version = $1"
		if err := m.apply(ctx, conn, step.Name+" (back)", step.Down, note, step.Version); err != nil {
			return err
		}
	}
	return nil
}

func (m Migrator) status(done map[string]string) error {
	for _, step := range m.Migrations {
		state := "open"
		if release, applied := done[step.Version]; applied {
			state = "applied by " + release
		}
		if _, err := fmt.Fprintf(m.Out, "%-28s %s\n", step.Name, state); err != nil {
			return err
		}
	}
	return nil
}

func (m Migrator) apply(ctx context.Context, conn *pgx.Conn, name, sql, note string, args ...any) error {
	started := time.Now()
	run := inTransaction
	if Plain(sql) {
		run = oneByOne
	}
	if err := run(ctx, conn, sql, note, args...); err != nil {
		return fmt.Errorf("migration %s: %w", name, err)
	}
	_, err := fmt.Fprintf(m.Out, "%-28s %d ms\n", name, time.Since(started).Milliseconds())
	return err
}

func inTransaction(ctx context.Context, conn *pgx.Conn, sql, note string, args ...any) error {
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, sql); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, note, args...)
		return err
	})
}

func oneByOne(ctx context.Context, conn *pgx.Conn, sql, note string, args ...any) error {
	for statement := range strings.SplitSeq(sql, ";\n") {
		if strings.TrimSpace(statement) == "" {
			continue
		}
		if _, err := conn.Exec(ctx, statement); err != nil {
			return err
		}
	}
	_, err := conn.Exec(ctx, note, args...)
	return err
}
