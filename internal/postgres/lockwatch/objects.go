package lockwatch

import (
	"cmp"
	"maps"
	"slices"

	"understudy"
	"understudy/internal/postgres"
)

// constraints tells of each that was made or taken away, but for those that went with
// their tables.
func (d *difference) constraints() {
	for _, oid := range sortedOf(d.before.constraints, d.after.constraints) {
		was, existed := d.before.constraints[oid]
		now, exists := d.after.constraints[oid]
		switch {
		case !existed:
			d.addConstraint(d.constraint(now, understudy.ConstraintChange{New: true, NotValid: !now.valid}))
		case !exists && d.left(was):
			d.addConstraint(d.constraint(was, understudy.ConstraintChange{Gone: true}))
		}
	}
	slices.SortFunc(d.seen.Constraints, func(a, b understudy.ConstraintChange) int {
		return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(a.Name, b.Name))
	})
}

func (d *difference) addConstraint(c understudy.ConstraintChange) {
	d.seen.Constraints = append(d.seen.Constraints, c)
}

// left tells whether what a constraint is on is there still.
func (d *difference) left(k constraint) bool {
	_, exists := d.after.relations[k.relation]
	return exists || k.relation == 0
}

func (d *difference) constraint(k constraint, c understudy.ConstraintChange) understudy.ConstraintChange {
	c.Name, c.Table = postgres.PlainName(k.name), cmp.Or(d.called(k.relation), k.domain)
	c.Kind = map[string]string{"p": "primary key", "u": "unique", "f": "foreign key", "c": "check", "x": "exclusion"}[k.kind]
	for _, number := range k.keys {
		name := cmp.Or(d.after.columns[columnID{k.relation, number}].name, d.before.columns[columnID{k.relation, number}].name)
		if name == "" { // it was there in between only
			c.Columns = nil
			break
		}
		c.Columns = append(c.Columns, postgres.PlainName(name))
	}
	if k.kind != "f" {
		return c
	}
	c.References = d.called(k.references)
	if c.New {
		c.Unindexed = !d.covered(k)
	}
	for i, number := range k.keys {
		ours := cmp.Or(d.after.columns[columnID{k.relation, number}].kind, d.before.columns[columnID{k.relation, number}].kind)
		theirs := cmp.Or(d.after.columns[columnID{k.references, k.theirKey[i]}].kind, d.before.columns[columnID{k.references, k.theirKey[i]}].kind)
		if ours != theirs && c.Mismatch == "" {
			c.Mismatch = ours + " → " + theirs
		}
	}
	return c
}

// covered tells whether an index begins with the columns of a foreign key, in any order.
func (d *difference) covered(k constraint) bool {
	for _, r := range d.after.relations {
		if !r.isIndex() || r.index.table != k.relation || r.index.invalid || r.index.partial || len(r.index.keys) < len(k.keys) {
			continue
		}
		first := slices.Sorted(slices.Values(r.index.keys[:len(k.keys)]))
		if slices.Equal(first, slices.Sorted(slices.Values(k.keys))) {
			return true
		}
	}
	return false
}

// objects tells of everything else that was made or taken away. What has gone and come back
// under its name is one change.
func (d *difference) objects() {
	type name struct{ kind, name, table string }
	all := map[name]understudy.ObjectChange{}
	owners := map[uint32]uint32{}
	for _, of := range []catalog{d.before, d.after} {
		for id, c := range of.columns {
			owners[c.sequence] = id.relation
		}
	}
	add := func(id objectID, o object, change func(*understudy.ObjectChange)) {
		if id.kind == "sequence" {
			o.relation = owners[id.oid]
		}
		key := name{id.kind, o.name, d.called(o.relation)}
		c := all[key]
		c.Kind, c.Name, c.Table = key.kind, key.name, key.table
		change(&c)
		all[key] = c
	}
	for id, o := range d.after.objects {
		if _, existed := d.before.objects[id]; !existed {
			add(id, o, func(c *understudy.ObjectChange) { c.New = true })
		}
	}
	for id, o := range d.before.objects {
		if _, exists := d.after.objects[id]; exists {
			continue
		}
		if _, left := d.after.relations[o.relation]; left || o.relation == 0 { // the others went with their tables
			add(id, o, func(c *understudy.ObjectChange) { c.Gone = true })
		}
	}
	for _, k := range d.keys {
		key := name{k.kind, k.name, k.table}
		c := all[key]
		c.Kind, c.Name, c.Table, c.Behind, c.Room = k.kind, k.name, k.table, k.behind, k.room
		all[key] = c
	}
	d.seen.Objects = slices.SortedFunc(maps.Values(all), func(a, b understudy.ObjectChange) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Table, b.Table), cmp.Compare(a.Name, b.Name))
	})
}
