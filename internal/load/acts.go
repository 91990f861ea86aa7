package load

import (
	"context"
	"math/rand/v2"
	"time"
)

// Act is one thing that a visitor does: a statement to a database, say.
type Act struct {
	Label string
	// Do does it, in at most as long as its context lasts. Failed is why it failed, in a few
	// words that many failures share and that hold no values; empty: it went well.
	Do func(ctx context.Context) (failed string)
}

// NewActs makes traffic of single acts that arrive at a rate a second, as requests do
// with [New]: the same schedule, the same figures. Choose picks the act of each visitor,
// from several goroutines at once; two generators with the same seed hand it the same
// random numbers. Errors are of KindInvalid.
func NewActs(rate float64, choose func(*rand.Rand) Act, seed uint64) (*Generator, error) {
	g, err := paced(rate, seed)
	if err != nil {
		return nil, err
	}
	g.open = func() (visits, func()) {
		return func(number uint64) func(until, requests context.Context, due time.Time) {
			act := choose(rand.New(rand.NewPCG(seed, number)))
			return func(_, requests context.Context, due time.Time) { g.act(requests, act, due) }
		}, func() {}
	}
	return g, nil
}

func (g *Generator) act(parent context.Context, act Act, due time.Time) {
	ctx, cancel := context.WithTimeout(parent, RequestTimeout)
	defer cancel()
	flying := g.record.send(act.Label, due)
	lateness := time.Since(due)
	var why *failure
	if failed := act.Do(ctx); failed != "" {
		class := act.Label + " → " + failed
		why = &failure{class: class, sample: class}
	}
	g.record.answered(flying, lateness, true, why)
}
