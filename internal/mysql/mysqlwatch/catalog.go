package mysqlwatch

import (
	"context"
	"slices"
	"strings"

	"understudy/internal/mysql"
)

// catalog is what a database consists of at one moment.
type catalog struct {
	tables      map[string]*table
	indexes     map[indexName]*index
	constraints map[constraintName]string // kind; of a foreign key also the other table
	objects     map[objectName]string     // what defines it
	halves      []string                  // tables that a change was to become, and is not
}

type table struct {
	kind      string
	engine    string
	identity  int64 // that the engine gave it; 0: the engine gives none
	rows      int64
	bytes     int64
	counter   int64 // next value of AUTO_INCREMENT
	columns   map[string]column
	histogram map[string]bool // columns whose distribution the planner knows
}

type column struct {
	kind     string // type
	nullable bool
	standard bool // has a default
	counts   bool // AUTO_INCREMENT
}

type indexName struct{ table, name string }

type index struct {
	identity int64
	columns  []string
	unique   bool
	bytes    int64
}

type constraintName struct{ table, name string }

type objectName struct{ kind, name, table string }

// readCatalog reads the catalogue. It opens tables, so it waits for a change that is under
// way: it is for before and after.
func (w *Watch) readCatalog(ctx context.Context) (catalog, error) {
	c := catalog{tables: map[string]*table{}, indexes: map[indexName]*index{}, constraints: map[constraintName]string{}, objects: map[objectName]string{}}
	for _, read := range []func(context.Context, *mysql.Connection) error{
		c.readTables, c.readColumns, c.readIndexes, c.readIdentities, c.readConstraints, c.readObjects, c.readHistograms,
	} {
		if err := read(ctx, w.conn); err != nil {
			return c, err
		}
	}
	return c, nil
}

func (c *catalog) readTables(ctx context.Context, conn *mysql.Connection) error {
	rows, err := conn.Texts(ctx, "reading the tables", `SELECT TABLE_NAME, COALESCE(ENGINE, ''), COALESCE(TABLE_ROWS, 0), COALESCE(DATA_LENGTH, 0), COALESCE(AUTO_INCREMENT, 0),
		CREATE_OPTIONS LIKE '%partitioned%' FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')`, conn.Database)
	if err != nil {
		return err
	}
	for _, row := range rows {
		t := &table{kind: "table", engine: row[1], rows: number(row[2]), bytes: number(row[3]), counter: number(row[4]), columns: map[string]column{}, histogram: map[string]bool{}}
		if row[5] == "1" {
			t.kind = "partitioned table"
		}
		c.tables[row[0]] = t
	}
	return nil
}

func (c *catalog) readColumns(ctx context.Context, conn *mysql.Connection) error {
	rows, err := conn.Texts(ctx, "reading the columns", `SELECT TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE, COLUMN_DEFAULT IS NOT NULL AND COLUMN_DEFAULT <> 'NULL', EXTRA LIKE '%auto_increment%'
		FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ?`, conn.Database)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if t := c.tables[row[0]]; t != nil {
			t.columns[row[1]] = column{kind: row[2], nullable: row[3] == "YES", standard: row[4] == "1", counts: row[5] == "1"}
		}
	}
	return nil
}

func (c *catalog) readIndexes(ctx context.Context, conn *mysql.Connection) error {
	expression := "COLUMN_NAME"
	if !conn.Maria {
		expression = "COALESCE(COLUMN_NAME, EXPRESSION)"
	}
	rows, err := conn.Texts(ctx, "reading the indexes", `SELECT TABLE_NAME, INDEX_NAME, NON_UNIQUE, `+expression+` FROM information_schema.STATISTICS
		WHERE TABLE_SCHEMA = ? ORDER BY TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX`, conn.Database)
	if err != nil {
		return err
	}
	for _, row := range rows {
		name := indexName{row[0], row[1]}
		if c.indexes[name] == nil {
			c.indexes[name] = &index{unique: row[2] == "0"}
		}
		c.indexes[name].columns = append(c.indexes[name].columns, row[3])
	}
	return nil
}

// readIdentities reads the numbers that InnoDB gives to tables and indexes: whatever is
// written anew gets another one. Those of a partitioned table's partitions are added up.
func (c *catalog) readIdentities(ctx context.Context, conn *mysql.Connection) error {
	tables, indexes := "INNODB_TABLES", "INNODB_INDEXES"
	if conn.Maria {
		tables, indexes = "INNODB_SYS_TABLES", "INNODB_SYS_INDEXES"
	}
	const named = "CONVERT(CONVERT(CAST(SUBSTRING_INDEX(SUBSTRING_INDEX(%, '#P#', 1), '/', -1) AS BINARY) USING filename) USING utf8mb4)"
	name := strings.ReplaceAll(named, "%", "REPLACE(t.NAME, '#p#', '#P#')")
	rows, err := conn.Texts(ctx, "reading the tables' identities", `SELECT `+name+`, COALESCE(SUM(t.TABLE_ID), 0) FROM information_schema.`+tables+` t
		WHERE SUBSTRING_INDEX(t.NAME, '/', 1) = `+inFiles("?")+` GROUP BY 1`, conn.Database)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if strings.HasPrefix(row[0], "#sql") || strings.Contains(row[0], "#sql-") {
			c.halves = append(c.halves, row[0])
		} else if t := c.tables[row[0]]; t != nil {
			t.identity = number(row[1])
		}
	}
	rows, err = conn.Texts(ctx, "reading the indexes' identities", `SELECT `+name+`, i.NAME, SUM(i.INDEX_ID) FROM information_schema.`+indexes+` i
		JOIN information_schema.`+tables+` t USING (TABLE_ID) WHERE SUBSTRING_INDEX(t.NAME, '/', 1) = `+inFiles("?")+` GROUP BY 1, 2`, conn.Database)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if i := c.indexes[indexName{row[0], row[1]}]; i != nil {
			i.identity = number(row[2])
		}
	}
	slices.Sort(c.halves)
	return nil
}

func (c *catalog) readConstraints(ctx context.Context, conn *mysql.Connection) error {
	rows, err := conn.Texts(ctx, "reading the constraints", `SELECT t.TABLE_NAME, t.CONSTRAINT_NAME, t.CONSTRAINT_TYPE, COALESCE(r.REFERENCED_TABLE_NAME, '')
		FROM information_schema.TABLE_CONSTRAINTS t LEFT JOIN information_schema.REFERENTIAL_CONSTRAINTS r
			ON r.CONSTRAINT_SCHEMA = t.CONSTRAINT_SCHEMA AND r.CONSTRAINT_NAME = t.CONSTRAINT_NAME AND r.TABLE_NAME = t.TABLE_NAME
		WHERE t.TABLE_SCHEMA = ?`, conn.Database)
	if err != nil {
		return err
	}
	for _, row := range rows {
		c.constraints[constraintName{row[0], row[1]}] = strings.ToLower(row[2]) + "\x00" + row[3]
	}
	return nil
}

func (c *catalog) readObjects(ctx context.Context, conn *mysql.Connection) error {
	rows, err := conn.Texts(ctx, "reading views, triggers, routines and events", `
		SELECT 'view', TABLE_NAME, '', MD5(VIEW_DEFINITION) FROM information_schema.VIEWS WHERE TABLE_SCHEMA = ?
		UNION ALL SELECT 'trigger', TRIGGER_NAME, EVENT_OBJECT_TABLE, MD5(CONCAT(ACTION_TIMING, EVENT_MANIPULATION, ACTION_STATEMENT)) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = ?
		UNION ALL SELECT LOWER(ROUTINE_TYPE), ROUTINE_NAME, '', MD5(COALESCE(ROUTINE_DEFINITION, '')) FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = ?
		UNION ALL SELECT 'event', EVENT_NAME, '', MD5(EVENT_DEFINITION) FROM information_schema.EVENTS WHERE EVENT_SCHEMA = ?`,
		conn.Database, conn.Database, conn.Database, conn.Database)
	if err != nil {
		return err
	}
	for _, row := range rows {
		c.objects[objectName{row[0], row[1], row[2]}] = row[3]
	}
	return nil
}

// readHistograms reads of which columns the planner knows the distribution.
func (c *catalog) readHistograms(ctx context.Context, conn *mysql.Connection) error {
	query := "SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.COLUMN_STATISTICS WHERE SCHEMA_NAME = ?"
	if conn.Maria {
		query = "SELECT table_name, column_name FROM mysql.column_stats WHERE db_name = ?"
	}
	rows, err := conn.Texts(ctx, "reading the planner's statistics", query, conn.Database)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if t := c.tables[row[0]]; t != nil {
			t.histogram[row[1]] = true
		}
	}
	return nil
}
