package daemon

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"understudy"
	"understudy/internal/store"
)

// gauges are the daemon's own figures. They are read when they are asked for.
type gauges struct {
	d    *Daemon
	desc map[string]*prometheus.Desc
}

// gaugesWithin bounds one reading of them.
const gaugesWithin = 5 * time.Second

// gauges serves the daemon's figures in Prometheus' text form.
func (d *Daemon) gauges() http.Handler {
	g := &gauges{d: d, desc: map[string]*prometheus.Desc{}}
	for _, one := range []struct{ name, help, label string }{
		{"up_seconds", "Time since the daemon started.", ""},
		{"rehearsals", "Rehearsals by state.", "state"},
		{"promotions", "Promotions by state.", "state"},
		{"rehearsals_waiting", "Rehearsals that wait for a twin.", "twin"},
		{"held", "1 where nothing may be promoted to an environment.", "environment"},
		{"owed", "1 where a rehearsal is owed of what went past the gate.", "environment"},
		{"should_be_up", "1 where an environment should be up.", "environment"},
		{"notifications", "Notifications by channel and state.", "channel,state"},
		{"notes", "What an operator should know: the notes of understudy status.", ""},
		{"journal_entries", "Sequence of the journal's last entry.", ""},
		{"journal_last_entry_timestamp_seconds", "When the last entry was written.", ""},
		{"journal_bytes", "Size of the journal.", ""},
		{"store_bytes", "Size of the store, its log included.", ""},
		{"reading_failed", "1 where some of these figures could not be read, and are missing.", ""},
	} {
		g.desc[one.name] = prometheus.NewDesc("understudy_"+one.name, one.help, strings.FieldsFunc(one.label, func(r rune) bool { return r == ',' }), nil)
	}
	g.desc["journal_head"] = prometheus.NewDesc("understudy_journal_head", "1, with the hash of the journal's last entry.", []string{"hash"}, nil)
	registry := prometheus.NewRegistry()
	registry.MustRegister(g)
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
}

// Describe names what Collect gives.
func (g *gauges) Describe(out chan<- *prometheus.Desc) {
	for _, d := range g.desc {
		out <- d
	}
}

// Collect gives the figures of this moment.
func (g *gauges) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), gaugesWithin)
	defer cancel()
	give := func(name string, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(g.desc[name], prometheus.GaugeValue, value, labels...)
	}
	failed := 0.0
	for _, read := range []func(context.Context, func(string, float64, ...string)) error{g.acts, g.environments, g.notifications, g.records} {
		if err := read(ctx, give); err != nil {
			failed = 1
			g.d.options.Log.Warn("reading the daemon's figures", "error", err)
		}
	}
	give("reading_failed", failed)
}

func (g *gauges) acts(ctx context.Context, give func(string, float64, ...string)) error {
	rehearsals, err := g.d.Rehearsals(ctx)
	if err != nil {
		return err
	}
	promotions, err := g.d.Promotions(ctx)
	if err != nil {
		return err
	}
	states, waiting := map[string]int{}, map[string]int{}
	for _, r := range rehearsals {
		states[string(r.State)]++
		if r.State == understudy.RehearsalQueued {
			waiting[r.On]++
		}
	}
	all(give, "rehearsals", states)
	all(give, "rehearsals_waiting", waiting)
	states = map[string]int{}
	for _, p := range promotions {
		states[string(p.State)]++
	}
	all(give, "promotions", states)
	return nil
}

func (g *gauges) environments(ctx context.Context, give func(string, float64, ...string)) error {
	standings, err := store.All[standing](ctx, g.d.store, kindEnvironment)
	for _, s := range standings {
		give("held", oneIf(s.Held != ""), s.Name)
		give("should_be_up", oneIf(s.Up), s.Name)
		debt, failed := (consent{g.d}).Debt(ctx, s.Name)
		if failed != nil {
			return failed
		}
		give("owed", oneIf(debt != ""), s.Name)
	}
	return err
}

func (g *gauges) notifications(ctx context.Context, give func(string, float64, ...string)) error {
	told, err := g.d.Notifications(ctx)
	for _, c := range told.Channels {
		give("notifications", float64(c.Waiting), c.Name, string(understudy.NotificationWaiting))
		give("notifications", float64(c.Delivered), c.Name, string(understudy.NotificationDelivered))
		give("notifications", float64(c.GivenUp), c.Name, string(understudy.NotificationGivenUp))
	}
	return err
}

func (g *gauges) records(_ context.Context, give func(string, float64, ...string)) error {
	d := g.d
	give("up_seconds", time.Since(d.started).Seconds())
	give("notes", float64(len(d.notes.list())))
	end := d.journal.Head()
	give("journal_entries", float64(end.Sequence))
	if end.Sequence > 0 {
		give("journal_last_entry_timestamp_seconds", float64(end.At.UnixMilli())/1e3)
		give("journal_head", 1, string(end.Hash))
	}
	for name, pattern := range map[string]string{"journal_bytes": d.options.State.Below("journal", "*.jsonl"), "store_bytes": d.options.State.Below("store.db*")} {
		size, err := sizeOf(pattern)
		if err != nil {
			return err
		}
		give(name, float64(size))
	}
	return nil
}

func all(give func(string, float64, ...string), name string, counts map[string]int) {
	for label, n := range counts {
		give(name, float64(n), label)
	}
}

func oneIf(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// sizeOf is the size of all files of a pattern. One that goes meanwhile has none.
func sizeOf(pattern string) (int64, error) {
	paths, err := filepath.Glob(pattern)
	var sum int64
	for _, path := range paths {
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return sum, err
		}
		sum += info.Size()
	}
	return sum, err
}
