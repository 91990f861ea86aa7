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
type collector struct {
	router                                             *router
	requests, failed, seconds, running, lasting, queue *prometheus.Desc
}

// metrics serves the figures of all fronts by release, in Prometheus' text form.
func (r *router) metrics() http.Handler {
	by := []string{"front", "release", "deployment"}
	describe := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("understudy_router_"+name, help, labels, nil)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(&collector{
		router:   r,
		requests: describe("requests_total", "Requests that ended, by class of status; 0 got no answer.", append(by, "class")...),
		failed:   describe("errors_total", "Answers of 500 and above, and requests that got none.", by...),
		seconds:  describe("request_seconds", "Time from the choice of the release to the end of the answer.", by...),
		running:  describe("running", "Requests being answered.", by...),
		lasting:  describe("lasting", "Upgraded connections and event streams.", by...),
		queue:    describe("waiting", "Requests held by a pause.", "front"),
	})
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
}

// Describe names what Collect gives.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.requests, c.failed, c.seconds, c.running, c.lasting, c.queue} {
		out <- d
	}
}

// Collect gives the figures of this moment.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	for _, f := range c.router.all() {
		s := f.state(time.Now())
		out <- prometheus.MustNewConstMetric(c.queue, prometheus.GaugeValue, float64(s.Waiting), s.Name)
		for _, slot := range s.Slots {
			labels := []string{s.Name, slot.Release, slot.Deployment}
			out <- prometheus.MustNewConstMetric(c.running, prometheus.GaugeValue, float64(slot.Running), labels...)
			out <- prometheus.MustNewConstMetric(c.lasting, prometheus.GaugeValue, float64(slot.Lasting), labels...)
		}
		c.counts(out, f.nowhere.total(), s.Name, nobody, "")
		for deployment, counted := range f.figures() {
			c.counts(out, counted.total(), s.Name, s.release(deployment), deployment)
		}
	}
}

func (c *collector) counts(out chan<- prometheus.Metric, t tally, labels ...string) {
	for class, n := range t.classes {
		if n > 0 {
			out <- prometheus.MustNewConstMetric(c.requests, prometheus.CounterValue, float64(n), append(labels, strconv.Itoa(class)+classEnding(class))...)
		}
	}
	out <- prometheus.MustNewConstMetric(c.failed, prometheus.CounterValue, float64(t.errors), labels...)
	out <- prometheus.MustNewConstHistogram(c.seconds, uint64(t.requests), t.seconds, t.buckets(), labels...)
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
