package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"understudy"
	"understudy/internal/atomicfile"
)

// keptBackups is how many backups stay; older ones are removed.
const keptBackups = 5

// Backup writes a whole copy of a store in SQLite beside it, while it is in use, and
// returns its path. The last five stay. Calls come one after another. KindUnavailable
// for a store in PostgreSQL, whose server is backed up by other means.
func (s *Store) Backup(ctx context.Context) (string, error) {
	if s.file == "" {
		return "", understudy.Errorf(understudy.KindUnavailable, "a store in %s is not backed up by understudy", s.dialect.name).
			WithHint("back the database up with its server, or with pg_dump")
	}
	existing, err := backupsOf(s.file)
	if err != nil {
		return "", err
	}
	path := nextBackup(s.file, existing, time.Now())
	if err := s.copyTo(ctx, path); err != nil {
		return "", fmt.Errorf("backing the store up to %s: %w", path, err)
	}
	for len(existing) >= keptBackups {
		if err := os.Remove(existing[0]); err != nil {
			return "", fmt.Errorf("removing an old backup of the store: %w", err)
		}
		existing = existing[1:]
	}
	return path, nil
}

// copyTo makes the copy under another name first, so that a backup is whole or not there.
func (s *Store) copyTo(ctx context.Context, path string) error {
	temp := backupStem(s.file) + "unfinished"
	file, err := os.OpenFile(temp, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	_, err = s.db.ExecContext(ctx, `VACUUM INTO ?`, temp)
	if err == nil {
		err = file.Sync()
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	if err := os.Rename(temp, path); err != nil {
		return err
	}
	return atomicfile.SyncFolder(filepath.Dir(path))
}

// nextBackup names a backup by a number and the date. The number orders them, for the
// clock may be set back.
func nextBackup(path string, existing []string, now time.Time) string {
	number := 0
	if len(existing) > 0 {
		if _, err := fmt.Sscanf(strings.TrimPrefix(existing[len(existing)-1], backupStem(path)), "%d-", &number); err != nil {
			number = 0
		}
	}
	return fmt.Sprintf("%s%06d-%s.db", backupStem(path), number+1, now.UTC().Format("20060102T150405Z"))
}

func backupStem(path string) string { return strings.TrimSuffix(path, filepath.Ext(path)) + "-backup-" }

// backupsOf lists the backups of a store, oldest first.
func backupsOf(path string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("listing the backups of the store: %w", err)
	}
	var paths []string
	for _, entry := range entries {
		at := filepath.Join(filepath.Dir(path), entry.Name())
		if strings.HasPrefix(at, backupStem(path)) && strings.HasSuffix(at, ".db") {
			paths = append(paths, at)
		}
	}
	slices.Sort(paths)
	return paths, nil
}

// refuse is the error for a store that must not be started blank. Its hint is the exact
// command that brings the newest whole backup back, keeping what is there aside.
func refuse(ctx context.Context, path, why string) error {
	backups, err := backupsOf(path)
	if err != nil {
		return err
	}
	refusal := understudy.Errorf(understudy.KindInternal, "the store in %s cannot be used: %s", path, why)
	for _, backup := range slices.Backward(backups) {
		if quickCheck(ctx, backup, true) == nil {
			return refusal.WithHint("the newest whole backup is %s; to bring it back: %s", backup, restoreCommand(path, backup))
		}
	}
	return refusal.WithHint("there is no backup of it; bring the file back from elsewhere, or, to begin with an empty store on purpose: %s", blankCommand(path))
}

// restoreCommand is for a POSIX shell, with no daemon running.
func restoreCommand(path, backup string) string {
	return setAsideCommand(path) + " && cp " + quoted(backup) + " " + quoted(path)
}

func blankCommand(path string) string {
	return setAsideCommand(path) + " && rm -f " + quoted(markerPath(path))
}

// setAsideCommand keeps the damaged store, and its log along with it: neither may meet
// the file that comes in its place.
func setAsideCommand(path string) string {
	var moves []string
	for _, suffix := range []string{"", "-wal", "-shm"} {
		moves = append(moves, "{ test ! -e "+quoted(path+suffix)+" || mv "+quoted(path+suffix)+" "+quoted(path+".damaged"+suffix)+"; }")
	}
	return strings.Join(moves, " && ")
}

func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
