// Command twin measures what `make bench-twin` promises of the data twin: copies by
// rows and by files against PostgreSQL's own tools and Greenmask, what a copy costs the
// source, resets, the live twin, masks and the leak check. Everything is measured in one
// run on this machine, in turns, as ratios of medians, and written to
// bench/results/twin.json.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"

	"understudy/bench/figures"
	"understudy/internal/postgres/cluster"
)

// database is the source's.
const database = "shop"

// bench is one run.
type bench struct {
	dir        string // everything it makes is below
	bin        string // PostgreSQL's programs
	understudy string // the program
	key        string // file of the masking key
	masked     string // mask.yaml of the shop
	kept       string // one that keeps everything
	rounds     int
	customers  int
	grown      int // times the shop, that the biggest database is
	seconds    int // of a measurement that is so long
	source     server
	peer       server // where the peers restore to
	figures    []figures.Figure
	restored   float64 // seconds that pg_dump and pg_restore took, where that was measured
}

// part is a part of the benchmark that can be asked for by name.
type part struct {
	name string
	run  func(*bench, context.Context) error
}

func parts() []part {
	return []part{
		{"copy", (*bench).copies}, {"load", (*bench).load}, {"reset", (*bench).resets}, {"live", (*bench).live},
		{"masks", (*bench).masks}, {"leak", (*bench).leaks}, {"growth", (*bench).growth},
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench twin:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var names []string
	for _, p := range parts() {
		names = append(names, p.name)
	}
	b := &bench{}
	flag.IntVar(&b.customers, "customers", 500_000, "customers of the shop; there are four times as many orders and events (500,000: 2 GB)")
	flag.IntVar(&b.rounds, "rounds", 3, "rounds of each copy")
	flag.IntVar(&b.grown, "grown", 2, "the biggest database that is copied, in shops; it is held against a quarter of one")
	flag.IntVar(&b.seconds, "seconds", 20, "how long load and the live twin are measured")
	only := flag.String("only", strings.Join(names, ","), "which parts")
	flag.StringVar(&b.understudy, "understudy", filepath.Join("bin", "understudy"), "the program")
	flag.StringVar(&b.dir, "dir", "", "an empty folder for all that is made (default: a temporary one)")
	flag.Parse()
	end, err := b.open(ctx)
	if err != nil {
		return err
	}
	err = b.measure(ctx, strings.Split(*only, ","))
	return errors.Join(err, end())
}

// open makes the folder, and the two servers; end takes everything away.
func (b *bench) open(ctx context.Context) (end func() error, err error) {
	if b.dir == "" {
		if b.dir, err = os.MkdirTemp("/tmp", "us-bench"); err != nil {
			return nil, err
		}
	}
	if err := os.Chmod(b.dir, 0o755); err != nil {
		return nil, err
	}
	installed, err := cluster.Installations()
	if err != nil {
		return nil, err
	}
	b.bin, b.key = installed[0].Bin, filepath.Join(b.dir, "mask.key")
	if b.understudy, err = filepath.Abs(b.understudy); err != nil {
		return nil, err
	}
	if err := b.writeRules(); err != nil {
		return nil, err
	}
	end = func() error {
		stopping := context.WithoutCancel(ctx)
		return errors.Join(b.source.end(stopping), b.peer.end(stopping), os.RemoveAll(b.dir))
	}
	for _, s := range []struct {
		at   *server
		name string
	}{{&b.source, "source"}, {&b.peer, "peer"}} {
		if *s.at, err = startServer(ctx, filepath.Join(b.dir, s.name)); err != nil {
			return nil, errors.Join(err, end())
		}
	}
	fmt.Fprintf(os.Stderr, "making a shop of %d customers in %s\n", b.customers, b.dir)
	if err := b.source.fill(ctx, database, b.customers); err != nil {
		return nil, errors.Join(err, end())
	}
	return end, nil
}

func (b *bench) measure(ctx context.Context, only []string) error {
	for _, p := range parts() {
		if !slices.Contains(only, p.name) {
			continue
		}
		fmt.Fprintf(os.Stderr, "\n%s\n", p.name)
		if err := p.run(b, ctx); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	fmt.Println()
	write := figures.Write
	if len(only) < len(parts()) {
		write = figures.Renew
	}
	return errors.Join(figures.Print(os.Stdout, b.figures), write("twin", b.figures))
}

func (b *bench) note(all ...figures.Figure) { b.figures = append(b.figures, all...) }
