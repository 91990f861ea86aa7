package logical

import (
	"bytes"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"pgregory.net/rapid"

	"understudy"
)

func TestRows_AnyValueComesBackFromItsEscapedForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.SliceOf(rapid.Byte()).Draw(t, "value")
		escaped := appendEscaped(nil, value)
		if bytes.ContainsAny(escaped, "\t\n\r") || isNull(escaped) {
			t.Fatalf("%q is written %q", value, escaped)
		}
		if back := appendUnescaped(nil, escaped); !bytes.Equal(back, value) {
			t.Fatalf("%q came back as %q", value, back)
		}
	})
}

func TestRows_PiecesOfAnySizeMakeTheSameRows(t *testing.T) {
	keep := func(value []byte) ([]byte, error) { return append([]byte("<"), append(value, '>')...), nil }
	rapid.Check(t, func(t *rapid.T) {
		field := rapid.OneOf(rapid.Just(`\N`), rapid.StringOf(rapid.RuneFrom([]rune("ab\\\t\n é"))))
		rows := rapid.SliceOf(rapid.SliceOfN(field, 3, 3)).Draw(t, "rows")
		var in, want bytes.Buffer
		for _, row := range rows {
			for i, value := range row {
				written := string(appendEscaped(nil, []byte(value)))
				if value == `\N` {
					written = value
				}
				in.WriteString(written + string("\t\t\n"[i]))
				if i == 1 && value != `\N` {
					written = "<" + written + ">"
				}
				want.WriteString(written + string("\t\t\n"[i]))
			}
		}
		var out bytes.Buffer
		w := &rowWriter{out: &out, moved: func(int64, int64) {},
			table: &copiedTable{columns: []string{"a", "b", "c"}, masks: []understudy.MaskFunc{nil, keep, nil}}}
		for rest := in.Bytes(); len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "piece")
			if _, err := w.Write(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if out.String() != want.String() || w.rows != int64(len(rows)) {
			t.Fatalf("%q became %q (%d rows); expected %q", in.String(), out.String(), w.rows, want.String())
		}
	})
}

func TestRows_ARowOfAnotherShapeStopsTheCopy(t *testing.T) {
	mask := func(value []byte) ([]byte, error) { return value, nil }
	for _, row := range []string{"1\n", "1\t2\t3\n"} {
		w := &rowWriter{out: &bytes.Buffer{}, moved: func(int64, int64) {},
			table: &copiedTable{columns: []string{"a", "b"}, masks: []understudy.MaskFunc{mask, nil}}}
		if _, err := w.Write([]byte(row)); err == nil {
			t.Errorf("row %q passed as one of two columns", row)
		}
	}
}

func TestErrors_AFullDiskIsCalledThat(t *testing.T) {
	table := &copiedTable{schema: "public", table: "orders", rows: 5}
	for name, err := range map[string]error{
		"while writing": targetError(table, &pgconn.PgError{Code: "53100", Message: `could not extend file "base/1": No space left on device`}),
	} {
		if understudy.KindOf(err) != understudy.KindUnavailable || !strings.Contains(err.Error()+understudy.HintOf(err), "disk") || understudy.HintOf(err) == "" {
			t.Errorf("%s: %v (hint: %s)", name, err, understudy.HintOf(err))
		}
	}
}

func TestErrors_HoldNoValue(t *testing.T) {
	table := &copiedTable{schema: "public", table: "people"}
	for _, err := range []error{
		targetError(table, &pgconn.PgError{Code: "22P02", Message: `invalid input syntax for type integer: "Ann"`, Detail: "Ann", Where: `COPY people, line 3, column age: "Ann"`}),
	} {
		if strings.Contains(err.Error()+understudy.HintOf(err), "Ann") {
			t.Errorf("the error shows a value: %v", err)
		}
	}
}

func TestSettings_AreWrittenAsTheServerReadsThem(t *testing.T) {
	for value, want := range map[string]string{
		`"$user", shop, public`: `'$user', 'shop', 'public'`,
		`"a, b"`:                `'a, b'`,
		`""`:                    `''`,
	} {
		if got := settingValue("search_path", value); got != want {
			t.Errorf("search_path %s is written %s; expected %s", value, got, want)
		}
	}
	if got := settingValue("DateStyle", "ISO, DMY"); got != `'ISO, DMY'` {
		t.Errorf("datestyle is written %s", got)
	}
}
