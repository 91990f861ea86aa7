package migration

// GrowthOf is by how much work on whole databases grows from the twin's to production's, where
// all rows are written once and all indexes built: at least and at most, and what that rests on.
func GrowthOf(twin, production []map[string]Size) (least, most float64, basis string) {
	here, there := whole(twin), whole(production)
	if there == (Size{}) {
		return 1, 1, "as long as on the twin: production's sizes could not be read"
	}
	least, most, basis = growth(sorting, here, there)
	return least, most, here.String() + " on the twin, " + there.String() + " in production as its statistics say: " + basis +
		"; production's machine, disks and cache are not those of the twin"
}

// whole is the size of all tables together. Rows that are not known are left out.
func whole(databases []map[string]Size) (all Size) {
	for _, tables := range databases {
		for _, t := range tables {
			all.Rows += max(t.Rows, 0)
			all.Bytes += max(t.Bytes, 0)
		}
	}
	return all
}
