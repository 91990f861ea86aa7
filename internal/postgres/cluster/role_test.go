package cluster_test

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres/cluster"
	"understudy/internal/postgres/postgrestest"
)

// hostile is a suffix that quoting has to survive.
const hostile = `a"b'c\d $x; --`

func newRole(t *testing.T, c *cluster.Cluster, role cluster.Role) string {
	t.Helper()
	role.Name += strings.ToLower(rand.Text()[:8])
	if err := c.EnsureRole(t.Context(), role); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn, err := c.Connect(context.Background(), "postgres")
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close(context.Background())
		name := pgx.Identifier{role.Name}.Sanitize()
		if _, err := conn.Exec(context.Background(), "DROP OWNED BY "+name+"; DROP ROLE "+name); err != nil {
			t.Errorf("dropping role %s: %v", role.Name, err)
		}
	})
	return role.Name
}

func TestEnsureRole_SignsInOverLoopbackWithItsPasswordOnly(t *testing.T) {
	c := postgrestest.Cluster(t)
	for _, password := range []string{`p@ss w"o'r\d/?#%`, "pässwörd"} {
		name := newRole(t, c, cluster.Role{Name: "r" + hostile, Password: password, Login: true, Inherit: true})
		conn, err := pgx.Connect(t.Context(), c.URL(name, password, "postgres"))
		if err != nil {
			t.Fatalf("signing in: %v", err)
		}
		var who string
		if err := conn.QueryRow(t.Context(), "SELECT current_user").Scan(&who); err != nil || who != name {
			t.Errorf("signed in as %q, %v", who, err)
		}
		conn.Close(t.Context())
		if conn, err := pgx.Connect(t.Context(), c.URL(name, password+"x", "postgres")); err == nil {
			conn.Close(t.Context())
			t.Errorf("a wrong password was let in")
		}
	}
	if conn, err := pgx.Connect(t.Context(), c.URL("postgres", "", "postgres")); err == nil {
		conn.Close(t.Context())
		t.Errorf("the superuser was let in over TCP")
	}
}

func TestEnsureRole_BringsAnExistingRoleToWhatIsDescribed(t *testing.T) {
	c := postgrestest.Cluster(t)
	group := newRole(t, c, cluster.Role{Name: "group"})
	role := cluster.Role{Name: "again" + strings.ToLower(rand.Text()[:8]), Password: "x", Login: true, CreateDB: true, Inherit: true,
		MemberOf: []string{group}, Settings: map[string]string{"search_path": `"$user", public, "Odd one"`, "app.tenant": `a'b\c`, "work_mem": "5MB"}}
	if err := c.EnsureRole(t.Context(), role); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { postgrestest.Exec(t, c, "postgres", "DROP ROLE "+role.Name) })
	const look = `SELECT concat_ws(' ', rolcreatedb, rolcanlogin, rolbypassrls, rolpassword IS NOT NULL, array_to_string(s.setconfig, ' | '))
		FROM pg_authid r LEFT JOIN pg_db_role_setting s ON s.setrole = r.oid WHERE rolname = $1`
	if got, want := value(t, c, "postgres", look, role.Name), `t t f t app.tenant=a'b\c | search_path="$user", public, "Odd one" | work_mem=5MB`; sorted(got) != sorted(want) {
		t.Fatalf("got  %s\nwant %s", got, want)
	}
	role.CreateDB, role.BypassRLS, role.Password, role.Settings = false, true, "", map[string]string{"work_mem": "6MB"}
	for range 2 {
		if err := c.EnsureRole(t.Context(), role); err != nil {
			t.Fatal(err)
		}
	}
	if got := value(t, c, "postgres", look, role.Name); got != "f t t t work_mem=6MB" {
		t.Fatalf("changed to %s", got)
	}
	postgrestest.Exec(t, c, "postgres", "ALTER ROLE "+role.Name+" SUPERUSER NOLOGIN PASSWORD NULL")
	if err := c.AdmitRole(t.Context(), role.Name, "y"); err != nil {
		t.Fatal(err)
	}
	if got := value(t, c, "postgres", "SELECT rolsuper || ' ' || rolinherit FROM pg_roles WHERE rolname = $1", role.Name) + value(t, c, "postgres", look, role.Name); got != "false truef t t t work_mem=6MB" {
		t.Fatalf("let in, it may %s", got)
	}
}

func sorted(text string) string {
	parts := strings.Split(text, " | ")
	head, first, _ := strings.Cut(parts[0], "=")
	fields := strings.Fields(head)
	parts[0] = fields[len(fields)-1] + "=" + first
	slices.Sort(parts)
	return strings.Join(append(fields[:len(fields)-1], parts...), " | ")
}

func TestEnsureDatabase_MakesOnceAndSeesToOwnerAndExtensions(t *testing.T) {
	c := postgrestest.Cluster(t)
	owner := newRole(t, c, cluster.Role{Name: "owner" + hostile, Login: true})
	name := "db" + hostile + strings.ToLower(rand.Text()[:8])
	t.Cleanup(func() {
		for range 2 { // twice is once
			if err := c.Drop(context.Background(), name); err != nil {
				t.Error(err)
			}
		}
	})
	for i, wantOwner := range []string{"postgres", owner} {
		created, err := c.EnsureDatabase(t.Context(), name, wantOwner, []string{"pgcrypto", "uuid-ossp"})
		if err != nil || created != (i == 0) {
			t.Fatalf("time %d: created %v, %v", i, created, err)
		}
	}
	if got := value(t, c, name, "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"); got != owner {
		t.Errorf("it belongs to %q", got)
	}
	if got := value(t, c, name, "SELECT count(*)::text FROM pg_extension WHERE extname IN ('pgcrypto', 'uuid-ossp')"); got != "2" {
		t.Errorf("%s of 2 extensions are there", got)
	}
	if all, err := c.Databases(t.Context()); err != nil || !slices.Contains(all, name) || slices.Contains(all, "postgres") {
		t.Errorf("databases %q, %v", all, err)
	}
	_, err := c.EnsureDatabase(t.Context(), name, "", []string{"no_such_extension"})
	if understudy.KindOf(err) != understudy.KindUnavailable || understudy.HintOf(err) == "" {
		t.Errorf("a missing extension gave %v", err)
	}
}

func TestConnect_SaysWhichDatabaseIsMissing(t *testing.T) {
	_, err := postgrestest.Cluster(t).Connect(t.Context(), "no-such")
	if understudy.KindOf(err) != understudy.KindNotFound || !strings.Contains(err.Error(), "no-such") {
		t.Fatalf("got %v", err)
	}
}
