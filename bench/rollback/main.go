// Command rollback measures what `make bench-rollback` promises: the time from somebody's
// decision to go back, asked of the daemon, to the first answer of the release that ran
// before, with requests every millisecond. Each time a release is promoted anew through the
// whole machinery (journal, store, supervisors, router, all flushed to the disk), settles,
// and is taken back. It is written to bench/results/rollback.json.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"understudy"
	"understudy/bench/figures"
	"understudy/internal/api"
	"understudy/internal/api/client"
)

const project = `application: bench
services:
  web: {command: [bin/rollback], port: 8080, route: /, health: /}
environments:
  production:
    purpose: production
    listen: 127.0.0.1:%d
policy: {steps: [100], bake: 300ms, bake_without_traffic: settle}
`

// bench is one run.
type bench struct {
	dir, understudy, address string
	times                    []time.Duration
	failed, requests         int
}

func main() {
	if port := os.Getenv("PORT"); port != "" && filepath.Base(filepath.Dir(os.Args[0])) == "bin" {
		fmt.Fprintln(os.Stderr, "bench rollback:", serve(port))
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench rollback:", err)
		stop()
		os.Exit(1)
	}
}

// serve is a release: it answers with its name.
func serve(port string) error {
	name, err := os.ReadFile("name")
	if err != nil {
		return err
	}
	server := &http.Server{Addr: "127.0.0.1:" + port, ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(name) // a client that is gone needs none
	})}
	return server.ListenAndServe()
}

func run(ctx context.Context) (err error) {
	b := &bench{}
	flag.StringVar(&b.understudy, "understudy", "bin/understudy", "the program")
	port := flag.Int("port", 37499, "where production listens")
	rollbacks := flag.Int("rollbacks", 60, "how often it goes back")
	flag.Parse()
	if b.understudy, err = filepath.Abs(b.understudy); err != nil {
		return err
	}
	b.address = fmt.Sprintf("http://127.0.0.1:%d/", *port)
	if b.dir, err = os.MkdirTemp("/tmp", "us-bench"); err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, b.ask(context.WithoutCancel(ctx), "down", "--all"), os.RemoveAll(b.dir))
	}()
	if err := b.open(ctx, *port); err != nil {
		return err
	}
	for n := range *rollbacks {
		if err := b.once(ctx); err != nil {
			return fmt.Errorf("rollback %d: %w", n+1, err)
		}
		fmt.Fprintf(os.Stderr, "%d: %s\n", n+1, b.times[n])
	}
	all := b.figures()
	return errors.Join(figures.Print(os.Stdout, all), figures.Write("rollback", all))
}

// open makes two releases and brings the first one up.
func (b *bench) open(ctx context.Context, port int) error {
	if err := os.WriteFile(filepath.Join(b.dir, "understudy.yaml"), fmt.Appendf(nil, project, port), 0o644); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	program, err := os.ReadFile(self)
	if err != nil {
		return err
	}
	for _, name := range []string{"v1", "v2"} {
		folder := filepath.Join(b.dir, "build", name)
		if err := errors.Join(os.MkdirAll(filepath.Join(folder, "bin"), 0o755), os.WriteFile(filepath.Join(folder, "name"), []byte(name), 0o644),
			os.WriteFile(filepath.Join(folder, "bin", "rollback"), program, 0o755)); err != nil {
			return err
		}
		if err := b.ask(ctx, "release", "create", name, "--from", folder); err != nil {
			return err
		}
	}
	return b.ask(ctx, "up", "production", "--release", "v1")
}

func (b *bench) ask(ctx context.Context, args ...string) error {
	said, err := exec.CommandContext(ctx, b.understudy, append([]string{"-C", b.dir}, args...)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("understudy %s: %w: %s", strings.Join(args, " "), err, said)
	}
	return nil
}

// once promotes v2, takes it back under requests, and notes how long that took.
func (b *bench) once(ctx context.Context) error {
	if err := b.ask(ctx, "promote", "v2", "--yes", "--break-glass", "--reason", "to go back"); err != nil {
		return err
	}
	v := visit(b.address)
	defer v.leave()
	select {
	case <-v.first("v2"):
	case <-time.After(10 * time.Second):
		return errors.New("v2 did not answer within 10s")
	}
	daemon := client.New(filepath.Join(b.dir, ".understudy", "run", "api.sock"))
	defer daemon.Close()
	answer, decided := v.first("v1"), time.Now()
	p, err := daemon.Rollback(ctx, api.Rollback{Environment: "production", By: "bench", Reason: "to measure it"})
	if err != nil {
		return err
	}
	select {
	case at := <-answer:
		b.times = append(b.times, at.Sub(decided))
	case <-time.After(10 * time.Second):
		return errors.New("v1 did not answer within 10s")
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if err := daemon.WatchPromotion(ctx, p.ID, func(understudy.Promotion) error { return nil }); err != nil {
		return err
	}
	requests, failed := v.leave()
	b.requests, b.failed = b.requests+requests, b.failed+failed
	return b.ask(ctx, "hold", "lift", "production", "--reason", "once more")
}

func (b *bench) figures() []figures.Figure {
	slices.Sort(b.times)
	at := func(share float64) float64 {
		rank := int(math.Ceil(share * float64(len(b.times))))
		return float64(b.times[max(rank-1, 0)]) / float64(time.Millisecond)
	}
	const what = "rollback through the daemon, from asking to the old release's first answer"
	return []figures.Figure{
		figures.Alone(what+": median", at(0.5), "ms", 0, 0),
		figures.Alone(fmt.Sprintf("%s: 99 %% of %d", what, len(b.times)), at(0.99), "ms", 100, 0),
		figures.Alone(fmt.Sprintf("failed requests meanwhile, of %d", b.requests), float64(b.failed), "", 0, 0).Within(b.failed == 0, "none"),
	}
}
