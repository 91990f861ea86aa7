package mask

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"understudy"
)

var (
	isoDate = regexp.MustCompile(`^([0-9]{4,6})-([0-9]{2})-([0-9]{2})(.*?)( BC)?$`)
	// clockText is what may follow a date in a text, and then stays: a time of day and a zone.
	clockText  = regexp.MustCompile(`^(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?)?(?: ?(?:Z|UTC|[+-][0-9]{2}(?::?[0-9]{2}){0,2}))?$`)
	dottedDate = regexp.MustCompile(`^([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})$`)
)

// date moves a date or a moment back by the same number of weeks for the whole database:
// order, distances, weekdays and times of day stay, and a date that had passed has still
// passed. It takes ISO form, and in a text column also 31.12.1980. A text of another form,
// or with words behind the date, is masked letter by letter and digit by digit; in a column of dates it is an error, which stops the copy.
func (k *keyed) date(dst, value []byte, isText bool) ([]byte, error) {
	if t, plain := plainDate(value); plain && (!isText || clockText.Match(value[10:])) {
		return append(t.AddDate(0, 0, -7*k.weeks).AppendFormat(dst, time.DateOnly), value[10:]...), nil
	}
	text := string(value)
	if m := isoDate.FindStringSubmatch(text); m != nil && (!isText || clockText.MatchString(m[4])) {
		if t, valid := day(m[1], m[2], m[3], m[5] != ""); valid {
			return append(dst, isoText(t.AddDate(0, 0, -7*k.weeks), m[4])...), nil
		}
	}
	switch {
	case text == "infinity" || text == "-infinity":
		return append(dst, value...), nil
	case !isText:
		return nil, understudy.Errorf(understudy.KindInvalid, "masking a date: expected ISO form (2006-01-02), found another one of %d bytes", len(value)).
			WithHint("the session that reads must use datestyle ISO")
	}
	if m := dottedDate.FindStringSubmatch(text); m != nil {
		if t, valid := day(m[3], m[2], m[1], false); valid {
			t = t.AddDate(0, 0, -7*k.weeks)
			return fmt.Appendf(dst, "%0*d.%0*d.%04d", len(m[1]), t.Day(), len(m[2]), t.Month(), t.Year()), nil
		}
	}
	return k.shuffle(dst, "date", value), nil
}

// plainDate reads what begins like 1980-12-31, of the years 1000 to 9999 of our era; the
// others are left to the expressions.
func plainDate(value []byte) (time.Time, bool) {
	if len(value) < 10 || value[4] != '-' || value[7] != '-' || value[0] == '0' || bytes.HasSuffix(value, []byte(" BC")) {
		return time.Time{}, false
	}
	number := func(digits []byte) (n int) {
		for _, b := range digits {
			if b < '0' || b > '9' {
				return -1
			}
			n = n*10 + int(b-'0')
		}
		return n
	}
	y, m, d := number(value[:4]), number(value[5:7]), number(value[8:10])
	t := time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC)
	return t, y > 1001 && m > 0 && d > 0 && t.Month() == time.Month(m) && t.Day() == d
}

// day is the date of three numbers; the year before 1 is 1 BC.
func day(year, month, dayOfMonth string, beforeChrist bool) (time.Time, bool) {
	y, errYear := strconv.Atoi(year)
	m, errMonth := strconv.Atoi(month)
	d, errDay := strconv.Atoi(dayOfMonth)
	if beforeChrist {
		y = 1 - y
	}
	t := time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC)
	exact := t.Month() == time.Month(m) && t.Day() == d
	return t, errYear == nil && errMonth == nil && errDay == nil && exact
}

// isoText writes a date with what followed it.
func isoText(t time.Time, rest string) string {
	if t.Year() < 1 {
		return fmt.Sprintf("%04d-%02d-%02d%s BC", 1-t.Year(), t.Month(), t.Day(), rest)
	}
	return fmt.Sprintf("%04d-%02d-%02d%s", t.Year(), t.Month(), t.Day(), rest)
}
