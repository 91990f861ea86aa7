package census

import (
	"cmp"
	"strings"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres"
)

// readObjects reads the schema, kind by kind.
func (p *pass) readObjects(tx pgx.Tx) (err error) {
	p.taken.Objects, err = postgres.Objects(p.ctx, tx, func(of string, read func(pgx.Tx) error) error {
		return p.attempt(tx, of, kindsOf(of), read)
	})
	return err
}

// kindsOf are the kinds of gaps that lines of a schema are about.
func kindsOf(of string) []string {
	switch {
	case strings.HasPrefix(of, "owners"):
		return []string{understudy.GapOwner}
	case strings.Contains(of, "grants"):
		return []string{understudy.GapGrant}
	case strings.HasPrefix(of, "published"):
		return []string{understudy.GapPublication}
	}
	return map[string][]string{
		"columns": {understudy.GapColumn}, "schemas": {understudy.GapSchema}, "tables": {understudy.GapTable},
		"constraints": {understudy.GapConstraint}, "constraints of domains": {understudy.GapConstraint}, "indexes": {understudy.GapIndex},
		"extended statistics": {understudy.GapStatistics}, "sequences": {understudy.GapSequence}, "views": {understudy.GapView},
		"functions": {understudy.GapFunction}, "triggers": {understudy.GapTrigger}, "event triggers": {understudy.GapTrigger}, "rules": {understudy.GapRule},
		"policies": {understudy.GapPolicy}, "types": {understudy.GapType}, "collations": {understudy.GapCollation}, "the database": {understudy.GapDatabase},
		"settings": {understudy.GapSetting}, "extensions": {understudy.GapExtension}, "foreign servers": {understudy.GapForeign},
		"comments": {understudy.GapComment}, "publications": {understudy.GapPublication},
	}[of]
}

// readDatabase adds what the schema does not say of the database: how many may connect, and
// whether the library that sorts its texts is the one its indexes were built with.
func (p *pass) readDatabase(tx pgx.Tx) error {
	return p.attempt(tx, "the database's limits", []string{understudy.GapLimit}, func(tx pgx.Tx) error {
		var connections, recorded, actual string
		err := tx.QueryRow(p.ctx, `SELECT CASE WHEN d.datconnlimit >= 0 THEN d.datconnlimit::text ELSE '' END, COALESCE(to_jsonb(d) ->> 'datcollversion', ''), COALESCE((
				SELECT pg_collation_actual_version(c.oid) FROM pg_collation c WHERE c.collprovider = 'c' AND c.collcollate = d.datcollate LIMIT 1), 'none')
			FROM pg_database d WHERE d.datname = current_database()`).Scan(&connections, &recorded, &actual)
		if err != nil {
			return postgres.ReadError("reading the database's limits", err)
		}
		p.taken.Limits = map[string]string{"connections": connections}
		if p.taken.Objects != nil {
			said := "version " + actual
			if recorded != "" && recorded != actual {
				said += ", built with " + recorded
			}
			p.taken.Objects["collation of the database"] = said
		}
		return nil
	})
}

// rolesQuery reads the roles that own something here or are granted something, and the groups
// they are in, with all that they may. Roles of the server's own are left out.
const rolesQuery = `
	WITH RECURSIVE this AS (SELECT oid, datdba FROM pg_database WHERE datname = current_database()),
	needed AS (
		SELECT s.refobjid AS oid FROM pg_shdepend s, this WHERE s.refclassid = 'pg_authid'::regclass
			AND (s.dbid = this.oid OR s.dbid = 0 AND s.classid = 'pg_database'::regclass AND s.objid = this.oid)
		UNION SELECT datdba FROM this
		UNION SELECT m.roleid FROM needed n JOIN pg_auth_members m ON m.member = n.oid)
	SELECT r.rolname, concat_ws(', ', CASE WHEN r.rolsuper THEN 'superuser' END, CASE WHEN r.rolcanlogin THEN 'may sign in' END,
		CASE WHEN NOT r.rolinherit THEN 'does not inherit' END, CASE WHEN r.rolcreatedb THEN 'makes databases' END, CASE WHEN r.rolcreaterole THEN 'makes roles' END,
		CASE WHEN r.rolreplication THEN 'replicates' END, CASE WHEN r.rolbypassrls THEN 'passes row security' END,
		CASE WHEN r.rolconnlimit >= 0 THEN r.rolconnlimit || ' connections' END,
		(SELECT 'in ' || string_agg(quote_ident(g.rolname) || CASE WHEN g.admin THEN '*' ELSE '' END, ', ' ORDER BY g.rolname)
			FROM (SELECT g.rolname, bool_or(m.admin_option) AS admin FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
				WHERE m.member = r.oid GROUP BY g.rolname) g)),
		COALESCE(r.rolconfig, '{}')
	FROM needed JOIN pg_roles r USING (oid) WHERE r.rolname !~ '^pg_' AND r.oid >= 16384`

func (p *pass) readRoles(tx pgx.Tx) error {
	return p.attempt(tx, "roles", []string{understudy.GapRole, understudy.GapSetting}, func(tx pgx.Tx) error {
		rows, err := tx.Query(p.ctx, rolesQuery)
		if err != nil {
			return postgres.ReadError("reading the roles", err)
		}
		p.taken.Roles = map[string]string{}
		var name, may string
		var settings []string
		_, err = pgx.ForEachRow(rows, []any{&name, &may, &settings}, func() error {
			p.taken.Roles[name] = cmp.Or(may, "may nothing by itself")
			p.roleSettings(name, settings)
			return nil
		})
		if err != nil {
			return postgres.ReadError("reading the roles", err)
		}
		return nil
	})
}

// roleSettings notes what a role begins its sessions with, each by itself: it is a setting, in
// whatever order it was made. The values may be secrets.
func (p *pass) roleSettings(role string, settings []string) {
	if p.taken.Objects == nil {
		return
	}
	for _, one := range settings {
		name, value, _ := strings.Cut(one, "=")
		p.taken.Objects["role "+postgres.PlainName(role)+" begins with "+name] = p.spec.Print("setting "+name, value)
	}
}
