package mysql_test

import (
	"slices"
	"testing"

	"understudy"
	"understudy/internal/mysql"
	"understudy/internal/mysql/mysqltest"
)

func TestClone_InsideAServerIsTheSameDatabaseAndApart(t *testing.T) {
	t.Parallel()
	from, to := empty(t), empty(t)
	runs(t, from, everything()...)
	if err := mysql.Clone(t.Context(), from, to); err != nil {
		t.Fatalf("%v (hint: %s)", err, understudy.HintOf(err))
	}
	a, errA := mysql.Print(t.Context(), from)
	b, errB := mysql.Print(t.Context(), to)
	if errA != nil || errB != nil || len(a) == 0 || len(a.Diff(b)) != 0 {
		t.Errorf("the rows differ: %v, %v, %v", a.Diff(b), errA, errB)
	}
	one, errA := mysql.Schema(t.Context(), from)
	two, errB := mysql.Schema(t.Context(), to)
	gone, fresh := understudy.DiffDefinitions(one, two)
	if errA != nil || errB != nil || len(gone)+len(fresh) != 0 {
		t.Errorf("gone %q, new %q (%v, %v)", gone, fresh, errA, errB)
	}
	runs(t, to, "DELETE FROM nothing", "UPDATE orders SET total = 3 WHERE id = 7")
	after, err := mysql.Print(t.Context(), to)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, change := range a.Diff(after) {
		told = append(told, change.String())
	}
	want := []string{"main.nothing lost 3 rows: 3 before, 0 after", "values of main.nothing.x changed: 2 not null before, 0 after", "values of main.orders.total changed: 2 not null before, 2 after"}
	if !slices.Equal(told, want) {
		t.Errorf("it is told that %q", told)
	}
}

func TestClone_RefusesAFullTargetAndAnotherServer(t *testing.T) {
	t.Parallel()
	from, full := empty(t), empty(t)
	runs(t, full, "CREATE TABLE there (id int)")
	if err := mysql.Clone(t.Context(), from, full); understudy.KindOf(err) != understudy.KindConflict {
		t.Errorf("got %v", err)
	}
	other := mysqltest.New(mysqltest.Folder(t), "other")
	if err := other.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := other.EnsureDatabase(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	if err := mysql.Clone(t.Context(), from, other.URL("shop")); understudy.KindOf(err) != understudy.KindInvalid {
		t.Errorf("got %v", err)
	}
}
