package main

import (
	"context"
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
		if err := os.RemoveAll(to); err != nil {
			return err
		}
	}
	b.note(figures.Against("pgbench on the source during a copy at the default rate", figures.Median(during), "tps", "without a copy", figures.Median(alone), 0, 0.9))
	return nil
}

// growth is how the time of a copy grows with its size: from the shop as it is to a quarter of it.
func (b *bench) growth(ctx context.Context) error {
	const small = "small"
	if err := b.source.fill(ctx, small, b.customers/4); err != nil {
		return err
	}
	took := map[string][]float64{}
	to := filepath.Join(b.dir, "grown")
	for range b.rounds {
		for _, name := range []string{small, database} {
			c, err := timed(func() (float64, error) {
				return command(ctx, b.understudy, "twin", "copy", "--from", b.source.AdminURL(name), "--to", to, "--mask", b.masked, "--key", b.key, "--rate", "0", "--no-proof", "--json")
			})
			if err != nil {
				return err
			}
			took[name] = append(took[name], c.seconds)
			if err := os.RemoveAll(to); err != nil {
				return err
			}
		}
	}
	smallBytes, _, err := b.source.size(ctx, small)
	if err != nil {
		return err
	}
	bytes, _, err := b.source.size(ctx, database)
	if err != nil {
		return err
	}
	perByte := func(name string, size int64) float64 { return figures.Median(took[name]) / float64(size) * 1e9 }
	b.note(figures.Against("time for a GB of a big database", perByte(database, bytes), "s/GB", "of one a quarter as big", perByte(small, smallBytes), 1.25, 0))
	return b.source.Drop(ctx, small)
}
