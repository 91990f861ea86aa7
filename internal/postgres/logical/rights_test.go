package logical_test

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres/logical"
	"understudy/internal/postgres/postgrestest"
)

const production = `
	CREATE ROLE staff NOLOGIN; CREATE ROLE ann LOGIN PASSWORD 'hers' CONNECTION LIMIT 3; GRANT staff TO ann WITH ADMIN OPTION;
	CREATE ROLE "Shop App" LOGIN PASSWORD 'his' CREATEROLE; CREATE ROLE demoted LOGIN SUPERUSER; CREATE ROLE stranger LOGIN;
	ALTER ROLE "Shop App" SET search_path TO "$user", 'shop', public; ALTER ROLE "Shop App" SET statement_timeout = '90s';
	ALTER ROLE "Shop App" SET datestyle = 'SQL, DMY';
	ALTER DATABASE DB OWNER TO "Shop App"; REVOKE ALL ON DATABASE DB FROM PUBLIC; GRANT CONNECT ON DATABASE DB TO staff;
	ALTER DATABASE DB SET intervalstyle = 'iso_8601'; ALTER DATABASE DB SET app.tenant = 'one, "two"'; ALTER DATABASE DB SET app.api_key = 'k-12345';
	ALTER ROLE ann IN DATABASE DB SET work_mem = '7MB';
	SET SESSION AUTHORIZATION "Shop App"; CREATE EXTENSION hstore; RESET SESSION AUTHORIZATION;
	CREATE SCHEMA tools; CREATE EXTENSION pg_trgm WITH SCHEMA tools;
	SET SESSION AUTHORIZATION demoted; CREATE EXTENSION pg_buffercache; CREATE EXTENSION earthdistance CASCADE; RESET SESSION AUTHORIZATION;
	ALTER ROLE demoted NOSUPERUSER;
	CREATE SCHEMA shop AUTHORIZATION "Shop App"; GRANT USAGE ON SCHEMA shop TO staff;
	SET SESSION AUTHORIZATION "Shop App";
	CREATE TABLE shop.orders (id bigserial PRIMARY KEY, mine name DEFAULT current_user, note text, attributes hstore, taken interval);
	GRANT SELECT ON shop.orders TO staff WITH GRANT OPTION; GRANT UPDATE (note) ON shop.orders TO ann; REVOKE DELETE ON shop.orders FROM "Shop App";
	ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON shop.orders FOR SELECT TO staff USING (mine = current_user);
	ALTER DEFAULT PRIVILEGES IN SCHEMA shop GRANT SELECT ON TABLES TO staff;
	CREATE FUNCTION shop.f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'; REVOKE ALL ON FUNCTION shop.f() FROM PUBLIC;
	INSERT INTO shop.orders (note, attributes, taken) SELECT 'n' || i, hstore('k', i::text), make_interval(mins => i) FROM generate_series(1, 50) i;
	RESET SESSION AUTHORIZATION;
	CREATE EXTENSION postgres_fdw; CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'prod.invalid');
	CREATE USER MAPPING FOR staff SERVER elsewhere OPTIONS (user 'u', password 'topsecret');
	CREATE FOREIGN TABLE shop.far (x int) SERVER elsewhere;`

// twoClusters are production in one cluster and an empty twin in another, whose
// superuser has the same name and which knows none of production's roles.
func twoClusters(t *testing.T) (spec logical.Spec, source, target *pgx.Conn) {
	t.Helper()
	c, from := postgrestest.Database(t)
	source = postgrestest.Connected(t, c.AdminURL(from))
	t.Cleanup(func() {
		for _, statement := range []string{"DROP OWNED BY %s CASCADE", "DROP ROLE %s"} {
			for _, role := range []string{`"Shop App"`, "staff", "ann", "demoted", "stranger"} {
				if statement == "DROP OWNED BY %s CASCADE" && role == `"Shop App"` {
					if _, err := source.Exec(context.Background(), `ALTER DATABASE `+from+` OWNER TO CURRENT_USER`); err != nil {
						t.Error(err)
					}
				}
				if _, err := source.Exec(context.Background(), strings.ReplaceAll(statement, "%s", role)); err != nil {
					t.Error(err)
				}
			}
		}
	})
	postgrestest.Runs(t, source, strings.ReplaceAll(production, "DATABASE DB", "DATABASE "+from))

	twin := postgrestest.Started(t, postgrestest.Spec(postgrestest.Folder(t), 0))
	if _, err := twin.EnsureDatabase(t.Context(), "twin", "", nil); err != nil {
		t.Fatal(err)
	}
	target = postgrestest.Connected(t, twin.AdminURL("twin"))
	return logical.Spec{Source: c.AdminURL(from), Target: twin.AdminURL("twin"), Bin: postgrestest.Bin(t), Masks: noMasks}, source, target
}

func TestCopy_KeepsRolesOwnersGrantsAndSettingsAsInProduction(t *testing.T) {
	t.Parallel()
	spec, source, target := twoClusters(t)
	var notices []string
	spec.Notice = func(sentence string) { notices = append(notices, sentence) }
	copied(t, spec)

	for _, change := range postgrestest.Inspected(t, source).Diff(postgrestest.Inspected(t, target)) {
		if change.Object != "setting app.api_key" {
			t.Errorf("a difference: %+v", change)
		}
	}
	for what, query := range map[string]string{
		"roles": `SELECT concat_ws(' ', rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls, rolconnlimit)
			FROM pg_roles WHERE rolname IN ('Shop App', 'staff', 'ann', 'demoted') ORDER BY 1`,
		"memberships":    `SELECT concat_ws(' ', roleid::regrole, member::regrole, admin_option) FROM pg_auth_members WHERE roleid = 'staff'::regrole`,
		"role settings":  `SELECT concat_ws(' ', setrole::regrole, x) FROM pg_db_role_setting, unnest(setconfig) x WHERE setdatabase = 0 AND setrole = '"Shop App"'::regrole ORDER BY 1`,
		"who owns what":  `SELECT concat_ws(' ', extname, extowner::regrole) FROM pg_extension ORDER BY 1`,
		"members' owner": `SELECT concat_ws(' ', proname, proowner::regrole) FROM pg_proc WHERE proname IN ('pg_buffercache_pages', 'hstore_in', 'll_to_earth') ORDER BY 1`,
		"rows":           `SELECT o::text FROM shop.orders o ORDER BY id`,
	} {
		if here, there := postgrestest.Answer(t, source, query), postgrestest.Answer(t, target, query); here != there {
			t.Errorf("%s: production has\n%s\nthe twin has\n%s", what, here, there)
		}
	}
	if got := postgrestest.Answer(t, target, `SELECT rolname::text FROM pg_authid WHERE rolpassword IS NOT NULL OR rolname = 'stranger'`); got != "" {
		t.Errorf("roles that should have no password, or not be there: %s", got)
	}
	if got := postgrestest.Answer(t, target, `SELECT count(*)::text FROM pg_user_mappings`); got != "0" {
		t.Error("a user mapping, with its password, is in the twin")
	}
	said := strings.Join(notices, "\n")
	if strings.Contains(said, "app.api_key") {
		t.Error("a setting that is a secret by its name is told at each copy; parity lists it")
	}
	for _, words := range []string{"shop.far", "user mappings"} {
		if !strings.Contains(said, words) {
			t.Errorf("nothing was said about %s: %s", words, said)
		}
	}
	if strings.Contains(said, "12345") || strings.Contains(strings.Join(postgrestest.Inspected(t, source).Lines, "\n"), "12345") {
		t.Error("the value of a setting that holds a secret is shown")
	}

	takesFromTheTwinWhatProductionHasTaken(t, spec, source, target)
	postgrestest.Runs(t, target, `SET SESSION AUTHORIZATION "Shop App"`)
	if _, err := target.Exec(t.Context(), `ALTER EXTENSION pg_buffercache UPDATE`); err == nil {
		t.Error("in the twin the application may update an extension that it does not own")
	}
	postgrestest.Runs(t, target, `DROP EXTENSION hstore CASCADE`)
}

func takesFromTheTwinWhatProductionHasTaken(t *testing.T, spec logical.Spec, source, target *pgx.Conn) {
	t.Helper()
	before := census(t, target)
	for _, one := range []struct{ change, here string }{
		{"a membership is revoked", `REVOKE staff FROM ann`},
		{"the right to hand a group on is revoked", `GRANT staff TO "Shop App" WITH ADMIN OPTION; REVOKE ADMIN OPTION FOR staff FROM "Shop App"`},
		{"attributes and limits go", `ALTER ROLE "Shop App" NOCREATEROLE; ALTER ROLE ann CONNECTION LIMIT -1`},
		{"a setting goes", `ALTER ROLE "Shop App" RESET statement_timeout`},
		{"a role comes", `GRANT stranger TO ann`},
		{"all of it is back", `REVOKE stranger FROM ann; REVOKE staff FROM "Shop App"; GRANT staff TO ann WITH ADMIN OPTION;
			ALTER ROLE "Shop App" CREATEROLE; ALTER ROLE "Shop App" SET statement_timeout = '90s'; ALTER ROLE ann CONNECTION LIMIT 3`},
	} {
		postgrestest.Runs(t, source, one.here)
		postgrestest.Runs(t, target, `GRANT staff TO demoted WITH ADMIN OPTION; GRANT pg_read_all_data TO ann`) // as a rehearsed migration would have
		roster, err := logical.ReadRoster(t.Context(), source)
		if err == nil {
			err = logical.TakeRoles(t.Context(), spec.Target, []logical.Roster{roster}, nil, func(said string) { t.Error(said) })
		}
		if err != nil {
			t.Fatal(one.change, err)
		}
		if here, there := census(t, source), census(t, target); here != there {
			t.Errorf("%s: production has\n%s\nthe twin has\n%s", one.change, here, there)
		}
	}
	takesTogetherWhatSeveralServersHave(t, spec, source, target)
	if now := census(t, target); now != before {
		t.Errorf("roles that came back are\n%s\nwere\n%s", now, before)
	}
	if got := postgrestest.Answer(t, target, `SELECT concat_ws(' ', rolname, rolsuper, rolcanlogin, rolconfig) FROM pg_roles WHERE oid = 10`); got != "postgres t t" {
		t.Errorf("the twin's own superuser is %q", got)
	}
}

// takesTogetherWhatSeveralServersHave gives a twin roles of two servers of production: of the same
// names, and with other groups. Who is let in is no superuser there, whatever production has.
func takesTogetherWhatSeveralServersHave(t *testing.T, spec logical.Spec, source, target *pgx.Conn) {
	t.Helper()
	read := func() logical.Roster {
		roster, err := logical.ReadRoster(t.Context(), source)
		if err != nil {
			t.Fatal(err)
		}
		return roster
	}
	of := []logical.Roster{read()}
	postgrestest.Runs(t, source, `REVOKE staff FROM ann; ALTER ROLE "Shop App" SUPERUSER NOLOGIN; ALTER ROLE postgres SET work_mem = '7MB'`)
	of = append(of, read())
	if err := logical.TakeRoles(t.Context(), spec.Target, of, []string{"Shop App", "nobody of theirs"}, func(said string) { t.Error(said) }); err != nil {
		t.Fatal(err)
	}
	postgrestest.Runs(t, source, `GRANT staff TO ann WITH ADMIN OPTION; ALTER ROLE "Shop App" NOSUPERUSER LOGIN; ALTER ROLE postgres RESET work_mem`)
	if here, there := census(t, source), census(t, target); here != there {
		t.Errorf("of two servers: expected\n%s\ngot\n%s", here, there)
	}
}

// census is what the roles may that production's database needs, and their settings.
func census(t *testing.T, conn *pgx.Conn) string {
	t.Helper()
	return postgrestest.Answer(t, conn, `
		SELECT concat_ws(' ', rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls, rolconnlimit, (SELECT string_agg(x, ',' ORDER BY x) FROM unnest(rolconfig) x),
			(SELECT string_agg(concat_ws(' ', roleid::regrole, admin_option), ',' ORDER BY 1) FROM (SELECT roleid, admin_option FROM pg_auth_members WHERE member = r.oid) m))
		FROM pg_roles r WHERE rolname IN ('Shop App', 'staff', 'ann', 'demoted') ORDER BY 1`)
}

func TestCopy_NamesEveryMissingRightWithItsGrant(t *testing.T) {
	t.Parallel()
	spec, source, target := pair(t, `
		CREATE TABLE open (a text); CREATE TABLE shut (a serial); CREATE SCHEMA hidden; CREATE TABLE hidden.deep (a text);
		CREATE TABLE guarded (a text); ALTER TABLE guarded ENABLE ROW LEVEL SECURITY; INSERT INTO guarded VALUES ('seen');
		CREATE ROLE reading_role LOGIN; GRANT SELECT ON open, guarded TO reading_role`)
	t.Cleanup(func() {
		for _, conn := range []*pgx.Conn{target, source} {
			if _, err := conn.Exec(context.Background(), `DROP OWNED BY reading_role`); err != nil {
				t.Error(err)
			}
		}
		if _, err := source.Exec(context.Background(), `DROP ROLE reading_role`); err != nil {
			t.Error(err)
		}
	})
	admin := spec.Source
	spec.Source = strings.Replace(admin, "user=postgres", "user=reading_role", 1)
	_, err := logical.Copy(t.Context(), spec)
	postgrestest.Refused(t, err, understudy.KindRefused, "reading_role", "GRANT SELECT ON TABLE public.shut TO reading_role;", "GRANT SELECT ON SEQUENCE public.shut_a_seq TO reading_role;",
		"GRANT USAGE ON SCHEMA hidden TO reading_role;", "GRANT SELECT ON TABLE hidden.deep TO reading_role;", "ALTER ROLE reading_role BYPASSRLS;", "row security")
	if strings.Contains(understudy.HintOf(err), "open") {
		t.Errorf("a right that is there is asked for: %s", understudy.HintOf(err))
	}
	for statement := range strings.SplitSeq(strings.TrimPrefix(understudy.HintOf(err), "on the source, as a superuser or the owner: "), ";") {
		postgrestest.Runs(t, source, statement)
	}
	copied(t, spec)
	if got := postgrestest.Answer(t, target, `SELECT a FROM guarded`); got != "seen" {
		t.Errorf("guarded rows in the twin: %q", got)
	}
}
