package daemon

import (
	"strings"
	"testing"
)

func TestStatementForm_IsTheSameHoweverAStatementIsCommentedAndHoweverLongItsListsAre(t *testing.T) {
	for written, want := range map[string]string{
		"SELECT a\n  FROM t -- by ann@example.org\n WHERE id = $1":                     "SELECT a FROM t WHERE id = ?",
		"/*trace='4711'*/ SELECT a FROM t WHERE id IN ($1, $2, $3) AND b = $4":         "SELECT a FROM t WHERE id IN (…) AND b = ?",
		"SELECT a FROM t WHERE id IN ($1) AND b = $2":                                  "SELECT a FROM t WHERE id IN (…) AND b = ?",
		"select a from t where id in ($1)":                                             "select a from t where id in (…)",
		"SELECT a FROM t WHERE begin($1) AND id = ANY ($2)":                            "SELECT a FROM t WHERE begin(?) AND id = ANY (?)",
		"INSERT INTO t (a) VALUES ($1), ($2)":                                          "INSERT INTO t (a) VALUES (…)",
		"INSERT INTO t (a) VALUES ($1)":                                                "INSERT INTO t (a) VALUES (…)",
		"INSERT INTO t (a, b) VALUES ($1,$2),($3,$4), ($5, $6) ON CONFLICT DO NOTHING": "INSERT INTO t (a, b) VALUES (…) ON CONFLICT DO NOTHING",
		"UPDATE t SET a = 'left as it was' WHERE f($1)":                                "UPDATE t SET a = ? WHERE f(?)",
	} {
		if got := statementForm(written); got != want {
			t.Errorf("%s\n got %s\nwant %s", written, got, want)
		}
	}
	wide := "SELECT " + strings.Repeat("a_column, ", 60) + "z FROM t WHERE id IN "
	if one, other := statementForm(wide+"($1, $2) AND a = $3"), statementForm(wide+"($1, $2, $3, $4) AND a = $5"); one != other {
		t.Errorf("the same statement has two forms:\n%s\n%s", one, other)
	} else if late := statementForm(wide + "($1, $2) AND b = $3"); late == one {
		t.Errorf("two statements that differ behind what is shown have one form: %s", late)
	}
}
