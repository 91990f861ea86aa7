package logical

import (
	"context"

	"github.com/jackc/pgx/v5"

	"understudy/internal/postgres"
)

// Roles makes the roles of the target's server what those of the source's are now: the
// attributes, the groups that they are in, and the settings they begin sessions with, of
// every role that the source's database needs. What production has taken from one of them
// is taken from it on the target too; a role that production does not need stays as it
// is, and none is dropped. Passwords stay, and so does whatever the target's own superuser has.
// Target is the address of a database of that server, as its superuser.
func Roles(ctx context.Context, source *pgx.Conn, target string, notice func(sentence string)) error {
	var roles roster
	var settings []setting
	err := pgx.BeginTxFunc(ctx, source, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) (err error) {
		if roles, err = readRoster(ctx, tx); err != nil {
			return err
		}
		settings, err = readSettings(ctx, tx)
		return err
	})
	if err != nil {
		return err
	}
	var everywhere []setting // those of one database are part of its schema, which is copied anew when it changes
	for _, s := range settings {
		if !s.Here {
			everywhere = append(everywhere, s)
		}
	}
	into, err := openTarget(ctx, target)
	if err != nil {
		return err
	}
	defer postgres.CloseConn(ctx, into)
	if err := roles.make(ctx, into); err != nil {
		return err
	}
	return applySettings(ctx, into, roles.names, everywhere, notice)
}

// roster is the roles that a database needs, without passwords, and the statements that
// make them: first the roles, then what puts them into their groups.
type roster struct{ names, makes, grants []string }

func readRoster(ctx context.Context, tx pgx.Tx) (r roster, err error) {
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
		r.names, r.makes = append(r.names, name), append(r.makes, makeRole(name, attributes))
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

// make makes the roles, or brings those that are there in line, but for the one we are:
// all of their memberships are taken away and given again, in one transaction.
func (r roster) make(ctx context.Context, target *pgx.Conn) error {
	const doing = "making the target's roles what production's are"
	return alone(ctx, target, doing, "pg_authid", func(tx pgx.Tx) error {
		revokes, err := r.revokes(ctx, tx)
		if err != nil {
			return err
		}
		for _, statements := range [][]string{r.makes, revokes, r.grants} {
			for _, statement := range statements {
				if _, err := tx.Exec(ctx, statement); err != nil {
					return postgres.ReadError(doing, err)
				}
			}
		}
		return nil
	})
}

// revokes are the statements that take the roles out of their groups, and everybody else out of
// them. What somebody has granted further goes with it, and comes back where production has it.
func (r roster) revokes(ctx context.Context, tx pgx.Tx) ([]string, error) {
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
	for _, statement := range statements {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}
