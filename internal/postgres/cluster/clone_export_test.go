package cluster

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// WorkingName lets a test leave what a crash would.
func WorkingName(name string) string { return workingName(name) }

// BlockSteps is how many steps a clone by shared blocks has.
func BlockSteps() int { return len((&blockClone{holder: noTransaction{}}).steps()) }

type noTransaction struct{ pgx.Tx }

func (noTransaction) Commit(context.Context) error { return nil }

// CloneUpTo goes the first steps of a clone by shared blocks, then lets crash happen and
// cleans nothing up.
func CloneUpTo(ctx context.Context, c *Cluster, template, name string, steps int, crash func(after string)) error {
	conn, err := c.Connect(ctx, superuser)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	holding, err := c.Connect(ctx, superuser)
	if err != nil {
		return err
	}
	defer holding.Close(ctx)
	from, err := c.properties(ctx, conn, template)
	if err != nil {
		return err
	}
	holder, err := holding.Begin(ctx)
	if err != nil {
		return err
	}
	b := &blockClone{c: c, conn: conn, holder: holder, from: from, o: order{template: template, working: workingName(name), name: name}}
	after := ""
	for _, step := range b.steps()[:steps] {
		if err := step.do(ctx); err != nil {
			return err
		}
		after = step.name
	}
	crash(after)
	return nil
}

// Chosen is the strategy for a server's version, a size, and what was measured (per
// megabyte).
func Chosen(server int, shares bool, bytes int64, file, wal time.Duration) (Strategy, string) {
	f := facts{server: server, shares: shares, because: "because", bytes: bytes}
	if file+wal > 0 {
		f.measured = paces{Server: server, File: pace{Fixed: time.Second, PerMB: file}, WAL: pace{PerMB: wal}}
	}
	return f.strategy()
}

// Measured measures how long a copy of a gigabyte takes in both ways, or says what it has
// remembered.
func Measured(ctx context.Context, c *Cluster) (file, wal time.Duration, err error) {
	err = c.asAdmin(ctx, superuser, func(conn *pgx.Conn) error {
		found, err := c.paces(ctx, 150000)
		file, wal = found.File.of(1<<30), found.WAL.of(1<<30)
		return err
	})
	return file, wal, err
}

// StagedName lets a test see what waits to be swapped.
func StagedName(aside string) string { return stagedName(aside) }
