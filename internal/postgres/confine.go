package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// waysOut are roles of the server's own whose members have it run programs, reach its files,
// or connect to others. Each exists from some version on.
func waysOut() []string {
	return []string{"pg_execute_server_program", "pg_read_server_files", "pg_write_server_files", "pg_create_subscription"}
}

// Confine keeps everybody but superusers from having the server do what they may not do
// themselves: run programs beside it, read and write its files, connect to others. Nobody is a member of
// the server's roles for that, or of a role that is a superuser, when it returns, and none but a
// superuser can make one: up to PostgreSQL 15 whoever makes roles may put himself into any that is
// no superuser's, so those roles are marked as superusers, which are nobody's then. Roles that were superusers and
// have others as members are none any more; who is a superuser himself stays so, and cannot sign in. It may be repeated, and is to be whenever
// roles were made what another server's are. Tx is a superuser's, on a server that has nobody else's databases.
func Confine(ctx context.Context, tx pgx.Tx) error {
	const doing = "keeping roles from what only superusers may"
	major, err := MajorOf(ctx, tx)
	if err != nil {
		return err
	}
	by := "''"
	if major >= 16 {
		by = `format(' GRANTED BY %I', pg_get_userbyid(m.grantor))`
	}
	rows, err := tx.Query(ctx, `
		WITH RECURSIVE within AS (
			SELECT m.roleid FROM pg_auth_members m JOIN pg_roles u ON u.oid = m.member WHERE NOT u.rolsuper
			UNION SELECT m.roleid FROM within JOIN pg_auth_members m ON m.member = within.roleid)
		SELECT format('REVOKE %I FROM %I', g.rolname, u.rolname) || `+by+` || ' CASCADE'
		FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid JOIN pg_roles u ON u.oid = m.member
		WHERE g.rolname = ANY($1) OR g.oid = 10 OR g.rolname = session_user
		UNION ALL
		SELECT format('ALTER ROLE %I NOSUPERUSER', g.rolname) FROM pg_roles g JOIN within ON within.roleid = g.oid
		WHERE g.rolsuper AND g.oid >= 16384 AND g.rolname <> session_user
		UNION ALL
		SELECT format('ALTER ROLE %I NOLOGIN', g.rolname) FROM pg_roles g
		WHERE g.rolsuper AND g.rolcanlogin AND g.rolname <> session_user AND NOT EXISTS (SELECT FROM within WHERE within.roleid = g.oid)
		ORDER BY 1 DESC`, waysOut()) // REVOKE before ALTER
	if err != nil {
		return ReadError(doing, err)
	}
	statements, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return ReadError(doing, err)
	}
	for _, statement := range statements {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return ReadError(doing, err)
		}
	}
	if _, err := tx.Exec(ctx, `UPDATE pg_authid SET rolsuper = true WHERE rolname = ANY($1) AND NOT rolsuper`, waysOut()); err != nil {
		return ReadError(doing, err)
	}
	return nil
}

// fileFunctions are functions of the server's own that reach its files, which are superusers' until
// somebody grants them.
func fileFunctions() []string {
	return []string{"pg_read_file", "pg_read_file_old", "pg_read_binary_file", "pg_stat_file", "pg_ls_dir", "lo_import", "lo_export"}
}

// ConfineFunctions takes from everybody but superusers what reaches the server's files and was granted
// in this database: a copy of production brings what is granted there. Tx is a superuser's.
func ConfineFunctions(ctx context.Context, tx pgx.Tx) error {
	const doing = "keeping functions that reach files from everybody but superusers"
	rows, err := tx.Query(ctx, `
		SELECT format('REVOKE ALL ON FUNCTION %s FROM %s CASCADE', p.oid::regprocedure, CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END)
		FROM pg_proc p, aclexplode(p.proacl) g
		WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proname = ANY($1) AND g.grantee <> p.proowner AND g.grantor = p.proowner ORDER BY 1`, fileFunctions())
	if err != nil {
		return ReadError(doing, err)
	}
	statements, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return ReadError(doing, err)
	}
	for _, statement := range statements {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return ReadError(doing, err)
		}
	}
	return nil
}
