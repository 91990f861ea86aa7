package cluster

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"understudy"
	"understudy/internal/atomicfile"
	"understudy/internal/filetree"
)

// Replace puts the data directory of next in the place of c's own, and removes what stood
// there. Both servers are stopped; neither is started. Both directories have to be on one
// file system, and next has to be sealed.
//
// The two change places in one step of the file system, so that a crash leaves either of
// them in c's place, whole. What it leaves in next's place is the caller's to remove,
// with [Cluster.Remove].
func (c *Cluster) Replace(ctx context.Context, next *Cluster) error {
	if err := errors.Join(c.validate(), next.validate()); err != nil {
		return err
	}
	for _, one := range []*Cluster{c, next} {
		unlock, err := one.lock(ctx)
		if err != nil {
			return err
		}
		defer unlock() //nolint:errcheck // closing a file that is only locked
		if err := one.stopLocked(ctx); err != nil {
			return err
		}
	}
	if err := c.replaceable(ctx, next); err != nil {
		return err
	}
	if _, loading, err := next.unsealed(); err != nil || loading {
		return errors.Join(err, understudy.Errorf(understudy.KindConflict, "putting %s in the place of %s: it is not sealed", next, c))
	}
	if err := filetree.Exchange(next.spec.Dir, c.spec.Dir); err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "putting %s in the place of %s: %w", next, c, err)
	}
	if err := atomicfile.SyncFolder(filepath.Dir(c.spec.Dir)); err != nil {
		return err
	}
	return next.removeLocked(ctx)
}

// replaceable refuses an unsealed successor, and clears an unsealed predecessor away: its
// mark would speak of the successor.
func (c *Cluster) replaceable(ctx context.Context, next *Cluster) error {
	if _, loading, err := next.unsealed(); err != nil || loading {
		return errors.Join(err, understudy.Errorf(understudy.KindConflict, "putting %s in the place of %s: it is not sealed", next, c).WithHint("seal it first"))
	}
	if _, loading, err := c.unsealed(); err != nil || !loading {
		return err
	}
	return c.removeLocked(ctx)
}

// Remove stops the server and removes its data directory, its log and what else stands
// beside it by its name. It is for clusters that can be made again, as after a failed load, or when the
// machine went down during one: nothing asks back.
func (c *Cluster) Remove(ctx context.Context) error {
	if err := c.validate(); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Dir(c.spec.Dir)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	unlock, err := c.lock(ctx)
	if err != nil {
		return err
	}
	err = c.stopLocked(ctx)
	if err == nil {
		err = c.removeLocked(ctx)
	}
	return errors.Join(err, unlock())
}

func (c *Cluster) removeLocked(context.Context) error {
	load, loading, err := c.unsealed()
	if err != nil {
		return err
	}
	if loading {
		load.Condemned = true // a crash half way must not leave it to be sealed
		if err := c.markUnsealed(load); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(c.spec.Dir); err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "removing %s: %w", c, err)
	}
	if err := c.unmark(); err != nil {
		return err
	}
	for _, beside := range []string{c.spec.Log, c.spec.Dir + ".pace.json", c.spec.SocketDir} {
		if err := os.RemoveAll(beside); err != nil {
			return understudy.Errorf(understudy.KindUnavailable, "removing what stands beside %s: %w", c, err)
		}
	}
	return c.unmark()
}
