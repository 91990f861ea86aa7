// Command flags measures what `make bench-flags` promises of feature flags: how long a read
// over OFREP takes at 5,000 reads a second, what it costs beside a handler that answers a
// constant, how fast a rule is evaluated beside flagd's own evaluator, and how small the
// arrays of combinations are beside PICT's. The servers are processes of their own and take
// turns; everything is written to bench/results/flags.json.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"understudy/bench/figures"
)

// bench is one run.
type bench struct {
	rounds  int
	window  time.Duration // of one measurement
	rate    int           // reads a second
	peer    string        // the folder in which flagd's evaluator is installed
	figures []figures.Figure
}

func main() {
	if role := os.Getenv(roleVariable); role != "" {
		if err := play(role); err != nil {
			fmt.Fprintln(os.Stderr, "bench flags:", role+":", err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	b := &bench{}
	flag.IntVar(&b.rounds, "rounds", 9, "rounds in which the servers take turns")
	flag.DurationVar(&b.window, "window", 2*time.Second, "how long each is measured in a round")
	flag.IntVar(&b.rate, "rate", 5000, "reads a second, for latencies")
	flag.StringVar(&b.peer, "peer", "build/flag-oracles", "the folder in which npm installed flagd's evaluator")
	flag.Parse()
	if err := b.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench flags:", err)
		stop()
		os.Exit(1)
	}
}

func (b *bench) run(ctx context.Context) error {
	for _, part := range []func(context.Context) error{b.serving, b.evaluating, b.combining} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return errors.Join(figures.Print(os.Stdout, b.figures), figures.Write("flags", b.figures))
}

func (b *bench) note(all ...figures.Figure) { b.figures = append(b.figures, all...) }
