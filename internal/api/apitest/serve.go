package apitest

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"understudy/internal/api"
)

// Serve serves roles on a socket until the test ends, or the function that it returns is
// called, which ends what is under way. What the server logs goes to faults.
func Serve(t testing.TB, roles api.Roles, socket string, faults io.Writer) (stop func()) {
	t.Helper()
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	life, end := context.WithCancel(context.Background())
	server := &http.Server{
		Handler: api.Handler(roles), ReadHeaderTimeout: time.Minute, ErrorLog: log.New(faults, "", 0),
		BaseContext: func(net.Listener) context.Context { return life },
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("serving: %v", err)
		}
	}()
	stop = func() {
		end()
		if err := server.Close(); err != nil {
			t.Errorf("ending the server: %v", err)
		}
		<-served
	}
	t.Cleanup(stop)
	return stop
}

// Socket is a path for a socket that is short enough, in a folder that goes with the test.
func Socket(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "us")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return filepath.Join(dir, "api.sock")
}
