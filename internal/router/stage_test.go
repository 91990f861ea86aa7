package router_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"understudy/internal/router"
)

// stage is a router with one front, "shop", and a client to it.
type stage struct {
	t      *testing.T
	folder string
	copies []int // process ids of the copies that upgrades made
	*router.Client
	address string // of the front
}

// deadline bounds every wait of a test.
func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func folder(t *testing.T) string { return folderIn(t, "/tmp") }

// quickFolder is in memory where the machine has such a place, so that a busy disk does
// not set the pace of a test of something else.
func quickFolder(t *testing.T) string {
	if _, err := os.Stat("/dev/shm"); err == nil {
		return folderIn(t, "/dev/shm")
	}
	return folder(t)
}

func folderIn(t *testing.T, parent string) string {
	t.Helper()
	dir, err := os.MkdirTemp(parent, "us")
	check(t, err)
	t.Cleanup(func() { check(t, os.RemoveAll(dir)) })
	return dir
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newStage runs a router in this process, with its front open.
func newStage(t *testing.T, front router.Front) *stage {
	t.Helper()
	dir := quickFolder(t)
	s := &stage{t: t, folder: dir, Client: &router.Client{Socket: dir + "/s"}}
	s.run(router.Config{State: dir, Control: dir + "/s", Drain: time.Second})
	s.open(front)
	return s
}

func (s *stage) run(c router.Config) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- router.Run(ctx, c) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			s.t.Errorf("the router ended with: %v", err)
		}
	})
	s.t.Cleanup(stop)
	s.awaitAnswer()
	return stop
}

// newProcessStage runs a router as a process of its own, with its front open.
func newProcessStage(t *testing.T, front router.Front) *stage {
	t.Helper()
	dir := folder(t)
	s := &stage{t: t, folder: dir, Client: &router.Client{Socket: dir + "/s"}}
	s.spawn()
	s.open(front)
	return s
}

// spawn starts the router's process; whichever copy serves at the end of the test is ended.
func (s *stage) spawn() *exec.Cmd {
	s.t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asRouter+"="+s.folder)
	log, err := os.OpenFile(s.folder+"/log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	check(s.t, err)
	cmd.Stdout, cmd.Stderr = log, log
	check(s.t, cmd.Start())
	check(s.t, log.Close())
	s.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		for _, pid := range s.copies {
			_ = syscall.Kill(pid, syscall.SIGKILL)
			await(s.t, "a copy has ended", func() bool { return ended(pid) })
		}
		if s.t.Failed() {
			text, _ := os.ReadFile(s.folder + "/log")
			s.t.Logf("the router's log:\n%s", text)
		}
	})
	s.awaitAnswer()
	return cmd
}

// ended tells whether a process is gone, or waits for a parent that never reaps it: its first
// thread does before the others are gone, with what they listen on.
func ended(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	threads, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid)) // gone: none
	return syscall.Kill(pid, 0) != nil || (err == nil && strings.Contains(string(stat), ") Z ") && len(threads) <= 1)
}

// upgrade replaces the router and returns when the new copy answers.
func (s *stage) upgrade(old int) (fresh int) {
	s.t.Helper()
	check(s.t, s.Upgrade(deadline(s.t), ""))
	s.await("a new copy answers", func() bool {
		state, err := s.State(deadline(s.t))
		fresh = state.PID
		return err == nil && fresh != old
	})
	s.copies = append(s.copies, fresh)
	return fresh
}

func (s *stage) awaitAnswer() {
	s.t.Helper()
	s.await("the router answers", func() bool {
		_, err := s.State(context.Background())
		return err == nil
	})
}

func (s *stage) await(what string, holds func() bool) {
	s.t.Helper()
	await(s.t, what, holds)
}

// await polls until something holds.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx := deadline(t)
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	for !holds() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatalf("waited too long until %s", what)
		}
	}
}

func (s *stage) open(front router.Front) {
	s.t.Helper()
	front.Name, front.Listen = "shop", "127.0.0.1:0"
	check(s.t, s.Open(deadline(s.t), front))
	s.address = s.front().Listen
}

func (s *stage) front() router.FrontState {
	s.t.Helper()
	state, err := s.State(deadline(s.t))
	check(s.t, err)
	for _, f := range state.Fronts {
		if f.Name == "shop" {
			return f
		}
	}
	s.t.Fatal("the router has no front shop")
	return router.FrontState{}
}

func (s *stage) problems() []router.Problem {
	s.t.Helper()
	state, err := s.State(deadline(s.t))
	check(s.t, err)
	return state.Problems
}

// add gives a deployment a slot with one route to its addresses.
func (s *stage) add(deployment string, addresses ...string) {
	s.t.Helper()
	check(s.t, s.Add(deadline(s.t), "shop", router.Slot{Deployment: deployment, Release: "r-" + deployment,
		Routes: []router.Route{{Prefix: "/", Addresses: addresses}}}))
}

func (s *stage) split(shares ...router.Share) {
	s.t.Helper()
	check(s.t, s.Split(deadline(s.t), "shop", shares))
}

// all gives one deployment everything.
func all(deployment string) router.Share {
	return router.Share{Deployment: deployment, Percent: 100}
}

// get makes one request on a connection of its own.
func (s *stage) get(path string, header ...string) (*http.Response, string) {
	s.t.Helper()
	return s.do(http.MethodGet, path, nil, header...)
}

func (s *stage) do(method, path string, body io.Reader, header ...string) (*http.Response, string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(deadline(s.t), method, "http://"+s.address+path, body)
	check(s.t, err)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	transport := &http.Transport{DisableKeepAlives: true, DisableCompression: true}
	defer transport.CloseIdleConnections()
	answer, err := transport.RoundTrip(r)
	check(s.t, err)
	text, err := io.ReadAll(answer.Body)
	check(s.t, err)
	check(s.t, answer.Body.Close())
	return answer, string(text)
}

// app is a deployment: a real server that says who it is.
type app struct {
	*httptest.Server
	name  string
	holds chan struct{} // what /wait waits for
	seen  atomic.Pointer[http.Request]
}

func newApp(t *testing.T, name string) *app {
	t.Helper()
	a := &app{name: name, holds: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		a.seen.Store(r)
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = fmt.Fprint(w, name)
	})
	mux.HandleFunc("/wait", func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-a.holds:
			_, _ = fmt.Fprint(w, name)
		case <-r.Context().Done():
		}
	})
	mux.HandleFunc("/fail", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	mux.HandleFunc("/abort", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	mux.HandleFunc("/upgrade", a.upgrade)
	mux.HandleFunc("/events", a.events)
	a.Server = httptest.NewServer(mux)
	t.Cleanup(a.stop)
	return a
}

// stop ends the deployment at once, as a killed process would.
func (a *app) stop() {
	a.CloseClientConnections()
	a.Close()
}

func (a *app) at() string { return "tcp:" + a.Listener.Addr().String() }

// upgrade speaks a protocol of lines: each is sent back with the deployment's name.
func (a *app) upgrade(w http.ResponseWriter, _ *http.Request) {
	conn, stream, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	_, _ = stream.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: lines\r\n\r\n")
	for stream.Flush() == nil {
		line, err := stream.ReadString('\n')
		if err != nil {
			return
		}
		_, _ = stream.WriteString(a.name + " " + line)
	}
}

// events is an event stream of one event, and another when holds is closed.
func (a *app) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	_, _ = fmt.Fprint(w, "data: one\n\n")
	_ = http.NewResponseController(w).Flush()
	select {
	case <-a.holds:
		_, _ = fmt.Fprint(w, "data: two\n\n")
	case <-r.Context().Done():
	}
}

// line is an upgraded connection.
type line struct {
	net.Conn
	in *bufio.Reader
}

func (s *stage) upgraded() *line {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.address)
	check(s.t, err)
	s.t.Cleanup(func() { _ = conn.Close() })
	check(s.t, conn.SetDeadline(time.Now().Add(60*time.Second)))
	_, err = io.WriteString(conn, "GET /upgrade HTTP/1.1\r\nHost: shop\r\nConnection: Upgrade\r\nUpgrade: lines\r\n\r\n")
	check(s.t, err)
	l := &line{Conn: conn, in: bufio.NewReader(conn)}
	answer, err := http.ReadResponse(l.in, nil)
	check(s.t, err)
	if answer.StatusCode != http.StatusSwitchingProtocols {
		s.t.Fatalf("upgrading: %s", answer.Status)
	}
	return l
}

func (l *line) say(text string) (string, error) {
	if _, err := io.WriteString(l, text+"\n"); err != nil {
		return "", err
	}
	reply, err := l.in.ReadString('\n')
	return strings.TrimSpace(reply), err
}

// customers are clients that come all the time, half of their requests with a body.
type customers struct {
	stop   chan struct{}
	done   sync.WaitGroup
	count  atomic.Int64
	mu     sync.Mutex
	failed []string
}

// come starts customers; leave ends them and reports every request that failed.
func (s *stage) come(workers int) *customers {
	c := &customers{stop: make(chan struct{})}
	for range workers {
		c.done.Go(func() { c.shop("http://" + s.address) })
	}
	return c
}

func (c *customers) shop(url string) {
	transport := &http.Transport{MaxIdleConnsPerHost: 4}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 30 * time.Second}
	for n := 0; ; n++ {
		select {
		case <-c.stop:
			return
		default:
		}
		if err := once(client, url, n); err != nil {
			c.mu.Lock()
			c.failed = append(c.failed, err.Error())
			c.mu.Unlock()
		}
		c.count.Add(1)
	}
}

func once(client *http.Client, url string, n int) error {
	var answer *http.Response
	var err error
	if n%2 == 0 {
		answer, err = client.Get(url + "/page?n=1")
	} else {
		answer, err = client.Post(url+"/order", "text/plain", strings.NewReader("one of each"))
	}
	if err != nil {
		return err
	}
	text, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", answer.Status, text)
	}
	return err
}

func (c *customers) leave(t *testing.T) {
	t.Helper()
	close(c.stop)
	c.done.Wait()
	if n := c.count.Load(); len(c.failed) > 0 || n == 0 {
		t.Errorf("%d of %d requests failed, the first: %v", len(c.failed), n, c.failed[:min(3, len(c.failed))])
	}
	t.Logf("%d requests", c.count.Load())
}
