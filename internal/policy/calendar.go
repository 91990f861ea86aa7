package policy

import (
	"slices"
	"time"

	"understudy"
)

// Calendar is when promotions may begin: in a window where there are any, and never in a
// freeze. What denies goes before what allows.
type Calendar struct {
	freeze, windows []window
}

// NewCalendar reads the windows of a policy. They were found to be without fault when the
// policy was read; one that is not is an error here.
func NewCalendar(p understudy.Policy) (Calendar, error) {
	var c Calendar
	for _, side := range []struct {
		written []understudy.Window
		into    *[]window
	}{{p.Freeze, &c.freeze}, {p.Windows, &c.windows}} {
		for _, w := range side.written {
			one, faults := read(w)
			if len(faults) > 0 {
				return c, understudy.Errorf(understudy.KindInvalid, "window %s: %s", w, faults[0].Says)
			}
			*side.into = append(*side.into, one)
		}
	}
	return c, nil
}

// Ahead is how far windows are looked through.
const Ahead = 2 * 365 * 24 * time.Hour

// Frozen is the freeze that a moment is in, in words; empty: none.
func (c Calendar) Frozen(at time.Time) string {
	for _, w := range c.freeze {
		if in := w.between(at, at.Add(1), 1); len(in) > 0 {
			return w.spell(in[0])
		}
	}
	return ""
}

// Open is the window that a moment is in, in words; empty: none.
func (c Calendar) Open(at time.Time) string {
	for _, w := range c.windows {
		if in := w.between(at, at.Add(1), 1); len(in) > 0 {
			return w.spell(in[0])
		}
	}
	return ""
}

// Restricted tells whether there are windows outside of which nothing begins.
func (c Calendar) Restricted() bool { return len(c.windows) > 0 }

// zone is the place whose clock moments are told by.
func (c Calendar) zone() *time.Location {
	for _, w := range slices.Concat(c.windows, c.freeze) {
		return w.loc
	}
	return time.UTC
}

// Next is the first moment, from one on, at which a promotion may begin, and how long that
// lasts; both zero where there is none before long.
func (c Calendar) Next(from time.Time) (opens, closes time.Time) {
	return c.next(from, from.Add(Ahead))
}

func (c Calendar) next(from, until time.Time) (opens, closes time.Time) {
	frozen := joined(c.freeze, from, until)
	allowed := []understudy.Times{{From: from, Until: until}}
	if c.Restricted() {
		allowed = joined(c.windows, from, until)
	}
	for _, a := range allowed {
		at, end := latest(a.From, from), a.Until
		for len(frozen) > 0 && !frozen[0].Until.After(at) { // both are in order: what is over stays over
			frozen = frozen[1:]
		}
		coming := frozen
		if len(coming) > 0 && !coming[0].From.After(at) {
			at, coming = coming[0].Until, coming[1:]
		}
		if len(coming) > 0 && coming[0].From.Before(end) {
			end = coming[0].From
		}
		if at.Before(end) && at.Before(until) {
			return at, end
		}
	}
	return time.Time{}, time.Time{}
}

// joined are the occurrences of all windows in order, those that touch as one.
func joined(windows []window, from, until time.Time) []understudy.Times {
	var all []understudy.Times
	for _, w := range windows {
		all = append(all, w.between(from, until, -1)...)
	}
	slices.SortFunc(all, func(a, b understudy.Times) int { return a.From.Compare(b.From) })
	var out []understudy.Times
	for _, o := range all {
		if last := len(out) - 1; last >= 0 && !o.From.After(out[last].Until) {
			out[last].Until = latest(out[last].Until, o.Until)
			continue
		}
		out = append(out, o)
	}
	return out
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Coming are the next occurrences of freezes and of windows, at most so many of each.
func (c Calendar) Coming(from time.Time, most int) (frozen, allowed []understudy.Times) {
	return coming(c.freeze, from, most), coming(c.windows, from, most)
}

func coming(windows []window, from time.Time, most int) []understudy.Times {
	var all []understudy.Times
	for _, w := range windows {
		all = append(all, w.between(from, from.Add(Ahead), most)...)
	}
	slices.SortFunc(all, func(a, b understudy.Times) int { return a.From.Compare(b.From) })
	return all[:min(most, len(all))]
}

// NeverOpen tells whether no promotion could ever begin: looked at over ten years from a
// moment that does not move, so that a file is right or wrong whenever it is read. What comes
// from a day on is looked at from then.
func (c Calendar) NeverOpen() bool {
	from := []time.Time{time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)}
	for _, w := range slices.Concat(c.freeze, c.windows) {
		if !w.from.IsZero() {
			from = append(from, w.anchor())
		}
	}
	for _, years := range []int{1, 10} { // most are open soon
		for _, at := range from {
			if opens, _ := c.next(at, at.AddDate(years, 0, 0)); !opens.IsZero() {
				return false
			}
		}
	}
	return true
}
