package mysql

import (
	"context"
	"testing"
	"time"

	"understudy/internal/mysql/mysqltest"
)

func TestGuard_SeesWhoWaitsToChangeATableOfItsOwnDatabaseOnly(t *testing.T) {
	t.Parallel()
	url, name := mysqltest.Database(t)
	_, other := mysqltest.Database(t)
	reader := mysqltest.Open(t, mysqltest.Server(t), name)
	held, err := reader.BeginTx(t.Context(), nil)
	check(t, err)
	defer held.Rollback() //nolint:errcheck // it has ended, or the test has
	admin := mysqltest.Open(t, mysqltest.Server(t), "")
	for _, statement := range []string{"CREATE TABLE " + quoted(name) + ".t (id int)", "CREATE TABLE " + quoted(other) + ".t (id int)"} {
		_, err := admin.ExecContext(t.Context(), statement)
		check(t, err)
	}
	_, err = held.ExecContext(t.Context(), "SELECT * FROM t")
	check(t, err)
	changed := make(chan error, 1)
	go func() {
		_, err := admin.ExecContext(context.WithoutCancel(t.Context()), "ALTER TABLE "+quoted(name)+".t ADD COLUMN later int")
		changed <- err
	}()
	at, err := parseAddress(url)
	check(t, err)
	s, err := connect(t.Context(), at)
	check(t, err)
	defer s.close()
	waiting := func(database string) int64 {
		n, err := s.number(t.Context(), "looking", waitersQuery, database, database)
		check(t, err)
		return n
	}
	for limit := time.Now().Add(time.Minute); waiting(name) != 1; {
		if time.Now().After(limit) {
			t.Fatal("a session in no database that waits to change a table was not seen")
		}
	}
	if n := waiting(other); n != 0 {
		t.Errorf("%d sessions wait to change a table of a database that nobody changes", n)
	}
	check(t, held.Rollback())
	check(t, <-changed)
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
