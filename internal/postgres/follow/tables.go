package follow

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres"
)

// table is one table that rows of the stream go to.
type table struct {
	name        string // as messages write it
	quoted      string
	partitioned bool
	rules       string   // the table whose masks hold here: itself, or what it is a partition of
	foreign     bool     // an extension's own, whose rows are as the extension makes them
	columns     []column // without generated ones, in their order
	key         []string // columns that tell its rows apart, if any do
	masks       map[string]understudy.MaskFunc
}

// column is one column that the stream has values for.
type column struct {
	name     string
	kind     string // as the server writes the type
	oid      uint32
	modifier int32
	// baseSchema and baseName are of the type itself, or of what a domain is over.
	baseSchema, baseName string
	always               bool // an identity that only the server gives
}

func (t *table) column(name string) *column {
	for i := range t.columns {
		if t.columns[i].name == name {
			return &t.columns[i]
		}
	}
	return nil
}

// from is the table as UPDATE and DELETE name it: without those that inherit from it.
func (t *table) from() string {
	if t.partitioned {
		return t.quoted
	}
	return "ONLY " + t.quoted
}

const tablesQuery = `
	SELECT n.nspname, c.relname, c.relkind = 'p', rn.nspname, rc.relname,
		EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e'),
		COALESCE((SELECT ARRAY(SELECT k.attname::text FROM pg_attribute k WHERE k.attrelid = c.oid AND k.attnum = ANY (i.indkey) ORDER BY k.attnum)
			FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
			AND NOT EXISTS (SELECT FROM pg_attribute k WHERE k.attrelid = c.oid AND k.attnum = ANY (i.indkey) AND NOT k.attnotnull)
			AND i.indnatts = i.indnkeyatts
			ORDER BY i.indisprimary DESC, i.indnkeyatts, i.indexrelid LIMIT 1), '{}'),
		COALESCE(a.attname, ''), COALESCE(format_type(a.atttypid, a.atttypmod), ''), COALESCE(a.atttypid, 0), COALESCE(a.atttypmod, 0),
		COALESCE(tn.nspname, ''), COALESCE(t.typname, ''), COALESCE(a.attidentity = 'a', false)
	FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	JOIN pg_class rc ON rc.oid = CASE WHEN c.relispartition THEN pg_partition_root(c.oid) ELSE c.oid END
	JOIN pg_namespace rn ON rn.oid = rc.relnamespace
	LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
	LEFT JOIN LATERAL (WITH RECURSIVE base(oid) AS (SELECT a.atttypid UNION ALL
		SELECT d.typbasetype FROM base JOIN pg_type d ON d.oid = base.oid WHERE d.typtype = 'd')
		SELECT base.oid FROM base JOIN pg_type b ON b.oid = base.oid WHERE b.typtype <> 'd') base ON true
	LEFT JOIN pg_type t ON t.oid = base.oid LEFT JOIN pg_namespace tn ON tn.oid = t.typnamespace
	WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND `

// readTables reads the tables of a database by their quoted names, each with its masks. An
// error of KindRefused names every column that has no rule, or one that cannot be followed.
func readTables(ctx context.Context, conn *pgx.Conn, spec Spec) (map[string]*table, error) {
	const doing = "reading the tables that are followed"
	var all map[string]*table
	err := pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SET LOCAL search_path = ''`); err != nil { // types are written with their schema
			return err
		}
		rows, err := tx.Query(ctx, tablesQuery+postgres.OfUser+` ORDER BY n.nspname, c.relname, a.attnum`)
		if err != nil {
			return err
		}
		if all, err = collectTables(rows); err != nil {
			return err
		}
		described, err := postgres.DescribeTables(ctx, tx)
		if err != nil {
			return err
		}
		return decideMasks(all, described, spec.Masks)
	})
	if err != nil {
		return nil, postgres.ReadError(doing, err)
	}
	return all, nil
}

func collectTables(rows pgx.Rows) (map[string]*table, error) {
	all := map[string]*table{}
	var schema, name, rootSchema, root string
	var t table
	var c column
	_, err := pgx.ForEachRow(rows, []any{&schema, &name, &t.partitioned, &rootSchema, &root, &t.foreign, &t.key,
		&c.name, &c.kind, &c.oid, &c.modifier, &c.baseSchema, &c.baseName, &c.always}, func() error {
		quoted := pgx.Identifier{schema, name}.Sanitize()
		known, found := all[quoted]
		if !found {
			known = &table{
				name: postgres.TableName(schema, name), quoted: quoted, partitioned: t.partitioned,
				rules: postgres.TableName(rootSchema, root), foreign: t.foreign, key: append([]string(nil), t.key...),
			}
			all[quoted] = known
		}
		if c.name != "" {
			known.columns = append(known.columns, c)
		}
		return nil
	})
	return all, err
}

// decideMasks gives every table its masks.
func decideMasks(all map[string]*table, described []*postgres.DescribedTable, masks understudy.Masks) error {
	decided, err := decideAll(described, masks)
	if err != nil {
		return err
	}
	for _, t := range all {
		if t.foreign {
			continue
		}
		of, known := decided[t.rules]
		if !known {
			return understudy.Errorf(understudy.KindConflict, "nothing is known of how table %s is masked", t.name)
		}
		t.masks = map[string]understudy.MaskFunc{}
		for name, mask := range of.Columns {
			t.masks[name] = mask.Apply
		}
	}
	return nil
}

// decideAll asks for every table's masks, so that one error can name all that is undecided.
func decideAll(described []*postgres.DescribedTable, masks understudy.Masks) (map[string]understudy.TableMasks, error) {
	all := map[string]understudy.TableMasks{}
	var refusals []error
	for _, d := range described {
		decided, err := masks(d.Name(), d.Columns)
		if err == nil {
			err = refuseBatches(d.Name(), decided)
		}
		if err != nil {
			if understudy.KindOf(err) != understudy.KindRefused {
				return nil, err
			}
			refusals = append(refusals, err)
		}
		all[d.Name()] = decided
	}
	if len(refusals) > 0 {
		return nil, refusedFollowing(refusals)
	}
	return all, nil
}

// refuseBatches refuses what takes many rows at once: the stream has one row at a time, and
// rows that changed places in the copy cannot be found again.
func refuseBatches(table string, decided understudy.TableMasks) error {
	for _, batch := range decided.Batches {
		return understudy.Errorf(understudy.KindRefused, "%s of %s is masked by %s, which takes many rows at once: such columns cannot be followed row by row",
			strings.Join(batch.Columns, ", "), table, batch.Name).WithHint("give these columns a mask of one value, or copy afresh in place of following")
	}
	return nil
}

func refusedFollowing(refusals []error) error {
	reasons := make([]string, len(refusals))
	var hints []string
	for i, r := range refusals {
		reasons[i] = r.Error()
		if hint := understudy.HintOf(r); hint != "" && !slices.Contains(hints, hint) {
			hints = append(hints, hint)
		}
	}
	return &understudy.Error{
		Kind:    understudy.KindRefused,
		Message: "production cannot be followed: " + strings.Join(reasons, "; "),
		Hint:    strings.Join(hints, "; "),
		Err:     errors.Join(refusals...),
	}
}
