package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/teambition/rrule-go"

	"understudy"
)

// Fault is what is wrong with one field of a window, as understudy.yaml calls it.
type Fault struct {
	Field string
	Says  string
}

// window is an understudy.Window that was read.
type window struct {
	understudy.Window
	loc  *time.Location
	rule *rrule.ROption // nil: once, at first
	from time.Time      // on the wall; zero: without a beginning
}

// longest is how long a window may last, in days.
const longest = 366

// Faults says everything that is wrong with a window; none means that it can be followed.
func Faults(w understudy.Window) []Fault {
	_, faults := read(w)
	return faults
}

func read(w understudy.Window) (window, []Fault) {
	out := window{Window: w}
	var faults []Fault
	note := func(field string, err error) {
		if err != nil {
			faults = append(faults, Fault{field, err.Error()})
		}
	}
	var err error
	out.loc, err = zone(w.Zone)
	note("time_zone", err)
	out.from, err = beginning(w.From)
	note("from", err)
	if w.Days < 0 || w.For < 0 || w.Days == 0 && w.For == 0 || out.lasts() > longest*24*time.Hour {
		note("duration", understudy.Errorf(understudy.KindInvalid, "expected more than nothing and at most %dd, found %s", longest, orNothing(w.Length())))
	}
	if w.Rule == "" && w.From == "" {
		note("", understudy.Errorf(understudy.KindInvalid, "expected rrule:, when it comes again, or from:, when it is once"))
	}
	if w.Rule != "" {
		out.rule, err = rule(w.Rule, out.from, out.loc)
		note("rrule", err)
	}
	if len(faults) == 0 && out.rule != nil && len(out.between(out.anchor(), out.anchor().AddDate(40, 0, 0), 1)) == 0 {
		note("rrule", understudy.Errorf(understudy.KindInvalid, "it describes no day: %s never comes in 40 years", w.Rule))
	}
	return out, faults
}

func orNothing(text string) string {
	if text == "" {
		return "nothing"
	}
	return text
}

func beginning(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{"2006-01-02", "2006-01-02T15:04"} {
		if at, err := time.Parse(layout, text); err == nil && at.Year() > 1970 && at.Year() < 2200 {
			return at, nil
		}
	}
	return time.Time{}, understudy.Errorf(understudy.KindInvalid, "expected a day such as 2026-12-20 or 2026-12-20T18:00, found %q", text)
}

// parts are those of a rule that are read here. Rules by the hour or less are no windows, and
// seconds are no time of day that anybody means.
func parts() []string {
	return []string{"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYMONTH", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYDAY", "BYHOUR", "BYMINUTE", "BYSETPOS"}
}

// rule reads an RRULE and wants all that it needs to mean one thing.
func rule(text string, from time.Time, loc *time.Location) (*rrule.ROption, error) {
	wrong := func(format string, args ...any) (*rrule.ROption, error) {
		return nil, understudy.Errorf(understudy.KindInvalid, "expected a recurrence rule such as FREQ=WEEKLY;BYDAY=FR;BYHOUR=16: "+format, args...)
	}
	given := map[string]bool{}
	for _, part := range strings.Split(text, ";") {
		key, value, both := strings.Cut(part, "=")
		switch {
		case !both || value == "" || strings.ContainsAny(value, " \t\r\n"):
			return wrong("%q is no KEY=VALUE", part)
		case !slices.Contains(parts(), key):
			return wrong("%s is none of %s", key, strings.Join(parts(), ", "))
		case given[key]:
			return wrong("%s is there twice", key)
		}
		given[key] = true
	}
	option, err := rrule.StrToROption(text)
	if err != nil {
		return wrong("%s", err)
	}
	if _, err := rrule.NewRRule(*option); err != nil {
		return wrong("%s", err)
	}
	if why := vague(*option, given, from); why != "" {
		return wrong("%s", why)
	}
	if strings.HasSuffix(partOf(text, "UNTIL"), "Z") && loc != nil {
		option.Until = onTheWall(option.Until, loc)
	}
	return option, nil
}

func partOf(text, key string) string {
	for _, part := range strings.Split(text, ";") {
		if value, found := strings.CutPrefix(part, key+"="); found {
			return value
		}
	}
	return ""
}

// vague says why a rule does not mean one thing; empty: it does. A day, or a beginning to
// count from, that is not given would be that of whoever reads the rule.
func vague(o rrule.ROption, given map[string]bool, from time.Time) string {
	days := given["BYDAY"] || given["BYMONTHDAY"] || given["BYYEARDAY"]
	numbered := slices.ContainsFunc(o.Byweekday, func(day rrule.Weekday) bool { return day.N() != 0 })
	switch {
	case !given["FREQ"]:
		return "FREQ is not given"
	case o.Freq > rrule.DAILY:
		return "FREQ is one of YEARLY, MONTHLY, WEEKLY, DAILY"
	case given["INTERVAL"] && o.Interval < 1, given["COUNT"] && o.Count < 1:
		return "INTERVAL and COUNT are 1 or more"
	case numbered && o.Freq > rrule.MONTHLY:
		return "a number before a day, as 2MO, is for MONTHLY and YEARLY"
	case max(1, len(o.Byhour))*max(1, len(o.Byminute)) > 24:
		return "it begins more than 24 times a day"
	case !from.IsZero():
		return ""
	case given["COUNT"] || o.Interval > 1:
		return "INTERVAL and COUNT need from:, the day that they count from"
	case o.Freq != rrule.DAILY && !days, o.Freq == rrule.YEARLY && !given["BYMONTH"] && given["BYMONTHDAY"]:
		return "it does not say which day: add BYDAY=, BYMONTHDAY= and BYMONTH= as FREQ needs, or from:"
	}
	return ""
}

// lasts is the length by the clock on the wall.
func (w window) lasts() time.Duration { return time.Duration(w.Days)*24*time.Hour + w.For }

// occurrence is the one that begins when the clock on the wall shows something.
func (w window) occurrence(wall time.Time) understudy.Times {
	return understudy.Times{From: moment(wall, w.loc), Until: moment(wall.AddDate(0, 0, w.Days), w.loc).Add(w.For), Reason: w.Reason}
}

// between are the occurrences that are not over at one moment and begin before another, at
// most so many.
func (w window) between(from, until time.Time, most int) []understudy.Times {
	var out []understudy.Times
	const slack = 26 * time.Hour // of clocks and of nights on which they are changed
	first, last := onTheWall(from, w.loc).Add(-w.lasts()-slack), onTheWall(until, w.loc).Add(slack)
	for wall := range w.beginnings(first, last) {
		o := w.occurrence(wall)
		if o.Until.After(from) && o.From.Before(until) {
			out = append(out, o)
		}
		if len(out) == most {
			break
		}
	}
	return out
}

// beginnings are those on the wall between two moments there. Without a day to count from, a
// rule is begun the year before: what it counts within is whole by then.
func (w window) beginnings(first, last time.Time) func(yield func(time.Time) bool) {
	return func(yield func(time.Time) bool) {
		if w.rule == nil {
			if !w.from.Before(first) && !w.from.After(last) {
				yield(w.from)
			}
			return
		}
		o := *w.rule
		if o.Dtstart = w.from; w.from.IsZero() {
			o.Dtstart = time.Date(first.Year()-1, 1, 1, 0, 0, 0, 0, time.UTC)
		}
		if o.Until.IsZero() || o.Until.After(last) {
			o.Until = last
		}
		if o.Until.Before(o.Dtstart) {
			return
		}
		made, err := rrule.NewRRule(o)
		if err != nil { // it was tried when it was read
			return
		}
		for next := made.Iterator(); ; {
			at, more := next()
			if !more || !at.Before(first) && !yield(at) {
				return
			}
		}
	}
}

// anchor is a moment to look from that does not move with the clock.
func (w window) anchor() time.Time {
	if !w.from.IsZero() {
		return w.from.AddDate(0, 0, -2)
	}
	return time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
}

// spell names an occurrence as people do, by the clock of its zone.
func (w window) spell(o understudy.Times) string {
	text := fmt.Sprintf("%s to %s", Spell(o.From, w.loc), Spell(o.Until, w.loc))
	if o.Reason != "" {
		text += " (" + o.Reason + ")"
	}
	return text
}

// Spell writes a moment by the clock of a place: "Fri 2026-12-04 16:00 CET".
func Spell(at time.Time, loc *time.Location) string {
	if at.Truncate(time.Minute).Equal(at) {
		return at.In(loc).Format("Mon 2006-01-02 15:04 MST")
	}
	return at.In(loc).Format("Mon 2006-01-02 15:04:05 MST")
}
