package cli

import (
	"context"
	"errors"
	"os"
	"time"

	"understudy"
	"understudy/internal/api/client"
)

const (
	persistFor  = 15 * time.Second       // how long a daemon that is gone is waited for
	persistLook = 250 * time.Millisecond // between tries
)

// persist follows something that outlives the daemon. When the daemon dies, it is started
// again and watch is called anew; when it was stopped on purpose, its socket is gone, and
// it stays stopped.
func (c *cli) persist(ctx context.Context, watch func(ctx context.Context) error) error {
	at, err := c.place()
	if err != nil {
		return err
	}
	var since time.Time // when it was first found gone
	for {
		began := c.now()
		err := watch(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if understudy.KindOf(err) != understudy.KindUnavailable {
			return err
		}
		if since.IsZero() || c.now().Sub(began) > persistFor {
			since = c.now()
			c.voice.say("the daemon is gone")
		}
		if _, statErr := os.Lstat(at.state.Socket()); errors.Is(statErr, os.ErrNotExist) || c.now().Sub(since) > persistFor {
			return err
		}
		if err := c.comeBack(ctx, at); err != nil {
			return err
		}
	}
}

// comeBack waits a little and starts the daemon where nobody listens on its socket.
func (c *cli) comeBack(ctx context.Context, at place) error {
	if err := pause(ctx, persistLook); err != nil {
		return err
	}
	if answers(ctx, at.state.Socket()) {
		return nil // it is ending, or is back already: the next try tells
	}
	if _, err := os.Lstat(at.state.Socket()); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	daemon := client.New(at.state.Socket())
	defer daemon.Close()
	return c.ensure(ctx, at, daemon)
}
