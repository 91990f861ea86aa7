package router_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"understudy"
	"understudy/internal/router"
)

// bad is an instance with a fault, which counts what reaches it besides its health.
type bad struct {
	net.Listener
	at    string
	seen  atomic.Int64
	posts atomic.Int64
}

// newBad answers health with 200, and anything else as misbehave does.
func newBad(t *testing.T, misbehave http.HandlerFunc) *bad {
	t.Helper()
	b := &bad{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" {
			return
		}
		b.seen.Add(1)
		if r.Method == http.MethodPost {
			b.posts.Add(1)
		}
		_, _ = io.Copy(io.Discard, r.Body)
		misbehave(w, r)
	}))
	t.Cleanup(server.Close)
	b.Listener, b.at = server.Listener, "tcp:"+server.Listener.Addr().String()
	return b
}

// reset breaks a connection as a process does that dies.
func reset(w http.ResponseWriter, _ *http.Request) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_ = conn.(*net.TCPConn).SetLinger(0)
		_ = conn.Close()
	}
}

// instances gives a deployment a route to several addresses that are looked at often.
func (s *stage) instances(deployment string, addresses ...string) {
	s.t.Helper()
	s.watched(deployment, "/healthz", addresses...)
}

// watched is instances, which are looked at by a path, or by whether somebody listens.
func (s *stage) watched(deployment, path string, addresses ...string) {
	s.t.Helper()
	check(s.t, s.Add(deadline(s.t), "shop", router.Slot{Deployment: deployment, Release: "r-" + deployment,
		Routes: []router.Route{{Prefix: "/", Addresses: addresses, Health: understudy.Health{Path: path, Interval: 20 * time.Millisecond}}}}))
	s.split(all(deployment))
}

func (s *stage) target(n int) router.TargetState { return s.front().Slots[0].Targets[n] }

func TestFault_APostIsNeverSentTwiceAndAGetOnceMore(t *testing.T) {
	s, breaks := newStage(t, router.Front{}), newBad(t, reset)
	s.instances("d1", breaks.at)
	for _, c := range []struct {
		method, body string
		sent         int64
	}{{"POST", "one order", 1}, {"POST", "", 1}, {"PUT", "new address", 1}, {"PATCH", "", 1}, {"GET", "", 2}, {"DELETE", "", 2}} {
		before := breaks.seen.Load()
		if answer, text := s.do(c.method, "/order", strings.NewReader(c.body)); answer.StatusCode != http.StatusBadGateway {
			t.Errorf("%s got %s %q", c.method, answer.Status, text)
		}
		if sent := breaks.seen.Load() - before; sent != c.sent {
			t.Errorf("a %s of %q that was reset reached its target %d times, expected %d", c.method, c.body, sent, c.sent)
		}
	}
	if retries := s.front().Slots[0].Retries; retries.Reset != 2 || retries.Refused != 0 {
		t.Errorf("the state tells %+v", retries)
	}
}

func TestFault_OfOneOfTwoInstancesIsNoFaultOfTheService(t *testing.T) {
	s := newStage(t, router.Front{})
	good, gone := newApp(t, "good"), newBad(t, func(http.ResponseWriter, *http.Request) {})
	s.instances("d1", gone.at, good.at())
	check(t, gone.Close()) // nobody listens there any more, and nothing is kept open
	c := s.come(4)
	s.await("it is given no requests", func() bool { return !s.target(0).Well })
	s.await("some hundred were answered", func() bool { return c.count.Load() > 300 })
	c.leave(t)
	if target := s.target(0); !strings.Contains(target.Reason, "nobody listens") || target.Running != 0 {
		t.Errorf("the state tells %+v", target)
	}
	for _, want := range []string{`understudy_router_address_well{address="` + gone.at + `",deployment="d1",front="shop",release="r-d1"} 0`,
		`understudy_router_address_well{address="` + good.at() + `",deployment="d1",front="shop",release="r-d1"} 1`} {
		if text := s.metrics(); !strings.Contains(text, want) {
			t.Errorf("metrics lack %s:\n%s", want, text)
		}
	}
	if slot := s.front().Slots[0]; slot.Unwell(time.Now(), 0) != "" {
		t.Errorf("with one instance well, the service is not: %s", slot.Unwell(time.Now(), 0))
	}
}

func TestFault_OfAnInstanceThatLiesAboutItsHealthIsFoundByWhatItAnswers(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	for name, misbehave := range map[string]http.HandlerFunc{
		"answers 500": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"resets":      reset,
		"never answers": func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-hold:
			case <-r.Context().Done():
			}
		},
	} {
		s, liar := newStage(t, router.Front{}), newBad(t, misbehave)
		path := "/healthz"
		if name == "never answers" {
			path = "" // where that is asked and answered, it takes a minute (TestPool_LongPolls…)
		}
		s.watched("d1", path, newApp(t, "good").at(), liar.at)
		c := s.come(8)
		s.await(name+": it is ejected", func() bool { return !s.target(1).Ejected.IsZero() })
		reached, count := liar.seen.Load(), c.count.Load()
		s.await("some hundred more were answered", func() bool { return c.count.Load() > count+300 })
		if more := liar.seen.Load() - reached; more > 8 { // what was under way already
			t.Errorf("%s: %d requests reached it after it was ejected", name, more)
		}
		if target := s.target(1); !target.Well || target.Reason == "" {
			t.Errorf("%s: the state tells %+v", name, target)
		}
		if name == "never answers" && reached > 8 {
			t.Errorf("%s: %d requests waited at it", name, reached)
		}
		close(c.stop)
		if name == "never answers" {
			close(hold)
		}
		c.done.Wait()
	}
}

func TestFault_OfAnInstanceThatIsSlowLeavesTheRequestsToTheOther(t *testing.T) {
	s := newStage(t, router.Front{})
	good, slow := newBad(t, func(http.ResponseWriter, *http.Request) {}), newBad(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(250 * time.Millisecond): // is slow beside one on a machine with much else to do
		case <-r.Context().Done():
		}
	})
	s.instances("d1", good.at, slow.at)
	c := s.come(4)
	s.await("some hundred were answered", func() bool { return c.count.Load() > 500 })
	c.leave(t)
	if slow.seen.Load() > good.seen.Load()/2 {
		t.Errorf("the slow instance was given %d requests, the other one %d", slow.seen.Load(), good.seen.Load())
	}
}

func TestFault_OfEveryInstanceIsToldAndRequestsStillGoOut(t *testing.T) {
	s := newStage(t, router.Front{})
	var ill atomic.Bool
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ill.Load() && r.URL.Path == "/healthz" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(app.Close)
	s.instances("d1", "tcp:"+app.Listener.Addr().String())
	ill.Store(true)
	s.await("it is told", func() bool { return s.front().Slots[0].Unwell(time.Now(), 0) != "" })
	if answer, text := s.get("/"); answer.StatusCode != http.StatusOK {
		t.Errorf("with none well a request got %s %q", answer.Status, text)
	}
	if told := s.problems(); len(told) != 1 || told[0].Deployment != "d1" || !strings.Contains(told[0].Text, "answered 503") {
		t.Errorf("the problems are %+v", told)
	}
	ill.Store(false)
	s.await("it came back", func() bool { return s.front().Slots[0].Unwell(time.Now(), 0) == "" })
	s.await("it is told no more", func() bool { return len(s.problems()) == 0 })
}

func TestFault_ATargetThatDiesAfterTheSwitchIsToldAndTheWayBackIsOneCall(t *testing.T) {
	s := newStage(t, router.Front{})
	old, fresh := newApp(t, "old"), newApp(t, "new")
	s.instances("new", fresh.at())
	s.instances("old", old.at())
	s.split(all("new"))
	if _, text := s.get("/"); text != "new" {
		t.Fatalf("after the switch %q", text)
	}
	fresh.stop()
	s.await("it is told", func() bool { return strings.Contains(s.front().Slots[0].Unwell(time.Now(), 0), "nobody listens") })
	failed := 0
	for range 10 {
		if answer, _ := s.get("/"); answer.StatusCode == http.StatusBadGateway {
			failed++
		}
	}
	begun := time.Now()
	s.split(all("old"))
	for range 10 {
		if _, text := s.get("/"); text != "old" {
			t.Errorf("after the way back %q", text)
		}
	}
	if failed != 10 || time.Since(begun) > 30*time.Second {
		t.Errorf("%d of 10 requests failed at a target that is gone; the way back took %s", failed, time.Since(begun))
	}
}

func TestFault_AClientThatNeverReadsKeepsNobodyAndIsCutByTheDrain(t *testing.T) {
	s := newStage(t, router.Front{})
	endless := newBad(t, func(w http.ResponseWriter, _ *http.Request) {
		part := make([]byte, 64<<10)
		for _, err := w.Write(part); err == nil; _, err = w.Write(part) {
		}
	})
	s.instances("d1", endless.at)
	s.instances("d2", newApp(t, "d2").at())
	s.split(all("d1"))
	conn, err := net.Dial("tcp", s.address)
	check(t, err)
	defer func() { _ = conn.Close() }()
	_, err = io.WriteString(conn, "GET /all HTTP/1.1\r\nHost: shop\r\n\r\n") // and reads nothing of it
	check(t, err)
	s.await("it is being answered", func() bool { return s.front().Slots[0].Running == 1 })
	s.split(all("d2"))
	if _, text := s.get("/"); text != "d2" {
		t.Errorf("meanwhile another client got %q", text)
	}
	drained, err := s.Drain(deadline(t), "shop", "d1", 50*time.Millisecond)
	if err != nil || drained.Cancelled != 1 {
		t.Errorf("the drain says %+v, %v", drained, err)
	}
}

func TestFault_OfAClientWhoseUploadBreaksIsNoFaultOfTheTarget(t *testing.T) {
	s := newStage(t, router.Front{})
	s.instances("d1", newApp(t, "a").at(), newApp(t, "b").at())
	for _, upload := range []string{"Content-Length: 10\r\n\r\nhalf", "Content-Length: 1000000\r\n\r\nhalf", "Transfer-Encoding: chunked\r\n\r\nno chunk\r\n"} {
		for range 10 {
			conn, err := net.Dial("tcp", s.address)
			check(t, err)
			_, err = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: shop\r\n"+upload)
			check(t, err)
			if strings.HasSuffix(upload, "half") {
				check(t, conn.(*net.TCPConn).CloseWrite())
			}
			_, _ = conn.Read(make([]byte, 1)) // whatever is said to it
			check(t, conn.Close())
		}
	}
	for n := range 2 {
		if target := s.target(n); !target.Ejected.IsZero() || target.Times != 0 || target.Running != 0 {
			t.Errorf("instance %d: %+v", n, target)
		}
	}
}

func TestFault_AKilledRouterKnowsItsInstancesAndLooksAtThemAgain(t *testing.T) {
	s := &stage{t: t, folder: folder(t)}
	s.Client = &router.Client{Socket: s.folder + "/s"}
	process := s.spawn()
	s.open(router.Front{})
	a, b := newApp(t, "a"), newApp(t, "b")
	s.instances("d1", a.at(), b.at())
	check(t, process.Process.Signal(syscall.SIGKILL))
	_ = process.Wait()
	b.stop()
	s.spawn()
	s.await("the one that died meanwhile is known to be ill", func() bool { return !s.target(1).Well })
	for range 20 {
		if _, text := s.get("/"); text != "a" {
			t.Errorf("a request got %q", text)
		}
	}
}

func TestServe_SpeaksHTTP2ToAServiceThatDoes(t *testing.T) {
	s := newStage(t, router.Front{})
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	app := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(http.TrailerPrefix+"Sum", "42")
		_ = http.NewResponseController(w).Flush() // else it has a length, and HTTP/1.1 no trailers
		_, _ = io.Copy(w, r.Body)
		_, _ = fmt.Fprint(w, r.Proto)
	}))
	app.Config.Protocols = &protocols
	app.Start()
	t.Cleanup(app.Close)
	check(t, s.Add(deadline(t), "shop", router.Slot{Deployment: "d1", Release: "v1", Routes: []router.Route{{Prefix: "/", Protocol: understudy.ProtocolH2C,
		Addresses: []string{"tcp:" + app.Listener.Addr().String()}, Health: understudy.Health{Path: "/up", Interval: 5 * time.Millisecond}}}}))
	s.split(all("d1"))
	answer, text := s.do(http.MethodPost, "/", bufio.NewReader(strings.NewReader("hello ")))
	if text != "hello HTTP/2.0" || answer.Trailer.Get("Sum") != "42" || answer.ProtoMajor != 1 {
		t.Errorf("answered with %s %q, trailers %v", answer.Proto, text, answer.Trailer)
	}
	if !s.target(0).Well {
		t.Errorf("looked at over HTTP/2 it is not well: %+v", s.target(0))
	}
}
