// Command parity measures what `make bench-parity` promises of the parity instrument: how long
// one pass over a database with a thousand tables takes, how long its longest statement keeps
// the source busy, and which planted differences it finds, beside a dump of both schemas
// and diff. Everything is measured in one run on this machine and written to
// bench/results/parity.json.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/bench/figures"
	"understudy/bench/throwaway"
	"understudy/internal/postgres/census"
	"understudy/internal/postgres/census/planted"
	"understudy/internal/postgres/cluster"
)

// bench is one run.
type bench struct {
	server  throwaway.Server
	tables  int
	rounds  int
	figures []figures.Figure
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench parity:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	b := &bench{}
	flag.IntVar(&b.tables, "tables", 1000, "tables of the big database")
	flag.IntVar(&b.rounds, "rounds", 5, "passes over it")
	flag.Parse()
	b.server, err = throwaway.Start(ctx, cluster.Spec{Preload: []string{"pg_stat_statements"}, // it counts what it runs
		Settings: map[string]string{"fsync": "off", "max_locks_per_transaction": "4096", "pg_stat_statements.track_utility": "off"}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.server.End(ctx)) }()
	if err := b.pace(ctx); err != nil {
		return fmt.Errorf("passes: %w", err)
	}
	if err := b.plant(ctx); err != nil {
		return fmt.Errorf("planted differences: %w", err)
	}
	fmt.Println()
	return errors.Join(figures.Print(os.Stdout, b.figures), figures.Write("parity", b.figures))
}

// within runs act with a session of a database, as superuser.
func (b *bench) within(ctx context.Context, database string, act func(*pgx.Conn) error) error {
	conn, err := b.server.Connect(ctx, database)
	if err != nil {
		return err
	}
	return errors.Join(act(conn), conn.Close(ctx))
}

// exec runs statements in a database.
func (b *bench) exec(ctx context.Context, database string, statements ...string) error {
	return b.within(ctx, database, func(conn *pgx.Conn) error {
		for _, statement := range statements {
			if _, err := conn.Exec(ctx, statement); err != nil {
				return fmt.Errorf("%.60s: %w", statement, err)
			}
		}
		return nil
	})
}

// make makes a database, empty or a copy of another.
func (b *bench) make(ctx context.Context, name, template string) error {
	return b.exec(ctx, "postgres", "CREATE DATABASE "+name+" TEMPLATE "+template)
}

// spec looks by value at what the seed and the big database say may be looked at.
func spec() census.Spec {
	return census.Spec{
		Plain: func(columns []understudy.Column) map[string]bool {
			plain := map[string]bool{}
			for _, c := range columns {
				plain[c.Name] = planted.Plain(c.Table) || c.Name != "owner"
			}
			return plain
		},
		Print: func(_, value string) string { return understudy.DigestOf([]byte(value)).Short() },
	}
}

func (b *bench) take(ctx context.Context, database string) (taken census.Taken, err error) {
	err = b.within(ctx, database, func(conn *pgx.Conn) error {
		taken, err = census.Take(ctx, conn, spec())
		return err
	})
	return taken, err
}

func (b *bench) note(all ...figures.Figure) { b.figures = append(b.figures, all...) }
