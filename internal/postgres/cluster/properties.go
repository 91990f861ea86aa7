package cluster

import (
	"context"
	"errors"
	"strconv"

	"github.com/jackc/pgx/v5"

	"understudy"
)

// properties are what a database has beside its contents.
type properties struct {
	oid        uint32
	server     int // server_version_num
	bytes      int64
	elsewhere  bool // some of it, or its default, lies in another tablespace
	durable    bool // the server flushes what it writes
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
SELECT d.oid, current_setting('server_version_num')::int, pg_database_size(d.oid), current_setting('fsync')::bool,
       t.spcname <> 'pg_default' OR EXISTS (SELECT FROM pg_tablespace other, pg_tablespace_databases(other.oid) held
         WHERE other.spcname NOT IN ('pg_default', 'pg_global') AND held = d.oid),
       pg_get_userbyid(d.datdba), d.datconnlimit, d.datacl IS NOT NULL,
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
	err := conn.QueryRow(ctx, propertiesQuery, database).Scan(&p.oid, &p.server, &p.bytes, &p.durable, &p.elsewhere, &p.owner, &p.limit, &p.hasGrants,
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
