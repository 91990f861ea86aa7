package physical

import (
	"context"
	"path/filepath"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres"
)

// verifyFiles has the checksum of every page of the finished files tried, where it is
// asked for and the cluster has them.
func (c *copying) verifyFiles(ctx context.Context) error {
	if !c.spec.Verify || !c.control.checksums() {
		return nil
	}
	if err := c.owner.Command(ctx, filepath.Join(c.from.Bin, "pg_checksums"), "--check", "--pgdata", c.work).Run(); err != nil {
		return understudy.Errorf(understudy.KindInternal, "trying the checksums of the copy: pg_checksums found a page whose checksum is wrong, or did not run: %w", err)
	}
	return nil
}

// verifyStructure lets the server look, by its extension amcheck, at every masked table
// and every index that was built again, and whether the index holds each row.
func (c *copying) verifyStructure(ctx context.Context, conn *pgx.Conn) error {
	if !c.spec.Verify {
		return nil
	}
	const schema, doing = "us_verify", "verifying the pages and indexes of the copy"
	var there bool
	if err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'amcheck')`).Scan(&there); err != nil {
		return postgres.ReadError(doing, err)
	}
	if !there {
		return understudy.Errorf(understudy.KindUnavailable, "%s: this machine's PostgreSQL does not have its extension amcheck", doing).
			WithHint("install the package that holds it (contrib's: postgresql-contrib)")
	}
	if err := runs(ctx, conn, doing, "CREATE SCHEMA "+schema, "CREATE EXTENSION IF NOT EXISTS amcheck SCHEMA "+schema); err != nil {
		return err
	}
	var where string
	if err := conn.QueryRow(ctx, `SELECT n.nspname FROM pg_extension x JOIN pg_namespace n ON n.oid = x.extnamespace WHERE x.extname = 'amcheck'`).Scan(&where); err != nil {
		return postgres.ReadError(doing, err)
	}
	in := pgx.Identifier{where}.Sanitize()
	for _, t := range c.tables {
		if c.from.Major < 14 || len(t.masked()) == 0 {
			continue
		}
		found, err := texts(ctx, conn, doing, `SELECT msg FROM `+in+`.verify_heapam($1::oid::regclass) LIMIT 1`, t.oid)
		if err != nil {
			return err
		}
		if len(found) > 0 {
			return understudy.Errorf(understudy.KindInternal, "verifying the pages of %s in the copy: %s", t.name(), postgres.WithoutValue(found[0]))
		}
	}
	for _, i := range c.aside {
		if i.btree {
			if err := runs(ctx, conn, doing+": "+i.name, "SELECT "+in+".bt_index_check("+postgres.QuoteText(i.name)+"::regclass, true)"); err != nil {
				return err
			}
		}
	}
	return runs(ctx, conn, doing, "DROP SCHEMA "+schema+" CASCADE")
}
