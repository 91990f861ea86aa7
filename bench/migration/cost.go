package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

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
	var without, with, after []float64
	for range b.rounds {
		for _, turn := range []struct {
			watched bool
			into    *[]float64
		}{{false, &without}, {true, &with}, {false, &after}} {
			tps, err := b.throughput(ctx, database, turn.watched)
			if err != nil {
				return err
			}
			*turn.into = append(*turn.into, tps)
			fmt.Fprintf(os.Stderr, "  watched %t: %.0f transactions/s\n", turn.watched, tps)
		}
	}
	b.note(
		figures.Against("application throughput while a migration is watched", figures.Median(with), "transactions/s", "the same, not watched", figures.Median(without), 0, 0.92),
		figures.Against("application throughput after the watch", figures.Median(after), "transactions/s", "before it", figures.Median(without), 0, 0.97),
	)
	return nil
}

// throughput runs the application for a while, beside a migration that goes on adding
// and dropping a column of a table that the application does not use.
func (b *bench) throughput(ctx context.Context, database string, watched bool) (tps float64, err error) {
	conn, err := b.migrating(ctx, database)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	if _, err := conn.Exec(ctx, "DROP TABLE IF EXISTS aside; CREATE TABLE aside (id int)"); err != nil {
		return 0, err
	}
	if watched {
		watch, err := b.watch(ctx, database)
		if err != nil {
			return 0, err
		}
		defer func() {
			_, ended := watch.Stop(context.WithoutCancel(ctx))
			err = errors.Join(err, ended)
		}()
	}
	migrating, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		for migrating.Err() == nil {
			if _, err := conn.Exec(ctx, "ALTER TABLE aside ADD COLUMN IF NOT EXISTS more int; ALTER TABLE aside DROP COLUMN more"); err != nil {
				ended <- err
				return
			}
			select {
			case <-migrating.Done():
			case <-time.After(50 * time.Millisecond): // a migration's pace
			}
		}
		ended <- nil
	}()
	out, err := b.pgbench(ctx, database, "-n", "-c", "8", "-j", "2", "-T", strconv.Itoa(b.seconds))
	stop()
	if err := errors.Join(err, <-ended); err != nil {
		return 0, err
	}
	return tpsOf(out)
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
