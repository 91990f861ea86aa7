package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"understudy/bench/figures"
)

// cost measures the throughput of an application (pgbench's own mix of reads and writes)
// while a migration runs beside it, watched and unwatched in turns, and afterwards.
func (b *bench) cost(ctx context.Context) error {
	const database = "cost"
	if _, err := b.server.EnsureDatabase(ctx, database, "", nil); err != nil {
		return err
	}
	if _, err := b.pgbench(ctx, database, "-i", "-q", "-s", "20"); err != nil {
		return err
	}
	if _, err := b.throughput(ctx, database, false); err != nil { // warms up
		return err
	}
	var without, with, after turns
	for range b.rounds {
		for _, turn := range []struct {
			watched bool
			into    *turns
		}{{false, &without}, {true, &with}, {false, &after}} {
			one, err := b.throughput(ctx, database, turn.watched)
			if err != nil {
				return err
			}
			turn.into.add(one)
			fmt.Fprintf(os.Stderr, "  watched %t: %.0f transactions/s; a short ALTER TABLE beside them takes %.1f ms\n", turn.watched, one.tps, one.alter)
		}
	}
	unwatched := figures.Median(slices.Concat(without.tps, after.tps)) // as often before as after
	b.note(
		figures.Against("application throughput while a migration is watched", figures.Median(with.tps), "transactions/s", "the same, not watched", unwatched, 0, 0.92),
		figures.Against("application throughput after the watch", figures.Median(after.tps), "transactions/s", "before it", figures.Median(without.tps), 0, 0.97),
		figures.Against("two short ALTER TABLEs in one transaction beside that application, watched", figures.Median(with.alter), "ms", "the same, not watched", figures.Median(without.alter), 0, 0),
	)
	return nil
}

// turn is what one measurement came to: the application's transactions a second, and the
// median of how long each step of the migration beside it took, in milliseconds.
type turn struct{ tps, alter float64 }

type turns struct{ tps, alter []float64 }

func (t *turns) add(one turn) {
	t.tps, t.alter = append(t.tps, one.tps), append(t.alter, one.alter)
}

// throughput runs the application for a while, beside a migration that goes on adding
// and dropping a column of a table that the application does not use.
func (b *bench) throughput(ctx context.Context, database string, watched bool) (one turn, err error) {
	conn, err := b.migrating(ctx, database)
	if err != nil {
		return one, err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	if _, err := conn.Exec(ctx, "DROP TABLE IF EXISTS aside; CREATE TABLE aside (id int)"); err != nil {
		return one, err
	}
	if watched {
		watch, err := b.watch(ctx, database)
		if err != nil {
			return one, err
		}
		defer func() {
			_, ended := watch.Stop(context.WithoutCancel(ctx))
			err = errors.Join(err, ended)
		}()
	}
	migrating, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	var took []float64
	go func() {
		var err error
		took, err = alters(migrating, ctx, conn)
		ended <- err
	}()
	out, err := b.pgbench(ctx, database, "-n", "-c", "8", "-j", "2", "-T", strconv.Itoa(b.seconds))
	stop()
	if err := errors.Join(err, <-ended); err != nil {
		return one, err
	}
	one.alter = figures.Median(took)
	one.tps, err = tpsOf(out)
	return one, err
}

// alters adds and drops a column at a migration's pace, until it is told to end, and says how
// long each time took, in milliseconds.
func alters(migrating, ctx context.Context, conn *pgx.Conn) (took []float64, err error) {
	for {
		began := time.Now()
		if _, err := conn.Exec(ctx, "ALTER TABLE aside ADD COLUMN IF NOT EXISTS more int; ALTER TABLE aside DROP COLUMN more"); err != nil {
			return took, err
		}
		took = append(took, float64(time.Since(began).Microseconds())/1000)
		select {
		case <-migrating.Done():
			return took, nil
		case <-time.After(50 * time.Millisecond):
		}
	}
}

var tpsLine = regexp.MustCompile(`tps = ([0-9.]+)`)

func tpsOf(out string) (float64, error) {
	found := tpsLine.FindStringSubmatch(out)
	if found == nil {
		return 0, fmt.Errorf("pgbench says no throughput: %s", out)
	}
	return strconv.ParseFloat(found[1], 64)
}

func (b *bench) pgbench(ctx context.Context, database string, args ...string) (string, error) {
	socket := filepath.Dir(b.server.Socket())
	args = append(args, "-h", socket, "-p", "5432", "-U", "postgres", database)
	out, err := exec.CommandContext(ctx, filepath.Join(b.server.Bin, "pgbench"), args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("pgbench: %w: %s", err, out)
	}
	return string(out), nil
}
