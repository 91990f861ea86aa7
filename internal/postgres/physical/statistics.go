package physical

import (
	"context"

	"github.com/jackc/pgx/v5"

	"understudy/internal/postgres"
)

// forgetStatistics makes the server forget what it remembers of masked tables, their indexes
// and what they are parts of, of foreign tables, and of temporary ones that a crash of
// production left behind: the commonest values and the bounds of histograms are values.
func (c *copying) forgetStatistics(ctx context.Context) error {
	const doing = "forgetting the statistics of masked tables in the copy"
	const indexesToo = concerned + `, concerned(oid) AS (SELECT oid FROM part UNION SELECT i.indexrelid FROM part p JOIN pg_index i ON i.indrelid = p.oid) `
	return c.within(ctx, c.spec.Database, func(conn *pgx.Conn) error {
		for _, statement := range []string{
			indexesToo + `DELETE FROM pg_statistic s USING concerned c WHERE s.starelid = c.oid`,
			indexesToo + `DELETE FROM pg_statistic_ext_data d USING pg_statistic_ext e, concerned c WHERE e.oid = d.stxoid AND e.stxrelid = c.oid`,
		} {
			if _, err := conn.Exec(ctx, statement, c.maskedOIDs()); err != nil {
				return postgres.ReadError(doing, err)
			}
		}
		return nil
	})
}

// concerned lists the tables of $1, what they are parts of, and all that holds others' values.
const concerned = `
	WITH RECURSIVE part(oid) AS (
		SELECT unnest($1::oid[]) UNION SELECT oid FROM pg_class WHERE relkind IN ('m', 'f') OR relpersistence = 't'
		UNION SELECT i.inhparent FROM part p JOIN pg_inherits i ON i.inhrelid = p.oid)`

func (c *copying) maskedOIDs() []uint32 {
	var masked []uint32
	for _, t := range c.tables {
		if len(t.masked()) > 0 {
			masked = append(masked, t.oid)
		}
	}
	return masked
}

// renewStatistics analyses what is made of masked tables, as these were analysed when they
// were read: what they are parts of, and materialized views. Then it writes the catalogs anew,
// with nobody else there who might still see what was deleted; the columns too, which kept the
// value that rows had from before a column was added.
func (c *copying) renewStatistics(ctx context.Context) error {
	return c.within(ctx, c.spec.Database, func(conn *pgx.Conn) error {
		wholes, err := texts(ctx, conn, "looking for what masked tables are parts of", concerned+`
			SELECT format('%I.%I', n.nspname, r.relname) FROM part p JOIN pg_class r ON r.oid = p.oid JOIN pg_namespace n ON n.oid = r.relnamespace
			WHERE r.relkind IN ('r', 'p', 'm') AND r.relpersistence <> 't' AND (r.relkind <> 'm' OR r.relispopulated)
			AND (r.oid <> ALL ($1::oid[]) OR EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = r.oid)) ORDER BY 1`, c.maskedOIDs())
		if err != nil {
			return err
		}
		for _, whole := range wholes {
			if err := analyse(ctx, conn, whole); err != nil {
				return err
			}
		}
		return runs(ctx, conn, "writing the statistics of the copy anew", "VACUUM FULL pg_catalog.pg_statistic", "VACUUM FULL pg_catalog.pg_statistic_ext_data",
			"VACUUM FULL pg_catalog.pg_attribute", "VACUUM FULL pg_catalog.pg_attrdef")
	})
}

func analyse(ctx context.Context, conn *pgx.Conn, name string) error {
	return runs(ctx, conn, "analysing "+name+" of the copy", "ANALYZE "+name)
}
