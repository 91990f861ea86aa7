package subset

import (
	"context"
	"maps"
	"slices"

	"understudy"
)

// Rows answers the questions of a choice from one consistent view of a database.
type Rows interface {
	// Seeds finds the rows of a table, as rules name it, that a root rule begins with.
	Seeds(ctx context.Context, table string, root understudy.SubsetRoot, found func(Place)) error
	// Parents finds the rows that given rows of a table refer to over a link, by its number in the
	// catalog. It may find one several times.
	Parents(ctx context.Context, link int, table string, rows *Set, found func(Place)) error
	// Children finds the rows that refer to given rows of a table.
	Children(ctx context.Context, link int, table string, rows *Set, found func(Place)) error
}

// Chosen is a subset.
type Chosen struct {
	Whole map[string]bool // tables of which every row is taken
	rows  map[string]*Set // by table that holds rows
}

// Of is the rows taken of a table that is not taken whole; never nil.
func (c Chosen) Of(table string) *Set {
	if set := c.rows[table]; set != nil {
		return set
	}
	return &Set{}
}

// choice is a subset that grows. The news are rows whose links were not followed yet.
type choice struct {
	plan            Plan
	rows            Rows
	all, core       map[string]*Set
	newAll, newCore map[string]*Set
}

// Choose finds the least subset that follows a plan.
func Choose(ctx context.Context, p Plan, rows Rows) (Chosen, error) {
	c := &choice{plan: p, rows: rows, all: map[string]*Set{}, core: map[string]*Set{}, newAll: map[string]*Set{}, newCore: map[string]*Set{}}
	for _, table := range slices.Sorted(maps.Keys(p.rules.Roots)) {
		if err := rows.Seeds(ctx, table, p.rules.Roots[table], c.takeCore); err != nil {
			return Chosen{}, err
		}
	}
	for len(c.newAll)+len(c.newCore) > 0 {
		if err := c.follow(ctx, &c.newAll, rows.Parents, c.parents, c.take); err != nil {
			return Chosen{}, err
		}
		if err := c.follow(ctx, &c.newCore, rows.Children, c.children, c.takeCore); err != nil {
			return Chosen{}, err
		}
	}
	chosen := Chosen{Whole: map[string]bool{}, rows: c.all}
	for _, table := range p.Whole {
		chosen.Whole[table] = true
	}
	return chosen, nil
}

func (c *choice) take(at Place) {
	if add(c.all, at) {
		add(c.newAll, at)
	}
}

func (c *choice) takeCore(at Place) {
	if add(c.core, at) {
		add(c.newCore, at)
	}
	c.take(at)
}

func add(sets map[string]*Set, at Place) bool {
	if sets[at.Table] == nil {
		sets[at.Table] = &Set{}
	}
	return sets[at.Table].Add(at.Row)
}

type ask func(ctx context.Context, link int, table string, rows *Set, found func(Place)) error

// follow asks for what lies behind everything that is new, once.
func (c *choice) follow(ctx context.Context, news *map[string]*Set, ask ask, links func(table string) []int, found func(Place)) error {
	now := *news
	*news = map[string]*Set{}
	for _, table := range slices.Sorted(maps.Keys(now)) {
		for _, link := range links(table) {
			if err := ask(ctx, link, table, now[table], found); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *choice) parents(table string) (links []int) {
	for i, link := range c.plan.catalog.Links {
		if slices.Contains(link.From, table) {
			links = append(links, i)
		}
	}
	return links
}

func (c *choice) children(table string) (links []int) {
	for i, link := range c.plan.catalog.Links {
		if c.plan.asked[i] && slices.Contains(link.To, table) {
			links = append(links, i)
		}
	}
	return links
}
