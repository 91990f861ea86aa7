package logical

import (
	"context"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres"
)

// checkUnchanged looks, when nobody can change the tables any more, whether somebody has
// since the snapshot was taken: their rows of that moment could be gone.
func (c *copying) checkUnchanged(ctx context.Context) error {
	now, err := postgres.OpenReader(ctx, c.spec.Source, c.moment.Name)
	if err != nil {
		return err
	}
	defer postgres.CloseConn(ctx, now)
	was, err := readFiles(ctx, c.moment.Tx.Conn())
	if err != nil {
		return err
	}
	is, err := readFiles(ctx, now)
	if err != nil {
		return err
	}
	for oid, file := range was {
		if is[oid] != file {
			return understudy.Errorf(understudy.KindConflict, "a table of the source was changed, emptied or written anew after the copy's moment, and before the copy could keep it from that").
				WithHint("a schema change is under way there; run the copy again when it is done")
		}
	}
	return nil
}

const filesQuery = `
	SELECT c.oid, concat_ws(' ', c.relfilenode, n.nspname, c.relname, (SELECT string_agg(concat_ws(' ', a.attname, a.atttypid, a.atttypmod, a.attisdropped), ', ' ORDER BY a.attnum)
		FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0))
	FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND ` + postgres.OfUser

// readFiles reads what changes with the file, the name or the form of a table's rows.
func readFiles(ctx context.Context, conn *pgx.Conn) (map[uint32]string, error) {
	const doing = "looking whether tables were changed"
	rows, err := conn.Query(ctx, filesQuery)
	if err != nil {
		return nil, postgres.ReadError(doing, err)
	}
	files := map[uint32]string{}
	var oid uint32
	var file string
	if _, err := pgx.ForEachRow(rows, []any{&oid, &file}, func() error {
		files[oid] = file
		return nil
	}); err != nil {
		return nil, postgres.ReadError(doing, err)
	}
	return files, nil
}
