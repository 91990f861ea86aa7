package daemon

import (
	"context"
	"errors"

	"understudy"
	"understudy/internal/postgres/cluster"
	"understudy/internal/postgres/physical"
	"understudy/internal/postgres/proof"
)

// copyByFiles copies production's server by its files into the next server, and masks its
// one database in place.
func (c copier) copyByFiles(ctx context.Context, o copyOrder, tell func(string)) ([]understudy.DatabaseCopy, error) {
	if len(o.app.Databases) != 1 || len(o.copying.Subsets) > 0 {
		return nil, understudy.Errorf(understudy.KindInvalid, "a physical copy is of one whole database, and the application has %d, with %d of which a part is asked for",
			len(o.app.Databases), len(o.copying.Subsets)).WithHint("copy: {method: logical} takes several databases, and parts of them")
	}
	database := o.app.Databases[0]
	from, err := c.reads(ctx, o, database.Name)
	if err != nil {
		return nil, err
	}
	dir := c.d.options.State.Below("databases.next", o.twin)
	p, err := proof.New(proof.Spec{
		Masks: o.masks, Room: c.room, Compare: proof.Off, Parallel: o.copying.Parallel, Accepted: o.accepted, Groups: o.groups, Files: proof.Folder(dir),
		Tell: func(doing string) { tell(database.Name + ": " + doing) },
	})
	if err != nil {
		return nil, err
	}
	made, err := physical.Copy(ctx, physical.Spec{
		Source: from, Dir: dir, Masks: p.Masks, Samples: 400, Parallel: o.copying.Parallel, MaxRate: physical.Rate(o.copying.Rate), Notice: tell,
		Progress: func(at physical.Progress) {
			if at.Done == 0 {
				tell("copying " + database.Name + ": " + at.Phase)
			}
		},
	})
	if err == nil {
		err = c.proveFiles(ctx, o, p, &made.Copy, from)
	}
	return []understudy.DatabaseCopy{made.Copy}, errors.Join(err, p.Close())
}

// proveFiles gives a copy of files its golden name, and looks at it.
func (c copier) proveFiles(ctx context.Context, o copyOrder, p *proof.Proof, made *understudy.DatabaseCopy, source string) error {
	database, next := o.app.Databases[0], o.place.next
	into := golden(database.Name, o.snapshot)
	if err := next.Start(ctx); err != nil {
		return err
	}
	if err := next.Rename(ctx, made.Database, into); err != nil {
		return err
	}
	if err := next.EnsureRole(ctx, cluster.Role{Name: database.Role, Login: true, Inherit: true}); err != nil {
		return err
	}
	found, err := p.Loosely(ctx, source, next.AdminURL(into))
	made.Database, made.Proof = database.Name, &found
	if why := found.Refusals(); err == nil && len(why) > 0 {
		return c.d.refuseCopy(o, *made, why)
	}
	return err
}
