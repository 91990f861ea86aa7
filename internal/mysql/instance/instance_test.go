package instance_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"understudy"
	"understudy/internal/mysql/instance"
	"understudy/internal/mysql/mysqltest"
)

func copyTree(_ context.Context, from, to string) error {
	return os.CopyFS(to, os.DirFS(filepath.Clean(from)))
}

// runs runs statements one by one in database shop.
func runs(t *testing.T, s *instance.Server, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := mysqltest.Open(t, s, "shop").Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// answer is the only value of a query in database shop.
func answer(t *testing.T, s *instance.Server, query string) (value string, err error) {
	t.Helper()
	err = mysqltest.Open(t, s, "shop").QueryRow(query).Scan(&value)
	return value, err
}

func TestServer_LivesThroughKillAndStopsTwice(t *testing.T) {
	t.Parallel()
	place := mysqltest.Place(mysqltest.Folder(t), "one")
	place.Settings["innodb_flush_log_at_trx_commit"] = "2" // what is committed outlives the process
	one, same := instance.New(place), instance.New(place)
	for _, s := range []*instance.Server{one, same} { // the second finds it running
		if err := s.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if made, err := one.EnsureDatabase(t.Context(), "shop"); err != nil || !made {
		t.Fatalf("made %v: %v", made, err)
	}
	runs(t, one, "CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t VALUES (1)")
	pid, err := os.ReadFile(filepath.Join(place.Dir, "server.pid"))
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("kill", "-KILL", strings.TrimSpace(string(pid))).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	if err := one.Start(t.Context()); err != nil {
		t.Fatalf("after a crash: %v", err)
	}
	if got, err := answer(t, one, "SELECT id FROM t"); err != nil || got != "1" {
		t.Errorf("found %q: %v", got, err)
	}
	for range 2 {
		if err := one.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if one.Running(t.Context()) {
		t.Error("it runs although it was stopped")
	}
}

func TestServer_TouchesNoFolderThatHoldsSomethingElse(t *testing.T) {
	t.Parallel()
	place := mysqltest.Place(mysqltest.Folder(t), "one")
	if err := os.MkdirAll(place.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	precious := filepath.Join(place.Dir, "precious")
	if err := os.WriteFile(precious, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := instance.New(place).Start(t.Context()); understudy.KindOf(err) != understudy.KindConflict {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(precious); err != nil {
		t.Error(err)
	}
}

func TestServer_SaysWhyItDoesNotStart(t *testing.T) {
	t.Parallel()
	place := mysqltest.Place(mysqltest.Folder(t), "one")
	s := instance.New(place)
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	place.Settings["no_such_setting"] = "1"
	err := instance.New(place).Start(t.Context())
	if understudy.KindOf(err) != understudy.KindUnavailable || !strings.Contains(err.Error(), "no-such-setting") {
		t.Errorf("got %v", err)
	}
}

func TestClone_PutsTheLastGoodServerBackAfterACrash(t *testing.T) {
	t.Parallel()
	folder := mysqltest.Folder(t)
	golden, clone := instance.New(mysqltest.Place(folder, "golden")), instance.New(mysqltest.Place(folder, "clone"))
	if err := golden.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := golden.EnsureDatabase(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	if err := golden.Clone(t.Context(), clone, false, copyTree); err != nil {
		t.Fatal(err)
	}
	if err := golden.Clone(t.Context(), clone, false, copyTree); understudy.KindOf(err) != understudy.KindConflict {
		t.Errorf("a clone that is there was not refused: %v", err)
	}
	if err := golden.Clone(t.Context(), clone, true, func(context.Context, string, string) error { return errors.New("disk full") }); err == nil {
		t.Error("a copy that failed was taken for a clone")
	}
	if err := os.Rename(filepath.Join(folder, "clone"), filepath.Join(folder, "clone.old")); err != nil { // as a crash between two renames leaves it
		t.Fatal(err)
	}
	if err := clone.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := answer(t, clone, "SELECT DATABASE()"); err != nil || got != "shop" {
		t.Errorf("found %q: %v", got, err)
	}
	if _, err := os.Stat(filepath.Join(folder, "clone.old")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the old folder is there: %v", err)
	}
}
