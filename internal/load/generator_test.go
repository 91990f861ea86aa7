package load_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"understudy"
	"understudy/internal/load"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// forever is a window that holds everything.
func forever(g *load.Generator) load.Summary {
	return g.Window(time.Time{}.Add(1), time.Now().Add(time.Hour))
}

func visits(rate float64, steps ...understudy.Step) understudy.Traffic {
	return understudy.Traffic{Rate: rate, Journeys: []understudy.Journey{{Name: "visit", Steps: steps}}}
}

func newGenerator(t *testing.T, traffic understudy.Traffic, target load.Target) *load.Generator {
	t.Helper()
	g, err := load.New(traffic, target, 1)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// pipes is a listener whose connections exist in memory only, so that they can be waited
// for in virtual time.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

func (p *pipes) dial(ctx context.Context) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.conns <- there:
		return here, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// inVirtualTime runs a test against a handler with a clock that jumps from event to event.
func inVirtualTime(t *testing.T, handler http.HandlerFunc, test func(t *testing.T, target load.Target)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		listener := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
		server := &http.Server{Handler: handler}
		served := make(chan error, 1)
		go func() { served <- server.Serve(listener) }()
		defer func() {
			if err := server.Close(); err != nil {
				t.Error(err)
			}
			<-served
		}()
		test(t, load.Target{Base: "http://shop.example", Dial: listener.dial})
	})
}

// during runs a generator for a time.
func during(t *testing.T, g *load.Generator, length time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	if err := g.Run(ctx); err != nil {
		t.Error(err)
	}
}

func TestRun_ShowsAStallOfTheServerToEveryoneWhoWouldHaveCome(t *testing.T) {
	start := time.Time{}
	handler := func(w http.ResponseWriter, _ *http.Request) {
		// From second 2 to second 3 the server answers nobody.
		if now := time.Since(start); now >= 2*time.Second && now < 3*time.Second {
			time.Sleep(3*time.Second - now)
		}
	}
	inVirtualTime(t, handler, func(t *testing.T, target load.Target) {
		start = time.Now()
		g := newGenerator(t, visits(50, understudy.Step{Path: "/"}), target)
		during(t, g, 5*time.Second-time.Millisecond)
		s := g.WindowBudget(start, start.Add(5*time.Second), 100*time.Millisecond)
		// 50 a second arrive during the stall; the last five of them wait 100 ms or less.
		if s.Requests != 250 || s.Journeys != 250 || s.Failed != 0 || s.Stall.Requests != 45 || s.Stall.Longest != time.Second || s.Stall.Step != "GET /" {
			t.Errorf("found %+v", s)
		}
		if s.P50 != 0 || s.P90 != 500*time.Millisecond || s.Max != time.Second || s.LatenessP99 != 0 {
			t.Errorf("found p50 %v, p90 %v, max %v, lateness %v", s.P50, s.P90, s.Max, s.LatenessP99)
		}
		before := g.WindowBudget(start, start.Add(2*time.Second), 100*time.Millisecond)
		if before.Requests != 100 || before.Stall.Requests != 0 || before.Rate != 50 {
			t.Errorf("before the stall: %+v", before)
		}
	})
}

func TestWindow_CountsThoseThatStillWait(t *testing.T) {
	var release chan struct{}
	inVirtualTime(t, func(http.ResponseWriter, *http.Request) { <-release }, func(t *testing.T, target load.Target) {
		release = make(chan struct{})
		g := newGenerator(t, visits(10, understudy.Step{Path: "/"}), target)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second-time.Millisecond)
		defer cancel()
		start, ended := time.Now(), make(chan error, 1)
		go func() { ended <- g.Run(ctx) }()
		time.Sleep(3 * time.Second)
		s := g.Window(start, start.Add(3*time.Second))
		if s.Requests != 0 || s.Journeys != 30 || s.Stall.Longest != 3*time.Second || s.Stall.Requests != 20 {
			t.Errorf("while all wait: %+v", s)
		}
		close(release)
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if s := g.Window(start, start.Add(3*time.Second)); s.Requests != 30 || s.Max != 3*time.Second {
			t.Errorf("after they were answered: %+v", s)
		}
	})
}

func TestRun_WaitsForWhatIsInFlightAndCutsOffWhatNeverEnds(t *testing.T) {
	handler := func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then the server notices that the visitor has gone
		<-r.Context().Done()
	}
	inVirtualTime(t, handler, func(t *testing.T, target load.Target) {
		g := newGenerator(t, visits(1, understudy.Step{Method: "post", Path: "/slow", Body: "x"}), target)
		start := time.Now()
		during(t, g, 1500*time.Millisecond)
		// The one that came at second 1 has waited RequestTimeout before EndGrace is over.
		if took := time.Since(start); took != time.Second+load.RequestTimeout {
			t.Errorf("ended after %v", took)
		}
		if s := forever(g); s.Failed != 2 || s.Classes["POST /slow → timeout"] != 2 {
			t.Errorf("found %+v", s)
		}
	})
}

func TestRun_DropsArrivalsBeyondItsBoundAndSaysSo(t *testing.T) {
	handler := func(_ http.ResponseWriter, _ *http.Request) { time.Sleep(10 * time.Second) }
	inVirtualTime(t, handler, func(t *testing.T, target load.Target) {
		g := newGenerator(t, visits(1000, understudy.Step{Path: "/"}), target)
		during(t, g, 5*time.Second-time.Microsecond)
		if s := forever(g); s.Dropped != 5000-load.InFlight || s.Requests != load.InFlight || s.Journeys != load.InFlight || s.Failed != 0 {
			t.Errorf("dropped %d, requests %d, journeys %d", s.Dropped, s.Requests, s.Journeys)
		}
	})
}

func TestRun_MakesLaterStepsDueWhenTheOneBeforeEnded(t *testing.T) {
	handler := func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			time.Sleep(700 * time.Millisecond)
		}
	}
	inVirtualTime(t, handler, func(t *testing.T, target load.Target) {
		g := newGenerator(t, visits(10, understudy.Step{Path: "/slow"}, understudy.Step{Path: "/fast"}), target)
		during(t, g, 2*time.Second-time.Millisecond)
		s := g.WindowBudget(time.Now().Add(-time.Hour), time.Now(), time.Millisecond)
		if s.Stall.Step != "GET /slow" || s.Stall.Requests != 20 || s.P50 != 700*time.Millisecond && s.P50 != 0 {
			t.Errorf("found %+v", s)
		}
	})
}

func TestRecord_ForgetsWhatIsOlderThanTenMinutes(t *testing.T) {
	inVirtualTime(t, func(http.ResponseWriter, *http.Request) {}, func(t *testing.T, target load.Target) {
		g := newGenerator(t, visits(20, understudy.Step{Path: "/"}), target)
		start := time.Now()
		during(t, g, 30*time.Minute)
		if s := forever(g); s.Requests < 20*600 || s.Requests > 20*600+2*4096 {
			t.Errorf("%d requests are remembered", s.Requests)
		}
		if s := g.Window(start.Add(20*time.Minute), start.Add(30*time.Minute)); s.Requests != 20*600 || s.Rate != 20 || s.Journeys != 20*600 {
			t.Errorf("of the last ten minutes: %d requests, %d journeys, %v a second", s.Requests, s.Journeys, s.Rate)
		}
	})
}

// shop is a small web application on the loopback network.
type shop struct {
	*httptest.Server
	mu    sync.Mutex
	seen  []string
	carts atomic.Int64
}

func newShop(t *testing.T) *shop {
	s := &shop{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /login", func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "session", Value: fmt.Sprint(s.carts.Add(1)), Path: "/", Domain: "shop.example", Secure: true})
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, `<input name="csrf" value="a&#43;b">`)
	})
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		if c, err := r.Cookie("session"); err != nil || c.Value == "" || r.FormValue("csrf") != "a+b" {
			http.Error(w, "no session", http.StatusForbidden)
			return
		}
		s.note(r.FormValue("name"))
		http.Redirect(w, r, "/gone", http.StatusFound)
	})
	mux.HandleFunc("GET /product/{id}", func(w http.ResponseWriter, r *http.Request) {
		s.note(r.PathValue("id") + " " + r.Header.Get("X-Test") + r.Header.Get("X-Step"))
		fmt.Fprint(w, `{"price": 7}`)
	})
	mux.HandleFunc("POST /json", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.note(r.Header.Get("Content-Type") + " " + string(body))
	})
	mux.HandleFunc("GET /broken", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, `duplicate key (mail)=(anna.moser@gmail.com), token 4f9a8b7c6d5e4f3a, call +49 151 2345678, code 42`, http.StatusInternalServerError)
	})
	mux.HandleFunc("GET /cut", func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) })
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func (s *shop) note(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, what)
}

// untilRequests runs a generator until it has made as many requests.
func untilRequests(t *testing.T, g *load.Generator, n int) load.Summary {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for forever(g).Requests < n && ctx.Err() == nil {
		<-tick.C
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if s := forever(g); s.Requests >= n {
		return s
	}
	t.Fatalf("no %d requests within two minutes: %+v", n, forever(g))
	return load.Summary{}
}

func TestJourneys_KeepCookiesAndCaptures(t *testing.T) {
	shop := newShop(t)
	g := newGenerator(t, visits(200,
		understudy.Step{Path: "/login", Capture: map[string]string{"csrf": `name="csrf" value="([^"]*)"`}},
		understudy.Step{Method: "POST", Path: "/login", Form: map[string]string{"csrf": "{{csrf}}", "name": "{{unique}}"}, Expect: []int{302}},
	), load.Target{Base: shop.URL})
	s := untilRequests(t, g, 40)
	if s.Failed != 0 {
		t.Errorf("found %+v", s)
	}
	slices.Sort(shop.seen)
	if names := slices.Compact(slices.Clone(shop.seen)); len(names) != len(shop.seen) || len(names) == 0 {
		t.Errorf("{{unique}} was not unique: %v", shop.seen)
	}
}

func TestJourneys_FillTemplatesAndHeaders(t *testing.T) {
	shop := newShop(t)
	g := newGenerator(t, visits(200,
		understudy.Step{Path: "/product/{{int 3 5}}?q={{unique}}", Header: map[string]string{"X-Step": "b"}, Capture: map[string]string{"price": `"price": (\d+)`}},
		understudy.Step{Method: "POST", Path: "/json", Body: `{"pay": {{price}}}`},
	), load.Target{Base: shop.URL, Header: map[string]string{"X-Test": "a"}})
	if s := untilRequests(t, g, 40); s.Failed != 0 {
		t.Errorf("found %+v", s)
	}
	for _, seen := range shop.seen {
		if !slices.Contains([]string{"3 ab", "4 ab", "5 ab", `application/json {"pay": 7}`}, seen) {
			t.Errorf("the server saw %q", seen)
		}
	}
}

func TestFailures_AreClassedByTemplateAndCause(t *testing.T) {
	shop := newShop(t)
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := dead.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		base  string
		step  understudy.Step
		class string
	}{
		{shop.URL, understudy.Step{Path: "/broken"}, "GET /broken → 500"},
		{shop.URL, understudy.Step{Path: "/nothing/{{int 1 100000}}?a=b"}, "GET /nothing/{{int 1 100000}} → 404"},
		{shop.URL, understudy.Step{Path: "/product/1", Expect: []int{201}}, "GET /product/1 → 200"},
		{shop.URL, understudy.Step{Path: "/product/1", Capture: map[string]string{"id": `"id": (\d+)`}}, "GET /product/1 → 200 without id"},
		{shop.URL, understudy.Step{Path: "/cut"}, "GET /cut → connection closed"},
		{"http://" + dead.Addr().String(), understudy.Step{Path: "/"}, "GET / → connection refused"},
	} {
		g := newGenerator(t, visits(100, c.step, understudy.Step{Path: "/product/never"}), load.Target{Base: c.base})
		s := untilRequests(t, g, 5)
		if s.Failed != s.Requests || s.Classes[c.class] != s.Failed {
			t.Errorf("%s: found %+v", c.class, s)
		}
		if len(s.Samples) == 0 || len(s.Samples) > 5 || !strings.HasPrefix(s.Samples[0], c.class) {
			t.Errorf("%s: samples are %q", c.class, s.Samples)
		}
	}
}

func TestSamples_QuoteNothingPersonal(t *testing.T) {
	g := newGenerator(t, visits(100, understudy.Step{Path: "/broken"}), load.Target{Base: newShop(t).URL})
	s := untilRequests(t, g, 1)
	want := "GET /broken → 500: duplicate key (mail)=([20 characters]), token [16 characters], call [15 characters], code 42"
	if s.Samples[0] != want {
		t.Errorf("found    %s\nexpected %s", s.Samples[0], want)
	}
}

func TestRun_ChoosesJourneysByWeight(t *testing.T) {
	counts := map[string]int{}
	var mu sync.Mutex
	handler := func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		counts[r.URL.Path]++
	}
	inVirtualTime(t, handler, func(t *testing.T, target load.Target) {
		g := newGenerator(t, understudy.Traffic{Rate: 100, Journeys: []understudy.Journey{
			{Name: "often", Weight: 3, Steps: []understudy.Step{{Path: "/often"}}}, {Name: "rarely", Steps: []understudy.Step{{Path: "/rarely"}}},
		}}, target)
		during(t, g, 40*time.Second)
	})
	if often := counts["/often"]; often < 2850 || often > 3150 {
		t.Errorf("of 4000 journeys %d were of weight 3 of 4", often)
	}
}

func TestRun_HappensOnce(t *testing.T) {
	g := newGenerator(t, visits(1, understudy.Step{Path: "/"}), load.Target{Base: "http://127.0.0.1:1"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := g.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if err := g.Run(ctx); understudy.KindOf(err) != understudy.KindConflict {
		t.Errorf("a second run gave %v", err)
	}
}

func TestNew_RefusesTrafficThatCannotBeMade(t *testing.T) {
	good := load.Target{Base: "http://127.0.0.1:1"}
	for want, traffic := range map[string]understudy.Traffic{
		"rate above zero":                   visits(0, understudy.Step{Path: "/"}),
		"no journeys":                       {Rate: 1},
		"journey visit has no steps":        visits(1),
		"has weight -1":                     {Rate: 1, Journeys: []understudy.Journey{{Name: "a", Weight: -1, Steps: []understudy.Step{{Path: "/"}}}}},
		"begins with /":                     visits(1, understudy.Step{Path: "cart"}),
		"{{id}} is neither":                 visits(1, understudy.Step{Path: "/{{id}}"}, understudy.Step{Path: "/", Capture: map[string]string{"id": "(.)"}}),
		"no range":                          visits(1, understudy.Step{Path: "/{{int 5 3}}"}),
		"cannot be read":                    visits(1, understudy.Step{Path: "/", Capture: map[string]string{"id": "("}}),
		"has 2 groups":                      visits(1, understudy.Step{Path: "/", Capture: map[string]string{"id": "(.)(.)"}}),
		"captured as \"unique\"":            visits(1, understudy.Step{Path: "/", Capture: map[string]string{"unique": "(.)"}}),
		"a form and a body":                 visits(1, understudy.Step{Path: "/", Body: "a", Form: map[string]string{"a": "b"}}),
		"step 2 of journey visit: its path": visits(1, understudy.Step{Path: "/"}, understudy.Step{Path: ""}),
	} {
		if _, err := load.New(traffic, good, 1); understudy.KindOf(err) != understudy.KindInvalid || !strings.Contains(err.Error(), want) {
			t.Errorf("expected an error that says %q, found %v", want, err)
		}
	}
	for _, base := range []string{"", "localhost:80", "ftp://x", "http://"} {
		if _, err := load.New(visits(1, understudy.Step{Path: "/"}), load.Target{Base: base}, 1); understudy.KindOf(err) != understudy.KindInvalid {
			t.Errorf("target %q gave %v", base, err)
		}
	}
}

func TestWindow_OfTrafficThatHasNotBegunIsEmpty(t *testing.T) {
	g := newGenerator(t, visits(1, understudy.Step{Path: "/"}), load.Target{Base: "http://127.0.0.1:1"})
	if s := forever(g); s.Requests != 0 || s.Rate != 0 {
		t.Errorf("found %+v", s)
	}
}

func TestRun_ReportsItsOwnLateness(t *testing.T) {
	// A dial that takes its time is the application's; only the way from due to sending is ours.
	inVirtualTime(t, func(http.ResponseWriter, *http.Request) {}, func(t *testing.T, target load.Target) {
		dial := target.Dial
		target.Dial = func(ctx context.Context) (net.Conn, error) {
			time.Sleep(200 * time.Millisecond)
			return dial(ctx)
		}
		g := newGenerator(t, visits(1, understudy.Step{Path: "/"}), target)
		during(t, g, 3*time.Second)
		if s := forever(g); s.LatenessP99 != 0 || s.Max != 200*time.Millisecond {
			t.Errorf("lateness %v, max %v", s.LatenessP99, s.Max)
		}
	})
}
