package sqlite_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"understudy"
	"understudy/internal/sqlite"
)

func plainCopy(_ context.Context, from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	return out.Close()
}

func unmasked(string, []understudy.Column) (understudy.TableMasks, error) {
	return understudy.TableMasks{}, nil
}

func copied(t *testing.T, from, to string, notices *[]string) error {
	t.Helper()
	_, err := sqlite.Copy(t.Context(), sqlite.Spec{Source: from, Target: to, Masks: unmasked, Notice: func(s string) {
		if notices != nil {
			*notices = append(*notices, s)
		}
	}})
	return err
}

func TestCopy_SaysClearlyWhatIsWrongWithASource(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	good := path("good.db")
	for _, statement := range []string{"CREATE TABLE t (id INTEGER PRIMARY KEY, word TEXT)", "CREATE INDEX i ON t (word)",
		"WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 5000) INSERT INTO t SELECT i, 'word ' || i FROM n"} {
		if err := run(t.Context(), good, statement); err != nil {
			t.Fatal(err)
		}
	}
	content, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	for page := 2; page < len(content)/4096; page++ { // every page but the first two is noise
		copy(content[page*4096:], strings.Repeat("\xde\xad", 2048))
	}
	for name, text := range map[string]string{"damaged.db": string(content), "text.db": "this is no database, but a text that is long enough to be looked at as if it were one......................................................."} {
		if err := os.WriteFile(path(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for source, want := range map[string]struct {
		kind understudy.Kind
		word string
	}{
		"missing.db": {understudy.KindNotFound, "there is no such file"},
		".":          {understudy.KindInvalid, "it is no file"},
		"text.db":    {understudy.KindInvalid, "no SQLite database"},
		"damaged.db": {understudy.KindInvalid, "damaged"},
	} {
		err := copied(t, path(source), path("to.db"), nil)
		if understudy.KindOf(err) != want.kind || !strings.Contains(err.Error(), want.word) {
			t.Errorf("%s: got %v of kind %q", source, err, understudy.KindOf(err))
		}
	}
	left, err := filepath.Glob(path("to.db*"))
	if err != nil || len(left) != 0 {
		t.Errorf("there is %v: %v", left, err)
	}
}

func TestCopy_WaitsForNobodyWhoHoldsTheFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	from := filepath.Join(dir, "from.db")
	db, err := connected(from)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range []string{"CREATE TABLE t (id INTEGER PRIMARY KEY)", "BEGIN EXCLUSIVE", "INSERT INTO t VALUES (1)"} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	err = copied(t, from, filepath.Join(dir, "to.db"), nil)
	if understudy.KindOf(err) != understudy.KindConflict || !strings.Contains(understudy.HintOf(err), "WAL") {
		t.Errorf("got %v (hint %q)", err, understudy.HintOf(err))
	}
}

func TestCopy_ReadsWhatIsStillInTheLogOfAWriter(t *testing.T) {
	t.Parallel()
	from := empty(t)
	db, err := connected(from) // stays open, so that nothing is checkpointed
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range []string{"CREATE TABLE t (id INTEGER PRIMARY KEY)", "INSERT INTO t VALUES (1), (2)", "BEGIN", "INSERT INTO t VALUES (3)"} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	to := filepath.Join(t.TempDir(), "to.db")
	if err := copied(t, from, to, nil); err != nil {
		t.Fatal(err)
	}
	got, err := rows(t.Context(), to, "SELECT id FROM t")
	if err != nil || strings.Join(got, ",") != "1,2" {
		t.Errorf("found %v: %v", got, err)
	}
}

func TestCopy_KeepsPageSizeEncodingAndRollbackMode(t *testing.T) {
	t.Parallel()
	from, to := filepath.Join(t.TempDir(), "a db?.db"), filepath.Join(t.TempDir(), "to.db")
	from = strings.ReplaceAll(from, "?", "%")
	db, err := connected(strings.ReplaceAll(from, "%", "%25"))
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{"PRAGMA page_size = 8192", "PRAGMA encoding = 'UTF-16le'", "PRAGMA auto_vacuum = 1", "CREATE TABLE t (word)", "INSERT INTO t VALUES ('é😀')"} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	var notices []string
	if err := copied(t, from, "sqlite://"+to, &notices); err != nil {
		t.Fatal(err)
	}
	if len(notices) != 1 || !strings.Contains(notices[0], "journal mode delete") {
		t.Errorf("noticed %q", notices)
	}
	settings, err := sqlite.ServerSettings(t.Context(), to)
	if err != nil || settings["page_size"] != "8192" || settings["encoding"] != "UTF-16le" || settings["auto_vacuum"] != "1" || settings["journal_mode"] != "delete" {
		t.Errorf("the settings are %v: %v", settings, err)
	}
	if got, err := rows(t.Context(), to, "SELECT word FROM t"); err != nil || got[0] != "é😀" {
		t.Errorf("found %q: %v", got, err)
	}
}

func TestCopy_StartsAfreshWhereOneWasCutShort(t *testing.T) {
	t.Parallel()
	from, to := empty(t), filepath.Join(t.TempDir(), "to.db")
	if err := run(t.Context(), from, "CREATE TABLE t (id INTEGER PRIMARY KEY)"); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), to+".copying", "CREATE TABLE half (made)"); err != nil {
		t.Fatal(err)
	}
	if err := copied(t, from, to, nil); err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(to + "?*"); err != nil || len(left) != 0 {
		t.Errorf("there is %v: %v", left, err)
	}
}

func TestCopy_SaysThatAContentlessIndexCannotBeReadBack(t *testing.T) {
	t.Parallel()
	from := empty(t)
	for _, statement := range []string{"CREATE VIRTUAL TABLE f USING fts5(word, content='')", "INSERT INTO f (rowid, word) VALUES (1, 'apple')"} {
		if err := run(t.Context(), from, statement); err != nil {
			t.Fatal(err)
		}
	}
	var notices []string
	if err := copied(t, from, filepath.Join(t.TempDir(), "to.db"), &notices); err != nil {
		t.Fatal(err)
	}
	if len(notices) != 1 || !strings.Contains(notices[0], "cannot be read back") {
		t.Errorf("noticed %q", notices)
	}
}

func TestClone_RefusesWhileSomebodyReadsOldLog(t *testing.T) {
	t.Parallel()
	from := empty(t)
	db, err := connected(from)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range []string{"CREATE TABLE t (id INTEGER PRIMARY KEY)", "INSERT INTO t VALUES (1)", "BEGIN IMMEDIATE"} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	err = sqlite.Clone(t.Context(), from, filepath.Join(t.TempDir(), "clone.db"), plainCopy)
	if understudy.KindOf(err) != understudy.KindConflict {
		t.Errorf("got %v", err)
	}
}
