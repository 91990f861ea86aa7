package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"

	"understudy"
)

const looksBeforeUnhealthy = 3

func itoa(n int) string { return strconv.Itoa(n) }

// looker looks at one program's health.
type looker struct {
	port   int
	health understudy.Health
	client *http.Client
}

func newLooker(p Program) *looker {
	transport := &http.Transport{DisableKeepAlives: true} // a look is what a new customer sees
	if p.Protocol != understudy.ProtocolHTTP1 {
		transport.Protocols = new(http.Protocols)
		transport.Protocols.SetUnencryptedHTTP2(true)
	}
	return &looker{port: p.Port, health: p.Health, client: &http.Client{
		Timeout:       p.Health.Timeout,
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// look returns nil for a healthy program, else what was found, for people.
func (l *looker) look(ctx context.Context) error {
	if l.port == 0 {
		return nil // running is enough
	}
	address := net.JoinHostPort("127.0.0.1", itoa(l.port))
	if l.health.Path == "" {
		dialer := net.Dialer{Timeout: l.health.Timeout}
		conn, err := dialer.DialContext(ctx, "tcp", address)
		if err != nil {
			return fmt.Errorf("nothing accepts connections on %s", address)
		}
		return conn.Close()
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+l.health.Path, nil)
	if err != nil {
		return err
	}
	answer, err := l.client.Do(request)
	if err != nil {
		return fmt.Errorf("GET %s on port %d: %w", l.health.Path, l.port, plainNetwork(err))
	}
	_, readErr := io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<20))
	if err := errors.Join(readErr, answer.Body.Close()); err != nil {
		return fmt.Errorf("GET %s on port %d: its answer broke off", l.health.Path, l.port)
	}
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return fmt.Errorf("GET %s on port %d answered %s", l.health.Path, l.port, answer.Status)
	}
	return nil
}

func plainNetwork(err error) error {
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return errors.New("nobody listens there")
	case errors.As(err, &timeout) && timeout.Timeout():
		return errors.New("no answer in time")
	default:
		return err
	}
}

// watch looks until ctx ends, and tells each result. The first look follows at once for a
// program that listens, and the next ones soon until it is well: it is waited for. One that
// does not listen must stay up for an interval first.
func (l *looker) watch(ctx context.Context, tell func(error)) {
	soon := min(soonest, l.health.Interval)
	if l.port == 0 {
		soon = l.health.Interval
	}
	for wait := l.port == 0; ; wait = false {
		if !wait {
			result := l.look(ctx)
			if ctx.Err() != nil {
				return
			}
			tell(result)
			if result == nil {
				soon = l.health.Interval
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(soon):
		}
		soon = min(2*soon, l.health.Interval)
	}
}

// soonest is the time between the first two looks at a program that is not well yet; it
// grows to the interval.
const soonest = 20 * time.Millisecond
