package router

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"
)

// retryAfter is the wait before a target that refused a connection is tried once more.
const retryAfter = 50 * time.Millisecond

// cause is why a request may be sent again.
type cause string

const (
	causeNone    cause = ""
	causeRefused cause = "refused" // no connection was made: nothing of it was sent
	causeReset   cause = "reset"   // its connection ended before a byte of the answer
)

// repeatable is the rule of retries: whatever was never sent may be sent; what may have
// been is sent once more if that cannot do any harm. Tries counts those that were made.
func repeatable(r *http.Request, err error, tries, addresses int) cause {
	switch {
	case refused(err) && tries < min(max(addresses, 2), 3):
		return causeRefused
	case tries == 1 && wasReset(err) && r.Body == nil && idempotent(r.Method):
		return causeReset
	default:
		return causeNone
	}
}

func idempotent(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete:
		return true
	default:
		return false
	}
}

// refused tells whether no connection was made. A client that left meanwhile, or a
// drain that cut the request, is no fault of the target.
func refused(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial" && !errors.Is(err, context.Canceled)
}

// wasReset tells whether a connection ended before a byte of the answer. A target that
// took its time is not asked again: it may still be at work.
func wasReset(err error) bool {
	var silent silentError
	return errors.As(err, &silent) && (errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE))
}

// wait tells whether the time passed before the context ended.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
