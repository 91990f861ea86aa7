package mask

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"understudy"
)

// PathFinding is a path of a document, and what it was taken for.
type PathFinding struct {
	Finding
	Path    string // dotted; keys that look like data are *
	Numbers bool   // no text was seen there
}

// ClassifyPaths classifies what the samples of a column of documents hold, path by path, as if
// each path were a column of a table that is called as what is around it. In order.
func ClassifyPaths(c understudy.Column) []PathFinding {
	texts, numbers := map[string][]string{}, map[string][]string{}
	t := parseType(c.Type)
	for _, sample := range samplesOf(c, t) {
		collect(documentMask(t), sample, texts, numbers)
	}
	all := maps.Clone(numbers)
	maps.Copy(all, texts)
	leaves := map[string][]understudy.Column{} // by what is around them
	for _, path := range slices.Sorted(maps.Keys(all)) {
		leaf := leafColumn(c, path)
		leaf.Type, leaf.Samples = "text", texts[path]
		if len(leaf.Samples) == 0 {
			leaf.Type, leaf.Samples = "bigint", numbers[path]
		}
		leaves[around(path)] = append(leaves[around(path)], leaf)
	}
	var findings []PathFinding
	taken := map[string]int{}
	for _, path := range slices.Sorted(maps.Keys(all)) {
		beside := leaves[around(path)]
		leaf := beside[taken[around(path)]]
		taken[around(path)]++
		finding := classifyBeside(leaf, beside)
		findings = append(findings, PathFinding{finding, path, leaf.Type != "text"})
	}
	return findings
}

// around is the path of the object that a path ends in.
func around(path string) string { return path[:max(0, strings.LastIndexByte(path, '.'))] }

// leafColumn is a path seen as a column: its last key in a table named by the key before.
func leafColumn(c understudy.Column, path string) understudy.Column {
	keys := strings.Split(path, ".")
	leaf := understudy.Column{Name: keys[len(keys)-1], Table: c.Name}
	if len(keys) > 1 {
		leaf.Table = keys[len(keys)-2]
	}
	if leaf.Name == "*" {
		leaf.Name = c.Name
	}
	return leaf
}

// collectLeaves gathers texts and numbers by dotted path. Arrays add nothing to a path. Of
// a sample that was cut off it takes what comes before the cut.
func collectLeaves(sample string, texts, numbers map[string][]string) {
	decoder := json.NewDecoder(strings.NewReader(sample))
	decoder.UseNumber()
	var place jsonPlace
	for {
		token, err := decoder.Token()
		if err != nil { // the end, or what is no JSON any more
			return
		}
		if _, leaf := place.next(token); !leaf {
			continue
		}
		at := strings.Join(place.path, ".")
		if at == "" {
			at = "*"
		}
		switch v := token.(type) {
		case string:
			texts[at] = append(texts[at], v)
		case json.Number:
			numbers[at] = append(numbers[at], v.String())
		}
		place.done()
	}
}

var dynamicKey = regexp.MustCompile(`@|^[0-9]+$|^[0-9a-fA-F\-]{16,}$|\s|\.`)

// pathKey is a key as paths write it. A key that looks like data (an address, a number, an
// identifier) is written *, so that no path ever shows a value.
func pathKey(key string) string {
	if dynamicKey.MatchString(key) || key == "" {
		return "*"
	}
	return key
}

func pathsReason(paths []PathFinding) string {
	names := make([]string, 0, len(paths))
	for _, p := range paths {
		if p.Class.Personal() {
			names = append(names, p.Path)
		}
	}
	const shown = 5
	if more := len(names) - shown; more > 0 {
		return fmt.Sprintf("%s and %d more of its paths look personal", strings.Join(names[:shown], ", "), more)
	}
	if len(names) == 1 {
		return fmt.Sprintf("its path %s looks personal", names[0])
	}
	return fmt.Sprintf("its paths %s look personal", strings.Join(names, ", "))
}

var documentShape = regexp.MustCompile(`^(?:\{\s*"|\[\s*[\[{"]|\{\s*\}|\[\s*\])`)

// mostlyJSON tells whether a text column is used for documents.
func mostlyJSON(samples []string) bool {
	documents := 0
	for _, s := range samples {
		if documentShape.MatchString(s) {
			documents++
		}
	}
	return documents > 0 && documents*2 >= len(samples)
}
