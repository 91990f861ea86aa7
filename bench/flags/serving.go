package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"understudy/bench/figures"
)

// The paths that are asked: one flag with a rule of a hundred, and all of them.
const (
	onePath = "/ofrep/v1/evaluate/flags/flag-7"
	allPath = "/ofrep/v1/evaluate/flags"
)

// measured is what one server showed, by round: how long reads took in the blocks that count,
// in milliseconds, and what reads cost; and how many reads there were, and count.
type measured struct {
	median, p99     []float64
	reads, counting int
	perSecond, cost []float64
}

// enough is how many reads of a round have to count for a p99 to mean something, and
// enoughRounds of how many rounds the median is taken at least.
const (
	enough       = 1000
	enoughRounds = 5
)

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
	metric := fmt.Sprintf(" at %d a second", b.rate)
	if n := min(len(own.p99), len(peer.p99)); n < min(enoughRounds, b.rounds) {
		b.note(figures.Unmeasured("reading a flag, p99"+metric, "at most 0.2 ms", fmt.Sprintf("the machine was too busy: %d rounds count", n)))
	} else {
		b.note(
			figures.Alone("reading a flag, p99"+metric, median(own.p99), "ms", 0.2, 0),
			figures.Against("reading a flag, p99"+metric, median(own.p99), "ms", constant, median(peer.p99), 0, 0),
			figures.Against("reading a flag, median"+metric, median(own.median), "ms", constant, median(peer.median), 0, 0),
		)
	}
	b.note(
		figures.Alone("reads that count for latency: the client ran all the time around them", 100*float64(own.counting)/float64(own.reads), "%", 0, 0),
		figures.Against("processor time of a read, at saturation", median(own.cost), "µs", constant, median(peer.cost), 2, 0),
		figures.Against("reads a second, at saturation", median(own.perSecond), "/s", constant, median(peer.perSecond), 0, 0),
		figures.Alone("processor time of reading all of 100 flags", median(bulk.cost), "µs", 0, 0),
		figures.Alone("processor time of reading all of 100 flags, for each", median(bulk.cost)/100, "µs", 0, 0),
	)
}

func (b *bench) measure(ctx context.Context, s *server, path string, into *measured) error {
	kept, reads, err := pace(ctx, s.address, path, b.rate, b.window)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "  %s: %d of %d reads count\n", s.role, len(kept), reads)
	into.counting, into.reads = into.counting+len(kept), into.reads+reads
	if slices.Sort(kept); len(kept) >= enough {
		into.median, into.p99 = append(into.median, at(kept, 0.5)), append(into.p99, at(kept, 0.99))
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
