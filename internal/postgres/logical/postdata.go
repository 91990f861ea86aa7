package logical

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"understudy"
	"understudy/internal/postgres"
)

// postData is what comes after the rows, in the words of pg_dump: indexes, keys, foreign
// keys, and the rest, such as triggers and policies.
type postData struct {
	indexes []job  // and the constraints that are indexes; any two may be built at once but for their locks
	attach  []item // of partitions' indexes to those of their table, in order
	foreign []job  // foreign keys, added without a look at the rows
	whole   []job  // foreign keys that cannot be added without a look at the rows
	check   []job  // the look at the rows of the others
	rest    []item // in order
	last    []item // what would see, or fire at, the others being made
}

// job is something that takes long, and may go on beside others.
type job struct {
	name, sql string
	size      int64  // of what is built or read, on production's disk
	table     string // that it locks
	alone     bool   // no other job on the table at the same time: the locks do not bear each other
}

// dumpPostData takes the dump at the start, when the source has just been read: a later
// moment could find a table changed.
func (c *copying) dumpPostData(ctx context.Context) error {
	var out bytes.Buffer
	if err := c.dump("post-data").Run(ctx, nil, &out); err != nil {
		return err
	}
	facts, err := c.readIndexFacts(ctx)
	if err != nil {
		return err
	}
	c.post = sortItems(splitItems(out.Bytes()), facts)
	return nil
}

// sortItems says when each item's turn is.
func sortItems(items []item, facts map[string]indexFact) postData {
	var p postData
	for _, i := range items {
		fact, known := facts[i.schema+" "+i.name]
		switch {
		case i.sql == "":
		case i.kind == "INDEX" && known:
			p.indexes = append(p.indexes, job{name: i.name, sql: i.sql, size: fact.size, table: fact.table})
		case i.kind == "CONSTRAINT" && known:
			p.indexes = append(p.indexes, job{name: i.name, sql: i.sql, size: fact.size, table: fact.table, alone: true})
		case i.kind == "INDEX ATTACH":
			p.attach = append(p.attach, i)
		case i.kind == "FK CONSTRAINT" && known && fact.canWait && strings.HasSuffix(i.sql, ");"):
			p.foreign = append(p.foreign, job{name: i.name, sql: strings.TrimSuffix(i.sql, ";") + " NOT VALID;"})
			p.check = append(p.check, job{name: i.name, size: fact.size, table: fact.table, alone: true,
				sql: "ALTER TABLE " + fact.table + " VALIDATE CONSTRAINT " + pgx.Identifier{fact.name}.Sanitize()})
		case i.kind == "FK CONSTRAINT":
			p.whole = append(p.whole, job{name: i.name, sql: i.sql, size: fact.size, alone: true}) // one such at a time: each locks two tables
		case i.kind == "EVENT TRIGGER" || i.kind == "MATERIALIZED VIEW DATA" || strings.HasPrefix(i.name, "EVENT TRIGGER "):
			p.last = append(p.last, i)
		default:
			p.rest = append(p.rest, i)
		}
	}
	slices.SortStableFunc(p.last, func(a, b item) int { return cmp.Compare(turn(a), turn(b)) })
	return p
}

// turn puts event triggers behind what would fire them.
func turn(i item) int {
	if i.kind == "MATERIALIZED VIEW DATA" {
		return 0
	}
	return 1
}

// indexFact is what a schedule has to know of an index or a foreign key.
type indexFact struct {
	name, table string // table: as copiedTable quotes it
	size        int64
	canWait     bool // a foreign key that may be checked after it was added
}

// readIndexFacts reads the sizes of indexes and of the tables with foreign keys, by the
// names that pg_dump gives their items.
func (c *copying) readIndexFacts(ctx context.Context) (map[string]indexFact, error) {
	rows, err := c.moment.Tx.Query(ctx, `
		SELECT n.nspname || ' ' || COALESCE(t.relname || ' ' || k.conname, x.relname), x.relname::text, n.nspname, t.relname,
			COALESCE(pg_relation_size(x.oid), 0) + COALESCE(pg_relation_size(t.oid), 0), false
		FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace
		LEFT JOIN pg_constraint k ON k.conindid = x.oid AND k.contype IN ('p', 'u', 'x')
		WHERE t.relkind IN ('r', 'p') AND `+postgres.OfUser+`
		UNION ALL
		SELECT n.nspname || ' ' || t.relname || ' ' || k.conname, k.conname::text, n.nspname, t.relname,
			COALESCE(pg_relation_size(t.oid), 0), t.relkind = 'r' AND r.relkind = 'r' AND k.convalidated AND k.conparentid = 0
		FROM pg_constraint k JOIN pg_class t ON t.oid = k.conrelid JOIN pg_class r ON r.oid = k.confrelid JOIN pg_namespace n ON n.oid = t.relnamespace
		WHERE k.contype = 'f' AND `+postgres.OfUser)
	if err != nil {
		return nil, postgres.ReadError("reading the sizes of the indexes", err)
	}
	facts := map[string]indexFact{}
	var key, schema, table string
	var fact indexFact
	if _, err := pgx.ForEachRow(rows, []any{&key, &fact.name, &schema, &table, &fact.size, &fact.canWait}, func() error {
		fact.table = pgx.Identifier{schema, table}.Sanitize()
		facts[key] = fact
		return nil
	}); err != nil {
		return nil, postgres.ReadError("reading the sizes of the indexes", err)
	}
	return facts, nil
}

func total(jobs []job) (size int64) {
	for _, j := range jobs {
		size += j.size
	}
	return size
}

// runJob runs the statements of one job. What the server says of the rows stays out of
// the error.
func runJob(ctx context.Context, target *pgx.Conn, j job) error {
	_, err := target.Exec(ctx, j.sql, pgx.QueryExecModeSimpleProtocol)
	answer := new(pgconn.PgError)
	doing := "making " + j.name + " in the target"
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &answer):
		return postgres.ReadError(doing, err)
	case answer.Code == "23503":
		return understudy.Errorf(understudy.KindInvalid, "%s: %s", doing, postgres.SafeMessage(answer)).
			WithHint("a column and the one it refers to have to be masked by the same rule, and chosen rows need the rows they refer to")
	case answer.Code == "23505":
		return understudy.Errorf(understudy.KindInvalid, "%s: %s", doing, postgres.SafeMessage(answer)).
			WithHint("a column whose values are unique needs a mask that keeps them so")
	case strings.HasPrefix(answer.Code, "23"), strings.HasPrefix(answer.Code, "22"):
		return understudy.Errorf(understudy.KindInvalid, "%s: a masked row does not fit it: %s", doing, postgres.SafeMessage(answer)).
			WithHint("choose masks that keep the form of the columns it is made of")
	}
	return postgres.ServerError(doing, answer)
}
