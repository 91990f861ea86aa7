package logical

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"understudy"
	"understudy/internal/yield"
)

// stream moves the rows of one table: read on one connection, masked piece by piece by
// several goroutines, written in the source's order on another connection.
//
//	source ─▶ cutter ─┬▶ work ─▶ maskers ─┐
//	                  └▶ ordered ─────────┴▶ arrivals (batches) ─▶ target
type stream struct {
	table    *copiedTable
	observe  observer
	throttle *throttle
	moved    func(rows, bytes int64)
	maskers  int
	work     chan *piece // to be masked
	ordered  chan *piece // in the order of the source
	failed   error       // why the source stopped; set before ordered is closed
}

// The ends of a stream tell each other that they stopped, and nothing more: what they
// say ends up in a server's log.
var errSourceStopped = errors.New("the source stopped")

// run moves what the one statement reads to where the other writes, and tells what was
// read and how many rows arrived. Of two ends that stop, the first has the reason.
func (s *stream) run(ctx context.Context, source, target *pgx.Conn, out, in string) (read cutter, arrived int64, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.work, s.ordered = make(chan *piece, 2*s.maskers), make(chan *piece, 2*s.maskers+2)
	read = cutter{ctx: ctx, codec: s.table.codec, hand: s.hand, moved: s.moved}
	_, isBinary := s.table.codec.(binaryCodec)
	read.headed = !isBinary
	var busy errgroup.Group
	busy.Go(func() error {
		s.failed = s.read(ctx, source, out, &read)
		close(s.work)
		close(s.ordered)
		return nil
	})
	for range s.maskers {
		busy.Go(func() error { return yield.Run(func() error { s.mask(); return nil }) })
	}
	coming := &arrivals{ctx: ctx, stream: s, chain: s.table.batchers(s.observe)}
	if isBinary {
		coming.now, coming.trailer = []byte(binaryHeader), []byte(binaryTrailer)
	}
	tag, refused := target.PgConn().CopyFrom(ctx, coming, in)
	if refused != nil {
		cancel()
	}
	_ = busy.Wait() // what it has to say is in s.failed
	unsafe, ended := coming.outcome()
	switch {
	case unsafe != nil:
		return read, 0, unsafe
	case s.failed != nil && (refused == nil || ended):
		return read, 0, sourceError(s.table, read.rows, s.failed)
	case refused != nil:
		return read, 0, targetError(s.table, read.rows, refused)
	}
	return read, tag.RowsAffected(), nil
}

func (s *stream) read(ctx context.Context, source *pgx.Conn, out string, to *cutter) error {
	tag, err := source.PgConn().CopyTo(ctx, to, out)
	if err == nil {
		err = to.finish()
	}
	if err == nil && tag.RowsAffected() != to.rows {
		err = understudy.Errorf(understudy.KindInternal, "copying %s: the source sent %d rows and %d came through", s.table.name(), tag.RowsAffected(), to.rows)
	}
	return err
}

// hand gives rows to whoever comes next, and waits while too many are on their way.
func (s *stream) hand(ctx context.Context, rows []byte, first int64) error {
	if err := s.throttle.take(ctx, len(rows)); err != nil {
		return err
	}
	p := &piece{in: rows, first: first, done: make(chan struct{})}
	if s.table.masks == nil {
		p.out = rows
		close(p.done)
	}
	select {
	case s.ordered <- p:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if s.table.masks == nil {
		return nil
	}
	select {
	case s.work <- p:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// mask masks pieces until there are no more.
func (s *stream) mask() {
	m := newRowMasker(s.table, s.observe)
	for p := range s.work {
		p.out, p.err = m.mask(make([]byte, 0, len(p.in)+len(p.in)/8), p.in, p.first)
		close(p.done)
	}
}

// arrivals are the masked rows in order, as the target reads them.
type arrivals struct {
	mu      sync.Mutex      // held by a read: one may still be under way when the target has refused
	ctx     context.Context // of the stream's run
	stream  *stream
	chain   []*batcher
	now     []byte
	trailer []byte // still to come at the end
	last    bool   // no piece comes any more
	ended   bool   // because the source stopped
	unsafe  error  // the mask that could not make a value safe
}

// Read gives the target the next bytes.
func (a *arrivals) Read(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.now) == 0 {
		if a.last {
			return 0, io.EOF
		}
		if err := a.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, a.now)
	a.now = a.now[n:]
	return n, nil
}

// outcome waits for a read that is under way, and says why no more came.
func (a *arrivals) outcome() (unsafe error, ended bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.unsafe, a.ended
}

func (a *arrivals) next() error {
	p, more := <-a.stream.ordered
	switch {
	case !more && a.stream.failed != nil:
		a.ended = true
		return errSourceStopped
	case !more:
		a.last = true
		return a.pass(nil)
	}
	select {
	case <-p.done:
	case <-a.ctx.Done():
		return errSourceStopped
	}
	if p.err != nil {
		a.unsafe = p.err
		return errSourceStopped
	}
	return a.pass(p.out)
}

// pass brings rows through the batches; behind the last rows comes the format's end.
func (a *arrivals) pass(rows []byte) error {
	out, err := passBatches(a.ctx, a.chain, rows, a.last)
	if err != nil {
		a.unsafe = err
		return errSourceStopped
	}
	if a.last {
		out = append(out, a.trailer...)
	}
	a.now = out
	return nil
}
