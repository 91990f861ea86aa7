package router

import (
	"context"
	"errors"
	"net"
	"slices"
	"time"

	"understudy"
)

const (
	headersWithin = 10 * time.Second // of a call to the control socket
	idleAtMost    = 120 * time.Second
	// lingerFor is how long a front that hands over lets idle connections make one more
	// request, whose answer asks them to close, before it closes them itself.
	lingerFor = 3 * time.Second
)

// listen opens a front's port, and names who has it where it is taken.
func listen(ctx context.Context, front, at string) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", at)
	if err != nil {
		return nil, understudy.Errorf(understudy.KindConflict, "opening front %s on %s: %w", front, at, err).
			WithHint("end what uses the port, or give the front another one; a port below 1024 wants root, or the capability net_bind_service")
	}
	return listener, nil
}

// close ends a front: nothing new is accepted, requests may end within the limit,
// upgraded connections are closed one by one over it, and whatever is left is cut. With
// linger, connections that are kept open for reuse are asked to close first; a request
// that comes on one of them is served like any other.
func (f *front) close(linger, limit time.Duration) error {
	var failed error
	f.mu.Lock()
	listeners := []net.Listener{f.listener, f.redirects}
	f.listener, f.redirects, f.closing = nil, nil, true
	if f.hold != nil {
		f.hold.wake()
	}
	f.mu.Unlock()
	failed = closeAll(listeners...)
	f.lingerOn(linger)
	defer f.closeKeys()
	return errors.Join(failed, f.empty(limit))
}

// lingerOn waits until every connection has gone by itself, or for so long.
func (f *front) lingerOn(linger time.Duration) {
	gone := f.crowd.leave()
	timer := time.NewTimer(linger)
	defer timer.Stop()
	select {
	case <-gone:
	case <-timer.C:
	}
}

// empty waits for all requests of a front that accepts nothing new, and closes its connections.
func (f *front) empty(limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit+2*afterCut)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- f.drainAll(ctx, limit) }()
	f.mu.Lock()
	doors := slices.Clone(f.doors)
	f.mu.Unlock()
	var err error
	for _, d := range doors {
		err = errors.Join(err, d.shutdown(ctx))
	}
	err = errors.Join(err, <-ended, f.drainAll(ctx, 0)) // what was upgraded meanwhile
	if err != nil {
		for _, d := range doors {
			err = errors.Join(err, d.end())
		}
	}
	for _, p := range f.pools() {
		p.retire()
	}
	return err
}

// pools are those of all slots.
func (f *front) pools() (out []*pool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.slots {
		out = append(out, s.pools...)
	}
	return out
}

// notClosed leaves out that a listener was closed before: we close it first ourselves,
// and the server may not have noticed yet.
func notClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// drainAll drains every slot at once, whatever its share.
func (f *front) drainAll(ctx context.Context, limit time.Duration) error {
	f.mu.Lock()
	var busy []*slot
	for _, s := range f.slots {
		if len(s.claims) > 0 {
			s.leave()
			busy = append(busy, s)
		}
	}
	f.mu.Unlock()
	results := make(chan error, len(busy))
	for _, s := range busy {
		go func() {
			_, err := f.outlast(ctx, s, limit)
			results <- err
		}()
	}
	var failed error
	for range busy {
		failed = errors.Join(failed, <-results)
	}
	return failed
}
