// Command customers plays the shop's customers: visits that begin at a steady rate,
// whether or not earlier ones have ended. It does not retry, and it is honest: no
// connection, more than five seconds and any unexpected status count as failed.
//
// On SIGTERM or SIGINT it lets the visits under way end and prints what it saw as JSON;
// with --status it also keeps the latest counts in a file.
package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"understudy/examples/shop/internal/visitor"
)

func main() {
	crowd := crowd{seen: newSummary()}
	flag.StringVar(&crowd.base, "url", "http://127.0.0.1:18080", "where the shop is")
	flag.Float64Var(&crowd.rate, "rate", 5, "visits that begin per second")
	flag.StringVar(&crowd.status, "status", "", "file that is kept up to date with the counts, each second")
	length := flag.Duration("for", 0, "end after this time; 0: when asked to")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	if *length > 0 {
		ctx, stop = context.WithTimeout(ctx, *length)
	}
	err := crowd.run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "customers:", err)
		os.Exit(1)
	}
	fmt.Println(crowd.seen.JSON())
}

// crowd is all customers together.
type crowd struct {
	base   string
	rate   float64
	status string
	seen   *summary
}

// run begins visits until ctx ends, and waits for those under way.
func (c *crowd) run(ctx context.Context) error {
	if c.rate <= 0 || c.rate > 1000 {
		return fmt.Errorf("expected a rate above 0, 1000 at most, found %g", c.rate)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 100}
	defer transport.CloseIdleConnections()
	var visits sync.WaitGroup
	started, written := time.Now(), time.Time{}
	for n := 0; ; n++ {
		due := started.Add(time.Duration(float64(n) / c.rate * float64(time.Second)))
		select {
		case <-ctx.Done():
			visits.Wait()
			return c.write()
		case <-time.After(time.Until(due)):
		}
		if time.Since(written) > time.Second {
			written = time.Now()
			if err := c.write(); err != nil {
				return err
			}
		}
		visits.Go(func() { c.visit(context.WithoutCancel(ctx), n, transport) })
	}
}

// visit is one customer's visit. Each request has a limit of its own; a visit whose
// request failed ends there, and the failure is counted by then.
func (c *crowd) visit(ctx context.Context, n int, transport http.RoundTripper) {
	if err := planFor(n)(ctx, visitor.New(c.base, transport, c.seen.note), n); err != nil {
		c.seen.brokenOff()
	}
}

// write replaces the status file whole.
func (c *crowd) write() error {
	if c.status == "" {
		return nil
	}
	next := c.status + ".next"
	if err := os.WriteFile(next, []byte(c.seen.JSON()+"\n"), 0o644); err != nil {
		return err
	}
	return os.Rename(next, c.status)
}
