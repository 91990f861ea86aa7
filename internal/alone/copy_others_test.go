package alone_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite"

	"understudy"
	"understudy/internal/alone"
	"understudy/internal/cli"
)

func TestCopyTwin_CopiesAFileOfSQLiteUnderARuleForEveryColumn(t *testing.T) {
	dir := t.TempDir()
	source, rules := filepath.Join(dir, "app.db"), filepath.Join(dir, "mask.yaml")
	db, err := sql.Open("sqlite", source)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range []string{"CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT)", "INSERT INTO users (email) VALUES ('anna@example.org')"} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	order := cli.TwinCopy{From: "sqlite://" + source, To: filepath.Join(dir, "twin.db"), Rules: rules, Key: filepath.Join(dir, "mask.key")}
	write(t, rules, "columns: {main.users.id: keep}\n")
	_, copied := alone.CopyTwin(t.Context(), order, func(string) {})
	tried := cli.MigrationOrder{Database: order.From, Command: []string{"true"}, URLEnv: "DATABASE_URL", Rules: rules, Key: order.Key, Rate: 1}
	_, rehearsed := alone.RehearseMigration(t.Context(), tried, func(string) {}, func(understudy.Rehearsal) {})
	for _, err := range []error{copied, rehearsed} {
		if understudy.KindOf(err) != understudy.KindRefused || !strings.Contains(err.Error(), "main.users.email") || !strings.Contains(understudy.HintOf(err), "understudy mask plan --database URL --mask "+rules) {
			t.Errorf("a column without a rule: %v, and as a hint %q", err, understudy.HintOf(err))
		}
	}
	tried.Evidence = filepath.Join(dir, strings.Repeat("long", 100))
	if _, err := alone.RehearseMigration(t.Context(), tried, func(string) {}, func(understudy.Rehearsal) {}); understudy.KindOf(err) != understudy.KindInvalid || !strings.Contains(err.Error(), "--evidence: ") {
		t.Errorf("evidence that cannot be kept is told after the copy: %v", err)
	}
	write(t, rules, "columns: {main.users.id: keep, main.users.email: email}\n")
	made, err := alone.CopyTwin(t.Context(), order, func(string) {})
	if err != nil || made.Rows() != 1 {
		t.Fatalf("copied %d rows, %v", made.Rows(), err)
	}
	content, err := os.ReadFile(order.To)
	if err != nil || strings.Contains(string(content), "anna") {
		t.Errorf("the copy holds the original, or nothing: %v", err)
	}
}

func TestCopyTwin_KnowsNoOtherAddresses(t *testing.T) {
	dir := t.TempDir()
	rules := filepath.Join(dir, "mask.yaml")
	write(t, rules, "columns: {}\n")
	for _, from := range []string{"oracle://db/x", "shop", ""} {
		_, err := alone.CopyTwin(t.Context(), cli.TwinCopy{From: from, To: filepath.Join(dir, "to"), Rules: rules, Key: filepath.Join(dir, "mask.key")}, func(string) {})
		if understudy.KindOf(err) != understudy.KindInvalid || !strings.Contains(err.Error(), "postgres://") {
			t.Errorf("%q: %v", from, err)
		}
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestCopyTwin_AnswersAnAddressForAPhysicalCopyWithoutItsPassword(t *testing.T) {
	dir := t.TempDir()
	rules := filepath.Join(dir, "mask.yaml")
	write(t, rules, "columns: {}\n")
	order := cli.TwinCopy{From: "postgres://db/shop", To: "postgres://postgres:geheim@localhost/twin", Rules: rules, Key: filepath.Join(dir, "mask.key")}
	order.Copying.Method = understudy.CopyPhysical
	_, err := alone.CopyTwin(t.Context(), order, func(string) {})
	if understudy.KindOf(err) != understudy.KindInvalid || strings.Contains(err.Error()+understudy.HintOf(err), "geheim") {
		t.Errorf("%v (hint: %s)", err, understudy.HintOf(err))
	}
}

func TestCopyTwin_LooksForTheFolderOfTheProofFirst(t *testing.T) {
	to := filepath.Join(t.TempDir(), "twin")
	_, err := alone.CopyTwin(t.Context(), cli.TwinCopy{From: "postgres://db/shop", To: to, Proof: filepath.Join(to, "proof.html")}, func(string) {})
	if understudy.KindOf(err) != understudy.KindInvalid || !strings.Contains(err.Error(), "--proof") {
		t.Errorf("%v", err)
	}
}
