package cluster

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres"
)

// ownSettings is the file in which ALTER SYSTEM keeps its settings.
const ownSettings = "postgresql.auto.conf"

// leftGate finds the line by which a program that was killed while it armed a gate for
// commits lets the server wait for it.
func (c *Cluster) leftGate() (text, line string, err error) {
	content, err := os.ReadFile(filepath.Join(c.spec.Dir, ownSettings))
	if errors.Is(err, fs.ErrNotExist) {
		return "", "", nil
	}
	if err != nil {
		return "", "", understudy.Errorf(understudy.KindUnavailable, "looking at the settings of %s: %w", c, err)
	}
	for line := range strings.Lines(string(content)) {
		if name, value, found := strings.Cut(line, "="); found && strings.TrimSpace(name) == "synchronous_standby_names" &&
			strings.HasPrefix(strings.TrimSpace(value), "'"+postgres.GateName) {
			return string(content), line, nil
		}
	}
	return string(content), "", nil
}

// clearGate takes it out of the settings of a cluster that does not run.
func (c *Cluster) clearGate(owner User) error {
	text, line, err := c.leftGate()
	if err != nil || line == "" {
		return err
	}
	return replaceFile(filepath.Join(c.spec.Dir, ownSettings), strings.Replace(text, line, "", 1), owner)
}

// releaseGate takes it out of the settings of one that runs, unless whoever it stands for is there.
func (c *Cluster) releaseGate(ctx context.Context) error {
	_, line, err := c.leftGate()
	if err != nil || line == "" {
		return err
	}
	_, value, _ := strings.Cut(line, "=")
	err = c.asAdmin(ctx, superuser, func(conn *pgx.Conn) error {
		var there bool
		err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_stat_replication WHERE application_name = $1)", strings.Trim(strings.TrimSpace(value), "'")).Scan(&there)
		if err != nil || there {
			return err
		}
		if _, err := conn.Exec(ctx, "ALTER SYSTEM RESET synchronous_standby_names"); err != nil {
			return err
		}
		_, err = conn.Exec(ctx, "SELECT pg_reload_conf()")
		return err
	})
	if err != nil {
		return c.failed(err, "releasing a gate for commits that nobody keeps any more")
	}
	return nil
}
