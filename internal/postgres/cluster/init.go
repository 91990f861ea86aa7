package cluster

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"understudy"
)

// contents is what stands where a data directory should be.
type contents int

const (
	holdsNothing contents = iota // no directory, or an empty one
	holdsCluster
)

// look tells what the data directory holds, and its major version. Anything that is
// neither nothing nor a whole cluster is an error; nothing is ever changed.
func (c *Cluster) look() (contents, int, error) {
	entries, err := os.ReadDir(c.spec.Dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return holdsNothing, 0, nil
	}
	if err != nil {
		return 0, 0, understudy.Errorf(understudy.KindUnavailable, "looking into data directory %s: %w", c.spec.Dir, err)
	}
	text, err := os.ReadFile(filepath.Join(c.spec.Dir, "PG_VERSION"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, 0, understudy.Errorf(understudy.KindConflict,
			"looking into data directory %s: it holds files but no PostgreSQL cluster (no PG_VERSION); nothing was touched", c.spec.Dir).
			WithHint("name another directory, or put back what belongs there")
	}
	if err != nil {
		return 0, 0, understudy.Errorf(understudy.KindUnavailable, "looking into data directory %s: %w", c.spec.Dir, err)
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, 0, understudy.Errorf(understudy.KindConflict,
			"looking into data directory %s: its PG_VERSION is not a version of PostgreSQL that can be run; nothing was touched", c.spec.Dir)
	}
	if info, err := os.Stat(filepath.Join(c.spec.Dir, "global", "pg_control")); err != nil || info.Size() == 0 {
		return 0, 0, understudy.Errorf(understudy.KindConflict,
			"looking into data directory %s: it is damaged (global/pg_control is missing); nothing was touched", c.spec.Dir).
			WithHint("restore the directory, or name another one")
	}
	return holdsCluster, major, nil
}

// install picks the programs for what the directory holds and for what was asked.
func (c *Cluster) install(held int) (Installation, error) {
	if held != 0 && c.spec.Major != 0 && held != c.spec.Major {
		return Installation{}, understudy.Errorf(understudy.KindConflict,
			"starting %s: it is of PostgreSQL %d, and version %d was asked for; nothing was touched", c, held, c.spec.Major).
			WithHint("ask for version %d, or bring the directory forward with pg_upgrade", held)
	}
	major := c.spec.Major
	if held != 0 {
		major = held
	}
	return installationFor(major)
}

// initialise makes the data directory: beside it, under another name, then renamed, so
// that it is there whole or not at all. The caller holds the cluster's lock.
func (c *Cluster) initialise(ctx context.Context, from Installation, owner User) error {
	making := c.spec.Dir + ".initdb"
	if err := os.RemoveAll(making); err != nil { // what a crash left; no server ever ran on it
		return understudy.Errorf(understudy.KindUnavailable, "clearing the half made cluster %s: %w", making, err)
	}
	if err := os.Mkdir(making, 0o700); err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "making a cluster in %s: %w", c.spec.Dir, err)
	}
	err := c.fill(ctx, making, from, owner)
	if err == nil {
		err = os.Rename(making, c.spec.Dir)
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(making))
	}
	return syncFolder(filepath.Dir(c.spec.Dir))
}

func (c *Cluster) fill(ctx context.Context, making string, from Installation, owner User) error {
	if err := owner.own(making); err != nil {
		return err
	}
	args := []string{"--pgdata", making, "--username", superuser, "--encoding", "UTF8", "--locale", c.locale(),
		"--auth", "trust", "--data-checksums"} // who may enter is configured before it ever runs
	if c.spec.Settings["fsync"] == "off" {
		args = append(args, "--no-sync")
	}
	out, err := owner.Command(ctx, filepath.Join(from.Bin, "initdb"), args...).CombinedOutput()
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return c.diagnose("making", string(out), err)
	}
	return c.configure(making, owner, nil)
}

func (c *Cluster) locale() string {
	switch {
	case c.spec.Locale != "":
		return c.spec.Locale
	case runtime.GOOS == "darwin":
		return "en_US.UTF-8"
	default:
		return "C.UTF-8"
	}
}
