package process

import (
	"context"
	"errors"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"understudy"
)

// waking is a program that answers its health path from an age on, on connections of memory.
type waking struct {
	born time.Time
	from time.Duration
}

func (w waking) RoundTrip(r *http.Request) (*http.Response, error) {
	if time.Since(w.born) < w.from {
		return nil, &net.OpError{Op: "dial", Err: errors.New("nobody listens")}
	}
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: r}, nil
}

func TestWatch_LooksSoonAtAProgramThatIsWaitedForAndSeldomAtOneThatIsWell(t *testing.T) {
	for _, c := range []struct {
		from, interval, well time.Duration // well below 0: never
		lasts                time.Duration
		looks                int
	}{
		{0, time.Second, 0, 10 * time.Second, 10},
		{100 * time.Millisecond, time.Second, 140 * time.Millisecond, 10 * time.Second, 13},
		{100 * time.Millisecond, 30 * time.Millisecond, 110 * time.Millisecond, 10 * time.Second, 335},
		{3 * time.Second, time.Second, 3260 * time.Millisecond, 10 * time.Second, 15},
		{time.Hour, time.Second, -1, 10 * time.Minute, 606},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), c.lasts)
			defer cancel()
			born, looks, well := time.Now(), 0, time.Duration(-1)
			l := &looker{port: 1, health: understudy.Health{Path: "/", Interval: c.interval}, client: &http.Client{Transport: waking{born, c.from}}}
			l.watch(ctx, func(result error) {
				looks++
				if result == nil && well < 0 {
					well = time.Since(born)
				}
			})
			if well != c.well || looks < c.looks-2 || looks > c.looks+2 {
				t.Errorf("from %s, every %s: found well at %s by %d looks, want %s by %d", c.from, c.interval, well, looks, c.well, c.looks)
			}
		})
	}
}
