package promotion

import (
	"context"
	"sync"
	"time"

	"understudy"
)

// metrics measures the team's own while a release is watched: each in its interval, one
// measuring at a time, so that what hangs holds up nothing but itself.
type metrics struct {
	engine  *Engine
	p       *understudy.Promotion
	list    []understudy.Metric
	baking  bool
	began   time.Time
	next    []time.Time
	busy    []bool
	asked   []bool // the old release's value was asked for, to compare with
	answers chan answer
	life    context.Context // of all that is being measured
	stop    context.CancelFunc
	all     sync.WaitGroup
}

// answer is what one measuring came to: of the new release, of the old one, or of both.
type answer struct {
	of          int
	measurement understudy.Measurement
	old         *float64
}

// measuring begins to measure with the first look. Whoever has it ends it.
func (e *Engine) measuring(ctx context.Context, p *understudy.Promotion, policy understudy.Policy, baking bool) *metrics {
	m := &metrics{
		engine: e, p: p, list: policy.Metrics, baking: baking, began: e.Clock.Now(),
		next: make([]time.Time, len(policy.Metrics)), busy: make([]bool, len(policy.Metrics)), asked: make([]bool, len(policy.Metrics)), answers: make(chan answer, len(policy.Metrics)),
	}
	m.life, m.stop = context.WithCancel(context.WithoutCancel(ctx))
	for i, metric := range m.list {
		m.next[i] = m.began.Add(metric.Delay)
	}
	p.Metrics = fitted(p.Metrics, m.list)
	return m
}

// fitted are the counts so far, one for each metric that the policy has now.
func fitted(had []understudy.Measured, list []understudy.Metric) []understudy.Measured {
	var out []understudy.Measured
	for _, metric := range list {
		one := understudy.Measured{Name: metric.Name}
		for _, d := range had {
			if d.Name == metric.Name {
				one = d
			}
		}
		out = append(out, one)
	}
	return out
}

// end ends what is being measured and waits for it.
func (m *metrics) end() {
	m.stop()
	m.all.Wait()
}

// look takes in what was measured, begins what is due and judges by all there is.
func (m *metrics) look(ctx context.Context) (understudy.Judgement, error) {
	if len(m.list) == 0 {
		return nil, nil
	}
	if m.drain() {
		if err := m.engine.Records.SavePromotion(ctx, *m.p); err != nil {
			return nil, err
		}
	}
	now := m.engine.Clock.Now()
	var judged understudy.Judgement
	for i, metric := range m.list {
		switch {
		case m.busy[i] || metric.Done(m.p.Metrics[i]):
		case metric.Compare > 0 && m.p.Metrics[i].Old == nil && !m.asked[i]: // as long as it is what production does
			m.asked[i] = true
			m.begin(i, now, false)
		case !now.Before(m.next[i]):
			m.next[i] = now.Add(metric.Interval)
			m.begin(i, now, true)
		}
		judged = append(judged, metric.Conclude(m.p.Metrics[i]))
	}
	return judged, nil
}

// drain takes in what was measured since the last look, and tells whether there was any.
func (m *metrics) drain() (some bool) {
	for {
		select {
		case a := <-m.answers:
			m.take(a)
			some = true
		default:
			return some
		}
	}
}

func (m *metrics) take(a answer) {
	m.busy[a.of] = false
	d := &m.p.Metrics[a.of]
	if a.old != nil {
		d.Old = a.old
	}
	if a.measurement.Outcome != "" {
		*d = d.With(m.list[a.of].Judge(a.measurement, d.Old))
	}
}

// begin measures one metric in the background, of the new release where it is wanted. The
// old one's is measured beside it while it serves; later it is what it was.
func (m *metrics) begin(i int, now time.Time, fresh bool) {
	metric := m.list[i]
	m.busy[i] = true
	bounded, cancel := context.WithTimeout(m.life, metric.Timeout)
	window := Window{
		Environment: m.p.To, Deployment: m.p.New, Release: m.p.Label, Old: m.p.OldLabel,
		Lasts: max(now.Sub(m.began), metric.Interval).Round(time.Second),
	}
	m.all.Go(func() {
		defer cancel()
		a := answer{of: i}
		if fresh {
			a.measurement = m.engine.Meter.Measure(bounded, metric, window)
		}
		if metric.Compare > 0 && (!fresh || !m.baking) {
			window.Deployment, window.Release, window.Old = m.p.Old, m.p.OldLabel, m.p.Label
			if was := m.engine.Meter.Measure(bounded, metric, window); was.Outcome == understudy.OutcomePassed {
				a.old = understudy.Finite(was.Value)
			}
		}
		m.answers <- a // there is room for one of each
	})
}
