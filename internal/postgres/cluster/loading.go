package cluster

import (
	"context"
	"errors"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"understudy"
	"understudy/internal/filetree"
)

// StartForLoading makes the cluster if there is none, and starts its server so that it
// takes in data as fast as it can: without care for a crash of the machine, which would
// leave nothing whole. From then on, until [Cluster.Seal], Start refuses the cluster while
// it runs. Because every database in it is at risk, a cluster that holds others than those
// named expendable is an error of KindConflict and goes on as it was. A server that runs
// in this way already is left as it is.
func (c *Cluster) StartForLoading(ctx context.Context, expendable ...string) error {
	if err := c.validate(); err != nil {
		return err
	}
	unlock, err := c.lock(ctx)
	if err != nil {
		return err
	}
	return errors.Join(c.loadLocked(ctx, expendable), unlock())
}

func (c *Cluster) loadLocked(ctx context.Context, expendable []string) error {
	load, loading, err := c.unsealed()
	if err != nil {
		return err
	}
	if loading {
		if err := load.trusted(c, "loading"); err != nil {
			return err
		}
		return c.bringUp(ctx, c.loadingSettings())
	}
	if err := c.checkExpendable(ctx, expendable); err != nil {
		return err
	}
	if err := c.markUnsealed(unsealed{Boot: boot(), Since: time.Now().UTC()}); err != nil {
		return err
	}
	return c.bringUp(ctx, c.loadingSettings())
}

// checkExpendable asks a cluster that is there which databases it holds, and leaves it stopped.
func (c *Cluster) checkExpendable(ctx context.Context, expendable []string) error {
	if holds, _, err := c.look(); err != nil || holds == holdsNothing {
		return err
	}
	if err := c.bringUp(ctx, nil); err != nil {
		return err
	}
	if err := c.onlyExpendable(ctx, expendable); err != nil {
		return err
	}
	return c.stopLocked(ctx)
}

func (c *Cluster) onlyExpendable(ctx context.Context, expendable []string) error {
	held, err := c.Databases(ctx)
	if err != nil {
		return err
	}
	worth := slices.DeleteFunc(held, func(name string) bool { return slices.Contains(expendable, name) })
	if len(worth) > 0 {
		return understudy.Errorf(understudy.KindConflict,
			"loading %s without care for crashes: a crash of the machine would damage %s as well; nothing was changed", c, strings.Join(worth, ", ")).
			WithHint("load into a cluster of its own, and let it take this one's place when it is sealed")
	}
	return nil
}

// Seal ends a load: all that was loaded is written out and flushed, and the server is left
// stopped. When it returns, everything survives a crash. A cluster that is not being
// loaded is sealed already, and goes on as it is. After an error it can be called again.
func (c *Cluster) Seal(ctx context.Context) error {
	if err := c.validate(); err != nil {
		return err
	}
	unlock, err := c.lock(ctx)
	if err != nil {
		return err
	}
	load, loading, err := c.unsealed()
	if err == nil && loading {
		err = load.trusted(c, "sealing")
		if err == nil {
			err = c.sealLocked(ctx)
		}
	}
	return errors.Join(err, unlock())
}

// sealLocked starts a server that ended meanwhile in the same careless way once more: it
// recovers from what the system still holds of its files. A clean stop writes everything
// to the system, a flush from there to the disk; only then the mark goes.
func (c *Cluster) sealLocked(ctx context.Context) error {
	if err := c.bringUp(ctx, c.loadingSettings()); err != nil {
		return err
	}
	if err := c.stopLocked(ctx); err != nil {
		return err
	}
	if err := c.flush(ctx); err != nil {
		return err
	}
	return c.unmark()
}

// flush lets PostgreSQL flush every file of the cluster, tablespaces too.
func (c *Cluster) flush(ctx context.Context) error {
	if c.spec.Settings["fsync"] == "off" { // described as one that need not survive
		return nil
	}
	program, err := c.tool("initdb")
	if err != nil {
		return err
	}
	owner, err := ownerOrRunAs(c.spec.Dir)
	if err != nil {
		return err
	}
	out, err := owner.Command(ctx, program, "--sync-only", "--pgdata", c.spec.Dir).CombinedOutput()
	if err != nil {
		return c.diagnose("flushing", string(out), errors.Join(ctx.Err(), err))
	}
	return nil
}

// loadingSettings take from the machine what a load can use and give up what only a crash
// would ask for. A table that is filled in the transaction that made it needs no log then.
// A commit still waits until the system has it: without fsync that costs next to nothing,
// and a server that is killed has lost nothing that it confirmed.
func (c *Cluster) loadingSettings() map[string]string {
	memory := machineMemory()
	settings := map[string]string{
		"wal_level": "minimal", "max_wal_senders": "0", "archive_mode": "off",
		"fsync": "off", "full_page_writes": "off", "synchronous_commit": "local",
		"autovacuum": "off", "checkpoint_timeout": "1d", "max_wal_size": megabytes(c.logRoom()),
		"shared_buffers":                   megabytes(between(memory/8, 128<<20, 2<<30)),
		"maintenance_work_mem":             megabytes(between(memory/16, 64<<20, 1<<30)),
		"max_parallel_maintenance_workers": strconv.Itoa(min(runtime.NumCPU()-1, 7)),
	}
	if _, asked := c.spec.Settings["summarize_wal"]; asked { // it wants more than a minimal log
		settings["summarize_wal"] = "off"
	}
	return settings
}

// logRoom is how large the log may become between two checkpoints: a quarter of what is
// free, at most 16 GB.
func (c *Cluster) logRoom() int64 {
	free, err := filetree.Free(filepath.Dir(c.spec.Dir))
	if err != nil { // the server's own default does
		return 1 << 30
	}
	return between(free/4, 256<<20, 16<<30)
}

func between(value, low, high int64) int64 { return max(low, min(value, high)) }

func megabytes(bytes int64) string { return strconv.FormatInt(bytes>>20, 10) + "MB" }
