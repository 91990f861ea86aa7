package router

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
)

func TestTarget_RefusedOnceIsTriedOnceMoreWithItsBody(t *testing.T) {
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, r.Body)
	}))
	defer app.Close()
	for _, refusals := range []int{1, 2} {
		target := newTarget(Route{Prefix: "/", Address: "tcp:" + app.Listener.Addr().String()}, &shared{log: slog.New(slog.DiscardHandler)})
		dial, dialled := target.transport.DialContext, 0
		target.transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			if dialled++; dialled <= refusals {
				return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
			}
			return dial(ctx, network, address)
		}
		r := httptest.NewRequest(http.MethodPost, "http://deployment/", strings.NewReader("the order"))
		r.RequestURI = ""
		answer, err := target.RoundTrip(r)
		switch {
		case refusals == 1 && err != nil:
			t.Fatalf("refused once: %v", err)
		case refusals == 1:
			text, err := io.ReadAll(answer.Body)
			if string(text) != "the order" {
				t.Errorf("the second try brought %q, %v", text, err)
			}
			_ = answer.Body.Close()
		case !errors.Is(err, syscall.ECONNREFUSED) || dialled != 2 || target.refusedSince.Load() == nil:
			t.Errorf("refused twice: tried %d times, %v", dialled, err)
		}
		target.transport.CloseIdleConnections()
	}
}

func TestMatches_EndsAPrefixAtASegment(t *testing.T) {
	cases := []struct {
		prefix, path string
		want         bool
	}{
		{"/", "/", true}, {"/", "/api", true}, {"/", "*", true}, {"/api", "/api", true}, {"/api", "/api/", true},
		{"/api", "/api/v1", true}, {"/api", "/apiary", false}, {"/api/", "/api", true}, {"/api", "/", false}, {"/", "", true},
	}
	for _, c := range cases {
		if got := matches(c.prefix, c.path); got != c.want {
			t.Errorf("matches(%q, %q) is %t", c.prefix, c.path, got)
		}
	}
}
