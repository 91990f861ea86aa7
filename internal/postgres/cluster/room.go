package cluster

import (
	"context"
	"path/filepath"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sys/unix"

	"understudy"
	"understudy/internal/filetree"
)

// Sizes are how many bytes databases have on disk, by their names on the server.
func (c *Cluster) Sizes(ctx context.Context, databases []string) (map[string]int64, error) {
	sizes := map[string]int64{}
	err := c.asAdmin(ctx, superuser, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, "SELECT datname, pg_database_size(oid) FROM pg_database WHERE datname = ANY($1)", databases)
		if err != nil {
			return err
		}
		var name string
		var bytes int64
		_, err = pgx.ForEachRow(rows, []any{&name, &bytes}, func() error {
			sizes[name] = bytes
			return nil
		})
		return err
	})
	if err != nil {
		return nil, c.failed(err, "asking how big databases are")
	}
	return sizes, nil
}

// RoomToStage refuses, as KindRefused, to stage databases for which a disk has too little
// room beside what is there. They are given by their names on the server, with the bytes
// that they had when their safety copies were taken.
func (c *Cluster) RoomToStage(ctx context.Context, sizes map[string]int64) error {
	var wanted []wanted
	err := c.asAdmin(ctx, superuser, func(conn *pgx.Conn) (err error) {
		wanted, err = c.wantedFor(ctx, conn, sizes)
		return err
	})
	if err != nil {
		return c.failed(err, "asking for the room that safety copies need")
	}
	disks := map[string]disk{}
	for _, w := range wanted {
		if disks[w.folder], err = diskOf(w.folder); err != nil {
			return err
		}
	}
	return short(wanted, disks)
}

// wanted is room that is needed in a folder.
type wanted struct {
	folder string
	bytes  int64
}

// wantedFor is what reading copies writes: each database where it lies, and the log of that.
func (c *Cluster) wantedFor(ctx context.Context, conn *pgx.Conn, sizes map[string]int64) (all []wanted, err error) {
	var most int64
	var kept bool
	err = conn.QueryRow(ctx, `SELECT pg_size_bytes(current_setting('max_wal_size')),
		current_setting('archive_mode') <> 'off' OR EXISTS (SELECT FROM pg_replication_slots)`).Scan(&most, &kept)
	var whole int64
	for database, bytes := range sizes {
		folder := ""
		if err == nil {
			err = conn.QueryRow(ctx, "SELECT pg_tablespace_location(dattablespace) FROM pg_database WHERE datname = $1", database).Scan(&folder)
		}
		if folder == "" {
			folder = c.spec.Dir
		}
		all, whole = append(all, wanted{folder, bytes}), whole+bytes
	}
	return append(all, wanted{filepath.Join(c.spec.Dir, "pg_wal"), logOf(whole, most, kept)}), err
}

// logOf is how much of the log lies on the disk at a time that writing so many bytes makes:
// what the server keeps between two checkpoints, or all of it where somebody has yet to get it.
func logOf(bytes, most int64, kept bool) int64 {
	if kept {
		return bytes
	}
	return min(bytes, most)
}

// disk is the file system of a folder.
type disk struct {
	id   uint64
	free int64
}

func diskOf(folder string) (disk, error) {
	var s unix.Stat_t
	if err := unix.Stat(folder, &s); err != nil {
		return disk{}, understudy.Errorf(understudy.KindUnavailable, "asking for the disk of %s: %w", folder, err)
	}
	free, err := filetree.Free(folder)
	return disk{uint64(s.Dev), free}, err //nolint:unconvert // another type elsewhere
}

// short refuses where a disk has less free than all that is wanted on it.
func short(all []wanted, disks map[string]disk) error {
	sums := map[uint64]int64{}
	for _, w := range all {
		sums[disks[w.folder].id] += w.bytes
	}
	for _, w := range all {
		if on := disks[w.folder]; sums[on.id] > on.free {
			return understudy.Errorf(understudy.KindRefused, "reading the safety copies back needs up to %d MB on the disk of %s, beside what is there, and %d MB are free; nothing was begun",
				roundUp(sums[on.id]), w.folder, on.free>>20).WithHint("make room there, and ask again")
		}
	}
	return nil
}

// roundUp is whole megabytes that hold so many bytes.
func roundUp(bytes int64) int64 { return (bytes + 1<<20 - 1) >> 20 }
