package dora

import (
	"slices"
	"time"

	"understudy"
)

// Least is how many there must be before a quantile or a rate is said.
const Least = 5

// Ask is what metrics are wanted of.
type Ask struct {
	Environment  string
	Since, Until time.Time
	External     bool // it is run by other means
}

// Metrics computes the figures of a span from all entries that were added. A deployment
// belongs to the span in which it got its first traffic, whatever came of it later.
func (l *Ledger) Metrics(ask Ask) understudy.Metrics {
	m := understudy.Metrics{
		Environment: ask.Environment, Since: ask.Since, Until: ask.Until, Entries: l.entries, Least: Least,
		Weeks: weeks(ask.Since, ask.Until), Changes: []understudy.Change{},
	}
	for _, c := range l.changes(ask.Environment) {
		if ask.holds(c.At) {
			m.Changes = append(m.Changes, c)
		}
	}
	for _, p := range l.order {
		if p.to == ask.Environment && ask.holds(p.refused) {
			m.Refused++
		}
	}
	measure(&m)
	l.measureRehearsals(&m, ask)
	l.measureRollbacks(&m, ask)
	m.Notes = notes(m, ask)
	return m
}

func (a Ask) holds(at time.Time) bool { return !at.Before(a.Since) && at.Before(a.Until) }

// measure computes DORA's figures from the changes.
func measure(m *understudy.Metrics) {
	var lead, recovered, between []time.Duration
	days := map[string]bool{}
	perWeek := map[time.Time][]time.Duration{}
	failed, rework := 0, 0
	for i, c := range m.Changes {
		days[c.At.UTC().Format(time.DateOnly)] = true
		if i > 0 {
			between = append(between, c.At.Sub(m.Changes[i-1].At))
		}
		week := weekOf(m, c.At)
		week.Deployed++
		if c.From != "" {
			lead = append(lead, c.LeadTime)
			perWeek[week.Begins] = append(perWeek[week.Begins], c.LeadTime)
		}
		switch c.From {
		case "commit":
			m.LeadTime.FromCommit++
		case "release":
			m.LeadTime.FromRelease++
		}
		if c.Failed != "" {
			failed, week.Failed = failed+1, week.Failed+1
		}
		if c.Recovered > 0 {
			recovered = append(recovered, c.Recovered)
		}
		if c.Rework != "" {
			rework, week.Rework = rework+1, week.Rework+1
		}
	}
	for begins, all := range perWeek {
		weekOf(m, begins).LeadTime = spread(all).Median
	}
	count, span := len(m.Changes), m.Until.Sub(m.Since)
	m.Frequency = understudy.Frequency{Count: count, Days: max(1, int((span+12*time.Hour)/(24*time.Hour))), OnDays: len(days), Between: spread(between)}
	if span > 0 {
		m.Frequency.PerWeek = float64(count) * float64(7*24*time.Hour) / float64(span)
	}
	m.LeadTime.Spread, m.Recovery = spread(lead), spread(recovered)
	m.FailRate, m.Rework = share(failed, count), share(rework, count)
}

func (l *Ledger) measureRehearsals(m *understudy.Metrics, ask Ask) {
	m.Rehearsals.Ended = map[understudy.RehearsalState]int{}
	reached := l.reached(ask.Environment)
	var took []time.Duration
	releases, caught := map[string]bool{}, map[string]bool{}
	for _, r := range l.rehearsed {
		if !ask.holds(r.ended) || r.target != "" && r.target != ask.Environment {
			continue
		}
		m.Rehearsals.Ended[r.state]++
		weekOf(m, r.ended).Rehearsals++
		releases[r.digest] = true
		if !r.started.IsZero() && r.state != understudy.RehearsalCancelled {
			took = append(took, r.ended.Sub(r.started))
		}
		if switched, is := reached[r.digest]; r.state == understudy.RehearsalFailed && (!is || switched.Before(r.ended)) {
			caught[r.digest] = true
		}
	}
	m.Rehearsals.Releases, m.Rehearsals.Caught, m.Rehearsals.Took = len(releases), len(caught), spread(took)
}

func (l *Ledger) measureRollbacks(m *understudy.Metrics, ask Ask) {
	var answered []time.Duration
	for _, p := range l.deployments(ask.Environment) {
		if !ask.holds(p.turned) {
			continue
		}
		m.Rollbacks.Count++
		if p.asked.IsZero() {
			m.Rollbacks.ByItself++
		}
		if !p.answer.IsZero() {
			answered = append(answered, p.answer.Sub(p.turned))
		}
	}
	m.Rollbacks.Answered = spread(answered)
}

func notes(m understudy.Metrics, ask Ask) []string {
	var out []string
	if ask.External {
		out = append(out, ask.Environment+" is run by other means: what is deployed there leaves no trace in the journal, and is not counted")
	}
	if n := m.LeadTime.FromRelease; n > 0 {
		out = append(out, "where a release does not know the time of its commit, the lead time begins when the release was created, which is later")
	}
	return out
}

// spread sorts lengths of time and tells their quantiles, by nearest rank.
func spread(all []time.Duration) understudy.Spread {
	slices.Sort(all)
	s := understudy.Spread{Count: len(all), Enough: len(all) >= Least}
	if len(all) > 0 {
		s.Median, s.P90, s.Longest = rank(all, 50), rank(all, 90), all[len(all)-1]
	}
	return s
}

func rank(sorted []time.Duration, percent int) time.Duration {
	return sorted[max(0, (len(sorted)*percent+99)/100-1)]
}

func share(count, of int) understudy.Share {
	s := understudy.Share{Count: count, Of: of, Enough: of >= Least}
	if of > 0 {
		s.Rate = float64(count) / float64(of)
	}
	return s
}

// weeks are those that a span touches, from their Mondays.
func weeks(since, until time.Time) []understudy.Week {
	out := []understudy.Week{}
	for at := monday(since); at.Before(until); at = at.AddDate(0, 0, 7) {
		out = append(out, understudy.Week{Begins: at})
	}
	return out
}

func monday(at time.Time) time.Time {
	at = at.UTC()
	day := time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC)
	return day.AddDate(0, 0, -(int(day.Weekday())+6)%7)
}

// weekOf is the week of a moment in the span.
func weekOf(m *understudy.Metrics, at time.Time) *understudy.Week {
	begins := monday(at)
	i := slices.IndexFunc(m.Weeks, func(w understudy.Week) bool { return w.Begins.Equal(begins) })
	return &m.Weeks[i]
}
