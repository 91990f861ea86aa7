package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestEveryDirectDependencyHasItsReason(t *testing.T) {
	reasons := read(t, "docs/dependencies.md")
	row := regexp.MustCompile("(?m)^\\| `([^`]+)` \\|(.*)\\|$")
	var given []string
	for _, found := range row.FindAllStringSubmatch(reasons, -1) {
		if len(strings.TrimSpace(found[2])) < 20 {
			t.Errorf("docs/dependencies.md gives no reason for %s", found[1])
		}
		given = append(given, found[1])
	}
	direct := directDependencies(t)
	for _, module := range direct {
		if !slices.Contains(given, module) {
			t.Errorf("docs/dependencies.md does not say why %s is needed", module)
		}
	}
	for _, module := range given {
		if !slices.Contains(direct, module) {
			t.Errorf("docs/dependencies.md gives a reason for %s, which go.mod does not require", module)
		}
	}
}

// directDependencies are the modules that go.mod requires for this module itself.
func directDependencies(t *testing.T) []string {
	t.Helper()
	var direct []string
	for line := range strings.Lines(read(t, "go.mod")) {
		fields := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "require "))
		if len(fields) == 2 && isThirdParty(fields[0]) && strings.HasPrefix(fields[1], "v") {
			direct = append(direct, fields[0])
		}
	}
	if len(direct) == 0 {
		t.Fatal("go.mod seems to require nothing")
	}
	return direct
}

func TestTheArchitecturePageNamesEveryRoom(t *testing.T) {
	page := read(t, "docs/architecture.md")
	for folder := range rooms() {
		if name := strings.TrimPrefix(folder, "internal/"); name != "." && !strings.Contains(page, "`"+name+"`") {
			t.Errorf("docs/architecture.md does not name %s", name)
		}
	}
}

func TestEveryChangeIsToldToUsersInItsForm(t *testing.T) {
	changes, err := filepath.Glob(filepath.Join(top, "changelog", "unreleased", "*.md"))
	if err != nil || len(changes) == 0 {
		t.Fatalf("there is no change in changelog/unreleased: %v", err)
	}
	form := regexp.MustCompile(`^(Added|Changed|Fixed|Removed|Security): [A-Z].*[^.]\n\n\S`)
	for _, change := range changes {
		raw, err := os.ReadFile(change)
		if err != nil {
			t.Fatal(err)
		}
		if !form.Match(raw) {
			t.Errorf("%s does not have the form of changelog/TEMPLATE", change)
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(top, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
