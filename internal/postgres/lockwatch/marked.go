package lockwatch

import (
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Marked adds the migration's name, its lock timeout and, where its commits are to be held, the way
// it commits to a connection URL.
func Marked(address string, lockTimeout time.Duration, gated bool) string {
	u, err := url.Parse(address)
	if err != nil { // not a URL: left as the team wrote it
		return address
	}
	q := u.Query()
	q.Set("application_name", MigrationName)
	options := q.Get("options")
	if lockTimeout > 0 {
		options += fmt.Sprintf(" -c lock_timeout=%d", max(lockTimeout.Milliseconds(), 1)) // 0 would be no limit
	}
	if gated {
		options += " -c synchronous_commit=remote_apply"
	}
	if options != "" {
		q.Set("options", strings.TrimSpace(options))
	}
	u.RawQuery = strings.ReplaceAll(q.Encode(), "+", "%20") // libpq reads a plus sign as itself
	return u.String()
}
