package commitgate

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres/replication"
	"understudy/internal/postgres/wal"
	"understudy/internal/yield"
)

// stream reads the log in one goroutine, from opening to close, over as many connections
// as it takes. Commits are held on the first only.
type stream struct {
	spec   Spec
	name   string
	slot   string // of the connection that holds commits; empty: there is none such
	ear    *ear
	begin  replication.LSN
	reader *wal.Reader
	whole  atomic.Bool   // nothing has been let go that should have been held
	shut   atomic.Bool   // nothing is let go
	holds  atomic.Bool   // commits are shown to Hold
	read   atomic.Uint64 // place up to which everything is handed over
	told   replication.LSN
	held   time.Time             // when a commit was last held
	calm   time.Duration         // how long after that the stream rests
	spoken time.Time             // when it was told
	failed atomic.Pointer[error] // why the log cannot be read on
	wake   chan struct{}         // somebody waits for the log to be read
	stop   context.CancelFunc
	done   chan struct{}
	ends   []wal.Outcome
}

const (
	speaks = 100 * time.Millisecond // the gate says something at least so often
	series = 10 * time.Millisecond  // commits that are held so soon after each other: more will come, and the stream waits for them
	single = time.Millisecond       // and until it rests after another
	rests  = 100 * time.Millisecond // and for how long at most

	// fullPiece is a piece of the log after which more is waiting, as when a table is written
	// anew: whoever rests then would make the migration's commit wait for what it has written.
	fullPiece = 32 << 10
	gathers   = 2 * time.Millisecond // and of what holds nobody not more often
)

func openStream(ctx context.Context, control *pgx.Conn, spec Spec, name string) (*stream, error) {
	s := &stream{spec: spec, name: name, wake: make(chan struct{}, 1), done: make(chan struct{})}
	s.whole.Store(true)
	var format wal.Format
	err := control.QueryRow(ctx, `SELECT current_setting('server_version_num')::int / 10000,
		(SELECT setting::int FROM pg_settings WHERE name = 'wal_block_size'), (SELECT setting::int FROM pg_settings WHERE name = 'wal_segment_size')`).
		Scan(&format.Major, &format.Page, &format.Segment)
	if err != nil {
		return nil, err
	}
	conn, err := s.dial(ctx, name)
	if err != nil {
		return nil, err
	}
	if err = s.start(ctx, conn, format); err == nil {
		s.ear, err = openEar(ctx, spec.URL)
	}
	if err != nil {
		conn.Close(ctx)
		return nil, err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	go s.run(running, conn)
	return s, nil
}

// dial connects so that the server ends the connection itself when we say nothing for long:
// it would wait for us when it is stopped.
func (s *stream) dial(ctx context.Context, name string) (*replication.Conn, error) {
	u, err := url.Parse(s.spec.URL)
	if err != nil {
		return nil, understudy.Errorf(understudy.KindInvalid, "the address of the server is not well formed")
	}
	q := u.Query()
	q.Set("options", "-c wal_sender_timeout=2s")
	u.RawQuery = strings.ReplaceAll(q.Encode(), "+", "%20")
	return replication.Dial(ctx, u.String(), name, replication.Physical)
}

// start begins at the page on which the log ends now.
func (s *stream) start(ctx context.Context, conn *replication.Conn, format wal.Format) error {
	slot, err := conn.CreateSlot(ctx, replication.SlotSpec{Name: s.name, Mode: replication.Physical, Temporary: true, Reserve: true})
	if err != nil {
		return err
	}
	system, err := conn.Identify(ctx)
	if err != nil {
		return err
	}
	s.begin, s.slot = system.At, slot.Name
	s.reader = wal.NewReader(format, uint64(system.At))
	if err := conn.StartPhysical(ctx, slot.Name, replication.LSN(s.reader.Begin()), 0); err != nil {
		return err
	}
	return s.tell(conn, system.At)
}

func (s *stream) run(ctx context.Context, conn *replication.Conn) {
	defer close(s.done)
	defer s.ear.close(ctx)
	for {
		err := s.follow(ctx, conn)
		conn.Close(ctx)
		s.whole.Store(false)
		s.slot = ""
		if ctx.Err() != nil {
			return
		}
		if conn, err = s.again(ctx, err); err != nil {
			s.failed.Store(&err)
			return
		}
	}
}

// again goes on where the log was left, on a connection that holds nobody.
func (s *stream) again(ctx context.Context, lost error) (*replication.Conn, error) {
	if !errors.Is(lost, replication.ErrStreamEnded) && understudy.KindOf(lost) != understudy.KindUnavailable {
		return nil, lost
	}
	for limit := time.Now().Add(time.Minute); ; {
		conn, err := s.dial(ctx, strings.Replace(s.name, "gate", "log", 1))
		if err == nil {
			if err = conn.StartPhysical(ctx, "", replication.LSN(s.reader.Begin()), 0); err == nil {
				return conn, nil
			}
			conn.Close(ctx)
		}
		if time.Now().After(limit) || ctx.Err() != nil {
			return nil, err
		}
		select {
		case <-time.After(speaks):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// follow takes in what comes and says how far it has come, until the connection ends: at
// once where it has held a commit. Between, the stream rests.
func (s *stream) follow(ctx context.Context, conn *replication.Conn) error {
	defer context.AfterFunc(ctx, conn.Interrupt)()
	aside := false // the sender, which every commit of anybody wakes
	for ctx.Err() == nil {
		aside = aside || yield.Behind(conn.PID())
		message, err := s.receive(conn)
		if err != nil {
			return err
		}
		held, behind := false, false
		if data, is := message.(replication.Data); is {
			behind = len(data.Payload) >= fullPiece
			if held, err = s.take(ctx, data); err != nil {
				return err
			}
		}
		if held {
			s.hold(time.Now())
		}
		at := replication.LSN(s.reader.Begin())
		if s.shut.Load() {
			at = s.told
		}
		if message == nil || held || time.Since(s.spoken) >= gathers {
			if err := s.tell(conn, at); err != nil {
				return err
			}
		}
		if !behind && !conn.More() && !s.shut.Load() && time.Since(s.held) > s.calm {
			if err := s.rest(ctx, conn); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// hold notes that a commit was held.
func (s *stream) hold(now time.Time) {
	s.calm = single
	if now.Sub(s.held) < series {
		s.calm = series
	}
	s.held = now
}

// rest lets what others write gather, to be read at once: a sender that sends wakes with every
// commit of anybody, which takes a tenth of what an application gets through. It ends
// when a commit is held.
func (s *stream) rest(ctx context.Context, conn *replication.Conn) error {
	if s.slot != "" && s.ear.deaf() {
		return nil
	}
	if err := conn.EndStream(ctx); err != nil {
		return err
	}
	back := yield.Rest(conn.PID()) // everybody's commits wake it all the same
	timer := time.NewTimer(rests)
	defer timer.Stop()
	var held <-chan error
	if s.slot != "" {
		held = s.ear.listen(ctx, min(time.Since(s.held), time.Minute))
	}
	select {
	case err := <-held:
		s.ear.heard(err)
	case <-s.wake:
	case <-timer.C:
	case <-ctx.Done():
	}
	back()
	return conn.StartPhysical(ctx, s.slot, replication.LSN(s.reader.Begin()), 0)
}

// receive waits for a message, or for the time to speak: then there is none.
func (s *stream) receive(conn *replication.Conn) (replication.Message, error) {
	wait := speaks
	if s.shut.Load() || s.told < replication.LSN(s.reader.Begin()) || time.Since(s.held) <= s.calm {
		wait = gathers
	}
	message, err := conn.ReceiveBy(time.Now().Add(wait))
	if err != nil && replication.IsWaiting(err) {
		return nil, nil
	}
	return message, err
}

// take hands over the records of a piece, and holds the commits among them.
func (s *stream) take(ctx context.Context, data replication.Data) (held bool, err error) {
	s.ends = s.ends[:0]
	err = s.reader.Read(uint64(data.At), data.Payload, func(r *wal.Record) error {
		s.spec.Record(r)
		if end, ended := r.Outcome(); ended && (end.Committed && end.Applied || end.Prepared) {
			s.ends = append(s.ends, end)
		}
		return nil
	})
	if err == nil && len(s.ends) > 0 && s.holds.Load() {
		holding, cancel := context.WithTimeout(ctx, holdsAtAll)
		defer cancel()
		if err := s.spec.Hold(holding, s.ends); err != nil {
			s.whole.Store(false) // they are let go all the same
		}
	}
	s.read.Store(s.reader.Begin())
	return len(s.ends) > 0, err
}

func (s *stream) tell(conn *replication.Conn, at replication.LSN) error {
	s.spoken = time.Now()
	s.told = max(s.told, at)
	at = s.told
	return conn.SendStatus(replication.Status{Written: at, Flushed: at, Applied: at})
}

// until waits for the reader to have come to a place.
func (s *stream) until(ctx context.Context, place replication.LSN) error {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for replication.LSN(s.read.Load()) < place {
		select {
		case s.wake <- struct{}{}:
		default: // it has been woken
		}
		if failed := s.failed.Load(); failed != nil {
			return *failed
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (s *stream) close() {
	s.stop()
	<-s.done
}
