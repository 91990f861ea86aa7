package daemon

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"understudy"
	"understudy/internal/postgres/follow"
	"understudy/internal/postgres/replication"
	"understudy/internal/store"
)

// live are the followers that run in this process, by their twin.
type live struct {
	mu     sync.Mutex
	twins  map[string]*followers
	looked map[string]time.Time // when the log was looked at that production keeps for a twin's next copy
}

// due tells whether so much time has gone since it was the last time.
func (l *live) due(twin string, every time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.looked[twin]) < every {
		return false
	}
	if l.looked == nil {
		l.looked = map[string]time.Time{}
	}
	l.looked[twin] = time.Now()
	return true
}

// followers keep the golden copies of one twin current. They run and end together.
type followers struct {
	record following
	each   map[string]*pursuit // by database
	end    context.CancelFunc
	ended  chan struct{}
	kept   time.Time // when it was last written down as of when the copies are; only tend looks
}

// of is the followers of a twin that run; nil: none.
func (l *live) of(twin string) *followers {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.twins[twin]
}

func (l *live) begun(twin string, f *followers) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.twins == nil {
		l.twins = map[string]*followers{}
	}
	l.twins[twin] = f
}

func (l *live) over(twin string, f *followers) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.twins[twin] == f {
		delete(l.twins, twin)
	}
}

// run follows until ctx ends, or the first of them cannot go on.
func (f *followers) run(ctx context.Context) error {
	all, ctx := errgroup.WithContext(ctx)
	for database, p := range f.each {
		all.Go(func() error {
			if err := p.Run(ctx); err != nil {
				return fmt.Errorf("database %s: %w", database, err)
			}
			return nil
		})
	}
	return all.Wait()
}

// asOf is the moment that all the copies have everything of.
func (f *followers) asOf() time.Time {
	var oldest time.Time
	for _, p := range f.each {
		if _, at := p.look(); oldest.IsZero() || at.Before(oldest) {
			oldest = at
		}
	}
	return oldest
}

// connecting tells whether one of them has lost an end.
func (f *followers) connecting() bool {
	for _, p := range f.each {
		if p.Status().State == follow.StateConnecting {
			return true
		}
	}
	return false
}

// reached tells whether every copy has come to a place in production's log.
func (f *followers) reached(goals map[string]replication.LSN) bool {
	for database, goal := range goals {
		if p := f.each[database]; p != nil && p.Status().Applied < goal {
			return false
		}
	}
	return true
}

// pursuit is one follower, and the moment that its copy has everything of.
type pursuit struct {
	*follow.Follower
	mu         sync.Mutex
	asOf       time.Time
	goal       replication.LSN // where production was when it connected: before that, its lag says nothing
	reconnects int
}

// look takes note of how far the copy is.
func (p *pursuit) look() (follow.Status, time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now, s := time.Now().UTC(), p.Status()
	switch {
	case s.State != follow.StateFollowing && s.State != follow.StatePaused, s.Reconnects != p.reconnects:
		p.goal, p.reconnects = 0, s.Reconnects
	case p.goal == 0:
		p.goal = s.Server
	}
	if at := now.Add(-s.Lag); p.goal > 0 && s.Applied >= p.goal && at.After(p.asOf) {
		p.asOf = at
	}
	return s, p.asOf
}

// fresh says that the copy has everything that production had committed at a moment.
func (p *pursuit) fresh(at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at.After(p.asOf) {
		p.asOf = at
	}
}

func (p *pursuit) following(f understudy.Following) understudy.Following {
	s, asOf := p.look()
	f.State, f.Why, f.LagBytes, f.AsOf = understudy.FollowingState(s.State), s.Trouble, s.LagBytes, asOf
	if s.State == follow.StateStopped { // it is about to begin, or to be begun again
		f.State = understudy.FollowingConnecting
	}
	return f
}

// stopFollowers ends the followers of a twin, and returns when they have ended. They can be
// started again.
func (d *Daemon) stopFollowers(twin string) {
	if f := d.live.of(twin); f != nil {
		f.end()
		<-f.ended
	}
}

// follow runs the followers of a twin, and sees to what comes of it.
func (d *Daemon) follow(ctx context.Context, f *followers) {
	err := f.run(ctx)
	if kept := d.keepAsOf(ctx, f); kept != nil {
		d.options.Log.Error("noting as of when the twin is", "twin", f.record.Twin, "error", kept)
	}
	d.judge(ctx, f, err)
	d.live.over(f.record.Twin, f)
	f.end()
	close(f.ended)
}

// judge tells what another try may mend from what ends a following for good.
func (d *Daemon) judge(ctx context.Context, f *followers, err error) {
	switch {
	case err == nil:
		return
	case understudy.KindOf(err) == understudy.KindUnavailable:
		d.options.Log.Warn("a twin is not followed for the moment", "twin", f.record.Twin, "error", err)
		return
	}
	d.options.Log.Warn("a twin is no longer followed", "twin", f.record.Twin, "error", err)
	conclude := d.concludeFollowing
	if errors.As(err, new(*follow.Drift)) {
		conclude = d.awaitRenewal
	}
	if err := conclude(ctx, f.record, whyStopped(err)); err != nil {
		d.options.Log.Error("clearing up after a following; it is tried again", "twin", f.record.Twin, "error", err)
	}
}

// keepAsOf writes down as of when a snapshot is that is followed, for when nobody follows.
func (d *Daemon) keepAsOf(ctx context.Context, f *followers) error {
	at := f.asOf()
	_, err := store.Update(context.WithoutCancel(ctx), d.store, kindSnapshot, f.record.Twin, func(s *understudy.Snapshot) error {
		if s.ID == f.record.Snapshot && at.After(s.TakenAt) {
			s.TakenAt = at
		}
		return nil
	})
	return err
}

// stepAside has the followers of a twin leave its golden copies, each at a commit of
// production, until goOn.
func (d *Daemon) stepAside(ctx context.Context, twin string) (goOn func(), err error) {
	var paused []*pursuit
	goOn = func() {
		for _, p := range paused {
			p.Resume()
		}
	}
	f := d.live.of(twin)
	if f == nil {
		return goOn, nil
	}
	ctx, cancel := context.WithTimeout(ctx, asideTime)
	defer cancel()
	for _, p := range f.each {
		if err := p.Pause(ctx); err != nil {
			goOn()
			return nil, err
		}
		paused = append(paused, p)
	}
	return goOn, nil
}

// asideTime is how long a clone waits for a transaction of production to be applied whole.
const asideTime = 5 * time.Minute
