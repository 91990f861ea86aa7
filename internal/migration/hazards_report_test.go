package migration_test

import (
	"encoding/json"
	"os"
	"testing"

	"understudy"
	"understudy/internal/migration/hazards"
)

// reportTo names the file that what was found of each case is appended to, for the
// benchmark that holds a linter beside it.
const reportTo = "UNDERSTUDY_HAZARDS_REPORT"

// report writes what was found of a case, where somebody asked for it.
func report(t *testing.T, c hazards.Case, findings []understudy.Finding) {
	t.Helper()
	path := os.Getenv(reportTo)
	if path == "" {
		return
	}
	line, err := json.Marshal(map[string]any{"id": c.ID, "name": c.Name, "findings": findings})
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Write(append(line, '\n')); err != nil {
		t.Error(err)
	}
	if err := file.Close(); err != nil {
		t.Error(err)
	}
}
