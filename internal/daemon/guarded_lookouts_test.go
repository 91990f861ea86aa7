package daemon

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/migration"
	"understudy/internal/postgres/lookout"
	"understudy/internal/postgres/postgrestest"
)

func TestLookouts_LookInEachDatabaseForWhatIsWantedThere(t *testing.T) {
	all := lookouts{{database: ""}, {database: "archive"}, {database: "stock"}}
	wanted := map[string]string{"public.orders": "ShareLock", "archive/public.orders": "AccessExclusiveLock", `archive/public."a/b"`: "ShareLock"}
	for database, want := range map[string]map[string]string{
		"": {"public.orders": "ShareLock"}, "archive": {"public.orders": "AccessExclusiveLock", `public."a/b"`: "ShareLock"}, "stock": {},
	} {
		if diff := cmp.Diff(want, all.wantedAt(database, wanted)); diff != "" {
			t.Errorf("in %q, -want +got:\n%s", database, diff)
		}
	}
	if names := all.elsewhere(); len(names) != 2 || names[0] != "archive" || names[1] != "stock" {
		t.Errorf("elsewhere: %q", names)
	}
}

func TestLookouts_TellWhatTheySawAsOne(t *testing.T) {
	seen := lookout.Sight{
		Statement: "ALTER TABLE orders", Locks: []lookout.Lock{{Relation: "public.orders_7", Of: "public.orders", Mode: "ShareLock", Waiting: true}},
		Waits: []understudy.ObservedWait{{Who: "web", Relation: "public.orders"}, {Who: "web", Wanted: "row"}},
	}
	got := post{database: "archive"}.add(post{}.add(migration.Sight{}, lookout.Sight{Locks: seen.Locks}), seen)
	want := migration.Sight{
		Statement: "ALTER TABLE orders",
		Locks: []migration.SeenLock{
			{Relation: "public.orders_7", Of: "public.orders", Mode: "ShareLock", Waiting: true},
			{Database: "archive", Relation: "public.orders_7", Of: "public.orders", Mode: "ShareLock", Waiting: true},
		},
		Waits: []understudy.ObservedWait{{Who: "web", Relation: "archive/public.orders"}, {Who: "web", Wanted: "row"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestLookouts_SeeAndEndTheMigrationInEveryDatabase(t *testing.T) {
	t.Parallel()
	var all lookouts
	movers := map[string]*pgx.Conn{}
	for _, name := range []string{"", "archive"} {
		server, physical := postgrestest.Database(t)
		postgrestest.Exec(t, server, physical, `CREATE TABLE orders (id int)`)
		l, err := lookout.Open(t.Context(), lookout.Spec{URL: server.AdminURL(physical), ApplicationName: "mover " + t.Name()})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, post{name, l})
		movers[name] = postgrestest.Connected(t, server.AdminURL(physical))
		postgrestest.Runs(t, movers[name], `SET application_name = 'mover `+t.Name()+`'; BEGIN; LOCK TABLE orders IN SHARE MODE`)
	}
	defer func() { all.close(context.WithoutCancel(t.Context())) }()
	seen, err := all.Look(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var locks []string
	for _, l := range seen.Locks {
		locks = append(locks, l.Database+" "+l.Relation+" "+l.Mode)
	}
	if diff := cmp.Diff([]string{" public.orders ShareLock", "archive public.orders ShareLock"}, locks); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	busy, err := all.Busy(t.Context(), map[string]string{"archive/public.orders": "AccessExclusiveLock"})
	if err != nil || len(busy.Holders) != 1 || busy.Holders[0].Relation != "archive/public.orders" {
		t.Errorf("in its way stand %+v, %v", busy, err)
	}
	if left, err := all.End(t.Context()); left != 0 || err != nil {
		t.Errorf("%d are left: %v", left, err)
	}
	for name, mover := range movers {
		if _, err := mover.Exec(t.Context(), `COMMIT`); err == nil {
			t.Errorf("the migration goes on in %q", name)
		}
	}
}
