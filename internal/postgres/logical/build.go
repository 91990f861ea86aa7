package logical

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"understudy/internal/postgres"
)

// builders are sessions on the target that work off jobs, side by side. Those for indexes
// begin while other tables' rows are still under way.
type builders struct {
	*errgroup.Group
	ctx   context.Context // of the copy they belong to; it ends with the first of them that failed
	turns *turns
	most  int // sessions that work on the jobs at once
	mu    sync.Mutex
	begun int
	built func(job)
}

// newBuilders are none yet.
func (c *copying) newBuilders(ctx context.Context, phase Phase, jobs []job) *builders {
	b := &builders{turns: newTurns(jobs), most: min(c.spec.Parallel, len(jobs)), built: func(j job) { c.done.built(phase, j.name, j.size) }}
	b.Group, b.ctx = errgroup.WithContext(ctx)
	return b
}

// add begins one more, as long as there may be more.
func (b *builders) add(open func(ctx context.Context, sessions int) (*pgx.Conn, error)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.begun == b.most {
		return
	}
	b.begun++
	b.Go(func() error { return b.work(open) })
}

// work takes jobs until there are none; a session is opened for the first.
func (b *builders) work(open func(ctx context.Context, sessions int) (*pgx.Conn, error)) error {
	j, more := b.turns.next(b.ctx)
	if !more {
		return nil
	}
	target, err := open(b.ctx, b.most)
	if err != nil {
		return err
	}
	defer postgres.CloseConn(b.ctx, target)
	for ; more; j, more = b.turns.next(b.ctx) {
		if err := runJob(b.ctx, target, j); err != nil {
			return err
		}
		b.turns.over(j)
		b.built(j)
	}
	return nil
}

// finish works off what is left, with all that may work on it.
func (c *copying) finish(b *builders) error {
	for range b.most {
		b.add(c.openBuilder)
	}
	return b.Wait()
}

// runJobs runs jobs on several sessions, the largest first.
func (c *copying) runJobs(ctx context.Context, phase Phase, jobs []job) error {
	return c.finish(c.newBuilders(ctx, phase, jobs))
}

// openBuilder is a session on the target that may take the memory to build an index, and
// its share of the workers that the server gives to one who builds alone: those who build side
// by side keep the processors busy without them, and workers sort through files.
func (c *copying) openBuilder(ctx context.Context, sessions int) (*pgx.Conn, error) {
	target, err := openTarget(ctx, c.spec.Target)
	if err != nil {
		return nil, err
	}
	_, err = target.Exec(ctx, fmt.Sprintf(`SET maintenance_work_mem = '%dkB'; SET synchronous_commit = off; SET jit = off;
		SELECT set_config('max_parallel_maintenance_workers', (greatest(current_setting('max_parallel_maintenance_workers')::int + 1, %[2]d) / %[2]d - 1)::text, false)`,
		c.spec.IndexMemory>>10, sessions))
	if err != nil {
		postgres.CloseConn(ctx, target)
		return nil, postgres.ReadError("preparing the session that builds indexes", err)
	}
	return target, nil
}

// buildIndexes builds the indexes, and the keys that are indexes, the largest first; some
// are there already.
func (c *copying) buildIndexes(ctx context.Context) error {
	c.done.enter(PhaseIndexes, total(c.post.indexes))
	if err := c.finish(c.indexing); err != nil {
		return err
	}
	return c.runItems(ctx, c.post.attach)
}

// buildRest adds the foreign keys, and makes everything else in pg_dump's order that none of
// the later steps needs to come last.
func (c *copying) buildRest(ctx context.Context) error {
	c.done.enter(PhaseConstraints, total(c.post.whole))
	for _, j := range c.post.foreign {
		if err := runJob(ctx, c.target, j); err != nil {
			return err
		}
	}
	if err := c.runJobs(ctx, PhaseConstraints, c.post.whole); err != nil {
		return err
	}
	return c.runItems(ctx, c.post.rest)
}

// checkAndAnalyze has the foreign keys checked, and gives the target statistics of its own
// rows, several tables at once: a table with many keys leaves a processor to the others.
// Event triggers come behind it, as they would fire.
func (c *copying) checkAndAnalyze(ctx context.Context) error {
	jobs, err := c.statisticsJobs(ctx, "rp")
	if err != nil {
		return err
	}
	jobs = append(jobs, c.post.check...)
	c.done.enter(PhaseStatistics, total(jobs))
	if err := c.runJobs(ctx, PhaseStatistics, jobs); err != nil {
		return err
	}
	if err := c.runItems(ctx, c.post.last); err != nil {
		return err
	}
	if jobs, err = c.statisticsJobs(ctx, "m"); err != nil {
		return err
	}
	return c.runJobs(ctx, PhaseStatistics, jobs)
}

func (c *copying) runItems(ctx context.Context, items []item) error {
	for _, i := range items {
		if err := runJob(ctx, c.target, job{name: strings.ToLower(i.kind) + " " + i.name, sql: i.sql}); err != nil {
			return err
		}
	}
	return nil
}
