package cluster

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"understudy"
)

// Stage reads a safety copy of a database into one beside it, to be put in its place by
// [Cluster.Swap] under the same aside. The database itself, and who works with it, are not
// touched. What was staged, or swapped, under that aside before is not read again: a crash
// leaves what is half read under another name. It needs room for both.
func (c *Cluster) Stage(ctx context.Context, path, database, aside string) error {
	doing := "reading the safety copy of database " + database
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return understudy.Errorf(understudy.KindNotFound, "%s: there is none at %s", doing, path)
	}
	program, err := c.tool("pg_restore")
	if err != nil {
		return err
	}
	working := workingName(stagedName(aside))
	err = c.asMaker(ctx, working, func(conn *pgx.Conn) error {
		if done, err := c.staged(ctx, conn, aside); err != nil || done {
			return err
		}
		was, err := c.properties(ctx, conn, database)
		if err != nil {
			return err
		}
		if err := c.Drop(ctx, working); err != nil {
			return err
		}
		if _, err := conn.Exec(ctx, was.createEmpty(working)); err != nil {
			return err
		}
		err = c.run(ctx, doing, program, "--exit-on-error", "--single-transaction", "--no-password", "--dbname", c.AdminURL(working), path)
		if err == nil {
			err = c.analyze(ctx, working)
		}
		if err != nil {
			return errors.Join(err, c.Drop(context.WithoutCancel(ctx), working))
		}
		_, err = conn.Exec(ctx, "ALTER DATABASE "+quoteName(working)+" RENAME TO "+quoteName(stagedName(aside)))
		return err
	})
	if err != nil {
		return c.failed(err, "%s", doing)
	}
	return nil
}

// analyze gives a database that was read from a copy the planner's statistics, which no copy
// holds: without them its first customers would wait for bad plans.
func (c *Cluster) analyze(ctx context.Context, database string) error {
	return c.asAdmin(ctx, database, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "ANALYZE")
		return err
	})
}

// Swap puts staged databases in the place of others, all in one step, with the owners,
// settings and grants that those have: sessions are ended, and whoever connects next is in
// the staged one. What stood there stays on the server under its aside. A swap that was done
// is not done again, so it may be called until it returns nil. KindConflict: the server has
// refused it, as it does while a prepared transaction stands, and nothing was changed.
func (c *Cluster) Swap(ctx context.Context, asides map[string]string) error {
	names := slices.Sorted(maps.Keys(asides))
	err := c.asMaker(ctx, "swapping "+strings.Join(names, "\n"), func(conn *pgx.Conn) error {
		var statements []string
		var owners []properties
		for _, name := range names {
			if done, err := c.anyOf(ctx, conn, asides[name]); err != nil || done { // one step: all of them are
				return err
			}
			was, err := c.properties(ctx, conn, name)
			if err != nil {
				return err
			}
			owners = append(owners, was)
			statements = append(statements,
				"ALTER DATABASE "+quoteName(name)+" RENAME TO "+quoteName(asides[name]),
				"ALTER DATABASE "+quoteName(stagedName(asides[name]))+" RENAME TO "+quoteName(name))
		}
		return c.allUndisturbed(ctx, names, func() error {
			return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
				for i, was := range owners {
					if err := was.apply(ctx, tx, stagedName(asides[names[i]]), was.owner); err != nil {
						return err
					}
				}
				return execAll(ctx, tx, statements)
			})
		})
	})
	const doing = "putting databases back to their safety copies"
	var answer *pgconn.PgError
	switch {
	case errors.As(err, &answer) && refuses(answer):
		return understudy.Errorf(understudy.KindConflict, "%s in %s: %s (SQLSTATE %s)", doing, c, answer.Message, answer.Code)
	case err != nil:
		return c.failed(err, "%s", doing)
	}
	return nil
}

// refuses tells an answer that leaves no doubt that a transaction was not committed, and that
// nothing but what is there is the reason: neither connection, room, operator nor disk.
func refuses(answer *pgconn.PgError) bool {
	return len(answer.Code) == 5 && !slices.Contains([]string{"08", "53", "57", "58", "XX"}, answer.Code[:2])
}

// Unstage drops what was staged and not swapped.
func (c *Cluster) Unstage(ctx context.Context, aside string) error {
	return errors.Join(c.Drop(ctx, stagedName(aside)), c.Drop(ctx, workingName(stagedName(aside))))
}

// stagedName is the name of a database that is whole and waits to be swapped.
func stagedName(aside string) string { return workingName("staged " + aside) }

// staged tells whether a database was staged, or swapped since.
func (c *Cluster) staged(ctx context.Context, conn *pgx.Conn, aside string) (bool, error) {
	return c.anyOf(ctx, conn, aside, stagedName(aside))
}

func (c *Cluster) anyOf(ctx context.Context, conn *pgx.Conn, names ...string) (is bool, err error) {
	return is, conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = ANY($1))", names).Scan(&is)
}

// allUndisturbed runs act as undisturbed does, with several databases for itself.
func (c *Cluster) allUndisturbed(ctx context.Context, databases []string, act func() error) error {
	if len(databases) == 0 {
		return act()
	}
	return c.undisturbed(ctx, databases[0], func() error { return c.allUndisturbed(ctx, databases[1:], act) })
}

// Aside is the name under which a database that was swapped stays: what it was, and by whose
// doing, within what a name may be long.
func Aside(database, by string) string {
	name := database + "_before_" + by
	if len(name) <= longestName {
		return name
	}
	return database[:min(len(database), longestName-len(workingName(name))-1)] + "_" + workingName(name)
}

// longestName is the server's own limit, in bytes.
const longestName = 63
