package lockwatch

import "time"

// calm is a while without a look beyond the usual one: the last found nothing that matters, and
// the server has written nothing to its log since, as it does where somebody waits for a lock.
type calm struct {
	length func() int64 // of the server's log; -1: that cannot be told
	until  time.Time
	size   int64
}

// begin follows a look, after which the server is let be for a while anyway.
func (c *calm) begin(now time.Time, still bool, resting time.Duration) {
	c.until = time.Time{}
	if still {
		c.until, c.size = now.Add(2*resting), c.length()
	}
}

func (c *calm) lasts(now time.Time) bool {
	return now.Before(c.until) && c.size >= 0 && c.length() == c.size
}
