package understudy

import (
	"slices"
	"strings"
)

// DiffDefinitions compares two databases by the statements that make them, as an engine
// lists them: the lines that are gone and those that are new, each behind the first line of
// its statement. Order does not matter.
func DiffDefinitions(before, after []string) (gone, fresh []string) {
	was, is := definitionLines(before), definitionLines(after)
	return without(was, is), without(is, was)
}

// definitionLines cuts statements of several lines, so that one changed column is not a
// whole other table.
func definitionLines(statements []string) []string {
	var lines []string
	for _, statement := range statements {
		all := strings.Split(statement, "\n")
		head := strings.TrimSuffix(strings.TrimSpace(all[0]), " (")
		lines = append(lines, head)
		for _, line := range all[1:] {
			if line = strings.TrimSuffix(strings.TrimSpace(line), ","); line != "" {
				lines = append(lines, head+": "+line)
			}
		}
	}
	slices.Sort(lines)
	return lines
}

// without are the sorted lines that the other list lacks; one that is there twice is looked
// for twice.
func without(lines, other []string) []string {
	var missing []string
	at := 0
	for _, line := range lines {
		for at < len(other) && other[at] < line {
			at++
		}
		if at < len(other) && other[at] == line {
			at++
			continue
		}
		missing = append(missing, line)
	}
	return missing
}
