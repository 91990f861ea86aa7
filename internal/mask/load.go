package mask

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"understudy"
)

// Load reads a mask.yaml. A file that does not exist is an empty policy, under which
// everything is refused. Errors are of KindInvalid and name the line.
//
//	columns:
//	  public.account.email text: email # 400 of 400 samples look like e-mail address
//	  public.account.profile jsonb: {json: {contact.email: email, "*": text}}
//	  public.account.country character(2): {constant: DE}
//	  "*.password_hash": password
func Load(path string) (Policy, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Policy{}, nil
	}
	if err != nil {
		return Policy{}, understudy.Errorf(understudy.KindInternal, "reading the masking rules: %w", err)
	}
	return parse(filepath.Base(path), content)
}

// file is where a rule was read, for errors.
type file struct{ name string }

func (f file) invalid(n *yaml.Node, format string, args ...any) *understudy.Error {
	args = append([]any{f.name, n.Line}, args...)
	return understudy.Errorf(understudy.KindInvalid, "%s:%d: "+format, args...)
}

func parse(name string, content []byte) (Policy, error) {
	f := file{name}
	var document yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
		return Policy{}, nil
	} else if err != nil {
		return Policy{}, understudy.Errorf(understudy.KindInvalid, "reading %s: %w", name, err)
	}
	top := document.Content[0]
	if top.Kind != yaml.MappingNode {
		return Policy{}, f.invalid(top, "expected columns: and rules below it")
	}
	policy := Policy{Columns: map[string]Rule{}, comments: map[string]string{}, heads: map[string][]string{}, order: map[string]int{}}
	for i := 0; i < len(top.Content); i += 2 {
		key, value := top.Content[i], top.Content[i+1]
		var err error
		switch key.Value {
		case "columns":
			err = f.columns(policy, value)
		case "leaks":
			err = f.leaks(&policy, value)
		case "groups":
			err = f.groups(&policy, value)
		default:
			err = f.invalid(key, "unknown key %q", key.Value).WithHint("the keys are columns:, leaks: and groups:")
		}
		if err != nil {
			return Policy{}, err
		}
	}
	return policy, nil
}

// columns reads the rules into a policy.
func (f file) columns(policy Policy, n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		return f.invalid(n, "expected one rule a line below columns:, as in public.account.email: email")
	}
	var above []string // comment lines on the way to the next rule
	for i := 0; i < len(n.Content); i += 2 {
		written, value := n.Content[i], n.Content[i+1]
		k := parseKey(written.Value)
		if _, twice := policy.Columns[k.String()]; twice {
			return f.invalid(written, "column %s has a rule already", k)
		}
		if parts := splitName(k.name); len(parts) < 3 && !k.pattern() {
			return f.invalid(written, "column %q is not written as schema.table.column", k.name).
				WithHint("a pattern such as \"*.%s\" rules a column in every table", parts[len(parts)-1])
		}
		if parts := splitName(k.name); len(parts) > columnParts && k.pattern() {
			return f.invalid(written, "%q is a pattern of columns with the path of a document behind it, which no column has", k.name).
				WithHint("rule paths below the whole name of their column: public.account.profile.%s", strings.Join(parts[columnParts:], "."))
		}
		rule, err := f.rule(k.name, value)
		if err != nil {
			return err
		}
		policy.Columns[k.String()], policy.order[k.String()] = rule, i
		policy.comments[k.String()] = strings.TrimSpace(strings.TrimLeft(cmp.Or(value.LineComment, written.LineComment), "# "))
		policy.heads[k.String()] = append(above, remarks(written.HeadComment)...)
		above = remarks(written.FootComment)
	}
	return nil
}

// remarks are the lines of a comment that somebody wrote: undecided lines are written anew.
func remarks(comment string) []string {
	var lines []string
	for line := range strings.SplitSeq(comment, "\n") {
		line = strings.TrimSpace(strings.TrimLeft(line, "# "))
		if line != "" && !strings.HasPrefix(line, "?") {
			lines = append(lines, line)
		}
	}
	return lines
}

// rule reads what stands behind a column or a path.
func (f file) rule(column string, n *yaml.Node) (Rule, error) {
	switch n.Kind {
	case yaml.ScalarNode:
		return f.plainRule(column, n)
	case yaml.MappingNode:
		if len(n.Content) != 2 {
			return Rule{}, f.invalid(n, "the rule of %s: expected a mask, {constant: value} or {json: {path: mask}}", column)
		}
		return f.formedRule(column, n.Content[0], n.Content[1])
	default:
		return Rule{}, f.invalid(n, "the rule of %s: expected the name of a mask", column)
	}
}

func (f file) plainRule(column string, n *yaml.Node) (Rule, error) {
	name := n.Value
	if n.Tag == "!!null" {
		name = maskNull // YAML reads a bare null as no value, and that is what it asks for
		if n.Value == "" {
			return Rule{}, f.invalid(n, "column %s has no rule behind its name", column).WithHint("masks: %s", strings.Join(Names(), ", "))
		}
	}
	if !slices.Contains(Names(), name) {
		unknown := unknownMask(column, name)
		return Rule{}, f.invalid(n, "%s", unknown.Message).WithHint("%s", unknown.Hint)
	}
	return Rule{Mask: name}, f.needsNothing(column, name, n)
}

func (f file) formedRule(column string, key, value *yaml.Node) (Rule, error) {
	if !isDocument(key.Value) {
		return f.optionRule(column, key, value)
	}
	if value.Kind != yaml.MappingNode {
		return Rule{}, f.invalid(value, "the rule of %s: expected {%s: {path: mask}}", column, key.Value)
	}
	rule := Rule{Mask: key.Value, JSON: map[string]Rule{}}
	for i := 0; i < len(value.Content); i += 2 {
		path := value.Content[i].Value
		inner, err := f.rule(column+"."+path, value.Content[i+1])
		if err != nil {
			return Rule{}, err
		}
		rule.JSON[path] = inner
	}
	return rule, nil
}

// unknownMask says that a mask does not exist, and which one was perhaps meant.
func unknownMask(column, name string) *understudy.Error {
	names := Names()
	unknown := understudy.Errorf(understudy.KindInvalid, "unknown mask %q for %s", name, column)
	nearest := slices.MinFunc(names, func(a, b string) int { return distance(name, a) - distance(name, b) })
	if distance(name, nearest) <= 2 {
		return unknown.WithHint("did you mean %s?", nearest)
	}
	return unknown.WithHint("masks: %s", strings.Join(names, ", "))
}

// distance is how many letters must be added, removed or changed (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
