package mysql

import (
	"net"
	"strings"
	"testing"
	"time"

	"understudy"
)

func TestConnect_GivesUpOnWhoeverSaysNothing(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") // the system takes connections, and nobody reads
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	at, err := parseAddress("mysql://reader:word@" + listener.Addr().String() + "/shop")
	if err != nil {
		t.Fatal(err)
	}
	at.patience = 50 * time.Millisecond
	s, err := connect(t.Context(), at)
	if err == nil {
		s.close()
	}
	if understudy.KindOf(err) != understudy.KindUnavailable || !strings.Contains(err.Error(), "there was no answer within 50ms") || strings.Contains(err.Error(), "word") {
		t.Errorf("it ended with %v", err)
	}
}
