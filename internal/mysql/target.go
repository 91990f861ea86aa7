package mysql

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"understudy"
)

// undoingTime bounds the clearing of a target after an error.
const undoingTime = time.Minute

// contents lists everything that a database holds, by kind and name, what others need last.
func (s *session) contents(ctx context.Context) ([][]string, error) {
	return s.texts(ctx, "looking at what "+s.place+" holds", `
		SELECT 'EVENT', EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE()
		UNION ALL SELECT IF(TABLE_TYPE LIKE '%VIEW', 'VIEW', IF(TABLE_TYPE = 'SEQUENCE', 'SEQUENCE', 'TABLE')), TABLE_NAME
			FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()
		UNION ALL SELECT ROUTINE_TYPE, ROUTINE_NAME FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE()`)
}

// empty refuses a database that holds anything.
func (s *session) empty(ctx context.Context) error {
	held, err := s.contents(ctx)
	if err != nil {
		return err
	}
	if len(held) > 0 {
		return understudy.Errorf(understudy.KindConflict, "copying into %s: it is not empty: it holds %s %s and %d more; nothing was touched",
			s.place, strings.ToLower(held[0][0]), plainName(held[0][1]), len(held)-1).WithHint("name an empty database")
	}
	return nil
}

// undo empties the target after an error, which it returns with what could not be undone.
func (c *copying) undo(ctx context.Context, why error) error {
	if !c.writing {
		return why
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoingTime)
	defer cancel()
	if err := c.clear(ctx); err != nil {
		return &understudy.Error{
			Kind: understudy.KindOf(why), Err: errors.Join(why, err),
			Message: why.Error() + "; then the target could not be emptied: " + err.Error(),
			Hint:    "drop the target database and make it anew before the next copy",
		}
	}
	return why
}

func (c *copying) clear(ctx context.Context) error {
	s, err := c.writer(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	held, err := s.contents(ctx)
	if err != nil {
		return err
	}
	for _, thing := range held {
		if err := s.exec(ctx, "emptying the target", "DROP "+thing[0]+" IF EXISTS "+quoted(thing[1])); err != nil {
			return err
		}
	}
	return nil
}

// writer is a session on the target that looks after foreign keys by itself.
func (c *copying) writer(ctx context.Context) (*session, error) {
	s, err := connect(ctx, c.to)
	if err != nil {
		return nil, err
	}
	if err := s.exec(ctx, "preparing to write", "SET SESSION foreign_key_checks = 0"); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// makeTables makes the database's defaults, sequences, and tables without their indexes.
func (c *copying) makeTables(ctx context.Context) error {
	c.writing = true
	s, err := c.writer(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.exec(ctx, "giving the target its character set", fmt.Sprintf("ALTER DATABASE %s CHARACTER SET %s COLLATE %s",
		quoted(s.database), c.schema.charset, c.schema.collation)); err != nil {
		return err
	}
	for _, d := range c.schema.sequences {
		if err := c.makeSequence(ctx, s, d); err != nil {
			return err
		}
	}
	for _, t := range c.tables {
		if err := s.exec(ctx, "making table "+tableName(t.name), t.parts.create); err != nil {
			return err
		}
	}
	return nil
}

// makeSequence makes a sequence that goes on where production's will: behind what that
// one has given out or holds ready.
func (c *copying) makeSequence(ctx context.Context, to *session, d definition) error {
	doing := "making sequence " + plainName(d.name)
	next, err := c.source.number(ctx, doing, "SELECT next_not_cached_value FROM "+quoted(d.name))
	if err != nil {
		return err
	}
	return to.exec(ctx, doing, d.statement, fmt.Sprintf("DO SETVAL(%s, %d, 0)", quoted(d.name), next))
}

// makeKeys makes the indexes of every table at once.
func (c *copying) makeKeys(ctx context.Context) error {
	return c.alter(ctx, func(d division) []string { return d.keys })
}

// makeForeignKeys makes the foreign keys, which need the indexes of other tables. Rows that
// break them are looked for by checkForeignKeys.
func (c *copying) makeForeignKeys(ctx context.Context) error {
	return c.alter(ctx, func(d division) []string { return d.foreign })
}

func (c *copying) alter(ctx context.Context, elements func(division) []string) error {
	return c.aside(ctx, c.tables, func(ctx context.Context, t *copiedTable, to *session) error {
		additions := elements(t.parts)
		if len(additions) == 0 {
			return nil
		}
		if _, err := to.conn.ExecContext(ctx, "ALTER TABLE "+quoted(t.name)+" "+strings.Join(additions, ", ")); err != nil {
			return t.rowFailed("making the indexes of", err)
		}
		return nil
	})
}

// makeCode makes what runs inside the database: routines, views in an order in which they
// find each other, triggers now that the rows are there, and events last.
func (c *copying) makeCode(ctx context.Context) error {
	s, err := c.writer(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	for _, d := range c.schema.routines {
		if err := s.make(ctx, d); err != nil {
			return err
		}
	}
	if err := c.makeViews(ctx, s); err != nil {
		return err
	}
	for _, d := range slices.Concat(c.schema.triggers, c.schema.events) {
		if err := s.make(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// makeViews tries until no view is left or none can be made. One that does not work in
// production either is left out.
func (c *copying) makeViews(ctx context.Context, s *session) error {
	left := c.schema.views
	for len(left) > 0 {
		var waiting []definition
		var last error
		for _, d := range left {
			err := s.make(ctx, d)
			switch {
			case numbered(err, errNoSuchTable, errNoSuchRoutine, errNoSuchColumn, errInvalidView):
				waiting, last = append(waiting, d), err
			case err != nil:
				return err
			}
		}
		if len(waiting) == len(left) {
			return c.leaveViews(ctx, left, last)
		}
		left = waiting
	}
	return nil
}

func (c *copying) leaveViews(ctx context.Context, left []definition, why error) error {
	for _, d := range left {
		if _, err := c.source.texts(ctx, "looking at view "+plainName(d.name), "SELECT * FROM "+quoted(d.name)+" LIMIT 0"); err == nil {
			return why
		}
		c.spec.Notice("view " + plainName(d.name) + " does not work in production either, and was left out")
	}
	return nil
}

// make carries out a definition in the session that it was made in.
func (s *session) make(ctx context.Context, d definition) error {
	doing := "making " + strings.ToLower(d.kind) + " " + plainName(d.name)
	before := map[string]string{"sql_mode": sessionMode, "time_zone": "+00:00", "character_set_client": "utf8mb4", "collation_connection": "utf8mb4_general_ci"}
	if d.kind != "VIEW" {
		before["sql_mode"] = d.mode
	}
	for name, value := range map[string]string{"character_set_client": d.client, "collation_connection": d.connection, "time_zone": d.zone} {
		if value != "" {
			before[name] = value
		}
	}
	if err := s.set(ctx, doing, before); err != nil {
		return err
	}
	err := s.exec(ctx, doing, d.statement)
	return errors.Join(err, s.set(ctx, doing, map[string]string{
		"sql_mode": sessionMode, "time_zone": "+00:00", "character_set_client": "utf8mb4", "collation_connection": "utf8mb4_general_ci",
	}))
}

func (s *session) set(ctx context.Context, doing string, values map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if err := s.exec(ctx, doing, "SET SESSION "+name+" = "+literal(values[name])); err != nil {
			return err
		}
	}
	return nil
}
