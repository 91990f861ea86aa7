package laboratory

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"understudy"
	"understudy/internal/postgres"
	"understudy/internal/rehearsal"
)

// Called is what a ledger calls one of an application's databases, and with that what findings
// do: the first by nothing.
func Called(database string, all []understudy.Database) string {
	if len(all) > 0 && all[0].Name == database {
		return ""
	}
	return database
}

// CompareSchemas says in words how schemas of PostgreSQL databases, by what they are called,
// differ from earlier ones, and which tables have their columns in another order.
func CompareSchemas(before, after json.RawMessage) (changes, orders []string, err error) {
	var a, b map[string]postgres.Schema
	if err := json.Unmarshal(before, &a); err != nil {
		return nil, nil, err
	}
	if err := json.Unmarshal(after, &b); err != nil {
		return nil, nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(a)) {
		for _, c := range a[name].Diff(b[name]) {
			changes = append(changes, DescribeChange(name, c))
		}
		for _, table := range reordered(a[name].Order, b[name].Order) {
			orders = append(orders, understudy.InDatabase(name, table))
		}
	}
	return changes, orders, nil
}

// DescribeChange is one difference between two schemas of a database, in words.
func DescribeChange(database string, c postgres.SchemaChange) string {
	if database != "" {
		return "in database " + database + ": " + DescribeChange("", c)
	}
	switch c.Change {
	case "added":
		return fmt.Sprintf("%s is there and was not: %s", c.Object, c.Is)
	case "removed":
		return fmt.Sprintf("%s is gone: %s", c.Object, c.Was)
	}
	return fmt.Sprintf("%s was %q and is %q", c.Object, c.Was, c.Is)
}

// reordered names the tables whose columns are the same and stand in another order.
func reordered(a, b map[string][]string) []string {
	var out []string
	for _, table := range slices.Sorted(maps.Keys(a)) {
		was, is := a[table], b[table]
		if !slices.Equal(was, is) && slices.Equal(slices.Sorted(slices.Values(was)), slices.Sorted(slices.Values(is))) {
			out = append(out, table)
		}
	}
	return out
}

// CompareData says which values of databases, by what they are called, are not as they were.
func CompareData(before, after json.RawMessage) ([]rehearsal.Loss, error) {
	changes, err := dataChanges(before, after)
	var losses []rehearsal.Loss
	for _, c := range changes {
		if c.Change == "column new" || c.Change == "table new" {
			continue // nothing is lost: what stayed behind is a difference of the schemas
		}
		losses = append(losses, rehearsal.Loss{Table: c.Table, What: c.String(), Count: max(c.Was-c.Is, c.Is-c.Was, 1)})
	}
	return losses, err
}

// dataChanges lists what differs between fingerprints of databases, by what they are called.
// Tables are called as findings call them.
func dataChanges(before, after json.RawMessage) (changes []understudy.DataChange, err error) {
	var a, b map[string]understudy.DataPrint
	if err := json.Unmarshal(before, &a); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(after, &b); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(a)) {
		for _, c := range a[name].Diff(b[name]) {
			if !bookkeeping(c.Table) {
				c.Table = understudy.InDatabase(name, c.Table)
				changes = append(changes, c)
			}
		}
	}
	return changes, nil
}
