package mask

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// preamble begins every plan. It is left out of the comments that a plan keeps.
func preamble() []string {
	return []string{
		"What is done to every column on its way to a twin. A column without a line here, or with",
		"a type that no line was made for, stops the copy. Masks: " + strings.Join(Names(), ", ") + ".",
	}
}

const undecidedBegins = "Lines to decide on: "

func writePlan(lines []planLine, undecided int) []byte {
	var out bytes.Buffer
	for _, line := range preamble() {
		out.WriteString("# " + line + "\n")
	}
	if undecided > 0 {
		fmt.Fprintf(&out, "# %s%d. They begin with #?; take that away, and put the mask you want.\n", undecidedBegins, undecided)
	}
	if len(lines) == 0 {
		out.WriteString("columns: {}\n")
		return out.Bytes()
	}
	out.WriteString("columns:\n")
	table := lines[0].key.table()
	for i, l := range lines {
		if now := l.key.table(); i > 0 && !l.key.pattern() && (now != table || lines[i-1].key.pattern()) {
			out.WriteByte('\n')
		}
		table = l.key.table()
		l.write(&out)
	}
	return out.Bytes()
}

func (l planLine) write(out *bytes.Buffer) {
	for _, head := range l.heads {
		fmt.Fprintf(out, "  # %s\n", head)
	}
	mark := "  "
	if l.open {
		mark = "  #? "
	}
	fmt.Fprintf(out, "%s%s: %s", mark, plainScalar(l.key.String()), l.rule.yaml())
	if l.reason != "" {
		fmt.Fprintf(out, " # %s", strings.ReplaceAll(l.reason, "\n", " "))
	}
	out.WriteByte('\n')
}

// yaml is a rule as mask.yaml writes it, on one line.
func (r Rule) yaml() string {
	switch {
	case r.Mask == maskConstant:
		return fmt.Sprintf("{constant: %s}", scalar(r.Constant))
	case r.Option != "":
		return fmt.Sprintf("{%s: %s}", r.Mask, scalar(r.Option))
	case len(r.Program) > 0:
		var words []string
		for _, word := range r.Program {
			words = append(words, scalar(word))
		}
		return fmt.Sprintf("{%s: [%s]}", r.Mask, strings.Join(words, ", "))
	case isDocument(r.Mask):
		var paths []string
		for _, path := range slices.Sorted(maps.Keys(r.JSON)) {
			paths = append(paths, fmt.Sprintf("%s: %s", scalar(path), r.JSON[path].yaml()))
		}
		return fmt.Sprintf("{%s: {%s}}", r.Mask, strings.Join(paths, ", "))
	default:
		return r.Mask
	}
}

// scalar writes a text so that YAML reads it back as it is, inside braces too.
func scalar(text string) string {
	if strings.ContainsAny(text, "*{}[],&!|>%@`\"'#:\n") || text == "" || strings.TrimSpace(text) != text {
		return written(text, yaml.DoubleQuotedStyle)
	}
	return written(text, 0)
}

// plainScalar writes a text as the key of a line of its own, which braces and commas do
// not end: quoted only where YAML asks for it.
func plainScalar(text string) string { return written(text, 0) }

func written(text string, style yaml.Style) string {
	raw, err := yaml.Marshal(&yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text, Style: style})
	if err != nil { // a scalar has a YAML form
		return fmt.Sprintf("%q", text)
	}
	return strings.TrimSpace(string(raw))
}
