package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"understudy"
	"understudy/internal/atomicfile"
	"understudy/internal/postgres"
	"understudy/internal/postgres/lookout"
	"understudy/internal/promotion"
)

// begun is what production was before a migration first began. It is kept until the promotion
// has ended: what an interrupted run has changed already was not there before it.
type begun struct {
	Schemas map[string]postgres.Schema `json:"schemas"`
	Seen    map[string]lookout.Before  `json:"databases"` // by what expectations call them
	// Failed is when a run ended that did not run through, and said what it left; zero: none has since.
	Failed time.Time `json:"failed,omitzero"`
}

// again is what a run is held against that somebody asks for once one has failed, and been told
// of: what is there now, though by the names that tables had before the first, as the rehearsal
// knows them so. What the first left invalid still is what the migration left.
func (b begun) again(now begun) begun {
	for database, was := range b.Seen {
		is, there := now.Seen[database]
		if !there {
			continue
		}
		relations := maps.Clone(is.Relations)
		for oid, r := range was.Relations {
			if _, still := relations[oid]; still {
				relations[oid] = r
			}
		}
		now.Seen[database] = lookout.Before{Relations: relations, Invalid: was.Invalid}
	}
	return now
}

// begun looks at production before the migration, or, where an interrupted run goes on, reads what
// was noted then. The caller closes the lookouts.
func (m migrator) begun(ctx context.Context, o promotion.Order) (was begun, look lookouts, err error) {
	last, err := m.d.lastBegun(o)
	if err != nil {
		return was, nil, err
	}
	if last != nil && last.Failed.IsZero() {
		o.Tell("the migration was begun before, and is held against what was there then")
		look, err = m.look(ctx, last.Seen)
		return *last, look, err
	}
	if was.Schemas, err = m.schemas(ctx); err != nil {
		return was, nil, err
	}
	if look, err = m.look(ctx, nil); err != nil {
		return was, nil, err
	}
	if was.Seen = look.before(); last != nil {
		was = last.again(was)
		o.Tell(fmt.Sprintf("a run of %s did not run through; this one is held against what is there now", last.Failed.Format(time.DateTime)))
		look.close(ctx)
		if look, err = m.look(ctx, was.Seen); err != nil {
			return was, nil, err
		}
	}
	if err = m.forget(ctx, o); err != nil {
		look.close(ctx)
	}
	return was, look, err
}

// lastBegun is what was noted before an earlier run of the same migration in the same promotion; nil: it was not run.
func (d *Daemon) lastBegun(o promotion.Order) (*begun, error) {
	path := d.begunFile(o)
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var was struct {
		begun
		First *lookout.Before `json:"seen"` // as long as the first database alone was looked at
	}
	if err == nil {
		err = json.Unmarshal(raw, &was)
	}
	if err != nil {
		return nil, understudy.Errorf(understudy.KindInternal, "reading what production was before its migration began, from %s: %w", path, err)
	}
	if was.First != nil && was.Seen == nil {
		was.Seen = map[string]lookout.Before{"": *was.First}
	}
	return &was.begun, nil
}

func (d *Daemon) keepBegun(o promotion.Order, was begun) error {
	path := d.begunFile(o)
	raw, err := json.Marshal(was)
	if err = errors.Join(err, os.MkdirAll(filepath.Dir(path), 0o700)); err != nil {
		return err
	}
	return atomicfile.Write(path, raw, 0o600)
}

// forget removes what was noted of earlier promotions to the same environment that have ended,
// and tells of those whose migration did not run through: nothing is held against their state.
func (m migrator) forget(ctx context.Context, o promotion.Order) error {
	files, err := filepath.Glob(filepath.Join(filepath.Dir(m.d.begunFile(o)), "*.json"))
	for _, file := range files {
		id, contract := strings.CutSuffix(strings.TrimSuffix(filepath.Base(file), ".json"), ofContract)
		if id == o.Promotion {
			continue
		}
		p, loadErr := m.d.promotion(ctx, id)
		if loadErr != nil || p.To != m.env.Name || !p.State.Ended() {
			continue
		}
		was, readErr := m.d.lastBegun(promotion.Order{Promotion: id, Contract: contract})
		if readErr == nil && was != nil && !was.Failed.IsZero() { // what cannot be read is of no use either
			o.Tell(fmt.Sprintf("the migration of promotion %s did not run through; this one is held against what is there now", id))
		}
		err = errors.Join(err, os.Remove(file))
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
