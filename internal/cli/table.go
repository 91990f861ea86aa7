package cli

import (
	"strings"
	"text/tabwriter"
)

// table prints rows in columns, a header first. Without rows, nothing says it in words.
func (v *voice) table(header string, rows [][]string, nothing string) {
	if len(rows) == 0 {
		v.say("%s", nothing)
		return
	}
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	lines := append([][]string{strings.Fields(header)}, rows...)
	for _, row := range lines {
		for i, cell := range row {
			if row[i] = strings.NewReplacer("\t", " ", "\n", " ").Replace(cell); cell == "" {
				row[i] = "-"
			}
		}
		_, _ = w.Write([]byte(strings.Join(row, "\t") + "\n")) // into memory
	}
	_ = w.Flush() // into memory
	for line := range strings.SplitSeq(strings.TrimRight(text.String(), "\n"), "\n") {
		v.print("%s", strings.TrimRight(line, " "))
	}
}
