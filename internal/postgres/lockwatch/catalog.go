package lockwatch

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"understudy/internal/postgres"

	"github.com/jackc/pgx/v5"
)

// firstUserOID is the first number that the server gives to what users make.
const firstUserOID = 16384

// catalog is what a database consists of at one moment, read from its catalogs alone: no
// table is opened, so no lock of a migration is waited for.
type catalog struct {
	relations   map[uint32]relation
	columns     map[columnID]column
	constraints map[uint32]constraint
	triggers    map[uint32]trigger
	objects     map[objectID]object
}

type relation struct {
	schema, name string
	kind         string // as in pg_class.relkind
	file         uint32
	path         string // of its file, below the data directory
	rows, pages  int64
	persistence  string
	identity     string
	security     bool
	published    bool
	parent       uint32 // the partitioned table that it is a partition of
	read         int64  // rows read from its beginning on, since the counters began
	updates, hot int64  // rows updated, and of these without touching an index, since the counters began
	index        index  // of an index
}

type index struct {
	table                            uint32
	invalid, unique, partial, stated bool // stated: the planner knows the distribution of its expressions
	keys                             []int16
	scans                            int64
}

type columnID struct {
	relation uint32
	number   int16
}

type column struct {
	name, kind      string // kind is its type
	notNull, filled bool   // filled: it has a default
	known           bool   // the planner has statistics
	withoutValue    float32
	sequence        uint32 // that it owns
	sequenceEnd     int64
	descends        bool
}

type constraint struct {
	name, kind     string
	relation       uint32
	domain         string
	valid          bool
	references     uint32
	keys, theirKey []int16
}

type trigger struct {
	relation uint32
	name     string
	kind     int16
	fires    bool
}

type objectID struct {
	kind string
	oid  uint32
}

type object struct {
	name     string
	relation uint32
}

func (r relation) String() string { return postgres.TableName(r.schema, r.name) }

func (r relation) kindWord() string {
	words := map[string]string{"r": "table", "p": "partitioned table", "i": "index", "I": "partitioned index",
		"m": "materialized view", "S": "sequence", "v": "view", "f": "foreign table"}
	return cmp.Or(words[r.kind], r.kind)
}

func (r relation) isTable() bool { return slices.Contains([]string{"r", "p", "m", "f"}, r.kind) }
func (r relation) isIndex() bool { return r.kind == "i" || r.kind == "I" }

const relationsQuery = `
SELECT c.oid, n.nspname, c.relname, c.relkind::text, c.relfilenode, coalesce(pg_relation_filepath(c.oid), ''), greatest(c.reltuples, 0)::bigint, c.relpages::bigint,
       c.relpersistence::text, c.relreplident::text, c.relrowsecurity OR c.relforcerowsecurity,
       c.relkind IN ('r', 'p') AND (EXISTS (SELECT FROM pg_publication WHERE puballtables) OR EXISTS (SELECT FROM pg_publication_rel WHERE prrelid = c.oid)),
       coalesce((SELECT inhparent FROM pg_inherits WHERE c.relispartition AND c.relkind IN ('r', 'p') AND inhrelid = c.oid), 0), coalesce(pg_stat_get_tuples_returned(c.oid), 0),
       coalesce(pg_stat_get_tuples_updated(c.oid), 0), coalesce(pg_stat_get_tuples_hot_updated(c.oid), 0),
       coalesce(i.indrelid, 0), c.relkind = 'i' AND NOT coalesce(i.indisvalid, true), coalesce(i.indisunique, false), i.indpred IS NOT NULL,
       EXISTS (SELECT FROM pg_statistic WHERE starelid = c.oid), coalesce((i.indkey::int2[])[0:i.indnkeyatts - 1], '{}'), coalesce(pg_stat_get_numscans(c.oid), 0)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_index i ON i.indexrelid = c.oid
WHERE c.oid >= 16384 AND n.nspname !~ '^pg_(toast|temp)' AND c.relkind <> 'c'`

const columnsQuery = `
SELECT a.attrelid, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.atthasdef OR a.attidentity <> '',
       s.stanullfrac IS NOT NULL, coalesce(s.stanullfrac, 0), coalesce(q.seqrelid, 0), coalesce(q.seqmax, 0), coalesce(q.seqincrement < 0, false)
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
LEFT JOIN LATERAL (SELECT stanullfrac FROM pg_statistic WHERE starelid = a.attrelid AND staattnum = a.attnum ORDER BY stainherit LIMIT 1) s ON true
LEFT JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum
     AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') AND d.objid IN (SELECT seqrelid FROM pg_sequence)
LEFT JOIN pg_sequence q ON q.seqrelid = d.objid
WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'm', 'f') AND a.attnum > 0 AND NOT a.attisdropped`

const constraintsQuery = `
SELECT o.oid, o.conname, o.contype::text, o.conrelid, coalesce(n.nspname || '.' || t.typname, ''), o.convalidated, o.confrelid, coalesce(o.conkey, '{}'), coalesce(o.confkey, '{}')
FROM pg_constraint o LEFT JOIN pg_type t ON t.oid = o.contypid LEFT JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE o.oid >= 16384 AND o.contype IN ('p', 'u', 'f', 'c', 'x') AND o.conparentid = 0`

const triggersQuery = `SELECT oid, tgrelid, tgname, tgtype, tgenabled IN ('O', 'A') FROM pg_trigger WHERE NOT tgisinternal AND oid >= 16384`

// objectsQuery lists what is neither a relation nor part of one that is told of otherwise.
const objectsQuery = `
SELECT kind, oid, name, relation FROM (
	SELECT 'function' AS kind, 'pg_proc'::regclass AS class, p.oid, quote_ident(n.nspname) || '.' || quote_ident(p.proname) || '(' || pg_get_function_identity_arguments(p.oid) || ')' AS name, 0::oid AS relation
	FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
	UNION ALL SELECT CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' ELSE 'type' END, 'pg_type'::regclass, t.oid, quote_ident(n.nspname) || '.' || quote_ident(t.typname), 0
	FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_class c ON c.oid = t.typrelid
	WHERE t.typtype IN ('e', 'd', 'r') OR t.typtype = 'c' AND c.relkind = 'c'
	UNION ALL SELECT 'enum value', 'pg_enum'::regclass, v.oid, quote_ident(n.nspname) || '.' || quote_ident(t.typname) || ': ' || v.enumlabel, 0
	FROM pg_enum v JOIN pg_type t ON t.oid = v.enumtypid JOIN pg_namespace n ON n.oid = t.typnamespace
	UNION ALL SELECT 'policy', 'pg_policy'::regclass, oid, quote_ident(polname), polrelid FROM pg_policy
	UNION ALL SELECT 'trigger', 'pg_trigger'::regclass, oid, quote_ident(tgname), tgrelid FROM pg_trigger WHERE NOT tgisinternal
	UNION ALL SELECT 'schema', 'pg_namespace'::regclass, oid, quote_ident(nspname), 0 FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp'
	UNION ALL SELECT 'extension', 'pg_extension'::regclass, oid, quote_ident(extname), 0 FROM pg_extension
	UNION ALL SELECT CASE relkind WHEN 'v' THEN 'view' ELSE 'sequence' END, 'pg_class'::regclass, c.oid, quote_ident(n.nspname) || '.' || quote_ident(c.relname), 0
	FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE relkind IN ('v', 'S') AND n.nspname !~ '^pg_temp'
) o
WHERE oid >= 16384 AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = o.class AND e.objid = o.oid AND e.deptype = 'e')`

func (v *view) readCatalog(ctx context.Context) (catalog, error) {
	conn, err := dialWatch(ctx, v.spec.AdminURL, v.name)
	if err != nil {
		return catalog{}, err
	}
	read := catalog{relations: map[uint32]relation{}, columns: map[columnID]column{}, constraints: map[uint32]constraint{},
		triggers: map[uint32]trigger{}, objects: map[objectID]object{}}
	err = errors.Join(read.readRelations(ctx, conn), read.readColumns(ctx, conn), read.readRest(ctx, conn), conn.Close(context.WithoutCancel(ctx)))
	return read, err
}

// each runs a query and scans its rows one after another.
func each(ctx context.Context, conn *pgx.Conn, query string, into []any, row func() error) error {
	rows, err := conn.Query(ctx, query)
	if err != nil {
		return err
	}
	_, err = pgx.ForEachRow(rows, into, row)
	return err
}

func (c catalog) readRelations(ctx context.Context, conn *pgx.Conn) error {
	var oid uint32
	var r relation
	i := &r.index
	return each(ctx, conn, relationsQuery, []any{&oid, &r.schema, &r.name, &r.kind, &r.file, &r.path, &r.rows, &r.pages, &r.persistence, &r.identity, &r.security,
		&r.published, &r.parent, &r.read, &r.updates, &r.hot, &i.table, &i.invalid, &i.unique, &i.partial, &i.stated, &i.keys, &i.scans}, func() error {
		c.relations[oid] = r
		i.keys = nil
		return nil
	})
}

func (c catalog) readColumns(ctx context.Context, conn *pgx.Conn) error {
	var id columnID
	var col column
	return each(ctx, conn, columnsQuery, []any{&id.relation, &id.number, &col.name, &col.kind, &col.notNull, &col.filled, &col.known, &col.withoutValue,
		&col.sequence, &col.sequenceEnd, &col.descends}, func() error {
		c.columns[id] = col
		return nil
	})
}

func (c catalog) readRest(ctx context.Context, conn *pgx.Conn) error {
	var oid uint32
	var k constraint
	err := each(ctx, conn, constraintsQuery, []any{&oid, &k.name, &k.kind, &k.relation, &k.domain, &k.valid, &k.references, &k.keys, &k.theirKey}, func() error {
		c.constraints[oid] = k
		k.keys, k.theirKey = nil, nil
		return nil
	})
	if err != nil {
		return err
	}
	var t trigger
	err = each(ctx, conn, triggersQuery, []any{&oid, &t.relation, &t.name, &t.kind, &t.fires}, func() error {
		c.triggers[oid] = t
		return nil
	})
	if err != nil {
		return err
	}
	var id objectID
	var o object
	return each(ctx, conn, objectsQuery, []any{&id.kind, &id.oid, &o.name, &o.relation}, func() error {
		c.objects[id] = o
		return nil
	})
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
