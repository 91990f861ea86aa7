package databasetest_test

import (
	"os"
	"strings"
	"testing"

	"understudy/internal/databasetest"
)

func TestTheDocumentsShowWhatEnginesDoNotDo(t *testing.T) {
	page, err := os.ReadFile("../../docs/databases.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), databasetest.Table()) {
		t.Errorf("docs/databases.md lacks the table as it is now:\n%s", databasetest.Table())
	}
}
