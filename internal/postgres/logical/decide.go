package logical

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres"
)

// sampledAtOnce is how many tables are sampled in one transaction: it keeps a lock on each,
// and on every index.
const sampledAtOnce = 200

// decideMasks asks for every table's masks, so that one error can name all columns
// that have to be decided.
func (c *copying) decideMasks(ctx context.Context) error {
	described, err := postgres.DescribeTables(ctx, c.moment.Tx)
	if err != nil {
		return err
	}
	for some := range slices.Chunk(c.sampled(described), sampledAtOnce) {
		err := c.moment.Join(ctx, func(tx pgx.Tx) error { return postgres.SampleTables(ctx, tx, some, c.spec.Samples) })
		if err != nil {
			return err
		}
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

// sampled are the tables that rows are read of: those of which an earlier copy has some were
// looked at then.
func (c *copying) sampled(described []*postgres.DescribedTable) []*postgres.DescribedTable {
	known := map[string]bool{}
	for _, t := range c.tables {
		known[t.rules] = known[t.rules] || t.earlier
	}
	return slices.DeleteFunc(slices.Clone(described), func(t *postgres.DescribedTable) bool { return known[t.Name()] })
}

// knownColumns refuses masks of columns that are not there, generated, or masked twice.
func knownColumns(t *postgres.DescribedTable, chosen understudy.TableMasks) error {
	names := slices.Collect(maps.Keys(chosen.Columns))
	for _, mask := range chosen.Columns {
		if mask.Apply == nil {
			names = append(names, "") // of no column
		}
	}
	for _, batch := range chosen.Batches {
		names = append(names, batch.Columns...)
		if batch.Apply == nil || len(batch.Columns) == 0 {
			names = append(names, "")
		}
	}
	slices.Sort(names)
	for i, name := range names {
		at := slices.IndexFunc(t.Columns, func(c understudy.Column) bool { return c.Name == name })
		switch {
		case at < 0:
			return understudy.Errorf(understudy.KindInvalid, "the masks of %s name %q, which is not a column of it or has no mask", t.Name(), name)
		case t.Columns[at].Generated:
			return understudy.Errorf(understudy.KindInvalid, "the masks of %s name %s, which the server computes from other columns", t.Name(), name).
				WithHint("mask the columns that it is computed from")
		case i > 0 && names[i-1] == name:
			return understudy.Errorf(understudy.KindInvalid, "the masks of %s name %s twice", t.Name(), name)
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
