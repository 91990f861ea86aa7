package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"understudy"
	"understudy/internal/atomicfile"
	"understudy/internal/leak"
	"understudy/internal/postgres/logical"
	"understudy/internal/postgres/proof"
	"understudy/internal/proofpage"
)

// copyProven copies a database and holds the copy against its source. A copy that the proof
// speaks against is refused: it is the caller's to drop, and its page is kept for people.
func (c copier) copyProven(ctx context.Context, o copyOrder, database string, spec logical.Spec) (made understudy.DatabaseCopy, err error) {
	p, err := proof.New(proof.Spec{
		Masks: spec.Masks, Earlier: spec.Earlier, Room: c.room, Parallel: spec.Parallel, Accepted: o.accepted, Groups: o.groups, Chosen: isPart(spec),
		Tell: func(doing string) { spec.Notice(database + ": " + doing) },
	})
	if err != nil {
		return made, err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	spec.Masks, spec.While = p.Masks, p.Check
	if made, err = logical.Copy(ctx, spec); err != nil {
		return made, err
	}
	found, err := p.Finish(ctx, spec.Target)
	made.Database, made.Proof = database, &found
	if why := found.Refusals(); err == nil && len(why) > 0 {
		return made, c.d.refuseCopy(o, made, why)
	}
	return made, err
}

// refuseCopy says why a copy may not be used, and where the whole proof can be read.
func (d *Daemon) refuseCopy(o copyOrder, made understudy.DatabaseCopy, why []string) error {
	page := d.proofPage(o.twin + "-refused")
	snapshot := understudy.Snapshot{ID: o.snapshot, Of: o.source.Name, TakenAt: made.Proof.At, Databases: []understudy.DatabaseCopy{made}}
	if err := d.writeProof(page, snapshot); err != nil {
		return err
	}
	return understudy.Errorf(understudy.KindRefused, "the copy of %s was not taken into use: %s", made.Database, strings.Join(why, "; ")).
		WithHint("give the columns that hold originals a rule in mask.yaml, or list them there under leaks: accepted:; the whole proof is %s", page)
}

// room is a file for fingerprints that nobody else can open, and that ends with the
// program however that ends.
func (c copier) room() (leak.File, error) {
	file, err := os.CreateTemp(c.d.options.State.Below("scratch"), "leak")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(file.Name()); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// proofPage is where the page of a twin's proof lies.
func (d *Daemon) proofPage(name string) string {
	return d.options.State.Below("proofs", name+".html")
}

func (d *Daemon) writeProof(page string, snapshot understudy.Snapshot) error {
	if err := os.MkdirAll(filepath.Dir(page), 0o700); err != nil {
		return fmt.Errorf("making the folder for proofs: %w", err)
	}
	return atomicfile.WriteFrom(page, func(to io.Writer) error { return proofpage.Write(to, snapshot) }, 0o600)
}

// Proof is a twin's snapshot with the whole proof of each database.
func (d *Daemon) Proof(ctx context.Context, environment string) (understudy.Snapshot, error) {
	env, err := d.twinFor(environment)
	if err != nil {
		return understudy.Snapshot{}, err
	}
	snapshot, found, err := shelf{d}.Latest(ctx, env.Name)
	if err == nil && !found {
		err = understudy.Errorf(understudy.KindNotFound, "%s has no snapshot yet", env.Name).WithHint("understudy twin reset %s", env.Name)
	}
	return snapshot, err
}
