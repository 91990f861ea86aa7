package migration

import (
	"context"
	"fmt"
	"sync"
	"time"

	"understudy"
	"understudy/internal/check"
)

// Pair is two runs that were started together.
type Pair struct {
	Ends   [2]string `json:"ends"` // how each ended
	OK     [2]bool   `json:"ok"`
	Hung   bool      `json:"hung,omitempty"`
	Differ []string  `json:"differ,omitempty"` // how the schema differs from that of one run
	Took   float64   `json:"seconds"`

	Held
}

func (p Pair) ok() bool { return p.OK[0] && p.OK[1] }

// Together starts the command twice at once. Both must end well, be it that one waits for
// the other or finds nothing left to do, and leave the schema and the data that one run leaves.
func Together(ctx context.Context, lab Lab) (Tried, error) {
	if err := lab.Bench.Fresh(ctx); err != nil {
		return Tried{}, err
	}
	began := time.Now()
	pair, err := lab.pair(ctx)
	if err != nil {
		return Tried{}, fmt.Errorf("running the migration twice at once: %w", err)
	}
	pair.Took = time.Since(began).Seconds()
	if _, err := lab.Bench.Still(ctx, 5*time.Second); err != nil {
		return Tried{}, err
	}
	if pair.Differ, err = lab.differs(ctx); err != nil {
		return Tried{}, err
	}
	if pair.ok() {
		if pair.Held, err = lab.Calm.hold(ctx, lab); err != nil {
			return Tried{}, fmt.Errorf("running the migration twice at once: %w", err)
		}
	}
	tried := judgeTogether(pair, lab.Boots)
	tried.Findings = append(tried.Findings, lab.Calm.found()...)
	return tried, nil
}

func (l Lab) pair(ctx context.Context) (Pair, error) {
	var (
		both [2]Ran
		runs sync.WaitGroup
	)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	for i := range both {
		runs.Go(func() {
			var err error
			if both[i], err = l.runs(ctx, l.First.Took); err != nil {
				cancel(err) // the other is ended; how that ends is no matter
			}
		})
	}
	runs.Wait()
	if err := context.Cause(ctx); err != nil {
		return Pair{}, err
	}
	var pair Pair
	for i, ran := range both {
		pair.Ends[i], pair.OK[i], pair.Hung = endOf(ran), ran.OK(), pair.Hung || ran.Hung
	}
	return pair, nil
}

func judgeTogether(pair Pair, boots bool) Tried {
	tried := Tried{Seen: pair}
	if pair.ok() && len(pair.Differ)+len(pair.Strayed) == 0 {
		tried.Summary = "two at once both end well" + pair.said()
		return tried
	}
	seen := fmt.Sprintf("of two started together one %s, the other %s", pair.Ends[0], pair.Ends[1])
	if len(pair.Differ) > 0 {
		seen += "; the schema is not that of one run: " + few(pair.Differ, 3)
	}
	if len(pair.Strayed) > 0 {
		seen += "; the data is not that of one run: " + few(texts(pair.Strayed), 3)
	}
	f := check.Find(check.MigrationAtOnce, tablesOf(pair.Strayed), seen, check.Facts{"would": wouldTogether(boots)})
	if !boots {
		f.Severity = understudy.SeverityWarning
	}
	tried.Findings = append(tried.Findings, f)
	return tried
}

// wouldTogether says when two could really start at once: Understudy runs a command once,
// and a service that migrates at its start as often as it is started.
func wouldTogether(boots bool) string {
	if boots {
		return "two copies of the service that start together, or one that is started again while the first still migrates, would fail or leave a schema or data that nobody has tested"
	}
	return "Understudy runs the command once at a time; where anything else runs it as well (a second pipeline, replicas at their start, a person), it would fail or leave a schema or data that nobody has tested"
}

func tablesOf(strayed []Strayed) string {
	var names []string
	for _, s := range strayed {
		names = append(names, s.Table)
	}
	return list(names)
}
