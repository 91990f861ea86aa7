package migrationtest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"understudy"
)

// locking are claims about locks and who waited for them.
func locking() []claim {
	return []claim{
		{"the lock of every short change of a table is seen", []Ability{Tables}, shortLocks},
		{"a change of the schema locks the database", nil, someLock},
		{"a lock is held as long as it was", nil, lockHeld},
		{"who waits for the migration is named, with how long and behind what", []Ability{Waiters}, waiterNamed},
		{"how long a writer could not get in is told", nil, writersOut},
		{"an index build that stops writers is seen", nil, slowIndex},
		{"an index build that lets writers in stops nobody", []Ability{Online}, onlineIndex},
		{"a reader behind a change that waits is in its queue", []Ability{Queues, OwnWaits}, queued},
		{"who waits for a row that the migration changed is seen", []Ability{RowLocks}, rowWaits},
		{"locks and waits of others are not the migration's", []Ability{Waiters}, othersApart},
	}
}

func shortLocks(t *testing.T, s Subject) {
	const tables = 20
	st := set(t, s, 10)
	for i := range tables {
		st.run(st.other(), s.Dialect.Filled(fmt.Sprintf("short%d", i), 3)...)
	}
	seen := st.watching(func() {
		for i := range tables {
			st.run(st.migration, fmt.Sprintf("ALTER TABLE short%d ADD COLUMN x integer", i))
		}
	})
	for i := range tables {
		found := st.locked(seen, fmt.Sprintf("short%d", i), understudy.StopsAll)
		if len(found) == 0 || found[0].New || found[0].Mode == "" || found[0].Kind != "table" || found[0].Aborted {
			t.Errorf("short%d: %+v", i, found)
		}
		if len(found) > 0 && s.Engine.Has(Statements) && !strings.Contains(strings.ToLower(found[0].Statement), fmt.Sprintf("short%d", i)) {
			t.Errorf("short%d was locked by %q", i, found[0].Statement)
		}
	}
	if found := st.locked(seen, "orders", understudy.StopsWrites); len(found) > 0 {
		t.Errorf("orders was not touched, and is said to have been locked: %+v", found)
	}
}

func someLock(t *testing.T, s Subject) {
	st := set(t, s, 10)
	seen := st.watching(func() { st.run(st.migration, "ALTER TABLE orders ADD COLUMN x integer") })
	if len(st.locked(seen, "orders", understudy.StopsWrites)) == 0 {
		t.Errorf("locks: %+v", seen.Locks)
	}
}

func lockHeld(t *testing.T, s Subject) {
	st := set(t, s, 10)
	var held time.Duration
	seen := st.watching(func() {
		began := time.Now()
		st.run(st.migration, s.Dialect.Hold...)
		got := time.Now()
		lasting(longEnough)
		held = time.Since(got)
		st.run(st.migration, s.Dialect.Release...)
		if time.Since(began) > held+time.Second {
			t.Logf("it took %v", time.Since(began))
		}
	})
	l := longest(st.locked(seen, "orders", understudy.StopsWrites))
	if l.Held < held/2 || // a look before it and one after it may be far apart on a busy server
		l.Held > held+time.Second || l.From < 0 || l.From > 5*time.Second {
		t.Errorf("it was held for %v; %+v", held, seen.Locks)
	}
	if s.Engine.Has(Aborted) && l.Aborted {
		t.Errorf("it was not rolled back: %+v", l)
	}
}

// lasting returns when so long has passed: what is held meanwhile is what the test is about.
func lasting(d time.Duration) { <-time.After(d) }

func waiterNamed(t *testing.T, s Subject) {
	st := set(t, s, 10)
	shop := st.other()
	var waited time.Duration
	seen := st.watching(func() {
		st.run(st.migration, s.Dialect.Hold...)
		done := st.begun(func() { st.run(shop, "UPDATE orders SET note = 'private' WHERE id = 1") })
		st.run(st.migration, s.Dialect.Release...)
		waited = done()
	})
	if len(seen.Waits) != 1 {
		t.Fatalf("waits: %+v", seen.Waits)
	}
	w := seen.Waits[0]
	if w.For < longEnough/2 || w.For > waited || w.Times != 1 || w.Total != w.For || w.Queued {
		t.Errorf("it waited for %v: %+v", waited, w)
	}
	if !strings.Contains(w.Who, "shop") || w.Relation != s.Dialect.Relation("orders") || w.Wanted == "" || w.Wanted == "row" ||
		!strings.Contains(w.Statement, "UPDATE") || !strings.Contains(w.By, strings.Fields(s.Dialect.Hold[len(s.Dialect.Hold)-1])[0]) {
		t.Errorf("wait: %+v", w)
	}
}

func writersOut(t *testing.T, s Subject) {
	st := set(t, s, 10)
	shop := st.other()
	seen := st.watching(func() {
		st.run(st.migration, s.Dialect.Hold...)
		done := st.begun(func() { st.run(shop, "UPDATE orders SET note = 'private' WHERE id = 1") })
		st.run(st.migration, s.Dialect.Release...)
		done()
	})
	for _, w := range seen.Waits {
		if w.For >= longEnough/2 && w.Who != "" && w.Wanted != "" {
			return
		}
	}
	t.Errorf("waits: %+v", seen.Waits)
}

func slowIndex(t *testing.T, s Subject) {
	st := set(t, s, s.Dialect.Big)
	var took time.Duration
	seen := st.watching(func() {
		began := time.Now()
		st.run(st.migration, s.Dialect.Slow)
		took = time.Since(began)
	})
	l := longest(st.locked(seen, "orders", understudy.StopsWrites))
	if l.Held < took/3 || l.Held > took {
		t.Errorf("the build took %v; %+v", took, seen.Locks)
	}
	if s.Engine.Has(Statements) && !strings.Contains(l.Statement, "by_note") {
		t.Errorf("the statement is %q", l.Statement)
	}
	if i, found := indexOf(seen, "by_note"); !found || !i.New || i.Gone || i.Invalid || i.Table != s.Dialect.Relation("orders") || len(i.Columns) != 1 {
		t.Errorf("indexes: %+v", seen.Indexes)
	}
}

func onlineIndex(t *testing.T, s Subject) {
	st := set(t, s, s.Dialect.Big)
	shop := st.other()
	var took time.Duration
	seen := st.watching(func() {
		began := time.Now()
		done := make(chan struct{})
		go func() {
			defer close(done)
			for i := range 20 {
				st.run(shop, fmt.Sprintf("UPDATE orders SET status = 'paid' WHERE id = %d", i))
				lasting(5 * time.Millisecond)
			}
		}()
		st.run(st.migration, s.Dialect.Online)
		took = time.Since(began)
		<-done
	})
	if l := longest(st.locked(seen, "orders", understudy.StopsWrites)); l.Held > took/2 {
		t.Errorf("the build took %v, and held %+v", took, l)
	}
	for _, w := range seen.Waits {
		if w.For > took/2 {
			t.Errorf("the build took %v, and somebody waited: %+v", took, w)
		}
	}
	if i, found := indexOf(seen, "by_note"); !found || !i.New || i.Invalid {
		t.Errorf("indexes: %+v", seen.Indexes)
	}
	if c := st.table(seen, "orders"); c.Rewritten {
		t.Errorf("tables: %+v", seen.Tables)
	}
}

func queued(t *testing.T, s Subject) {
	st := set(t, s, 10)
	report, shop := st.other(), st.other()
	seen := st.watching(func() {
		st.run(report, "BEGIN", "SELECT count(*) FROM orders")
		altered := st.begun(func() { st.run(st.migration, "ALTER TABLE orders ADD COLUMN x integer") })
		read := st.begun(func() { st.run(shop, "SELECT note FROM orders WHERE id = 7") })
		st.run(report, "COMMIT")
		altered()
		read()
	})
	if l := longest(st.locked(seen, "orders", understudy.StopsAll)); l.Waited < longEnough || !strings.Contains(l.Behind, "shop") {
		t.Errorf("locks: %+v", seen.Locks)
	}
	if len(seen.Waits) != 1 || !seen.Waits[0].Queued || seen.Waits[0].For < longEnough/2 || !strings.Contains(seen.Waits[0].By, "ADD COLUMN") {
		t.Errorf("waits: %+v", seen.Waits)
	}
}

func rowWaits(t *testing.T, s Subject) {
	st := set(t, s, 10)
	shop := st.other()
	var waited time.Duration
	seen := st.watching(func() {
		st.run(st.migration, "BEGIN", "UPDATE orders SET status = 'x'")
		done := st.begun(func() { st.run(shop, "DELETE FROM orders WHERE id = 3") })
		st.run(st.migration, "COMMIT")
		waited = done()
	})
	if len(seen.Waits) == 0 {
		t.Fatal("nobody was seen to wait")
	}
	w := seen.Waits[0]
	if w.Wanted != "row" || w.Relation != s.Dialect.Relation("orders") || w.For < longEnough/2 || w.For > waited ||
		!strings.Contains(w.Who, "shop") || !strings.Contains(w.By, "UPDATE") || !strings.Contains(w.Statement, "DELETE") {
		t.Errorf("it waited for %v: %+v", waited, w)
	}
}

func othersApart(t *testing.T, s Subject) {
	st := set(t, s, 10)
	holder, waiter := st.other(), st.other()
	seen := st.watching(func() {
		st.run(holder, s.Dialect.Hold...)
		done := st.begun(func() { st.run(waiter, "UPDATE orders SET note = 'x' WHERE id = 1") })
		st.run(holder, s.Dialect.Release...)
		done()
	})
	if len(seen.Locks) != 0 || len(seen.Waits) != 0 || len(seen.Statements) != 0 {
		t.Errorf("locks %+v, waits %+v, statements %+v", seen.Locks, seen.Waits, seen.Statements)
	}
	if c := st.table(seen, "orders"); c.Updated != 0 {
		t.Errorf("tables: %+v", seen.Tables)
	}
}
