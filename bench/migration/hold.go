package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"understudy/bench/figures"
)

// longRounds are enough where a round takes long.
const longRounds = 5

// hold measures how much longer a migration that writes a table anew takes because it is
// watched: its commit waits until all that it has written has been read.
func (b *bench) hold(ctx context.Context) error {
	const database = "hold"
	if _, err := b.server.EnsureDatabase(ctx, database, "", nil); err != nil {
		return err
	}
	var without, with []float64
	for range min(b.rounds, longRounds) {
		for _, watched := range []bool{false, true} {
			took, err := b.rewrite(ctx, database, watched)
			if err != nil {
				return err
			}
			fmt.Fprintf(os.Stderr, "  watched %t: %s\n", watched, took.Round(time.Millisecond))
			if watched {
				with = append(with, took.Seconds())
			} else {
				without = append(without, took.Seconds())
			}
		}
	}
	b.note(figures.Against("a change of type on 1,000,000 rows, watched", figures.Median(with), "s", "the same, not watched", figures.Median(without), 1.1, 0))
	return nil
}

// rewrite changes the type of a column of a table that is made for it.
func (b *bench) rewrite(ctx context.Context, database string, watched bool) (took time.Duration, err error) {
	conn, err := b.migrating(ctx, database)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	if _, err := conn.Exec(ctx, "DROP TABLE IF EXISTS items; CREATE TABLE items AS SELECT g AS id, md5(g::text) AS text FROM generate_series(1, 1000000) g; ALTER TABLE items ADD PRIMARY KEY (id); CHECKPOINT"); err != nil {
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
	began := time.Now()
	_, err = conn.Exec(ctx, "ALTER TABLE items ALTER COLUMN id TYPE bigint")
	return time.Since(began), err
}
