package notify_test

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"understudy"
	"understudy/internal/notify"
)

// full is an outbox on a disk that has no room until a moment.
type full struct {
	n     understudy.Notification
	until time.Time
}

func (f *full) Waiting(context.Context) ([]understudy.Notification, error) {
	if f.n.State != understudy.NotificationWaiting {
		return nil, nil
	}
	return []understudy.Notification{f.n}, nil
}

func (f *full) Change(_ context.Context, _ string, change func(*understudy.Notification)) (understudy.Notification, error) {
	if time.Now().Before(f.until) {
		return understudy.Notification{}, errors.New("no room on the disk")
	}
	change(&f.n)
	return f.n, nil
}

func (f *full) Changed() <-chan struct{} { return nil }

// carried counts what it is given.
type carried struct{ times atomic.Int64 }

func (c *carried) Carry(context.Context, understudy.Channel, understudy.Message) error {
	c.times.Add(1)
	return nil
}

func TestPostman_CarriesAMessageOnceThoughItCannotBeWrittenDownForATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box := &full{n: notify.New(understudy.Message{Entry: 1}, "team", time.Now()), until: time.Now().Add(time.Hour)}
		var by carried
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Hour)
		defer cancel()
		p := &notify.Postman{
			Outbox: box, Carrier: &by, Log: slog.New(slog.DiscardHandler), Tried: func(context.Context, understudy.Notification) {},
			Channels: func(context.Context) ([]understudy.Channel, error) { return []understudy.Channel{{Name: "team"}}, nil },
		}
		p.Run(ctx)
		if by.times.Load() != 1 || box.n.State != understudy.NotificationDelivered {
			t.Errorf("it was carried %d times, and is %s", by.times.Load(), box.n.State)
		}
	})
}
