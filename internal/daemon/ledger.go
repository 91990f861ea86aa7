package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"understudy"
	"understudy/internal/postgres"
	"understudy/internal/rehearsal"
)

// Clone makes a copy of the golden snapshot anew.
func (s *stage) Clone(ctx context.Context, to rehearsal.Copy) error {
	if to == rehearsal.Work { // beside it runs no service
		if err := s.d.resetVolumes(ctx, s.env, s.baseline.Application, s.snapshot.ID); err != nil {
			return err
		}
	}
	return s.d.cloneGolden(ctx, s.env, s.baseline.Application, s.physical(rehearsal.Golden), s.physical(to))
}

// cloneGolden replaces databases by clones of golden copies, and lets the application's
// roles in.
func (d *Daemon) cloneGolden(ctx context.Context, e understudy.Environment, app understudy.Application, from, to map[string]string) error {
	if len(app.Databases) == 0 {
		return nil
	}
	server, err := d.twinServer(ctx, e.Name)
	if err != nil {
		return err
	}
	if err := d.roles(ctx, server, e, app); err != nil {
		return err
	}
	goOn, err := d.stepAside(ctx, e.Name)
	if err != nil {
		return err
	}
	defer goOn()
	for _, database := range app.Databases {
		if err := server.Drop(ctx, to[database.Name]); err != nil {
			return err
		}
		made, err := server.Clone(ctx, from[database.Name], to[database.Name], "")
		if err != nil {
			return err
		}
		d.options.Log.Info("cloned database "+to[database.Name], "strategy", made.Strategy, "why", made.Why, "bytes", made.Bytes, "shared", made.Shared, "took", made.Took)
	}
	return nil
}

func (s *stage) Schema(ctx context.Context, of rehearsal.Copy) (json.RawMessage, error) {
	all := map[string]postgres.Schema{}
	for name, physical := range s.physical(of) {
		schema, err := s.d.inspect(ctx, s.env, s.baseline.Application, name, physical)
		if err != nil {
			return nil, err
		}
		all[name] = schema
	}
	return json.Marshal(all)
}

func (s *stage) CompareSchemas(before, after json.RawMessage) (changes, orders []string, err error) {
	var a, b map[string]postgres.Schema
	if err := json.Unmarshal(before, &a); err != nil {
		return nil, nil, err
	}
	if err := json.Unmarshal(after, &b); err != nil {
		return nil, nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(a)) {
		for _, c := range a[name].Diff(b[name]) {
			changes = append(changes, describeChange(c))
		}
		orders = append(orders, reordered(a[name].Order, b[name].Order)...)
	}
	return changes, orders, nil
}

func describeChange(c postgres.SchemaChange) string {
	switch c.Change {
	case "added":
		return fmt.Sprintf("%s is there and was not: %s", c.Object, c.Is)
	case "removed":
		return fmt.Sprintf("%s is gone: %s", c.Object, c.Was)
	}
	return fmt.Sprintf("%s was %q and is %q", c.Object, c.Was, c.Is)
}

// reordered names the tables whose columns are the same and stand in another order.
func reordered(a, b map[string][]string) []string {
	var out []string
	for _, table := range slices.Sorted(maps.Keys(a)) {
		was, is := a[table], b[table]
		if !slices.Equal(was, is) && slices.Equal(slices.Sorted(slices.Values(was)), slices.Sorted(slices.Values(is))) {
			out = append(out, table)
		}
	}
	return out
}

func (s *stage) Data(ctx context.Context, of rehearsal.Copy) (json.RawMessage, error) {
	server, err := s.d.twinServer(ctx, s.env.Name)
	if err != nil {
		return nil, err
	}
	all := map[string]postgres.DataPrint{}
	for name, physical := range s.physical(of) {
		if all[name], err = postgres.Print(ctx, server.AdminURL(physical), 2); err != nil {
			return nil, err
		}
	}
	return json.Marshal(all)
}

func (s *stage) CompareData(before, after json.RawMessage) ([]rehearsal.Loss, error) {
	var a, b map[string]postgres.DataPrint
	if err := json.Unmarshal(before, &a); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(after, &b); err != nil {
		return nil, err
	}
	var losses []rehearsal.Loss
	for _, name := range slices.Sorted(maps.Keys(a)) {
		for _, c := range a[name].Diff(b[name]) {
			if bookkeeping(c.Table) || c.Change == "column new" || c.Change == "table new" {
				continue // nothing is lost: what stayed behind is a difference of the schemas
			}
			losses = append(losses, rehearsal.Loss{Table: c.Table, What: c.String(), Count: max(c.Was-c.Is, c.Is-c.Was, 1)})
		}
	}
	return losses, nil
}

// bookkeeping tells the version tables of migration tools: they say when a migration ran,
// and so differ after each run without anything being lost.
func bookkeeping(table string) bool {
	name := table[strings.LastIndex(table, ".")+1:]
	return slices.Contains([]string{
		"schema_migrations", "schema_version", "goose_db_version", "flyway_schema_history", "databasechangelog", "databasechangeloglock",
		"alembic_version", "django_migrations", "_prisma_migrations", "ar_internal_metadata", "knex_migrations", "gorp_migrations", "__diesel_schema_migrations",
	}, strings.Trim(name, `"`))
}
