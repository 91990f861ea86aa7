package cluster_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"understudy/internal/postgres/cluster"
	"understudy/internal/postgres/postgrestest"
)

func TestReplace_PutsAClusterInTheOthersPlaceAndRemovesWhatStoodThere(t *testing.T) {
	folder := postgrestest.Folder(t)
	spec := postgrestest.Spec(folder, 0)
	current := postgrestest.Started(t, spec)
	spec.Dir, spec.SocketDir, spec.Log = filepath.Join(folder, "data.next"), filepath.Join(folder, "n"), filepath.Join(folder, "log.next")
	next := postgrestest.Started(t, spec)
	postgrestest.Exec(t, current, "postgres", "CREATE TABLE old ()")
	postgrestest.Exec(t, next, "postgres", "CREATE TABLE new ()")
	if err := current.Replace(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	if current.Running(t.Context()) || next.Running(t.Context()) {
		t.Error("one of the servers runs")
	}
	for _, gone := range []string{spec.Dir, spec.SocketDir, spec.Log} {
		if _, err := os.Lstat(gone); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there: %v", gone, err)
		}
	}
	if err := current.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := value(t, current, "postgres", "SELECT string_agg(relname, ' ') FROM pg_class WHERE relnamespace = 'public'::regnamespace"); got != "new" {
		t.Errorf("it holds %s", got)
	}
}

func TestReplace_OfNothingIsAMove(t *testing.T) {
	folder := postgrestest.Folder(t)
	spec := postgrestest.Spec(folder, 0)
	spec.Dir = filepath.Join(folder, "data.next")
	next := postgrestest.Started(t, spec)
	postgrestest.Exec(t, next, "postgres", "CREATE TABLE new ()")
	current := cluster.New(postgrestest.Spec(folder, 0))
	if err := current.Replace(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	if err := current.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := value(t, current, "postgres", "SELECT count(*)::text FROM new"); got != "0" {
		t.Errorf("it holds %s", got)
	}
}
