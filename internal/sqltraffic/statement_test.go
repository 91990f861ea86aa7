package sqltraffic_test

import (
	"strings"
	"testing"

	"understudy"
	"understudy/internal/sqltraffic"
)

func TestParse_ReadsStatementsAsPeopleWriteThem(t *testing.T) {
	got, err := sqltraffic.Parse(strings.NewReader(`-- what the shop does
-- name: order by number
-- weight: 3
-- args: int 1 200, text open paid
SELECT id
FROM orders -- of a customer
WHERE id = $1 AND status = $2;

-- undo: yes
UPDATE orders SET status = 'x;y';
`))
	if err != nil || len(got) != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	first, second := got[0], got[1]
	if first.Name != "order by number" || first.Weight != 3 || len(first.Args) != 2 || first.Undo ||
		first.SQL != "SELECT id\nFROM orders -- of a customer\nWHERE id = $1 AND status = $2" {
		t.Errorf("%+v", first)
	}
	if second.Name != "statement 2" || second.Weight != 1 || !second.Undo || second.SQL != "UPDATE orders SET status = 'x;y'" {
		t.Errorf("%+v", second)
	}
}

func TestParse_SaysWhatIsWrongAndWhere(t *testing.T) {
	for text, want := range map[string]string{
		"":                               "line 0: there is no statement",
		"SELECT 1":                       "line 1: the last statement has no semicolon",
		"-- weight: many\nSELECT 1;":     `line 1: weight: expected a number above zero, found "many"`,
		"\n-- args: int 9 1\nSELECT $1;": `line 2: args: expected int FROM TO or text VALUE…, found "int 9 1"`,
		"-- args: float 1 2\nSELECT $1;": "line 1: args: expected int",
		"-- weight: -1\nSELECT 1;":       "weight: expected a number above zero",
		"-- weight: NaN\nSELECT 1;":      "weight: expected a number above zero",
		"-- weight: Inf\nSELECT 1;":      "weight: expected a number above zero",
		"-- args: text\nSELECT 1;":       "line 1: args: expected int",
		"-- args: int 0 9223372036854775807 \nSELECT 1;": "line 1: args: expected int",
	} {
		_, err := sqltraffic.Parse(strings.NewReader(text))
		if understudy.KindOf(err) != understudy.KindInvalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
