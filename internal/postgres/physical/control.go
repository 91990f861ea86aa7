package physical

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"understudy"
)

// control is what the control file of the cluster says of it, as pg_controldata writes it.
type control map[string]string

// stopped is the state of a cluster whose files hold all there is.
const stopped = "shut down"

func (c *copying) readControl(ctx context.Context) error {
	out, err := c.owner.Command(ctx, filepath.Join(c.from.Bin, "pg_controldata"), "--pgdata", c.work).Output()
	if err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "reading the control file of the copy: pg_controldata: %w", err)
	}
	c.control = control{}
	for line := range strings.Lines(string(out)) {
		if name, value, found := strings.Cut(line, ":"); found {
			c.control[name] = strings.TrimSpace(value)
		}
	}
	if c.control["Database block size"] == "" || c.control["Database cluster state"] == "" {
		return understudy.Errorf(understudy.KindInternal, "reading the control file of the copy: pg_controldata does not say what is needed")
	}
	return checkShape(c.control["Database block size"], "")
}

// checksums tells whether pages carry one.
func (c control) checksums() bool { return c["Data page checksum version"] != "0" }

// limits are the settings that recovery needs at least as big as they were.
func (c control) limits() map[string]string {
	settings := map[string]string{}
	for name, setting := range map[string]string{
		"max_connections setting": "max_connections", "max_worker_processes setting": "max_worker_processes",
		"max_prepared_xacts setting": "max_prepared_transactions", "max_locks_per_xact setting": "max_locks_per_transaction",
	} {
		if value, err := strconv.Atoi(c[name]); err == nil { // a version that does not say needs none
			settings[setting] = strconv.Itoa(value)
		}
	}
	return settings
}

// nextTimeline names the first file of a write-ahead log that follows on all there was, on
// a timeline of its own.
func (c control) nextTimeline() (string, error) {
	last := c["Latest checkpoint's REDO WAL file"]
	if len(last) == 24 {
		if timeline, err := strconv.ParseUint(last[:8], 16, 32); err == nil {
			return fmt.Sprintf("%08X%s", timeline+1, last[8:]), nil
		}
	}
	return "", understudy.Errorf(understudy.KindInternal, "reading the control file of the copy: %q is no name of a file of the write-ahead log", last)
}
