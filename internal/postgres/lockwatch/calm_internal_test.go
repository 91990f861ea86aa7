package lockwatch

import (
	"testing"
	"time"
)

func TestCalm_EndsWithItsTimeAndWithWhatTheServerLogs(t *testing.T) {
	t.Parallel()
	const resting = 10 * time.Millisecond
	for name, one := range map[string]struct {
		still         bool
		before, after int64 // length of the log
		later         time.Duration
		want          bool
	}{
		"nothing happens":               {still: true, before: 7, after: 7, later: resting, want: true},
		"twice the usual rest is over":  {still: true, before: 7, after: 7, later: 2 * resting},
		"somebody waits":                {still: true, before: 7, after: 8, later: resting},
		"the log was begun anew":        {still: true, before: 7, after: 0, later: resting},
		"the log cannot be read":        {still: true, before: -1, after: -1, later: resting},
		"the last look found a lock":    {before: 7, after: 7, later: resting},
		"the log is away since":         {still: true, before: 7, after: -1, later: resting},
		"at once, and nothing happened": {still: true, before: 0, after: 0, want: true},
	} {
		size := one.before
		c := calm{length: func() int64 { return size }}
		now := time.Now()
		c.begin(now, one.still, resting)
		size = one.after
		if got := c.lasts(now.Add(one.later)); got != one.want {
			t.Errorf("%s: calm lasts: %t, want %t", name, got, one.want)
		}
		if c.begin(now, false, resting); c.lasts(now) {
			t.Errorf("%s: calm goes on after a look that found a lock", name)
		}
	}
}
