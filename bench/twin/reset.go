package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"understudy/bench/figures"
)

// resets is how long a database takes to be as it was: a clone of its golden copy, on a
// file system that shares blocks and on this one.
func (b *bench) resets(ctx context.Context) error {
	if err := b.resetsHere(ctx); err != nil {
		return err
	}
	for _, fs := range []string{"xfs", "btrfs"} {
		metric := "reset by a clone on " + fs
		if os.Geteuid() != 0 {
			b.note(figures.Unmeasured(metric, "at most 1 s", "mounting a file system needs root"))
			continue
		}
		seconds, err := b.resetOn(ctx, fs)
		if err != nil {
			return fmt.Errorf("%s: %w", fs, err)
		}
		b.note(figures.Alone(metric, seconds, "s", 1, 0))
	}
	return nil
}

// resetsHere sets our clone against the statement that copies the files, in turns.
func (b *bench) resetsHere(ctx context.Context) error {
	ways := []way{
		{"clone", b.beforeReset, func(ctx context.Context) (float64, error) {
			made, err := b.source.Clone(ctx, database, "reset", "")
			fmt.Fprintln(os.Stderr, "  by", made.Strategy)
			return 0, err
		}},
		{"FILE_COPY", b.beforeReset, func(ctx context.Context) (float64, error) {
			conn, err := b.source.Connect(ctx, "postgres")
			if err != nil {
				return 0, err
			}
			defer conn.Close(context.WithoutCancel(ctx))
			_, err = conn.Exec(ctx, "CREATE DATABASE reset TEMPLATE "+database+" STRATEGY FILE_COPY")
			return 0, err
		}},
	}
	took, err := interleaved(ctx, 2*b.rounds+1, ways) // each takes a second or two
	if err != nil {
		return err
	}
	b.note(figures.Against("reset where blocks cannot be shared", took["clone"].seconds, "s", "CREATE DATABASE … STRATEGY FILE_COPY", took["FILE_COPY"].seconds, 1.1, 0))
	return b.source.Drop(ctx, "reset")
}

// beforeReset takes the last copy away, and has everything written that is due: what others
// left in the system's cache would be written while one of the two is measured.
func (b *bench) beforeReset(ctx context.Context) error {
	conn, err := b.source.Connect(ctx, "postgres")
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	err = b.source.Drop(ctx, "reset")
	if _, written := conn.Exec(ctx, "CHECKPOINT"); written != nil {
		err = errors.Join(err, written)
	}
	syscall.Sync()
	return err
}

// resetOn makes the shop on a file system of its own in a file, and clones it there.
func (b *bench) resetOn(ctx context.Context, fs string) (seconds float64, err error) {
	image, at := filepath.Join(b.dir, fs+".image"), filepath.Join(b.dir, fs)
	bytes, _, err := b.source.size(ctx, database)
	if err != nil {
		return 0, err
	}
	if err := mounted(ctx, fs, image, at, 3*bytes+4<<30); err != nil {
		return 0, err
	}
	defer func() {
		_, unmount := command(context.WithoutCancel(ctx), "umount", at)
		err = errors.Join(err, unmount, os.Remove(image))
	}()
	s, err := startServer(ctx, at)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.end(context.WithoutCancel(ctx))) }()
	if err := s.fill(ctx, database, b.customers); err != nil {
		return 0, err
	}
	if seconds, err = resetting(ctx, s, fs, max(b.rounds, 3)); err != nil {
		return 0, err
	}
	return seconds, b.fromSnapshot(ctx, s, fs, at)
}

// resetting is the median of dropping a clone, making it again and asking it something.
func resetting(ctx context.Context, s server, fs string, rounds int) (float64, error) {
	var all []float64
	for range rounds {
		started := time.Now()
		if err := s.Drop(ctx, "reset"); err != nil {
			return 0, err
		}
		made, err := s.Clone(ctx, database, "reset", "")
		if err != nil {
			return 0, err
		}
		if err := answers(ctx, s, "reset"); err != nil {
			return 0, err
		}
		all = append(all, time.Since(started).Seconds())
		fmt.Fprintf(os.Stderr, "%s: %.2f s, %s\n", fs, all[len(all)-1], made.Strategy)
	}
	return figures.Median(all), nil
}

// fromSnapshot is a physical copy of a snapshot of the server's files, which shares their blocks.
func (b *bench) fromSnapshot(ctx context.Context, s server, fs, at string) error {
	if b.restored == 0 {
		return nil
	}
	if err := s.end(ctx); err != nil {
		return err
	}
	to := filepath.Join(at, "twin")
	var all []float64
	for range b.rounds {
		c, err := timed(func() (float64, error) {
			return command(ctx, b.understudy, "twin", "copy", "--method", "physical", "--from", "file:"+filepath.Join(at, "data"), "--database", database,
				"--to", to, "--mask", b.masked, "--key", b.key, "--rate", "0", "--no-proof", "--json")
		})
		if err != nil {
			return err
		}
		all = append(all, c.seconds)
		if err := os.RemoveAll(to); err != nil {
			return err
		}
	}
	b.note(figures.Against("physical copy from a snapshot of files on "+fs, figures.Median(all), "s", "unmasked pg_dump -Fd -j2 + pg_restore -j2", b.restored, 0.3, 0))
	return nil
}

// answers asks the clone its first question.
func answers(ctx context.Context, s server, name string) error {
	conn, err := s.Connect(ctx, name)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var email string
	return conn.QueryRow(ctx, "SELECT email FROM customers WHERE id = 1").Scan(&email)
}

// mounted makes a file system in a sparse file and mounts it.
func mounted(ctx context.Context, fs, image, at string, bytes int64) error {
	if _, err := exec.LookPath("mkfs." + fs); err != nil {
		return fmt.Errorf("making a file system: %w: install xfsprogs and btrfs-progs", err)
	}
	if err := os.MkdirAll(at, 0o755); err != nil {
		return err
	}
	file, err := os.Create(image)
	if err != nil {
		return err
	}
	if err := errors.Join(file.Truncate(bytes), file.Close()); err != nil {
		return err
	}
	if _, err := command(ctx, "mkfs."+fs, "-q", image); err != nil {
		return err
	}
	if _, err := command(ctx, "mount", "-o", "loop", image, at); err != nil {
		return err
	}
	return os.Chmod(at, 0o755)
}
