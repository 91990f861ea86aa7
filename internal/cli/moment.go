package cli

import (
	"strconv"
	"strings"
	"time"

	"understudy"
)

// day is the length of one in a span that people write.
const day = 24 * time.Hour

// moment reads when something is to begin: a length of time ago, a day, or a moment. The
// empty text is the zero time.
func (c *cli) moment(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if span, err := ago(text); err == nil && span > 0 {
		return c.now().Add(-span), nil
	}
	for _, form := range []string{time.DateOnly, time.DateTime, "2006-01-02T15:04"} {
		if at, err := time.ParseInLocation(form, text, time.Local); err == nil {
			return at, nil
		}
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, understudy.Errorf(understudy.KindInvalid, "%s: expected a length of time such as 36h, 90d or 12w, or a day such as 2026-11-01, found %q", flag, text)
	}
	return at, nil
}

// ago reads a length of time that may be in days or weeks.
func ago(text string) (time.Duration, error) {
	for unit, length := range map[string]time.Duration{"d": day, "w": 7 * day} {
		if digits, is := strings.CutSuffix(text, unit); is {
			n, err := strconv.ParseUint(digits, 10, 16)
			return time.Duration(n) * length, err
		}
	}
	return time.ParseDuration(text)
}
