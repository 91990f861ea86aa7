package sqlite

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"understudy"
)

// object is one entry of a database's schema.
type object struct{ kind, name, table, sql string }

// ownObjects lists what a schema holds, in the order in which it was made, without what
// SQLite makes by itself: its own tables, implied indexes, shadows of virtual tables.
func (s *session) ownObjects(ctx context.Context, schema string) ([]object, error) {
	rows, err := s.texts(ctx, "reading the schema", `SELECT m.type, m.name, m.tbl_name, m.sql FROM `+schema+`.sqlite_schema m
		WHERE m.sql IS NOT NULL AND m.name NOT LIKE 'sqlite\_%' ESCAPE '\'
		AND m.tbl_name NOT IN (SELECT l.name FROM pragma_table_list l WHERE l.schema = ? AND l.type = 'shadow') ORDER BY m.rowid`, schema)
	if err != nil {
		return nil, err
	}
	all := make([]object, len(rows))
	for i, row := range rows {
		all[i] = object{row[0], row[1], row[2], row[3]}
	}
	return all, nil
}

func (c *copying) readSchema(ctx context.Context) error {
	var err error
	if c.objects, err = c.into.ownObjects(ctx, "source"); err != nil {
		return err
	}
	tables, err := c.into.tables(ctx, "source")
	if err != nil {
		return err
	}
	for _, t := range tables {
		c.tables = append(c.tables, &copiedTable{table: t})
	}
	return nil
}

// makeTables makes the tables that have rows, in the words in which they were made.
func (c *copying) makeTables(ctx context.Context) error {
	for _, o := range c.objects {
		if o.kind == "table" && slices.ContainsFunc(c.tables, func(t *copiedTable) bool { return t.name == o.name }) {
			if err := c.into.exec(ctx, "making table "+plainName(o.name), o.sql); err != nil {
				return err
			}
		}
	}
	return nil
}

// makeRest makes indexes, views and triggers, now that the rows are there.
func (c *copying) makeRest(ctx context.Context) error {
	for _, kind := range []string{"index", "view", "trigger"} {
		for _, o := range c.objects {
			if o.kind != kind {
				continue
			}
			if err := c.into.exec(ctx, "making "+kind+" "+plainName(o.name), o.sql); err != nil {
				return c.besideMasks(o.table, err)
			}
		}
	}
	return nil
}

// besideMasks tells of an index that cannot be made which columns were masked.
func (c *copying) besideMasks(table string, err error) error {
	for _, t := range c.tables {
		known := new(understudy.Error)
		if t.name == table && len(t.masked) > 0 && errors.As(err, &known) && known.Kind == understudy.KindInvalid {
			return known.WithHint("choose a mask that keeps the column's form; masked here: %s", strings.Join(t.masked, ", "))
		}
	}
	return err
}

// setCounters puts AUTOINCREMENT's counters, and what the file says of its application,
// where they are in the source.
func (c *copying) setCounters(ctx context.Context) error {
	const doing = "setting the counters"
	counts, err := c.into.value(ctx, doing, "SELECT count(*) FROM source.sqlite_schema WHERE name = 'sqlite_sequence'")
	if err != nil {
		return err
	}
	if counts != "0" {
		if err := c.into.exec(ctx, doing, "DELETE FROM main.sqlite_sequence", "INSERT INTO main.sqlite_sequence (name, seq) SELECT name, seq FROM source.sqlite_sequence"); err != nil {
			return err
		}
	}
	for _, name := range []string{"user_version", "application_id"} {
		value, err := c.into.value(ctx, doing, "PRAGMA source."+name)
		if err != nil {
			return err
		}
		if err := c.into.exec(ctx, doing, "PRAGMA main."+name+" = "+value); err != nil {
			return err
		}
	}
	return nil
}

// checkForeignKeys finds rows of the copy whose parents are gone. What production has as
// well is production's.
func (c *copying) checkForeignKeys(ctx context.Context) error {
	const count = `SELECT "table", parent, count(*) FROM pragma_foreign_key_check(NULL, ?) GROUP BY "table", fkid`
	here, err := c.into.texts(ctx, "checking the foreign keys of the copy", count, "main")
	if err != nil || len(here) == 0 {
		return err
	}
	there, err := c.into.texts(ctx, "checking the foreign keys of the source", count, "source")
	if err != nil {
		return err
	}
	for _, broken := range here {
		if !slices.ContainsFunc(there, func(row []string) bool { return row[0] == broken[0] && row[1] == broken[1] }) {
			return understudy.Errorf(understudy.KindInvalid, "copying %s: %s rows break a foreign key to %s", tableName(broken[0]), broken[2], tableName(broken[1])).
				WithHint("mask both ends of the key alike, or neither")
		}
		c.spec.Notice(fmt.Sprintf("%s rows of %s break a foreign key to %s, as rows in production do", broken[2], tableName(broken[0]), tableName(broken[1])))
	}
	return nil
}

// finish compares the schema that was made, gives the planner statistics if production has
// some, and leaves the file in production's journal mode.
func (c *copying) finish(ctx context.Context) error {
	made, err := c.into.ownObjects(ctx, "main")
	if err != nil {
		return err
	}
	for _, o := range c.objects {
		if !slices.Contains(made, o) {
			return understudy.Errorf(understudy.KindInternal, "the copy is not what was read: %s %s is missing or made otherwise", o.kind, plainName(o.name))
		}
	}
	statistics, err := c.into.value(ctx, "looking for statistics", "SELECT count(*) FROM source.sqlite_schema WHERE name = 'sqlite_stat1'")
	if err != nil {
		return err
	}
	if statistics != "0" {
		if err := c.into.exec(ctx, "analysing the copy", "ANALYZE main"); err != nil {
			return err
		}
	}
	return c.into.exec(ctx, "finishing the copy", "COMMIT", "DETACH source", "PRAGMA main.locking_mode = NORMAL", "PRAGMA main.journal_mode = "+journalAfter(c.journal))
}

// journalAfter is the journal mode that stays with a file; only wal does.
func journalAfter(source string) string {
	if source == "wal" {
		return "wal"
	}
	return "delete"
}

// fileSettings are the settings that a file carries, by name.
func fileSettings(ctx context.Context, path string) (map[string]string, error) {
	s, err := open(ctx, path, "ro")
	if err != nil {
		return nil, err
	}
	settings := map[string]string{}
	for _, name := range []string{"page_size", "encoding", "auto_vacuum", "journal_mode", "user_version", "application_id"} {
		value, readErr := s.value(ctx, "reading the settings of "+path, "PRAGMA "+name)
		err = errors.Join(err, readErr)
		settings[name] = value
	}
	return settings, errors.Join(err, s.close())
}

// ServerSettings are the settings that a file carries, by name.
func ServerSettings(ctx context.Context, source string) (map[string]string, error) {
	path, err := locate(source)
	if err == nil {
		err = present(path)
	}
	if err != nil {
		return nil, err
	}
	return fileSettings(ctx, path)
}

// ServerVersion is the engine that reads the file, which is part of this program: "sqlite 3.54.1".
func ServerVersion(ctx context.Context, source string) (version string, err error) {
	err = reading(ctx, source, func(s *session) error {
		version, err = s.value(ctx, "reading the engine's version", "SELECT 'sqlite ' || sqlite_version()")
		return err
	})
	return version, err
}

// Schema describes a database by its settings and the statements that made it, for comparison.
func Schema(ctx context.Context, source string) ([]string, error) {
	settings, err := ServerSettings(ctx, source)
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		lines = append(lines, "PRAGMA "+name+" = "+settings[name])
	}
	err = reading(ctx, source, func(s *session) error {
		objects, err := s.ownObjects(ctx, "main")
		for _, o := range objects {
			lines = append(lines, o.kind+" "+plainName(o.name)+" on "+plainName(o.table)+": "+o.sql)
		}
		return err
	})
	slices.Sort(lines)
	return lines, err
}

// reading lends act a session on a database that is only read, at one moment.
func reading(ctx context.Context, source string, act func(*session) error) error {
	s, err := openReader(ctx, source)
	if err != nil {
		return err
	}
	err = s.exec(ctx, "fixing one view of the data", "BEGIN")
	if err == nil {
		err = act(s)
	}
	return errors.Join(err, s.close())
}
