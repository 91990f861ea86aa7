package migration

import (
	"fmt"
	"strings"

	"understudy"
	"understudy/internal/check"
)

// rewritten are tables from before that have a file of their own anew.
func (s scene) rewritten() []understudy.Finding {
	var findings []understudy.Finding
	for _, t := range s.inOrder() {
		if !t.Rewritten || t.New || t.Emptied || t.Gone {
			continue
		}
		seen := fmt.Sprintf("about %d rows, %s copied", t.Rows, bytes(t.Bytes))
		if t.How != "" {
			seen += " (" + t.How + ")"
		}
		l := s.longest(t.Relation)
		if l.Statement != "" {
			seen += fmt.Sprintf("; locked for %s by: %s", lasted(l.Held), said(l.Statement))
		}
		f := check.Find(check.MigrationRewrote, t.Relation, seen, check.Facts{"remedy": s.rewriteRemedy(t, l.Statement)})
		findings = append(findings, hurting(f, float64(t.Bytes)))
	}
	return findings
}

// rewriteRemedy goes by what became of the columns, and then by the statement.
func (s scene) rewriteRemedy(t understudy.TableChange, statement string) string {
	for _, c := range t.Columns {
		switch {
		case c.Was != "" && c.Is != "" && zoned(c):
			return s.remedy("time-zone", s.about(t.Relation))
		case c.Was != "" && c.Is != "" && c.Was != c.Is:
			return s.remedy("type", s.about(t.Relation))
		}
	}
	if recipe := recipeFor(statement); recipe != "" {
		return s.remedy(recipe, s.about(t.Relation))
	}
	for _, c := range t.Columns {
		if c.Was == "" && c.Is != "" {
			return s.remedy("volatile-default", s.about(t.Relation))
		}
	}
	return s.remedy("rewrite", s.about(t.Relation))
}

// bulkWrites are transactions that wrote more rows than one should.
func (s scene) bulkWrites() []understudy.Finding {
	var findings []understudy.Finding
	for _, t := range s.inOrder() {
		if t.New || t.LargestWrite <= s.budget.RowsWritten {
			continue
		}
		recipe := "batches-update"
		if t.Deleted > t.Updated {
			recipe = "batches-delete"
		}
		f := check.Find(check.MigrationBulkWrite, t.Relation, fmt.Sprintf("%s inserted, %s updated, %s deleted, up to %s in one transaction",
			grouped(t.Inserted), grouped(t.Updated), grouped(t.Deleted), grouped(t.LargestWrite)), check.Facts{
			"rows": grouped(t.LargestWrite), "remedy": s.remedy(recipe, s.about(t.Relation))})
		findings = append(findings, hurting(f, float64(t.LargestWrite)))
	}
	return findings
}

// triggers are those that fired for the migration's own rows.
func (s scene) triggers() []understudy.Finding {
	var names []string
	rows := int64(0)
	for _, t := range s.inOrder() {
		if written := t.Inserted + t.Updated + t.Deleted; len(t.Triggers) > 0 && written > 0 {
			for _, name := range t.Triggers {
				names = append(names, name+" on "+t.Relation)
			}
			rows += written
		}
	}
	if len(names) == 0 {
		return nil
	}
	f := check.Find(check.MigrationTriggers, list(names), fmt.Sprintf("the migration wrote %s of their tables", counted(rows, "row")), check.Facts{"rows": grouped(rows)})
	return []understudy.Finding{hurting(f, float64(rows))}
}

// removed is what was there before and is not there any more: one finding for each kind.
func (s scene) removed() []understudy.Finding {
	columns, tables, rows, cut := loss{}, loss{}, loss{}, loss{}
	for _, t := range s.inOrder() {
		switch {
		case t.New:
		case t.Gone && t.Rows > 0:
			tables.add(t.Relation, t.Rows, "row")
		case t.Emptied && t.Rows > 0:
			rows.add(t.Relation, t.Rows, "row")
		case t.Deleted > t.Inserted:
			rows.add(t.Relation, t.Deleted-t.Inserted, "row")
		}
		for _, c := range t.Columns {
			if c.Was != "" && c.Is == "" && c.Values > 0 && !t.Gone {
				columns.add(t.Relation+"."+c.Name, c.Values, "value")
			}
			if narrower(c.Was, c.Is) {
				cut.add(t.Relation+"."+c.Name, 0, c.Was+" → "+c.Is)
			}
		}
	}
	var findings []understudy.Finding
	for _, part := range []struct {
		loss
		recipe string
	}{{tables, "drop-table"}, {columns, "drop-column"}, {rows, "delete-rows"}, {cut, "narrower"}} {
		if len(part.names) > 0 {
			f := check.Find(check.MigrationRemoved, list(part.names), list(part.said), check.Facts{"remedy": s.remedy(part.recipe, names{})})
			findings = append(findings, hurting(f, float64(part.count)))
		}
	}
	return findings
}

// loss adds up what is gone.
type loss struct {
	names, said []string
	count       int64
}

func (l *loss) add(name string, count int64, what string) {
	l.names, l.count = append(l.names, name), l.count+count
	if count == 0 {
		l.said = append(l.said, name+": "+what)
		return
	}
	l.said = append(l.said, fmt.Sprintf("%s: %s", name, counted(count, what)))
}

// narrower tells whether a type holds less than another did: shorter texts, fewer digits,
// smaller integers.
func narrower(was, is string) bool {
	if was == "" || is == "" || was == is {
		return false
	}
	wasKind, wasSize := sizeOf(was)
	isKind, isSize := sizeOf(is)
	return wasKind == isKind && isSize != 0 && (wasSize == 0 || isSize < wasSize)
}

// sizeOf is a type's family and how much it holds; 0: without a limit.
func sizeOf(name string) (kind string, size int) {
	base, inside, sized := strings.Cut(name, "(")
	switch base = strings.TrimSpace(base); base {
	case "text", "character varying", "varchar", "character", "char", "bpchar":
		kind = "text"
	case "smallint":
		return "integer", 2
	case "integer", "int":
		return "integer", 4
	case "bigint":
		return "integer", 8
	default:
		kind = base
	}
	if !sized {
		return kind, 0
	}
	digits, decimals := 0, 0
	if _, err := fmt.Sscanf(inside, "%d,%d)", &digits, &decimals); err == nil {
		return kind, digits*100 + decimals
	}
	if _, err := fmt.Sscanf(inside, "%d)", &digits); err != nil {
		return kind, 0
	}
	if kind == "numeric" {
		digits *= 100
	}
	return kind, digits
}

func (s scene) disk() []understudy.Finding {
	more := s.BytesPeak - s.BytesBefore
	if more <= s.budget.DiskMore {
		return nil
	}
	f := check.Find(check.MigrationDisk, "", fmt.Sprintf("%s before, %s at the peak, %s after; allowed are %s more", bytes(s.BytesBefore), bytes(s.BytesPeak),
		bytes(s.BytesAfter), bytes(s.budget.DiskMore)), check.Facts{"more": bytes(more)})
	if s.budget.diskGiven {
		f = as(f, understudy.SeverityBlocking)
	}
	return []understudy.Finding{hurting(f, float64(more))}
}

func (s scene) log() []understudy.Finding {
	written, whose := s.LogBytes, "by everybody"
	if s.OwnLogBytes > 0 {
		written, whose = s.OwnLogBytes, "by the migration itself"
	}
	if written <= s.budget.LogBytes {
		return nil
	}
	f := check.Find(check.MigrationLog, "", fmt.Sprintf("%s %s; allowed are %s", bytes(written), whose, bytes(s.budget.LogBytes)), check.Facts{"written": bytes(written)})
	if s.budget.logGiven {
		f = as(f, understudy.SeverityBlocking)
	}
	return []understudy.Finding{hurting(f, float64(written))}
}
