package cluster

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/filetree"
)

// Strategy is a way to clone a database.
type Strategy string

// The strategies, the best one first.
const (
	FileClone    Strategy = "file-clone"    // from version 18, the server shares the blocks of the files by itself
	SharedBlocks Strategy = "shared-blocks" // we share the blocks of the files, beside the server
	FileCopy     Strategy = "file-copy"     // from version 15, the server copies files
	WALLog       Strategy = "wal-log"       // from version 15, the server copies block by block, through its log
	PlainCopy    Strategy = "copy"          // before version 15, the only one: as file-copy
)

func (s Strategy) clause() string {
	switch s {
	case FileClone, FileCopy:
		return " STRATEGY FILE_COPY"
	case WALLog:
		return " STRATEGY WAL_LOG"
	}
	return ""
}

// facts are what decides on the strategy.
type facts struct {
	server   int // server_version_num
	shares   bool
	because  string // of shares: what was tried, and found
	bytes    int64
	measured paces // none: not measured
}

// worthMeasuring is from which size on a database's clones are worth the seconds that it
// takes to measure which way of copying is the faster one here, in bytes.
const worthMeasuring = 256 << 20

// wantsMeasure tells whether the choice hangs on a measurement.
func (f facts) wantsMeasure() bool {
	return !f.shares && f.server >= 150000 && f.bytes >= worthMeasuring
}

// strategy is the best one, and why.
func (f facts) strategy() (Strategy, string) {
	switch {
	case f.shares && f.server >= 180000:
		return FileClone, f.because
	case f.shares:
		return SharedBlocks, f.because
	case f.server < 150000:
		return PlainCopy, f.because + ", and this version of the server knows one way to copy"
	case f.measured == paces{}:
		return FileCopy, f.because + ", and the copy is too small to measure which way is faster"
	}
	file, wal := f.measured.File.of(f.bytes), f.measured.WAL.of(f.bytes)
	why := fmt.Sprintf("%s; for %d MB a measurement here says %s by file-copy and %s by wal-log",
		f.because, f.bytes>>20, file.Round(10*time.Millisecond), wal.Round(10*time.Millisecond))
	if wal < file {
		return WALLog, why
	}
	return FileCopy, why
}

// choose looks at the machine and decides.
func (c *Cluster) choose(ctx context.Context, conn *pgx.Conn, from properties, template string) (Strategy, string, error) {
	f := facts{server: from.server, bytes: from.bytes}
	f.shares, f.because = c.sharing(from, template)
	if f.wantsMeasure() {
		measured, err := c.paces(ctx, from.server)
		if err != nil {
			return "", "", err
		}
		f.measured = measured
	}
	strategy, why := f.strategy()
	return strategy, why, nil
}

// sharing tells whether a clone of a database can share its blocks, and why.
func (c *Cluster) sharing(from properties, template string) (bool, string) {
	base := filepath.Join(c.spec.Dir, "base")
	switch method, err := filetree.Probe(base); {
	case template == superuser:
		return false, "the server's own database is copied"
	case from.elsewhere:
		return false, "some of it lies in another tablespace, whose blocks are not shared"
	case err != nil:
		return false, "whether files can share blocks could not be tried (" + err.Error() + ")"
	case method != filetree.Reflink:
		return false, "files in " + base + " cannot share blocks"
	}
	return true, "files in " + base + " share blocks, as a trial has shown"
}

// spare is what a copy leaves free on the disk, in bytes.
const spare = 64 << 20

// roomFor refuses a copy that the disk could not hold; where blocks are shared there is
// nothing to hold yet.
func (c *Cluster) roomFor(from properties, strategy Strategy) error {
	need := from.bytes + spare
	switch strategy {
	case FileClone:
		need = from.bytes/100 + spare
	case WALLog:
		need += from.bytes // its log
	}
	free, err := filetree.Free(c.spec.Dir)
	if err != nil {
		return err
	}
	if free < need && !from.elsewhere {
		return understudy.Errorf(understudy.KindUnavailable, "cloning a database of %d MB (%s) in %s: it needs %d MB of disk, and %d MB are free; nothing was written",
			from.bytes>>20, strategy, c, need>>20, free>>20).WithHint("drop clones that nobody uses, make room, or keep the twin on XFS or btrfs, where clones share their blocks")
	}
	return nil
}
