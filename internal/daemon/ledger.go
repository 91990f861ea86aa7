package daemon

import (
	"context"
	"encoding/json"

	"understudy"
	"understudy/internal/laboratory"
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
		all[s.called(name)] = schema
	}
	return json.Marshal(all)
}

func (s *stage) CompareSchemas(before, after json.RawMessage) (changes, orders []string, err error) {
	return laboratory.CompareSchemas(before, after)
}

func (s *stage) Data(ctx context.Context, of rehearsal.Copy) (json.RawMessage, error) {
	server, err := s.d.twinServer(ctx, s.env.Name)
	if err != nil {
		return nil, err
	}
	all := map[string]postgres.DataPrint{}
	for name, physical := range s.physical(of) {
		if all[s.called(name)], err = postgres.Print(ctx, server.AdminURL(physical), 2); err != nil {
			return nil, err
		}
	}
	return json.Marshal(all)
}

func (s *stage) CompareData(before, after json.RawMessage) ([]rehearsal.Loss, error) {
	return laboratory.CompareData(before, after)
}
