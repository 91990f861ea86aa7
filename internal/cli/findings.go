package cli

import (
	"fmt"
	"strings"

	"understudy"
)

// showFindings prints findings in their order, which is what would hurt most first.
func (c *cli) showFindings(findings []understudy.Finding) {
	for _, f := range findings {
		for _, line := range findingLines(f, c.voice.wrap()) {
			c.voice.print("%s", line)
		}
		c.voice.print("")
	}
}

// findingLines are one finding as people read it. Texts are broken at width columns; 0:
// nowhere.
func findingLines(f understudy.Finding, width int) []string {
	lines := []string{fmt.Sprintf("%s: %s", f.Severity, f.Title)}
	add := func(name, text string) {
		if text == "" {
			return
		}
		for i, part := range wrap(text, width-12) {
			lead := ""
			if i == 0 {
				lead = name
			}
			lines = append(lines, fmt.Sprintf("  %-9s %s", lead, part))
		}
	}
	add("would", f.Would)
	seen := f.Seen
	if f.Inexact {
		seen += " (sampled: more may have happened)"
	}
	add("seen", seen)
	add("remedy", f.Remedy)
	for _, e := range f.Evidence {
		add("evidence", fmt.Sprintf("%s %s (%s)", e.Digest.Short(), e.Name, bytesOf(e.Size)))
	}
	return lines
}

// wrap breaks a text at spaces into lines of at most width columns; words that are longer
// stay whole. A width of 0 or less breaks nothing but at the text's own ends of lines.
func wrap(text string, width int) []string {
	var lines []string
	for paragraph := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		line := ""
		for _, word := range strings.Fields(paragraph) {
			switch {
			case line == "":
				line = word
			case width > 0 && columns(line)+1+columns(word) > width:
				lines, line = append(lines, line), word
			default:
				line += " " + word
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// columns is about how wide a text is on a terminal.
func columns(text string) int {
	n := 0
	for _, r := range text {
		switch {
		case r >= 0x300 && r < 0x370, r == 0x200d, r >= 0xfe00 && r <= 0xfe0f: // joins what is before it
		case r >= 0x1100 && r <= 0x115f, r >= 0x2e80 && r <= 0xa4cf, r >= 0xac00 && r <= 0xd7a3,
			r >= 0xf900 && r <= 0xfaff, r >= 0xfe30 && r <= 0xfe6f, r >= 0xff00 && r <= 0xff60, r >= 0x1f300 && r <= 0x1faff:
			n += 2
		default:
			n++
		}
	}
	return n
}
