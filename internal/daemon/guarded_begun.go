package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"understudy"
	"understudy/internal/atomicfile"
	"understudy/internal/postgres"
	"understudy/internal/postgres/lockwatch"
	"understudy/internal/postgres/lookout"
	"understudy/internal/promotion"
)

// begun is what production was before a migration first began. It is kept until the promotion
// has ended: what an interrupted run has changed already was not there before it.
type begun struct {
	Schemas map[string]postgres.Schema `json:"schemas"`
	Seen    lookout.Before             `json:"seen"`
}

// begun looks at production before the migration, or, where it goes on, reads what was noted
// then. The caller closes the lookout, which is at the first database: the one that the
// rehearsal watched.
func (m migrator) begun(ctx context.Context, o promotion.Order) (was begun, look *lookout.Lookout, err error) {
	path := m.d.begunFile(o)
	raw, err := os.ReadFile(path)
	goesOn := err == nil
	if goesOn {
		err = json.Unmarshal(raw, &was)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return was, nil, understudy.Errorf(understudy.KindInternal, "reading what production was before its migration began, from %s: %w", path, err)
	}
	app := m.release.Application
	spec := lookout.Spec{ApplicationName: lockwatch.MigrationName}
	if spec.URL, err = m.d.source(ctx, m.env, app, app.Databases[0].Name, m.databases[app.Databases[0].Name]); err != nil {
		return was, nil, err
	}
	if goesOn {
		spec.Before = &was.Seen
		o.Tell("the migration was begun before, and is held against what was there then")
		look, err = lookout.Open(ctx, spec)
		return was, look, err
	}
	if was.Schemas, err = m.schemas(ctx); err != nil {
		return was, nil, err
	}
	if look, err = lookout.Open(ctx, spec); err != nil {
		return was, nil, err
	}
	was.Seen = look.Before()
	raw, err = json.Marshal(was)
	if err = errors.Join(err, m.forget(ctx, o), os.MkdirAll(filepath.Dir(path), 0o700)); err == nil {
		err = atomicfile.Write(path, raw, 0o600)
	}
	if err != nil {
		look.Close(ctx)
	}
	return was, look, err
}

// forget removes what was noted of earlier promotions to the same environment that have ended.
func (m migrator) forget(ctx context.Context, o promotion.Order) error {
	files, err := filepath.Glob(filepath.Join(filepath.Dir(m.d.begunFile(o)), "*.json"))
	for _, file := range files {
		id, _ := strings.CutSuffix(strings.TrimSuffix(filepath.Base(file), ".json"), ofContract)
		if id == o.Promotion {
			continue
		}
		if p, loadErr := m.d.promotion(ctx, id); loadErr == nil && p.To == m.env.Name && p.State.Ended() {
			err = errors.Join(err, os.Remove(file))
		}
	}
	return err
}

// ofContract ends the name of a contract migration's file.
const ofContract = "-contract"

func (d *Daemon) begunFile(o promotion.Order) string {
	name := o.Promotion
	if o.Contract {
		name += ofContract
	}
	return filepath.Join(d.options.State.Below("migrating"), name+".json")
}
