package migrate_test

import (
	"io"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"understudy/examples/shop/internal/migrate"
	"understudy/examples/shop/internal/shoptest"
)

func file(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

func first() fstest.MapFS {
	return fstest.MapFS{
		"0001_a.sql": file("CREATE TABLE a (id int);\nINSERT INTO a VALUES (1);\n"), "0001_a.down.sql": file("DROP TABLE a;\n"),
	}
}

func second() fstest.MapFS {
	return fstest.MapFS{
		"0002_b.sql":      file("-- no transaction\nCREATE INDEX CONCURRENTLY IF NOT EXISTS a_idx ON a (id);\n"),
		"0002_b.down.sql": file("-- no transaction\nDROP INDEX CONCURRENTLY IF EXISTS a_idx;\n"),
	}
}

func TestRead_RefusesAMigrationWithoutAWayBack(t *testing.T) {
	_, err := migrate.Read(fstest.MapFS{"0001_a.sql": file("SELECT 1;")})
	if err == nil || !strings.Contains(err.Error(), "0001_a has no way back") {
		t.Errorf("expected an error that names it, found %v", err)
	}
}

func TestMigrator(t *testing.T) {
	server := shoptest.Start(t)
	run := func(t *testing.T, url, release, direction string, limit string, folders ...fstest.MapFS) string {
		t.Helper()
		var steps []migrate.Migration
		for _, folder := range folders {
			more, err := migrate.Read(folder)
			if err != nil {
				t.Fatal(err)
			}
			steps = append(steps, more...)
		}
		var out strings.Builder
		if err := (migrate.Migrator{Release: release, Migrations: steps, Out: &out}).Run(t.Context(), url, direction, limit); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}

	t.Run("Down_TakesBackOnlyWhatTheReleaseBrought", func(t *testing.T) {
		url := server.Database(t, "down")
		run(t, url, "v1", "up", "", first())
		run(t, url, "v2", "up", "", first(), second())
		if again := run(t, url, "v2", "up", "", first(), second()); again != "" {
			t.Errorf("up a second time did %q; expected nothing", again)
		}
		run(t, url, "v2", "down", "", first(), second())
		status := run(t, url, "v2", "status", "", first(), second())
		if !strings.Contains(status, "applied by v1") || !strings.Contains(status, "open") {
			t.Errorf("expected the first applied and the second open, found\n%s", status)
		}
	})

	t.Run("Up_ByTwoAtOnceIsDoneOnce", func(t *testing.T) {
		url := server.Database(t, "twice")
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() {
				steps, err := migrate.Read(first(), second())
				if err == nil {
					err = migrate.Migrator{Release: "v2", Migrations: steps, Out: io.Discard}.Run(t.Context(), url, "up", "")
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		var rows int
		if err := shoptest.Pool(t, url).QueryRow(t.Context(), "SELECT count(*) FROM a").Scan(&rows); err != nil || rows != 1 {
			t.Errorf("expected one row, found %d and %v", rows, err)
		}
	})

	t.Run("Up_ThatFailsLeavesNothing", func(t *testing.T) {
		url := server.Database(t, "failed")
		steps := []migrate.Migration{{Version: "0001", Name: "0001_bad", Up: "CREATE TABLE a ();\nSELECT 1/0;\n"}}
		err := migrate.Migrator{Release: "v1", Migrations: steps, Out: io.Discard}.Run(t.Context(), url, "up", "")
		if err == nil || !strings.Contains(err.Error(), "0001_bad") {
			t.Errorf("expected an error that names the migration, found %v", err)
		}
		run(t, url, "v1", "up", "", first())
	})
}
