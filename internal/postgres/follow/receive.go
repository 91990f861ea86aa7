package follow

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"understudy/internal/postgres/replication"
)

// What may wait between receiving and applying. Beyond it production's server is held
// back by the network, and keeps its log meanwhile.
const (
	waitingBytes = 32 << 20
	itemBytes    = 4 << 10 // counted for each at least
)

// statusEvery is the time between two statuses: often enough for any wal_sender_timeout,
// and for the lag that production shows.
const statusEvery = time.Second

// item is one thing that the stream said: a change, or how far production has come.
type item struct {
	change    replication.Change // nil: a keepalive
	serverEnd replication.LSN
	weight    int64
}

// receiver takes the stream in and answers for the follower. It is at home in one goroutine.
type receiver struct {
	conn      *replication.Conn
	items     chan item
	room      *semaphore.Weighted
	confirmed atomic.Uint64 // on the twin's disk
	applied   atomic.Uint64
	received  replication.LSN
}

func newReceiver(conn *replication.Conn, from replication.LSN) *receiver {
	r := &receiver{
		conn: conn, items: make(chan item, waitingBytes/itemBytes), room: semaphore.NewWeighted(waitingBytes),
		received: from,
	}
	r.confirmed.Store(uint64(from))
	r.applied.Store(uint64(from))
	return r
}

func (r *receiver) run(ctx context.Context) error {
	for {
		if err := r.tell(); err != nil {
			return err
		}
		until, cancel := context.WithTimeout(ctx, statusEvery)
		err := r.receive(ctx, until)
		cancel()
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil && !replication.IsWaiting(err):
			return err
		}
	}
}

// tell says how far the twin is, and asks how far production is.
func (r *receiver) tell() error {
	return r.conn.SendStatus(replication.Status{
		Written: r.received, Flushed: replication.LSN(r.confirmed.Load()), Applied: replication.LSN(r.applied.Load()), Reply: true,
	})
}

// receive takes in what comes until it is time for a status.
func (r *receiver) receive(ctx, until context.Context) error {
	for {
		message, err := r.conn.Receive(until)
		if err != nil {
			return err
		}
		switch message := message.(type) {
		case replication.Keepalive:
			r.received = max(r.received, message.ServerEnd)
			if len(r.items) == 0 && r.room.TryAcquire(itemBytes) { // else what waits tells as much
				r.items <- item{serverEnd: message.ServerEnd, weight: itemBytes}
			}
			if message.Reply {
				return nil
			}
		case replication.Data:
			r.received = max(r.received, message.At)
			change, err := replication.Decode(slices.Clone(message.Payload))
			if err != nil {
				return err
			}
			weight := min(max(int64(len(message.Payload)), itemBytes), waitingBytes)
			if err := r.hand(ctx, item{change: change, weight: weight}); err != nil {
				return err
			}
		}
	}
}

// hand passes an item on as soon as there is room, and meanwhile shows production that
// somebody is there.
func (r *receiver) hand(ctx context.Context, it item) error {
	for !r.room.TryAcquire(it.weight) {
		waiting, cancel := context.WithTimeout(ctx, statusEvery)
		err := r.room.Acquire(waiting, it.weight)
		cancel()
		switch {
		case err == nil:
			r.items <- it
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		}
		if err := r.tell(); err != nil {
			return err
		}
	}
	r.items <- it // there is room for as many as the weights permit
	return nil
}
