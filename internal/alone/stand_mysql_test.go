package alone

import (
	"database/sql"
	"testing"

	"understudy/internal/laboratory"
	"understudy/internal/mysql/mysqltest"
	"understudy/internal/rehearsal"
)

func TestShift_MovesTheNumbersOfMySQLAlsoOfWhatIsMadeLaterAndOnlyUntilItIsTakenBack(t *testing.T) { // not parallel: it is of all the server
	_, name := mysqltest.Database(t)
	server := mysqltest.Server(t)
	s := &mysqlStand{subject{name: name}, server}
	_, _ = laboratory.Shifter(s), laboratory.Shifter(&postgresStand{})
	number := func(db *sql.DB, table string) (n int64) {
		t.Helper()
		done, err := db.ExecContext(t.Context(), "INSERT INTO "+table+" (total) VALUES (5)")
		if err == nil {
			n, err = done.LastInsertId()
		}
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	create := func(db *sql.DB, table string) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), "CREATE TABLE "+table+" (id int PRIMARY KEY AUTO_INCREMENT, total int)"); err != nil {
			t.Fatal(err)
		}
	}
	before := mysqltest.Open(t, server, name)
	create(before, "orders")
	if n := number(before, "orders"); n != 1 {
		t.Fatalf("the first row has number %d", n)
	}
	back, err := s.Shift(t.Context(), rehearsal.Work)
	if err != nil {
		t.Fatal(err)
	}
	migrating := mysqltest.Open(t, server, name)
	create(migrating, "audit")
	if n, m := number(migrating, "orders"), number(migrating, "audit"); n == 2 || m == 1 {
		t.Errorf("the next rows have numbers %d and %d, as if nothing had been rolled back", n, m)
	}
	if err := back(t.Context()); err != nil {
		t.Fatal(err)
	}
	after := mysqltest.Open(t, server, name)
	create(after, "later")
	if n, m := number(after, "later"), number(after, "later"); n != 1 || m != 2 {
		t.Errorf("after it was taken back, rows have numbers %d and %d", n, m)
	}
}
