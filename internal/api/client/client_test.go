package client_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"understudy"
	"understudy/internal/api"
	"understudy/internal/api/apitest"
	"understudy/internal/api/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheStageAndTheClientPlayTheSameRoles(t *testing.T) {
	for name, play := range suite() {
		t.Run("directly/"+name, func(t *testing.T) {
			stage := &apitest.Stage{}
			play(t, stage, stage.Roles())
		})
		t.Run("over a socket/"+name, func(t *testing.T) {
			stage := &apitest.Stage{}
			play(t, stage, connect(t, stage, io.Discard).Roles())
		})
	}
}

func connect(t *testing.T, stage *apitest.Stage, faults io.Writer) *client.Client {
	t.Helper()
	socket := apitest.Socket(t)
	apitest.Serve(t, stage.Roles(), socket, faults)
	c := client.New(socket)
	t.Cleanup(c.Close)
	return c
}

// refusing answers one call with an error.
type refusing struct {
	*apitest.Stage
	err error
}

func (r refusing) Release(context.Context, string) (understudy.Release, error) {
	return understudy.Release{}, r.err
}

func TestEveryKindOfErrorSurvivesTheWay(t *testing.T) {
	for _, kind := range []understudy.Kind{
		understudy.KindInternal, understudy.KindInvalid, understudy.KindNotFound, understudy.KindConflict,
		understudy.KindUnavailable, understudy.KindRefused, understudy.KindFailed, understudy.KindInconclusive,
	} {
		sent := understudy.Errorf(kind, "the sentence: a \"b\" <c>\nand more").WithHint("do this\nand that")
		stage := &apitest.Stage{}
		roles := stage.Roles()
		roles.Releases = refusing{stage, sent}
		socket := apitest.Socket(t)
		apitest.Serve(t, roles, socket, io.Discard)
		c := client.New(socket)
		t.Cleanup(c.Close)
		_, err := c.Release(t.Context(), "v1")
		if understudy.KindOf(err) != kind || err.Error() != sent.Message || understudy.HintOf(err) != sent.Hint {
			t.Errorf("%s came as %s: %v, hint %q", kind, understudy.KindOf(err), err, understudy.HintOf(err))
		}
	}
}

// slow is an act that lasts.
type slow struct {
	*apitest.Stage
	lasts time.Duration
}

func (s slow) Down(ctx context.Context, _ api.Down, _ api.Tell) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(s.lasts):
		return nil
	}
}

func TestAnActMayLastLongerThanTheReadingOfItsRequest(t *testing.T) {
	t.Parallel() // it is about five seconds, which the HTTP library once allowed
	stage := &apitest.Stage{}
	roles := stage.Roles()
	roles.Environments = slow{stage, 5500 * time.Millisecond}
	socket := apitest.Socket(t)
	apitest.Serve(t, roles, socket, io.Discard)
	c := client.New(socket)
	t.Cleanup(c.Close)
	if err := c.Down(t.Context(), api.Down{}, func(string) {}); err != nil {
		t.Errorf("an act of 5.5 s ended with %v", err)
	}
}

// noticing reports that the client's going ended the work.
type noticing struct {
	*apitest.Stage
	begun chan struct{}
	ended chan error
}

func (n noticing) Down(ctx context.Context, _ api.Down, _ api.Tell) error {
	close(n.begun)
	<-ctx.Done()
	n.ended <- ctx.Err()
	return ctx.Err()
}

func (n noticing) Exec(ctx context.Context, _ api.Exec, stdin io.Reader, _, _ io.Writer) (int, error) {
	close(n.begun)
	_, err := io.Copy(io.Discard, stdin)
	<-ctx.Done()
	n.ended <- ctx.Err()
	return 0, err
}

func TestAnActEndsWhenItsClientGoes(t *testing.T) {
	for name, act := range map[string]func(context.Context, *client.Client) error{
		"a long act": func(ctx context.Context, c *client.Client) error {
			return c.Down(ctx, api.Down{}, func(string) {})
		},
		"a command that reads": func(ctx context.Context, c *client.Client) error {
			in, out := io.Pipe()
			defer out.Close()
			_, err := c.Exec(ctx, api.Exec{Environment: "staging", Command: []string{"cat"}}, in, io.Discard, io.Discard)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			stage := noticing{&apitest.Stage{}, make(chan struct{}), make(chan error, 1)}
			roles := stage.Roles()
			roles.Environments = stage
			socket := apitest.Socket(t)
			apitest.Serve(t, roles, socket, io.Discard)
			c := client.New(socket)
			t.Cleanup(c.Close)
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				<-stage.begun
				cancel()
			}()
			if err := act(ctx, c); err == nil {
				t.Error("the act ended well")
			}
			select {
			case <-stage.ended:
			case <-time.After(5 * time.Second):
				t.Error("the act went on without its client")
			}
		})
	}
}

func TestADaemonThatIsNotThereIsUnavailable(t *testing.T) {
	c := client.New(apitest.Socket(t))
	t.Cleanup(c.Close)
	_, err := c.Info(t.Context())
	if understudy.KindOf(err) != understudy.KindUnavailable || understudy.HintOf(err) == "" {
		t.Errorf("found %v (%s)", err, understudy.KindOf(err))
	}
}

func TestADaemonThatGoesAwayIsUnavailable(t *testing.T) {
	stage := &apitest.Stage{Script: []understudy.Rehearsal{{ID: "r1", State: understudy.RehearsalRunning}}}
	socket := apitest.Socket(t)
	stop := apitest.Serve(t, stage.Roles(), socket, io.Discard)
	c := client.New(socket)
	t.Cleanup(c.Close)
	err := c.WatchRehearsal(t.Context(), "r1", func(understudy.Rehearsal) error { go stop(); return nil })
	if understudy.KindOf(err) != understudy.KindUnavailable {
		t.Errorf("watching ended with %v (%s)", err, understudy.KindOf(err))
	}
}

// lines is a log that several goroutines write to.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func TestAFaultIsToldWithoutItsInsideAndLogged(t *testing.T) {
	var faults lines
	c := connect(t, &apitest.Stage{}, &faults)
	inside := "password=hunter2"
	_, err := c.Exec(t.Context(), api.Exec{Environment: "staging", Command: []string{"panic", inside}}, strings.NewReader(""), io.Discard, io.Discard)
	if understudy.KindOf(err) != understudy.KindInternal || strings.Contains(err.Error(), inside) {
		t.Errorf("in a stream: %v (%s)", err, understudy.KindOf(err))
	}
	if _, err := c.Rehearse(t.Context(), api.Rehearse{}); understudy.KindOf(err) != understudy.KindNotFound {
		t.Errorf("the daemon lives on, and answered %v", err)
	}
	if _, err := c.Promote(t.Context(), api.Promote{}); understudy.KindOf(err) != understudy.KindInternal || !strings.Contains(err.Error(), "fault") {
		t.Errorf("before an answer: %v (%s)", err, understudy.KindOf(err))
	}
	logged := func() bool {
		return strings.Contains(faults.String(), "index out of range") && strings.Contains(faults.String(), "(*Stage).Promote")
	}
	for limit := time.Now().Add(10 * time.Second); !logged(); { // the answer is sent before the server logs
		if time.Now().After(limit) {
			t.Fatalf("the log does not say where: %s", faults.String())
		}
		runtime.Gosched()
	}
}

func TestARequestThatIsNotUnderstoodSaysWhatIsWrong(t *testing.T) {
	socket := apitest.Socket(t)
	apitest.Serve(t, (&apitest.Stage{}).Roles(), socket, io.Discard)
	for body, want := range map[string]string{
		`{"label": 7, "from": "/srv", "by": "ann"}`: "body.label expected string",
		`{"label": "v1", "form": "/srv"}`:           "unexpected property",
		`{`:                                         "the request was not understood",
		`{"label": "` + strings.Repeat("x", 2<<20) + `"}`: "too large",
	} {
		status, answer := raw(t, socket, "/v1/releases", body)
		if status/100 != 4 || !strings.Contains(answer, want) || !strings.Contains(answer, `"kind":"invalid"`) {
			t.Errorf("%.40s…: %d %s", body, status, answer)
		}
	}
}

func raw(t *testing.T, socket, path, body string) (int, string) {
	t.Helper()
	transport := &http.Transport{DialContext: client.Dial(socket)}
	t.Cleanup(transport.CloseIdleConnections)
	answer, err := (&http.Client{Transport: transport}).Post("http://understudy"+path, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.Body.Close() != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}
