package cluster

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"understudy/internal/postgres"

	"github.com/jackc/pgx/v5"

	"understudy"
)

// Dump writes a safety copy of a database to a file that only we may read: everything in
// it, with owners and grants, in pg_dump's custom format. The file appears when it is
// whole, and then survives a power cut. It holds personal data if the database does.
func (c *Cluster) Dump(ctx context.Context, database, path string) error {
	program, err := c.tool("pg_dump")
	if err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".new-*")
	if err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "writing a safety copy of database %s: %w", database, err)
	}
	err = c.run(ctx, "writing a safety copy of database "+database, program,
		"--format", "custom", "--file", temp.Name(), "--no-password", "--dbname", c.AdminURL(database))
	if err == nil {
		err = temp.Sync()
	}
	if err := errors.Join(err, temp.Close()); err != nil {
		return errors.Join(err, os.Remove(temp.Name()))
	}
	if err := os.Rename(temp.Name(), path); err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "writing a safety copy of database %s: %w", database, errors.Join(err, os.Remove(temp.Name())))
	}
	return syncFolder(filepath.Dir(path))
}

// Restore puts a database back to a safety copy: what was written since is lost. The copy
// is read into a database beside it first, and takes its place (owner, settings and grants
// kept) in one step when it is whole; sessions are ended then. On an error the database is
// as it was. It needs room for both, and the database must exist.
func (c *Cluster) Restore(ctx context.Context, path, database string) error {
	program, err := c.tool("pg_restore")
	if err != nil {
		return err
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return understudy.Errorf(understudy.KindNotFound, "restoring database %s: there is no safety copy %s", database, path)
	}
	doing := "restoring database " + database
	err = c.asAdmin(ctx, superuser, func(conn *pgx.Conn) error {
		was, err := c.properties(ctx, conn, database)
		if err != nil {
			return err
		}
		working := workingName(database)
		if err := c.Drop(ctx, working); err != nil {
			return err
		}
		if _, err := conn.Exec(ctx, was.createEmpty(working)); err != nil {
			return err
		}
		err = c.run(ctx, doing, program, "--exit-on-error", "--single-transaction", "--no-password", "--dbname", c.AdminURL(working), path)
		if err == nil {
			err = c.replace(ctx, conn, was, working, database)
		}
		if err != nil {
			return errors.Join(err, c.Drop(context.WithoutCancel(ctx), working))
		}
		return nil
	})
	if err != nil {
		return c.failed(err, "%s", doing)
	}
	return nil
}

// replace puts the working database into the place of another, which then goes.
func (c *Cluster) replace(ctx context.Context, conn *pgx.Conn, was properties, working, database string) error {
	old := workingName(working)
	if err := c.Drop(ctx, old); err != nil { // left by a crash just before the end
		return err
	}
	err := c.undisturbed(ctx, database, func() error {
		return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			if err := was.apply(ctx, tx, working, was.owner); err != nil {
				return err
			}
			return execAll(ctx, tx, []string{
				"ALTER DATABASE " + quoteName(database) + " RENAME TO " + quoteName(old),
				"ALTER DATABASE " + quoteName(working) + " RENAME TO " + quoteName(database),
			})
		})
	})
	if err != nil {
		return err
	}
	return c.Drop(ctx, old)
}

// createEmpty makes an empty database that sorts and compares like the one described.
func (p properties) createEmpty(name string) string {
	parts := []string{"CREATE DATABASE", quoteName(name), "TEMPLATE template0 OWNER", quoteName(p.owner),
		"ENCODING", postgres.QuoteText(p.encoding), "LC_COLLATE", postgres.QuoteText(p.collate), "LC_CTYPE", postgres.QuoteText(p.ctype), "TABLESPACE", quoteName(p.tablespace)}
	switch p.provider {
	case "i":
		parts = append(parts, "LOCALE_PROVIDER icu ICU_LOCALE", postgres.QuoteText(p.locale))
		if p.icuRules != "" {
			parts = append(parts, "ICU_RULES", postgres.QuoteText(p.icuRules))
		}
	case "b":
		parts = append(parts, "LOCALE_PROVIDER builtin BUILTIN_LOCALE", postgres.QuoteText(p.locale))
	}
	return strings.Join(parts, " ")
}

// tool finds a client program of the cluster's own version.
func (c *Cluster) tool(name string) (string, error) {
	_, major, err := c.look()
	if err != nil {
		return "", err
	}
	from, err := c.install(major)
	if err != nil {
		return "", err
	}
	program := filepath.Join(from.Bin, name)
	if _, err := os.Stat(program); err != nil {
		return "", understudy.Errorf(understudy.KindUnavailable, "looking for %s of PostgreSQL %d: %s has none", name, from.Major, from.Bin).
			WithHint("install the client programs (Debian, Ubuntu: apt-get install postgresql-client-%d)", from.Major)
	}
	return program, nil
}

// run lets a client program do its work, as ourselves, and turns its last words into an
// error. It says names of things, never rows: those it would quote behind CONTEXT or DETAIL.
func (c *Cluster) run(ctx context.Context, doing, program string, args ...string) error {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env = "/", postgres.CleanEnvironment()
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	err := cmd.Run()
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return understudy.Errorf(understudy.KindUnavailable, "%s: %w", doing, ctx.Err())
	}
	if strings.Contains(said.String(), "No space left on device") {
		return understudy.Errorf(understudy.KindUnavailable, "%s: the disk is full", doing).WithHint("make room, then try again; nothing was changed")
	}
	if reason := lastComplaint(said.String()); reason != "" {
		return understudy.Errorf(understudy.KindInternal, "%s: %s says: %s", doing, filepath.Base(program), postgres.WithoutValue(reason))
	}
	return understudy.Errorf(understudy.KindInternal, "%s: %s: %w", doing, filepath.Base(program), err)
}
