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
	visitors = 8
	lines    = 200 // upgraded connections that stay open
)

// switching is the promise that no request is lost by a switch, and no connection cut.
func (b *bench) switching(ctx context.Context) error {
	open, err := upgrade(b.proxy(ours).address, lines)
	if err != nil {
		return err
	}
	defer open.hangUp()
	c := gather(b.proxy(ours).address, visitors)
	defer c.leave()
	done := 0
	for ; done < b.switches || c.count.Load() < int64(b.requests); done++ {
		if err := b.serve(ctx, b.origins[(done+1)%2]); err != nil {
			return err
		}
	}
	c.leave()
	b.noteLoss(fmt.Sprintf("failed requests over %d switches", done), c)
	cut := open.broken()
	b.note(figures.Alone(fmt.Sprintf("of %d upgraded connections cut by the switches", lines), float64(cut), "", 0, 0).Within(cut == 0, "none"))
	return b.serve(ctx, b.origins[0])
}

// pausing is the promise that a pause is no refusal.
func (b *bench) pausing(ctx context.Context) error {
	open, err := upgrade(b.proxy(ours).address, lines)
	if err != nil {
		return err
	}
	defer open.hangUp()
	c := gather(b.proxy(ours).address, visitors)
	defer c.leave()
	client := b.client()
	for range b.switches {
		if err := client.Pause(ctx, "shop", 30*time.Second); err != nil {
			return err
		}
		if err := b.untilHeld(ctx); err != nil {
			return err
		}
		if err := client.Resume(ctx, "shop"); err != nil {
			return err
		}
	}
	c.leave()
	b.noteLoss(fmt.Sprintf("failed requests, 503 among them, over %d pauses", b.switches), c)
	cut := open.broken()
	b.note(figures.Alone(fmt.Sprintf("of %d upgraded connections cut by the pauses", lines), float64(cut), "", 0, 0).Within(cut == 0, "none"))
	return nil
}

// untilHeld waits until somebody waits.
func (b *bench) untilHeld(ctx context.Context) error {
	for {
		state, err := b.client().State(ctx)
		if err != nil || state.Fronts[0].Waiting > 0 {
			return err
		}
	}
}

func (b *bench) noteLoss(metric string, c *crowd) {
	failed, of := c.failed.Load(), c.count.Load()
	if failed > 0 {
		fmt.Fprintf(os.Stderr, "  the first because of: %v\n", c.why())
	}
	b.note(figures.Alone(metric+fmt.Sprintf(", of %d", of), float64(failed), "", 0, 0).Within(failed == 0, "none"))
}

// rollback is the time from the decision to the first answer by the old release, on one
// machine: what a promotion that turns back asks of the router.
func (b *bench) rollback(ctx context.Context) error {
	c := gather(b.proxy(ours).address, few)
	defer c.leave()
	v := &visitor{address: b.proxy(ours).address}
	defer v.leave()
	var times []time.Duration
	for n := range 400 {
		to := b.origins[(n+1)%2]
		begun := time.Now()
		if err := b.serve(ctx, to); err != nil {
			return err
		}
		h, err := v.ask()
		if err != nil {
			return err
		}
		if h.origin != to.name {
			return fmt.Errorf("after the switch to %s, %s answered", to.name, h.origin)
		}
		times = append(times, time.Since(begun))
	}
	slices.Sort(times)
	b.note(figures.Alone("rollback, from the decision to the old release's first answer: median", micros(times, 0.5)/1e3, "ms", 0, 0),
		figures.Alone("rollback, from the decision to the old release's first answer: 99 %", micros(times, 0.99)/1e3, "ms", 100, 0))
	return b.serve(ctx, b.origins[0])
}

// upgrading is the promise that the router's own upgrade loses nothing.
func (b *bench) upgrading(ctx context.Context) error {
	c := gather(b.proxy(ours).address, visitors)
	defer c.leave()
	const upgrades = 10
	for n := 0; n < upgrades || c.count.Load() < int64(b.requests); n++ {
		if n >= upgrades { // enough of them: the rest of the requests
			if err := wait(ctx, 100*time.Millisecond); err != nil {
				return err
			}
			continue
		}
		if err := b.client().Upgrade(ctx, ""); err != nil {
			return err
		}
		if err := wait(ctx, time.Second); err != nil {
			return err
		}
	}
	c.leave()
	b.noteLoss(fmt.Sprintf("failed requests over %d upgrades of the router itself", upgrades), c)
	return nil
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
