package daemon

import "testing"

func TestStatementForm_IsTheSameHoweverAStatementIsCommentedAndHoweverLongItsListsAre(t *testing.T) {
	for written, want := range map[string]string{
		"SELECT a\n  FROM t -- by ann@example.org\n WHERE id = $1":                     "SELECT a FROM t WHERE id = $1",
		"/*trace='4711'*/ SELECT a FROM t WHERE id IN ($1, $2, $3) AND b = $4":         "SELECT a FROM t WHERE id IN (…) AND b = $4",
		"SELECT a FROM t WHERE id IN ($1) AND b = $2":                                  "SELECT a FROM t WHERE id IN ($1) AND b = $2",
		"INSERT INTO t (a, b) VALUES ($1,$2),($3,$4), ($5, $6) ON CONFLICT DO NOTHING": "INSERT INTO t (a, b) VALUES (…) ON CONFLICT DO NOTHING",
		"UPDATE t SET a = 'left as it was' WHERE f($1)":                                "UPDATE t SET a = ? WHERE f($1)",
	} {
		if got := statementForm(written); got != want {
			t.Errorf("%s\n got %s\nwant %s", written, got, want)
		}
	}
}
