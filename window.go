package understudy

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Window is a time that comes again and again, or once: when promotions may begin, or may not.
type Window struct {
	Rule   string        `json:"rrule,omitempty"` // RFC 5545, by the clock of Zone
	From   string        `json:"from,omitempty"`  // first beginning, by the same clock: 2026-12-20 or 2026-12-20T18:00
	Days   int           `json:"days,omitempty"`  // how long it lasts: days of the calendar,
	For    time.Duration `json:"for,omitempty"`   // and then time
	Zone   string        `json:"zone"`            // IANA name
	Reason string        `json:"reason,omitempty"`
}

// Length is how long a window lasts, as it is written: "2d14h".
func (w Window) Length() string {
	text := ""
	if w.Days > 0 {
		text = fmt.Sprintf("%dd", w.Days)
	}
	if w.For > 0 {
		text += short(w.For)
	}
	return text
}

// String says when a window is, as it is written.
func (w Window) String() string {
	text := strings.TrimSpace(w.Rule + " from " + w.From)
	if w.From == "" {
		text = w.Rule
	}
	text += " for " + w.Length() + ", " + w.Zone
	if w.Reason != "" {
		text += " (" + w.Reason + ")"
	}
	return strings.TrimSpace(text)
}

// short writes a duration without parts that are nothing: "14h" for 14h0m0s.
func short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

var lengths = regexp.MustCompile(`^(?:([0-9]{1,4})d)?((?:[0-9]{1,6}h)?(?:[0-9]{1,8}m)?)$`)

// ParseLength reads "2d14h": two days of the calendar and 14 hours. The days keep the time of
// day when the clocks change; the hours are hours.
func ParseLength(text string) (days int, more time.Duration, err error) {
	found := lengths.FindStringSubmatch(text)
	if found == nil || text == "" {
		return 0, 0, Errorf(KindInvalid, "expected a length such as 14h, 2d or 2d14h30m, found %q", text)
	}
	if found[1] != "" {
		if days, err = strconv.Atoi(found[1]); err != nil {
			return 0, 0, err
		}
	}
	if found[2] != "" {
		if more, err = time.ParseDuration(found[2]); err != nil {
			return 0, 0, err
		}
	}
	return days, more, nil
}

// Times is one occurrence of a window.
type Times struct {
	From   time.Time `json:"from"`
	Until  time.Time `json:"until"`
	Reason string    `json:"reason,omitempty"`
}
