package subsetting

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres"
	"understudy/internal/subset"
)

// relation is a table that holds rows itself.
type relation struct {
	oid     uint32
	name    string // schema.table
	quoted  string // as SQL writes it
	ruled   string // as rules name it: that of the table it is a partition of, topmost
	keyText string // SQL over the alias t: the row's key, or all of it, as one text
}

// link is a foreign key: how its ends are compared.
type link struct {
	name     string
	from, to end
	join     string // SQL over the aliases c (child) and p (parent)
	indexed  bool   // children are found without reading all of their table
}

// end is one side of a link, and the tables that hold its rows.
type end struct {
	ruled  string
	source string // as SQL writes it behind FROM
	parts  []string
}

// catalog is what the database has.
type catalog struct {
	byName map[string]*relation
	byOID  map[uint32]*relation
	parts  map[string][]string // by table as rules name it
	links  []link
}

const relationsQuery = `
SELECT c.oid, n.nspname, c.relname, rn.nspname, r.relname, coalesce((
    SELECT array_agg(a.attname ORDER BY k.nr) FROM pg_index i, unnest(i.indkey::int2[]) WITH ORDINALITY k (attnum, nr), pg_attribute a
    WHERE i.indrelid = c.oid AND i.indisprimary AND a.attrelid = c.oid AND a.attnum = k.attnum), '{}')::text[]
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     JOIN pg_class r ON r.oid = CASE WHEN c.relispartition THEN pg_partition_root(c.oid)::oid ELSE c.oid END
     JOIN pg_namespace rn ON rn.oid = r.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
ORDER BY 1`

const linksQuery = `
SELECT con.conname, con.conrelid, con.confrelid, cn.nspname, c.relname, c.relkind = 'p', pn.nspname, p.relname, p.relkind = 'p',
       (SELECT array_agg(a.attname ORDER BY k.nr) FROM unnest(con.conkey) WITH ORDINALITY k (attnum, nr) JOIN pg_attribute a ON a.attrelid = con.conrelid AND a.attnum = k.attnum)::text[],
       (SELECT array_agg(a.attname ORDER BY k.nr) FROM unnest(con.confkey) WITH ORDINALITY k (attnum, nr) JOIN pg_attribute a ON a.attrelid = con.confrelid AND a.attnum = k.attnum)::text[],
       (SELECT array_agg(format('OPERATOR(%I.%s)', opn.nspname, o.oprname) ORDER BY k.nr) FROM unnest(con.conpfeqop) WITH ORDINALITY k (oid, nr)
        JOIN pg_operator o ON o.oid = k.oid JOIN pg_namespace opn ON opn.oid = o.oprnamespace)::text[],
       EXISTS (SELECT FROM pg_index i WHERE i.indrelid = con.conrelid AND i.indisvalid AND i.indkey[0] = con.conkey[1] AND i.indpred IS NULL)
FROM pg_constraint con JOIN pg_class c ON c.oid = con.conrelid JOIN pg_namespace cn ON cn.oid = c.relnamespace
     JOIN pg_class p ON p.oid = con.confrelid JOIN pg_namespace pn ON pn.oid = p.relnamespace
WHERE con.contype = 'f' AND con.conparentid = 0 ORDER BY con.oid`

// partsQuery finds the tables below each partitioned one.
const partsQuery = `SELECT c.oid, array_agg(t.relid::oid) FROM pg_class c, LATERAL pg_partition_tree(c.oid) t WHERE c.relkind = 'p' AND t.isleaf GROUP BY 1`

func readCatalog(ctx context.Context, tx pgx.Tx, virtual []understudy.VirtualKey) (*catalog, error) {
	c := &catalog{byName: map[string]*relation{}, byOID: map[uint32]*relation{}, parts: map[string][]string{}}
	if err := c.readRelations(ctx, tx); err != nil {
		return nil, postgres.ReadError("reading the tables to choose from", err)
	}
	below, err := readParts(ctx, tx)
	if err != nil {
		return nil, postgres.ReadError("reading the partitions to choose from", err)
	}
	if err := c.readLinks(ctx, tx, below); err != nil {
		return nil, postgres.ReadError("reading the foreign keys to follow", err)
	}
	for _, key := range virtual {
		if err := c.declare(key); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (c *catalog) readRelations(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, relationsQuery)
	if err != nil {
		return err
	}
	var oid uint32
	var schema, table, ruledSchema, ruledTable string
	var key []string
	_, err = pgx.ForEachRow(rows, []any{&oid, &schema, &table, &ruledSchema, &ruledTable, &key}, func() error {
		r := &relation{oid: oid, name: postgres.TableName(schema, table), quoted: pgx.Identifier{schema, table}.Sanitize(),
			ruled: postgres.TableName(ruledSchema, ruledTable), keyText: "t::pg_catalog.text"}
		if len(key) > 0 {
			r.keyText = "ROW(" + columns("t", key) + ")::pg_catalog.text"
		}
		c.byName[r.name], c.byOID[oid] = r, r
		c.parts[r.ruled] = append(c.parts[r.ruled], r.name)
		return nil
	})
	return err
}

func columns(alias string, names []string) string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = alias + "." + pgx.Identifier{name}.Sanitize()
	}
	return strings.Join(out, ", ")
}

func readParts(ctx context.Context, tx pgx.Tx) (map[uint32][]uint32, error) {
	rows, err := tx.Query(ctx, partsQuery)
	if err != nil {
		return nil, err
	}
	below := map[uint32][]uint32{}
	var oid uint32
	var parts []uint32
	_, err = pgx.ForEachRow(rows, []any{&oid, &parts}, func() error {
		below[oid] = slices.Clone(parts)
		return nil
	})
	return below, err
}

func (c *catalog) readLinks(ctx context.Context, tx pgx.Tx, below map[uint32][]uint32) error {
	rows, err := tx.Query(ctx, linksQuery)
	if err != nil {
		return err
	}
	var name, childSchema, child, parentSchema, parent string
	var childOID, parentOID uint32
	var childParted, parentParted, indexed bool
	var from, to, operators []string
	_, err = pgx.ForEachRow(rows, []any{&name, &childOID, &parentOID, &childSchema, &child, &childParted, &parentSchema, &parent, &parentParted,
		&from, &to, &operators, &indexed}, func() error {
		l := link{name: name, indexed: indexed, join: equal(from, to, operators),
			from: c.end(childOID, childSchema, child, childParted, below), to: c.end(parentOID, parentSchema, parent, parentParted, below)}
		if len(l.from.parts) > 0 && len(l.to.parts) > 0 { // else one end holds no rows here
			c.links = append(c.links, l)
		}
		return nil
	})
	return err
}

// end is one side of a link; of an inherited table only its own rows count.
func (c *catalog) end(oid uint32, schema, table string, parted bool, below map[uint32][]uint32) end {
	e := end{source: "ONLY " + pgx.Identifier{schema, table}.Sanitize()}
	holders := []uint32{oid}
	if parted {
		e.source, holders = pgx.Identifier{schema, table}.Sanitize(), below[oid]
	}
	for _, holder := range holders {
		if r := c.byOID[holder]; r != nil {
			e.parts, e.ruled = append(e.parts, r.name), r.ruled
		}
	}
	return e
}

func equal(from, to, operators []string) string {
	parts := make([]string, len(from))
	for i := range from {
		parts[i] = "p." + pgx.Identifier{to[i]}.Sanitize() + " " + operators[i] + " c." + pgx.Identifier{from[i]}.Sanitize()
	}
	return strings.Join(parts, " AND ")
}

// declare adds a foreign key that the database does not know of.
func (c *catalog) declare(key understudy.VirtualKey) error {
	for _, table := range []string{key.Table, key.References} {
		if len(c.parts[table]) == 0 {
			return understudy.Errorf(understudy.KindInvalid, "following the declared key %s: there is no table %s", key, table)
		}
	}
	if len(key.Columns) == 0 || len(key.Columns) != len(key.To) {
		return understudy.Errorf(understudy.KindInvalid, "following the declared key %s: expected as many columns on both sides, and at least one", key)
	}
	c.links = append(c.links, link{name: key.String(), indexed: true, from: c.declaredEnd(key.Table), to: c.declaredEnd(key.References),
		join: equal(key.Columns, key.To, slices.Repeat([]string{"="}, len(key.To)))})
	return nil
}

func (c *catalog) declaredEnd(table string) end {
	e := end{ruled: table, parts: c.parts[table], source: "ONLY " + table}
	if len(e.parts) > 1 || c.byName[table] == nil {
		e.source = table // partitioned
	}
	return e
}

// catalog is the same for who decides.
func (c *catalog) catalog() subset.Catalog {
	out := subset.Catalog{Of: map[string]string{}}
	for _, name := range sorted(c.byName) {
		out.Tables = append(out.Tables, name)
		if ruled := c.byName[name].ruled; ruled != name {
			out.Of[name] = ruled
		}
	}
	for _, l := range c.links {
		out.Links = append(out.Links, subset.Link{Table: l.from.ruled, From: l.from.parts, To: l.to.parts})
	}
	return out
}

// lock keeps everybody from rewriting the tables while the moment lasts.
func (c *catalog) lock(ctx context.Context, tx pgx.Tx) error {
	var names []string
	for _, name := range sorted(c.byName) {
		names = append(names, c.byName[name].quoted)
	}
	for some := range slices.Chunk(names, 500) {
		if _, err := tx.Exec(ctx, "LOCK TABLE ONLY "+strings.Join(some, ", ONLY ")+" IN ACCESS SHARE MODE"); err != nil {
			return postgres.ReadError("keeping tables as they are while rows of them are chosen", err)
		}
	}
	return nil
}
