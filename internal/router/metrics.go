package router

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// nobody is the release that metrics name where no slot was there for a request.
const nobody = "none"

// bounds are the upper bounds, in seconds, of the latency histogram.
func bounds() []float64 {
	return []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}
}

// collector reads the figures when it is asked, so that metrics cost requests nothing.
// Its labels are bounded: a series is there for as long as its slot is.
type collector struct {
	router *router
	descs  map[string]*prometheus.Desc
}

// described are the metrics, by name: what they say, and by what they are told apart
// beside front, release and deployment.
func described() map[string][]string {
	return map[string][]string{
		"requests_total":       {"Requests that ended, by class of status; 0 got no answer.", "class"},
		"errors_total":         {"Answers of 500 and above, and requests that got none."},
		"request_seconds":      {"Time from the choice of the release to the end of the answer."},
		"running":              {"Requests being answered."},
		"lasting":              {"Upgraded connections, event streams and gRPC streams."},
		"share_percent":        {"The release's share of the front's requests."},
		"retries_total":        {"Requests sent again, because no connection was made or because it was reset before a byte of the answer.", "cause"},
		"retries_denied_total": {"Requests that could have been sent again, and were not because too many were."},
		"address_well":         {"Whether an address passes its health checks.", "address"},
		"address_ejected":      {"Whether an address is given no new requests because of what became of earlier ones.", "address"},
		"address_running":      {"Requests being answered by an address, lasting ones among them.", "address"},
		"ejections_total":      {"How often an address was given no new requests for a while.", "address"},
	}
}

// metrics serves the figures of all fronts by release, in Prometheus' text form.
func (r *router) metrics() http.Handler {
	c := &collector{router: r, descs: map[string]*prometheus.Desc{}}
	describe := func(name, help string, labels ...string) {
		c.descs[name] = prometheus.NewDesc("understudy_router_"+name, help, labels, nil)
	}
	for name, d := range described() {
		describe(name, d[0], append([]string{"front", "release", "deployment"}, d[1:]...)...)
	}
	describe("waiting", "Requests held by a pause.", "front")
	describe("waited_seconds_max", "Longest that a request was held by the latest pause.", "front")
	describe("problems", "Things that went wrong by themselves, are not over, and are told by the state.")
	registry := prometheus.NewRegistry()
	registry.MustRegister(c)
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
}

// Describe names what Collect gives.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		out <- d
	}
}

func (c *collector) gauge(out chan<- prometheus.Metric, name string, value float64, labels ...string) {
	out <- prometheus.MustNewConstMetric(c.descs[name], prometheus.GaugeValue, value, labels...)
}

func (c *collector) counter(out chan<- prometheus.Metric, name string, value float64, labels ...string) {
	out <- prometheus.MustNewConstMetric(c.descs[name], prometheus.CounterValue, value, labels...)
}

// Collect gives the figures of this moment.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	for _, f := range c.router.all() {
		s := f.state(time.Now())
		c.gauge(out, "waiting", float64(s.Waiting), s.Name)
		c.gauge(out, "waited_seconds_max", s.Waited.Seconds(), s.Name)
		for _, slot := range s.Slots {
			c.slot(out, slot, s)
		}
		c.counts(out, f.nowhere.total(), s.Name, nobody, "")
		for deployment, counted := range f.figures() {
			c.counts(out, counted.total(), s.Name, s.release(deployment), deployment)
		}
	}
	c.gauge(out, "problems", float64(len(c.router.state().Problems)))
}

func (c *collector) slot(out chan<- prometheus.Metric, slot SlotState, s FrontState) {
	labels := []string{s.Name, slot.Release, slot.Deployment}
	percent := 0
	for _, share := range s.Shares {
		if share.Deployment == slot.Deployment {
			percent = share.Percent
		}
	}
	c.gauge(out, "running", float64(slot.Running), labels...)
	c.gauge(out, "lasting", float64(slot.Lasting), labels...)
	c.gauge(out, "share_percent", float64(percent), labels...)
	c.counter(out, "retries_total", float64(slot.Retries.Refused), append(labels, string(causeRefused))...)
	c.counter(out, "retries_total", float64(slot.Retries.Reset), append(labels, string(causeReset))...)
	c.counter(out, "retries_denied_total", float64(slot.Retries.Denied), labels...)
	told := map[string]bool{}
	for _, t := range slot.Targets {
		if told[t.Address] { // of another route
			continue
		}
		told[t.Address] = true
		by := append(labels, t.Address)
		c.gauge(out, "address_well", number(t.Well), by...)
		c.gauge(out, "address_ejected", number(!t.Ejected.IsZero()), by...)
		c.gauge(out, "address_running", float64(t.Running), by...)
		c.counter(out, "ejections_total", float64(t.Times), by...)
	}
}

func number(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

func (c *collector) counts(out chan<- prometheus.Metric, t tally, labels ...string) {
	for class, n := range t.classes {
		if n > 0 {
			c.counter(out, "requests_total", float64(n), append(labels, strconv.Itoa(class)+classEnding(class))...)
		}
	}
	c.counter(out, "errors_total", float64(t.errors), labels...)
	out <- prometheus.MustNewConstHistogram(c.descs["request_seconds"], uint64(t.requests), t.seconds, t.buckets(), labels...)
}

func classEnding(class int) string {
	if class == 0 {
		return ""
	}
	return "xx"
}

// buckets is how many requests took at most each bound.
func (t tally) buckets() map[float64]uint64 {
	out := map[float64]uint64{}
	bars := t.times.Distribution()
	for _, bound := range bounds() {
		var n int64
		for _, bar := range bars {
			if float64(bar.To) <= bound*1e6 {
				n += bar.Count
			}
		}
		out[bound] = uint64(n)
	}
	return out
}

// figures is where each deployment's requests are counted.
func (f *front) figures() map[string]*figures {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := map[string]*figures{}
	for deployment, slot := range f.slots {
		out[deployment] = slot.figures
	}
	return out
}

// release is the label of a deployment's release.
func (s FrontState) release(deployment string) string {
	for _, slot := range s.Slots {
		if slot.Deployment == deployment {
			return slot.Release
		}
	}
	return nobody
}
