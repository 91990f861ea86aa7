package featureflag

import (
	"context"
	"errors"
	"net"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// maxConnections is how many may be open at once, which is more than those who are let in can
// need. A port on loopback is open to everybody on the machine: who opens more is hung up on,
// before that takes the memory and the files of whoever serves.
const maxConnections = 4096

// slack is by how many percent memory may grow beyond what is in use. A process that only serves
// flags has little in use, and would collect what 1,000 reads leave each time, which the reads of
// that millisecond wait for; so it is what 7,000 leave, some 30 MB.
const slack = 800

// Serve answers on a listener until the context ends, and then lets requests that are under
// way finish for a moment. It has the limits that keep slow and many clients from holding on.
// It is the main work of its process: while it serves, memory is collected seldom.
func Serve(ctx context.Context, listener net.Listener, h *Handler) error {
	defer debug.SetGCPercent(debug.SetGCPercent(slack))
	return serve(ctx, listener, h, maxConnections)
}

func serve(ctx context.Context, listener net.Listener, h *Handler, most int64) error {
	server := &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10, ConnState: atMost(most),
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	h.Close()
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if server.Shutdown(grace) != nil { // somebody does not hang up: they are cut off
		_ = server.Close()
	}
	if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
		return served
	}
	return nil
}

// atMost closes connections beyond a number as soon as they are there.
func atMost(most int64) func(net.Conn, http.ConnState) {
	var open atomic.Int64
	return func(conn net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			if open.Add(1) > most {
				_ = conn.Close() // the server sees that, and counts it out again
			}
		case http.StateClosed:
			open.Add(-1)
		}
	}
}
