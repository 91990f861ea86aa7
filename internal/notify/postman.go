package notify

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"

	"understudy"
)

// Outbox keeps notifications. What Change has returned for is there after a crash.
type Outbox interface {
	// Waiting are those that have not ended, oldest first.
	Waiting(ctx context.Context) ([]understudy.Notification, error)
	// Change changes one as it stands then, and returns it.
	Change(ctx context.Context, id string, change func(*understudy.Notification)) (understudy.Notification, error)
	// Changed is closed when the next one comes, or one is to be tried again.
	Changed() <-chan struct{}
}

// Carrier takes a message to a channel. No error of it shows an address or a secret.
type Carrier interface {
	Carry(ctx context.Context, c understudy.Channel, m understudy.Message) error
}

// Postman delivers what waits in the outbox. All fields are set before Run.
type Postman struct {
	Outbox   Outbox
	Carrier  Carrier
	Channels func(ctx context.Context) ([]understudy.Channel, error) // as they are now
	Tried    func(ctx context.Context, n understudy.Notification)    // after each attempt, once it is written down
	Log      *slog.Logger

	mu   sync.Mutex
	busy map[string]bool // channels that have a worker
}

// lookAgain is when an outbox that could not be read is read again.
const lookAgain = 10 * time.Second

// ID names the notification of an entry to a channel.
func ID(entry int64, channel string) string { return strconv.FormatInt(entry, 10) + "-" + channel }

// Run delivers until ctx ends, and returns when every worker has ended.
func (p *Postman) Run(ctx context.Context) {
	var workers sync.WaitGroup
	defer workers.Wait()
	done := make(chan struct{}, 1)
	for ctx.Err() == nil {
		changed := p.Outbox.Changed()
		next, err := p.begin(ctx, &workers, done)
		if err != nil && ctx.Err() == nil {
			p.Log.Error("looking for notifications to deliver; it is tried again", "error", err)
			next = lookAgain
		}
		timer := time.NewTimer(next)
		select {
		case <-changed:
		case <-done:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// begin gives each channel that has something due a worker, and says how long nothing more
// becomes due.
func (p *Postman) begin(ctx context.Context, workers *sync.WaitGroup, done chan<- struct{}) (time.Duration, error) {
	waiting, err := p.Outbox.Waiting(ctx)
	if err != nil || len(waiting) == 0 {
		return TriedFor, err
	}
	channels, err := p.Channels(ctx)
	if err != nil {
		return 0, err
	}
	next, now := TriedFor, time.Now()
	for _, n := range waiting {
		if n.NextAt.After(now) {
			next = min(next, n.NextAt.Sub(now))
			continue
		}
		if !p.take(n.Channel) {
			continue // its worker is at it; it says when it is done
		}
		var to *understudy.Channel
		if at := slices.IndexFunc(channels, func(c understudy.Channel) bool { return c.Name == n.Channel }); at >= 0 {
			to = &channels[at]
		}
		workers.Go(func() {
			defer p.give(n.Channel, done)
			p.work(ctx, n.Channel, to)
		})
	}
	return next, nil
}

// work tries everything that is due for a channel. It reads that itself: what was read before
// the channel was taken may have been delivered since.
func (p *Postman) work(ctx context.Context, name string, to *understudy.Channel) {
	waiting, err := p.Outbox.Waiting(ctx)
	if err != nil {
		return // it is tried again, and told then
	}
	for _, n := range waiting {
		if n.Channel == name && !n.NextAt.After(time.Now()) && ctx.Err() == nil {
			p.try(ctx, to, n)
		}
	}
}

func (p *Postman) take(channel string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.busy[channel] {
		return false
	}
	if p.busy == nil {
		p.busy = map[string]bool{}
	}
	p.busy[channel] = true
	return true
}

func (p *Postman) give(channel string, done chan<- struct{}) {
	p.mu.Lock()
	delete(p.busy, channel)
	p.mu.Unlock()
	select {
	case done <- struct{}{}:
	default: // it is said already
	}
}

// try makes one attempt and writes it down. One that the daemon's end broke off is none.
func (p *Postman) try(ctx context.Context, c *understudy.Channel, n understudy.Notification) {
	a := understudy.Attempt{At: time.Now()}
	err := errNoChannel
	if c != nil {
		within, cancel := context.WithTimeout(ctx, Within)
		err = p.Carrier.Carry(within, *c, n.Message)
		cancel()
	}
	if err != nil && ctx.Err() != nil {
		return
	}
	a.Took = time.Since(a.At)
	p.note(ctx, n.ID, func(n *understudy.Notification) { *n = After(*n, a, err, rand.Float64()) })
}

// note writes an attempt down. What cannot be written down now is later, and the channel waits
// for that: the message would be sent again and again.
func (p *Postman) note(ctx context.Context, id string, change func(*understudy.Notification)) {
	for {
		now, err := p.Outbox.Change(context.WithoutCancel(ctx), id, change)
		if err == nil {
			p.Tried(ctx, now)
			return
		}
		p.Log.Error("a delivery could not be written down; that is tried again, and where this ends before, it is made again", "notification", id, "error", err)
		timer := time.NewTimer(lookAgain)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}
