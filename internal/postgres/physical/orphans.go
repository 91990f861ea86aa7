package physical

import (
	"context"
	"os"
	"path/filepath"
	"regexp"

	"github.com/jackc/pgx/v5"
)

// listFiles notes which files belong to something: to a relation of one of the databases
// that are left.
func (c *copying) listFiles(ctx context.Context) error {
	const doing = "listing the files of the copy"
	c.known = map[string]bool{}
	var databases []string
	err := c.within(ctx, c.spec.Database, func(conn *pgx.Conn) (err error) {
		databases, err = texts(ctx, conn, doing, `SELECT datname::text FROM pg_database`)
		if err != nil {
			return err
		}
		return runs(ctx, conn, doing, `UPDATE pg_database SET datallowconn = true WHERE datname = 'template0'`)
	})
	if err != nil {
		return err
	}
	for _, database := range databases {
		err := c.within(ctx, database, func(conn *pgx.Conn) error {
			paths, err := texts(ctx, conn, doing, `SELECT pg_relation_filepath(oid) FROM pg_class WHERE pg_relation_filepath(oid) IS NOT NULL
				UNION ALL SELECT 'base/' || oid FROM pg_database WHERE datname = current_database()`)
			for _, path := range paths {
				c.known[path] = true
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return c.within(ctx, c.spec.Database, func(conn *pgx.Conn) error {
		return runs(ctx, conn, doing, `UPDATE pg_database SET datallowconn = false WHERE datname = 'template0'`)
	})
}

// relationFile matches the name of a file of a relation: its number, its fork, its part.
var relationFile = regexp.MustCompile(`^(t\d+_)?(\d+)(_fsm|_vm|_init)?(\.\d+)?$`)

// dropOrphans removes what a crash of production left behind: files and folders below base
// that belong to no relation and to no database.
func (c *copying) dropOrphans() error {
	folders, err := os.ReadDir(filepath.Join(c.work, "base"))
	if err != nil {
		return tidyError(err)
	}
	for _, folder := range folders {
		path := "base/" + folder.Name()
		if c.known[path] {
			err = c.dropOrphansIn(path)
		} else {
			err = os.RemoveAll(filepath.Join(c.work, path))
		}
		if err != nil {
			return tidyError(err)
		}
	}
	return nil
}

func (c *copying) dropOrphansIn(folder string) error {
	entries, err := os.ReadDir(filepath.Join(c.work, folder))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		match := relationFile.FindStringSubmatch(entry.Name())
		kept := entry.Name() == "PG_VERSION" || entry.Name() == "pg_filenode.map" ||
			match != nil && match[1] == "" && c.known[folder+"/"+match[2]]
		if !kept {
			if err := os.Remove(filepath.Join(c.work, folder, entry.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}
