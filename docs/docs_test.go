// Package docs_test holds the documents to what the program is: links lead somewhere,
// commands exist, and every finding is told with its severity.
package docs_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"understudy/internal/check"
	"understudy/internal/cli"
)

const top = ".." // the repository's root

func pages(t *testing.T) map[string]string {
	t.Helper()
	found, err := filepath.Glob("*.md")
	if err != nil || len(found) < 10 {
		t.Fatalf("found %d pages: %v", len(found), err)
	}
	pages := map[string]string{}
	for _, path := range append(found, filepath.Join(top, "README.md")) {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		pages[path] = string(raw)
	}
	return pages
}

func TestEveryRelativeLinkLeadsSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	for path, text := range pages(t) {
		for _, found := range link.FindAllStringSubmatch(text, -1) {
			target, anchor, _ := strings.Cut(found[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			target = filepath.Join(filepath.Dir(path), target)
			if found[1][0] == '#' {
				target = path
			}
			page, err := os.ReadFile(target)
			if err != nil {
				t.Errorf("%s links to %s, which is not there", path, found[1])
			}
			if anchor != "" && !hasHeading(string(page), anchor) {
				t.Errorf("%s links to %s, and there is no such heading", path, found[1])
			}
		}
	}
}

// hasHeading tells whether a page has a heading that is found under an anchor.
func hasHeading(page, anchor string) bool {
	plain := regexp.MustCompile(`[^a-z0-9 -]`)
	for line := range strings.Lines(page) {
		title, is := strings.CutPrefix(strings.TrimLeft(line, "#"), " ")
		if is && strings.HasPrefix(line, "#") &&
			strings.ReplaceAll(plain.ReplaceAllString(strings.ToLower(strings.TrimSpace(title)), ""), " ", "-") == anchor {
			return true
		}
	}
	return false
}

func TestEveryPageIsInTheIndex(t *testing.T) {
	all := pages(t)
	for path := range all {
		if path != "README.md" && !strings.HasPrefix(path, top) && !strings.Contains(all["README.md"], "("+path+")") {
			t.Errorf("docs/README.md does not list %s", path)
		}
	}
}

// TestEveryCommandInAShellBlockExists asks the program itself: --help of what a line says
// has to succeed and to be the help of that command, with the options that the line uses.
func TestEveryCommandInAShellBlockExists(t *testing.T) {
	block := regexp.MustCompile("(?s)```sh\n(.*?)```")
	for path, text := range pages(t) {
		for _, found := range block.FindAllStringSubmatch(text, -1) {
			for line := range strings.Lines(found[1]) {
				if at := strings.Index(line, "understudy "); at == 0 {
					checkCommand(t, path, strings.TrimSpace(line))
				}
			}
		}
	}
}

func checkCommand(t *testing.T, path, line string) {
	t.Helper()
	line, _, _ = strings.Cut(line, " #")
	words := strings.Fields(regexp.MustCompile(`&&|\||>|--( |$)`).Split(line, 2)[0])[1:]
	var out bytes.Buffer
	status := cli.Main(t.Context(), cli.Programs{}, append(words, "--help"), cli.Streams{In: strings.NewReader(""), Out: &out, Err: &out})
	name := "understudy " + words[0]
	if len(words) > 1 && strings.Contains(out.String(), name+" "+words[1]) {
		name += " " + words[1]
	}
	if status != 0 || !strings.Contains(out.String(), "\n  "+name) || strings.Contains(out.String(), "Available Commands:") && len(words) > 1 && words[0] != "journal" && words[0] != "parity" {
		t.Errorf("%s shows %q, which is no command (status %d)", path, line, status)
	}
}

func TestEveryFindingIsTold(t *testing.T) {
	page := pages(t)["migrations.md"]
	for _, e := range check.Catalogue() {
		if row := fmt.Sprintf("| `%s` | %s |", e.Code, e.Severity); !strings.Contains(page, row) {
			t.Errorf("migrations.md has no row that begins with %s", row)
		}
	}
}
