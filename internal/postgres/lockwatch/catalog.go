package lockwatch

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"

	"understudy"
	"understudy/internal/postgres"

	"github.com/jackc/pgx/v5"
)

// firstUserOID is the first number that the server gives to what users make.
const firstUserOID = 16384

// catalog is what a database consists of at one moment, read from its catalogs alone: no
// table is opened, so no lock of a migration is waited for.
type catalog struct {
	relations map[uint32]relation
	columns   map[columnID]column
}

type relation struct {
	schema, name string
	kind         string // as in pg_class.relkind
	file         uint32
	rows         int64
	table        uint32 // that an index is on
	invalid      bool   // an index that is
}

type columnID struct {
	relation uint32
	number   int16
}

type column struct {
	name  string
	known bool // the planner has statistics
}

func (r relation) String() string { return postgres.TableName(r.schema, r.name) }

func (r relation) kindWord() string {
	words := map[string]string{"r": "table", "p": "partitioned table", "i": "index", "I": "partitioned index",
		"m": "materialized view", "S": "sequence", "v": "view", "f": "foreign table"}
	return cmp.Or(words[r.kind], r.kind)
}

const relationsQuery = `
SELECT c.oid, n.nspname, c.relname, c.relkind::text, c.relfilenode, greatest(c.reltuples, 0)::bigint,
       coalesce(i.indrelid, 0), c.relkind = 'i' AND NOT coalesce(i.indisvalid, true)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_index i ON i.indexrelid = c.oid
WHERE c.oid >= 16384 AND n.nspname !~ '^pg_(toast|temp)' AND c.relkind <> 'c'`

const columnsKnownQuery = `
SELECT a.attrelid, a.attnum, a.attname, s.starelid IS NOT NULL
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
LEFT JOIN pg_statistic s ON s.starelid = a.attrelid AND s.staattnum = a.attnum AND NOT s.stainherit
WHERE c.oid >= 16384 AND c.relkind IN ('r', 'm') AND a.attnum > 0 AND NOT a.attisdropped`

func (w *Watch) readCatalog(ctx context.Context) (catalog, error) {
	conn, err := dialWatch(ctx, w.spec.AdminURL, w.spec.Database)
	if err != nil {
		return catalog{}, err
	}
	read := catalog{relations: map[uint32]relation{}, columns: map[columnID]column{}}
	err = errors.Join(read.readRelations(ctx, conn), read.readColumns(ctx, conn), conn.Close(context.WithoutCancel(ctx)))
	return read, err
}

func (c catalog) readRelations(ctx context.Context, conn *pgx.Conn) error {
	rows, err := conn.Query(ctx, relationsQuery)
	if err != nil {
		return err
	}
	var oid uint32
	var r relation
	_, err = pgx.ForEachRow(rows, []any{&oid, &r.schema, &r.name, &r.kind, &r.file, &r.rows, &r.table, &r.invalid}, func() error {
		c.relations[oid] = r
		return nil
	})
	return err
}

func (c catalog) readColumns(ctx context.Context, conn *pgx.Conn) error {
	rows, err := conn.Query(ctx, columnsKnownQuery)
	if err != nil {
		return err
	}
	var id columnID
	var col column
	_, err = pgx.ForEachRow(rows, []any{&id.relation, &id.number, &col.name, &col.known}, func() error {
		c.columns[id] = col
		return nil
	})
	return err
}

// names finds what a number stood for: what it was called before counts, as that is the
// name people know.
type names struct{ before, after catalog }

func (n names) find(oid uint32) (r relation, existed, known bool) {
	if r, existed = n.before.relations[oid]; existed {
		return r, true, true
	}
	r, known = n.after.relations[oid]
	return r, false, known
}

// fileSize adds up the segments of a relation's file, looking at the files, since asking
// for the size of the relation would wait for its locks. Files in other tablespaces than
// the server's default are not found, and count as nothing.
func (w *Watch) fileSize(ctx context.Context, file uint32) (int64, error) {
	const query = `SELECT coalesce((pg_stat_file('base/' || $1::oid || '/' || $2::text, true)).size, 0)`
	var total int64
	for segment := 0; ; segment++ {
		name := strconv.FormatUint(uint64(file), 10)
		if segment > 0 {
			name += "." + strconv.Itoa(segment)
		}
		var size int64
		if err := w.conn.QueryRow(ctx, query, w.database, name).Scan(&size); err != nil {
			return 0, err
		}
		if size <= 0 {
			return total, nil
		}
		total += size
	}
}

func (w *Watch) changes(ctx context.Context, seen *understudy.Observation, of names) error {
	for _, oid := range slices.Sorted(maps.Keys(of.after.relations)) {
		was, existed := of.before.relations[oid]
		now := of.after.relations[oid]
		if now.invalid {
			seen.Indexes = append(seen.Indexes, understudy.IndexChange{Name: now.String(), Table: of.called(now.table), Invalid: true, WasInvalid: was.invalid, New: !existed})
		}
		if !slices.Contains([]string{"r", "m"}, now.kind) || !existed || was.file == now.file {
			continue
		}
		bytes, err := w.fileSize(ctx, now.file)
		if err != nil {
			return err
		}
		seen.Tables = append(seen.Tables, understudy.TableChange{Relation: was.String(), Kind: was.kindWord(), Rewritten: true, Bytes: bytes, Rows: cmp.Or(now.rows, was.rows)})
	}
	for id, was := range of.before.columns {
		if now, exists := of.after.columns[id]; exists && was.known && !now.known {
			seen.Tables = append(seen.Tables, understudy.TableChange{Relation: of.called(id.relation), Columns: []understudy.ColumnChange{{Name: now.name, LostStatistics: true}}})
		}
	}
	return nil
}
