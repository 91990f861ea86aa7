package sqlitewatch

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"understudy/internal/sqlite"
)

// catalog is what a database consists of at one moment.
type catalog struct {
	version       string
	schemaVersion int64
	wal           bool
	moves         bool // auto_vacuum: root pages move when others are freed
	bytes         int64
	tables        map[string]*table
	indexes       map[string]*index
	objects       map[objectName]string
	orphans       map[orphanage]int64
}

type table struct {
	sql        string
	root       int64
	rows       int64
	bytes      int64
	columns    []column
	statistics bool
	foreign    []foreign
}

type column struct {
	name, kind        string
	notNull, standard bool
	key               int64
}

type foreign struct{ from, to string }

type index struct {
	table      string
	sql        string
	root       int64
	columns    []string
	unique     bool
	automatic  bool // made by a constraint
	statistics bool
}

type objectName struct{ kind, name, table string }

type orphanage struct{ table, parent string }

func number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// readCatalog reads the schema, and counts the rows of every table.
func readCatalog(ctx context.Context, r *sqlite.Reader) (catalog, error) {
	c := catalog{tables: map[string]*table{}, indexes: map[string]*index{}, objects: map[objectName]string{}, orphans: map[orphanage]int64{}}
	for _, read := range []func(context.Context, *sqlite.Reader) error{c.readFile, c.readSchema, c.readTables, c.readIndexes, c.readStatistics, c.readOrphans} {
		if err := read(ctx, r); err != nil {
			return c, err
		}
	}
	return c, nil
}

func (c *catalog) readFile(ctx context.Context, r *sqlite.Reader) error {
	const doing = "reading what the file says of itself"
	row := map[string]string{}
	for name, query := range map[string]string{
		"version": "SELECT 'sqlite ' || sqlite_version()", "schema": "PRAGMA schema_version", "journal": "PRAGMA journal_mode", "vacuum": "PRAGMA auto_vacuum",
	} {
		rows, err := r.Texts(ctx, doing, query)
		if err != nil {
			return err
		}
		row[name] = rows[0][0]
	}
	c.version, c.schemaVersion, c.wal, c.moves = row["version"], number(row["schema"]), row["journal"] == "wal", row["vacuum"] != "0"
	return nil
}

func (c *catalog) readSchema(ctx context.Context, r *sqlite.Reader) error {
	rows, err := r.Texts(ctx, "reading the schema", `SELECT m.type, m.name, m.tbl_name, m.rootpage, coalesce(m.sql, '') FROM sqlite_schema m
		WHERE m.name NOT LIKE 'sqlite\_stat%' ESCAPE '\' AND m.name <> 'sqlite_sequence'`)
	if err != nil {
		return err
	}
	for _, row := range rows {
		switch row[0] {
		case "table":
			c.tables[row[1]] = &table{sql: row[4], root: number(row[3])}
		case "index":
			c.indexes[row[1]] = &index{table: row[2], sql: row[4], root: number(row[3]), automatic: row[4] == ""}
		default:
			name := objectName{kind: row[0], name: row[1]}
			if row[0] == "trigger" {
				name.table = row[2]
			}
			c.objects[name] = row[4]
		}
	}
	return nil
}

func (c *catalog) readTables(ctx context.Context, r *sqlite.Reader) error {
	for name, t := range c.tables {
		doing := "reading table " + sqlite.TableName(name)
		if t.root != 0 { // not a virtual one
			rows, err := r.Texts(ctx, doing, "SELECT count(*) FROM "+sqlite.Quoted(name))
			if err != nil {
				return err
			}
			t.rows = number(rows[0][0])
		}
		rows, err := r.Texts(ctx, doing, `SELECT name, type, "notnull", dflt_value IS NOT NULL AND lower(dflt_value) <> 'null', pk FROM pragma_table_xinfo(?)`, name)
		if err != nil {
			return err
		}
		for _, row := range rows {
			t.columns = append(t.columns, column{row[0], row[1], row[2] == "1", row[3] == "1", number(row[4])})
		}
		if rows, err = r.Texts(ctx, doing, `SELECT group_concat("from", ', '), "table" FROM pragma_foreign_key_list(?) GROUP BY id, "table"`, name); err != nil {
			return err
		}
		for _, row := range rows {
			t.foreign = append(t.foreign, foreign{row[0], row[1]})
		}
	}
	return nil
}

func (c *catalog) readIndexes(ctx context.Context, r *sqlite.Reader) error {
	for name, i := range c.indexes {
		rows, err := r.Texts(ctx, "reading index "+name, `SELECT coalesce(x.name, '(expression)'), (SELECT l."unique" FROM pragma_index_list(?) l WHERE l.name = ?)
			FROM pragma_index_info(?) x ORDER BY x.seqno`, i.table, name, name)
		if err != nil {
			return err
		}
		for _, row := range rows {
			i.columns, i.unique = append(i.columns, row[0]), row[1] == "1"
		}
	}
	return nil
}

// readStatistics reads of which tables and indexes ANALYZE has told the planner something.
func (c *catalog) readStatistics(ctx context.Context, r *sqlite.Reader) error {
	const doing = "reading the planner's statistics"
	there, err := r.Texts(ctx, doing, "SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1'")
	if err != nil || len(there) == 0 {
		return err
	}
	rows, err := r.Texts(ctx, doing, "SELECT tbl, idx FROM sqlite_stat1")
	if err != nil {
		return err
	}
	for _, row := range rows {
		if t := c.tables[row[0]]; t != nil {
			t.statistics = true
		}
		if i := c.indexes[row[1]]; i != nil {
			i.statistics = true
		}
	}
	return nil
}

// readOrphans counts the rows whose foreign key leads nowhere: SQLite checks keys only for
// who has asked for it, and a migration that writes a table anew has to switch that off.
func (c *catalog) readOrphans(ctx context.Context, r *sqlite.Reader) error {
	if !slices.ContainsFunc(values(c.tables), func(t *table) bool { return len(t.foreign) > 0 }) {
		return nil
	}
	rows, err := r.Texts(ctx, "checking the foreign keys", `SELECT "table", parent, count(*) FROM pragma_foreign_key_check GROUP BY 1, 2`)
	if err != nil {
		return err
	}
	for _, row := range rows {
		c.orphans[orphanage{row[0], row[1]}] = number(row[2])
	}
	return nil
}

// readBytes adds the sizes of the tables that are new or were written anew, as they are now.
func (c *catalog) readBytes(ctx context.Context, r *sqlite.Reader, before catalog) error {
	for name, t := range c.tables {
		if was := before.tables[name]; was != nil && !writtenAnew(was, t, c.moves) || t.root == 0 {
			continue
		}
		rows, err := r.Texts(ctx, "measuring table "+sqlite.TableName(name), "SELECT coalesce(sum(pgsize), 0) FROM dbstat WHERE name = ?", name)
		if err != nil {
			return err
		}
		t.bytes = number(rows[0][0])
	}
	return nil
}

// integrity is what SQLite finds wrong with a file, without any row of it.
func integrity(ctx context.Context, r *sqlite.Reader) ([]string, error) {
	rows, err := r.Texts(ctx, "checking the integrity of the file", "PRAGMA integrity_check(20)")
	if err != nil {
		return nil, err
	}
	if len(rows) == 1 && strings.EqualFold(rows[0][0], "ok") {
		return nil, nil
	}
	return []string{fmt.Sprintf("integrity_check finds %d faults, of which the first is: %s", len(rows), rows[0][0])}, nil
}

func values[K comparable, V any](m map[K]V) []V {
	all := make([]V, 0, len(m))
	for _, v := range m {
		all = append(all, v)
	}
	return all
}
