package migrationtest_test

import (
	"os"
	"strings"
	"testing"

	"understudy/internal/migration/migrationtest"
)

func TestTheDocumentsShowWhatIsNotSeenOfAnEngine(t *testing.T) {
	page, err := os.ReadFile("../../../docs/migrations.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), migrationtest.Table()) {
		t.Errorf("docs/migrations.md lacks the table as it is now:\n%s", migrationtest.Table())
	}
}
