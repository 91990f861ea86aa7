package mask

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"understudy"
)

// ruled masks by a rule, for values that are expected to have a mask.
func ruled(t testing.TB, typ string, rule Rule) func(string) string {
	t.Helper()
	made, err := compile(testKey(t, secret), parseType(typ), rule)
	if err != nil {
		t.Fatal(err)
	}
	return func(value string) string {
		masked, err := made([]byte(value))
		if err != nil {
			t.Fatalf("masking %q by %s: %v", value, rule.Mask, err)
		}
		return string(masked)
	}
}

func TestRank_KeepsOrderDistinctnessSignAndZero(t *testing.T) {
	for typ, most := range map[string]int64{"integer": 1_073_741_823, "bigint": 1 << 60, "smallint": 16383} {
		rank := ruled(t, typ, Rule{Mask: "rank"})
		rapid.Check(t, func(t *rapid.T) {
			a := rapid.Int64Range(-most, most-1).Draw(t, "a")
			b := rapid.OneOf(rapid.Int64Range(a+1, most), rapid.Just(a+1)).Draw(t, "b")
			less, errLess := strconv.ParseInt(rank(fmt.Sprint(a)), 10, 64)
			more, errMore := strconv.ParseInt(rank(fmt.Sprint(b)), 10, 64)
			if errLess != nil || errMore != nil || less >= more {
				t.Fatalf("%d became %d and %d became %d", a, less, b, more)
			}
			if (a < 0) != (less < 0) || a == 0 && less != 0 || less > 2*max(a, -a) || less < -2*max(a, -a) {
				t.Fatalf("%d became %d", a, less)
			}
		})
	}
	rank := ruled(t, "numeric(8,2)", Rule{Mask: "rank"})
	if got := rank("-0.07"); !strings.HasPrefix(got, "-0.") || len(got) != 5 {
		t.Errorf("became %s", got)
	}
	same := 0
	for n := 1000; n < 2000; n++ {
		if rank(fmt.Sprintf("%d.%02d", n, n%100)) == fmt.Sprintf("%d.%02d", n, n%100) {
			same++
		}
	}
	if same > 10 {
		t.Errorf("%d of 1000 numbers stayed", same)
	}
}

func TestRank_StopsAtANumberThatMightLeaveItsType(t *testing.T) {
	for typ, value := range map[string]string{"smallint": "32767", "numeric(6,2)": "9999.99", "bigint": "9223372036854775807", "numeric(30,0)": "99999999999999999999"} {
		made, err := compile(testKey(t, secret), parseType(typ), Rule{Mask: "rank"})
		if err != nil {
			t.Fatal(err)
		}
		if masked, err := made([]byte(value)); understudy.KindOf(err) != understudy.KindInvalid || strings.Contains(err.Error(), "99") || strings.Contains(err.Error(), value) {
			t.Errorf("%s became %s, %v", value, masked, err)
		}
	}
	for _, typ := range []string{"numeric", "double precision"} {
		if _, err := compile(testKey(t, secret), parseType(typ), Rule{Mask: "rank"}); understudy.KindOf(err) != understudy.KindInvalid {
			t.Errorf("%s: %v", typ, err)
		}
	}
}

func TestGeneralise_MakesValuesLessExact(t *testing.T) {
	for _, c := range []struct{ typ, option, value, want string }{
		{"date", "year", "1980-07-31", "1980-01-01"},
		{"date", "month", "1980-07-31", "1980-07-01"},
		{"timestamp with time zone", "day", "1980-07-31 13:14:15.678+02", "1980-07-31 00:00:00+02"},
		{"timestamp with time zone", "year", "0044-03-15 12:00:00+00 BC", "0044-01-01 00:00:00+00 BC"},
		{"date", "year", "infinity", "infinity"},
		{"text", "month", "1980-07-31", "1980-07-01"},
		{"text", "month", "last summer", ""},
		{"integer", "1000", "12345", "12000"}, {"integer", "1000", "-1", "-1000"}, {"integer", "1000", "-2000", "-2000"}, {"integer", "10", "0", "0"},
		{"numeric(10,2)", "50", "149.99", "100.00"}, {"numeric(10,2)", "50", "-0.01", "-50.00"}, {"numeric(10,2)", "50", "-50.00", "-50.00"}, {"numeric", "5", "NaN", "NaN"},
		{"text", "2", "10115", "10"}, {"character varying(9)", "3", "öäüß", "öäü"}, {"text", "9", "ab", "ab"},
		{"inet", "16", "10.1.2.3", "10.1.0.0"}, {"inet", "16", "10.1.2.3/24", "10.1.0.0/24"}, {"inet", "48", "2001:db8:1:2::3", "2001:db8:1::"}, {"inet", "48", "10.1.2.3", "10.1.2.3"},
	} {
		if got := ruled(t, c.typ, Rule{Mask: "generalise", Option: c.option})(c.value); got != c.want {
			t.Errorf("%s %s by %s became %q, expected %q", c.typ, c.value, c.option, got, c.want)
		}
	}
	for typ, option := range map[string]string{"date": "10", "integer": "year", "text": "0", "inet": "-1", "numeric": "1.5"} {
		if _, err := compile(testKey(t, secret), parseType(typ), Rule{Mask: "generalise", Option: option}); understudy.KindOf(err) != understudy.KindInvalid {
			t.Errorf("%s by %s: %v", typ, option, err)
		}
	}
}

func TestName_TakesNamesOfALocale(t *testing.T) {
	german := dictionaries()["de"]
	full, first, last := ruled(t, "text", Rule{Mask: "name", Option: "de"}), ruled(t, "text", Rule{Mask: "name", Option: "de first"}), ruled(t, "text", Rule{Mask: "name", Option: "de last"})
	got := strings.Fields(full("Anna Maria Lüdenscheidt"))
	if len(got) != 3 || !slices.Contains(german.first, got[0]) || !slices.Contains(german.first, got[1]) || !slices.Contains(german.last, got[2]) {
		t.Errorf("became %v", got)
	}
	if got[0] != first("Anna") || got[2] != last("Lüdenscheidt") || full("Lüdenscheidt") != last("lüdenscheidt")[:0]+last("Lüdenscheidt") {
		t.Errorf("%v, but %s and %s by themselves", got, first("Anna"), last("Lüdenscheidt"))
	}
	if first("ANNA") != strings.ToUpper(first("Anna")) || first("anna") != strings.ToLower(first("Anna")) {
		t.Errorf("%s, %s and %s", first("ANNA"), first("Anna"), first("anna"))
	}
	for _, option := range []string{"tlh", "de middle"} {
		if _, err := compile(testKey(t, secret), parseType("text"), Rule{Mask: "name", Option: option}); understudy.KindOf(err) != understudy.KindInvalid {
			t.Errorf("%s: %v", option, err)
		}
	}
	for locale, d := range dictionaries() {
		if len(d.first) < 50 || len(d.last) < 50 || !strings.Contains(localeList(), locale) {
			t.Errorf("%s has %d first and %d last names", locale, len(d.first), len(d.last))
		}
	}
}

func TestExpression_IsAppliedToTheValue(t *testing.T) {
	for expression, want := range map[string]string{
		`value.substring(0, 2) + "…"`: "An…", `size(value)`: "4", `value == "Anna"`: "true", `value.upperAscii()`: "ANNA", `1.5`: "1.5",
	} {
		if got := ruled(t, "text", Rule{Mask: maskExpression, Option: expression})("Anna"); got != want {
			t.Errorf("%s gave %q, expected %q", expression, got, want)
		}
	}
	made, err := compile(testKey(t, secret), parseType("text"), Rule{Mask: maskExpression, Option: `value == "" ? null : dyn(value)`})
	if err != nil {
		t.Fatal(err)
	}
	if masked, err := made(nil); err != nil || masked != nil {
		t.Errorf("an empty value became %q, %v", masked, err)
	}
}

func TestExpression_IsRefusedWhenReadNotAtARow(t *testing.T) {
	for expression, want := range map[string]string{
		"value.": "Syntax error", "row.email": "undeclared", "value + 1": "no matching overload", "[value]": "list", "value.nothing()": "undeclared",
	} {
		_, err := parse("mask.yaml", []byte("columns:\n  public.a.b: {expression: '"+expression+"'}\n"))
		if understudy.KindOf(err) != understudy.KindInvalid || !strings.Contains(err.Error(), "mask.yaml:2") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", expression, err)
		}
	}
}

func TestExpression_CanNeitherLeakNorHoldUp(t *testing.T) {
	for _, expression := range []string{
		`value.substring(100)`, `int(value) > 0`,
		`"aaaaaaaaaa".split("").map(a, "aaaaaaaaaa".split("").map(b, "aaaaaaaaaa".split("").map(c, "aaaaaaaaaa".split("").map(d, "aaaaaaaaaa".split("").map(e, "aaaaaaaaaa".split("").map(f, value)))))).size()`,
	} {
		made, err := compile(testKey(t, secret), parseType("text"), Rule{Mask: maskExpression, Option: expression})
		if err != nil {
			t.Fatal(err)
		}
		if masked, err := made([]byte("Anna")); understudy.KindOf(err) != understudy.KindInvalid || strings.Contains(err.Error(), "Anna") {
			t.Errorf("%s gave %s, %v", expression, masked, err)
		}
	}
}

func TestNational_HasItsCheckDigitsRightAgain(t *testing.T) {
	national := ruled(t, "text", Rule{Mask: "national"})
	for _, value := range []string{"86095742719", "44051401359", "255081416802538", "12345678Z", "X1234567L", "811228-9874", "19811228-9874"} {
		before, valid := officialOf([]byte(value))
		if !valid {
			t.Fatalf("%s is no valid number", value)
		}
		masked := national(value)
		after, valid := officialOf([]byte(masked))
		if !valid || after.scheme != before.scheme || masked == value {
			t.Errorf("%s became %s", value, masked)
		}
	}
	seen := map[string]bool{}
	for n := range 4000 {
		masked := national(fmt.Sprintf("%08d%c", 10000000+n/23, "TRWAGMYFPDXBNJZSQVHLCKE"[n%23]))
		if seen[masked] {
			t.Fatalf("two numbers became %s", masked)
		}
		seen[masked] = true
	}
	if got := national("078-05-1120"); !ssnShape.MatchString(got) || got == "078-05-1120" {
		t.Errorf("became %s", got)
	}
}
