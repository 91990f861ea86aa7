package cluster

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"understudy"
)

// workingPrefix begins the names of databases that are still being made.
const workingPrefix = "understudy-making-"

// Cloned is how a clone was made.
type Cloned struct {
	Strategy string        // "file-copy" or, before version 15, "copy"
	Bytes    int64         // size of the clone
	Took     time.Duration // all of it
}

// Clone makes a database from another one of the cluster: its data, owner (unless owner
// names another), settings and grants. Connections to the template are ended, and new
// ones wait meanwhile. A name that exists is an error of KindConflict and stays as it is;
// the name appears when the clone is whole.
func (c *Cluster) Clone(ctx context.Context, template, name, owner string) (Cloned, error) {
	started := time.Now()
	var made Cloned
	err := c.asAdmin(ctx, superuser, func(conn *pgx.Conn) error {
		if err := c.vacant(ctx, conn, name); err != nil {
			return err
		}
		from, err := c.properties(ctx, conn, template)
		if err != nil {
			return err
		}
		working := workingName(name)
		if err := c.Drop(ctx, working); err != nil {
			return err
		}
		made.Strategy, err = c.copyFiles(ctx, conn, template, working, from)
		if err != nil {
			return err
		}
		if err := c.finish(ctx, conn, from, working, name, owner); err != nil {
			return errors.Join(err, c.Drop(context.WithoutCancel(ctx), working))
		}
		return conn.QueryRow(ctx, "SELECT pg_database_size($1::name)", name).Scan(&made.Bytes)
	})
	if err != nil {
		return Cloned{}, c.failed(err, "cloning database %s as %s", template, name)
	}
	made.Took = time.Since(started)
	return made, nil
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

// copyFiles makes the bare copy. While it waits for the template to be free, sessions of
// the template are ended; once it has begun, the server keeps new ones waiting.
func (c *Cluster) copyFiles(ctx context.Context, conn *pgx.Conn, template, working string, from properties) (strategy string, err error) {
	statement := "CREATE DATABASE " + quoteName(working) + " TEMPLATE " + quoteName(template) + " OWNER " + quoteName(from.owner)
	strategy = "copy"
	if from.server >= 150000 {
		statement, strategy = statement+" STRATEGY FILE_COPY", "file-copy"
	}
	return strategy, c.undisturbed(ctx, template, func() error {
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

func endSessions(ctx context.Context, conn *pgx.Conn, database string) error {
	_, err := conn.Exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE datname = $1 AND pid <> pg_backend_pid() AND backend_type = 'client backend'`, database)
	return err
}

// finish gives a working database what CREATE DATABASE leaves behind, then its name.
func (c *Cluster) finish(ctx context.Context, conn *pgx.Conn, from properties, working, name, owner string) error {
	if owner == "" {
		owner = from.owner
	}
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if err := from.apply(ctx, tx, working, owner); err != nil {
			return err
		}
		return execAll(ctx, tx, []string{"ALTER DATABASE " + quoteName(working) + " RENAME TO " + quoteName(name)})
	})
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

// properties are what a database has beside its contents.
type properties struct {
	server     int // server_version_num
	owner      string
	limit      int
	hasGrants  bool
	grants     []databaseGrant
	settings   []databaseSettings
	encoding   string
	provider   string // c, i or b
	collate    string
	ctype      string
	locale     string // of ICU or the built-in provider
	icuRules   string
	tablespace string
}

type databaseGrant struct {
	grantee   string // empty: everybody
	privilege string
	grantable bool
}

type databaseSettings struct {
	role   string // empty: every role
	values []string
}

const propertiesQuery = `
SELECT current_setting('server_version_num')::int, pg_get_userbyid(d.datdba), d.datconnlimit, d.datacl IS NOT NULL,
       pg_encoding_to_char(d.encoding), coalesce(j->>'datlocprovider', 'c'), d.datcollate, d.datctype,
       coalesce(j->>'datlocale', j->>'daticulocale', ''), coalesce(j->>'daticurules', ''), t.spcname
FROM pg_database d JOIN pg_tablespace t ON t.oid = d.dattablespace, LATERAL to_jsonb(d) j WHERE d.datname = $1`

const grantsQuery = `
SELECT coalesce(r.rolname, ''), a.privilege_type, a.is_grantable
FROM pg_database d, LATERAL aclexplode(d.datacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee
WHERE d.datname = $1 AND (a.grantee = 0 OR r.oid IS NOT NULL) ORDER BY 1, 2`

const settingsQuery = `
SELECT coalesce(r.rolname, ''), s.setconfig
FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase LEFT JOIN pg_roles r ON r.oid = s.setrole
WHERE d.datname = $1 AND (s.setrole = 0 OR r.oid IS NOT NULL) ORDER BY 1`

func (c *Cluster) properties(ctx context.Context, conn *pgx.Conn, database string) (properties, error) {
	var p properties
	err := conn.QueryRow(ctx, propertiesQuery, database).Scan(&p.server, &p.owner, &p.limit, &p.hasGrants,
		&p.encoding, &p.provider, &p.collate, &p.ctype, &p.locale, &p.icuRules, &p.tablespace)
	if errors.Is(err, pgx.ErrNoRows) {
		return p, understudy.Errorf(understudy.KindNotFound, "reading database %s of %s: there is none of that name", database, c)
	}
	if err != nil {
		return p, err
	}
	rows, err := conn.Query(ctx, grantsQuery, database)
	if err != nil {
		return p, err
	}
	p.grants, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (g databaseGrant, err error) {
		return g, row.Scan(&g.grantee, &g.privilege, &g.grantable)
	})
	if err != nil {
		return p, err
	}
	rows, err = conn.Query(ctx, settingsQuery, database)
	if err != nil {
		return p, err
	}
	p.settings, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (s databaseSettings, err error) {
		return s, row.Scan(&s.role, &s.values)
	})
	return p, err
}

// apply gives a database these properties. Grants that others than the owner made become
// the owner's: they permit the same.
func (p properties) apply(ctx context.Context, tx pgx.Tx, database, owner string) error {
	name := quoteName(database)
	statements := []string{"ALTER DATABASE " + name + " OWNER TO " + quoteName(owner)}
	if p.limit >= 0 {
		statements = append(statements, "ALTER DATABASE "+name+" CONNECTION LIMIT "+strconv.Itoa(p.limit))
	}
	statements = append(statements, p.grantStatements(name, owner)...)
	if err := execAll(ctx, tx, statements); err != nil {
		return err
	}
	for _, s := range p.settings {
		target := "DATABASE " + name
		if s.role != "" {
			target = "ROLE " + quoteName(s.role) + " IN " + target
		}
		if err := storeSettings(ctx, tx, target, s.values); err != nil {
			return err
		}
	}
	return nil
}

func (p properties) grantStatements(name, owner string) []string {
	if !p.hasGrants {
		return nil
	}
	statements := []string{"REVOKE ALL ON DATABASE " + name + " FROM PUBLIC, " + quoteName(owner)}
	for _, g := range p.grants {
		grantee := "PUBLIC"
		switch g.grantee {
		case "":
		case p.owner:
			grantee = quoteName(owner)
		default:
			grantee = quoteName(g.grantee)
		}
		statement := "GRANT " + g.privilege + " ON DATABASE " + name + " TO " + grantee
		if g.grantable && g.grantee != p.owner {
			statement += " WITH GRANT OPTION"
		}
		statements = append(statements, statement)
	}
	return statements
}
