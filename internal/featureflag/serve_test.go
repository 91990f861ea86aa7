package featureflag

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"testing"
	"time"
)

func TestServeHangsUpOnConnectionsBeyondItsLimitAndGoesOn(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- serve(ctx, listener, NewHandler(NewLive(parsed(t, shopFlags)), "the-token", &Reads{}), 2)
	}()
	dial := func() net.Conn {
		conn, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	held := []net.Conn{dial(), dial()}
	third := dial()
	if err := third.SetReadDeadline(time.Now().Add(4 * time.Second)); err != nil { // before it is hung up on for its silence
		t.Fatal(err)
	}
	if _, err := third.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("expected a third connection to be closed at once, got %v", err)
	}
	for _, conn := range append(held, third) {
		_ = conn.Close()
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	for until := time.Now().Add(time.Minute); ; { // until the server has seen that they are gone
		answer, err := client.Post("http://"+listener.Addr().String()+evaluatePath, "application/json", nil)
		if err == nil {
			_, _ = io.Copy(io.Discard, answer.Body)
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusUnauthorized && answer.Close {
				break // a stranger's connection is not kept
			}
		}
		if time.Now().After(until) {
			t.Fatalf("expected an answer once there is room, got %v, %v", answer, err)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
