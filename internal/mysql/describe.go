package mysql

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"understudy"
)

// table is one base table of the database, as the server describes it.
type table struct {
	name      string
	engine    string
	versioned bool
	bytes     int64
	primary   bool // it has a primary key
	columns   []column
}

// column is one column, with what its values need on their way.
type column struct {
	understudy.Column
	data string // the type alone, in lower case: "varchar"
}

// binary tells of types whose values are bytes and no text.
func (c column) binary() bool {
	return slices.Contains([]string{
		"binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob", "vector", "geometry", "point", "linestring", "polygon",
		"multipoint", "multilinestring", "multipolygon", "geometrycollection", "geomcollection",
	}, c.data)
}

// read is the expression that gives a column's value in full: a FLOAT is printed with six
// digits otherwise, and a BIT as bytes.
func (c column) read() string {
	switch c.data {
	case "float":
		return "(" + quoted(c.Name) + " + 0.0e0)"
	case "bit":
		return "(" + quoted(c.Name) + " + 0)"
	}
	return quoted(c.Name)
}

// written are the columns that a row is written with: the others are generated.
func (t *table) written() []column {
	return slices.DeleteFunc(slices.Clone(t.columns), func(c column) bool { return c.Generated })
}

// described are the columns as rules see them.
func (t *table) described() []understudy.Column {
	columns := make([]understudy.Column, len(t.columns))
	for i, c := range t.columns {
		columns[i] = c.Column
	}
	return columns
}

// tableName is a table as rules, messages and results write it: schema.table, where the
// schema is always main, because these databases have none below them, and their own name
// is another one in every environment.
func tableName(name string) string { return "main." + plainName(name) }

// plainName is a name as rules and messages write it: in double quotes where a point or a space
// in it would mislead.
func plainName(name string) string {
	if name != "" && !strings.ContainsAny(name, ".`\"'* \t\n") {
		return name
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// Columns describes the columns of the database's tables, by table, in their order, each
// with up to samples distinct values spread over the table. Tables are called
// main.table.
//
// The samples are personal data: they are for deciding how a column is masked, in memory.
func Columns(ctx context.Context, url string, samples int) (map[string][]understudy.Column, error) {
	s, err := open(ctx, url)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := s.mayRead(ctx); err != nil {
		return nil, err
	}
	tables, err := s.tables(ctx)
	if err != nil {
		return nil, err
	}
	byTable := make(map[string][]understudy.Column, len(tables))
	for _, t := range tables {
		if err := s.sample(ctx, t, samples); err != nil {
			return nil, err
		}
		byTable[tableName(t.name)] = t.described()
	}
	return byTable, nil
}

// tables lists the base tables with their columns, without samples.
func (s *session) tables(ctx context.Context) ([]*table, error) {
	const doing = "reading the tables"
	rows, err := s.texts(ctx, doing, `SELECT TABLE_NAME, COALESCE(ENGINE, ''), TABLE_TYPE, COALESCE(DATA_LENGTH, 0) FROM information_schema.TABLES
		WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED') ORDER BY TABLE_NAME`)
	if err != nil {
		return nil, err
	}
	tables, byName := make([]*table, len(rows)), make(map[string]*table, len(rows))
	for i, row := range rows {
		bytes, err := strconv.ParseInt(row[3], 10, 64)
		if err != nil {
			return nil, understudy.Errorf(understudy.KindInternal, "reading the size of table %s: %w", row[0], err)
		}
		tables[i] = &table{name: row[0], engine: row[1], versioned: row[2] == "SYSTEM VERSIONED", bytes: bytes}
		byName[row[0]] = tables[i]
	}
	for _, step := range []func(context.Context, map[string]*table) error{s.columns, s.keys, s.references} {
		if err := step(ctx, byName); err != nil {
			return nil, err
		}
	}
	return tables, nil
}

func (s *session) columns(ctx context.Context, tables map[string]*table) error {
	rows, err := s.texts(ctx, "reading the columns", `SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, COLUMN_COMMENT, IS_NULLABLE,
		COALESCE(GENERATION_EXPRESSION, '') <> '' OR EXTRA LIKE '%STORED GENERATED%' OR EXTRA LIKE '%VIRTUAL GENERATED%'
		FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME, ORDINAL_POSITION`)
	if err != nil {
		return err
	}
	for _, row := range rows {
		t, known := tables[row[0]]
		if !known { // of a view, or of a table that was made a moment ago
			continue
		}
		t.columns = append(t.columns, column{data: strings.ToLower(row[2]), Column: understudy.Column{
			Table: tableName(t.name), Name: row[1], Type: row[3], Comment: row[4], Nullable: row[5] == "YES", Generated: row[6] == "1",
		}})
	}
	return nil
}

// keys tells which columns alone make a row unique, and which tables have a primary key.
func (s *session) keys(ctx context.Context, tables map[string]*table) error {
	rows, err := s.texts(ctx, "reading the keys", `SELECT TABLE_NAME, INDEX_NAME, MIN(COLUMN_NAME), COUNT(*), MAX(SUB_PART IS NOT NULL)
		FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() AND NON_UNIQUE = 0 GROUP BY TABLE_NAME, INDEX_NAME`)
	if err != nil {
		return err
	}
	for _, row := range rows {
		t, known := tables[row[0]]
		if !known {
			continue
		}
		t.primary = t.primary || row[1] == "PRIMARY"
		for i := range t.columns {
			if row[3] == "1" && row[4] == "0" && t.columns[i].Name == row[2] {
				t.columns[i].Unique = true
			}
		}
	}
	return nil
}

// references tells of each column what it is a foreign key to; of several, the one with
// the fewest columns.
func (s *session) references(ctx context.Context, tables map[string]*table) error {
	rows, err := s.texts(ctx, "reading the foreign keys", `SELECT k.TABLE_NAME, k.COLUMN_NAME, k.REFERENCED_TABLE_NAME, k.REFERENCED_COLUMN_NAME
		FROM information_schema.KEY_COLUMN_USAGE k JOIN (SELECT CONSTRAINT_NAME, TABLE_NAME, COUNT(*) AS width FROM information_schema.KEY_COLUMN_USAGE
			WHERE TABLE_SCHEMA = DATABASE() GROUP BY CONSTRAINT_NAME, TABLE_NAME) w USING (CONSTRAINT_NAME, TABLE_NAME)
		WHERE k.TABLE_SCHEMA = DATABASE() AND k.REFERENCED_TABLE_SCHEMA = DATABASE() ORDER BY w.width DESC, k.CONSTRAINT_NAME DESC`)
	if err != nil {
		return err
	}
	for _, row := range rows {
		t, known := tables[row[0]]
		if !known {
			continue
		}
		for i := range t.columns {
			if t.columns[i].Name == row[1] {
				t.columns[i].References = tableName(row[2]) + "." + row[3]
			}
		}
	}
	return nil
}
