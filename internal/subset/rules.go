package subset

import (
	"maps"
	"slices"

	"understudy"
)

// Catalog is what there is to choose from.
type Catalog struct {
	Tables []string          // those that hold rows themselves: plain ones and partitions
	Of     map[string]string // of a partition, the table that rules name, topmost
	Links  []Link
}

// Link is a foreign key with the partitions spelled out.
type Link struct {
	Table    string // as rules name it: whose children are asked for
	From, To []string
}

func (c Catalog) ruled(table string) string {
	if of, is := c.Of[table]; is {
		return of
	}
	return table
}

// Plan is what a choice follows: rules that fit a catalog.
type Plan struct {
	rules   understudy.Subset
	catalog Catalog
	asked   []bool // by link, whether children are taken over it
	Whole   []string
}

// Fit holds rules to a catalog. What does not fit is an error that names it.
func Fit(c Catalog, r understudy.Subset) (Plan, error) {
	known := map[string]bool{}
	for _, table := range c.Tables {
		known[c.ruled(table)] = true
	}
	if len(r.Roots) == 0 {
		return Plan{}, understudy.Errorf(understudy.KindInvalid, "a subset needs at least one root table to begin with")
	}
	for _, table := range slices.Sorted(maps.Keys(r.Roots)) {
		if !known[table] {
			return Plan{}, understudy.Errorf(understudy.KindInvalid, "there is no table %s for the subset to begin with", table)
		}
		if share := r.Roots[table].Share; share < 0 || share > 1 {
			return Plan{}, understudy.Errorf(understudy.KindInvalid, "the share of %s is %v; expected more than 0 and at most 1, or none for all", table, share)
		}
	}
	p := Plan{rules: r, catalog: c, asked: make([]bool, len(c.Links))}
	for _, table := range r.Children {
		if table != understudy.EveryTable && !known[table] {
			return Plan{}, understudy.Errorf(understudy.KindInvalid, "there is no table %s whose rows could come along as children", table)
		}
	}
	for i, link := range c.Links {
		p.asked[i] = slices.Contains(r.Children, understudy.EveryTable) || slices.Contains(r.Children, link.Table)
	}
	p.Whole = p.unjoined()
	return p, nil
}

// unjoined are the tables that no path of links, in whatever direction, joins to a root.
func (p Plan) unjoined() []string {
	group := map[string]string{} // a table's neighbour on the way to its group's name
	var find func(table string) string
	find = func(table string) string {
		if next, is := group[table]; is && next != table {
			group[table] = find(next)
			return group[table]
		}
		return table
	}
	join := func(a, b string) { group[find(a)] = find(b) }
	for _, table := range p.catalog.Tables {
		join(table, p.catalog.ruled(table))
	}
	for _, link := range p.catalog.Links {
		for _, table := range slices.Concat(link.From, link.To) {
			join(table, link.From[0])
		}
	}
	rooted := map[string]bool{}
	for root := range p.rules.Roots {
		rooted[find(root)] = true
	}
	return slices.DeleteFunc(slices.Clone(p.catalog.Tables), func(table string) bool { return rooted[find(table)] })
}
