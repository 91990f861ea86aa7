package config

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"understudy"
)

// most is how many problems one error tells.
const most = 10

// problem is one thing wrong in a file, at one place.
type problem struct {
	line, column int
	path         string
	text         string
}

// problems collects what is wrong in one file. The zero value with a file and a root
// is ready to use.
type problems struct {
	file string // as people know it
	root *yaml.Node
	list []problem
}

// at notes a problem with the value under a path of keys, at its key.
func (p *problems) at(path []string, format string, args ...any) {
	p.on(find(p.root, path), path, format, args...)
}

// on notes a problem at a node.
func (p *problems) on(node *yaml.Node, path []string, format string, args ...any) {
	found := problem{line: 1, column: 1, path: spell(path), text: fmt.Sprintf(format, args...)}
	if node != nil && node.Line > 0 {
		found.line, found.column = node.Line, node.Column
	}
	if !slices.Contains(p.list, found) {
		p.list = append(p.list, found)
	}
}

// with is all problems as one error; when there are none, the error given.
func (p *problems) with(err error) error {
	if len(p.list) == 0 {
		return err
	}
	slices.SortStableFunc(p.list, func(a, b problem) int {
		if a.line != b.line {
			return a.line - b.line
		}
		return a.column - b.column
	})
	var lines []string
	for _, found := range p.list[:min(most, len(p.list))] {
		lines = append(lines, p.sentence(found))
	}
	if more := len(p.list) - most; more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return understudy.Errorf(understudy.KindInvalid, "%s", strings.Join(lines, "\n")).
		WithHint("every key is described by: understudy schema")
}

func (p *problems) sentence(found problem) string {
	place := fmt.Sprintf("%s:%d:%d: ", p.file, found.line, found.column)
	if found.path == "" {
		return place + found.text
	}
	return place + found.path + ": " + found.text
}

// spell writes a path of keys as people do: services.web.needs[1].
func spell(path []string) string {
	var out strings.Builder
	for i, key := range path {
		step := indexForm.MatchString(key)
		if i > 0 && !step {
			out.WriteByte('.')
		}
		if !step && !couldBeKey(key) {
			key = "…"
		}
		out.WriteString(key)
	}
	return out.String()
}

var indexForm = regexp.MustCompile(`^\[\d+\]$`)

// couldBeKey tells whether somebody may have meant a text for a key. YAML takes a piece of a secret
// for one where it was not quoted, and holds a quote or a comma; that is not to be shown.
func couldBeKey(text string) bool {
	return !strings.ContainsAny(text, "\"'#{}[],%@&!|>\n") && !strings.Contains(text, ": ")
}

// spellKey is a key in quotes; what cannot have been meant for one is not shown.
func spellKey(key string) string {
	if couldBeKey(key) {
		return strconv.Quote(key)
	}
	return "that is no name (was a value not quoted?)"
}

// index is the step of a path into a list.
func index(i int) string { return fmt.Sprintf("[%d]", i) }

// find is the node that shows where a path is: the key, or the list's entry, of the
// deepest part of the path that exists.
func find(root *yaml.Node, path []string) *yaml.Node {
	place, at := root, root
	for _, step := range path {
		key, value := child(at, step)
		if value == nil {
			return place
		}
		place, at = key, value
	}
	return place
}

func child(node *yaml.Node, step string) (key, value *yaml.Node) {
	if node == nil {
		return nil, nil
	}
	switch node.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value == step {
				return node.Content[i], node.Content[i+1]
			}
		}
	case yaml.SequenceNode:
		for i, entry := range node.Content {
			if index(i) == step {
				return entry, entry
			}
		}
	}
	return nil, nil
}
