package physical

import (
	"context"

	"github.com/jackc/pgx/v5"

	"understudy/internal/postgres"
)

// renewStatistics makes the server forget what it remembers of masked tables, their indexes
// and what they are parts of, of foreign tables, and of temporary ones that a crash of
// production left behind: the commonest values and the bounds of histograms are values. Then
// it analyses them, and writes the catalogs anew; the columns too, which kept the value
// that rows had from before a column was added.
func (c *copying) renewStatistics(ctx context.Context) error {
	var masked []uint32
	for _, t := range c.tables {
		if len(t.masked()) > 0 {
			masked = append(masked, t.oid)
		}
	}
	var concerned []string
	err := c.within(ctx, c.spec.Database, func(conn *pgx.Conn) (err error) {
		concerned, err = forget(ctx, conn, masked)
		return err
	})
	if err != nil {
		return err
	}
	err = c.each(ctx, len(concerned), func(ctx context.Context, conn *pgx.Conn, i int) error {
		return runs(ctx, conn, "analysing "+concerned[i]+" of the copy", "ANALYZE "+concerned[i])
	})
	if err != nil {
		return err
	}
	return c.within(ctx, c.spec.Database, func(conn *pgx.Conn) error {
		const doing = "writing the statistics of the copy anew"
		return runs(ctx, conn, doing, "VACUUM FULL pg_catalog.pg_statistic", "VACUUM FULL pg_catalog.pg_statistic_ext_data",
			"VACUUM FULL pg_catalog.pg_attribute", "VACUUM FULL pg_catalog.pg_attrdef")
	})
}

// forget deletes the statistics, and names the tables that have to be analysed: the masked
// ones and those they are parts of, and materialized views.
func forget(ctx context.Context, conn *pgx.Conn, masked []uint32) ([]string, error) {
	const doing = "forgetting the statistics of masked tables in the copy"
	const concerned = `
		WITH RECURSIVE part(oid) AS (
			SELECT unnest($1::oid[]) UNION SELECT oid FROM pg_class WHERE relkind IN ('m', 'f') OR relpersistence = 't'
			UNION SELECT i.inhparent FROM part p JOIN pg_inherits i ON i.inhrelid = p.oid),
		concerned(oid) AS (SELECT oid FROM part UNION SELECT i.indexrelid FROM part p JOIN pg_index i ON i.indrelid = p.oid) `
	for _, statement := range []string{
		concerned + `DELETE FROM pg_statistic s USING concerned c WHERE s.starelid = c.oid`,
		concerned + `DELETE FROM pg_statistic_ext_data d USING pg_statistic_ext e, concerned c WHERE e.oid = d.stxoid AND e.stxrelid = c.oid`,
	} {
		if _, err := conn.Exec(ctx, statement, masked); err != nil {
			return nil, postgres.ReadError(doing, err)
		}
	}
	return texts(ctx, conn, doing, concerned+`
		SELECT format('%I.%I', n.nspname, r.relname) FROM part p JOIN pg_class r ON r.oid = p.oid JOIN pg_namespace n ON n.oid = r.relnamespace
		WHERE r.relkind IN ('r', 'p', 'm') AND r.relpersistence <> 't' AND (r.relkind <> 'm' OR r.relispopulated) ORDER BY pg_relation_size(r.oid) DESC, 1`, masked)
}
