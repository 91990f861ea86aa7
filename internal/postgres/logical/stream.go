package logical

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"understudy"
)

// stream moves the rows of one table: read on one connection or several, masked piece by
// piece by several goroutines, written in the source's order on another connection.
//
//	source ─▶ readers ─┬▶ work ─▶ maskers ──────────┐
//	                   └▶ lanes, of pieces in order ┴▶ arrivals (batches) ─▶ target
//
// A lane is what one statement reads, and lanes are emptied in their order. Readers go ahead
// of the writer by as many lanes as there are readers, and by so much in each.
type stream struct {
	table    *copiedTable
	observe  observer
	throttle *throttle
	moved    func(rows, bytes int64)
	maskers  int
	ahead    int         // pieces of a lane that may be on their way
	work     chan *piece // to be masked
	lanes    chan *lane  // in the order of the source
	buffers  buffers
	read     passed
}

// lane is what one statement reads: a table, or a range of one.
type lane struct {
	statement string
	pieces    chan *piece         // in the order of the source
	room      *semaphore.Weighted // bytes of them
	failed    error               // why the source stopped; set before pieces is closed
}

// passed counts what the readers of a table have sent.
type passed struct {
	mu          sync.Mutex
	rows, bytes int64
}

// add counts what came since the last time, and tells both so far.
func (p *passed) add(rows, bytes int64, tell func(rows, bytes int64)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rows, p.bytes = p.rows+rows, p.bytes+bytes
	tell(p.rows, p.bytes)
}

// The ends of a stream tell each other that they stopped, and nothing more: what they
// say ends up in a server's log.
var errSourceStopped = errors.New("the source stopped")

// run moves what the statements read, one after another, to where the other one writes, and
// tells how many rows arrived. Of two ends that stop, the first has the reason.
func (s *stream) run(ctx context.Context, sources []*pgx.Conn, target *pgx.Conn, out []string, in string) (arrived int64, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.work, s.lanes = make(chan *piece, 2*s.maskers), make(chan *lane, len(sources))
	s.buffers = make(buffers, (len(sources)+1)*s.ahead+2*s.maskers)
	var busy, reading errgroup.Group
	toRead := make(chan *lane)
	busy.Go(func() error { s.lay(ctx, out, toRead); return nil })
	for _, source := range sources {
		reading.Go(func() error { s.readLanes(ctx, source, toRead); return nil })
	}
	busy.Go(func() error { defer close(s.work); return reading.Wait() })
	for range s.maskers {
		busy.Go(func() error { return s.throttle.work(func() error { s.mask(ctx); return nil }) })
	}
	coming := &arrivals{ctx: ctx, stream: s, chain: s.table.batchers(s.observe)}
	if _, isBinary := s.table.codec.(binaryCodec); isBinary {
		coming.now, coming.trailer = []byte(binaryHeader), []byte(binaryTrailer)
	}
	tag, refused := target.PgConn().CopyFrom(ctx, coming, in)
	if refused != nil {
		cancel()
	}
	_ = busy.Wait() // what it has to say is in the lanes
	unsafe, failed := coming.outcome()
	switch {
	case unsafe != nil:
		return 0, unsafe
	case failed != nil:
		return 0, sourceError(s.table, s.read.rows, failed)
	case refused != nil:
		return 0, targetError(s.table, s.read.rows, refused)
	}
	return tag.RowsAffected(), nil
}

// lay puts the lanes in their order, each for the next reader that is free.
func (s *stream) lay(ctx context.Context, statements []string, toRead chan<- *lane) {
	defer close(s.lanes)
	defer close(toRead)
	for _, statement := range statements {
		l := &lane{statement: statement, pieces: make(chan *piece, s.ahead), room: semaphore.NewWeighted(int64(s.ahead) * pieceSize)}
		for _, to := range []chan<- *lane{s.lanes, toRead} {
			select {
			case to <- l:
			case <-ctx.Done():
				return
			}
		}
	}
}

// readLanes reads lanes until there are no more, or one stops.
func (s *stream) readLanes(ctx context.Context, source *pgx.Conn, lanes <-chan *lane) {
	for l := range lanes {
		l.failed = s.readLane(ctx, source, l)
		close(l.pieces)
		if l.failed != nil {
			return
		}
	}
}

func (s *stream) readLane(ctx context.Context, source *pgx.Conn, l *lane) error {
	var rows, bytes int64
	_, isBinary := s.table.codec.(binaryCodec)
	to := &cutter{
		ctx: ctx, codec: s.table.codec, headed: !isBinary, buffers: s.buffers,
		hand: func(ctx context.Context, whole []byte, first int64) error { return s.hand(ctx, l, whole, first) },
		moved: func(rowsNow, bytesNow int64) {
			s.read.add(rowsNow-rows, bytesNow-bytes, s.moved)
			rows, bytes = rowsNow, bytesNow
		},
	}
	tag, err := source.PgConn().CopyTo(ctx, to, l.statement)
	if err == nil {
		err = to.finish()
	}
	if err == nil && tag.RowsAffected() != to.rows {
		err = understudy.Errorf(understudy.KindInternal, "copying %s: the source sent %d rows and %d came through", s.table.name(), tag.RowsAffected(), to.rows)
	}
	return err
}

// hand gives rows to whoever comes next, and waits while too many are on their way.
func (s *stream) hand(ctx context.Context, l *lane, rows []byte, first int64) error {
	if err := s.throttle.take(ctx, len(rows)); err != nil {
		return err
	}
	p := &piece{in: rows, first: first, room: min(int64(len(rows)), int64(s.ahead)*pieceSize), done: make(chan struct{})}
	if l.room.Acquire(ctx, p.room) != nil {
		return context.Cause(ctx)
	}
	if s.table.masks == nil {
		p.out = rows
		close(p.done)
	}
	select {
	case l.pieces <- p:
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

// mask masks pieces until there are no more. When the run is over nobody waits for those that
// are left, and a thread that yields may be long about them on a machine with much to do.
func (s *stream) mask(ctx context.Context) {
	m := newRowMasker(s.table, s.observe)
	for p := range s.work {
		if ctx.Err() != nil {
			continue
		}
		p.out, p.err = m.mask(s.buffers.take(), p.in, p.first)
		s.buffers.give(p.in)
		close(p.done)
	}
}

// arrivals are the masked rows in order, as the target reads them.
type arrivals struct {
	mu      sync.Mutex      // held by a read: one may still be under way when the target has refused
	ctx     context.Context // of the stream's run
	stream  *stream
	chain   []*batcher
	lane    *lane // that is being emptied
	now     []byte
	spent   []byte // the buffer that now is part of
	trailer []byte // still to come at the end
	last    bool   // no piece comes any more
	failed  error  // why the source stopped
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
func (a *arrivals) outcome() (unsafe, failed error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.unsafe, a.failed
}

func (a *arrivals) next() error {
	a.stream.buffers.give(a.spent)
	a.spent = nil
	p, err := a.piece()
	switch {
	case err != nil:
		return err
	case p == nil:
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
	a.spent = p.out
	return a.pass(p.out)
}

// piece is the next one of the lanes; nil: there are no more.
func (a *arrivals) piece() (*piece, error) {
	for {
		if a.lane == nil {
			next, more := <-a.stream.lanes
			if !more {
				return nil, a.ended()
			}
			a.lane = next
		}
		select {
		case p, more := <-a.lane.pieces:
			if more {
				a.lane.room.Release(p.room)
				return p, nil
			}
		case <-a.ctx.Done(): // nobody may have begun to read it
			return nil, errSourceStopped
		}
		if a.lane.failed != nil {
			if a.ended() == nil { // or it stopped because the target had
				a.failed = a.lane.failed
			}
			return nil, errSourceStopped
		}
		a.lane = nil
	}
}

// ended tells that the run is over, so that lanes may be missing.
func (a *arrivals) ended() error {
	if a.ctx.Err() != nil {
		return errSourceStopped
	}
	return nil
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
