package proof

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/leak"
	"understudy/internal/postgres"
)

// Compare says how much of the source is read to compare it.
type Compare string

// The ways to compare. Every one reads the catalog, the statistics, and plans statements
// without running them.
const (
	// Full reads every table of the source once more, and counts the distinct values of
	// columns whose mask has to keep them apart: about what the copy itself costs it.
	Full Compare = "full"
	// Light does so for tables of up to 256 MB, and counts the rows of the others.
	Light Compare = "light"
	// Off reads no table: rows and fingerprints are not compared, and the proof says so.
	Off Compare = "off"
)

// lightBytes is the biggest table that Light reads.
const lightBytes = 256 << 20

// Group is columns that together may single a person out.
type Group struct {
	Table   string // schema.table
	Columns []string
	K       int // groups of fewer rows are small; 0: 5
}

// Spec says what is proven, and how.
type Spec struct {
	// Masks are the rules of the copy.
	Masks understudy.Masks
	// Room gives room on disk for fingerprints, in files that have no name any more.
	Room func() (leak.File, error)
	// Compare says what is read of the source; empty: Full.
	Compare Compare
	// Parallel is how many connections read at once, on each side; 0: 2.
	Parallel int
	// Chosen, if not nil, tells of a table whether only some of its rows were copied:
	// such tables are not compared.
	Chosen func(table string) bool
	// Accepted are places, schema.table.column, at which originals may stand.
	Accepted []string
	// Groups are the quasi-identifiers to count; none: they are guessed by their names.
	Groups []Group
	// Statements is how many of the source's busiest are planned on both sides; 0: 25.
	Statements int
	// Files, if not nil, shows the files of a physical copy, one after the other.
	Files func(ctx context.Context, show func(name string, from io.Reader) error) error
	// Tell, if not nil, is told in a sentence what is being looked at.
	Tell func(sentence string)
}

// Proof is one proof in its making. It is for one copy.
type Proof struct {
	spec   Spec
	watch  *leak.Watch
	result understudy.CopyProof

	mu    sync.Mutex
	masks map[string]understudy.TableMasks // as they were decided
}

// New prepares a proof. The caller closes it.
func New(spec Spec) (*Proof, error) {
	if spec.Compare == "" {
		spec.Compare = Full
	}
	if spec.Parallel <= 0 {
		spec.Parallel = 2
	}
	if spec.Statements <= 0 {
		spec.Statements = 25
	}
	if spec.Chosen == nil {
		spec.Chosen = func(string) bool { return false }
	}
	if spec.Tell == nil {
		spec.Tell = func(string) {}
	}
	watch, err := leak.New(spec.Room)
	if err != nil {
		return nil, err
	}
	return &Proof{spec: spec, watch: watch, masks: map[string]understudy.TableMasks{}}, nil
}

// Close forgets the fingerprints, and the key that they were made under.
func (p *Proof) Close() error { return p.watch.Close() }

// Masks are the rules, watched: the copy is made with these.
func (p *Proof) Masks(table string, columns []understudy.Column) (understudy.TableMasks, error) {
	chosen, err := p.watch.Masks(p.spec.Masks)(table, columns)
	if err == nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.masks[table] = chosen
	}
	return chosen, err
}

// Result is what was found; Check has to have ended without an error.
func (p *Proof) Result() understudy.CopyProof { return p.result }

// checking is one check of a copy under way.
type checking struct {
	*Proof
	source, target *postgres.Moment
	from, to       []*postgres.DescribedTable
	found          *understudy.CopyProof
}

// Check looks at everything, once the copy is whole. It has the form that a copy wants of
// what runs while its snapshot is held.
func (p *Proof) Check(ctx context.Context, source *postgres.Moment, target *pgx.Conn) error {
	began := time.Now()
	twin, err := postgres.OpenMoment(ctx, target.Config().ConnString(), "understudy proof")
	if err != nil {
		return err
	}
	defer twin.Close(ctx)
	p.result = understudy.CopyProof{ProofSummary: understudy.ProofSummary{At: began.UTC()}}
	c := &checking{Proof: p, source: source, target: twin, found: &p.result}
	if c.from, err = postgres.DescribeTables(ctx, source.Tx); err != nil {
		return err
	}
	if c.to, err = postgres.DescribeTables(ctx, twin.Tx); err != nil {
		return err
	}
	for _, step := range []struct {
		doing string
		act   func(context.Context) error
	}{
		{"comparing the rows with the source's", c.compareRows}, {"counting distinct values", c.countDistinct},
		{"comparing constraints and indexes", c.compareObjects}, {"comparing statistics", c.compareColumns},
		{"comparing plans", c.comparePlans}, {"counting small groups", c.countGroups}, {"searching the twin for originals", c.searchLeaks},
	} {
		p.spec.Tell(step.doing)
		if err := step.act(ctx); err != nil {
			return err
		}
	}
	p.result.Accept(p.spec.Accepted)
	p.result.Took = time.Since(began)
	p.result, err = p.result.Sealed()
	return err
}

// mask is the mask of a column, and whether it has one; of a mask of batches only the name.
func (c *checking) mask(table, column string) (understudy.Mask, bool) {
	chosen := c.masks[table]
	if mask, found := chosen.Columns[column]; found {
		return mask, true
	}
	for _, batch := range chosen.Batches {
		if slices.Contains(batch.Columns, column) {
			return understudy.Mask{Name: batch.Name}, true
		}
	}
	return understudy.Mask{}, false
}

// derived tells whether a column is worked out from others of which one is masked: then it
// differs from the source as they do.
func (c *checking) derived(table string, column understudy.Column) bool {
	return column.Generated && len(c.masks[table].Columns)+len(c.masks[table].Batches) > 0
}

func (c *checking) notShown(sentence string) {
	c.found.NotShown = append(c.found.NotShown, sentence)
}

// attempt runs act inside a transaction, so that its error leaves the transaction usable.
func attempt(ctx context.Context, tx pgx.Tx, act func(pgx.Tx) error) error {
	inner, err := tx.Begin(ctx)
	if err != nil {
		return postgres.ReadError("setting a mark", err)
	}
	return errors.Join(act(inner), inner.Rollback(ctx))
}
