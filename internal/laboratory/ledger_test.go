package laboratory_test

import (
	"encoding/json"
	"slices"
	"testing"

	"understudy"
	"understudy/internal/laboratory"
)

func TestCompareData_LeavesOutTheVersionTablesOfTools(t *testing.T) {
	data := func(sum string) json.RawMessage {
		tables := understudy.DataPrint{}
		for _, name := range []string{
			"DATABASECHANGELOG", "public.databasechangelog", `public."SequelizeMeta"`, `public."__EFMigrationsHistory"`, "drizzle.__drizzle_migrations", "sqitch.events", "graphile_migrate.current",
			"hdb_catalog.migration_settings", "atlas_schema_revisions.atlas_schema_revisions", "public.atlas_schema_revisions", "public._sqlx_migrations", "kysely_migration_lock", "public.mikro_orm_migrations",
			"public.orders", "public.events", "events", "public.current", `public."sqitch.events"`, "sqitch.orders",
		} {
			tables[name] = understudy.TablePrint{Rows: 1, Columns: map[string]understudy.ColumnPrint{"at": {Present: 1, Sum: sum}}}
		}
		raw, err := json.Marshal(map[string]understudy.DataPrint{"": tables})
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	losses, err := laboratory.CompareData(data("a"), data("b"))
	var tables []string
	for _, loss := range losses {
		tables = append(tables, loss.Table)
	}
	if want := []string{"events", `public."sqitch.events"`, "public.current", "public.events", "public.orders", "sqitch.orders"}; err != nil || !slices.Equal(tables, want) {
		t.Errorf("losses are of %q, %v, want %q", tables, err, want)
	}
}

func TestCompareData_KeepsTablesOfOneNameInTwoDatabasesApart(t *testing.T) {
	data := func(first, archive string) json.RawMessage {
		table := func(sum string) understudy.DataPrint {
			return understudy.DataPrint{"public.orders": {Rows: 1, Columns: map[string]understudy.ColumnPrint{"at": {Present: 1, Sum: sum}}}}
		}
		raw, err := json.Marshal(map[string]understudy.DataPrint{"": table(first), "archive": table(archive)})
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	for want, is := range map[string]json.RawMessage{"public.orders": data("b", "a"), "archive/public.orders": data("a", "b")} {
		if losses, err := laboratory.CompareData(data("a", "a"), is); err != nil || len(losses) != 1 || losses[0].Table != want {
			t.Errorf("losses are %+v, %v, want of %s", losses, err, want)
		}
	}
}

func TestCalled_TheFirstDatabaseHasNoName(t *testing.T) {
	all := []understudy.Database{{Name: "main"}, {Name: "archive"}}
	if first, second := laboratory.Called("main", all), laboratory.Called("archive", all); first != "" || second != "archive" {
		t.Errorf("they are called %q and %q", first, second)
	}
}
