package lockwatch

import (
	"cmp"
	"slices"
	"time"

	"understudy"
	"understudy/internal/postgres"
)

// indexes tells of each that was made, built again, taken away, or is invalid. Those of
// tables that are gone went with them.
func (d *difference) indexes() {
	again := map[uint32]bool{}
	for _, oid := range sortedOf(d.before.relations, d.after.relations) {
		was, existed := d.before.relations[oid]
		now, exists := d.after.relations[oid]
		if !was.isIndex() && !now.isIndex() || again[oid] {
			continue
		}
		if _, left := d.after.relations[was.index.table]; existed && !exists && left {
			if successor, found := d.sameName(oid, was); found {
				again[successor] = true
				d.addIndex(d.rebuilt(oid, successor))
				continue
			}
			d.addIndex(d.goneIndex(oid, was))
		}
		if exists {
			d.stays(oid, was, now, existed)
		}
	}
	slices.SortFunc(d.seen.Indexes, func(a, b understudy.IndexChange) int {
		return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(a.Name, b.Name))
	})
}

func (d *difference) addIndex(c understudy.IndexChange) { d.seen.Indexes = append(d.seen.Indexes, c) }

// stays tells of an index that is there, where there is something to tell.
func (d *difference) stays(oid uint32, was, now relation, existed bool) {
	if d.successor(oid, now) && !existed {
		return // told of with the one before it
	}
	table := d.after.relations[now.index.table]
	c := d.index(d.after, oid, now)
	c.New = !existed
	c.WasInvalid = existed && was.index.invalid
	tableAnew := d.before.relations[now.index.table].file != table.file
	c.Rebuilt = existed && was.file != now.file && !tableAnew
	if c.New || c.Rebuilt || c.Invalid || c.WasInvalid {
		c.NoStatistics = c.New && slices.Contains(now.index.keys, 0) && !now.index.stated && table.rows > 0
		d.addIndex(c)
	}
}

// index describes one.
func (d *difference) index(of catalog, oid uint32, r relation) understudy.IndexChange {
	c := understudy.IndexChange{Name: r.String(), Table: d.called(r.index.table), Unique: r.index.unique, Invalid: r.index.invalid, Bytes: cmp.Or(d.size[oid], r.pages*pageSize)}
	expression := 0
	for _, number := range r.index.keys {
		if number == 0 {
			text := "(expression)"
			if written := d.expressions[oid]; expression < len(written) {
				text = written[expression]
			}
			expression++
			c.Columns = append(c.Columns, text)
			continue
		}
		c.Columns = append(c.Columns, postgres.PlainName(of.columns[columnID{r.index.table, number}].name))
	}
	return c
}

// sameName finds the index that has taken the place, and the name, of one that is gone.
func (d *difference) sameName(oid uint32, was relation) (uint32, bool) {
	for other, now := range d.after.relations {
		if _, existed := d.before.relations[other]; !existed && now.isIndex() && now.index.table == was.index.table && now.String() == was.String() && other != oid {
			return other, true
		}
	}
	return 0, false
}

// successor tells whether an index has the name of one that is gone.
func (d *difference) successor(oid uint32, now relation) bool {
	for other, was := range d.before.relations {
		if _, exists := d.after.relations[other]; !exists && was.isIndex() && other != oid && was.index.table == now.index.table && was.String() == now.String() {
			return true
		}
	}
	return false
}

func (d *difference) rebuilt(gone, successor uint32) understudy.IndexChange {
	was, now := d.before.relations[gone], d.after.relations[successor]
	c := d.index(d.after, successor, now)
	c.Rebuilt, c.WasInvalid, c.Gap = true, was.index.invalid, d.gap(gone, successor)
	c.NoStatistics = slices.Contains(now.index.keys, 0) && !now.index.stated && d.after.relations[now.index.table].rows > 0
	return c
}

// goneIndex tells of one that is there no more, and whether another does its work.
func (d *difference) goneIndex(oid uint32, was relation) understudy.IndexChange {
	c := d.index(d.before, oid, was)
	c.Gone, c.WasInvalid, c.Invalid, c.Scans = true, was.index.invalid, false, was.index.scans
	for other, now := range d.after.relations {
		if !now.isIndex() || now.index.table != was.index.table || now.index.invalid || now.index.partial && !was.index.partial ||
			len(now.index.keys) < len(was.index.keys) || !slices.Equal(now.index.keys[:len(was.index.keys)], was.index.keys) || slices.Contains(was.index.keys, 0) {
			continue
		}
		gap := d.gap(oid, other)
		if d.successor(other, now) { // it was there before, under the same name
			gap = 0
		}
		if !c.Replaced || gap < c.Gap {
			c.Replaced, c.Gap = true, gap
		}
	}
	return c
}

// gap is the time from the commit by which an index went to the one by which another was
// there; 0 where that was there before.
func (d *difference) gap(gone, other uint32) time.Duration {
	if _, before := d.before.relations[other]; before {
		return 0
	}
	var went, came time.Time
	for _, c := range d.tally.commits {
		if slices.Contains(c.relations, gone) {
			went = c.at
		}
		if slices.Contains(c.relations, other) {
			came = c.at
		}
	}
	if went.IsZero() || !came.After(went) {
		return 0
	}
	return came.Sub(went)
}
