package cluster

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"understudy"
	"understudy/internal/yield"
)

// Start makes the cluster if there is none and starts its server, which then outlives
// us, and returns when it accepts connections; after a crash that is when it has
// recovered. A server that runs already is waited for and otherwise left as it is. When
// ctx ends first, the server goes on starting. A cluster whose load was never sealed is
// sealed first, or refused: see [Cluster.StartForLoading].
func (c *Cluster) Start(ctx context.Context) error {
	if err := c.validate(); err != nil {
		return err
	}
	unlock, err := c.lock(ctx)
	if err != nil {
		return err
	}
	return errors.Join(c.startLocked(ctx), unlock())
}

// startLocked starts a cluster of which everything survives a crash. What a load left
// unsealed is sealed first where that is safe, and refused where it is not.
func (c *Cluster) startLocked(ctx context.Context) error {
	load, loading, err := c.unsealed()
	if err != nil {
		return err
	}
	if !loading {
		return c.bringUp(ctx, nil)
	}
	if err := load.trusted(c, "starting"); err != nil {
		return err
	}
	if running, err := c.postmaster(); err != nil || running.alive {
		return errors.Join(err, understudy.Errorf(understudy.KindConflict,
			"starting %s: it runs without care for crashes, as it is being loaded", c).WithHint("wait until it is sealed"))
	}
	if err := c.sealLocked(ctx); err != nil {
		return err
	}
	return c.bringUp(ctx, nil)
}

// bringUp starts the server with its settings, over which those of overlay go, or joins one that runs.
func (c *Cluster) bringUp(ctx context.Context, overlay map[string]string) error {
	holds, major, err := c.look()
	if err != nil {
		return err
	}
	from, err := c.install(major)
	if err != nil {
		return err
	}
	owner, err := ownerOrRunAs(c.spec.Dir)
	if err != nil {
		return err
	}
	if running, err := c.postmaster(); err != nil {
		return err
	} else if running.alive {
		if ended, err := c.join(ctx, running); !ended {
			if err == nil {
				err = c.releaseGate(ctx)
			}
			return err
		}
	}
	if err := c.prepare(ctx, owner, from); err != nil {
		return err
	}
	if holds == holdsNothing {
		if err := c.initialise(ctx, from, owner); err != nil {
			return err
		}
	}
	return c.launch(ctx, from, owner, overlay)
}

// join waits for a server that somebody started already. It may end meanwhile: it may
// have been dying, or stopping.
func (c *Cluster) join(ctx context.Context, running postmaster) (ended bool, err error) {
	if running.port != c.port() || running.socketDir != "" && !sameFolder(running.socketDir, c.spec.SocketDir) {
		return false, understudy.Errorf(understudy.KindConflict,
			"starting %s: it runs already (process %d), on port %d with its socket in %s, and not on port %d with its socket in %s",
			c, running.pid, running.port, running.socketDir, c.port(), c.spec.SocketDir).WithHint("stop it first")
	}
	for !c.Running(ctx) {
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return false, understudy.Errorf(understudy.KindUnavailable, "waiting for %s (process %d) to accept connections: %w", c, running.pid, err).
				WithHint("it goes on starting; its log is %s", c.spec.Log)
		}
		still, err := c.postmaster()
		if err != nil || !still.alive {
			return err == nil, err
		}
		if _, err := os.Lstat(c.Socket()); still.ready && errors.Is(err, fs.ErrNotExist) {
			return false, understudy.Errorf(understudy.KindConflict, "starting %s: it runs already (process %d), and its socket %s is gone: nobody can reach it there",
				c, still.pid, c.Socket()).WithHint("end it, and start it again: kill -INT %d", still.pid)
		}
	}
	return false, nil
}

// prepare makes sure of everything outside the data directory that the server needs.
func (c *Cluster) prepare(ctx context.Context, owner User, from Installation) error {
	program := filepath.Join(from.Bin, "postgres")
	for _, folder := range []string{filepath.Dir(c.spec.Dir), filepath.Dir(c.spec.SocketDir), filepath.Dir(c.spec.Log)} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return understudy.Errorf(understudy.KindUnavailable, "making folder %s for %s: %w", folder, c, err)
		}
	}
	if err := c.closeSocketFolder(owner); err != nil {
		return err
	}
	for _, folder := range []string{filepath.Dir(c.spec.Dir), c.spec.SocketDir} {
		if err := owner.reaches(ctx, folder, program); err != nil {
			return err
		}
	}
	if err := c.clearSocket(); err != nil {
		return err
	}
	return c.portFree()
}

// closeSocketFolder makes the folder of the socket, or takes one that holds nothing else,
// and closes it to all but the server's user.
func (c *Cluster) closeSocketFolder(owner User) error {
	folder := c.spec.SocketDir
	if err := os.Mkdir(folder, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return understudy.Errorf(understudy.KindUnavailable, "making folder %s for the socket of %s: %w", folder, c, err)
	}
	info, err := os.Lstat(folder)
	if err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "looking at folder %s for the socket of %s: %w", folder, c, err)
	}
	stat, isUnix := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || isUnix && int(stat.Uid) != owner.UID && int(stat.Uid) != os.Geteuid() {
		return understudy.Errorf(understudy.KindConflict, "closing folder %s for the socket of %s: it is a link, or somebody else's", folder, c)
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "looking into folder %s for the socket of %s: %w", folder, c, err)
	}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), ".s.PGSQL.") {
			return understudy.Errorf(understudy.KindConflict, "closing folder %s for the socket of %s: it holds %s, and must hold nothing else than sockets",
				folder, c, entry.Name()).WithHint("give the cluster a folder of its own for its socket")
		}
	}
	if err := owner.own(folder); err != nil {
		return err
	}
	if err := os.Chmod(folder, 0o700); err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "closing folder %s to strangers: %w", folder, err)
	}
	return nil
}

// launch starts the server on a whole data directory, apart from us.
func (c *Cluster) launch(ctx context.Context, from Installation, owner User, overlay map[string]string) error {
	if err := c.owned(owner); err != nil {
		return err
	}
	if err := errors.Join(c.configure(c.spec.Dir, owner, c.preloading(ctx, from, overlay)), c.clearGate(owner)); err != nil {
		return err
	}
	for patience := 100; ; patience-- {
		output, err := c.control(ctx, from, owner, c.spec.Yields || overlay != nil && !c.spec.Urgent)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return understudy.Errorf(understudy.KindUnavailable, "waiting for %s to accept connections: %w", c, ctx.Err()).
				WithHint("it goes on starting; its log is %s", c.spec.Log)
		case patience == 0 || !orphans.MatchString(output):
			return c.diagnose("starting", output, err)
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return c.diagnose("starting", output, err)
		}
	}
}

// orphans is the sign that the processes of a killed server have not all ended yet,
// which they do by themselves.
var orphans = regexp.MustCompile(`pre-existing shared memory block`)

// control lets pg_ctl start the server, one that yields to others or one like any, and returns
// what was logged meanwhile.
//
// Paths reach pg_ctl by its environment and the log as an open file: it puts its arguments
// into a line for the shell, where a strange name would do strange things.
func (c *Cluster) control(ctx context.Context, from Installation, owner User, yields bool) (output string, err error) {
	log, err := os.OpenFile(c.spec.Log, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return "", understudy.Errorf(understudy.KindUnavailable, "opening the log of %s: %w", c, err)
	}
	offset, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return "", errors.Join(err, log.Close())
	}
	cmd := owner.Command(ctx, filepath.Join(from.Bin, "pg_ctl"), "start", "--silent", "--wait", "--timeout", "86400")
	cmd.Env = append(cmd.Env, "PGDATA="+c.spec.Dir)
	cmd.Stdout, cmd.Stderr = log, log
	run := cmd.Run
	if yields {
		run = func() error { return yield.Run(cmd.Run) }
	}
	if err := errors.Join(run(), log.Close()); err != nil {
		return readFrom(c.spec.Log, offset), err
	}
	if running, err := c.postmaster(); err == nil && yields { // it leads a session of its own, and each of its processes one
		yield.Family(running.pid)
	}
	return "", nil
}

// owned reports a data directory that the server would refuse.
func (c *Cluster) owned(owner User) error {
	info, err := os.Stat(c.spec.Dir)
	if err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "looking at data directory %s: %w", c.spec.Dir, err)
	}
	if stat, isUnix := info.Sys().(*syscall.Stat_t); isUnix && int(stat.Uid) != owner.UID {
		return understudy.Errorf(understudy.KindUnavailable,
			"starting %s: the directory belongs to user id %d, and the server runs as user %s (%d); nothing was touched",
			c, stat.Uid, owner.Name, owner.UID).
			WithHint("run understudy as the owner, or give the directory away: chown -R %s %s", owner.Name, c.spec.Dir)
	}
	if mode := info.Mode().Perm(); mode&0o027 != 0 {
		return understudy.Errorf(understudy.KindUnavailable,
			"starting %s: others may enter the directory (mode %04o), and the server refuses that; nothing was touched", c, mode).
			WithHint("chmod 0700 %s", c.spec.Dir)
	}
	return nil
}

// pause waits a moment, or returns early with the context's error.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
