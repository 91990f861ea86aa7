// Command migration measures what `make bench-migration` promises of the migration
// rehearsal: that no lock is missed, what watching costs the application, and which of the
// known hazards are found, beside a linter. Everything is measured in one run on this
// machine and written to bench/results/migration.json.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"

	"understudy/bench/figures"
	"understudy/bench/throwaway"
	"understudy/internal/postgres/cluster"
	"understudy/internal/postgres/lockwatch"
)

// bench is one run.
type bench struct {
	server  throwaway.Server
	squawk  string // the linter's program; empty: it is not there
	tables  int
	rounds  int
	seconds int // of one measurement of throughput
	figures []figures.Figure
}

// part is a part of the benchmark that can be asked for by name.
type part struct {
	name string
	run  func(*bench, context.Context) error
}

func parts() []part {
	return []part{{"locks", (*bench).locks}, {"cost", (*bench).cost}, {"hold", (*bench).hold}, {"catch", (*bench).catch}}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench migration:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	var names []string
	for _, p := range parts() {
		names = append(names, p.name)
	}
	b := &bench{}
	flag.IntVar(&b.tables, "tables", 200, "short ADD COLUMNs")
	flag.IntVar(&b.rounds, "rounds", 60, "rounds of each throughput; with 20 the ratio is off by two hundredths")
	flag.IntVar(&b.seconds, "seconds", 2, "how long one throughput is measured; many short turns share what else the machine does")
	flag.StringVar(&b.squawk, "squawk", "", "the linter's program, of the npm package squawk-cli")
	only := flag.String("only", strings.Join(names, ","), "which parts")
	flag.Parse()
	b.server, err = throwaway.Start(ctx, cluster.Spec{Settings: map[string]string{"shared_buffers": "512MB", "max_wal_size": "4GB", "checkpoint_timeout": "30min"}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.server.End(ctx)) }()
	asked := strings.Split(*only, ",")
	for _, p := range parts() {
		if !slices.Contains(asked, p.name) {
			continue
		}
		fmt.Fprintf(os.Stderr, "\n%s\n", p.name)
		if err := p.run(b, ctx); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	fmt.Println()
	write := figures.Write
	if len(asked) < len(parts()) {
		write = figures.Renew
	}
	return errors.Join(figures.Print(os.Stdout, b.figures), write("migration", b.figures))
}

// watch watches a database as a rehearsal does.
func (b *bench) watch(ctx context.Context, database string) (*lockwatch.Watch, error) {
	return lockwatch.Start(ctx, lockwatch.Spec{
		AdminURL: b.server.AdminURL("postgres"), Database: database, ApplicationName: sessions, LogFile: b.server.Log(), Gate: true,
	})
}

func (b *bench) note(all ...figures.Figure) { b.figures = append(b.figures, all...) }
