package mask

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Group is columns of a table that together may single a person out: a proof counts how
// many rows of a copy share them with too few others.
type Group struct {
	Table   string   // schema.table
	Columns []string // at least one
	K       int      // groups of fewer rows are too small; 0: as the proof has it
}

// groups reads the groups to count:
//
//	groups:
//	  - {table: public.customers, columns: [birth_date, postcode, gender], k: 5}
func (f file) groups(policy *Policy, n *yaml.Node) error {
	if n.Kind != yaml.SequenceNode {
		return f.invalid(n, "expected a list below groups:, as in - {table: public.people, columns: [born, postcode]}")
	}
	for _, item := range n.Content {
		var read struct {
			Table   string   `yaml:"table"`
			Columns []string `yaml:"columns"`
			K       int      `yaml:"k"`
		}
		var raw map[string]any
		known := item.Decode(&raw) == nil
		for key := range raw {
			known = known && (key == "table" || key == "columns" || key == "k")
		}
		if err := item.Decode(&read); err != nil || !known || len(splitName(read.Table)) != 2 || len(read.Columns) == 0 || read.K < 0 {
			return f.invalid(item, "expected a group as {table: schema.table, columns: [names], k: 5}")
		}
		policy.Groups = append(policy.Groups, Group{Table: read.Table, Columns: read.Columns, K: read.K})
	}
	return nil
}

// writeGroups writes the groups, a line each.
func (p Policy) writeGroups() []byte {
	if len(p.Groups) == 0 {
		return nil
	}
	var out bytes.Buffer
	out.WriteString("\ngroups:\n")
	for _, g := range p.Groups {
		columns := make([]string, len(g.Columns))
		for i, name := range g.Columns {
			columns[i] = plainScalar(name)
			if strings.ContainsAny(name, ",[]{}") { // they would end it inside a list
				columns[i] = strconv.Quote(name)
			}
		}
		fmt.Fprintf(&out, "  - {table: %s, columns: [%s]", plainScalar(g.Table), strings.Join(columns, ", "))
		if g.K > 0 {
			fmt.Fprintf(&out, ", k: %d", g.K)
		}
		out.WriteString("}\n")
	}
	return out.Bytes()
}
