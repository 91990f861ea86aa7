package follow

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"

	"understudy"
	"understudy/internal/postgres"
	"understudy/internal/postgres/replication"
)

// Production's transactions are committed in the twin one by one as they come; when more
// are waiting already, several together, up to this many changes or this long.
const (
	groupChanges = 1000
	groupTime    = 100 * time.Millisecond
)

// applier writes the stream into the twin. It is at home in one goroutine.
type applier struct {
	spec      Spec
	conn      *pgx.Conn
	tables    map[string]*table
	relations map[uint32]replication.Relation
	types     map[uint32]replication.Type
	bounds    map[uint32]*bound
	batch     *batch
	group     group
	clock     time.Duration // how far production's clock is ahead of ours
	applied   replication.LSN
	carried   replication.LSN // what the origin has; behind applied where production had nothing for us
}

// group is one transaction in the twin, for one or several of production.
type group struct {
	open         bool // it has begun in the twin
	inside       bool // one of production's is not over yet
	began        time.Time
	first        time.Time // when its first one was committed in production
	last         replication.Commit
	transactions int
	changes      int
}

// openApplier connects to the twin and takes its position.
func openApplier(ctx context.Context, spec Spec) (*applier, error) {
	conn, err := openTarget(ctx, spec)
	if err != nil {
		return nil, err
	}
	a := &applier{
		spec: spec, conn: conn, batch: newBatch(conn),
		relations: map[uint32]replication.Relation{}, types: map[uint32]replication.Type{}, bounds: map[uint32]*bound{},
	}
	if a.carried, err = takeOrigin(ctx, conn, spec); err == nil {
		a.applied = a.carried
		a.tables, err = readTables(ctx, conn, spec)
	}
	if err != nil {
		a.close(ctx)
		return nil, err
	}
	return a, nil
}

// reopen goes on where a was, which was closed between two of production's transactions:
// production does not describe again what it has described to this stream.
func (a *applier) reopen(ctx context.Context) (*applier, error) {
	next, err := openApplier(ctx, a.spec)
	if err != nil {
		return nil, err
	}
	if next.carried != a.carried { // a new stream goes on from there
		next.close(ctx)
		return nil, understudy.Errorf(understudy.KindUnavailable, "going on after a pause: the twin stands at %s of production's log, and stood at %s before", next.carried, a.carried)
	}
	next.relations, next.types, next.clock, next.applied = a.relations, a.types, a.clock, a.applied
	return next, nil
}

// close ends the session and waits until the server has, within reason: whoever clones the
// database next finds nobody on it, and nobody holds its position.
func (a *applier) close(ctx context.Context) {
	conn := a.conn.PgConn()
	late := time.Now().Add(homeTime)
	if !conn.IsClosed() && conn.Conn().SetDeadline(late) == nil {
		conn.Frontend().Send(&pgproto3.Terminate{})
		if conn.Frontend().Flush() == nil {
			_, _ = io.Copy(io.Discard, conn.Conn()) // ends with the server's process
		}
	}
	postgres.CloseConn(ctx, a.conn)
	select {
	case <-conn.CleanupDone():
	case <-time.After(time.Until(late)):
	}
}

// apply takes in one change. The transaction in the twin is over when group.open is false.
func (a *applier) apply(ctx context.Context, change replication.Change) error {
	switch c := change.(type) {
	case replication.Begin:
		a.group.inside = true
		if a.group.transactions == 0 {
			a.group.first, a.group.began = c.At, time.Now()
		}
	case replication.Commit:
		a.group.inside = false
		a.group.last = c
		a.group.transactions++
	case replication.Relation:
		a.relations[c.ID] = c
		delete(a.bounds, c.ID)
	case replication.Type:
		a.types[c.ID] = c
	case replication.Insert:
		return a.insert(ctx, c)
	case replication.Update:
		return a.update(ctx, c)
	case replication.Delete:
		return a.delete(ctx, c)
	case replication.Truncate:
		return a.truncate(ctx, c)
	}
	return nil
}

// full tells that the group should not grow any more.
func (a *applier) full() bool {
	return a.group.changes >= groupChanges || time.Since(a.group.began) >= groupTime
}

// end commits the group, with production's position in it.
func (a *applier) end(ctx context.Context) error {
	g := a.group
	if g.inside || g.transactions == 0 {
		return nil
	}
	a.group = group{}
	if g.open {
		const doing = "committing production's changes in the twin"
		mark := fmt.Sprintf("SELECT pg_catalog.pg_replication_origin_xact_setup('%s', '%s')", g.last.End, g.last.At.UTC().Format("2006-01-02 15:04:05.999999Z07:00"))
		a.batch.once(mark, doing)
		a.batch.once("COMMIT", doing)
		if err := a.batch.flush(ctx); err != nil {
			return err
		}
	}
	a.applied = g.last.End
	if g.open {
		a.carried = g.last.End
		a.spec.Applied(Applied{To: g.last.End, Transactions: g.transactions, Changes: g.changes, Behind: time.Since(g.first.Add(-a.clock))})
	}
	return nil
}

// reached takes note that production had nothing for us up to a place.
func (a *applier) reached(at replication.LSN) {
	if at > a.applied && !a.group.inside && a.group.transactions == 0 {
		a.applied = at
	}
}

// keep makes the position last, and answers with what production may forget. A position
// beyond the last commit costs a transaction of its own.
func (a *applier) keep(ctx context.Context, alsoIdle bool) (replication.LSN, error) {
	var idle replication.LSN
	if alsoIdle && a.applied > a.carried {
		idle = a.applied
	}
	kept, err := keepPosition(ctx, a.conn, idle)
	if err == nil && idle > 0 {
		a.carried = idle
	}
	return kept, err
}

func (a *applier) bound(relation uint32) (*bound, error) {
	if known, found := a.bounds[relation]; found {
		return known, nil
	}
	described, found := a.relations[relation]
	if !found {
		return nil, understudy.Errorf(understudy.KindInternal, "applying production's changes: a change is to a table that was not described before")
	}
	t, err := match(described, a.tables, a.types)
	if err != nil {
		return nil, err
	}
	b := bind(described, t)
	a.bounds[relation] = b
	return b, nil
}

func (a *applier) insert(ctx context.Context, c replication.Insert) error {
	return a.change(ctx, c.Relation, "adding a row to", func(b *bound) (statement, error) {
		row, err := b.masked(c.New)
		return b.insert(row), err
	})
}

func (a *applier) update(ctx context.Context, c replication.Update) error {
	return a.change(ctx, c.Relation, "changing a row of", func(b *bound) (statement, error) {
		row, err := b.masked(c.New)
		if err != nil || c.Old == nil {
			return b.update(nil, row), err
		}
		old, err := b.masked(c.Old)
		return b.update(old, row), err
	})
}

func (a *applier) delete(ctx context.Context, c replication.Delete) error {
	return a.change(ctx, c.Relation, "taking a row out of", func(b *bound) (statement, error) {
		old, err := b.masked(c.Old)
		return b.delete(old), err
	})
}

func (a *applier) change(ctx context.Context, relation uint32, verb string, make func(*bound) (statement, error)) error {
	b, err := a.bound(relation)
	if err != nil || b.table.foreign {
		return err
	}
	s, err := make(b)
	if err != nil {
		return err
	}
	a.begin()
	a.group.changes++
	return a.batch.add(ctx, s, expectation{doing: verb + " " + b.table.name, one: true, relation: relation})
}

func (a *applier) truncate(ctx context.Context, c replication.Truncate) error {
	var emptied []*bound
	for _, relation := range c.Relations {
		b, err := a.bound(relation)
		if err != nil {
			return err
		}
		if !b.table.foreign {
			emptied = append(emptied, b)
		}
	}
	if len(emptied) == 0 {
		return nil
	}
	a.begin()
	a.group.changes += len(emptied)
	a.batch.once(truncate(emptied, c.RestartIdentity), "emptying "+emptied[0].table.name)
	return nil
}

func (a *applier) begin() {
	if !a.group.open {
		a.group.open = true
		a.batch.once("BEGIN", "beginning a transaction in the twin")
	}
}

// masked is a row as the twin has it.
func (b *bound) masked(row []replication.Value) ([]replication.Value, error) {
	if len(row) != len(b.columns) {
		return nil, understudy.Errorf(understudy.KindInternal, "applying production's changes: a row of %s has %d values, and %d columns were described", b.table.name, len(row), len(b.columns))
	}
	for i, mask := range b.masks {
		if mask == nil || row[i].Kind != replication.ValueText {
			continue
		}
		safe, err := mask(row[i].Text)
		if err != nil {
			return nil, understudy.Errorf(understudy.KindInvalid, "masking %s.%s: %w", b.table.name, b.columns[i], err).WithHint("%s", understudy.HintOf(err))
		}
		if safe == nil {
			row[i] = replication.Value{Kind: replication.ValueNull}
		} else {
			row[i].Text = safe
		}
	}
	return row, nil
}
