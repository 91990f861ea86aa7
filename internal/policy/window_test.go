package policy_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"understudy"
	"understudy/internal/policy"
)

func at(t testing.TB, text string) time.Time {
	t.Helper()
	moment, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return moment
}

func calendar(t testing.TB, p understudy.Policy) policy.Calendar {
	t.Helper()
	c, err := policy.NewCalendar(p)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func frozenBy(t testing.TB, w understudy.Window) policy.Calendar {
	return calendar(t, understudy.Policy{Freeze: []understudy.Window{w}})
}

// TestWindow_IsByTheClockOnTheWallOnNightsOnWhichItIsChanged holds beginnings and ends to
// moments worked out by hand from the dates of the changes.
func TestWindow_IsByTheClockOnTheWallOnNightsOnWhichItIsChanged(t *testing.T) {
	for _, c := range []struct {
		claim       string
		rule, zone  string
		days        int
		for_        time.Duration
		from, until string // of one occurrence, in UTC
	}{
		{"Berlin in winter", "FREQ=DAILY;BYHOUR=18", "Europe/Berlin", 0, 2 * time.Hour, "2026-01-15T17:00:00Z", "2026-01-15T19:00:00Z"},
		{"Berlin in summer", "FREQ=DAILY;BYHOUR=18", "Europe/Berlin", 0, 2 * time.Hour, "2026-07-15T16:00:00Z", "2026-07-15T18:00:00Z"},
		{"days over the change to summer keep the time of day", "FREQ=WEEKLY;BYDAY=FR;BYHOUR=18", "Europe/Berlin", 3, 0, "2026-03-27T17:00:00Z", "2026-03-30T16:00:00Z"},
		{"days over the change to winter keep the time of day", "FREQ=WEEKLY;BYDAY=FR;BYHOUR=18", "Europe/Berlin", 3, 0, "2026-10-23T16:00:00Z", "2026-10-26T17:00:00Z"},
		{"hours over the change to summer are hours", "FREQ=WEEKLY;BYDAY=SA;BYHOUR=22", "Europe/Berlin", 0, 10 * time.Hour, "2026-03-28T21:00:00Z", "2026-03-29T07:00:00Z"},
		{"it contains the hour that is skipped", "FREQ=WEEKLY;BYDAY=SU;BYHOUR=1", "Europe/Berlin", 0, 3 * time.Hour, "2026-03-29T00:00:00Z", "2026-03-29T03:00:00Z"},
		{"it begins in the hour that is skipped", "FREQ=DAILY;BYHOUR=2;BYMINUTE=30", "Europe/Berlin", 0, time.Hour, "2026-03-29T01:30:00Z", "2026-03-29T02:30:00Z"},
		{"it begins in the hour that comes twice: the first", "FREQ=DAILY;BYHOUR=2;BYMINUTE=30", "Europe/Berlin", 0, time.Hour, "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"},
		{"New York over the change to summer", "FREQ=WEEKLY;BYDAY=SA;BYHOUR=12", "America/New_York", 1, 0, "2026-03-07T17:00:00Z", "2026-03-08T16:00:00Z"},
		{"New York over the change to winter", "FREQ=WEEKLY;BYDAY=SA;BYHOUR=12", "America/New_York", 1, 0, "2026-10-31T16:00:00Z", "2026-11-01T17:00:00Z"},
		{"New York begins in the hour that is skipped", "FREQ=DAILY;BYHOUR=2", "America/New_York", 0, time.Hour, "2026-03-08T07:00:00Z", "2026-03-08T08:00:00Z"},
		{"New York begins in the hour that comes twice", "FREQ=DAILY;BYHOUR=1", "America/New_York", 0, time.Hour, "2026-11-01T05:00:00Z", "2026-11-01T06:00:00Z"},
		{"an island that changes by half an hour", "FREQ=DAILY;BYHOUR=2;BYMINUTE=15", "Australia/Lord_Howe", 0, time.Hour, "2026-10-03T15:45:00Z", "2026-10-03T16:45:00Z"},
	} {
		w := understudy.Window{Rule: c.rule, Zone: c.zone, Days: c.days, For: c.for_}
		cal := frozenBy(t, w)
		from, until := at(t, c.from), at(t, c.until)
		for _, look := range []struct {
			at     time.Time
			frozen bool
		}{{from.Add(-time.Second), false}, {from, true}, {until.Add(-time.Second), true}, {until, false}} {
			if frozen := cal.Frozen(look.at); (frozen != "") != look.frozen {
				t.Errorf("%s: at %s frozen is %q, want %t", c.claim, look.at.Format(time.RFC3339), frozen, look.frozen)
			}
		}
		if opens, _ := cal.Next(from); !opens.Equal(until) {
			t.Errorf("%s: it opens at %s, want %s", c.claim, opens.UTC().Format(time.RFC3339), c.until)
		}
	}
}

func TestCalendar_WhatDeniesGoesBeforeWhatAllows(t *testing.T) {
	c := calendar(t, understudy.Policy{
		Windows: []understudy.Window{{Rule: "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;BYHOUR=9", For: 8 * time.Hour, Zone: "Europe/Berlin"}},
		Freeze: []understudy.Window{
			{Rule: "FREQ=WEEKLY;BYDAY=FR;BYHOUR=12", Days: 2, For: 20 * time.Hour, Zone: "Europe/Berlin", Reason: "the weekend"},
			{From: "2026-12-21", Days: 12, Zone: "Europe/Berlin", Reason: "Christmas"},
		},
	})
	for _, look := range []struct{ now, opens, closes string }{
		{"2026-12-02T10:00:00+01:00", "2026-12-02T10:00:00+01:00", "2026-12-02T17:00:00+01:00"},
		{"2026-12-02T17:00:00+01:00", "2026-12-03T09:00:00+01:00", "2026-12-03T17:00:00+01:00"},
		{"2026-12-04T11:00:00+01:00", "2026-12-04T11:00:00+01:00", "2026-12-04T12:00:00+01:00"},
		{"2026-12-04T12:00:00+01:00", "2026-12-07T09:00:00+01:00", "2026-12-07T17:00:00+01:00"},
		{"2026-12-18T13:00:00+01:00", "2027-01-04T09:00:00+01:00", "2027-01-04T17:00:00+01:00"},
	} {
		opens, closes := c.Next(at(t, look.now))
		if !opens.Equal(at(t, look.opens)) || !closes.Equal(at(t, look.closes)) {
			t.Errorf("at %s it opens from %s to %s, want %s to %s", look.now, opens, closes, look.opens, look.closes)
		}
	}
	if frozen := c.Frozen(at(t, "2026-12-24T12:00:00Z")); frozen != "Mon 2026-12-21 00:00 CET to Sat 2027-01-02 00:00 CET (Christmas)" {
		t.Errorf("frozen is told as %q", frozen)
	}
	if c.NeverOpen() {
		t.Error("it is said to be never open")
	}
	frozen, allowed := c.Coming(at(t, "2026-12-02T10:00:00+01:00"), 2)
	if len(frozen) != 2 || len(allowed) != 2 || frozen[0].Reason != "the weekend" || !allowed[0].From.Equal(at(t, "2026-12-02T09:00:00+01:00")) {
		t.Errorf("coming are %v and %v", frozen, allowed)
	}
}

func TestWindow_CountsFromTheDayThatItIsGiven(t *testing.T) {
	c := frozenBy(t, understudy.Window{Rule: "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU;COUNT=3", From: "2026-12-01", Days: 1, Zone: "UTC"})
	for day, frozen := range map[string]bool{
		"2026-11-17": false, "2026-12-01": true, "2026-12-08": false, "2026-12-15": true, "2026-12-29": true, "2027-01-12": false,
	} {
		if got := c.Frozen(at(t, day+"T12:00:00Z")); (got != "") != frozen {
			t.Errorf("on %s frozen is %q, want %t", day, got, frozen)
		}
	}
	ends := frozenBy(t, understudy.Window{Rule: "FREQ=DAILY;UNTIL=20261203T230000Z", Days: 1, Zone: "Europe/Berlin"})
	if ends.Frozen(at(t, "2026-12-04T10:00:00Z")) == "" || ends.Frozen(at(t, "2026-12-05T10:00:00Z")) != "" {
		t.Error("UNTIL at the first moment of a day in Berlin, written in UTC, is that day's and no later one's")
	}
}

func TestFaults_NamesWhatCannotBeFollowed(t *testing.T) {
	for _, c := range []struct {
		claim, field, says string
		spoil              func(w *understudy.Window)
	}{
		{"a zone that is none", "time_zone", `there is no time zone "Mars/Olympus"`, func(w *understudy.Window) { w.Zone = "Mars/Olympus" }},
		{"the zone of whoever reads it", "time_zone", "expected a time zone", func(w *understudy.Window) { w.Zone = "Local" }},
		{"a file for a zone", "time_zone", "there is no time zone", func(w *understudy.Window) { w.Zone = "../../etc/passwd" }},
		{"no length", "duration", "expected more than nothing", func(w *understudy.Window) { w.For = 0 }},
		{"too long", "duration", "at most 366d, found 400d", func(w *understudy.Window) { w.Days = 400 }},
		{"never", "", "expected rrule:", func(w *understudy.Window) { w.Rule = "" }},
		{"no day", "from", "expected a day", func(w *understudy.Window) { w.From = "tomorrow" }},
		{"no rule", "rrule", `"every friday" is no KEY=VALUE`, func(w *understudy.Window) { w.Rule = "every friday" }},
		{"a key that is none", "rrule", "BYSECOND is none of", func(w *understudy.Window) { w.Rule = "FREQ=DAILY;BYSECOND=3" }},
		{"a key twice", "rrule", "BYHOUR is there twice", func(w *understudy.Window) { w.Rule = "FREQ=DAILY;BYHOUR=1;BYHOUR=2" }},
		{"a second line", "rrule", "is no KEY=VALUE", func(w *understudy.Window) { w.Rule = "FREQ=DAILY\nRRULE:FREQ=DAILY" }},
		{"an hour that is none", "rrule", "byhour must be between 0 and 23", func(w *understudy.Window) { w.Rule = "FREQ=DAILY;BYHOUR=24" }},
		{"a day that is none", "rrule", "undefined weekday", func(w *understudy.Window) { w.Rule = "FREQ=WEEKLY;BYDAY=XX" }},
		{"too often", "rrule", "FREQ is one of", func(w *understudy.Window) { w.Rule = "FREQ=SECONDLY" }},
		{"too often in a day", "rrule", "more than 24 times a day", func(w *understudy.Window) { w.Rule = "FREQ=DAILY;BYHOUR=1,2,3;BYMINUTE=0,1,2,3,4,5,6,7,8" }},
		{"no frequency", "rrule", "FREQ", func(w *understudy.Window) { w.Rule = "BYHOUR=2" }},
		{"a day that nobody named", "rrule", "does not say which day", func(w *understudy.Window) { w.Rule = "FREQ=WEEKLY;BYHOUR=2" }},
		{"a month that nobody named", "rrule", "does not say which day", func(w *understudy.Window) { w.Rule = "FREQ=YEARLY;BYMONTHDAY=24" }},
		{"a number where it says nothing", "rrule", "a number before a day", func(w *understudy.Window) { w.Rule = "FREQ=WEEKLY;BYDAY=2MO" }},
		{"every other week from nowhere", "rrule", "need from:", func(w *understudy.Window) { w.Rule = "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO" }},
		{"nothing in between", "rrule", "1 or more", func(w *understudy.Window) { w.Rule = "FREQ=DAILY;INTERVAL=0" }},
		{"the thirtieth of February", "rrule", "never comes in 40 years", func(w *understudy.Window) { w.Rule = "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30" }},
		{"the same, day by day", "rrule", "never comes in 40 years", func(w *understudy.Window) { w.Rule = "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30" }},
	} {
		w := understudy.Window{Rule: "FREQ=DAILY;BYHOUR=3", For: time.Hour, Zone: "UTC"}
		c.spoil(&w)
		faults := policy.Faults(w)
		if len(faults) != 1 || faults[0].Field != c.field || !strings.Contains(faults[0].Says, c.says) || strings.Contains(faults[0].Says, "\n") {
			t.Errorf("%s: %+v, want one of %s with %q", c.claim, faults, c.field, c.says)
		}
		if _, err := policy.NewCalendar(understudy.Policy{Freeze: []understudy.Window{w}}); understudy.KindOf(err) != understudy.KindInvalid {
			t.Errorf("%s: a calendar is made of it (%v)", c.claim, err)
		}
	}
	for _, rule := range []string{"FREQ=MONTHLY;BYDAY=-1FR", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYDAY=TU", "FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=-1", "FREQ=YEARLY;BYWEEKNO=53;BYDAY=MO"} {
		if faults := policy.Faults(understudy.Window{Rule: rule, Days: 1, Zone: "Europe/Berlin"}); len(faults) > 0 {
			t.Errorf("%s: %+v", rule, faults)
		}
	}
}

func TestCalendar_KnowsThatNothingIsEverOpen(t *testing.T) {
	day := func(rule string, days int) understudy.Window {
		return understudy.Window{Rule: rule, Days: days, Zone: "Europe/Berlin"}
	}
	for claim, p := range map[string]understudy.Policy{
		"frozen every day":               {Freeze: []understudy.Window{day("FREQ=DAILY", 1)}},
		"frozen in every week":           {Freeze: []understudy.Window{day("FREQ=WEEKLY;BYDAY=MO", 7)}},
		"open only when frozen":          {Windows: []understudy.Window{day("FREQ=WEEKLY;BYDAY=FR", 1)}, Freeze: []understudy.Window{day("FREQ=WEEKLY;BYDAY=FR", 1)}},
		"two freezes that leave nothing": {Freeze: []understudy.Window{day("FREQ=WEEKLY;BYDAY=MO", 4), day("FREQ=WEEKLY;BYDAY=FR", 3)}},
	} {
		c := calendar(t, p)
		if opens, _ := c.Next(time.Now()); !c.NeverOpen() || !opens.IsZero() {
			t.Errorf("%s: never open is %t, and it opens at %s", claim, c.NeverOpen(), opens)
		}
	}
	for claim, p := range map[string]understudy.Policy{
		"nothing is asked":       {},
		"a day a week":           {Freeze: []understudy.Window{day("FREQ=WEEKLY;BYDAY=MO", 6)}},
		"one that is over":       {Windows: []understudy.Window{{From: "2020-01-01", Days: 1, Zone: "UTC"}}},
		"once in a leap year":    {Windows: []understudy.Window{day("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", 1)}},
		"an hour in every night": {Freeze: []understudy.Window{{Rule: "FREQ=DAILY;BYHOUR=3", For: 23 * time.Hour, Zone: "UTC"}}},
	} {
		if calendar(t, p).NeverOpen() {
			t.Errorf("%s: it is said to be never open", claim)
		}
	}
}

func windows() *rapid.Generator[understudy.Window] {
	return rapid.Custom(func(t *rapid.T) understudy.Window {
		w := understudy.Window{
			Rule: rapid.SampledFrom([]string{"FREQ=DAILY", "FREQ=WEEKLY;BYDAY=FR,SA", "FREQ=WEEKLY;BYDAY=SU", "FREQ=MONTHLY;BYDAY=-1FR", "FREQ=MONTHLY;BYMONTHDAY=31"}).Draw(t, "rule"),
			Zone: rapid.SampledFrom([]string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Kiritimati"}).Draw(t, "zone"),
			Days: rapid.IntRange(0, 3).Draw(t, "days"), For: time.Duration(rapid.IntRange(1, 30*60).Draw(t, "minutes")) * time.Minute,
		}
		w.Rule += ";BYHOUR=" + rapid.StringMatching("1?[0-9]|2[0-3]").Draw(t, "hour") + ";BYMINUTE=" + rapid.StringMatching("[1-5]?[0-9]").Draw(t, "minute")
		return w
	})
}

// TestCalendar_NextIsTheFirstMomentThatIsOpen tries every quarter of an hour before it.
func TestCalendar_NextIsTheFirstMomentThatIsOpen(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p := understudy.Policy{Freeze: rapid.SliceOfN(windows(), 0, 2).Draw(r, "freeze"), Windows: rapid.SliceOfN(windows(), 0, 2).Draw(r, "windows")}
		c := calendar(t, p)
		now := time.Unix(rapid.Int64Range(1767225600, 1893456000).Draw(r, "now"), 0) // 2026 to 2030
		open := func(at time.Time) bool { return c.Frozen(at) == "" && (!c.Restricted() || c.Open(at) != "") }
		opens, closes := c.Next(now)
		if opens.IsZero() {
			return
		}
		if !open(opens) || opens.Before(now) || !opens.Before(closes) {
			r.Fatalf("%s, and then to %s, is no moment after %s that is open", opens, closes, now)
		}
		if opens.After(now) && open(opens.Add(-time.Second)) {
			r.Fatalf("a second before %s is open already", opens)
		}
		for tried, n := now, 0; tried.Before(opens) && n < 40; tried, n = tried.Add(15*time.Minute), n+1 {
			if open(tried) {
				r.Fatalf("%s is open, and the next is said to be %s", tried, opens)
			}
		}
		if open(closes) && closes.Before(now.Add(policy.Ahead)) {
			r.Fatalf("%s is open, and is said to be closed", closes)
		}
	})
}

func TestFaults_NothingWrittenMakesTheProgramFallOver(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		part := rapid.Custom(func(t *rapid.T) string {
			key := rapid.SampledFrom([]string{"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYMONTH", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYDAY", "BYHOUR", "BYMINUTE", "BYSETPOS", "X"}).Draw(t, "key")
			value := rapid.SampledFrom([]string{"DAILY", "WEEKLY", "MONTHLY", "YEARLY", "1", "-1", "0", "5,6", "366", "-53", "MO", "2MO,-1FR", "20260101", "20260101T000000Z", "99999999999999999999", ""}).Draw(t, "value")
			return key + "=" + value
		})
		w := understudy.Window{
			Rule: strings.Join(rapid.SliceOfN(part, 0, 5).Draw(r, "parts"), ";"), From: rapid.SampledFrom([]string{"", "2026-02-29", "2026-12-01", "9999-01-01"}).Draw(r, "from"),
			Zone: rapid.SampledFrom([]string{"UTC", "Europe/Berlin", "Nowhere"}).Draw(r, "zone"), Days: rapid.IntRange(-1, 400).Draw(r, "days"),
		}
		began := time.Now()
		if faults := policy.Faults(w); len(faults) == 0 {
			calendar(t, understudy.Policy{Freeze: []understudy.Window{w}}).Next(time.Unix(1790000000, 0))
		}
		if took := time.Since(began); took > 2*time.Second {
			r.Fatalf("%s took %s", w, took)
		}
	})
}
