package migrationtest

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"understudy"
)

// changing are claims about what became of tables and their parts.
func changing() []claim {
	return []claim{
		{"a table that is written anew is named with its rows, one that is not is not", nil, rewritten},
		{"a column that is gone and one that is new are told", nil, columnsTold},
		{"an index that is gone is told", nil, indexGone},
		{"a new table and one that is gone are told", nil, tablesTold},
		{"rows that the migration wrote are counted, by table, and others' are not", []Ability{Counts}, rowsCounted},
		{"nothing is said to have changed where nothing was done", nil, nothingDone},
	}
}

func rewritten(t *testing.T, s Subject) {
	rows := int64(s.Dialect.Big)
	st := set(t, s, s.Dialect.Big)
	st.run(st.other(), s.Dialect.Filled("people", 1000)...)
	seen := st.watching(func() {
		st.run(st.migration, "ALTER TABLE people ADD COLUMN x integer")
		st.run(st.migration, s.Dialect.Rewrite...)
	})
	c := st.table(seen, "orders")
	if !c.Rewritten || c.Rows < rows*8/10 || c.Rows > rows*12/10 || c.Bytes < 1<<20 || c.New || c.Gone {
		t.Errorf("tables: %+v", seen.Tables)
	}
	if id, found := columnOf(c, "id"); !found || id.Was == "" || id.Is == "" || id.Was == id.Is {
		t.Errorf("the type of id: %+v", c.Columns)
	}
	if c := st.table(seen, "people"); c.Rewritten {
		t.Errorf("people was not written anew: %+v", c)
	}
	if s.Engine.Has(LogSize) && seen.LogBytes < 1<<20 {
		t.Errorf("logged %d bytes", seen.LogBytes)
	}
	peak := seen.BytesBefore + c.Bytes/4
	if seen.Every > 50*time.Millisecond { // looks so far apart may have missed it, and the observation says so
		peak = seen.BytesBefore
	}
	if seen.BytesBefore <= 0 || seen.BytesPeak < seen.BytesAfter || seen.BytesPeak < peak {
		t.Errorf("bytes before %d, at most %d, after %d, looking every %s", seen.BytesBefore, seen.BytesPeak, seen.BytesAfter, seen.Every)
	}
}

func columnsTold(t *testing.T, s Subject) {
	st := set(t, s, 10)
	seen := st.watching(func() {
		st.run(st.migration, "ALTER TABLE orders DROP COLUMN note", "ALTER TABLE orders ADD COLUMN paid integer NOT NULL DEFAULT 0")
	})
	c := st.table(seen, "orders")
	if note, found := columnOf(c, "note"); !found || note.Was == "" || note.Is != "" {
		t.Errorf("columns: %+v", c.Columns)
	}
	if paid, found := columnOf(c, "paid"); !found || paid.Was != "" || paid.Is == "" || !paid.NotNull || !paid.Default {
		t.Errorf("columns: %+v", c.Columns)
	}
	if _, found := columnOf(c, "status"); found || len(c.Columns) != 2 {
		t.Errorf("columns: %+v", c.Columns)
	}
}

func indexGone(t *testing.T, s Subject) {
	st := set(t, s, 10)
	st.run(st.other(), s.Dialect.Slow)
	seen := st.watching(func() { st.run(st.migration, s.Dialect.DropIndex) })
	if i, found := indexOf(seen, "by_note"); !found || !i.Gone || i.New || i.Replaced || i.Table != s.Dialect.Relation("orders") {
		t.Errorf("indexes: %+v", seen.Indexes)
	}
}

func tablesTold(t *testing.T, s Subject) {
	st := set(t, s, 10)
	seen := st.watching(func() {
		st.run(st.migration, "CREATE TABLE fresh (id integer NOT NULL PRIMARY KEY)", "DROP TABLE orders")
	})
	if c := st.table(seen, "fresh"); !c.New || c.Gone || c.Rewritten {
		t.Errorf("tables: %+v", seen.Tables)
	}
	if c := st.table(seen, "orders"); !c.Gone || c.New || c.Rewritten {
		t.Errorf("tables: %+v", seen.Tables)
	}
	if len(st.locked(seen, "orders", understudy.StopsWrites)) == 0 {
		t.Errorf("locks: %+v", seen.Locks)
	}
}

func rowsCounted(t *testing.T, s Subject) {
	st := set(t, s, 1000)
	shop := st.other()
	st.run(shop, s.Dialect.Filled("people", 100)...)
	seen := st.watching(func() {
		st.run(st.migration, "UPDATE orders SET status = 'old'")
		st.run(shop, "UPDATE orders SET status = 'paid' WHERE id <= 100", "DELETE FROM orders WHERE id = 900")
		st.run(st.migration, "BEGIN", "DELETE FROM orders WHERE id <= 300", "INSERT INTO people (id, status, note) VALUES (1001, 'a', 'b')", "COMMIT",
			"BEGIN", "DELETE FROM people", "ROLLBACK")
	})
	if c := st.table(seen, "orders"); c.Updated != 1000 || c.Deleted != 300 || c.Inserted != 0 || c.LargestWrite != 1000 || c.Rewritten {
		t.Errorf("tables: %+v", seen.Tables)
	}
	if c := st.table(seen, "people"); c.Inserted != 1 {
		t.Errorf("tables: %+v", seen.Tables)
	}
}

func nothingDone(t *testing.T, s Subject) {
	st := set(t, s, 10)
	seen := st.watching(func() { st.run(st.migration, "SELECT count(*) FROM orders") })
	if len(seen.Tables)+len(seen.Indexes)+len(seen.Constraints)+len(seen.Objects)+len(seen.Waits) != 0 {
		t.Errorf("it is said that %+v", seen)
	}
	if found := st.locked(seen, "orders", understudy.StopsWrites); len(found) != 0 {
		t.Errorf("locks: %+v", found)
	}
	if seen.Server == "" || seen.Began.IsZero() {
		t.Errorf("the server is %q, the beginning %v", seen.Server, seen.Began)
	}
}

// ending are claims about failures, secrecy, and what stays.
func ending() []claim {
	return []claim{
		{"a statement that fails is told as failed", []Ability{Statements}, failureTold},
		{"what is rolled back has changed nothing, and its lock is told", []Ability{Undoes}, rolledBack},
		{"what the server committed before a failure is told", nil, halfDone},
		{"statements are told in order, without the values in them", []Ability{Statements, Short}, statementsTold},
		{"nothing that is told has a value in it", nil, noValues},
		{"what others were refused is counted, without the values", []Ability{Refused}, errorsTold},
		{"the server is left as it was", nil, leftAsWas},
	}
}

func failureTold(t *testing.T, s Subject) {
	st := set(t, s, 10)
	seen := st.watching(func() {
		st.run(st.migration, "ALTER TABLE orders ADD COLUMN x integer")
		st.fails(st.migration, "CREATE UNIQUE INDEX one_status ON orders (status)")
	})
	if n := len(seen.Statements); n != 2 || !seen.Statements[1].Failed || seen.Statements[0].Failed || !seen.Statements[0].Commits || seen.Statements[1].Commits {
		t.Errorf("statements: %+v", seen.Statements)
	}
	if i, found := indexOf(seen, "one_status"); found {
		t.Errorf("indexes: %+v", i)
	}
}

func rolledBack(t *testing.T, s Subject) {
	st := set(t, s, 10)
	seen := st.watching(func() {
		st.run(st.migration, "BEGIN", "ALTER TABLE orders ADD COLUMN x integer")
		lasting(longEnough / 4)
		st.run(st.migration, "ROLLBACK")
	})
	if c := st.table(seen, "orders"); len(c.Columns) != 0 || c.Rewritten {
		t.Errorf("tables: %+v", seen.Tables)
	}
	found := st.locked(seen, "orders", understudy.StopsWrites)
	if len(found) == 0 || s.Engine.Has(Aborted) && !found[0].Aborted {
		t.Errorf("locks: %+v", seen.Locks)
	}
}

func halfDone(t *testing.T, s Subject) {
	st := set(t, s, 10)
	seen := st.watching(func() {
		st.run(st.migration, "ALTER TABLE orders ADD COLUMN x integer")
		st.fails(st.migration, "CREATE UNIQUE INDEX one_status ON orders (status)")
	})
	if x, found := columnOf(st.table(seen, "orders"), "x"); !found || x.Was != "" {
		t.Errorf("tables: %+v", seen.Tables)
	}
	if !s.Engine.Has(Undoes) && !strings.Contains(strings.Join(seen.Notes, "\n"), "they stay") {
		t.Errorf("notes: %q", seen.Notes)
	}
}

func statementsTold(t *testing.T, s Subject) {
	st := set(t, s, 10)
	seen := st.watching(func() {
		st.run(st.migration, "BEGIN", "UPDATE orders SET status = 'first' WHERE id = 1", "DELETE FROM orders WHERE id = 2", "COMMIT", "CREATE TABLE fresh (id integer NOT NULL PRIMARY KEY)")
	})
	at, last := 0, understudy.ObservedStatement{}
	for _, word := range []string{"UPDATE", "DELETE", "COMMIT", "CREATE TABLE"} {
		for ; at < len(seen.Statements) && !strings.Contains(seen.Statements[at].Text, word); at++ {
		}
		if at == len(seen.Statements) {
			t.Fatalf("no %s in %+v", word, seen.Statements)
		}
		is := seen.Statements[at]
		if is.Until < is.From || is.From < last.From || is.Session != 1 || is.Failed || is.Commits != (word == "COMMIT" || word == "CREATE TABLE") {
			t.Errorf("%s: %+v", word, is)
		}
		last = is
	}
}

func noValues(t *testing.T, s Subject) {
	st := set(t, s, 10)
	shop := st.other()
	seen := st.watching(func() {
		st.run(st.migration, "UPDATE orders SET note = 'Mata Hari' WHERE id = 1", "ALTER TABLE orders ADD COLUMN city varchar(40) DEFAULT 'Mata Hari'")
		st.run(st.migration, s.Dialect.Hold...)
		done := st.begun(func() { st.run(shop, "UPDATE orders SET note = 'Mata Hari' WHERE note = 'Mata Hari'") })
		st.run(st.migration, s.Dialect.Release...)
		done()
		st.fails(shop, "INSERT INTO orders (id, status, note) VALUES (4, 'Mata Hari', 'Mata Hari')")
		st.fails(st.migration, "CREATE UNIQUE INDEX u ON orders (status)")
	})
	raw, err := json.Marshal(seen)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(raw), "Mata Hari") {
		t.Errorf("it says %s", raw)
	}
}

func errorsTold(t *testing.T, s Subject) {
	st := set(t, s, 10)
	shop := st.other()
	seen := st.watching(func() {
		for _, id := range []string{"4", "5"} {
			st.fails(shop, "INSERT INTO orders (id, status, note) VALUES ("+id+", 'x', 'y')")
		}
	})
	if len(seen.Errors) != 1 || seen.Errors[0].Times != 2 || seen.Errors[0].Code == "" || !strings.Contains(seen.Errors[0].Who, "shop") || strings.Contains(seen.Errors[0].Message, "4") {
		t.Errorf("errors: %+v", seen.Errors)
	}
}

func leftAsWas(t *testing.T, s Subject) {
	st := set(t, s, 10)
	before := s.Acts.Left(t, st.place)
	st.watching(func() {
		if s.Acts.Left(t, st.place) == "" {
			t.Error("nothing is looked at")
		}
	})
	if after := s.Acts.Left(t, st.place); after != before {
		t.Errorf("before\n%s\nafter\n%s", before, after)
	}
}
