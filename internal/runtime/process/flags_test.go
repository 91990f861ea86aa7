package process_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"understudy"
	"understudy/internal/runtime/process"
)

// saying is a server of flags that says the word it was told last. It takes no blank one.
type saying struct {
	mu     sync.Mutex
	word   string
	at     string
	server *http.Server
}

func serveWord(listener net.Listener, order json.RawMessage) (process.FlagServer, error) {
	s := &saying{at: listener.Addr().String(), server: &http.Server{}}
	s.server.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		fmt.Fprint(w, s.word)
	})
	if _, err := s.Set(order); err != nil {
		return nil, err
	}
	go func() { _ = s.server.Serve(listener) }() // until Close
	return s, nil
}

func (s *saying) Env() []string {
	return []string{"FLAGS_AT=http://" + s.at, "FLAGS_TOKEN=the-token-of-flags", "API_TOKEN=never given"}
}

func (s *saying) Set(order json.RawMessage) (json.RawMessage, error) {
	var word string
	if err := json.Unmarshal(order, &word); err != nil || word == "" {
		return nil, understudy.Errorf(understudy.KindInvalid, "expected a word")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.word = word
	return order, nil
}

func (s *saying) Look() (json.RawMessage, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return json.Marshal(s.word)
}

func (s *saying) Close() error { return s.server.Close() }

// printed is what a command inside a deployment writes.
func printed(t *testing.T, r *process.Runtime, id, script string) string {
	t.Helper()
	var out bytes.Buffer
	if status, err := r.Exec(t.Context(), id, process.Command{Args: []string{"sh", "-c", script}}, nil, &out, &out); err != nil || status != 0 {
		t.Fatalf("%s: %d %s, %v", script, status, &out, err)
	}
	return strings.TrimSpace(out.String())
}

func asked(t *testing.T, address string) string {
	t.Helper()
	response, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(response.Body)
	if err != nil || response.Body.Close() != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestFlags_ChangeWhileProgramsRunAndStayWhereTheyAreThroughTheirRestarts(t *testing.T) {
	r := newRuntime(t)
	spec := shell(t, r, `echo "$FLAGS_AT $API_TOKEN"; sleep 1000`)
	spec.Flags = json.RawMessage(`"first"`)
	status := startReady(t, r, spec)
	at := printed(t, r, spec.ID, `echo "$FLAGS_AT"`)
	if said := asked(t, at); said != "first" {
		t.Errorf("it says %q", said)
	}
	said, err := r.SetFlags(t.Context(), spec.ID, json.RawMessage(`"second"`))
	if err != nil || string(said) != `"second"` || asked(t, at) != "second" {
		t.Errorf("set to %s, %v; it says %q", said, err, asked(t, at))
	}
	if _, err := r.SetFlags(t.Context(), spec.ID, json.RawMessage(`"sec`)); understudy.KindOf(err) != understudy.KindInvalid || asked(t, at) != "second" {
		t.Errorf("after half an order it says %q: %v", asked(t, at), err)
	}
	if _, err := r.Exec(t.Context(), spec.ID, process.Command{Args: []string{"kill", "-9", fmt.Sprint(status.Programs[0].PID)}}, nil, io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	until(t, "the program was started again", func() bool {
		now, err := r.Status(t.Context(), spec.ID)
		return err == nil && now.Programs[0].PID != status.Programs[0].PID && now.Programs[0].State == process.StateHealthy
	})
	if looked, err := r.Flags(t.Context(), spec.ID); err != nil || string(looked) != `"second"` || printed(t, r, spec.ID, `echo "$FLAGS_AT"`) != at {
		t.Errorf("after a restart: %s, %v", looked, err)
	}
	var log bytes.Buffer
	if err := r.Logs(t.Context(), spec.ID, "web", false, &log); err != nil || strings.Contains(log.String(), "never given") || !strings.Contains(log.String(), at) {
		t.Errorf("its log: %s, %v", &log, err)
	}
}

func TestFlags_OfADeploymentWithoutAnyAreNotThere(t *testing.T) {
	r := newRuntime(t)
	startReady(t, r, shell(t, r, "sleep 1000"))
	if _, err := r.Flags(t.Context(), "shell"); understudy.KindOf(err) != understudy.KindNotFound {
		t.Errorf("without flags: %v", err)
	}
	if _, err := r.SetFlags(t.Context(), "nowhere", json.RawMessage(`"x"`)); understudy.KindOf(err) != understudy.KindNotFound {
		t.Errorf("where nothing runs: %v", err)
	}
}
