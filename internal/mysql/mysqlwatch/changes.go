package mysqlwatch

import (
	"maps"
	"slices"
	"strings"
	"time"

	"understudy"
	"understudy/internal/mysql"
)

// change is what became of a table, made at first asking.
func (t *telling) change(name string) *understudy.TableChange {
	c := t.changes[name]
	if c == nil {
		c = &understudy.TableChange{Relation: mysql.TableName(name), Kind: "table", HotBefore: -1, HotAfter: -1}
		was, is := t.before.tables[name], t.after.tables[name]
		switch {
		case was != nil:
			c.Kind, c.Rows, c.Bytes, c.Gone = was.kind, was.rows, was.bytes, is == nil
		case is != nil:
			c.Kind, c.Rows, c.Bytes, c.New = is.kind, is.rows, is.bytes, true
		default: // made and taken away again
			c.New, c.Gone = true, true
		}
		t.changes[name] = c
	}
	return c
}

func (t *telling) tellTables() {
	for name := range t.before.tables {
		if t.after.tables[name] == nil {
			t.change(name)
		}
	}
	for name, is := range t.after.tables {
		was := t.before.tables[name]
		if was == nil {
			t.change(name)
			t.tellColumns(name, &table{}, is)
			continue
		}
		t.tellColumns(name, was, is)
	}
	t.tellHow()
	t.tellWrites()
	for _, name := range slices.Sorted(maps.Keys(t.changes)) {
		c := t.changes[name]
		if c.New && c.Gone {
			continue
		}
		if is := t.after.tables[name]; is != nil && c.Rewritten && c.Bytes == 0 {
			c.Bytes = is.bytes
		}
		if c.Inserted+c.Updated+c.Deleted > 0 {
			for o := range t.after.objects {
				if o.kind == "trigger" && o.table == name {
					c.Triggers = append(c.Triggers, o.name)
				}
			}
			slices.Sort(c.Triggers)
		}
		t.seen.Tables = append(t.seen.Tables, *c)
	}
}

func (t *telling) tellColumns(name string, was, is *table) {
	var changes []understudy.ColumnChange
	for _, column := range slices.Sorted(maps.Keys(union(was.columns, is.columns))) {
		a, had := was.columns[column]
		b, has := is.columns[column]
		lost := had && has && was.histogram[column] && !is.histogram[column]
		if had && has && a.kind == b.kind && a.nullable == b.nullable && a.standard == b.standard && !lost {
			continue
		}
		changes = append(changes, understudy.ColumnChange{
			Name: column, Was: a.kind, Is: b.kind, Default: has && b.standard && !a.standard, LostStatistics: lost,
			NotNull: has && !b.nullable && (!had || a.nullable), Nulls: had && has && b.nullable && !a.nullable,
		})
	}
	if len(changes) > 0 {
		t.change(name).Columns = changes
	}
	t.tellRoom(name, was, is)
}

// tellRoom says how much of an AUTO_INCREMENT's values is used up, where it is new or its
// type was changed.
func (t *telling) tellRoom(name string, was, is *table) {
	for column, c := range is.columns {
		if !c.counts || was.columns[column] == c || is.counter == 0 {
			continue
		}
		most := largest(c.kind)
		if most > 0 {
			t.seen.Objects = append(t.seen.Objects, understudy.ObjectChange{Kind: "sequence", Name: column, Table: mysql.TableName(name), New: was.columns[column].kind == "", Room: float64(is.counter) / most})
		}
	}
}

// largest is the largest value of a type of whole numbers; 0 of another.
func largest(kind string) float64 {
	bits := map[string]int{"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "bigint": 64}[strings.SplitN(strings.SplitN(kind, " ", 2)[0], "(", 2)[0]]
	if bits == 0 {
		return 0
	}
	if !strings.Contains(kind, "unsigned") {
		bits--
	}
	most := 1.0
	for range bits {
		most *= 2
	}
	return most - 1
}

// tellHow says how each table was altered, by what the server did: the stages that the
// statement went through, whether the table has another identity now, whether an index has.
func (t *telling) tellHow() {
	order := []string{"", "INSTANT", "INPLACE", "COPY"}
	for _, s := range t.statements {
		uses := t.usesOf(s)
		if !t.mine(s.thread) || !s.changesDefinitions() || len(uses) == 0 {
			continue
		}
		name := uses[0].table
		if s.name == "truncate" {
			if !s.failed {
				t.change(name).Emptied = true
			}
			continue
		}
		how := t.how(s)
		if how == "" {
			continue
		}
		rebuilt := how == "COPY" && s.rows > 0 || t.logged(s)
		c := t.change(name)
		if slices.Index(order, how) > slices.Index(order, c.How) {
			c.How = how
		}
		c.Rewritten, c.RewrittenInVain = c.Rewritten || rebuilt && !s.failed, c.RewrittenInVain || rebuilt && s.failed
	}
	for name, was := range t.before.tables { // what no statement was seen to do
		is := t.after.tables[name]
		if is != nil && was.identity != is.identity && was.identity != 0 && is.identity != 0 {
			if c := t.change(name); !c.Emptied && !c.Rewritten && (c.How == "COPY" || c.How == "INPLACE" || c.How == "") {
				c.Rewritten = true
			}
		}
	}
	t.tellRenamed()
}

// how is the server's word for the way in which a statement altered its table.
func (t *telling) how(s *statement) string {
	how := ""
	for _, st := range t.stagesOf(s) {
		switch {
		case st.name == "stage/sql/copy to tmp table":
			return "COPY"
		case strings.HasPrefix(st.name, "stage/innodb/alter table"):
			how = "INPLACE"
		case how == "" && st.name == "stage/sql/altering table":
			how = "INSTANT"
		}
	}
	return how
}

// logged tells of a change in place that wrote the whole table anew: changes that others
// made meanwhile are kept in the log of a table then, not of an index.
func (t *telling) logged(s *statement) bool {
	return slices.ContainsFunc(t.stagesOf(s), func(st stage) bool { return st.name == "stage/innodb/alter table (log apply table)" })
}

// tellRenamed marks tables that took the place of others under their name: a copy that was
// filled and renamed is a table written anew by hand.
func (t *telling) tellRenamed() {
	for name, was := range t.before.tables {
		is := t.after.tables[name]
		if is == nil || was.identity == 0 || is.identity == 0 || was.identity == is.identity {
			continue
		}
		for other, b := range t.before.tables {
			if other != name && b.identity == is.identity { // one that was there before has its name now
				t.change(name).Rewritten = false
			}
		}
	}
}

// tellWrites adds up the rows that the migration's statements wrote and that were not
// rolled back.
func (t *telling) tellWrites() {
	type inTransaction struct {
		thread int64
		until  time.Duration
		table  string
	}
	written := map[inTransaction]int64{}
	for _, s := range t.statements {
		what := s.writes()
		if !t.mine(s.thread) || what == "" || s.rows == 0 || s.failed {
			continue
		}
		name, sure := t.target(s)
		if name == "" {
			continue
		}
		if !sure {
			t.exactWrites = false
			t.note("a statement wrote to several tables: its rows are counted for the first")
		}
		key := inTransaction{s.thread, s.until, name}
		if tx, found := t.transactionAt(s.thread, s.until); found {
			if !tx.committed {
				continue
			}
			key.until = tx.until
		}
		c := t.change(name)
		switch what {
		case "insert":
			c.Inserted += s.rows
		case "update":
			c.Updated += s.rows
		case "delete":
			c.Deleted += s.rows
		}
		written[key] += s.rows
		c.LargestWrite = max(c.LargestWrite, written[key])
	}
}

// target is the table that a statement wrote to, and whether it was the only one.
func (t *telling) target(s *statement) (name string, sure bool) {
	sure = true
	for _, u := range t.usesOf(s) {
		switch {
		case !u.write || u.table == name:
		case name == "":
			name = u.table
		default:
			sure = false
		}
	}
	return name, sure
}

func union[K comparable, V any](a, b map[K]V) map[K]V {
	all := maps.Clone(a)
	if all == nil {
		all = map[K]V{}
	}
	maps.Copy(all, b)
	return all
}

func (t *telling) tellIndexes() {
	for name, now := range union(t.before.indexes, t.after.indexes) {
		if t.before.tables[name.table] == nil || t.after.tables[name.table] == nil {
			continue // it came or went with its table
		}
		was, is := t.before.indexes[name], t.after.indexes[name]
		c := understudy.IndexChange{
			Name: mysql.TableName(name.table) + "." + name.name, Table: mysql.TableName(name.table), Columns: now.columns, Unique: now.unique, New: was == nil, Gone: is == nil,
		}
		same := was != nil && is != nil && slices.Equal(was.columns, is.columns) && was.unique == is.unique
		tableAnew := t.before.tables[name.table].identity != t.after.tables[name.table].identity
		c.Rebuilt = was != nil && is != nil && (!same || was.identity != is.identity && !tableAnew)
		if same && !c.Rebuilt {
			continue
		}
		if c.Gone {
			c.Replaced = t.replaced(name, was)
			if c.Replaced {
				c.Gap = t.gone(name)
			}
		}
		t.seen.Indexes = append(t.seen.Indexes, c)
	}
	slices.SortFunc(t.seen.Indexes, func(a, b understudy.IndexChange) int { return strings.Compare(a.Name, b.Name) })
}

// replaced tells whether another index begins with the columns of one that is gone.
func (t *telling) replaced(gone indexName, was *index) bool {
	for name, is := range t.after.indexes {
		if name.table == gone.table && len(is.columns) >= len(was.columns) && slices.Equal(is.columns[:len(was.columns)], was.columns) {
			return true
		}
	}
	return false
}

func (t *telling) tellConstraints() {
	for name, now := range union(t.before.constraints, t.after.constraints) {
		was, is := t.before.constraints[name], t.after.constraints[name]
		if was == is {
			continue
		}
		kind, other, _ := strings.Cut(now, "\x00")
		c := understudy.ConstraintChange{Name: name.name, Table: mysql.TableName(name.table), Kind: kind, New: is != "", Gone: is == ""}
		if other != "" {
			c.References = mysql.TableName(other)
		}
		t.seen.Constraints = append(t.seen.Constraints, c)
	}
	slices.SortFunc(t.seen.Constraints, func(a, b understudy.ConstraintChange) int { return strings.Compare(a.Table+a.Name, b.Table+b.Name) })
}

func (t *telling) tellObjects() {
	for name := range union(t.before.objects, t.after.objects) {
		was, had := t.before.objects[name]
		is, has := t.after.objects[name]
		if had && has && was == is {
			continue
		}
		o := understudy.ObjectChange{Kind: name.kind, Name: name.name, New: !had, Gone: !has}
		if name.table != "" {
			o.Table = mysql.TableName(name.table)
		}
		t.seen.Objects = append(t.seen.Objects, o)
	}
	slices.SortFunc(t.seen.Objects, func(a, b understudy.ObjectChange) int { return strings.Compare(a.Kind+a.Name, b.Kind+b.Name) })
}
