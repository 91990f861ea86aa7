// Command router measures what `make bench-router` promises of the router: what it costs
// beside other proxies, that no request is lost by switches, pauses and its own upgrades,
// how soon a rollback answers, and what idle connections hold. Everything is measured in
// one run on this machine, in rounds in which the proxies take turns, and written to
// bench/results/router.json.
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
	"time"

	"understudy/bench/figures"
)

// bench is one run.
type bench struct {
	dir        string
	understudy string
	kamal      string // kamal-proxy's program; empty or missing: it is not there
	rounds     int
	window     time.Duration // of one measurement
	switches   int
	requests   int
	idle       int // connections
	origins    [2]*origin
	proxies    []*proxy
	figures    []figures.Figure
}

// part is a part of the benchmark that can be asked for by name.
type part struct {
	name string
	run  func(*bench, context.Context) error
}

func parts() []part {
	return []part{{"cost", (*bench).cost}, {"switches", (*bench).switching}, {"pauses", (*bench).pausing},
		{"rollback", (*bench).rollback}, {"upgrades", (*bench).upgrading}, {"memory", (*bench).memory}}
}

func main() {
	if role := os.Getenv(roleVariable); role != "" {
		if err := play(role); err != nil {
			fmt.Fprintln(os.Stderr, "bench router:", role+":", err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench router:", err)
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
	flag.StringVar(&b.understudy, "understudy", "bin/understudy", "the program")
	flag.StringVar(&b.kamal, "kamal", "build/kamal-proxy/kamal-proxy", "kamal-proxy's program")
	flag.IntVar(&b.rounds, "rounds", 7, "rounds in which the proxies take turns")
	flag.DurationVar(&b.window, "window", 2*time.Second, "how long each is measured in a round")
	flag.IntVar(&b.switches, "switches", 1000, "switches, and pauses")
	flag.IntVar(&b.requests, "requests", 100_000, "requests at least, over the switches")
	flag.IntVar(&b.idle, "idle", 10_000, "idle connections")
	only := flag.String("only", strings.Join(names, ","), "which parts")
	flag.Parse()
	end, err := b.open(ctx)
	if err != nil {
		return errors.Join(err, end())
	}
	defer func() { err = errors.Join(err, end()) }()
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
	return errors.Join(figures.Print(os.Stdout, b.figures), write("router", b.figures))
}

// open starts two origins, and every proxy that is there before the first of them; end
// takes everything away.
func (b *bench) open(ctx context.Context) (end func() error, err error) {
	end = func() error {
		var failed []error
		if p := b.proxy(ours); p != nil {
			failed = append(failed, b.endOurs(p))
		}
		for _, p := range b.proxies {
			failed = append(failed, p.end())
		}
		for _, o := range b.origins {
			if o != nil {
				failed = append(failed, o.end())
			}
		}
		return errors.Join(append(failed, os.RemoveAll(b.dir))...)
	}
	if b.dir, err = os.MkdirTemp("/tmp", "us-bench"); err != nil {
		return end, err
	}
	for i := range b.origins {
		if b.origins[i], err = newOrigin(ctx, b.dir, i); err != nil {
			return end, err
		}
	}
	for _, k := range kinds() {
		p, err := b.start(ctx, k)
		if err != nil {
			return end, fmt.Errorf("starting %s: %w", k.name, err)
		}
		if p == nil {
			fmt.Fprintf(os.Stderr, "%s is not there; it is left out\n", k.name)
			continue
		}
		b.proxies = append(b.proxies, p)
	}
	return end, nil
}

func (b *bench) note(all ...figures.Figure) { b.figures = append(b.figures, all...) }

// proxy finds one by its kind's name; nil: it is not there.
func (b *bench) proxy(name string) *proxy {
	for _, p := range b.proxies {
		if p.name == name {
			return p
		}
	}
	return nil
}
