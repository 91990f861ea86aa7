package logical

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"understudy/internal/postgres"
)

// Roster is the roles that a database needs, without passwords: the statements that make them,
// those that put them into their groups, and what they begin sessions with everywhere.
type Roster struct {
	names, makes, grants []string
	settings             []setting
}

// ReadRoster reads which roles the source's database needs, and what they may now.
func ReadRoster(ctx context.Context, source *pgx.Conn) (r Roster, err error) {
	err = pgx.BeginTxFunc(ctx, source, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		if r, err = readRoster(ctx, tx); err != nil {
			return err
		}
		settings, err := readSettings(ctx, tx)
		for _, s := range settings {
			if !s.Here { // those of one database are part of its schema, which is copied anew when it changes
				r.settings = append(r.settings, s)
			}
		}
		return err
	})
	return r, err
}

// TakeRoles makes the roles of the target's server what these of production's are, of all databases
// that the server has: where production has several servers, a role may what it may on any of them.
// What production has taken from a role is taken from it on the target too; a role that production
// does not need stays as it is, and none is dropped. Passwords stay, and so does whatever the
// target's own superuser has. Those admitted can sign in and are no superusers all the while,
// whatever production has, and nobody is a member of what only superusers may (postgres.Confine). Target is the address of a database of that server, as its superuser;
// nobody else's databases may be there.
func TakeRoles(ctx context.Context, target string, of []Roster, admitted []string, notice func(sentence string)) error {
	var all Roster
	for _, r := range of {
		all.names, all.makes = append(all.names, r.names...), append(all.makes, r.makes...)
		all.grants, all.settings = append(all.grants, r.grants...), append(all.settings, r.settings...)
	}
	into, err := openTarget(ctx, target)
	if err != nil {
		return err
	}
	defer postgres.CloseConn(ctx, into)
	err = alone(ctx, into, makingRoles, "pg_authid", func(tx pgx.Tx) error {
		revokes, err := all.revokes(ctx, tx)
		if err != nil {
			return err
		}
		if err := execAll(ctx, tx, all.makes, revokes, all.grants, admitting(admitted)); err != nil {
			return err
		}
		return postgres.Confine(ctx, tx)
	})
	if err != nil {
		return err
	}
	return alone(ctx, into, applyingSettings, "pg_db_role_setting", func(tx pgx.Tx) error {
		if err := resetRoles(ctx, tx, all.names); err != nil {
			return err
		}
		own := func(s setting) bool { return s.Role == into.Config().User }
		return giveSettings(ctx, tx, into.Config().Database, slices.DeleteFunc(all.settings, own), notice)
	})
}

// admitting are the statements that let roles sign in that are there, and keep them from being superusers.
func admitting(names []string) []string {
	var out []string
	for _, name := range names {
		out = append(out, alterRole(name, "LOGIN NOSUPERUSER"))
	}
	return out
}

func readRoster(ctx context.Context, tx pgx.Tx) (r Roster, err error) {
	rows, err := tx.Query(ctx, neededRoles+`
		SELECT r.rolname::text, concat_ws(' ', CASE WHEN rolsuper THEN 'SUPERUSER' ELSE 'NOSUPERUSER' END, CASE WHEN rolinherit THEN 'INHERIT' ELSE 'NOINHERIT' END,
			CASE WHEN rolcreaterole THEN 'CREATEROLE' ELSE 'NOCREATEROLE' END, CASE WHEN rolcreatedb THEN 'CREATEDB' ELSE 'NOCREATEDB' END,
			CASE WHEN rolcanlogin THEN 'LOGIN' ELSE 'NOLOGIN' END, CASE WHEN rolreplication THEN 'REPLICATION' ELSE 'NOREPLICATION' END,
			CASE WHEN rolbypassrls THEN 'BYPASSRLS' ELSE 'NOBYPASSRLS' END, 'CONNECTION LIMIT', rolconnlimit)
		FROM needed JOIN pg_roles r USING (oid) WHERE r.rolname !~ '^pg_' ORDER BY 1`)
	if err != nil {
		return r, postgres.ReadError("reading the roles", err)
	}
	var name, attributes string
	if _, err := pgx.ForEachRow(rows, []any{&name, &attributes}, func() error {
		r.names, r.makes = append(r.names, name), append(r.makes, makeRole(name, attributes), alterRole(name, attributes))
		return nil
	}); err != nil {
		return r, postgres.ReadError("reading the roles", err)
	}
	r.grants, err = readMemberships(ctx, tx)
	return r, err
}

// readMemberships are the statements that put the roles into their groups. Where several have
// granted the same, all that they granted together.
func readMemberships(ctx context.Context, tx pgx.Tx) ([]string, error) {
	major, err := postgres.MajorOf(ctx, tx)
	if err != nil {
		return nil, err
	}
	with := `CASE WHEN bool_or(m.admin_option) THEN ' WITH ADMIN OPTION' ELSE '' END`
	if major >= 16 {
		with = `' WITH ADMIN ' || bool_or(m.admin_option) || ', INHERIT ' || bool_or(m.inherit_option) || ', SET ' || bool_or(m.set_option)`
	}
	rows, err := tx.Query(ctx, neededRoles+`
		SELECT format('GRANT %I TO %I', g.rolname, u.rolname) || `+with+`
		FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid JOIN pg_roles u ON u.oid = m.member
		WHERE m.member IN (SELECT oid FROM needed) AND m.roleid IN (SELECT oid FROM needed) AND u.rolname !~ '^pg_'
		GROUP BY g.rolname, u.rolname ORDER BY g.rolname, u.rolname`)
	if err != nil {
		return nil, postgres.ReadError("reading the memberships of roles", err)
	}
	statements, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, postgres.ReadError("reading the memberships of roles", err)
	}
	return statements, nil
}

const makingRoles = "making the target's roles what production's are"

// make makes the roles, or brings those that are there in line, but for the one we are, and puts
// them into their groups. Nothing is taken from anybody: the server may be others' too.
func (r Roster) make(ctx context.Context, target *pgx.Conn) error {
	return alone(ctx, target, makingRoles, "pg_authid", func(tx pgx.Tx) error { return execAll(ctx, tx, r.makes, r.grants) })
}

func execAll(ctx context.Context, tx pgx.Tx, all ...[]string) error {
	for _, statement := range slices.Concat(all...) {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return postgres.ReadError(makingRoles, err)
		}
	}
	return nil
}

// revokes are the statements that take the roles out of their groups, and everybody else out of
// them. What somebody has granted further goes with it, and comes back where production has it.
func (r Roster) revokes(ctx context.Context, tx pgx.Tx) ([]string, error) {
	const doing = "looking at the memberships of the target's roles"
	major, err := postgres.MajorOf(ctx, tx)
	if err != nil {
		return nil, err
	}
	by := "''"
	if major >= 16 {
		by = `format(' GRANTED BY %I', pg_get_userbyid(m.grantor))`
	}
	rows, err := tx.Query(ctx, `
		SELECT format('REVOKE %I FROM %I', g.rolname, u.rolname) || `+by+` || ' CASCADE'
		FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid JOIN pg_roles u ON u.oid = m.member
		WHERE u.oid >= 16384 AND u.rolname <> session_user AND (u.rolname = ANY($1) OR g.oid >= 16384 AND g.rolname = ANY($1)) ORDER BY 1`, r.names)
	if err != nil {
		return nil, postgres.ReadError(doing, err)
	}
	statements, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, postgres.ReadError(doing, err)
	}
	return statements, nil
}

// resetRoles takes the settings of roles away, as production's come.
func resetRoles(ctx context.Context, tx pgx.Tx, names []string) error {
	rows, err := tx.Query(ctx, `
		SELECT format('ALTER ROLE %I RESET ALL', r.rolname) FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole
		WHERE s.setdatabase = 0 AND r.oid >= 16384 AND r.rolname <> session_user AND r.rolname = ANY($1) ORDER BY 1`, names)
	if err != nil {
		return err
	}
	statements, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	return execAll(ctx, tx, statements)
}
