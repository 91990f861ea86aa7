package lockwatch

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres"
)

// changes tells what became of the catalogue. What needs a look at the relations
// themselves gives up at once where it would wait for a lock, and is a note.
func (v *view) changes(ctx context.Context, seen *understudy.Observation, of names) error {
	d := newDifference(of, v.ledger, v.tally, v.spec.Gate && seen.Exact.Exclusive, seen)
	for oid, now := range of.after.relations {
		if was := of.before.relations[oid]; now.file != 0 && (was.file != now.file || now.index.invalid) {
			size, err := v.fileSize(ctx, now.path)
			if err != nil {
				return err
			}
			d.size[oid] = size
		} else if now.isTable() {
			d.size[oid] = now.pages * pageSize
		}
	}
	conn, err := dialWatch(ctx, v.spec.AdminURL, v.name)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing hangs on it any more
	if _, err := conn.Exec(ctx, "SET lock_timeout = '200ms'; SET statement_timeout = '5s'"); err != nil {
		return err
	}
	d.readExpressions(ctx, conn)
	d.readKeys(ctx, conn)
	d.tables()
	d.indexes()
	d.constraints()
	d.objects()
	if v.spec.Gate {
		seen.OwnLogBytes += d.loose()
		d.unlogged()
	}
	return nil
}

// loose is the log of the migration that belongs to no transaction: the filling of new
// indexes and tables that are there now.
func (d *difference) loose() (bytes int64) {
	owners := d.files()
	for file, n := range d.ledger.loose {
		if _, known := owners[file.Number]; known {
			bytes += n
		}
	}
	return bytes
}

// unlogged takes the claim back that all writes are known, where some went to tables that
// are not logged.
func (d *difference) unlogged() {
	bare := map[string]bool{}
	for _, r := range d.before.relations {
		if r.persistence == "u" && r.isTable() {
			bare[r.String()] = true
		}
	}
	for _, l := range d.seen.Locks {
		if l.Mode == "RowExclusiveLock" && bare[l.Relation] {
			d.seen.Exact.Writes = false
			d.seen.Notes = append(d.seen.Notes, "rows written to "+l.Relation+" were not counted: it is not logged")
		}
	}
}

// fileSize adds up the segments of a relation's file, looking at the files, since asking
// for the size of the relation would wait for its locks.
func (v *view) fileSize(ctx context.Context, path string) (int64, error) {
	const query = `SELECT coalesce((pg_stat_file($1, true)).size, 0)`
	var total int64
	for segment := 0; ; segment++ {
		name := path
		if segment > 0 {
			name = fmt.Sprintf("%s.%d", path, segment)
		}
		var size int64
		if err := v.conn.QueryRow(ctx, query, name).Scan(&size); err != nil {
			return 0, err
		}
		if size <= 0 {
			return total, nil
		}
		total += size
	}
}

// readExpressions lets the server write out the expressions of indexes that changed.
func (d *difference) readExpressions(ctx context.Context, conn *pgx.Conn) {
	d.expressions = map[uint32][]string{}
	for oid, r := range d.after.relations {
		if _, existed := d.before.relations[oid]; existed || !slices.Contains(r.index.keys, 0) {
			continue
		}
		for i, number := range r.index.keys {
			var text string
			if number != 0 {
				continue
			}
			if err := conn.QueryRow(ctx, "SELECT pg_get_indexdef($1, $2, true)", oid, i+1).Scan(&text); err != nil {
				d.note("the expressions of index "+r.String()+" were not read", err)
				break
			}
			d.expressions[oid] = append(d.expressions[oid], withoutLiterals(text))
		}
	}
}

func (d *difference) note(what string, err error) {
	d.seen.Notes = append(d.seen.Notes, what+": "+postgres.ReadError("asking the server", err).Error())
}

// key is how far the values of an integer key are used up.
type key struct {
	kind, name, table string
	behind            int64
	room              float64
}

// readKeys looks at the integer keys of tables that are new or were filled, and at those
// whose type changed.
func (d *difference) readKeys(ctx context.Context, conn *pgx.Conn) {
	writes := d.writes()
	for _, oid := range sortedOf(nil, d.after.relations) {
		r := d.after.relations[oid]
		_, existed := d.before.relations[oid]
		if !r.isTable() || r.kind == "f" {
			continue
		}
		for _, id := range d.columnIDs[oid] {
			c, exists := d.after.columns[id]
			was := d.before.columns[id]
			if !exists || largest(c.kind) == 0 || c.descends || c.sequence == 0 && !d.isKey(id) {
				continue
			}
			if !existed || was.kind != c.kind || was.sequence != c.sequence || writes[oid].rows.Inserted > 0 {
				d.readKey(ctx, conn, r, id, c)
			}
		}
	}
}

// isKey tells a column that is the primary key alone.
func (d *difference) isKey(id columnID) bool {
	for _, k := range d.after.constraints {
		if k.kind == "p" && k.relation == id.relation && slices.Equal(k.keys, []int16{id.number}) {
			return true
		}
	}
	return false
}

// leads tells whether an index begins with a column, so that its largest value is found at once.
func (d *difference) leads(id columnID) bool {
	for _, r := range d.after.relations {
		if r.isIndex() && r.index.table == id.relation && !r.index.invalid && !r.index.partial && len(r.index.keys) > 0 && r.index.keys[0] == id.number {
			return true
		}
	}
	return false
}

func largest(kind string) int64 {
	return map[string]int64{"smallint": math.MaxInt16, "integer": math.MaxInt32, "bigint": math.MaxInt64}[kind]
}

func (d *difference) readKey(ctx context.Context, conn *pgx.Conn, r relation, id columnID, c column) {
	table, name := pgx.Identifier{r.schema, r.name}.Sanitize(), pgx.Identifier{c.name}.Sanitize()
	k := key{kind: "key", name: r.String() + "." + postgres.PlainName(c.name), table: d.called(id.relation)}
	end, last, highest := largest(c.kind), int64(0), int64(0)
	if s, known := d.after.relations[c.sequence]; known {
		k.kind, k.name, end = "sequence", pgx.Identifier{s.schema, s.name}.Sanitize(), min(end, c.sequenceEnd)
		if err := conn.QueryRow(ctx, "SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM "+k.name).Scan(&last); err != nil {
			d.note("sequence "+s.String()+" was not read", err)
			return
		}
		k.name = s.String()
	}
	if d.leads(id) {
		query := strings.NewReplacer("COLUMN", name, "TABLE", table).Replace("SELECT coalesce(max(COLUMN), 0)::bigint FROM TABLE")
		if err := conn.QueryRow(ctx, query).Scan(&highest); err != nil {
			d.note("the largest value of "+k.name+" was not read", err)
			return
		}
	}
	if k.kind == "sequence" {
		k.behind = max(0, highest-last)
	}
	k.room = float64(max(last, highest, 0)) / float64(end)
	d.keys = append(d.keys, k)
}
