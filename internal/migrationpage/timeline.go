package migrationpage

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"understudy"
)

// timeline is an observation laid out: lanes under three headings, from zero to its end.
type timeline struct {
	ends   time.Duration
	groups []group
}

type group struct {
	heading string
	lanes   []lane
	more    int // lanes that are not drawn
}

type lane struct {
	label, note string
	spans       []span
}

// span is a stretch of a lane. Its kind is a class of the picture and a letter of the text.
type span struct {
	from, until time.Duration
	kind        kind
	commits     bool
}

type kind string

const (
	ran       kind = "ran"
	failed    kind = "failed"
	exclusive kind = "exclusive" // held: nobody reads or writes
	writers   kind = "writers"   // held: nobody writes
	weak      kind = "weak"
	waiting   kind = "waiting"
)

// most is how many lanes a group has.
const most = 24

// layOut draws up the lanes, of all databases. Relations named in about come first.
func layOut(o understudy.Observation, about string) timeline {
	about, o = asked(o, about), o.Whole()
	t := timeline{groups: []group{statements(o), locks(o, about), waits(o, about)}}
	for _, g := range t.groups {
		for _, l := range g.lanes {
			for _, s := range l.spans {
				t.ends = max(t.ends, s.until)
			}
		}
	}
	for i, g := range t.groups {
		t.groups[i] = shortened(g)
	}
	t.ends = max(t.ends, time.Millisecond)
	return t
}

// asked names each relation that is asked about as the lanes do: of a further database, its name
// may stand before the first alone.
func asked(o understudy.Observation, about string) string {
	there, names := o.Of(about)
	if there.Database == o.Database {
		return about
	}
	all := strings.Split(names, ", ")
	for i, name := range all {
		if in, _ := o.Of(name); in.Database == o.Database {
			all[i] = there.There(name)
		}
	}
	return strings.Join(all, ", ")
}

// shortened leaves the longest lanes, in their order.
func shortened(g group) group {
	if g.more = len(g.lanes) - most; g.more <= 0 {
		g.more = 0
		return g
	}
	order := make([]int, len(g.lanes))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(g.lanes[b].length(), g.lanes[a].length()) })
	order = order[:most]
	slices.Sort(order)
	kept := make([]lane, 0, most)
	for _, i := range order {
		kept = append(kept, g.lanes[i])
	}
	g.lanes = kept
	return g
}

func (l lane) length() (longest time.Duration) {
	for _, s := range l.spans {
		longest = max(longest, s.until-s.from)
	}
	return longest
}

func statements(o understudy.Observation) group {
	g := group{heading: "statements of the migration"}
	all := slices.Clone(o.Statements)
	slices.SortStableFunc(all, func(a, b understudy.ObservedStatement) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.Session, b.Session))
	})
	for _, s := range all {
		kind, note := ran, lasted(s.Until-s.From)
		if s.Failed {
			kind, note = failed, note+", failed"
		}
		g.lanes = append(g.lanes, lane{
			label: fmt.Sprintf("%s: %s", session(s), strings.TrimRight(strings.Join(strings.Fields(s.Text), " "), "; ")), note: note,
			spans: []span{{from: s.From, until: max(s.Until, s.From), kind: kind, commits: s.Commits}},
		})
	}
	return g
}

// session says whose statement it is: "1", "archive 2".
func session(s understudy.ObservedStatement) string {
	return strings.TrimSpace(fmt.Sprintf("%s %d", s.In, max(s.Session, 1)))
}

// strength orders lock modes; a lock below 0 is not drawn.
func strength(mode string) int {
	return slices.Index([]string{"ShareUpdateExclusiveLock", "ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock"}, mode)
}

func kindOf(mode string) kind {
	switch strength(mode) {
	case 4:
		return exclusive
	case 0:
		return weak
	}
	return writers
}

func locks(o understudy.Observation, about string) group {
	g := group{heading: "locks on what was there before"}
	var all []understudy.ObservedLock
	for _, l := range o.Locks {
		if !l.New && (strength(l.Mode) >= 0 || l.Waited > 0) {
			all = append(all, l)
		}
	}
	slices.SortStableFunc(all, func(a, b understudy.ObservedLock) int {
		return cmp.Or(meant(b.Relation, about)-meant(a.Relation, about), cmp.Compare(a.Relation, b.Relation),
			cmp.Compare(strength(b.Mode), strength(a.Mode)), cmp.Compare(a.From, b.From))
	})
	for _, l := range all {
		label := l.Relation + " " + understudy.ModeWords(l.Mode)
		var spans []span
		if l.Waited > 0 {
			spans = append(spans, span{from: max(l.From-l.Waited, 0), until: l.From, kind: waiting})
		}
		spans = append(spans, span{from: l.From, until: l.From + l.Held, kind: kindOf(l.Mode)})
		note := "held " + lasted(l.Held)
		if l.Waited > 0 {
			note += ", waited " + lasted(l.Waited)
			if l.Behind != "" {
				note += " behind " + l.Behind
			}
		}
		if n := len(g.lanes); n > 0 && g.lanes[n-1].label == label {
			g.lanes[n-1].spans = append(g.lanes[n-1].spans, spans...)
			if slices.MaxFunc(spans, bySpan).length() >= slices.MaxFunc(g.lanes[n-1].spans, bySpan).length() {
				g.lanes[n-1].note = note
			}
			continue
		}
		g.lanes = append(g.lanes, lane{label: label, note: note, spans: spans})
	}
	return g
}

func (s span) length() time.Duration { return s.until - s.from }

func bySpan(a, b span) int { return cmp.Compare(a.length(), b.length()) }

// meant tells whether a relation is among those that are asked about.
func meant(relation, about string) int {
	if slices.Contains(strings.Split(about, ", "), relation) {
		return 1
	}
	return 0
}

func waits(o understudy.Observation, about string) group {
	g := group{heading: "who waited for it"}
	all := slices.Clone(o.Waits)
	slices.SortStableFunc(all, func(a, b understudy.ObservedWait) int {
		return cmp.Or(meant(b.Relation, about)-meant(a.Relation, about), cmp.Compare(b.For, a.For), cmp.Compare(a.Statement, b.Statement))
	})
	for _, w := range all {
		note := lasted(w.For)
		if w.Times > 1 {
			note += fmt.Sprintf(" at most, %d times", w.Times)
		}
		if w.Queued {
			note += ", in the queue behind it"
		}
		g.lanes = append(g.lanes, lane{
			label: fmt.Sprintf("%s: %s %s", w.Who, w.Relation, wanted(w.Wanted)), note: note,
			spans: []span{{from: w.From, until: w.From + w.For, kind: waiting}},
		})
	}
	return g
}

func wanted(mode string) string {
	if mode == "row" {
		return "a row"
	}
	return understudy.ModeWords(mode)
}

func lasted(d time.Duration) string {
	switch {
	case d <= 0:
		return "for a moment"
	case d < 10*time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	}
	return d.Round(10 * time.Millisecond).String()
}

// ticks are moments on the axis: round ones, about six.
func (t timeline) ticks() []time.Duration {
	step := time.Microsecond
	for i := 0; t.ends/step > 6; i++ { // 1, 2, 5, 10, …
		step = step * [...]time.Duration{2, 5, 2}[i%3] / [...]time.Duration{1, 2, 1}[i%3]
	}
	var at []time.Duration
	for moment := time.Duration(0); moment <= t.ends; moment += step {
		at = append(at, moment)
	}
	return at
}
