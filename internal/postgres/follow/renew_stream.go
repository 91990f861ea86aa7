package follow

import (
	"context"
	"errors"

	"understudy"
	"understudy/internal/postgres/replication"
)

// inflow is the stream for a while, of which nothing is confirmed.
type inflow struct {
	r     *receiver
	at    replication.LSN
	stop  context.CancelFunc
	ended chan error
}

func openInflow(ctx context.Context, spec Spec, from replication.LSN) (*inflow, error) {
	stream, err := replication.Dial(ctx, spec.Source, spec.application(), replication.Logical)
	if err != nil {
		return nil, err
	}
	if err := stream.StartLogical(ctx, spec.slot(), from, spec.Publication); err != nil {
		stream.Close(ctx)
		if understudy.KindOf(err) == understudy.KindRefused {
			return nil, whole("%s", err)
		}
		return nil, err
	}
	running, stop := context.WithCancel(ctx)
	in := &inflow{r: newReceiver(stream, from), at: from, stop: stop, ended: make(chan error, 1)}
	go func() { in.ended <- in.r.run(running) }()
	return in, nil
}

func (in *inflow) close(ctx context.Context) {
	in.stop()
	<-in.ended
	in.r.conn.Close(ctx)
}

// take waits for what comes next.
func (in *inflow) take(ctx context.Context) (item, error) {
	select {
	case it := <-in.r.items:
		in.r.room.Release(it.weight)
		return it, nil
	case err := <-in.ended:
		in.ended <- err // for close
		return item{}, err
	case <-ctx.Done():
		return item{}, context.Cause(ctx)
	}
}

// advance applies all that was committed before a place in production's log, and nothing else.
func (n *renewing) advance(ctx context.Context, to replication.LSN) error {
	for n.in.at < to {
		it, err := n.in.take(ctx)
		if err != nil {
			return err
		}
		if begin, begins := it.change.(replication.Begin); begins && begin.Commit >= to {
			break
		}
		if err := n.apply(ctx, it); err != nil {
			return applyError(err)
		}
	}
	return applyError(n.a.batch.flush(ctx))
}

// applyError tells what a table fewer may mend, or another try, from what shows that the copy
// before is of no use.
func applyError(err error) error {
	odd := new(misfit)
	if err == nil || understudy.KindOf(err) == understudy.KindUnavailable || errors.As(err, &odd) && odd.relation != 0 {
		return err
	}
	return whole("it could not be brought to this moment: %s", err)
}

// apply makes one change where it is to a table that is kept.
func (n *renewing) apply(ctx context.Context, it item) error {
	switch c := it.change.(type) {
	case nil:
		n.in.at = max(n.in.at, it.serverEnd)
	case replication.Commit:
		n.in.at = max(n.in.at, c.End)
	case replication.Relation:
		if err := n.a.apply(ctx, c); err != nil {
			return err
		}
		return n.described(c)
	case replication.Type:
		return n.a.apply(ctx, c)
	case replication.Insert:
		return n.change(ctx, c.Relation, c)
	case replication.Update:
		return n.change(ctx, c.Relation, c)
	case replication.Delete:
		return n.change(ctx, c.Relation, c)
	case replication.Truncate:
		c.Relations = n.keptOf(c.Relations)
		return n.a.truncate(ctx, c)
	}
	return nil
}

func (n *renewing) change(ctx context.Context, relation uint32, c replication.Change) error {
	if _, kept := n.kept[relation]; !kept {
		return nil
	}
	return n.a.apply(ctx, c)
}

func (n *renewing) keptOf(relations []uint32) []uint32 {
	var kept []uint32
	for _, r := range relations {
		if _, is := n.kept[r]; is {
			kept = append(kept, r)
		}
	}
	return kept
}

// described gives up a kept table that was another one on the way: it had another name, or
// other columns, for a while.
func (n *renewing) described(c replication.Relation) error {
	table, kept := n.kept[c.ID]
	if !kept {
		return nil
	}
	_, err := n.a.bound(c.ID)
	if drift := new(Drift); errors.As(err, &drift) || err == nil && quotedName(c.Schema, c.Name) != table.quoted() {
		n.unfit[c.ID] = true
		delete(n.kept, c.ID)
		return nil
	}
	return err
}
