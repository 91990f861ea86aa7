package subsetting

import (
	"context"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres"
	"understudy/internal/subset"
)

// Chosen is a subset of the database that it was chosen in, as long as the moment lasts.
type Chosen struct {
	chosen subset.Chosen
	tables map[string]*relation // those that hold rows, by name
	parts  map[string][]string  // of a table as rules name it, those that hold its rows
}

// Choose chooses by rules, with a key that decides who is in a share, in the moment given; the
// moment has to stay open until the chosen rows are read. Notice, if not nil, is told of what makes the choice slow.
func Choose(ctx context.Context, m *postgres.Moment, rules understudy.Subset, key []byte, notice func(string)) (*Chosen, error) {
	var out *Chosen
	err := m.Join(ctx, func(tx pgx.Tx) error {
		c, err := readCatalog(ctx, tx, rules.Keys)
		if err != nil {
			return err
		}
		if err := c.lock(ctx, m.Tx); err != nil {
			return err
		}
		plan, err := subset.Fit(c.catalog(), rules)
		if err != nil {
			return err
		}
		r := &reader{tx: tx, catalog: c, key: key, notice: notice, told: map[int]bool{}}
		chosen, err := subset.Choose(ctx, plan, r)
		out = &Chosen{chosen: chosen, tables: c.byName, parts: c.parts}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, out.nameable()
}

// mostRows is how many rows of one table can be named one by one, as [Chosen.Where] does:
// a statement and the server that reads it have bounds.
const mostRows = 20_000_000

func (c *Chosen) nameable() error {
	for _, one := range c.Tables() {
		if one.Rows > mostRows {
			return understudy.Errorf(understudy.KindInvalid, "choosing rows of table %s: %d are taken, and at most %d can be named one by one",
				one.Table, one.Rows, mostRows).WithHint("choose a smaller share, or take all of the database")
		}
	}
	return nil
}

// Taken is what a subset takes of one table.
type Taken struct {
	Table string // as rules name it
	Whole bool
	Rows  int64 // where it is not whole
}

// Tables is what the subset takes of every table, by name.
func (c *Chosen) Tables() []Taken {
	var all []Taken
	for _, name := range sorted(c.parts) {
		one := Taken{Table: name, Whole: true}
		for _, part := range c.parts[name] {
			one.Whole = one.Whole && c.chosen.Whole[part]
			one.Rows += c.chosen.Of(part).Len()
		}
		all = append(all, one)
	}
	return all
}
