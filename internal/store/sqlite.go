package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"understudy"
	"understudy/internal/atomicfile"
)

// busyTimeout is how long an operation waits for another process that uses the file.
const busyTimeout = 15 * time.Second

func busyPragma() string { return fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()) }

// openSQLite opens a store in a file. Everything that could make a blank store of one
// that was full is checked before the file is opened for writing.
func openSQLite(ctx context.Context, path string) (*Store, error) {
	path, err := filepath.Abs(path)
	if err != nil || strings.HasSuffix(path, string(filepath.Separator)) {
		return nil, understudy.Errorf(understudy.KindInvalid, "a store in SQLite is named by sqlite:/path/store.db, found %q", "sqlite:"+path)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("opening the store: %w", err)
	}
	marker, err := readMarker(path)
	if err != nil {
		return nil, err
	}
	if err := checkFile(ctx, path, marker); err != nil {
		return nil, err
	}
	s, id, err := connectSQLite(ctx, path)
	if err != nil {
		return nil, err
	}
	if marker == "" {
		err = writeMarker(path, id)
	} else if marker != id {
		err = refuse(ctx, path, fmt.Sprintf("it is another store than the one that %s tells of", markerPath(path)))
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func connectSQLite(ctx context.Context, path string) (*Store, string, error) {
	if err := createFile(path); err != nil {
		return nil, "", fmt.Errorf("opening the store: %w", err)
	}
	db, err := sql.Open("sqlite", sqliteURL(path, url.Values{
		"_pragma": {busyPragma(), "journal_mode(WAL)", "synchronous(FULL)"},
		"_txlock": {"immediate"},
	}))
	if err != nil {
		return nil, "", fmt.Errorf("opening the store in %s: %w", path, err)
	}
	db.SetMaxOpenConns(4)
	s := &Store{db: db, dialect: sqliteDialect(), file: path}
	id, err := s.prepareInTurn(ctx)
	if err != nil {
		return nil, "", errors.Join(understudy.Errorf(understudy.KindOf(err), "opening the store in %s: %w", path, err).
			WithHint("%s", understudy.HintOf(err)), db.Close())
	}
	return s, id, nil
}

// createFile makes a blank file that only its owner can read, unless there is one. It is
// made beside its place: closing the file itself would end the locks that SQLite holds on
// it for another store of this process (https://www.sqlite.org/howtocorrupt.html, 2.2).
func createFile(path string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	blank, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*") // mode 0600
	if err != nil {
		return err
	}
	err = errors.Join(blank.Close(), os.Link(blank.Name(), path))
	if errors.Is(err, fs.ErrExist) { // somebody was faster
		err = nil
	}
	return errors.Join(err, os.Remove(blank.Name()))
}

// prepareInTurn prepares the store, again where another is preparing it: changing a file's
// journal mode gives up at once when it meets somebody else, whatever busy_timeout says.
func (s *Store) prepareInTurn(ctx context.Context) (id string, err error) {
	limit := time.Now().Add(busyTimeout)
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		id, err = s.prepare(ctx)
		var found *sqlite.Error
		if !errors.As(err, &found) || found.Code()&0xff != sqlite3.SQLITE_BUSY || time.Now().After(limit) {
			return id, err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return "", err
		}
	}
}

// sqliteURL names a file to the driver, whatever characters its path has.
func sqliteURL(path string, query url.Values) string {
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + query.Encode()
}

// checkFile refuses a store that is missing, blank or damaged although there was one.
func checkFile(ctx context.Context, path, marker string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && marker == "":
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return refuse(ctx, path, "the file is missing")
	case err != nil:
		return fmt.Errorf("opening the store: %w", err)
	case info.Size() == 0 && marker == "":
		return nil
	case info.Size() == 0:
		return refuse(ctx, path, "the file is empty")
	}
	err = quickCheck(ctx, path, false)
	switch {
	case err == nil, errors.Is(err, errBlank) && marker == "": // its making was cut short by a crash
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("checking the store in %s: %w", path, err)
	default:
		return refuse(ctx, path, err.Error())
	}
}

// errBlank is what a database without any table is found to be.
var errBlank = errors.New("the file is blank")

// quickCheck reads a whole file and says what is wrong with it. A file that is not in
// use can be looked at as it is, without leaving files beside it.
func quickCheck(ctx context.Context, path string, unused bool) (err error) {
	query := url.Values{"_pragma": {busyPragma()}}
	if unused {
		query.Set("immutable", "1")
	}
	db, err := sql.Open("sqlite", sqliteURL(path, query))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var found string
	if err := db.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&found); err != nil {
		return err
	}
	if found != "ok" {
		return errors.New(found)
	}
	var tables, ours int
	err = db.QueryRowContext(ctx, `SELECT count(*), count(*) FILTER (WHERE name = 'understudy_schema') FROM sqlite_master`).Scan(&tables, &ours)
	switch {
	case err != nil:
		return err
	case tables == 0:
		return errBlank
	case ours == 0:
		return errors.New("it holds no store of understudy")
	}
	return nil
}

// markerPath is the file that tells that there was a store, and which.
func markerPath(path string) string {
	return filepath.Join(filepath.Dir(path), strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))+".id")
}

func readMarker(path string) (string, error) {
	raw, err := os.ReadFile(markerPath(path))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("opening the store: %w", err)
	}
	return strings.TrimSpace(string(raw)), nil
}

// writeMarker comes after the store was made: a crash between leaves a store without
// a marker, which gets it at the next Open.
func writeMarker(path, id string) error {
	if err := atomicfile.Write(markerPath(path), []byte(id+"\n"), 0o600); err != nil {
		return fmt.Errorf("opening the store: %w", err)
	}
	return nil
}
