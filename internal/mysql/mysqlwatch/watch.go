package mysqlwatch

import (
	"context"
	"errors"
	"sync"
	"time"

	"understudy"
	"understudy/internal/mysql"
)

// Spec says what is watched.
type Spec struct {
	// URL leads to the database that is watched, as an account that may read and set
	// everything: mysql://root@/shop?socket=/path.
	URL string
	// User and Program tell the migration's sessions: the account's name, the connection
	// attribute program_name. At least one is given; what is empty is not looked at.
	User, Program string
	// Every is the time between two looks; 0: 5 ms.
	Every time.Duration
}

// Watch is one watch under way.
type Watch struct {
	spec Spec
	conn *mysql.Connection
	switches
	before   catalog
	began    counters
	record   *record
	start    time.Time
	read     time.Time // the histories, last
	readNext time.Duration
	done     chan struct{}
	stop     chan struct{}
	once     sync.Once
	broken   error
}

// Start looks at the database and begins to watch. It returns when whatever is done from
// now on will be seen. The watch ends with Stop, or with ctx.
func Start(ctx context.Context, spec Spec) (*Watch, error) {
	if spec.User == "" && spec.Program == "" {
		return nil, understudy.Errorf(understudy.KindInvalid, "watching a database: neither user nor program tells the migration's sessions from others").
			WithHint("let the migration connect as a user of its own")
	}
	if spec.Every <= 0 {
		spec.Every = 5 * time.Millisecond
	}
	conn, err := mysql.Dial(ctx, spec.URL)
	if err != nil {
		return nil, err
	}
	w := &Watch{spec: spec, conn: conn, done: make(chan struct{}), stop: make(chan struct{}), record: newRecord()}
	if err := w.begin(ctx); err != nil {
		err = errors.Join(err, w.putBack(context.WithoutCancel(ctx)))
		conn.Close()
		return nil, err
	}
	go w.run(ctx)
	return w, nil
}

func (w *Watch) begin(ctx context.Context) (err error) {
	if w.before, err = w.readCatalog(ctx); err != nil {
		return err
	}
	w.record.copiesOnline = w.conn.Maria && !w.conn.Before(11, 2)
	if err := w.switchOn(ctx); err != nil {
		return err
	}
	if err := w.openHistory(ctx); err != nil {
		return err
	}
	w.read, w.readNext = w.start, historySoonest
	if w.began, err = w.readCounters(ctx); err != nil {
		return err
	}
	w.record.peak = w.began.bytes
	return w.look(ctx)
}

func (w *Watch) run(ctx context.Context) {
	defer close(w.done)
	tick := time.NewTicker(w.spec.Every)
	defer tick.Stop()
	for {
		select {
		case <-w.stop:
			if w.broken = w.ended(ctx); w.broken == nil {
				w.broken = errors.Join(w.look(ctx), w.settle(ctx), w.readHistory(ctx))
			}
			return
		case <-ctx.Done():
			w.broken = w.ended(ctx)
			return
		case <-tick.C:
		}
		if w.broken = w.look(ctx); w.broken == nil && time.Since(w.read) >= w.readNext {
			w.broken = w.readHistory(ctx)
		}
		if w.broken != nil {
			return
		}
	}
}

// ended is the error of a watch whose context is over.
func (w *Watch) ended(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	return understudy.Errorf(understudy.KindUnavailable, "watching %s: the watch was ended before the migration: %w", w.conn.Database, context.Cause(ctx))
}

// Stop ends the watch, puts the server's settings back, and says what was seen. It is
// called once, after the migration has ended. With an error, what is there of the
// observation is not the whole.
func (w *Watch) Stop(ctx context.Context) (seen understudy.Observation, err error) {
	first := false
	w.once.Do(func() { first = true; close(w.stop) })
	if !first {
		return seen, understudy.Errorf(understudy.KindConflict, "ending the watch of database %s: it has ended already", w.conn.Database)
	}
	<-w.done
	defer w.conn.Close()
	err = w.broken
	if err == nil {
		seen, err = w.conclude(ctx)
	}
	return seen, errors.Join(err, w.restore(context.WithoutCancel(ctx)))
}

// restore puts the settings back, over a connection of its own where the watch's was ended
// in the middle of something.
func (w *Watch) restore(ctx context.Context) error {
	if w.broken == nil {
		return w.putBack(ctx)
	}
	conn, err := mysql.Dial(ctx, w.spec.URL)
	if err != nil {
		return err
	}
	defer conn.Close()
	w.conn.Close()
	w.conn = conn
	return w.putBack(ctx)
}

func (w *Watch) conclude(ctx context.Context) (seen understudy.Observation, err error) {
	after, err := w.readCatalog(ctx)
	if err != nil {
		return seen, err
	}
	ended, err := w.readCounters(ctx)
	if err != nil {
		return seen, err
	}
	seen = understudy.Observation{
		Server: w.conn.Server, Began: w.start, Every: max(w.spec.Every, w.record.gap),
		LogBytes: ended.log - w.began.log, BytesBefore: w.began.bytes, BytesAfter: ended.bytes, BytesPeak: max(w.record.peak, ended.bytes),
	}
	w.settleOwners(ended)
	tell(&seen, w.record, w.before, after)
	return seen, nil
}
