package lockwatch

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestWithoutLiterals_TakesConstantsOutAndLeavesTheRest(t *testing.T) {
	for statement, want := range map[string]string{
		`SELECT * FROM t1 WHERE id = 42 AND name = 'O''Brien'`:    `SELECT * FROM t1 WHERE id = ? AND name = ?`,
		"UPDATE \"A b\".t SET x=-1.5e3 -- secret\n WHERE y = $1":  `UPDATE "A b".t SET x=-? WHERE y = $1`,
		`SELECT E'a\'b', B'01', U&'x', N'n', type'x', name2 , .5`: `SELECT ?, ?, ?, ?, type?, name2 , ?`,
		`DO $body$ BEGIN PERFORM 'x$$y'; END $body$`:              `DO ?`,
		`/* a /* nested */ secret */ALTER TABLE "x""y" ADD z int`: `ALTER TABLE "x""y" ADD z int`,
		`INSERT INTO t VALUES ('cut off in the midd`:              `INSERT INTO t VALUES (?`,
		`SELECT $$cut off`:                      `SELECT ?`,
		`SELECT 'ä'::text || überschrift, 0x1F`: `SELECT ?::text || überschrift, ?`,
		``: ``,
	} {
		if got := withoutLiterals(statement); got != want {
			t.Errorf("%s\n got %s\nwant %s", statement, got, want)
		}
	}
}

func TestWithoutLiterals_NeverShowsWhatStandsInAConstant(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		filler := func(name string) string { return rapid.StringMatching(`[a-z .,'"$\\-]{0,12}`).Draw(t, name) }
		secret := strings.ReplaceAll(filler("a")+"SECRET"+filler("b"), "'", "''")
		statement := "SELECT x FROM y WHERE z = '" + secret + "' AND d = $q$" +
			strings.ReplaceAll(filler("c"), "$", "") + "SECRET$q$ AND n > 5 "
		cut := rapid.IntRange(0, len(statement)).Draw(t, "cut")
		for _, text := range []string{statement, statement[:cut]} {
			if got := withoutLiterals(text); strings.Contains(got, "SECRET") {
				t.Fatalf("%q shows %q", text, got)
			}
		}
	})
}

func TestWithoutLiterals_TakesAnyBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		withoutLiterals(string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")))
	})
}

func TestForm_TellsLongStatementsApartThatBeginAlikeAndShowsNoConstant(t *testing.T) {
	long := "SELECT " + strings.Repeat("column_of_a_table, ", 40) + "x FROM t WHERE "
	first, second := Form(long+"name = 'SECRET' AND a = 1"), Form(long+"name = 'SECRET' AND b = 1")
	if first == second || first[:300] != second[:300] || strings.Contains(first, "SECRET") {
		t.Errorf("the forms are\n%s\n%s", first, second)
	}
	if again := Form("/* traced */ " + long + "name =  'another' -- said\n AND a = 2"); again != first {
		t.Errorf("the same statement with other constants has another form:\n%s\n%s", first, again)
	}
	if len(first) > longestStatement+20 {
		t.Errorf("a form has %d bytes", len(first))
	}
	rapid.Check(t, func(t *rapid.T) {
		statement := string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
		if shown := WithoutLiterals(statement); !strings.HasSuffix(shown, "…") && Form(statement) != shown {
			t.Fatalf("%q is shown as %q, and its form is %q", statement, shown, Form(statement))
		}
	})
}
