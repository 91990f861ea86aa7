package cluster

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"understudy"
)

// workingPrefix begins the names of databases that are still being made.
const workingPrefix = "understudy-making-"

// Cloned is how a clone was made.
type Cloned struct {
	Strategy Strategy
	Why      string        // it was that one: what was tried, measured or found
	Bytes    int64         // size of the clone
	Shared   int64         // of these, in files that share every block with the template's; they come apart as either is written
	Took     time.Duration // all of it
}

// Clone makes a database from another one of the cluster: its data, owner (unless owner
// names another), settings and grants. Connections to the template are ended, and new
// ones wait meanwhile. A name that exists is an error of KindConflict and stays as it is;
// the name appears when the clone is whole. It takes the best way there is: see [Strategy].
func (c *Cluster) Clone(ctx context.Context, template, name, owner string) (Cloned, error) {
	started := time.Now()
	var made Cloned
	err := c.asMaker(ctx, workingName(name), func(conn *pgx.Conn) error {
		if err := c.vacant(ctx, conn, name); err != nil {
			return err
		}
		from, err := c.properties(ctx, conn, template)
		if err != nil {
			return err
		}
		if err := c.Drop(ctx, workingName(name)); err != nil {
			return err
		}
		made, err = c.cloneAs(ctx, conn, from, order{template: template, working: workingName(name), name: name, owner: owner})
		if err != nil {
			return errors.Join(err, c.Drop(context.WithoutCancel(ctx), workingName(name)))
		}
		return conn.QueryRow(ctx, "SELECT pg_database_size($1::name)", name).Scan(&made.Bytes)
	})
	if err != nil {
		return Cloned{}, c.failed(err, "cloning database %s as %s", template, name)
	}
	made.Took = time.Since(started)
	return made, nil
}

// order is which database is cloned, and the names that the clone has meanwhile and then.
type order struct {
	template, working, name string
	owner                   string // empty: the template's
}

// cloneAs chooses the way and goes it.
func (c *Cluster) cloneAs(ctx context.Context, conn *pgx.Conn, from properties, o order) (Cloned, error) {
	strategy, why, err := c.choose(ctx, conn, from, o.template)
	if err != nil {
		return Cloned{}, err
	}
	made := Cloned{Strategy: strategy, Why: why}
	if strategy == SharedBlocks {
		made.Shared, err = c.shareBlocks(ctx, conn, from, o)
		return made, err
	}
	if err := c.roomFor(from, strategy); err != nil {
		return made, err
	}
	if err := c.copyFiles(ctx, conn, strategy, from, o); err != nil {
		return made, err
	}
	if strategy == FileClone {
		made.Shared = from.bytes
	}
	return made, c.finish(ctx, conn, from, o)
}

func (c *Cluster) vacant(ctx context.Context, conn *pgx.Conn, name string) error {
	var taken bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&taken); err != nil {
		return err
	}
	if taken {
		return understudy.Errorf(understudy.KindConflict, "making database %s in %s: there is one of that name", name, c)
	}
	return nil
}

// workingName is the name a database has while it is being made: the same each time, so
// that what a crash left is found again.
func workingName(name string) string {
	sum := sha256.Sum256([]byte(name))
	return workingPrefix + hex.EncodeToString(sum[:8])
}

// asMaker runs act as asAdmin does, once nobody else makes what has this working name. That may
// be the session of a process that was killed: the server goes on with its last statement.
func (c *Cluster) asMaker(ctx context.Context, working string, act func(*pgx.Conn) error) error {
	return c.asAdmin(ctx, superuser, func(conn *pgx.Conn) error {
		sum := sha256.Sum256([]byte(working))
		if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", int64(binary.BigEndian.Uint64(sum[:]))); err != nil {
			return err
		}
		return act(conn) // the lock ends with the connection
	})
}

// copyFiles lets the server make the bare copy. While it waits for the template to be
// free, sessions of the template are ended; once it has begun, the server keeps new ones waiting.
func (c *Cluster) copyFiles(ctx context.Context, conn *pgx.Conn, strategy Strategy, from properties, o order) error {
	if strategy == FileClone {
		if _, err := conn.Exec(ctx, "SET file_copy_method = clone"); err != nil {
			return err
		}
	}
	statement := "CREATE DATABASE " + quoteName(o.working) + " TEMPLATE " + quoteName(o.template) + " OWNER " + quoteName(from.owner) + strategy.clause()
	return c.undisturbed(ctx, o.template, func() error {
		_, err := conn.Exec(ctx, statement)
		return err
	})
}

// undisturbed runs act, which wants a database for itself, and ends the database's
// sessions for as long as act runs.
func (c *Cluster) undisturbed(ctx context.Context, database string, act func() error) error {
	return c.asAdmin(ctx, superuser, func(conn *pgx.Conn) error {
		if err := endSessions(ctx, conn, database); err != nil {
			return err
		}
		ending, stop := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() {
			for pause(ending, 20*time.Millisecond) == nil {
				if err := endSessions(ctx, conn, database); err != nil {
					ended <- err
					return
				}
			}
			ended <- nil
		}()
		err := act()
		stop()
		return errors.Join(err, <-ended)
	})
}

// endSessions ends all that others have in a database: besides sessions the streams of what
// follows it, and the server's workers there, which count as users of it too.
func endSessions(ctx context.Context, conn *pgx.Conn, database string) error {
	_, err := conn.Exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE datname = $1 AND pid <> pg_backend_pid() AND backend_type NOT IN ('autovacuum worker', 'parallel worker')`, database)
	return err
}

// finish gives a working database what CREATE DATABASE leaves behind, then its name.
func (c *Cluster) finish(ctx context.Context, conn *pgx.Conn, from properties, o order) error {
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return publish(ctx, tx, from, o) })
}

// publish is what finish does, within a transaction of the caller's.
func publish(ctx context.Context, tx pgx.Tx, from properties, o order) error {
	owner := o.owner
	if owner == "" {
		owner = from.owner
	}
	if err := from.apply(ctx, tx, o.working, owner); err != nil {
		return err
	}
	return execAll(ctx, tx, []string{"ALTER DATABASE " + quoteName(o.working) + " RENAME TO " + quoteName(o.name)})
}

// Drop removes a database and ends its sessions. One that does not exist is gone already.
func (c *Cluster) Drop(ctx context.Context, name string) error {
	if name == superuser || name == "template0" || name == "template1" {
		return understudy.Errorf(understudy.KindInvalid, "dropping database %s of %s: the server needs it", name, c)
	}
	err := c.asAdmin(ctx, superuser, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+quoteName(name)+" WITH (FORCE)")
		return err
	})
	if err != nil {
		return c.failed(err, "dropping database %s", name)
	}
	return nil
}
