package physical

import (
	"os"
	"path/filepath"
	"slices"

	"understudy"
)

// tidy leaves of the folder what PostgreSQL itself keeps there. Logs, keys, settings and
// what else production put beside it go, and so does what belonged to its sessions:
// replication slots, notifications, statistics of activity and texts of statements.
func (c *copying) tidy() error {
	kept := []string{"PG_VERSION", "backup_label", "base", "global"}
	entries, err := os.ReadDir(c.work)
	if err != nil {
		return tidyError(err)
	}
	for _, entry := range entries {
		name := entry.Name()
		path := filepath.Join(c.work, name)
		switch {
		case entry.Type()&os.ModeSymlink != 0:
			return understudy.Errorf(understudy.KindUnavailable, "%s of production's data directory is a link: a copy by files needs all of it in one folder", name).
				WithHint("copy from the server, or by rows: --method logical")
		case slices.Contains(kept, name), entry.IsDir() && slices.Contains(serverFolders(), name):
			continue
		}
		if err := os.RemoveAll(path); err != nil {
			return tidyError(err)
		}
	}
	if links, err := os.ReadDir(filepath.Join(c.work, "pg_tblspc")); err != nil || len(links) > 0 {
		return checkShape("8192", "of the data directory")
	}
	for _, folder := range sessionFolders() {
		if err := emptyFolder(filepath.Join(c.work, folder)); err != nil {
			return tidyError(err)
		}
	}
	for _, name := range []string{"postgresql.conf", "postgresql.auto.conf", "pg_ident.conf"} {
		if err := os.WriteFile(filepath.Join(c.work, name), []byte("# Production's settings stay with production.\n"), 0o600); err != nil {
			return tidyError(err)
		}
	}
	return nil
}

func serverFolders() []string {
	return []string{"pg_commit_ts", "pg_dynshmem", "pg_logical", "pg_multixact", "pg_notify", "pg_replslot", "pg_serial", "pg_snapshots",
		"pg_stat", "pg_stat_tmp", "pg_subtrans", "pg_tblspc", "pg_twophase", "pg_wal", "pg_xact"}
}

// sessionFolders hold nothing that a cluster needs to start.
func sessionFolders() []string {
	return []string{"pg_dynshmem", "pg_notify", "pg_replslot", "pg_serial", "pg_snapshots", "pg_stat", "pg_stat_tmp", "pg_subtrans",
		"pg_logical/snapshots", "pg_logical/mappings"}
}

func emptyFolder(path string) error {
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	return os.MkdirAll(path, 0o700)
}

func tidyError(err error) error {
	return understudy.Errorf(understudy.KindUnavailable, "taking out of the copy what does not belong there: %w", err)
}
