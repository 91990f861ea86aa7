package logical

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres"
)

// Copy makes the target a masked copy of the source as it is at one moment: roles,
// extensions, schema, ownership and grants as in production, rows through the masks,
// large objects, sequences where they stand. No value touches a disk on the way.
//
// A column that Masks refuses stops the copy before anything is written; the error, of
// KindRefused, names all of them. Masks that do not fit their columns are found on a few
// rows of each table before the rows are copied. The source is never held up: when
// somebody there waits for a lock that the copy holds, the copy gives way with
// KindConflict. After any error the target is unfinished, and the caller's to drop.
// Passwords, user mappings, subscriptions, tablespaces and security labels are not copied.
func Copy(ctx context.Context, spec Spec) (understudy.DatabaseCopy, error) {
	spec, err := spec.complete()
	if err != nil {
		return understudy.DatabaseCopy{}, err
	}
	m, err := spec.openMoment(ctx)
	if err != nil {
		return understudy.DatabaseCopy{}, err
	}
	defer m.Close(ctx)
	spec.Gentle = spec.Gentle.paced(m.Near())
	target, err := openTarget(ctx, spec.Target)
	if err != nil {
		return understudy.DatabaseCopy{}, err
	}
	defer postgres.CloseConn(ctx, target)

	whole, end := context.WithCancel(ctx)
	c := &copying{spec: spec, whole: whole, moment: m, target: target, throttle: newThrottle(spec.Gentle), done: newHeadway(spec.Progress)}
	defer c.settle(end)
	m.Pace = c.throttle.take // While reads at the pace of the copy
	w := &watch{moment: m, throttle: c.throttle, gentle: spec.Gentle, began: time.Now()}
	read, build := c.read, c.build
	if spec.While != nil { // the view is held to the end
		read = func(ctx context.Context) error { return inTurn(ctx, c.read, c.build, c.while) }
		build = func(context.Context) error { return nil }
	}
	if err := w.over(ctx, read); err != nil {
		return understudy.DatabaseCopy{}, err
	}
	m.Close(ctx)
	w.cost.Held = time.Since(w.began)
	if err := endedBy(ctx, build(ctx)); err != nil {
		return understudy.DatabaseCopy{}, err
	}
	return c.result(w.costs()), nil
}

// copying is one copy under way: what was planned, and the two ends.
type copying struct {
	spec      Spec
	whole     context.Context // of the copy from its start to its end, which no call outlives
	moment    *postgres.Moment
	target    *pgx.Conn
	throttle  *throttle
	done      *headway
	source    serverFacts
	into      serverFacts
	tables    []*copiedTable
	sequences []sequenceValue
	objects   largeObjects
	settings  []setting
	unsound   map[string]bool
	post      postData
	indexing  *builders    // of the indexes, from when the first rows are there
	again     atomic.Int64 // tables begun again
}

// read does everything that needs the source: nothing is written before all is decided.
func (c *copying) read(ctx context.Context) error {
	return inTurn(ctx,
		c.checkEnds, c.checkRights, c.listTables, c.lockTables, c.decideMasks, c.decideLargeObjects, c.readSequences, c.readSettings,
		c.noteUnsound, c.noteLeftOut, c.dumpPostData,
		c.makeRoles, c.prepareDatabase, c.makeExtensions, c.makePreData, c.dropUserMappings, c.tryMasks,
		c.copyRows)
}

func (c *copying) copyRows(ctx context.Context) error {
	var size int64
	for _, t := range c.tables {
		size += t.size
	}
	c.done.tables = len(c.tables)
	c.done.enter(PhaseRows, size)
	return inTurn(ctx, c.copyTables, c.copyLargeObjects)
}

// build does everything that needs the target alone, in the order in which things need
// each other.
func (c *copying) build(ctx context.Context) error {
	return inTurn(ctx, c.setSequences, c.buildIndexes, c.buildRest, c.applySettings, c.checkAndAnalyze, c.verify)
}

// settle ends what goes on beside the copy's steps.
func (c *copying) settle(end func()) {
	end()
	if c.indexing != nil {
		_ = c.indexing.Wait() // the copy has its error, or is over
	}
}

func (c *copying) while(ctx context.Context) error { return c.spec.While(ctx, c.moment, c.target) }

// inTurn runs steps until one fails.
func inTurn(ctx context.Context, steps ...func(context.Context) error) error {
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (c *copying) result(cost *understudy.CopyCost) understudy.DatabaseCopy {
	out := understudy.DatabaseCopy{Database: c.source.database, Server: "postgres " + c.source.version}
	for _, t := range c.tables {
		out.Bytes += t.bytes
		out.Tables = append(out.Tables, understudy.TableCopy{Table: t.name(), Rows: t.rows, Masked: t.masked, Earlier: t.earlier})
		if !t.earlier {
			cost.Bytes, cost.Rows = cost.Bytes+t.bytes, cost.Rows+t.rows
		}
	}
	cost.Again = int(c.again.Load())
	out.Cost = cost
	return out
}
