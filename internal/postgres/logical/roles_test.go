package logical_test

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"

	"understudy/internal/postgres/logical"
	"understudy/internal/postgres/postgrestest"
)

// groups is which roles of the test are in which, with all that several have granted together; from PostgreSQL 16 on
// with whether rights are inherited, and the role can be set.
const groups = `
	SELECT concat_ws(' ', g.rolname, u.rolname, bool_or(admin_option), bool_or((to_jsonb(m) ->> 'inherit_option')::bool), bool_or((to_jsonb(m) ->> 'set_option')::bool))
	FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid JOIN pg_roles u ON u.oid = m.member
	WHERE u.rolname ~ '^taken_' GROUP BY g.rolname, u.rolname ORDER BY 1`

// TestTakeRoles runs on every version that make test-postgres-versions has: what grants are
// is another thing from PostgreSQL 16 on.
func TestTakeRoles_MakesThemProductionsAndKeepsThemFromWhatOnlySuperusersMay(t *testing.T) {
	t.Parallel()
	c, from := postgrestest.Database(t)
	source := postgrestest.Connected(t, c.AdminURL(from))
	t.Cleanup(func() {
		for _, statement := range []string{`ALTER DATABASE ` + from + ` OWNER TO CURRENT_USER`, `DROP OWNED BY taken_app, taken_staff, taken_ann, taken_made, taken_boss CASCADE`,
			`DROP ROLE IF EXISTS taken_boss, taken_made, taken_deputies, taken_dba, taken_ann, taken_staff, taken_app`} {
			if _, err := source.Exec(context.Background(), statement); err != nil {
				t.Error(err)
			}
		}
	})
	postgrestest.Runs(t, source, `CREATE ROLE taken_app LOGIN CREATEROLE; CREATE ROLE taken_staff NOLOGIN; CREATE ROLE taken_ann LOGIN;
		ALTER DATABASE `+from+` OWNER TO taken_app; GRANT CONNECT ON DATABASE `+from+` TO taken_staff; GRANT taken_staff TO taken_app WITH ADMIN OPTION;
		SET SESSION AUTHORIZATION taken_app; CREATE ROLE taken_made NOLOGIN; GRANT CONNECT ON DATABASE `+from+` TO taken_made; GRANT taken_staff, taken_made TO taken_ann; RESET SESSION AUTHORIZATION`)

	twin := postgrestest.Started(t, postgrestest.Spec(postgrestest.Folder(t), 0))
	target := postgrestest.Connected(t, twin.AdminURL("postgres"))
	rights := ""
	if major := target.PgConn().ParameterStatus("server_version"); major >= "16" {
		rights = ` WITH INHERIT FALSE, SET TRUE`
	}
	for _, one := range []struct{ change, here, there string }{
		{"they come", "", ""},
		{"one is revoked that somebody else granted, and one that a migration granted on the twin", `REVOKE taken_staff FROM taken_ann CASCADE`, `GRANT taken_staff TO taken_made WITH ADMIN OPTION`},
		{"the right to hand a group on is revoked", `REVOKE ADMIN OPTION FOR taken_staff FROM taken_app CASCADE`,
			`SET SESSION AUTHORIZATION taken_app; GRANT taken_staff TO taken_ann; RESET SESSION AUTHORIZATION`},
		{"one is granted again", `GRANT taken_staff TO taken_ann` + rights, ""},
	} {
		postgrestest.Runs(t, source, one.here)
		postgrestest.Runs(t, target, one.there)
		takesThem(t, source, twin.AdminURL("postgres"))
		if here, there := postgrestest.Answer(t, source, groups), postgrestest.Answer(t, target, groups); here != there || here == "" {
			t.Errorf("%s: production has\n%s\nthe twin has\n%s", one.change, here, there)
		}
	}
	postgrestest.Runs(t, source, `CREATE ROLE taken_boss SUPERUSER LOGIN; GRANT CONNECT ON DATABASE `+from+` TO taken_boss; CREATE ROLE taken_dba SUPERUSER NOLOGIN; CREATE ROLE taken_deputies NOLOGIN; GRANT taken_dba TO taken_deputies; GRANT taken_deputies TO taken_app;
		GRANT pg_execute_server_program, pg_read_server_files TO taken_app WITH ADMIN OPTION; GRANT postgres TO taken_ann`)
	takesThem(t, source, twin.AdminURL("postgres"))
	if boss := postgrestest.Answer(t, target, `SELECT concat_ws(' ', rolsuper, rolcanlogin) FROM pg_roles WHERE rolname = 'taken_boss'`); boss != "t f" {
		t.Errorf("whether somebody is a superuser on the twin, and may sign in, is %q", boss)
	}
	postgrestest.Runs(t, target, `CREATE DATABASE copied`)
	copied := postgrestest.Connected(t, twin.AdminURL("copied"))
	postgrestest.Runs(t, copied, `GRANT EXECUTE ON FUNCTION pg_read_file(text), lo_export(oid, text) TO taken_app WITH GRANT OPTION; GRANT EXECUTE ON FUNCTION pg_ls_dir(text) TO PUBLIC;
		SET SESSION AUTHORIZATION taken_app; GRANT EXECUTE ON FUNCTION pg_read_file(text) TO taken_ann; RESET SESSION AUTHORIZATION`) // as pg_dump has it
	if err := errors.Join(twin.ConfineFunctions(t.Context()), twin.ConfineFunctions(t.Context())); err != nil {
		t.Fatal(err)
	}
	for _, who := range []string{"taken_app", "taken_ann"} {
		triesToGetOut(t, copied, who)
		triesToGetOut(t, target, who)
	}
	postgrestest.Runs(t, target, `SET SESSION AUTHORIZATION taken_app; CREATE ROLE taken_reporting NOLOGIN; GRANT taken_reporting TO taken_ann; DROP ROLE taken_reporting; RESET SESSION AUTHORIZATION;
		COPY (SELECT 1) TO PROGRAM 'cat >/dev/null'`)
	takesThem(t, source, twin.AdminURL("postgres"))
	triesToGetOut(t, target, "taken_app")
}

func takesThem(t *testing.T, source *pgx.Conn, target string) {
	t.Helper()
	roster, err := logical.ReadRoster(t.Context(), source)
	if err == nil {
		err = logical.TakeRoles(t.Context(), target, []logical.Roster{roster}, []string{"taken_app"}, func(said string) { t.Error(said) })
	}
	if err != nil {
		t.Fatal(err)
	}
}

// triesToGetOut does as a role what has the server run a program, or reach a file, for it.
func triesToGetOut(t *testing.T, target *pgx.Conn, who string) {
	t.Helper()
	postgrestest.Runs(t, target, "SET SESSION AUTHORIZATION "+who)
	for _, act := range []string{
		`GRANT pg_execute_server_program TO ` + who, `GRANT pg_read_server_files TO taken_made`, `ALTER GROUP pg_write_server_files ADD USER ` + who,
		`CREATE ROLE thief IN ROLE pg_execute_server_program`, `CREATE ROLE thief IN ROLE postgres`, `SET ROLE pg_execute_server_program`, `SET ROLE postgres`,
		`ALTER ROLE pg_execute_server_program NOSUPERUSER`, `UPDATE pg_authid SET rolsuper = false WHERE rolname ~ '^pg_'`,
		`COPY (SELECT 1) TO PROGRAM 'true'`, `SELECT pg_read_file('PG_VERSION')`, `SELECT pg_ls_dir('.')`, `SELECT lo_export(lo_from_bytea(0, ''), '/tmp/thief')`, `COPY (SELECT 1) TO '/tmp/thief'`, `SET ROLE taken_dba; COPY (SELECT 1) TO PROGRAM 'true'`,
	} {
		if _, err := target.Exec(t.Context(), act); err == nil {
			t.Errorf("on the twin %s may %s", who, act)
		}
		postgrestest.Runs(t, target, "RESET ROLE")
	}
	postgrestest.Runs(t, target, "RESET SESSION AUTHORIZATION")
}
