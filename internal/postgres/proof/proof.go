package proof

import (
	"context"
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
	Table   string   // schema.table
	Columns []string // at least one
	K       int      // groups of fewer rows are small; 0: 5
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
	// Earlier, if not nil, is the copy before, whose rows are used again for the tables it has.
	// Those of the source are not read: the copy is held against the one before.
	Earlier *postgres.Earlier
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
	spec  Spec
	watch *leak.Watch
	found understudy.CopyProof
	began time.Time

	source  *postgres.Moment // while Check runs
	target  *postgres.Moment // while Check or Finish runs
	tables  []*postgres.DescribedTable
	reused  map[string][]leaf      // tables of which the copy before has some rows, with all that hold rows of theirs
	objects objects                // of the source
	columns map[string]columnFacts // of the source
	planned []planned              // on the source

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

// step is a part of the proof.
type step struct {
	doing string
	act   func(context.Context) error
}

// Check looks at everything that needs the source at the copy's moment. It has the form that
// a copy wants of what runs while its snapshot is held; the target has its rows by then.
func (p *Proof) Check(ctx context.Context, source *postgres.Moment, target *pgx.Conn) error {
	p.begin()
	p.source = source
	defer func() { p.source = nil }()
	var err error
	if p.tables, err = postgres.DescribeTables(ctx, source.Tx); err != nil {
		return err
	}
	return p.onTarget(ctx, target.Config().ConnString(), step{"looking what the copy before has", p.listReused},
		step{"comparing the rows with the source's", p.compareRows}, step{"comparing the rows with the copy before", p.compareReused}, step{"counting distinct values", p.countDistinct},
		step{"reading the source's constraints, statistics and plans", p.readSource})
}

func (p *Proof) begin() {
	p.began = time.Now()
	p.found = understudy.CopyProof{ProofSummary: understudy.ProofSummary{At: p.began.UTC()}}
}

// Finish looks at everything that the target shows by itself, once it is whole. url is that
// of a superuser. Without a Check before it, nothing is compared with the source, and the
// proof says so.
func (p *Proof) Finish(ctx context.Context, url string) (understudy.CopyProof, error) {
	if p.began.IsZero() {
		p.begin()
		p.notShown("nothing was compared with the source: it could not be asked")
	}
	err := p.onTarget(ctx, url, step{"listing the tables", p.listTables},
		step{"comparing constraints and indexes", p.compareObjects}, step{"comparing statistics", p.compareColumns},
		step{"comparing plans", p.comparePlans}, step{"counting small groups", p.countGroups}, step{"searching the twin for originals", p.searchLeaks})
	if err != nil {
		return understudy.CopyProof{}, err
	}
	p.found.Accept(p.spec.Accepted)
	p.found.Took = time.Since(p.began)
	return p.found.Sealed()
}

func (p *Proof) onTarget(ctx context.Context, url string, steps ...step) error {
	target, err := postgres.OpenMoment(ctx, url, "understudy proof")
	if err != nil {
		return err
	}
	defer target.Close(ctx)
	p.target = target
	for _, s := range steps {
		p.spec.Tell(s.doing)
		if err := s.act(ctx); err != nil {
			return err
		}
	}
	return nil
}

// listTables takes the target's tables where nobody listed the source's.
func (p *Proof) listTables(ctx context.Context) (err error) {
	if p.tables == nil {
		p.tables, err = postgres.DescribeTables(ctx, p.target.Tx)
	}
	return err
}

// readSource keeps what Finish will compare with.
func (p *Proof) readSource(ctx context.Context) (err error) {
	if p.objects, err = readObjects(ctx, p.source.Tx); err != nil {
		return err
	}
	if p.columns, err = readColumns(ctx, p.source.Tx); err != nil {
		return err
	}
	return p.planSource(ctx)
}

// mask is the mask of a column, and whether it has one; of a mask of batches only the name.
func (p *Proof) mask(table, column string) (understudy.Mask, bool) {
	chosen := p.masks[table]
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
func (p *Proof) derived(table string, column understudy.Column) bool {
	return column.Generated && len(p.masks[table].Columns)+len(p.masks[table].Batches) > 0
}

func (p *Proof) notShown(sentence string) {
	p.found.NotShown = append(p.found.NotShown, sentence)
}
