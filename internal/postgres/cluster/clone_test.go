package cluster_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres/cluster"
	"understudy/internal/postgres/postgrestest"
)

const ownerSettingsGrants = `
SELECT concat_ws(E'\n', pg_get_userbyid(d.datdba), d.datconnlimit,
  (SELECT string_agg(concat_ws(' ', pg_get_userbyid(nullif(a.grantee, 0)), a.privilege_type, a.is_grantable), ', ' ORDER BY a.grantee, a.privilege_type) FROM aclexplode(d.datacl) a),
  (SELECT string_agg(concat_ws(' ', pg_get_userbyid(nullif(s.setrole, 0)), s.setconfig::text), E'\n' ORDER BY s.setrole) FROM pg_db_role_setting s WHERE s.setdatabase = d.oid))
FROM pg_database d WHERE datname = $1`

// furnished is a database with an owner, grants, settings, and a table.
func furnished(t *testing.T) (c *cluster.Cluster, name, owner string) {
	t.Helper()
	c = postgrestest.Cluster(t)
	owner = newRole(t, c, cluster.Role{Name: "owner" + hostile, Login: true})
	reader := newRole(t, c, cluster.Role{Name: "reader", Login: true})
	_, name = postgrestest.Database(t) // goes before the roles do
	if _, err := c.EnsureDatabase(t.Context(), name, owner, nil); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		"REVOKE ALL ON DATABASE " + name + " FROM PUBLIC",
		"GRANT CONNECT ON DATABASE " + name + " TO " + reader + " WITH GRANT OPTION",
		"ALTER DATABASE " + name + ` SET search_path TO "$user", 'Odd one'`,
		"ALTER DATABASE " + name + " SET app.motto TO 'it''s \\ so'",
		"ALTER DATABASE " + name + " CONNECTION LIMIT 17",
		"ALTER ROLE " + reader + " IN DATABASE " + name + " SET statement_timeout TO '3s'",
		"CREATE TABLE public.kept AS SELECT g AS n FROM generate_series(1, 1000) g",
	} {
		postgrestest.Exec(t, c, name, statement)
	}
	postgrestest.Exec(t, c, name, "ALTER TABLE public.kept OWNER TO "+pgx.Identifier{owner}.Sanitize())
	return c, name, owner
}

func TestClone_KeepsDataOwnerSettingsAndGrants(t *testing.T) {
	c, template, _ := furnished(t)
	name := template + hostile
	t.Cleanup(func() { drop(t, c, name) })
	made, err := c.Clone(t.Context(), template, name, "")
	if err != nil {
		t.Fatal(err)
	}
	if made.Bytes < 1<<20 || made.Took <= 0 || made.Strategy == "" {
		t.Errorf("the clone is described as %+v", made)
	}
	if was, is := value(t, c, "postgres", ownerSettingsGrants, template), value(t, c, "postgres", ownerSettingsGrants, name); was != is {
		t.Errorf("template:\n%s\nclone:\n%s", was, is)
	}
	if got := value(t, c, name, "SELECT count(*)::text FROM public.kept"); got != "1000" {
		t.Errorf("%s of 1000 rows", got)
	}
	if all, err := c.Databases(t.Context()); err != nil || strings.Contains(strings.Join(all, " "), "understudy-making") {
		t.Errorf("databases %q, %v", all, err)
	}
}

func TestClone_ReplacesNothing(t *testing.T) {
	c, template := postgrestest.Database(t)
	_, other := postgrestest.Database(t)
	postgrestest.Exec(t, c, other, "CREATE TABLE precious ()")
	if _, err := c.Clone(t.Context(), template, other, ""); understudy.KindOf(err) != understudy.KindConflict {
		t.Fatalf("got %v", err)
	}
	if got := value(t, c, other, "SELECT to_regclass('precious')::text"); got != "precious" {
		t.Fatal("the database was replaced")
	}
	if _, err := c.Clone(t.Context(), "no-such", template+"x", ""); understudy.KindOf(err) != understudy.KindNotFound {
		t.Fatalf("a template that does not exist: %v", err)
	}
}

func TestClone_GetsThroughWhileClientsOfTheTemplateKeepComingBack(t *testing.T) {
	c, template := postgrestest.Database(t)
	name := template + "_clone"
	t.Cleanup(func() { drop(t, c, name) })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	t.Cleanup(func() { cancel(); <-done })
	first := make(chan struct{})
	go func() { // a pool that reconnects at once
		defer close(done)
		came := sync.OnceFunc(func() { close(first) })
		for ctx.Err() == nil {
			conn, err := pgx.Connect(ctx, c.AdminURL(template))
			if err != nil {
				continue
			}
			came()
			conn.Exec(ctx, "SELECT pg_sleep(60)") //nolint:errcheck // it is ended
			conn.Close(context.Background())
		}
	}()
	<-first
	if _, err := c.Clone(t.Context(), template, name, ""); err != nil {
		t.Fatal(err)
	}
}

func TestClone_GoesOnWhereACrashLeftAWorkingDatabase(t *testing.T) {
	c, template := postgrestest.Database(t)
	name := template + "_clone"
	t.Cleanup(func() { drop(t, c, name) })
	broken, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Clone(broken, template, name, ""); err == nil {
		t.Fatal("a clone was made though nobody wanted it any more")
	}
	postgrestest.Exec(t, c, "postgres", `CREATE DATABASE "`+cluster.WorkingName(name)+`"`)
	if _, err := c.Clone(t.Context(), template, name, ""); err != nil {
		t.Fatal(err)
	}
}

func drop(t *testing.T, c *cluster.Cluster, name string) {
	t.Helper()
	if err := c.Drop(context.Background(), name); err != nil {
		t.Errorf("dropping %s: %v", name, err)
	}
}
