package follow

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"understudy"
	"understudy/internal/postgres"
	"understudy/internal/postgres/replication"
)

// Drift is why a twin cannot follow any longer: production's schema is not the twin's.
// The twin stays at the last transaction before. It is in the chain of the error that
// Run returns.
type Drift struct {
	Subject string   // the table, as schema.table, or the first object that differs
	Changes []string // what differs, in words
}

func (d *Drift) Error() string {
	return "the schema of production changed: " + strings.Join(d.Changes, "; ")
}

func drifted(subject string, changes []string) error {
	if len(changes) > 8 {
		changes = append(slices.Clone(changes[:8]), fmt.Sprintf("and %d more", len(changes)-8))
	}
	d := &Drift{Subject: subject, Changes: changes}
	return understudy.Errorf(understudy.KindConflict, "following production: %w", d).
		WithHint("make a fresh copy of what changed: until then the twin stays as it was before, and production keeps its log for it")
}

// match finds the table that a relation of the stream is, and says how the two differ.
func match(r replication.Relation, tables map[string]*table, types map[uint32]replication.Type) (*table, error) {
	schema := r.Schema
	if schema == "" {
		schema = "pg_catalog"
	}
	name := postgres.TableName(schema, r.Name)
	t, found := tables[quotedName(schema, r.Name)]
	if !found {
		return nil, drifted(name, []string{"table " + name + " is new"})
	}
	if t.foreign {
		return t, nil
	}
	var changes []string
	seen := map[string]bool{}
	for _, c := range r.Columns {
		seen[c.Name] = true
		here := t.column(c.Name)
		switch {
		case here == nil:
			changes = append(changes, fmt.Sprintf("column %s.%s is new", name, c.Name))
		case !sameType(c, here, types):
			changes = append(changes, fmt.Sprintf("column %s.%s is no longer %s", name, c.Name, here.kind))
		}
	}
	for _, here := range t.columns {
		if !seen[here.name] {
			changes = append(changes, fmt.Sprintf("column %s.%s is gone", name, here.name))
		}
	}
	if len(changes) > 0 {
		return nil, drifted(name, changes)
	}
	return t, nil
}

// sameType compares a type of production with one of the twin. Types that somebody made
// have oids of their own on each server, so they are compared by name; of a domain, the
// stream tells only what it is over.
func sameType(there replication.RelationColumn, here *column, types map[uint32]replication.Type) bool {
	if there.Modifier != here.modifier {
		return false
	}
	named, made := types[there.Type]
	if !made {
		return there.Type == here.oid
	}
	schema := named.Schema
	if schema == "" {
		schema = "pg_catalog"
	}
	return schema == here.baseSchema && named.Name == here.baseName
}

// rebuilding matches the names that REINDEX CONCURRENTLY gives meanwhile.
var rebuilding = regexp.MustCompile(`_cc(new|old)\d*"?$`)

// kinds are the objects whose change makes a twin another database than production. Grants,
// owners, comments, settings and publications are not among them.
func kinds() []string {
	return []string{
		"table", "column", "constraint", "index", "statistics", "sequence", "view", "materialized", "schema", "function", "procedure",
		"aggregate", "trigger", "event", "rule", "policy", "type", "collation",
	}
}

// compareSchemas says how production's schema differs from what it is to be like.
func compareSchemas(twin, production postgres.Schema) error {
	var subject string
	var changes []string
	for _, c := range twin.Diff(production) {
		kind, _, _ := strings.Cut(c.Object, " ")
		if !slices.Contains(kinds(), kind) || rebuilding.MatchString(c.Object) {
			continue
		}
		if subject == "" {
			subject = subjectOf(c.Object)
		}
		switch c.Change {
		case "added":
			changes = append(changes, c.Object+" is new")
		case "removed":
			changes = append(changes, c.Object+" is gone")
		default:
			changes = append(changes, c.Object+" changed")
		}
	}
	if len(changes) == 0 {
		return nil
	}
	return drifted(subject, changes)
}

// subjectOf is the table that an object is or belongs to, else the object's own name:
// "column public.orders.total" is of public.orders, as is "constraint c on public.orders".
func subjectOf(object string) string {
	kind, name, _ := strings.Cut(object, " ")
	if at := strings.LastIndex(name, " on "); at >= 0 {
		return name[at+len(" on "):]
	}
	if kind != "column" {
		return name
	}
	end := strings.LastIndex(name, ".")
	if strings.HasSuffix(name, `"`) { // a quoted column may hold dots; its quotes are doubled
		end = strings.LastIndex(name, `."`)
	}
	return name[:max(end, 0)]
}
