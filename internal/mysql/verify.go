package mysql

import (
	"context"
	"fmt"
	"strings"

	"understudy"
)

// foreignKey is one foreign key whose both ends lie in the database.
type foreignKey struct {
	name, table, parent string
	columns, referenced []string
}

func (s *session) foreignKeys(ctx context.Context) ([]*foreignKey, error) {
	rows, err := s.texts(ctx, "reading the foreign keys", `SELECT CONSTRAINT_NAME, TABLE_NAME, REFERENCED_TABLE_NAME, COLUMN_NAME, REFERENCED_COLUMN_NAME
		FROM information_schema.KEY_COLUMN_USAGE WHERE TABLE_SCHEMA = DATABASE() AND REFERENCED_TABLE_SCHEMA = DATABASE()
		ORDER BY TABLE_NAME, CONSTRAINT_NAME, ORDINAL_POSITION`)
	if err != nil {
		return nil, err
	}
	var all []*foreignKey
	for _, row := range rows {
		if len(all) == 0 || all[len(all)-1].name != row[0] || all[len(all)-1].table != row[1] {
			all = append(all, &foreignKey{name: row[0], table: row[1], parent: row[2]})
		}
		last := all[len(all)-1]
		last.columns, last.referenced = append(last.columns, row[3]), append(last.referenced, row[4])
	}
	return all, nil
}

// orphans counts rows whose foreign key leads nowhere.
func (s *session) orphans(ctx context.Context, k *foreignKey) (int64, error) {
	var on, present []string
	for i, column := range k.columns {
		on = append(on, "p."+quoted(k.referenced[i])+" = c."+quoted(column))
		present = append(present, "c."+quoted(column)+" IS NOT NULL")
	}
	return s.number(ctx, "checking foreign key "+plainName(k.name)+" of "+tableName(k.table),
		"SELECT COUNT(*) FROM "+quoted(k.table)+" c WHERE "+strings.Join(present, " AND ")+
			" AND NOT EXISTS (SELECT 1 FROM "+quoted(k.parent)+" p WHERE "+strings.Join(on, " AND ")+")")
}

// checkForeignKeys finds rows of the copy whose parents are gone, which the server did not
// look for while they were loaded. What production has as well is production's.
func (c *copying) checkForeignKeys(ctx context.Context) error {
	keys, err := c.target.foreignKeys(ctx)
	if err != nil {
		return err
	}
	for _, k := range keys {
		lost, err := c.target.orphans(ctx, k)
		if err != nil {
			return err
		}
		if lost == 0 {
			continue
		}
		there, err := c.source.orphans(ctx, k)
		if err != nil {
			return err
		}
		if there == 0 {
			return understudy.Errorf(understudy.KindInvalid, "copying %s: %d rows break foreign key %s (%s) to %s", tableName(k.table), lost, plainName(k.name),
				strings.Join(k.columns, ", "), tableName(k.parent)).WithHint("mask both ends of the key alike, or neither")
		}
		c.spec.Notice(fmt.Sprintf("%d rows of %s break foreign key %s, as rows in production do", lost, tableName(k.table), plainName(k.name)))
	}
	return nil
}

// verify looks at what was built: every row that was read is there, and the definitions
// are production's.
func (c *copying) verify(ctx context.Context) error {
	var wrong []string
	for _, t := range c.tables {
		rows, err := c.target.number(ctx, "counting the rows of "+tableName(t.name)+" in the target", "SELECT COUNT(*) FROM "+quoted(t.name))
		if err != nil {
			return err
		}
		if rows != t.rows {
			wrong = append(wrong, fmt.Sprintf("%s has %d rows, %d were read", tableName(t.name), rows, t.rows))
		}
	}
	tables, err := c.target.tables(ctx)
	if err != nil {
		return err
	}
	made, err := c.target.schema(ctx, tables)
	if err != nil {
		return err
	}
	for name, created := range c.schema.tables {
		if counter.ReplaceAllString(made.tables[name], "$1") != counter.ReplaceAllString(created, "$1") && c.source.version == c.target.version {
			wrong = append(wrong, "table "+tableName(name)+" is not defined as in production")
		}
	}
	if len(wrong) > 0 {
		return understudy.Errorf(understudy.KindInternal, "the copy is not what was read: %s", strings.Join(wrong, "; "))
	}
	return c.analyze(ctx)
}

// analyze gives the planner of the target statistics of its own rows.
func (c *copying) analyze(ctx context.Context) error {
	for _, t := range c.tables {
		if _, err := c.target.texts(ctx, "analysing "+tableName(t.name), "ANALYZE TABLE "+quoted(t.name)); err != nil {
			return err
		}
	}
	return nil
}
