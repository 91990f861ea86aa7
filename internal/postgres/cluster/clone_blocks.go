package cluster

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/filetree"
)

// blockClone is a clone being made by sharing the blocks of the template's files beside the
// running server. What makes it safe is said in the package comment.
type blockClone struct {
	c      *Cluster
	conn   *pgx.Conn // makes the working database
	holder pgx.Tx    // holds the template and the working database against everybody
	from   properties
	o      order
	oid    uint32 // of the working database
	shared int64
}

// shareBlocks goes all steps, and returns how many bytes are shared.
func (c *Cluster) shareBlocks(ctx context.Context, conn *pgx.Conn, from properties, o order) (shared int64, err error) {
	err = c.asAdmin(ctx, superuser, func(holding *pgx.Conn) error {
		holder, err := holding.Begin(ctx)
		if err != nil {
			return err
		}
		b := &blockClone{c: c, conn: conn, holder: holder, from: from, o: o}
		for _, step := range b.steps() {
			if err := step.do(ctx); err != nil {
				return errors.Join(err, holder.Rollback(context.WithoutCancel(ctx)))
			}
		}
		shared = b.shared
		return nil
	})
	return shared, err
}

type blockStep struct {
	name string
	do   func(context.Context) error
}

// steps are in the order in which a crash after any of them leaves the template as it was
// and no database under the clone's name, until the last.
func (b *blockClone) steps() []blockStep {
	return []blockStep{
		{"hold the template", b.holdTemplate},
		{"create the working database", b.create},
		{"publish it, unseen yet", b.publish},
		{"empty its folder", b.empty},
		{"share the template's blocks", b.share},
		{"take over what the files depend on", b.takeOver},
		{"commit", b.holder.Commit},
	}
}

// holdTemplate locks the template: to rename it, and back, takes the server's own lock on
// it, which the transaction keeps. No session has it open then and none can open it, not
// even autovacuum, so that nothing in it changes.
func (b *blockClone) holdTemplate(ctx context.Context) error {
	template, away := quoteName(b.o.template), quoteName(workingName(b.o.working))
	return b.c.undisturbed(ctx, b.o.template, func() error {
		return execAll(ctx, b.holder, []string{
			"SET LOCAL synchronous_commit = on",
			"ALTER DATABASE " + template + " RENAME TO " + away,
			"ALTER DATABASE " + away + " RENAME TO " + template,
		})
	})
}

// create makes an empty database like the template. It begins with a checkpoint that
// writes out all of the template, unlogged tables too, and ends with another one behind
// which no recovery reaches: none will put the empty files back.
func (b *blockClone) create(ctx context.Context) error {
	strategy := PlainCopy
	if b.from.server >= 150000 {
		strategy = FileCopy
	}
	if _, err := b.conn.Exec(ctx, b.from.createEmpty(b.o.working)+strategy.clause()); err != nil {
		return err
	}
	return b.conn.QueryRow(ctx, "SELECT oid FROM pg_database WHERE datname = $1", b.o.working).Scan(&b.oid)
}

// publish renames the working database, which locks it as it did the template.
func (b *blockClone) publish(ctx context.Context) error {
	return publish(ctx, b.holder, b.from, b.o)
}

// folder is where the files of a database are.
func (b *blockClone) folder(oid uint32) string {
	return filepath.Join(b.c.spec.Dir, "base", strconv.FormatUint(uint64(oid), 10))
}

func (b *blockClone) empty(context.Context) error {
	folder := b.folder(b.oid)
	entries, err := os.ReadDir(folder)
	if err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "emptying the folder of a new database in %s: %w", b.c, err)
	}
	for _, entry := range entries {
		if err := os.Remove(filepath.Join(folder, entry.Name())); err != nil {
			return understudy.Errorf(understudy.KindUnavailable, "emptying the folder of a new database in %s: %w", b.c, err)
		}
	}
	return nil
}

// share clones the files, and dates the clone by the file that never changes again.
func (b *blockClone) share(ctx context.Context) error {
	made, err := filetree.Fill(ctx, b.folder(b.from.oid), b.folder(b.oid), b.from.durable)
	if err != nil {
		return err
	}
	b.shared = made.Shared
	now := time.Now()
	if err := os.Chtimes(filepath.Join(b.folder(b.oid), "PG_VERSION"), now, now); err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "dating a new database in %s: %w", b.c, err)
	}
	return nil
}

// takeOver gives the working database's row what belongs to the files: how old its oldest
// transactions are, without which the server would forget about them too early, and the
// roles and settings that its objects depend on. CREATE DATABASE does the same for a copy.
func (b *blockClone) takeOver(ctx context.Context) error {
	row := "datfrozenxid = t.datfrozenxid, datminmxid = t.datminmxid"
	if b.from.server >= 150000 {
		row += ", datcollversion = t.datcollversion"
	}
	if _, err := b.holder.Exec(ctx, "UPDATE pg_catalog.pg_database d SET "+row+" FROM pg_catalog.pg_database t WHERE d.oid = $1 AND t.oid = $2",
		b.oid, b.from.oid); err != nil {
		return err
	}
	if _, err := b.holder.Exec(ctx, "DELETE FROM pg_catalog.pg_shdepend WHERE dbid = $1", b.oid); err != nil {
		return err
	}
	_, err := b.holder.Exec(ctx, `INSERT INTO pg_catalog.pg_shdepend (dbid, classid, objid, objsubid, refclassid, refobjid, deptype)
		SELECT $1, classid, objid, objsubid, refclassid, refobjid, deptype FROM pg_catalog.pg_shdepend WHERE dbid = $2`, b.oid, b.from.oid)
	return err
}
