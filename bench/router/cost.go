package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"understudy/bench/figures"
)

const (
	few  = 2  // visitors at once, for latencies
	many = 32 // at saturation
)

// taken is what one proxy did in one window.
type taken struct {
	perRequest  float64 // µs of processor
	median, p99 float64 // µs
	rate        float64 // requests a second
}

// cost is processor time for each request and throughput at saturation, and latencies
// with few visitors, of every proxy and of the origin alone.
func (b *bench) cost(ctx context.Context) error {
	calm, full := map[string][]taken{}, map[string][]taken{}
	for round := range b.rounds {
		fmt.Fprintf(os.Stderr, "  round %d of %d\n", round+1, b.rounds)
		order := slices.Clone(b.proxies)
		if round%2 == 1 {
			slices.Reverse(order)
		}
		direct, err := b.during(ctx, b.origins[0].process, few)
		if err != nil {
			return err
		}
		calm["direct"] = append(calm["direct"], direct)
		for _, p := range order {
			for visitors, into := range map[int]map[string][]taken{few: calm, many: full} {
				t, err := b.during(ctx, p.process, visitors)
				if err != nil {
					return fmt.Errorf("%s: %w", p.name, err)
				}
				into[p.name] = append(into[p.name], t)
			}
		}
	}
	b.noteCost(calm, full)
	return nil
}

// during measures one process for one window, after a short one that is not counted.
func (b *bench) during(ctx context.Context, p *process, visitors int) (taken, error) {
	if err := pass(ctx, gather(p.address, visitors), b.window/5); err != nil {
		return taken{}, err
	}
	pids := family(p.cmd.Process.Pid)
	before, err := processor(pids)
	if err != nil {
		return taken{}, err
	}
	c := gather(p.address, visitors)
	begun := time.Now()
	if err := pass(ctx, c, b.window); err != nil {
		return taken{}, err
	}
	took := time.Since(begun)
	after, err := processor(pids)
	if err != nil {
		return taken{}, err
	}
	if failed := c.failed.Load(); failed > 0 {
		return taken{}, fmt.Errorf("%d of %d requests failed, the first because of: %w", failed, c.count.Load(), c.why())
	}
	slices.Sort(c.times)
	n := float64(len(c.times))
	return taken{perRequest: float64((after - before).Microseconds()) / n, rate: n / took.Seconds(),
		median: micros(c.times, 0.5), p99: micros(c.times, 0.99)}, nil
}

// pass lets time pass while a crowd comes.
func pass(ctx context.Context, c *crowd, d time.Duration) error {
	defer c.leave()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

func micros(sorted []time.Duration, quantile float64) float64 {
	return float64(sorted[min(int(float64(len(sorted))*quantile), len(sorted)-1)].Nanoseconds()) / 1e3
}

func median(all []taken, of func(taken) float64) float64 {
	var values []float64
	for _, t := range all {
		values = append(values, of(t))
	}
	return figures.Median(values)
}

func (b *bench) noteCost(calm, full map[string][]taken) {
	cpu := func(t taken) float64 { return t.perRequest }
	own := median(full[ours], cpu)
	against := func(metric string, value float64, unit, peer string, values []taken, of func(taken) float64, atMost float64) {
		if len(values) == 0 {
			if atMost != 0 {
				b.note(figures.Unmeasured(metric, fmt.Sprintf("at most %g x", atMost), peer+" is not there"))
			}
			return
		}
		b.note(figures.Against(metric, value, unit, peer, median(values, of), atMost, 0))
	}
	for _, k := range kinds()[1:] {
		against("processor time of a request, at saturation", own, "µs", k.name, full[k.name], cpu, map[string]float64{tuned: 1.10, kamal: 0.75}[k.name])
	}
	middle := func(t taken) float64 { return t.median }
	direct := median(calm["direct"], middle)
	added := func(t taken) float64 { return t.median - direct }
	for _, k := range kinds()[1:] {
		against("median latency added to the application's own", median(calm[ours], added), "µs", k.name, calm[k.name], added, map[string]float64{tuned: 1.10}[k.name])
	}
	b.note(figures.Alone("median latency of the application alone", direct, "µs", 0, 0))
	for _, k := range kinds()[1:] {
		against("99 % of latencies at most", median(calm[ours], func(t taken) float64 { return t.p99 }), "µs", k.name, calm[k.name], func(t taken) float64 { return t.p99 }, 0)
	}
	rate := func(t taken) float64 { return t.rate }
	for _, k := range kinds()[1:] {
		against("throughput at saturation", median(full[ours], rate), "requests/s", k.name, full[k.name], rate, 0)
	}
}
