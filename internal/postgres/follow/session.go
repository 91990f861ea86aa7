package follow

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"understudy"
	"understudy/internal/postgres"
	"understudy/internal/postgres/replication"
)

// How often, counted in ticks of statusEvery, a position that no commit carries is written,
// and the sequences are read.
const (
	idleTicks     = 10
	sequenceTicks = 10
)

// session is one stream from production into the twin, from connecting until one of the
// connections ends.
type session struct {
	f      *Follower
	a      *applier
	r      *receiver
	source *pgx.Conn
	seq    sequences
	ticks  int
}

// finalError is why following ends for good: the twin cannot go on, and the slot is of no more use.
type finalError struct{ err error }

func (e finalError) Error() string { return e.err.Error() }
func (e finalError) Unwrap() error { return e.err }

// follow runs one session. It enters and leaves the gate.
func (f *Follower) follow(ctx context.Context) error {
	f.note(StateConnecting)
	if err := f.gate.enter(ctx); err != nil {
		return err
	}
	s := &session{f: f}
	defer s.close(ctx)
	if err := s.open(ctx); err != nil {
		return err
	}
	f.connected(s.a.applied)
	both, working := errgroup.WithContext(ctx)
	both.Go(func() error { return judge(working, s.r.run(working)) })
	both.Go(func() error { return judge(working, s.work(working)) })
	return both.Wait()
}

// close ends the sessions, the twin's first: whoever waits at the gate may go in after it.
func (s *session) close(ctx context.Context) {
	if s.a != nil {
		s.a.close(ctx)
	}
	s.f.gate.leave()
	if s.r != nil {
		s.r.conn.Close(ctx)
	}
	if s.source != nil {
		postgres.CloseConn(ctx, s.source)
	}
}

func (s *session) open(ctx context.Context) error {
	spec := s.f.spec
	var err error
	if s.source, err = postgres.OpenReader(ctx, spec.Source, spec.application()); err != nil {
		return err
	}
	if s.a, err = openApplier(ctx, spec); err != nil {
		return err
	}
	if err := s.checkSlot(ctx); err != nil {
		return err
	}
	if err := s.f.expectSchema(ctx, s.source, s.a.conn); err != nil {
		return err
	}
	stream, err := replication.Dial(ctx, spec.Source, spec.application(), replication.Logical)
	if err != nil {
		return err
	}
	s.r = newReceiver(stream, s.a.applied)
	err = stream.StartLogical(ctx, spec.slot(), s.a.applied, spec.Publication)
	switch understudy.KindOf(err) {
	case understudy.KindConflict: // production has not noticed yet that the last connection is gone
		return understudy.Errorf(understudy.KindUnavailable, "%w", err)
	case understudy.KindRefused:
		return finalError{err}
	}
	return err
}

// checkSlot refuses to go on where production would not send all that the twin lacks.
func (s *session) checkSlot(ctx context.Context) error {
	slot, err := readSlot(ctx, s.source, s.f.spec)
	if err != nil {
		return err
	}
	if err := slot.usable(s.f.spec); err != nil {
		return err
	}
	if slot.Confirmed > s.a.applied {
		return finalError{understudy.Errorf(understudy.KindConflict, "the twin stands at %s of production's log, and had confirmed all before %s: its server has lost transactions, and production does not send them again",
			s.a.applied, slot.Confirmed).WithHint("make a fresh copy")}
	}
	s.f.sampled(slot)
	s.a.clock = time.Until(slot.Now)
	return nil
}

// usable says why a slot cannot be read any more.
func (s SlotState) usable(spec Spec) error {
	switch {
	case !s.Exists:
		return understudy.Errorf(understudy.KindNotFound, "production has no replication slot %s any more: a follower gave up, or somebody dropped it", spec.slot()).
			WithHint("make a fresh copy")
	case s.Lost:
		return finalError{understudy.Errorf(understudy.KindRefused, "production has removed log that slot %s needs, as its max_slot_wal_keep_size says", spec.slot()).
			WithHint("make a fresh copy, and raise max_slot_wal_keep_size if the follower has to be away that long")}
	case s.Retained > spec.MaxRetained:
		return finalError{understudy.Errorf(understudy.KindRefused, "production keeps %d MB of its log for slot %s, and may keep %d MB: the follower gave up rather than fill production's disk",
			s.Retained>>20, spec.slot(), spec.MaxRetained>>20).WithHint("make a fresh copy; the twin's server was too slow, or the follower away, or paused, for too long")}
	}
	return nil
}

// work applies what comes, between which it makes the position last and steps out of the
// twin's database when somebody wants it for himself.
func (s *session) work(ctx context.Context) error {
	tick := time.NewTicker(statusEvery)
	defer tick.Stop()
	for {
		wanted := s.f.gate.wanted()
		if s.a.group.inside {
			wanted = nil // after the transaction
		} else if s.f.gate.shut() {
			if err := s.stepOut(ctx); err != nil {
				return err
			}
			continue
		}
		var err error
		select {
		case <-ctx.Done():
			s.goHome(ctx)
			return context.Cause(ctx)
		case <-wanted:
		case it := <-s.r.items:
			err = s.take(ctx, it)
		case <-tick.C:
			err = s.tick(ctx)
		}
		if err != nil {
			return err
		}
	}
}

// judge tells what another connection may mend from what ends the following.
func judge(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return finally(err)
}

func (s *session) take(ctx context.Context, it item) error {
	defer s.r.room.Release(it.weight)
	if it.change == nil {
		s.a.reached(it.serverEnd)
	} else if err := s.a.apply(ctx, it.change); err != nil {
		return err
	}
	if s.a.group.inside || len(s.r.items) > 0 && !s.a.full() {
		return nil
	}
	return s.end(ctx)
}

// end commits what is whole, and tells how far the twin is.
func (s *session) end(ctx context.Context) error {
	transactions, changes := s.a.group.transactions, s.a.group.changes
	if err := s.a.end(ctx); err != nil {
		return err
	}
	s.r.applied.Store(uint64(s.a.applied))
	s.f.applied(s.a.applied, transactions, changes)
	return nil
}

func (s *session) tick(ctx context.Context) error {
	if s.a.group.inside {
		return nil
	}
	s.ticks++
	if s.ticks%sequenceTicks == 1 {
		if err := s.seq.refresh(ctx, s.source, s.a.conn); err != nil {
			return err
		}
	}
	return s.keep(ctx, s.ticks%idleTicks == 0)
}

func (s *session) keep(ctx context.Context, alsoIdle bool) error {
	kept, err := s.a.keep(ctx, alsoIdle)
	if err != nil {
		return err
	}
	if uint64(kept) > s.r.confirmed.Load() {
		s.r.confirmed.Store(uint64(kept))
		s.f.kept(kept)
	}
	return nil
}

// goHome leaves a twin that is at rest as a pause would: its sequences not behind its
// rows. It is a favour to whoever takes the twin next; nothing is lost without it.
func (s *session) goHome(ctx context.Context) {
	if s.a.group.inside {
		return
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), homeTime)
	defer cancel()
	_ = s.settle(ending) // the connections may be what has ended
}

// settle commits what is whole, and brings the sequences up to it.
func (s *session) settle(ctx context.Context) error {
	if err := s.end(ctx); err != nil {
		return err
	}
	if err := s.seq.refresh(ctx, s.source, s.a.conn); err != nil {
		return err
	}
	return s.keep(ctx, false)
}

// homeTime bounds what is done after the end was asked for.
const homeTime = 2 * time.Second

// stepOut leaves the twin's database at a commit, and comes back when nobody wants it any
// more. The stream stays; what comes meanwhile waits, here or in production's log.
func (s *session) stepOut(ctx context.Context) error {
	if err := s.settle(ctx); err != nil {
		return err
	}
	s.a.close(ctx)
	s.f.note(StatePaused)
	s.f.gate.leave()
	if err := s.f.gate.enter(ctx); err != nil {
		return err
	}
	next, err := s.a.reopen(ctx)
	if err != nil {
		return err
	}
	s.a = next
	s.f.note(StateFollowing)
	return nil
}
