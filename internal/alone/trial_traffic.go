package alone

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"time"

	"understudy"
	"understudy/internal/cli"
	"understudy/internal/load"
	"understudy/internal/rehearsal"
	"understudy/internal/sqltraffic"
)

// trialConnections is how many connections each release keeps, as a pool of a service does.
const trialConnections = 8

// traffic are the statements of both releases.
type traffic struct{ before, after []sqltraffic.Statement }

// declaredTraffic reads what is in files, which is looked at before anything is copied.
func declaredTraffic(order cli.MigrationOrder) (t traffic, err error) {
	if order.Traffic != "" {
		t.before, err = readStatements("--traffic", order.Traffic)
	}
	if err == nil && order.After != "" {
		t.after, err = readStatements("--after", order.After)
	}
	return t, err
}

func readStatements(flag, path string) ([]sqltraffic.Statement, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, understudy.Errorf(understudy.KindInvalid, "%s: %w", flag, err)
	}
	statements, err := sqltraffic.Parse(file)
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, understudy.Errorf(understudy.KindInvalid, "%s %s: %w", flag, path, err)
	}
	return statements, nil
}

// crowd runs the statements of one release, then perhaps of the other.
type crowd struct {
	trial     *trial
	pools     map[rehearsal.Part]*sqltraffic.Pool
	serving   atomic.Pointer[sqltraffic.Pool]
	generator *load.Generator
	stop      context.CancelFunc
	ended     chan error
}

// Gather implements rehearsal.Crowd: it opens the old release's connections and begins.
// Without a statement there is no crowd, and what it could have told stays untold.
func (t *trial) Gather(ctx context.Context) (rehearsal.Audience, error) {
	c := &crowd{trial: t, pools: map[rehearsal.Part]*sqltraffic.Pool{}, ended: make(chan error, 1)}
	if err := c.serve(ctx, rehearsal.Baseline); err != nil {
		return nil, err
	}
	choose := func(random *rand.Rand) load.Act { return c.serving.Load().Choose(random) }
	generator, err := load.NewActs(t.order.Rate, choose, uint64(time.Now().UnixNano()))
	if err != nil {
		return nil, err
	}
	ctx, c.stop = context.WithCancel(context.WithoutCancel(ctx))
	c.generator, t.crowd = generator, c
	go func() { c.ended <- generator.Run(ctx) }()
	return c, nil
}

// serve opens a release's connections where they are not, and runs its statements.
func (c *crowd) serve(ctx context.Context, part rehearsal.Part) error {
	statements := c.trial.traffic.before
	if part == rehearsal.Candidate {
		statements = c.trial.traffic.after
	}
	if c.pools[part] == nil {
		db, err := c.trial.stand.database(rehearsal.Work)
		if err != nil {
			return err
		}
		pool, err := sqltraffic.Open(ctx, db, statements, trialConnections, c.trial.stand.words)
		if err != nil {
			return err
		}
		c.pools[part] = pool
	}
	c.serving.Store(c.pools[part])
	return nil
}

// Window implements rehearsal.Audience.
func (c *crowd) Window(from, to time.Time, budget time.Duration) rehearsal.Heard {
	return Heard(c.generator.WindowBudget(from, to, budget))
}

// Leave implements rehearsal.Audience.
func (c *crowd) Leave() {
	c.stop()
	<-c.ended // how the crowd went home changes nothing: what it heard is in the generator
	for _, pool := range c.pools {
		_ = pool.Close() // its database is dropped next
	}
	c.trial.crowd = nil
}

// Heard is what a rehearsal hears of traffic.
func Heard(s load.Summary) rehearsal.Heard {
	return rehearsal.Heard{
		Journeys: s.Journeys, Requests: s.Requests, Failed: s.Failed, Dropped: s.Dropped, Classes: s.Classes,
		P50: s.P50, P99: s.P99, Max: s.Max, Stalled: s.Stall.Requests, Longest: s.Stall.Longest, Rate: s.Rate,
		Late: s.LatenessP99, Samples: s.Samples,
	}
}
