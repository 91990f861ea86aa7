package mysql

import (
	"context"
	"slices"
	"strings"

	"understudy"
)

// Clone makes the empty database to a copy of from, inside one server: its rows do not leave
// it, so it is fast enough to be done again and again. It is for trying something on a copy
// that is thrown away; nobody may write to from meanwhile, whose tables are read one after
// the other. After an error to is empty again.
func Clone(ctx context.Context, from, to string) error {
	unmasked := func(string, []understudy.Column) (understudy.TableMasks, error) { return understudy.TableMasks{}, nil }
	c, err := newCopying(ctx, Spec{Source: from, Target: to, Masks: unmasked})
	if err != nil {
		return err
	}
	defer c.close()
	for _, step := range []func(context.Context) error{
		c.checkEnds, c.checkSameServer, c.readSchema, c.makeTables, c.fillInside, c.makeKeys, c.makeForeignKeys, c.makeCode, c.verify,
	} {
		if err := step(ctx); err != nil {
			return c.undo(ctx, err)
		}
	}
	return nil
}

func (c *copying) checkSameServer(ctx context.Context) error {
	const which = "SELECT @@hostname, @@port, @@socket, @@datadir"
	one, err := c.source.texts(ctx, "asking which server it is", which)
	if err != nil {
		return err
	}
	other, err := c.target.texts(ctx, "asking which server it is", which)
	if err != nil {
		return err
	}
	if !slices.Equal(one[0], other[0]) {
		return understudy.Errorf(understudy.KindInvalid, "cloning %s into %s: they are of two servers", c.from.place, c.to.place).WithHint("copy between servers instead")
	}
	return nil
}

// fillInside has the server move all rows from table to table.
func (c *copying) fillInside(ctx context.Context) error {
	return c.aside(ctx, c.tables, func(ctx context.Context, t *copiedTable, to *session) error {
		var list []string
		for _, column := range t.written {
			list = append(list, quoted(column.Name))
		}
		if len(list) == 0 {
			return nil
		}
		columns := strings.Join(list, ", ")
		result, err := to.conn.ExecContext(ctx, "INSERT INTO "+quoted(t.name)+" ("+columns+") SELECT "+columns+" FROM "+quoted(c.from.database)+"."+quoted(t.name))
		if err != nil {
			return t.rowFailed("filling", err)
		}
		t.rows, err = result.RowsAffected()
		return err
	})
}
