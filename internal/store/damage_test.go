package store_test

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"understudy"
	"understudy/internal/store"
)

// spoilings are what can happen to the file of a store.
func spoilings() map[string]func(t *testing.T, path string) {
	return map[string]func(t *testing.T, path string){
		"missing": func(t *testing.T, path string) { must(t, os.Remove(path)) },
		"empty":   func(t *testing.T, path string) { must(t, os.Truncate(path, 0)) },
		"overwritten at its head": func(t *testing.T, path string) {
			overwrite(t, path, 0, bytes.Repeat([]byte("x"), 100))
		},
		"overwritten in the middle": func(t *testing.T, path string) {
			overwrite(t, path, 4096, bytes.Repeat([]byte{0xff}, 8192))
		},
		"cut short": func(t *testing.T, path string) {
			info, err := os.Stat(path)
			must(t, err)
			must(t, os.Truncate(path, info.Size()/2))
		},
		"another store": func(t *testing.T, path string) {
			url := sqliteURL(t)
			must(t, open(t, url).Close())
			raw, err := os.ReadFile(strings.TrimPrefix(url, "sqlite:"))
			must(t, err)
			must(t, os.WriteFile(path, raw, 0o600))
		},
	}
}

func TestOpen_RefusesASpoiltFileAndItsCommandRestoresIt(t *testing.T) {
	for name, spoil := range spoilings() {
		t.Run(name, func(t *testing.T) {
			url, path, backup := backedUp(t)
			spoil(t, path)
			_, err := store.Open(t.Context(), url)
			if understudy.KindOf(err) != understudy.KindInternal || !strings.Contains(err.Error(), path) {
				t.Fatalf("found %v", err)
			}
			hint := understudy.HintOf(err)
			if !strings.Contains(hint, backup) {
				t.Fatalf("the newest backup %s is not named: %s", backup, hint)
			}
			runCommand(t, hint)
			all, err := store.All[int](t.Context(), open(t, url), "number")
			if err != nil || len(all) != 300 {
				t.Fatalf("%d records came back, %v", len(all), err)
			}
		})
	}
}

func TestOpen_PassesOverABackupThatIsSpoiltItself(t *testing.T) {
	url, path, first := backedUp(t)
	s := open(t, url)
	second, err := s.Backup(t.Context())
	must(t, err)
	must(t, s.Close())
	overwrite(t, second, 4096, bytes.Repeat([]byte{0xff}, 8192))
	must(t, os.Remove(path))
	_, err = store.Open(t.Context(), url)
	if hint := understudy.HintOf(err); !strings.Contains(hint, first) || strings.Contains(hint, second) {
		t.Fatalf("found %v: %s", err, hint)
	}
}

func TestOpen_BeginsBlankOnlyOnPurpose(t *testing.T) {
	url := sqliteURL(t)
	path := strings.TrimPrefix(url, "sqlite:")
	s := open(t, url)
	must(t, s.Put(t.Context(), "play", "hamlet", 5))
	must(t, s.Close())
	must(t, os.Remove(path))
	_, err := store.Open(t.Context(), url)
	if understudy.KindOf(err) != understudy.KindInternal || !strings.Contains(understudy.HintOf(err), "there is no backup") {
		t.Fatalf("found %v: %s", err, understudy.HintOf(err))
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Fatalf("a refused Open left a file: %v", err)
	}
	runCommand(t, understudy.HintOf(err0(store.Open(t.Context(), url))))
	open(t, url)
}

func TestOpen_FinishesAStoreWhoseMakingWasCutShort(t *testing.T) {
	for _, left := range []string{"an empty file", "no marker"} {
		t.Run(left, func(t *testing.T) {
			url := sqliteURL(t)
			path := strings.TrimPrefix(url, "sqlite:")
			s := open(t, url)
			must(t, s.Close())
			must(t, os.Remove(filepath.Join(filepath.Dir(path), "store.id")))
			if left == "an empty file" {
				must(t, os.Truncate(path, 0))
			}
			must(t, open(t, url).Put(t.Context(), "play", "hamlet", 5))
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), "store.id")); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestOpen_FinishesADatabaseWithoutTables(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	db, err := sql.Open("sqlite", path)
	must(t, err)
	_, err = db.ExecContext(t.Context(), "PRAGMA journal_mode = WAL")
	must(t, errors.Join(err, db.Close()))
	if info, err := os.Stat(path); err != nil || info.Size() == 0 {
		t.Fatalf("the file is not begun: %v, %v", info, err)
	}
	open(t, "sqlite:"+path)
}

func TestOpen_LeavesADatabaseOfAnotherProgramAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	db, err := sql.Open("sqlite", path)
	must(t, err)
	_, err = db.ExecContext(t.Context(), "CREATE TABLE theirs (x)")
	must(t, errors.Join(err, db.Close()))
	if _, err := store.Open(t.Context(), "sqlite:"+path); understudy.KindOf(err) != understudy.KindInternal {
		t.Fatalf("found %v", err)
	}
}

func TestBackup_KeepsTheLastFiveWhole(t *testing.T) {
	url := sqliteURL(t)
	s := open(t, url)
	var made []string
	for i := range 8 {
		must(t, s.Put(t.Context(), "number", fmt.Sprint(i), i))
		path, err := s.Backup(t.Context())
		must(t, err)
		made = append(made, path)
	}
	kept, err := filepath.Glob(filepath.Join(filepath.Dir(strings.TrimPrefix(url, "sqlite:")), "store-backup-*"))
	must(t, err)
	if strings.Join(kept, "\n") != strings.Join(made[3:], "\n") {
		t.Fatalf("kept %v, made %v", kept, made)
	}
	info, err := os.Stat(made[7])
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("found %v, %v", info.Mode(), err)
	}
}

func TestBackup_OfPostgreSQLIsLeftToItsServer(t *testing.T) {
	_, err := open(t, postgresURL(t)).Backup(t.Context())
	if understudy.KindOf(err) != understudy.KindUnavailable || !strings.Contains(understudy.HintOf(err), "pg_dump") {
		t.Fatalf("found %v", err)
	}
}

// backedUp makes a store of 300 records and a backup of it.
func backedUp(t *testing.T) (url, path, backup string) {
	t.Helper()
	url = sqliteURL(t)
	s, err := store.Open(t.Context(), url)
	must(t, err)
	for i := range 300 {
		must(t, s.Put(t.Context(), "number", fmt.Sprint(i), i))
	}
	_, err = s.Backup(t.Context())
	must(t, err)
	backup, err = s.Backup(t.Context())
	must(t, err)
	must(t, s.Close())
	return url, strings.TrimPrefix(url, "sqlite:"), backup
}

// runCommand runs what a hint says after its last ": ", as the operator would.
func runCommand(t *testing.T, hint string) {
	t.Helper()
	command := hint[strings.LastIndex(hint, ": ")+2:]
	if out, err := exec.CommandContext(t.Context(), "sh", "-c", command).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", command, err, out)
	}
}

func overwrite(t *testing.T, path string, at int64, with []byte) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	_, err = file.WriteAt(with, at)
	must(t, err)
	must(t, file.Close())
}

func err0(_ *store.Store, err error) error { return err }
