package follow

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres"
)

// relation is one table of production that holds rows, and what its rows in a copy rest on.
type relation struct {
	oid           uint32
	schema, table string
	rules         string // the table whose masks hold here
	followed      bool   // its rows are in the stream
	bytes         int64
	// shape changes whenever what the stream does not tell could have changed the rows: the
	// file was written anew, a column came, went or took another's place, a type is another.
	shape  string
	enums  []string // that its columns are of, by quoted name
	ruling understudy.Digest
}

func (r relation) name() string { return postgres.TableName(r.schema, r.table) }

func (r relation) quoted() string { return quotedName(r.schema, r.table) }

// print is the same as long as the stream alone keeps a copy of the table right.
func (r relation) print() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d\x00%s\x00%s\x00%s\x00%s", r.oid, r.quoted(), r.rules, r.shape, r.ruling))
	return base64.RawURLEncoding.EncodeToString(sum[:printBytes])
}

// printBytes is so much that of ten thousand tables two have the same print in one of a
// million databases.
const printBytes = 6

const relationsQuery = `
	WITH RECURSIVE told AS (
		SELECT c.oid, n.nspname, c.relname, rn.nspname AS rules_schema, rc.relname AS rules, c.relpersistence = 'p' AS followed, c.relfilenode
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		JOIN pg_class rc ON rc.oid = CASE WHEN c.relispartition THEN pg_partition_root(c.oid) ELSE c.oid END
		JOIN pg_namespace rn ON rn.oid = rc.relnamespace
		WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND `

// relationsRest finds the types that a table's columns are made of: of arrays the element, of
// domains what they are over, of composites the attributes.
const relationsRest = `),
	uses(rel, typ) AS (
		SELECT a.attrelid, a.atttypid FROM told JOIN pg_attribute a ON a.attrelid = told.oid WHERE a.attnum > 0 AND NOT a.attisdropped
		UNION SELECT u.rel, p.typ FROM uses u JOIN pg_type t ON t.oid = u.typ, LATERAL (
			SELECT t.typelem AS typ WHERE t.typelem <> 0 UNION ALL SELECT t.typbasetype WHERE t.typbasetype <> 0
			UNION ALL SELECT a.atttypid FROM pg_attribute a WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped) p)
	SELECT told.oid, nspname, relname, rules_schema, rules, followed, COALESCE(pg_table_size(told.oid), 0), concat_ws(' ', relfilenode,
			(SELECT string_agg(concat_ws(' ', a.attnum, quote_ident(a.attname), format_type(a.atttypid, a.atttypmod), a.attgenerated), ', ' ORDER BY a.attnum)
				FROM pg_attribute a WHERE a.attrelid = told.oid AND a.attnum > 0 AND NOT a.attisdropped),
			(SELECT string_agg(concat_ws(' ', u.typ, t.typbasetype, t.typtypmod, (SELECT string_agg(concat_ws(' ', x.attnum, quote_ident(x.attname), x.atttypid, x.atttypmod), ', ' ORDER BY x.attnum)
					FROM pg_attribute x WHERE x.attrelid = t.typrelid AND x.attnum > 0 AND NOT x.attisdropped)), '; ' ORDER BY u.typ)
				FROM uses u JOIN pg_type t ON t.oid = u.typ WHERE u.rel = told.oid AND t.oid >= 16384)),
		ARRAY(SELECT format('%I.%I', tn.nspname, t.typname) FROM uses u JOIN pg_type t ON t.oid = u.typ JOIN pg_namespace tn ON tn.oid = t.typnamespace
			WHERE u.rel = told.oid AND t.typtype = 'e' ORDER BY 1)
	FROM told ORDER BY nspname, relname`

// census is what production is made of at a moment.
type census struct {
	relations []relation
	enums     map[string][]string // labels by quoted name
}

// readCensus reads it. An error of KindRefused names every column that has no rule.
func readCensus(ctx context.Context, m *postgres.Moment, masks understudy.Masks) (c census, err error) {
	if c.relations, err = readRelations(ctx, m, masks); err == nil {
		c.enums, err = readEnums(ctx, m.Tx)
	}
	return c, err
}

func readRelations(ctx context.Context, m *postgres.Moment, masks understudy.Masks) ([]relation, error) {
	const doing = "reading which tables there are"
	described, err := postgres.DescribeTables(ctx, m.Tx)
	if err != nil {
		return nil, err
	}
	rulings, err := decideAll(described, masks)
	if err != nil {
		return nil, err
	}
	rows, err := m.Tx.Query(ctx, relationsQuery+postgres.OfUser+` AND `+postgres.NotOfExtension("pg_class", "c.oid")+relationsRest)
	if err != nil {
		return nil, postgres.ReadError(doing, err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (r relation, err error) {
		var rulesSchema, rules string
		err = row.Scan(&r.oid, &r.schema, &r.table, &rulesSchema, &rules, &r.followed, &r.bytes, &r.shape, &r.enums)
		r.rules = postgres.TableName(rulesSchema, rules)
		r.ruling = rulings[r.rules].Digest
		return r, err
	})
	if err != nil {
		return nil, postgres.ReadError(doing, err)
	}
	return all, nil
}

const enumsQuery = `
	SELECT format('%I.%I', n.nspname, t.typname), array_agg(l.enumlabel::text ORDER BY l.enumsortorder)
	FROM pg_enum l JOIN pg_type t ON t.oid = l.enumtypid JOIN pg_namespace n ON n.oid = t.typnamespace GROUP BY 1`

// asked answers queries: a session, or a transaction in one.
type asked interface {
	Query(ctx context.Context, query string, args ...any) (pgx.Rows, error)
}

// readEnums reads the labels of all enumerations, by quoted name.
func readEnums(ctx context.Context, from asked) (map[string][]string, error) {
	const doing = "reading the enumerations"
	rows, err := from.Query(ctx, enumsQuery)
	if err != nil {
		return nil, postgres.ReadError(doing, err)
	}
	all := map[string][]string{}
	var name string
	var labels []string
	if _, err := pgx.ForEachRow(rows, []any{&name, &labels}, func() error {
		all[name] = slices.Clone(labels)
		return nil
	}); err != nil {
		return nil, postgres.ReadError(doing, err)
	}
	return all, nil
}

// notePrefix begins the comment of a followed copy's database. It is in the server's own
// catalog: the database holds no object of ours, and its clones do not have it.
const notePrefix = "understudy follows: "

// noteRelations notes at the copy what its rows rest on.
func noteRelations(ctx context.Context, target *pgx.Conn, relations []relation) error {
	var text strings.Builder
	text.WriteString(notePrefix)
	for _, r := range relations {
		text.WriteString(r.print())
	}
	_, err := target.Exec(ctx, fmt.Sprintf("COMMENT ON DATABASE %s IS %s", quoted(target.Config().Database), postgres.QuoteText(text.String())))
	if err != nil {
		return targetError("noting at the twin what its rows rest on", err)
	}
	return nil
}

// readNote reads what noteRelations noted; false: nothing was.
func readNote(ctx context.Context, target *pgx.Conn) (prints map[string]bool, found bool, err error) {
	var text string
	err = target.QueryRow(ctx, `SELECT COALESCE(shobj_description(oid, 'pg_database'), '') FROM pg_database WHERE datname = current_database()`).Scan(&text)
	if err != nil {
		return nil, false, targetError("reading what the twin's rows rest on", err)
	}
	text, found = strings.CutPrefix(text, notePrefix)
	prints = map[string]bool{}
	for print := range slices.Chunk([]byte(text), base64.RawURLEncoding.EncodedLen(printBytes)) {
		prints[string(print)] = true
	}
	return prints, found, nil
}
