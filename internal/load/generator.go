package load

import (
	"context"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"understudy"
)

const (
	// InFlight is how many journeys may be under way at once. What arrives beyond is dropped.
	InFlight = 4096
	// RequestTimeout ends a request without an answer.
	RequestTimeout = 30 * time.Second
	// EndGrace is how long Run waits, after its context has ended, for what is in flight.
	EndGrace = 30 * time.Second
)

// Target is where the traffic goes.
type Target struct {
	Base   string                                      // http://host:port; paths are appended
	Dial   func(ctx context.Context) (net.Conn, error) // where it really connects to; nil: to Base
	Header map[string]string                           // sent with every request, unless the step says otherwise
}

// Generator makes the traffic of one application. It runs once; its figures can be asked
// for at any time, from any goroutine, also after it has ended.
type Generator struct {
	rate  float64
	open  func() (visit visits, close func()) // once, by Run
	seed  uint64
	count atomic.Int64 // visitors who are there

	record record
}

// visits makes the visit of a number: it goes on to its next request until the first
// context ends, and what it has under way ends with the second. Everything random in it
// follows from the seed and the number.
type visits func(number uint64) func(until, requests context.Context, due time.Time)

// web is a web service that is visited.
type web struct {
	g        *Generator
	journeys []journey
	weights  float64 // sum
	base     *url.URL
	header   http.Header
	dial     func(ctx context.Context) (net.Conn, error)
}

// New compiles traffic and starts nothing. Errors are of KindInvalid and name journey and
// step. Two generators with the same seed choose the same journeys and values.
func New(traffic understudy.Traffic, target Target, seed uint64) (*Generator, error) {
	g, err := paced(traffic.Rate, seed)
	if err != nil {
		return nil, err
	}
	base, err := url.Parse(target.Base)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, understudy.Errorf(understudy.KindInvalid, "traffic needs a target such as http://host:port, found %q", target.Base)
	}
	w := &web{g: g, base: base, header: http.Header{}, dial: target.Dial}
	for name, value := range target.Header {
		w.header.Set(name, value)
	}
	if w.journeys, err = compileJourneys(traffic.Journeys); err != nil {
		return nil, err
	}
	for _, j := range w.journeys {
		w.weights += j.weight
	}
	g.open = w.open
	return g, nil
}

// paced is a generator that does nothing yet.
func paced(rate float64, seed uint64) (*Generator, error) {
	if rate <= 0 || math.IsNaN(rate) || math.IsInf(rate, 0) {
		return nil, understudy.Errorf(understudy.KindInvalid, "traffic needs a rate above zero, in journeys per second; found %v", rate)
	}
	return &Generator{rate: rate, seed: seed}, nil
}

func (w *web) open() (visits, func()) {
	transport := w.transport()
	return func(number uint64) func(until, requests context.Context, due time.Time) {
		return w.newVisit(number, transport).run
	}, transport.CloseIdleConnections
}

// Run makes journeys arrive until ctx ends, then waits up to EndGrace for the requests in
// flight and cuts off what is left. That the context ended is no error. It may be called
// once.
func (g *Generator) Run(ctx context.Context) error {
	if !g.record.begin(time.Now()) {
		return understudy.Errorf(understudy.KindConflict, "this traffic has been started already")
	}
	visit, end := g.open()
	defer end()
	requests, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	var visits sync.WaitGroup
	g.pace(ctx, func(number uint64, due time.Time) {
		visits.Go(func() {
			defer g.count.Add(-1)
			visit(number)(ctx, requests, due)
		})
	})
	grace := time.AfterFunc(EndGrace, cut)
	defer grace.Stop()
	visits.Wait()
	g.record.end(time.Now())
	return nil
}

// pace lets journeys arrive by an absolute schedule: the n-th is due at start + n/rate.
// After it woke up late it lets all that are due arrive at once, so that the rate holds.
func (g *Generator) pace(ctx context.Context, arrive func(number uint64, due time.Time)) {
	start := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for number := uint64(0); ; number++ {
		due := start.Add(time.Duration(float64(number) / g.rate * float64(time.Second)))
		if wait := time.Until(due); wait > 0 {
			timer.Reset(wait)
			select {
			case <-ctx.Done():
				return
			case <-timer.C:
			}
		}
		if ctx.Err() != nil {
			return
		}
		if g.count.Add(1) > InFlight {
			g.count.Add(-1)
			g.record.drop(due)
			continue
		}
		g.record.arrive(due)
		arrive(number, due)
	}
}

// choose picks a journey by its weight.
func (w *web) choose(random *rand.Rand) journey {
	at := random.Float64() * w.weights
	for _, j := range w.journeys {
		if at -= j.weight; at < 0 {
			return j
		}
	}
	return w.journeys[len(w.journeys)-1]
}

// transport is a pool of connections of the generator's own. It asks for no compression
// and goes through no proxy: what is measured is the application.
func (w *web) transport() *http.Transport {
	t := &http.Transport{
		MaxIdleConnsPerHost: InFlight,
		IdleConnTimeout:     time.Minute,
		DisableCompression:  true,
	}
	if w.dial != nil {
		t.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) { return w.dial(ctx) }
	}
	return t
}
