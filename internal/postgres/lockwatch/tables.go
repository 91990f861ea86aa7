package lockwatch

import (
	"cmp"
	"maps"
	"slices"

	"understudy"
	"understudy/internal/postgres/wal"
)

// difference is what a migration left of a catalogue, put together.
type difference struct {
	names
	ledger *ledger
	tally  *tally
	read   bool             // the write-ahead log was
	size   map[uint32]int64 // of the files of what changed, by relation
	seen   *understudy.Observation

	expressions map[uint32][]string // of new indexes
	keys        []key
	columnIDs   map[uint32][]columnID // by table, in their order
	ruled       map[uint32]bool       // tables whose rules of row security changed
	indexed     map[uint32]bool       // tables that have got or lost an index
}

func newDifference(of names, l *ledger, t *tally, read bool, seen *understudy.Observation) *difference {
	d := &difference{names: of, ledger: l, tally: t, read: read, seen: seen, size: map[uint32]int64{},
		columnIDs: map[uint32][]columnID{}, ruled: map[uint32]bool{}, indexed: map[uint32]bool{}}
	for _, pair := range [][2]catalog{{of.before, of.after}, {of.after, of.before}} {
		for id := range pair[0].columns {
			if !slices.Contains(d.columnIDs[id.relation], id) {
				d.columnIDs[id.relation] = append(d.columnIDs[id.relation], id)
			}
		}
		for id, o := range pair[0].objects {
			if _, there := pair[1].objects[id]; id.kind == "policy" && !there {
				d.ruled[o.relation] = true
			}
		}
		for id, r := range pair[0].relations {
			if _, there := pair[1].relations[id]; r.isIndex() && !there {
				d.indexed[r.index.table] = true
			}
		}
	}
	for _, ids := range d.columnIDs {
		slices.SortFunc(ids, func(a, b columnID) int { return cmp.Compare(a.number, b.number) })
	}
	return d
}

// files finds the relation that a file belongs to, before or after.
func (d *difference) files() map[uint32]uint32 {
	owners := map[uint32]uint32{}
	for _, of := range []catalog{d.before, d.after} {
		for oid, r := range of.relations {
			if r.file != 0 {
				owners[r.file] = oid
			}
		}
	}
	return owners
}

// writes adds up the rows that the migration wrote, by relation.
func (d *difference) writes() map[uint32]written {
	owners, sums := d.files(), map[uint32]written{}
	for file, w := range d.ledger.writes {
		oid, known := owners[file.Number]
		if !known {
			continue
		}
		sum := sums[oid]
		sum.rows.Add(w.rows)
		sum.largest = max(sum.largest, w.largest)
		sums[oid] = sum
	}
	return sums
}

// tables tells of each that was made, changed, written to, locked or taken away.
func (d *difference) tables() {
	writes, vain, locked := d.writes(), d.inVain(), d.locked()
	for _, oid := range sortedOf(d.before.relations, d.after.relations) {
		was, existed := d.before.relations[oid]
		now, exists := d.after.relations[oid]
		if !was.isTable() && !now.isTable() {
			continue
		}
		change := understudy.TableChange{HotBefore: -1, HotAfter: -1, Published: was.published || now.published}
		wrote := writes[oid]
		change.Inserted, change.Updated, change.Deleted, change.LargestWrite = wrote.rows.Inserted, wrote.rows.Updated, wrote.rows.Deleted, wrote.largest
		told := wrote.rows.All() > 0 || vain[oid]
		change.RewrittenInVain = vain[oid]
		switch {
		case !existed:
			change.Relation, change.Kind, change.New, told = now.String(), now.kindWord(), true, true
			change.Rows, change.Bytes = cmp.Or(now.rows, wrote.rows.Inserted-wrote.rows.Deleted), d.size[oid]
			change.Columns = d.columns(oid, change.Rows > 0)
		case !exists:
			change.Relation, change.Kind, change.Gone, told = was.String(), was.kindWord(), true, true
			change.Rows, change.Bytes = was.rows, was.pages*pageSize
			change.Columns = d.values(oid)
		default:
			told = d.changed(&change, oid, was, now) || told || locked[was.String()]
		}
		if told {
			change.Triggers = d.fired(oid, wrote.rows, existed)
			d.seen.Tables = append(d.seen.Tables, change)
		}
	}
	slices.SortFunc(d.seen.Tables, func(a, b understudy.TableChange) int { return cmp.Compare(a.Relation, b.Relation) })
}

// locked are the relations that the migration locked so that somebody had to stay out.
func (d *difference) locked() map[string]bool {
	out := map[string]bool{}
	for _, l := range d.seen.Locks {
		out[l.Relation] = out[l.Relation] || understudy.LockStrength(l.Mode) >= understudy.LockStrength("ShareLock")
	}
	return out
}

// pageSize is that of nearly every server; with another one, sizes of tables that are gone are off.
const pageSize = 8192

func sortedOf[V any](before, after map[uint32]V) []uint32 {
	all := map[uint32]bool{}
	for oid := range before {
		all[oid] = true
	}
	for oid := range after {
		all[oid] = true
	}
	return slices.Sorted(maps.Keys(all))
}

// changed tells what became of a table that was there before and is there still.
func (d *difference) changed(change *understudy.TableChange, oid uint32, was, now relation) (told bool) {
	change.Relation, change.Kind = was.String(), now.kindWord()
	change.Rows, change.Bytes = cmp.Or(was.rows, now.rows), d.size[oid]
	if was.String() != now.String() {
		change.Renamed = now.String()
	}
	if was.file != now.file && was.file != 0 && now.file != 0 {
		change.Rewritten = d.rewritten(oid, now)
		change.Emptied = !change.Rewritten
	}
	change.Read = max(now.read-was.read, 0)
	if was.parent == 0 && now.parent != 0 {
		change.Attached = d.called(now.parent)
	}
	change.Unlogged = was.persistence == "p" && now.persistence == "u"
	if was.identity != now.identity {
		change.Identity = map[string]string{"d": "default", "n": "nothing", "f": "full", "i": "index"}[now.identity]
	}
	change.Security = now.security && !was.security || d.ruled[oid]
	change.Columns = d.columns(oid, cmp.Or(was.rows, now.rows) > 0)
	change.HotBefore, change.HotAfter = d.hot(was, now, change.Updated)
	return change.Renamed != "" || change.Rewritten || change.Emptied || change.Unlogged || change.Identity != "" || change.Security ||
		len(change.Columns) > 0 || change.HotBefore >= 0 && d.indexed[oid]
}

// rewritten tells a table that was written anew from one that was emptied: both get another
// file, but only the first is filled from what was there. Without the log, its size must do.
func (d *difference) rewritten(oid uint32, now relation) bool {
	if !d.read {
		return d.size[oid] > 0
	}
	if d.ledger.copies[now.file] == oid {
		return true
	}
	for file, f := range d.ledger.files {
		if file.Number == now.file {
			return f.rows == 0 && f.blocks > 0
		}
	}
	return d.size[oid] > 0
}

// inVain are the tables that were written anew by transactions that were rolled back.
func (d *difference) inVain() map[uint32]bool {
	out := map[uint32]bool{}
	for _, e := range d.ledger.aborted {
		for _, file := range e.files {
			if of := d.ledger.copies[file.Number]; of != 0 && !d.ledger.others[e.transaction] {
				out[of] = true
			}
		}
	}
	return out
}

// enough is how many updates tell a share.
const enough = 100

// hot is the share of updates that touched no index, before and while the migration was
// watched; where too few were counted, or most were the migration's own, it is not known.
func (d *difference) hot(was, now relation, own int64) (before, after float64) {
	before, after = -1, -1
	if was.updates >= enough {
		before = float64(was.hot) / float64(was.updates)
	}
	if more := now.updates - was.updates; more >= enough && own*10 <= more {
		after = float64(now.hot-was.hot) / float64(more)
	}
	return before, after
}

// What a trigger's kind says.
const (
	triggerInsert = 1 << 2
	triggerDelete = 1 << 3
	triggerUpdate = 1 << 4
)

// fired are the triggers that run for the rows that were written.
func (d *difference) fired(oid uint32, rows wal.Rows, existed bool) []string {
	of := d.before.triggers
	if !existed {
		of = d.after.triggers
	}
	var out []string
	for _, t := range of {
		if t.relation == oid && t.fires && (t.kind&triggerInsert != 0 && rows.Inserted > 0 ||
			t.kind&triggerUpdate != 0 && rows.Updated > 0 || t.kind&triggerDelete != 0 && rows.Deleted > 0) {
			out = append(out, t.name)
		}
	}
	slices.Sort(out)
	return out
}

// columns are those of a table that changed.
func (d *difference) columns(oid uint32, hasRows bool) []understudy.ColumnChange {
	var out []understudy.ColumnChange
	for _, id := range d.columnIDs[oid] {
		was, existed := d.before.columns[id]
		now, exists := d.after.columns[id]
		c := understudy.ColumnChange{Name: cmp.Or(was.name, now.name), Was: was.kind, Is: now.kind, Values: d.filled(oid, was)}
		switch {
		case !existed:
			c.NotNull, c.Default, c.NoStatistics = now.notNull, now.filled, hasRows && !now.known
		case exists:
			if was.name != now.name {
				c.Renamed = now.name
			}
			c.NotNull, c.Nulls = now.notNull && !was.notNull, was.notNull && !now.notNull
			c.Default, c.LostStatistics = now.filled && !was.filled, was.known && !now.known
			if c == (understudy.ColumnChange{Name: was.name, Was: now.kind, Is: now.kind, Values: c.Values}) {
				continue
			}
		}
		out = append(out, c)
	}
	return out
}

// values are the columns of a table that is gone, where the planner knew what they held.
func (d *difference) values(oid uint32) []understudy.ColumnChange {
	var out []understudy.ColumnChange
	for _, id := range d.columnIDs[oid] {
		was := d.before.columns[id]
		if n := d.filled(oid, was); n > 0 {
			out = append(out, understudy.ColumnChange{Name: was.name, Was: was.kind, Values: n})
		}
	}
	return out
}

// filled is in how many rows a column had a value, as far as the planner knew.
func (d *difference) filled(oid uint32, was column) int64 {
	if !was.known {
		return 0
	}
	return int64(float64(d.before.relations[oid].rows) * (1 - float64(was.withoutValue)))
}
