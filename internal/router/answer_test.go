package router

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// connection notes the deadlines that are set on it.
type connection struct {
	http.ResponseWriter
	deadlines []time.Time
}

func (c *connection) SetReadDeadline(at time.Time) error {
	c.deadlines = append(c.deadlines, at)
	return nil
}

func TestPatientBody_LeavesTheConnectionAloneOnceItsRequestIsOver(t *testing.T) {
	conn := &connection{ResponseWriter: httptest.NewRecorder()}
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("an order"))
	v := &visit{request: r, settings: &settings{}, target: &target{}}
	v.settings.limits.Body = -1
	v.answer = &answer{ResponseWriter: conn, control: http.NewResponseController(conn), single: true, stall: time.Minute}
	body := newBody(v)
	if n, err := body.Read(make([]byte, 2)); n != 2 || err != nil || len(conn.deadlines) != 1 {
		t.Fatalf("%d, %v, %d deadlines", n, err, len(conn.deadlines))
	}
	if err := body.Close(); err != nil {
		t.Fatal(err)
	}
	// The sending of it is behind, and the connection may have the next request by now.
	if n, err := body.Read(make([]byte, 2)); n != 0 || err == nil || err == io.EOF || len(conn.deadlines) != 1 {
		t.Errorf("afterwards: %d, %v, %d deadlines", n, err, len(conn.deadlines))
	}
}
