package subsetting

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"understudy"
)

// mostRows is how many rows of one table can be named in a statement: its text may have
// less than a gigabyte.
const mostRows = 40_000_000

// Where is the condition, as SQL writes it behind WHERE, on the rows of a table that are
// taken, over the bare names of its columns; some is false for a table that is taken
// whole. It holds for the table itself and for any of its partitions.
func (c *Chosen) Where(table string) (where string, some bool, err error) {
	parts, known := c.parts[table]
	if !known || !slices.ContainsFunc(parts, func(part string) bool { return !c.chosen.Whole[part] }) {
		return "", false, nil
	}
	var conditions []string
	rows := int64(0)
	for _, part := range parts {
		set := c.chosen.Of(part)
		rows += set.Len()
		if rows > mostRows {
			return "", false, understudy.Errorf(understudy.KindInvalid, "choosing rows of table %s: more than %d million are taken, and a statement cannot name them all",
				table, mostRows/1_000_000).WithHint("choose a smaller share, or take all of the database")
		}
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
		return "false", true, nil
	}
	return "(" + strings.Join(conditions, ") OR (") + ")", true, nil
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
