package sqlite

import (
	"context"
	"regexp"
	"slices"
	"strings"
)

// contentOption is what an FTS table says of where its texts are.
var contentOption = regexp.MustCompile(`(?is)[(,]\s*content\s*=\s*('(?:[^']|'')*'|"(?:[^"]|"")*"|\w*)`)

// holdsRows tells of a virtual table whose rows are its own, so that they are copied
// through it: its shadows keep them in a form that also holds what was deleted.
func (t *table) holdsRows() bool {
	switch t.module {
	case "rtree", "rtree_i32", "geopoly":
		return true
	case "fts5":
		return !contentOption.MatchString(t.create)
	}
	return false
}

// follow is what is done about a virtual table without rows of its own, once the tables
// that it reads are filled: SQL, or a sentence about what is lost.
func follow(name, create string) (statement, notice string) {
	switch moduleOf(create) {
	case "fts5":
		found := contentOption.FindStringSubmatch(create)
		if found == nil {
			return "", ""
		}
		if strings.Trim(found[1], `'"`) == "" {
			return "", "full text table " + plainName(name) + " keeps no texts, only an index that cannot be read back: it is empty in the copy"
		}
		return "INSERT INTO " + quoted(name) + "(" + quoted(name) + ") VALUES ('rebuild')", ""
	case "fts5vocab":
		return "", ""
	}
	return "", "virtual table " + plainName(name) + " reads what is outside the database, and was made as it is"
}

// makeVirtual makes the virtual tables that have no rows of their own, and fills them from
// the tables that they read.
func (c *copying) makeVirtual(ctx context.Context) error {
	for _, o := range c.objects {
		if o.kind != "table" || moduleOf(o.sql) == "" || slices.ContainsFunc(c.tables, func(t *copiedTable) bool { return t.name == o.name }) {
			continue
		}
		doing := "making virtual table " + plainName(o.name)
		if err := c.into.exec(ctx, doing, o.sql); err != nil {
			return err
		}
		statement, notice := follow(o.name, o.sql)
		if notice != "" {
			c.spec.Notice(notice)
		}
		if statement == "" {
			continue
		}
		if err := c.into.exec(ctx, "filling virtual table "+plainName(o.name), statement); err != nil {
			return err
		}
	}
	return nil
}
