package logical

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"understudy/internal/postgres"

	"github.com/jackc/pgx/v5"

	"understudy"
)

// Spec says what is copied where, and how.
type Spec struct {
	// Source and Target are URLs. Source needs SELECT on every table and sequence and
	// is only read. Target connects as a superuser to an empty database of the same
	// major version or a newer one.
	Source, Target string
	// Snapshot names a view of the source that another session has exported and still
	// holds; empty: the copy fixes one of its own.
	Snapshot string
	// Bin is the folder of pg_dump, psql and pg_restore, of a major version from the
	// source's to the target's.
	Bin string
	// Masks decides for each table which columns are masked. It is asked for every
	// table before anything is written; partitions follow the rules of their table.
	Masks understudy.Masks
	// Parallel is how many tables are copied at once; 0: 2.
	Parallel int
	// Samples is how many values of each column Masks is shown; 0: 100.
	Samples int
	// Progress, if not nil, is told how far the copy is: never twice at the same time,
	// at most a few times a second for each table, and once when it is done.
	Progress func(Progress)
	// Notice, if not nil, is told in a sentence each thing of production that the
	// twin does not get, such as the rows of foreign tables.
	Notice func(sentence string)
}

// Progress is how far one table, and the whole copy, have come.
type Progress struct {
	Table      string `json:"table"`
	Rows       int64  `json:"rows"`  // of this table, so far
	Bytes      int64  `json:"bytes"` // of this table, so far, as the source sent them
	TablesDone int    `json:"tablesDone"`
	Tables     int    `json:"tables"`
}

// Copy makes the target a masked copy of the source as it is at one moment: roles,
// extensions, schema, ownership and grants as in production, rows through the masks,
// sequences where they stand. No value touches a disk on the way.
//
// A column that Masks refuses stops the copy before anything is written; the error, of
// KindRefused, names all of them. The source is never held up: when somebody there
// waits for a lock that the copy holds, the copy gives way with KindConflict. After any
// error the target is unfinished, and the caller's to drop. Passwords, user mappings,
// subscriptions, tablespaces and security labels are not copied.
func Copy(ctx context.Context, spec Spec) (understudy.DatabaseCopy, error) {
	spec, err := spec.complete()
	if err != nil {
		return understudy.DatabaseCopy{}, err
	}
	m, err := spec.openMoment(ctx)
	if err != nil {
		return understudy.DatabaseCopy{}, err
	}
	defer m.Close(ctx)
	target, err := openTarget(ctx, spec.Target)
	if err != nil {
		return understudy.DatabaseCopy{}, err
	}
	defer postgres.CloseConn(ctx, target)

	var result understudy.DatabaseCopy
	err = givingWay(ctx, m, func(ctx context.Context) error {
		c := &copying{spec: spec, moment: m, target: target}
		if err := c.plan(ctx); err != nil {
			return err
		}
		if err := c.perform(ctx); err != nil {
			return err
		}
		result = c.result()
		return nil
	})
	return result, err
}

func (s Spec) openMoment(ctx context.Context) (*postgres.Moment, error) {
	if s.Snapshot != "" {
		return postgres.JoinMoment(ctx, s.Source, copyName(), s.Snapshot)
	}
	return postgres.OpenMoment(ctx, s.Source, copyName())
}

func (s Spec) complete() (Spec, error) {
	if s.Masks == nil {
		return s, understudy.Errorf(understudy.KindInvalid, "a copy of production's data needs masks, and was given none")
	}
	if s.Parallel <= 0 {
		s.Parallel = 2
	}
	if s.Samples <= 0 {
		s.Samples = 100
	}
	if s.Progress == nil {
		s.Progress = func(Progress) {}
	}
	if s.Notice == nil {
		s.Notice = func(string) {}
	}
	return s, nil
}

// copying is one copy under way: what was planned, and the two ends.
type copying struct {
	spec      Spec
	moment    *postgres.Moment
	target    *pgx.Conn
	source    serverFacts
	into      serverFacts
	tables    []*copiedTable
	sequences []sequenceValue
}

// plan reads and decides everything, and writes nothing.
func (c *copying) plan(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		c.checkEnds, c.checkRights, c.checkLargeObjects, c.listTables, c.lockTables, c.decideMasks, c.readSequences, c.noteLeftOut,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// perform builds the target, in the order in which things need each other.
func (c *copying) perform(ctx context.Context) error {
	post, err := c.dumpPostData(ctx)
	if err != nil {
		return err
	}
	defer post.remove()
	for _, step := range []func(context.Context) error{
		c.makeRoles, c.prepareDatabase, c.makeExtensions, c.makePreData, c.copyTables, c.setSequences, post.restore,
		c.applySettings, c.analyze, c.verify,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// decideMasks asks for every table's masks, so that one error can name all columns
// that have to be decided.
func (c *copying) decideMasks(ctx context.Context) error {
	described, err := postgres.DescribeTables(ctx, c.moment.Tx)
	if err != nil {
		return err
	}
	if err := postgres.SampleTables(ctx, c.moment.Tx, described, c.spec.Samples); err != nil {
		return err
	}
	masks := map[string]understudy.TableMasks{}
	var refusals []error
	for _, t := range described {
		chosen, err := c.spec.Masks(t.Name(), t.Columns)
		switch {
		case understudy.KindOf(err) == understudy.KindRefused:
			refusals = append(refusals, err)
		case err != nil:
			return fmt.Errorf("deciding the masks of %s: %w", t.Name(), err)
		}
		if err := knownColumns(t, chosen); err != nil {
			return err
		}
		masks[t.Name()] = chosen
	}
	if len(refusals) > 0 {
		return refusedCopy(refusals)
	}
	for _, t := range c.tables {
		chosen, decided := masks[t.rules]
		if !decided {
			return understudy.Errorf(understudy.KindConflict, "table %s appeared while the copy was being planned", t.name())
		}
		t.decide(chosen)
	}
	return nil
}

func knownColumns(t *postgres.DescribedTable, chosen understudy.TableMasks) error {
	known := map[string]bool{}
	for _, column := range t.Columns {
		known[column.Name] = true
	}
	for column, mask := range chosen.Columns {
		if !known[column] || mask.Apply == nil {
			return understudy.Errorf(understudy.KindInvalid, "the masks of %s name %s, which is not a column of it or has no mask", t.Name(), column)
		}
	}
	return nil
}

func refusedCopy(refusals []error) error {
	reasons := make([]string, len(refusals))
	for i, r := range refusals {
		reasons[i] = r.Error()
	}
	return &understudy.Error{
		Kind:    understudy.KindRefused,
		Message: "nothing was copied: " + strings.Join(reasons, "; "),
		Hint:    "decide each of these columns: `understudy mask plan` proposes rules",
		Err:     errors.Join(refusals...),
	}
}

func (c *copying) result() understudy.DatabaseCopy {
	out := understudy.DatabaseCopy{Database: c.source.database, Server: "postgres " + c.source.version}
	for _, t := range c.tables {
		out.Bytes += t.bytes
		out.Tables = append(out.Tables, understudy.TableCopy{Table: t.name(), Rows: t.rows, Masked: t.masked})
	}
	return out
}
