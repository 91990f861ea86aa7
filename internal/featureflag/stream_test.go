package featureflag

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// pipe is a client's end of an event stream, without a network, for virtual time.
type pipe struct {
	header http.Header
	status int
	lines  chan string
}

func (p *pipe) Header() http.Header    { return p.header }
func (p *pipe) WriteHeader(status int) { p.status = status }
func (p *pipe) Flush()                 {}
func (p *pipe) Write(b []byte) (int, error) {
	p.lines <- string(b)
	return len(b), nil
}

func TestAStreamTellsOfChangesAndThatItIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		live := NewLive(parsed(t, shopFlags))
		h := NewHandler(live, "the-token", &Reads{})
		client := &pipe{header: http.Header{}, lines: make(chan string, 10)}
		ended := make(chan struct{})
		go func() {
			h.ServeHTTP(client, httptest.NewRequest(http.MethodGet, h.address(t), nil))
			close(ended)
		}()
		if line := <-client.lines; line != "retry: 2000\n\n" {
			t.Errorf("expected when to come back, got %q", line)
		}
		began := time.Now()
		if line := <-client.lines; line != ": still here\n\n" || time.Since(began) != heartbeat {
			t.Errorf("expected a sign of life after %s, got %q after %s", heartbeat, line, time.Since(began))
		}
		changed, err := live.Set().With(map[string]Override{"banner": {Variant: "summer"}})
		if err != nil {
			t.Fatal(err)
		}
		live.Replace(changed)
		live.Replace(changed) // the same again is no change
		event := <-client.lines
		if !strings.HasPrefix(event, "id: "+tagOf(changed)+"\ndata: ") {
			t.Fatalf("expected an event with the new set's tag, got %q", event)
		}
		var data struct {
			Type, ETag   string
			LastModified int64
		}
		_, text, _ := strings.Cut(event, "data: ")
		if err := json.Unmarshal([]byte(text), &data); err != nil || data.Type != "refetchEvaluation" || data.ETag != tagOf(changed) || data.LastModified != time.Now().Unix() {
			t.Errorf("expected OFREP's event, got %q (%v)", text, err)
		}
		h.Close()
		<-ended
		select {
		case line := <-client.lines:
			t.Errorf("expected nothing more, got %q", line)
		default:
		}
	})
}

// address is the one of the events that a client is told.
func (h *Handler) address(t *testing.T) string {
	t.Helper()
	w := asking{path: evaluatePath}.of(t, h)
	var answer struct {
		EventStreams []eventStream `json:"eventStreams"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || len(answer.EventStreams) != 1 {
		t.Fatalf("expected the address of the events: %v %s", err, w.Body)
	}
	return answer.EventStreams[0].Endpoint.RequestURI
}

func TestAChangeBetweenTheAnswerAndTheStreamIsNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		live := NewLive(parsed(t, shopFlags))
		h := NewHandler(live, "the-token", &Reads{})
		address := h.address(t)
		changed, err := live.Set().With(map[string]Override{"banner": {Variant: "summer"}})
		if err != nil {
			t.Fatal(err)
		}
		live.Replace(changed)
		for name, lastEvent := range map[string]string{"first": "", "back after an older event": "older"} {
			client := &pipe{header: http.Header{}, lines: make(chan string, 10)}
			ctx, leave := context.WithCancel(t.Context())
			r := httptest.NewRequestWithContext(ctx, http.MethodGet, address, nil)
			r.Header.Set("Last-Event-ID", lastEvent)
			ended := make(chan struct{})
			go func() {
				h.ServeHTTP(client, r)
				close(ended)
			}()
			<-client.lines
			if event := <-client.lines; !strings.Contains(event, tagOf(changed)) {
				t.Errorf("%s: expected the change to be told at once, got %q", name, event)
			}
			leave()
			<-ended
		}
	})
}

func TestAStreamIsASecret(t *testing.T) {
	h := NewHandler(NewLive(parsed(t, shopFlags)), "the-token", &Reads{})
	address := h.address(t)
	if strings.Contains(address, "the-token") {
		t.Errorf("the address tells the token: %s", address)
	}
	for _, path := range []string{eventsPath, eventsPath + "?key=", eventsPath + "?key=other", strings.Replace(address, "key=", "key=0", 1)} {
		w := asking{method: http.MethodGet, path: path, header: map[string]string{"Authorization": ""}}.of(t, h)
		if w.Code != http.StatusForbidden {
			t.Errorf("%s: expected 403, got %d", path, w.Code)
		}
	}
	for range maxStreams {
		h.streams <- struct{}{}
	}
	if w := (asking{method: http.MethodGet, path: address}).of(t, h); w.Code != http.StatusTooManyRequests {
		t.Errorf("with too many streams open: expected 429, got %d", w.Code)
	}
}

func TestTheAddressOfEventsFollowsWhereTheHandlerIs(t *testing.T) {
	h := NewHandler(NewLive(parsed(t, shopFlags)), "the-token", &Reads{})
	w := asking{path: "/flags" + evaluatePath}.of(t, http.StripPrefix("/flags", h))
	if !strings.Contains(w.Body.String(), `"requestUri":"/flags`+eventsPath+`?key=`) {
		t.Errorf("expected the prefix in the address, got %s", w.Body)
	}
}

func TestServeStreamsOverTheNetworkAndEnds(t *testing.T) {
	live := NewLive(parsed(t, shopFlags))
	h := NewHandler(live, "the-token", &Reads{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, listener, h) }()
	stream, err := http.Get("http://" + listener.Addr().String() + h.address(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stream.Body.Close() }()
	lines := bufio.NewScanner(stream.Body)
	if stream.Header.Get("Content-Type") != "text/event-stream" || !lines.Scan() || lines.Text() != "retry: 2000" {
		t.Fatalf("expected an event stream, got %v %q", stream.Header, lines.Text())
	}
	changed, err := live.Set().With(map[string]Override{"banner": {Variant: "summer"}})
	if err != nil {
		t.Fatal(err)
	}
	live.Replace(changed)
	told := false
	for !told && lines.Scan() {
		told = strings.Contains(lines.Text(), "refetchEvaluation")
	}
	if !told {
		t.Errorf("expected the change to be told, the stream ended: %v", lines.Err())
	}
	stop()
	for lines.Scan() { // to its end
	}
	if err := <-ended; err != nil {
		t.Errorf("expected an orderly end, got %v", err)
	}
}
