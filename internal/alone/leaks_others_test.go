package alone_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"understudy"
	"understudy/internal/alone"
	"understudy/internal/cli"
	"understudy/internal/mysql/mysqltest"
	"understudy/internal/postgres/postgrestest"
)

// A shop whose names are odd, and that keeps an address in a note.
var oddShop = []string{
	"CREATE TABLE Q1 (id integer NOT NULL PRIMARY KEY, mail varchar(60), Q2 varchar(60), born date)",
	"INSERT INTO Q1 VALUES (1, 'anna.moser@example.org', 'call anna.moser@example.org today', '1980-02-03'), (2, 'bob.lindner@example.org', NULL, NULL)",
}

const (
	oddRules = `columns:
  main."two. words".id: keep
  main."two. words".mail: email
  main."two. words".born: keep
`
	oddKept   = "  main.\"two. words\".\"a note\": keep\n"
	oddMasked = "  main.\"two. words\".\"a note\": text\n"
)

// oddStatements writes the names as an engine does.
func oddStatements(quote string) []string {
	var statements []string
	for _, statement := range oddShop {
		statements = append(statements, strings.NewReplacer("Q1", quote+"two. words"+quote, "Q2", quote+"a note"+quote).Replace(statement))
	}
	return statements
}

func TestCopyTwin_FindsOriginalsInAFileOfSQLite(t *testing.T) {
	dir := t.TempDir()
	source := filepath.Join(dir, "app.db")
	db, err := sql.Open("sqlite", source)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range oddStatements(`"`) {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	made := 0
	findsOriginals(t, dir, "sqlite://"+source, func() string {
		made++
		return filepath.Join(dir, strings.Repeat("t", made)+".db")
	})
}

func TestCopyTwin_FindsOriginalsInADatabaseOfMySQL(t *testing.T) {
	source, name := mysqltest.Database(t)
	db := mysqltest.Open(t, mysqltest.Server(t), name)
	for _, statement := range oddStatements("`") {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	findsOriginals(t, t.TempDir(), source, func() string {
		target, _ := mysqltest.Database(t)
		return target
	})
}

func findsOriginals(t *testing.T, dir, source string, target func() string) {
	t.Helper()
	order := cli.TwinCopy{From: source, Rules: filepath.Join(dir, "mask.yaml"), Key: filepath.Join(dir, "mask.key"), Proof: filepath.Join(dir, "proof.html")}
	write(t, order.Rules, oddRules+oddKept)
	order.To = target()
	_, err := alone.CopyTwin(t.Context(), order, func(string) {})
	postgrestest.Refused(t, err, understudy.KindRefused, `main."two. words".a note holds 1 originals of main."two. words".mail`)
	if strings.Contains(err.Error(), "moser") {
		t.Errorf("it shows an original: %v", err)
	}
	write(t, order.Rules, oddRules+oddMasked)
	order.To = target()
	made, err := alone.CopyTwin(t.Context(), order, func(string) {})
	if err != nil {
		t.Fatalf("%v (hint: %s)", err, understudy.HintOf(err))
	}
	if made.Proof == nil || made.Proof.Leaked != 0 || made.Proof.Values != 6 || made.Proof.Originals < 3 || made.Rows() != 2 {
		t.Errorf("the proof is %+v", made.Proof)
	}
	if page, err := os.ReadFile(order.Proof); err != nil || !strings.Contains(string(page), "copies of PostgreSQL only") {
		t.Errorf("the page does not say what was not looked at: %v", err)
	}
}
