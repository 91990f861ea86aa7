package logical

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres"
)

// statisticsJobs analyse the target's tables of these kinds. A partitioned table is analysed with
// its partitions, but for one that has foreign partitions, which lead out of the twin.
func (c *copying) statisticsJobs(ctx context.Context, kinds string) ([]job, error) {
	rows, err := c.target.Query(ctx, `
		WITH abroad AS (SELECT DISTINCT pg_partition_root(c.oid) AS oid FROM pg_class c WHERE c.relkind = 'f' AND c.relispartition)
		SELECT n.nspname, c.relname,
			(SELECT COALESCE(sum(pg_table_size(p.relid)), 0)::bigint FROM pg_partition_tree(c.oid) p) + pg_table_size(c.oid)
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind::text = ANY (string_to_array($1, NULL)) AND c.relpersistence <> 't' AND `+postgres.OfUser+`
		AND CASE WHEN COALESCE(pg_partition_root(c.oid), c.oid) IN (SELECT oid FROM abroad) THEN c.relkind = 'r' ELSE NOT c.relispartition END`, kinds)
	if err != nil {
		return nil, postgres.ReadError("listing the tables to analyse in the target", err)
	}
	var jobs []job
	var schema, table string
	var size int64
	if _, err := pgx.ForEachRow(rows, []any{&schema, &table, &size}, func() error {
		quoted := pgx.Identifier{schema, table}.Sanitize()
		jobs = append(jobs, job{name: postgres.TableName(schema, table), sql: "ANALYZE " + quoted, size: size, table: quoted, alone: true})
		return nil
	}); err != nil {
		return nil, postgres.ReadError("listing the tables to analyse in the target", err)
	}
	return jobs, nil
}

// verify looks at what was built: nothing is unchecked or half built that is not so in
// production.
func (c *copying) verify(ctx context.Context) error {
	here, err := texts(ctx, c.target, unsoundQuery)
	if err != nil {
		return err
	}
	var wrong []string
	for fault := range here {
		if !c.unsound[fault] {
			wrong = append(wrong, fault)
		}
	}
	if len(wrong) > 0 {
		return understudy.Errorf(understudy.KindInternal, "the copy is not what production is: %s", strings.Join(wrong, "; "))
	}
	return nil
}

// noteUnsound remembers what is unchecked or half built in production itself.
func (c *copying) noteUnsound(ctx context.Context) (err error) {
	c.unsound, err = texts(ctx, c.moment.Tx.Conn(), unsoundQuery)
	return err
}

const unsoundQuery = `
	SELECT format('constraint %s of %s.%s is not checked', k.conname, n.nspname, c.relname)
	FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE NOT k.convalidated
	UNION ALL SELECT format('index %s.%s is invalid', n.nspname, c.relname)
	FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE NOT i.indisvalid`

func texts(ctx context.Context, conn *pgx.Conn, query string) (map[string]bool, error) {
	const doing = "looking for unchecked constraints and invalid indexes"
	rows, err := conn.Query(ctx, query)
	if err != nil {
		return nil, postgres.ReadError(doing, err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, postgres.ReadError(doing, err)
	}
	found := make(map[string]bool, len(list))
	for _, text := range list {
		found[text] = true
	}
	return found, nil
}
