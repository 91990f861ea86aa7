package migration

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"understudy"
)

// Recipe is a way to the same end that does not hurt, on the servers for which it is made.
type Recipe struct {
	Name        string
	From, Until int      // major versions of PostgreSQL; 0: any
	Advice      string   // one sentence
	Steps       []string // SQL, each step on its own and outside a transaction; names of things in braces
}

// names are what stands for the braces of a recipe's steps.
type names map[string]string

// recipeFor chooses the recipe by the statement, where nothing that was seen tells; empty:
// none fits.
func recipeFor(statement string) string {
	said := strings.ToUpper(strings.Join(strings.Fields(statement), " "))
	for _, known := range []struct{ words, recipe string }{
		{`^CREATE (UNIQUE )?INDEX `, "index"},
		{`^DROP INDEX `, "drop-index"},
		{`^REINDEX `, "reindex"},
		{`^REFRESH MATERIALIZED VIEW`, "refresh"},
		{`^(VACUUM|CLUSTER)\b| SET (UN)?LOGGED| SET ACCESS METHOD| SET TABLESPACE`, "rewrite"},
		{`^TRUNCATE`, "truncate"},
		{`^(WITH .*)?UPDATE `, "batches-update"},
		{`^(WITH .*)?DELETE `, "batches-delete"},
		{`^SELECT .* FOR (NO KEY )?UPDATE`, "batches-update"},
		{`^LOCK `, "lock-table"},
		{`^ALTER DOMAIN `, "domain-check"},
		{`^ALTER SEQUENCE `, "alter-sequence"},
		{`^(CREATE|DROP) (OR REPLACE )?(CONSTRAINT )?(TRIGGER|RULE|POLICY) | (ENABLE|DISABLE|FORCE|NO FORCE) (ALWAYS |REPLICA )?(TRIGGER|RULE|ROW)`, "short"},
		{`^DROP TABLE `, "drop-table"},
		{` DETACH PARTITION `, "detach"},
		{` ATTACH PARTITION `, "attach"},
		{`^CREATE TABLE .* PARTITION OF `, "partition-of"},
		{`^CREATE TABLE .*(REFERENCES|FOREIGN KEY)`, "table-with-key"},
		{` (ALTER|MODIFY)( COLUMN)? .* TYPE `, "type"},
		{`SET NOT NULL`, "not-null"},
		{` DROP CONSTRAINT `, "drop-constraint"},
		{` GENERATED ALWAYS AS \(`, "generated"},
		{` ADD( COLUMN)? .*( (BIG|SMALL)?SERIAL| GENERATED .* AS IDENTITY)`, "serial"},
		{`REFERENCES|FOREIGN KEY`, "foreign-key"},
		{` PRIMARY KEY`, "primary-key"},
		{` UNIQUE`, "unique"},
		{` EXCLUDE `, "exclusion"},
		{` ADD (CONSTRAINT|CHECK)`, "check"},
		{` ADD( COLUMN)? .* DEFAULT`, "volatile-default"},
	} {
		if regexp.MustCompile(known.words).MatchString(said) {
			return known.recipe
		}
	}
	return ""
}

// remedyFor is the remedy for what a statement did to a relation: by what came of it, and
// else by the statement's words.
func (s scene) remedyFor(statement, relation string) string {
	about := s.about(relation)
	if recipe := recipeFor(statement); recipe != "" {
		return s.remedy(recipe, about)
	}
	switch {
	case slices.ContainsFunc(s.Indexes, func(i understudy.IndexChange) bool { return i.New && i.Table == relation && !s.tables[i.Table].New }):
		return s.remedy("index", about)
	case s.tables[relation].Rewritten:
		return s.remedy("rewrite", about)
	case slices.ContainsFunc(s.Constraints, func(c understudy.ConstraintChange) bool {
		return c.New && c.Kind == "foreign key" && (c.Table == relation || c.References == relation)
	}):
		return s.remedy("foreign-key", about)
	}
	return s.remedy("short", about)
}

// remedy is a recipe in words, with its statements where they fit the server.
func (s scene) remedy(name string, about names) string {
	product, version := serverOf(s.Server)
	if product != "" && product != "PostgreSQL" {
		return otherServers(name)
	}
	if about["partitioned"] != "" {
		if r, found := find(name+"-partitioned", version); found {
			return r.filled(about)
		}
	}
	r, found := find(name, version)
	if !found {
		r, _ = find("short", version)
	}
	return r.filled(about)
}

func find(name string, version int) (Recipe, bool) {
	all := Recipes()
	i := slices.IndexFunc(all, func(r Recipe) bool {
		return r.Name == name && (version == 0 || r.From <= version && (r.Until == 0 || version <= r.Until))
	})
	if i < 0 {
		return Recipe{}, false
	}
	return all[i], true
}

// serverOf reads "PostgreSQL 15.18" as its product and its major version.
func serverOf(server string) (product string, version int) {
	product, rest, _ := strings.Cut(server, " ")
	digits, _, _ := strings.Cut(rest, ".")
	version, err := strconv.Atoi(strings.TrimFunc(digits, func(r rune) bool { return r < '0' || r > '9' }))
	if err != nil {
		version = 0
	}
	return product, version
}

// filled is the recipe with the names that are known; what is not known stays to be
// filled in, in angle brackets.
func (r Recipe) filled(about names) string {
	lines := []string{r.Advice}
	if len(r.Steps) > 0 {
		lines[0] += ":"
	}
	for _, step := range r.SQL(about) {
		lines = append(lines, "  "+step+";")
	}
	return strings.Join(lines, "\n")
}

// SQL are the recipe's statements for things of these names.
func (r Recipe) SQL(about map[string]string) []string {
	blank := regexp.MustCompile(`\{([a-z]+)\}`)
	var steps []string
	for _, step := range r.Steps {
		steps = append(steps, blank.ReplaceAllStringFunc(step, func(found string) string {
			name := strings.Trim(found, "{}")
			if value := about[name]; value != "" {
				return value
			}
			return "<" + name + ">"
		}))
	}
	return steps
}

// about are the names that the observation gives for a relation.
func (s scene) about(relation string) names {
	about := names{"table": relation, "name": bare(relation)}
	t := s.tables[relation]
	about["parent"] = t.Attached
	if s.kind(relation) == partitioned {
		about["partitioned"] = "yes"
	}
	for _, c := range t.Columns {
		if c.Is != "" && (c.NotNull || c.Was != c.Is || c.LostStatistics) {
			about["column"], about["type"], about["columns"] = c.Name, c.Is, c.Name
			break
		}
	}
	for _, i := range s.Indexes {
		if i.Table == relation && (i.New || i.Gone || i.Rebuilt) {
			about["index"], about["indexname"], about["columns"] = i.Name, bare(i.Name), strings.Join(i.Columns, ", ")
			break
		}
	}
	for _, c := range s.Constraints {
		if c.New && (c.Table == relation || c.References == relation) {
			about["constraint"], about["other"], about["keycolumns"] = c.Name, c.References, strings.Join(c.Columns, ", ")
			if c.Table != relation { // nothing of the other table goes into its statements
				delete(about, "column")
				delete(about, "type")
				delete(about, "columns")
			}
			about["table"], about["name"] = c.Table, bare(c.Table)
			break
		}
	}
	return about
}

// bare is a relation's name without its schema; empty where it needs quotes, as names that
// are made of it would need them elsewhere.
func bare(relation string) string {
	if strings.Contains(relation, `"`) {
		return ""
	}
	return relation[strings.LastIndex(relation, ".")+1:]
}

// otherServers is what helps where the recipes are not for the server.
func otherServers(recipe string) string {
	switch recipe {
	case "batches-update", "batches-delete", "delete-rows":
		return "change the rows in batches of some thousands, each in a transaction of its own"
	case "analyze":
		return "end the migration with ANALYZE of that table"
	case "drop-table", "drop-column", "narrower":
		return "keep the old table or column until the release is settled, and remove it in a later one"
	}
	return "ask the server for its gentle way and let it refuse any other (ALGORITHM=INSTANT or INPLACE with LOCK=NONE, where it has them); else fill a copy of the table in batches and switch over"
}
