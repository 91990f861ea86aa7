package sqlitewatch

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"understudy"
	"understudy/internal/sqlite"
)

// changes puts the difference of two catalogues into an observation. It is pure.
type changes struct {
	seen          *understudy.Observation
	before, after catalog
}

func (c changes) tell() {
	for _, name := range names(c.before.tables, c.after.tables) {
		c.tellTable(name)
	}
	for _, name := range names(c.before.indexes, c.after.indexes) {
		c.tellIndex(name)
	}
	c.tellOrphans()
	for name := range both(c.before.objects, c.after.objects) {
		was, had := c.before.objects[name]
		is, has := c.after.objects[name]
		if had && has && was == is {
			continue
		}
		o := understudy.ObjectChange{Kind: name.kind, Name: name.name, New: !had, Gone: !has}
		if name.table != "" {
			o.Table = sqlite.TableName(name.table)
		}
		c.seen.Objects = append(c.seen.Objects, o)
	}
	slices.SortFunc(c.seen.Objects, func(a, b understudy.ObjectChange) int { return strings.Compare(a.Kind+a.Name, b.Kind+b.Name) })
}

// writtenAnew tells whether every row of a table is another one than before: it has another
// root page, or a column was taken out of each row in its place.
func writtenAnew(was, is *table, moves bool) bool {
	if was.root == 0 || is.root == 0 {
		return false
	}
	gone := slices.ContainsFunc(was.columns, func(a column) bool {
		return !slices.ContainsFunc(is.columns, func(b column) bool { return a.name == b.name })
	})
	return was.root != is.root && (!moves || was.sql != is.sql) || gone && len(is.columns) < len(was.columns)
}

func (c changes) tellTable(name string) {
	was, is := c.before.tables[name], c.after.tables[name]
	t := understudy.TableChange{Relation: sqlite.TableName(name), Kind: "table", HotBefore: -1, HotAfter: -1}
	switch {
	case is == nil:
		t.Gone, t.Rows = true, was.rows
	case was == nil:
		t.New, t.Rows, t.Bytes, t.Inserted = true, is.rows, is.bytes, is.rows
		t.Columns = columnChanges(nil, is.columns)
	default:
		t.Rows, t.Bytes = was.rows, is.bytes
		t.Rewritten = writtenAnew(was, is, c.after.moves)
		t.Emptied = was.rows > 0 && is.rows == 0
		t.Inserted, t.Deleted = max(is.rows-was.rows, 0), max(was.rows-is.rows, 0)
		t.Columns = columnChanges(was.columns, is.columns)
		c.tellLost(&t, name, was)
		if was.sql == is.sql && !t.Rewritten && t.Inserted+t.Deleted == 0 && len(t.Columns) == 0 {
			return
		}
		c.tellForeign(name, was, is)
	}
	c.seen.Tables = append(c.seen.Tables, t)
}

// tellLost marks the columns with which an index begins that the planner knew, and does not
// now: writing a table anew takes its statistics with it.
func (c changes) tellLost(t *understudy.TableChange, name string, was *table) {
	for indexed, i := range c.before.indexes {
		now := c.after.indexes[indexed]
		if i.table != name || !i.statistics || len(i.columns) == 0 || now != nil && now.statistics {
			continue
		}
		t.Columns = markLost(t.Columns, i.columns[0], was)
	}
}

func markLost(all []understudy.ColumnChange, name string, was *table) []understudy.ColumnChange {
	for i := range all {
		if all[i].Name == name {
			all[i].LostStatistics = all[i].Is != ""
			return all
		}
	}
	for _, column := range was.columns {
		if column.name == name {
			return append(all, understudy.ColumnChange{Name: name, Was: column.kind, Is: column.kind, LostStatistics: true})
		}
	}
	return all
}

func columnChanges(was, is []column) []understudy.ColumnChange {
	var all []understudy.ColumnChange
	find := func(columns []column, name string) (column, bool) {
		at := slices.IndexFunc(columns, func(c column) bool { return c.name == name })
		if at < 0 {
			return column{}, false
		}
		return columns[at], true
	}
	for _, a := range was {
		b, has := find(is, a.name)
		if has && a == b {
			continue
		}
		all = append(all, understudy.ColumnChange{
			Name: a.name, Was: typeName(a), Is: typeNameIf(b, has), NotNull: has && b.notNull && !a.notNull, Nulls: has && a.notNull && !b.notNull, Default: has && b.standard && !a.standard,
		})
	}
	for _, b := range is {
		if _, had := find(was, b.name); !had {
			all = append(all, understudy.ColumnChange{Name: b.name, Is: typeName(b), NotNull: b.notNull, Default: b.standard})
		}
	}
	return all
}

// typeName is a column's type; SQLite lets it have none.
func typeName(c column) string {
	if c.kind == "" {
		return "any"
	}
	return c.kind
}

func typeNameIf(c column, there bool) string {
	if !there {
		return ""
	}
	return typeName(c)
}

func (c changes) tellForeign(name string, was, is *table) {
	tell := func(f foreign, fresh bool) {
		change := understudy.ConstraintChange{
			Name: fmt.Sprintf("%s → %s", f.from, f.to), Table: sqlite.TableName(name), Kind: "foreign key", New: fresh, Gone: !fresh, References: sqlite.TableName(f.to),
		}
		change.Unindexed = fresh && !c.indexed(name, strings.Split(f.from, ", ")[0], is)
		c.seen.Constraints = append(c.seen.Constraints, change)
	}
	for _, f := range was.foreign {
		if !slices.Contains(is.foreign, f) {
			tell(f, false)
		}
	}
	for _, f := range is.foreign {
		if !slices.Contains(was.foreign, f) {
			tell(f, true)
		}
	}
}

// indexed tells whether an index of a table, or its key, begins with a column.
func (c changes) indexed(name, first string, is *table) bool {
	for _, i := range c.after.indexes {
		if i.table == name && len(i.columns) > 0 && i.columns[0] == first {
			return true
		}
	}
	return slices.ContainsFunc(is.columns, func(c column) bool { return c.name == first && c.key == 1 })
}

func (c changes) tellIndex(name string) {
	was, is := c.before.indexes[name], c.after.indexes[name]
	now := is
	if now == nil {
		now = was
	}
	if c.before.tables[now.table] == nil || c.after.tables[now.table] == nil { // it came or went with its table
		return
	}
	i := understudy.IndexChange{Name: sqlite.TableName(name), Table: sqlite.TableName(now.table), Columns: now.columns, Unique: now.unique, New: was == nil, Gone: is == nil}
	if was != nil && is != nil {
		anew := writtenAnew(c.before.tables[now.table], c.after.tables[now.table], c.after.moves)
		i.Rebuilt = !slices.Equal(was.columns, is.columns) || was.unique != is.unique || was.root != is.root && !anew && !c.after.moves
		if !i.Rebuilt {
			return
		}
	}
	if i.Gone {
		for _, other := range c.after.indexes {
			i.Replaced = i.Replaced || other.table == was.table && len(other.columns) >= len(was.columns) && slices.Equal(other.columns[:len(was.columns)], was.columns)
		}
	}
	c.seen.Indexes = append(c.seen.Indexes, i)
}

// tellOrphans names the foreign keys that more rows break than before.
func (c changes) tellOrphans() {
	for o, is := range c.after.orphans {
		if was := c.before.orphans[o]; is > was {
			c.seen.Constraints = append(c.seen.Constraints, understudy.ConstraintChange{
				Name: fmt.Sprintf("→ %s", o.parent), Table: sqlite.TableName(o.table), Kind: "foreign key", References: sqlite.TableName(o.parent), NotValid: true,
			})
			c.seen.Notes = append(c.seen.Notes, fmt.Sprintf("%d rows of %s break their foreign key to %s, %d did before", is, sqlite.TableName(o.table), sqlite.TableName(o.parent), was))
		}
	}
	slices.Sort(c.seen.Notes)
	slices.SortFunc(c.seen.Constraints, func(a, b understudy.ConstraintChange) int { return strings.Compare(a.Table+a.Name, b.Table+b.Name) })
}

func both[K comparable, V any](a, b map[K]V) map[K]V {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

func names[V any](a, b map[string]V) []string { return slices.Sorted(maps.Keys(both(a, b))) }
