package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"understudy/bench/figures"
)

// load is what a copy at the default rate costs the source's own work: pgbench at a
// tenth of what the copy reads, alone and during the copy, in turns.
func (b *bench) load(ctx context.Context) error {
	if err := b.source.anew(ctx, "bench"); err != nil {
		return err
	}
	if _, err := command(ctx, filepath.Join(b.bin, "pgbench"), "-i", "-q", "-s", "20", b.source.AdminURL("bench")); err != nil {
		return err
	}
	to := filepath.Join(b.dir, "loaded")
	var alone, during []float64
	for range b.rounds {
		quiet, busy, err := b.underLoad(ctx, b.seconds, func(ctx context.Context) error {
			_, err := command(ctx, b.understudy, "twin", "copy", "--from", b.source.AdminURL(database), "--to", to, "--mask", b.masked, "--key", b.key, "--no-proof", "--json")
			return err
		})
		if err != nil {
			return err
		}
		alone, during = append(alone, quiet), append(during, busy)
		fmt.Fprintf(os.Stderr, "  pgbench alone %.0f tps, beside a copy %.0f tps\n", quiet, busy)
		if err := os.RemoveAll(to); err != nil {
			return err
		}
	}
	last, err := b.pgbench(ctx, b.seconds) // as often after a copy as before one
	if err != nil {
		return err
	}
	alone = append(alone, last)
	b.note(figures.Against("pgbench on the source during a copy at the default rate", figures.Median(during), "tps", "without a copy", figures.Median(alone), 0, 0.9))
	return nil
}

// growth is how the time of a copy grows with its size: from a quarter of the shop to a
// multiple of it, in turns. Both are made for this, and dropped.
func (b *bench) growth(ctx context.Context) error {
	const small, big = "small", "big"
	sizes := map[string]int{small: b.customers / 4, big: b.customers * b.grown}
	bytes := map[string]int64{}
	for _, name := range []string{small, big} {
		fmt.Fprintf(os.Stderr, "making a shop of %d customers\n", sizes[name])
		if err := b.source.fill(ctx, name, sizes[name]); err != nil {
			return err
		}
		size, _, err := b.source.size(ctx, name)
		if err != nil {
			return err
		}
		bytes[name] = size
	}
	ways := []way{b.grows(small), b.grows(big)}
	took, err := interleaved(ctx, b.rounds, ways)
	if err != nil {
		return err
	}
	perByte := func(name string) float64 { return took[name].seconds / float64(bytes[name]) * 1e9 }
	b.note(
		figures.Against(fmt.Sprintf("time for a GB of a database of %.1f GB", float64(bytes[big])/1e9), perByte(big), "s/GB",
			fmt.Sprintf("of one of %.1f GB", float64(bytes[small])/1e9), perByte(small), 1.25, 0),
		figures.Alone("logical copy of the big database: memory", took[big].memory, "MB", 200, 0),
	)
	return errors.Join(b.source.Drop(ctx, small), b.source.Drop(ctx, big))
}

// grows is our own copy of one of the two.
func (b *bench) grows(name string) way {
	to := filepath.Join(b.dir, "grown")
	return way{
		name:    name,
		prepare: func(context.Context) error { return os.RemoveAll(to) },
		run: func(ctx context.Context) (float64, error) {
			return command(ctx, b.understudy, "twin", "copy", "--from", b.source.AdminURL(name), "--to", to, "--mask", b.masked, "--key", b.key, "--rate", "0", "--no-proof", "--json")
		},
	}
}
