package router_test

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"understudy"
	"understudy/internal/router"
)

func TestLimits_AnAnswerWithoutABodyArrivesHoweverLongTheApplicationNeeded(t *testing.T) {
	const limit = 100 * time.Millisecond
	s := newStage(t, router.Front{Limits: understudy.Limits{Stall: limit}})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		<-time.After(4 * limit) // an application that needs its time
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(server.Close)
	s.add("d1", "tcp:"+server.Listener.Addr().String())
	s.split(all("d1"))
	conn := s.connect()
	_, err := io.WriteString(conn, "DELETE / HTTP/1.1\r\nHost: shop\r\n\r\n")
	check(t, err)
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || answer.StatusCode != http.StatusNoContent {
		t.Errorf("after four times the limit of clients: %v, %v", answer, err)
	}
}
