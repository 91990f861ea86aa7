package sqlite_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"understudy"
	"understudy/internal/sqlite"
)

func TestDuplicate_IsTheSameDatabaseAndLeavesTheSourceAlone(t *testing.T) {
	t.Parallel()
	from, to := empty(t), filepath.Join(t.TempDir(), "to.db")
	for _, statement := range everything() {
		if err := run(t.Context(), from, statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	writer, err := connected(from)
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	for _, statement := range []string{"BEGIN IMMEDIATE", "DELETE FROM loose"} { // not of the copy's moment
		if _, err := writer.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	before, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second replaces the first
		if err := sqlite.Duplicate(t.Context(), "sqlite://"+from, to); err != nil {
			t.Fatal(err)
		}
	}
	if after, err := os.ReadFile(from); err != nil || string(after) != string(before) {
		t.Errorf("the source was written to: %v", err)
	}
	if _, err := writer.Exec("ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if made, err := os.Stat(to); err != nil || made.Mode().Perm() != 0o600 {
		t.Errorf("others may read it: %v, %v", made, err)
	}
	a, errA := sqlite.Print(t.Context(), from)
	b, errB := sqlite.Print(t.Context(), to)
	if errA != nil || errB != nil || len(a) == 0 || len(a.Diff(b)) != 0 {
		t.Errorf("the rows differ: %v, %v, %v", a.Diff(b), errA, errB)
	}
	one, errA := sqlite.Schema(t.Context(), from)
	two, errB := sqlite.Schema(t.Context(), to)
	if errA != nil || errB != nil || !slices.Equal(one, two) {
		t.Errorf("the schemas are\n%q\n%q (%v, %v)", one, two, errA, errB)
	}
}

func TestDuplicate_ThatIsEndedLeavesNothing(t *testing.T) {
	t.Parallel()
	from, to := empty(t), filepath.Join(t.TempDir(), "to.db")
	if err := run(t.Context(), from, "CREATE TABLE t (id INTEGER PRIMARY KEY)"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := sqlite.Duplicate(ctx, from, to); err == nil {
		t.Error("it was made although it was ended")
	}
	if err := sqlite.Duplicate(t.Context(), to, to+"2"); understudy.KindOf(err) != understudy.KindNotFound {
		t.Errorf("got %v", err)
	}
	if left, err := filepath.Glob(to + "*"); err != nil || len(left) != 0 {
		t.Errorf("there is %v: %v", left, err)
	}
}
