package policy

import (
	"time"
	_ "time/tzdata" // for machines without zone files

	"understudy"
)

// zone finds a time zone by its name.
func zone(name string) (*time.Location, error) {
	if name == "" || name == "Local" {
		return nil, understudy.Errorf(understudy.KindInvalid, "expected a time zone such as Europe/Berlin, found %q", name)
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, understudy.Errorf(understudy.KindInvalid, "there is no time zone %q; expected one such as Europe/Berlin or UTC", name)
	}
	return loc, nil
}

// onTheWall is what a clock in a place shows at a moment, written as if it were UTC: a day of
// it has 24 hours always.
func onTheWall(at time.Time, loc *time.Location) time.Time {
	t := at.In(loc)
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
}

// moment is when a clock in a place shows something: the first time where it shows it twice,
// and where it skips it, as if it had not been changed yet.
func moment(wall time.Time, loc *time.Location) time.Time {
	before := offset(wall.Add(-24*time.Hour), loc)
	for _, off := range []time.Duration{before, offset(wall.Add(24*time.Hour), loc)} {
		if at := wall.Add(-off); offset(at, loc) == off {
			return at
		}
	}
	return wall.Add(-before)
}

func offset(at time.Time, loc *time.Location) time.Duration {
	_, seconds := at.In(loc).Zone()
	return time.Duration(seconds) * time.Second
}
