package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"understudy/bench/figures"
)

// The paths that are asked: one flag with a rule of a hundred, and all of them.
const (
	onePath = "/ofrep/v1/evaluate/flags/flag-7"
	allPath = "/ofrep/v1/evaluate/flags"
)

// measured is what one server showed in each round. A round in which the client itself was
// late tells of the machine and not of the server: its latencies are void.
type measured struct{ p50, p99, perSecond, cost []float64 }

// tooLate is when a round's latencies are void: the client's own p99, in milliseconds.
const tooLate = 0.5

// serving lets both servers take turns: first at the rate, then as fast as they can.
func (b *bench) serving(ctx context.Context) (err error) {
	var servers []*server
	defer func() {
		for _, s := range servers {
			err = errors.Join(err, s.end())
		}
	}()
	for _, role := range []string{ours, constant} {
		s, err := start(ctx, role)
		if err != nil {
			return fmt.Errorf("starting %s: %w", role, err)
		}
		servers = append(servers, s)
	}
	all := map[string]*measured{ours: {}, constant: {}}
	bulk := &measured{}
	for round := range b.rounds {
		for i := range servers {
			s := servers[(i+round)%2]
			if err := b.measure(ctx, s, onePath, all[s.role]); err != nil {
				return fmt.Errorf("asking %s: %w", s.role, err)
			}
		}
		if err := b.cost(ctx, servers[0], allPath, bulk); err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "round %d of %d\n", round+1, b.rounds)
	}
	b.tell(all[ours], all[constant], bulk)
	return nil
}

func (b *bench) tell(own, peer, bulk *measured) {
	median := figures.Median
	at := fmt.Sprintf(" at %d a second", b.rate)
	if len(own.p99) == 0 || len(peer.p99) == 0 {
		why := fmt.Sprintf("in no round was the client itself less than %g ms late", tooLate)
		b.note(figures.Unmeasured("reading a flag, p99"+at, "at most 0.2 ms", why))
	} else {
		b.note(
			figures.Alone("reading a flag, p99"+at, median(own.p99), "ms", 0.2, 0),
			figures.Against("reading a flag, p99"+at, median(own.p99), "ms", constant, median(peer.p99), 0, 0),
			figures.Against("reading a flag, median"+at, median(own.p50), "ms", constant, median(peer.p50), 0, 0),
		)
	}
	b.note(
		figures.Alone("rounds that count for latency", float64(len(own.p99)), "rounds", 0, 0),
		figures.Against("processor time of a read, at saturation", median(own.cost), "µs", constant, median(peer.cost), 2, 0),
		figures.Against("reads a second, at saturation", median(own.perSecond), "/s", constant, median(peer.perSecond), 0, 0),
		figures.Alone("processor time of reading all of 100 flags", median(bulk.cost), "µs", 0, 0),
		figures.Alone("processor time of reading all of 100 flags, for each", median(bulk.cost)/100, "µs", 0, 0),
	)
}

func (b *bench) measure(ctx context.Context, s *server, path string, into *measured) error {
	got, err := pace(ctx, s.address, path, b.rate, b.window)
	if err != nil {
		return err
	}
	late := at(got.late, 0.99)
	fmt.Fprintf(os.Stderr, "  %s: p99 %.3f ms, the client %.3f ms late\n", s.role, at(got.latencies, 0.99), late)
	if late <= tooLate {
		into.p50, into.p99 = append(into.p50, at(got.latencies, 0.5)), append(into.p99, at(got.latencies, 0.99))
	}
	return b.cost(ctx, s, path, into)
}

func (b *bench) cost(ctx context.Context, s *server, path string, into *measured) error {
	before, err := s.processor()
	if err != nil {
		return err
	}
	began := time.Now()
	answers, err := saturate(ctx, s.address, path, b.window)
	if err != nil {
		return err
	}
	spent := time.Since(began)
	after, err := s.processor()
	into.cost = append(into.cost, (after-before).Seconds()*1e6/float64(answers))
	into.perSecond = append(into.perSecond, float64(answers)/spent.Seconds())
	return err
}
