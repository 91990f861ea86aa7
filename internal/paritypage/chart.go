package paritypage

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"understudy"
)

// chart is a history laid out along the time, before it is given a place.
type chart struct {
	from, until time.Time
	bottom      float64 // of the axis of figures; its top is 100
	stretches   []understudy.ParityStretch
	lanes       []lane
	more        int // kinds that are not drawn
	promoted    []understudy.Promoted
}

// lane is one kind of difference along the time.
type lane struct {
	kind  string
	spans []span
	worst float64 // the most that its accidental differences weighed at a time
}

// span is a stretch of a lane in which it was the same.
type span struct {
	from, until time.Time
	accidental  int
	accepted    int
	heavy       bool // the accidental ones weigh 5 and more on the average
}

// most is how many lanes are drawn.
const most = 18

// heavyFrom is what a difference weighs that keeps a release from passing where a policy does
// not say otherwise.
const heavyFrom = 5

func layOut(h understudy.ParityHistory) chart {
	c := chart{stretches: h.Stretches, promoted: h.Promoted, bottom: 99}
	if len(h.Stretches) == 0 {
		return c
	}
	c.from, c.until = h.Stretches[0].From, h.Stretches[0].Until
	lowest := 100.0
	for _, s := range h.Stretches {
		c.until, lowest = later(c.until, s.Until), min(lowest, s.Figure)
	}
	for _, p := range h.Promoted {
		c.until = later(c.until, p.At)
	}
	if c.until.Sub(c.from) < time.Minute {
		c.until = c.from.Add(time.Minute)
	}
	for _, bottom := range []float64{99, 98, 95, 90, 80, 50, 0} {
		if c.bottom = bottom; bottom < lowest {
			break
		}
	}
	c.lanes = c.kinds()
	if c.more = len(c.lanes) - most; c.more > 0 {
		c.lanes = c.lanes[:most]
	}
	return c
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// holds is until when a stretch is taken to have lasted: nobody measured before the next.
func (c chart) holds(i int) time.Time {
	if i+1 < len(c.stretches) {
		return c.stretches[i+1].From
	}
	return c.until
}

// kinds are the lanes of all kinds that were accidental or accepted at some time, the one that
// weighed most first.
func (c chart) kinds() []lane {
	var lanes []lane
	for i, s := range c.stretches {
		for _, k := range s.Kinds {
			if k.Accidental+k.Accepted == 0 {
				continue
			}
			at := slices.IndexFunc(lanes, func(l lane) bool { return l.kind == k.Kind })
			if at < 0 {
				at, lanes = len(lanes), append(lanes, lane{kind: k.Kind})
			}
			lanes[at].add(span{from: s.From, until: c.holds(i), accidental: k.Accidental, accepted: k.Accepted,
				heavy: k.Accidental > 0 && k.Weight >= heavyFrom*float64(k.Accidental)}, k.Weight)
		}
	}
	slices.SortStableFunc(lanes, func(a, b lane) int {
		return cmp.Or(cmp.Compare(b.worst, a.worst), cmp.Compare(a.kind, b.kind))
	})
	return lanes
}

// add puts a span behind the last, or makes that one longer where nothing changed.
func (l *lane) add(s span, weight float64) {
	l.worst = max(l.worst, weight)
	if n := len(l.spans); n > 0 {
		last := &l.spans[n-1]
		if last.until.Equal(s.from) && last.accidental == s.accidental && last.accepted == s.accepted && last.heavy == s.heavy {
			last.until = s.until
			return
		}
	}
	l.spans = append(l.spans, s)
}

func (s span) class() string {
	switch {
	case s.accidental == 0:
		return "accepted"
	case s.heavy:
		return "heavy"
	}
	return "light"
}

func (s span) says(kind string) string {
	return fmt.Sprintf("%s, %s to %s: %d accidental, %d accepted", kind, shown(s.from), shown(s.until), s.accidental, s.accepted)
}

func shown(at time.Time) string { return at.UTC().Format("2006-01-02 15:04") }

// moments are round points on the axis of time, about seven, and how they are written.
func (c chart) moments() ([]time.Time, string) {
	steps := []time.Duration{
		10 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
		day, 2 * day, 7 * day, 14 * day, 30 * day, 90 * day, 180 * day, 360 * day,
	}
	length := c.until.Sub(c.from)
	at := slices.IndexFunc(steps, func(step time.Duration) bool { return length/step <= 7 })
	if at < 0 {
		at = len(steps) - 1
	}
	step, form := steps[at], "2 Jan"
	switch {
	case step < time.Minute:
		form = time.TimeOnly
	case step < day && length > day:
		form = "2 Jan 15:04"
	case step < day:
		form = "15:04"
	}
	var out []time.Time
	for t := c.from.UTC().Truncate(step); !t.After(c.until) && len(out) < 20; t = t.Add(step) {
		if !t.Before(c.from) {
			out = append(out, t)
		}
	}
	return out, form
}

const day = 24 * time.Hour

// figures are points on the axis of figures.
func (c chart) figures() []float64 {
	step := map[float64]float64{99: 0.25, 98: 0.5, 95: 1, 90: 2, 80: 5, 50: 10, 0: 20}[c.bottom]
	var out []float64
	for v := c.bottom; v <= 100; v += step {
		out = append(out, v)
	}
	return out
}
