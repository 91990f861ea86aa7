package subsetting

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Where is the condition, as SQL writes it behind WHERE, on the rows of a table that are
// taken, over the bare names of its columns; some is false for a table that is taken
// whole. It holds for the table itself and for any of its partitions, and can be long: a
// dozen bytes for each row.
func (c *Chosen) Where(table string) (where string, some bool) {
	parts, known := c.parts[table]
	if !known || !slices.ContainsFunc(parts, func(part string) bool { return !c.chosen.Whole[part] }) {
		return "", false
	}
	var conditions []string
	for _, part := range parts {
		set := c.chosen.Of(part)
		if set.Len() == 0 {
			continue
		}
		condition := "ctid = ANY(" + literal(set.Rows()) + ")"
		if len(parts) > 1 {
			condition = fmt.Sprintf("tableoid = %d AND %s", c.tables[part].oid, condition)
		}
		conditions = append(conditions, condition)
	}
	if len(conditions) == 0 {
		return "false", true
	}
	return "(" + strings.Join(conditions, ") OR (") + ")", true
}

// literal is an array of places as SQL writes it.
func literal(rows func(yield func(int64) bool)) string {
	var out strings.Builder
	out.WriteString("'{")
	first := true
	for row := range rows {
		if !first {
			out.WriteByte(',')
		}
		first = false
		out.WriteString(`"(`)
		out.WriteString(strconv.FormatInt(row>>16, 10))
		out.WriteByte(',')
		out.WriteString(strconv.FormatInt(row&0xffff, 10))
		out.WriteString(`)"`)
	}
	out.WriteString("}'::pg_catalog.tid[]")
	return out.String()
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
