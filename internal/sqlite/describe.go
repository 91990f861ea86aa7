package sqlite

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"understudy"
)

// table is one table with rows of its own.
type table struct {
	name    string
	create  string // as it was written
	module  string // of a virtual table, in lower case
	rowid   string // the name by which its row ids go; empty: it has none, or a column is it
	columns []understudy.Column
}

// What sampling may cost: so many rows at so many places, of at most so many characters.
const (
	sampledRows   = 2000
	sampledPlaces = 20
	sampleLength  = 8192
)

// module is what a virtual table is made by.
var module = regexp.MustCompile(`(?is)^CREATE\s+VIRTUAL\s+TABLE\s.*?\sUSING\s+"?(\w+)"?`)

// Columns describes the columns of the tables, by table, in their order, each with up to
// samples distinct values spread over the table. SQLite keeps no comments.
//
// The samples are personal data: they are for deciding how a column is masked, in memory.
func Columns(ctx context.Context, source string, samples int) (map[string][]understudy.Column, error) {
	byTable := map[string][]understudy.Column{}
	err := reading(ctx, source, func(s *session) error {
		tables, err := s.tables(ctx, "main")
		if err != nil {
			return err
		}
		for _, t := range tables {
			if err := s.sample(ctx, "main", t, samples); err != nil {
				return err
			}
			byTable[tableName(t.name)] = t.columns
		}
		return nil
	})
	return byTable, err
}

// tables lists the tables of a schema that have rows to copy: not the shadows that a
// virtual table keeps its own in, nor those that read other tables.
func (s *session) tables(ctx context.Context, schema string) ([]*table, error) {
	rows, err := s.texts(ctx, "reading the tables", `SELECT l.name, l.type, l.wr, m.sql FROM pragma_table_list l JOIN `+schema+`.sqlite_schema m
		ON m.name = l.name AND m.type = 'table' WHERE l.schema = ? AND l.type IN ('table', 'virtual') AND l.name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY l.name`, schema)
	if err != nil {
		return nil, err
	}
	var tables []*table
	for _, row := range rows {
		t := &table{name: row[0], create: row[3]}
		if row[1] == "virtual" {
			t.module = moduleOf(row[3])
			if !t.holdsRows() {
				continue
			}
		}
		if err := s.describe(ctx, schema, t, row[2] == "1"); err != nil {
			return nil, err
		}
		tables = append(tables, t)
	}
	return tables, nil
}

func moduleOf(create string) string {
	if found := module.FindStringSubmatch(create); found != nil {
		return strings.ToLower(found[1])
	}
	return ""
}

// describe reads the columns with what keys say of them.
func (s *session) describe(ctx context.Context, schema string, t *table, withoutRowid bool) error {
	rows, err := s.texts(ctx, "reading the columns of "+tableName(t.name), `SELECT name, type, "notnull", pk, hidden FROM pragma_table_xinfo(?, ?)`, t.name, schema)
	if err != nil {
		return err
	}
	keys, alias := 0, ""
	for _, row := range rows {
		if row[4] == "1" { // a virtual table's channel for commands
			continue
		}
		c := understudy.Column{Table: tableName(t.name), Name: row[0], Type: row[1], Nullable: row[2] == "0", Generated: row[4] == "2" || row[4] == "3"}
		if c.Type == "" {
			c.Type = "text"
		}
		if row[3] != "0" {
			keys++
			c.Nullable = c.Nullable && !withoutRowid
			if strings.EqualFold(row[1], "INTEGER") && !withoutRowid {
				alias = row[0]
			}
		}
		t.columns = append(t.columns, c)
	}
	if keys != 1 {
		alias = ""
	}
	for i := range t.columns {
		if t.columns[i].Name == alias {
			t.columns[i].Unique, t.columns[i].Nullable = true, false
		}
	}
	if !withoutRowid && alias == "" && t.module != "rtree" && t.module != "rtree_i32" {
		t.rowid = t.freeName()
	}
	if t.module != "" {
		return nil
	}
	if err := s.unique(ctx, schema, t); err != nil {
		return err
	}
	return s.references(ctx, schema, t)
}

// freeName is a name of the row ids that no column has taken; empty if all are.
func (t *table) freeName() string {
	for _, name := range []string{"rowid", "_rowid_", "oid"} {
		if !slices.ContainsFunc(t.columns, func(c understudy.Column) bool { return strings.EqualFold(c.Name, name) }) {
			return name
		}
	}
	return ""
}

func (s *session) unique(ctx context.Context, schema string, t *table) error {
	rows, err := s.texts(ctx, "reading the keys of "+tableName(t.name), `SELECT min(i.name) FROM pragma_index_list(?, ?) l, pragma_index_info(l.name, ?) i
		WHERE l."unique" = 1 AND l.partial = 0 GROUP BY l.name HAVING count(*) = 1 AND min(i.name) IS NOT NULL`, t.name, schema, schema)
	if err != nil {
		return err
	}
	for i := range t.columns {
		if slices.ContainsFunc(rows, func(row []string) bool { return row[0] == t.columns[i].Name }) {
			t.columns[i].Unique = true
		}
	}
	return nil
}

// references tells of each column what it is a foreign key to; a key that names no column
// means the other table's primary key.
func (s *session) references(ctx context.Context, schema string, t *table) error {
	rows, err := s.texts(ctx, "reading the foreign keys of "+tableName(t.name), `SELECT f."from", f."table", coalesce(f."to",
			(SELECT x.name FROM pragma_table_xinfo(f."table", ?) x WHERE x.pk = f.seq + 1))
		FROM pragma_foreign_key_list(?, ?) f ORDER BY (SELECT count(*) FROM pragma_foreign_key_list(?, ?) w WHERE w.id = f.id) DESC, f.id DESC`,
		schema, t.name, schema, t.name, schema)
	if err != nil {
		return err
	}
	for _, row := range rows {
		for i := range t.columns {
			if t.columns[i].Name == row[0] {
				t.columns[i].References = tableName(row[1]) + "." + row[2]
			}
		}
	}
	return nil
}

// sample gives the columns of a table their samples, from the same places each time.
func (s *session) sample(ctx context.Context, schema string, t *table, samples int) error {
	if samples <= 0 || len(t.columns) == 0 {
		return nil
	}
	list := make([]string, len(t.columns))
	for i, c := range t.columns {
		list[i] = fmt.Sprintf("CAST(substr(%s, 1, %d) AS TEXT)", quoted(c.Name), sampleLength)
	}
	head := "SELECT " + strings.Join(list, ", ") + " FROM " + schema + "." + quoted(t.name)
	ends, err := s.places(ctx, schema, t)
	if err != nil {
		return err
	}
	seen := make([]map[string]bool, len(t.columns))
	for i := range seen {
		seen[i] = map[string]bool{}
	}
	for _, end := range ends {
		rows, err := s.texts(ctx, "sampling "+tableName(t.name), head+end)
		if err != nil {
			return err
		}
		for _, row := range rows {
			for i, value := range row {
				if value != "" && len(seen[i]) < samples && !seen[i][value] {
					seen[i][value] = true
					t.columns[i].Samples = append(t.columns[i].Samples, value)
				}
			}
		}
	}
	return nil
}

func (s *session) places(ctx context.Context, schema string, t *table) ([]string, error) {
	whole := []string{fmt.Sprintf(" LIMIT %d", sampledRows)}
	if t.rowid == "" || t.module != "" {
		return whole, nil
	}
	rows, err := s.texts(ctx, "sampling "+tableName(t.name), fmt.Sprintf("SELECT min(%s), max(%s) FROM %s.%s", t.rowid, t.rowid, schema, quoted(t.name)))
	if err != nil {
		return nil, err
	}
	first, firstErr := strconv.ParseInt(rows[0][0], 10, 64)
	last, lastErr := strconv.ParseInt(rows[0][1], 10, 64)
	if firstErr != nil || lastErr != nil || first < 0 || last-first < sampledRows { // empty, odd or small
		return whole, nil
	}
	var ends []string
	for i := range int64(sampledPlaces) {
		ends = append(ends, fmt.Sprintf(" WHERE %s >= %d LIMIT %d", t.rowid, first+(last-first)/sampledPlaces*i, sampledRows/sampledPlaces))
	}
	return ends, nil
}
