package follow

import (
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres/replication"
)

func quotedName(schema, name string) string { return pgx.Identifier{schema, name}.Sanitize() }

func quoted(name string) string { return pgx.Identifier{name}.Sanitize() }

// bound is a relation of the stream with the table it is applied to.
type bound struct {
	table   *table
	columns []string // as the stream orders them
	masks   []understudy.MaskFunc
	key     []int // positions of the columns by which rows are found; none: by all that is known of a row
	full    bool  // production sends rows that are gone or changed whole
	always  []int // positions of identities that only the server gives
}

func bind(r replication.Relation, t *table) *bound {
	b := &bound{table: t, full: r.Identity == replication.IdentityFull}
	for i, c := range r.Columns {
		b.columns = append(b.columns, c.Name)
		b.masks = append(b.masks, t.masks[c.Name])
		if here := t.column(c.Name); here != nil && here.always {
			b.always = append(b.always, i)
		}
		if c.Key && !b.full {
			b.key = append(b.key, i)
		}
	}
	if b.full {
		for _, name := range t.key {
			for i, c := range r.Columns {
				if c.Name == name {
					b.key = append(b.key, i)
				}
			}
		}
		if len(b.key) != len(t.key) {
			b.key = nil
		}
	}
	return b
}

// statement is one change as SQL with its values.
type statement struct {
	sql    string
	values [][]byte
}

func (s *statement) value(v []byte) string {
	s.values = append(s.values, v)
	return fmt.Sprintf("$%d", len(s.values))
}

// insert makes a new row.
func (b *bound) insert(row []replication.Value) statement {
	var s statement
	var columns, values []string
	for i, v := range row {
		columns, values = append(columns, quoted(b.columns[i])), append(values, s.value(v.Text))
	}
	if len(columns) == 0 {
		s.sql = "INSERT INTO " + b.table.quoted + " DEFAULT VALUES"
		return s
	}
	s.sql = fmt.Sprintf("INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE VALUES (%s)", b.table.quoted, strings.Join(columns, ", "), strings.Join(values, ", "))
	return s
}

// update changes a row. What production did not send stays as it is in the twin.
func (b *bound) update(old, row []replication.Value) statement {
	if old == nil {
		old = row // the key is as it was
	}
	if b.movesIdentity(old, row) {
		return b.replace(old, row)
	}
	var s statement
	var set []string
	for i, v := range row {
		if v.Kind != replication.ValueUnchanged && !b.isAlways(i) {
			set = append(set, quoted(b.columns[i])+" = "+s.value(v.Text))
		}
	}
	if len(set) == 0 { // the server wants something to set; this changes nothing
		first := quoted(b.columns[0])
		if len(b.always) > 0 {
			return b.replace(old, row)
		}
		set = []string{first + " = " + first}
	}
	s.sql = "UPDATE " + b.table.from() + " SET " + strings.Join(set, ", ") + " WHERE " + b.condition(&s, old)
	return s
}

// movesIdentity tells that an identity which UPDATE may not set could have changed.
func (b *bound) movesIdentity(old, row []replication.Value) bool {
	for _, i := range b.always {
		known := b.full || b.isKey(i)
		if !known || row[i].Kind != old[i].Kind || string(row[i].Text) != string(old[i].Text) {
			return true
		}
	}
	return false
}

func (b *bound) isAlways(column int) bool { return holds(b.always, column) }

func (b *bound) isKey(column int) bool { return holds(b.key, column) }

func holds(list []int, wanted int) bool {
	for _, n := range list {
		if n == wanted {
			return true
		}
	}
	return false
}

// replace changes a row by taking it out and putting it in again, with what production did
// not send as it was.
func (b *bound) replace(old, row []replication.Value) statement {
	var s statement
	var columns, values []string
	condition := b.condition(&s, old)
	for i, v := range row {
		name := quoted(b.columns[i])
		columns = append(columns, name)
		if v.Kind == replication.ValueUnchanged {
			values = append(values, "was."+name)
		} else { // named by its type, as a SELECT does not know what it is for
			values = append(values, s.value(v.Text)+"::"+b.table.column(b.columns[i]).kind)
		}
	}
	s.sql = fmt.Sprintf("WITH was AS (DELETE FROM %s WHERE %s RETURNING *) INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE SELECT %s FROM was",
		b.table.from(), condition, b.table.quoted, strings.Join(columns, ", "), strings.Join(values, ", "))
	return s
}

// delete takes a row out.
func (b *bound) delete(old []replication.Value) statement {
	var s statement
	s.sql = "DELETE FROM " + b.table.from() + " WHERE " + b.condition(&s, old)
	return s
}

// condition finds one row: by its key, or else one of those that are alike in all that
// is known, compared as production wrote them, since not every type can be compared.
func (b *bound) condition(s *statement, old []replication.Value) string {
	var parts []string
	if len(b.key) > 0 {
		for _, i := range b.key {
			parts = append(parts, quoted(b.columns[i])+" = "+s.value(old[i].Text))
		}
		return strings.Join(parts, " AND ")
	}
	for i, v := range old {
		if v.Kind == replication.ValueUnchanged {
			continue
		}
		name, kind := quoted(b.columns[i]), b.table.column(b.columns[i]).kind
		if v.Kind == replication.ValueNull {
			parts = append(parts, name+"::text IS NULL") // of a composite too, where IS NULL means something else
			continue
		}
		parts = append(parts, fmt.Sprintf(`%s::text COLLATE "C" = %s::%s::text COLLATE "C"`, name, s.value(v.Text), kind))
	}
	if len(parts) == 0 {
		parts = []string{"true"}
	}
	row := "ctid"
	if b.table.partitioned {
		row = "tableoid, ctid"
	}
	return fmt.Sprintf("(%s) = (SELECT %s FROM %s WHERE %s LIMIT 1)", row, row, b.table.from(), strings.Join(parts, " AND "))
}

// truncate empties tables, each without those that inherit from it: production names them too.
func truncate(tables []*bound, restart bool) string {
	names := make([]string, len(tables))
	for i, b := range tables {
		names[i] = b.table.from()
	}
	sql := "TRUNCATE " + strings.Join(names, ", ")
	if restart {
		sql += " RESTART IDENTITY"
	}
	return sql
}
