package logical

import (
	"bytes"
	"context"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"
	"pgregory.net/rapid"

	"understudy"
)

func TestCodecs_AnyValueComesBackFromItsEscapedForm(t *testing.T) {
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

// codecs are the formats, for a table of three columns.
func codecs() map[string]codec {
	return map[string]codec{"text": textCodec{}, "binary": binaryCodec{[]binaryForm{formText, formJSONB, formBytea}}}
}

// drawn are rows of three columns of random values, nil for NULL, as a codec writes them.
func drawn(t *rapid.T, c codec) (values [][][]byte, encoded []byte) {
	field := rapid.OneOf(rapid.Just([]byte(nil)), rapid.SliceOf(rapid.Byte()), rapid.SliceOfN(rapid.SampledFrom([]byte("ab\\\t\n")), 1, -1))
	for range rapid.IntRange(0, 8).Draw(t, "rows") {
		row := [][]byte{field.Draw(t, "text"), field.Draw(t, "json"), field.Draw(t, "bytes")}
		if row[2] != nil {
			row[2] = hex.AppendEncode([]byte("\\x"), row[2])
		}
		fields := make([][]byte, 3)
		for i, value := range row {
			if value != nil {
				fields[i], _ = c.encode([]byte{}, i, value)
			}
		}
		values, encoded = append(values, row), c.join(encoded, fields)
	}
	return values, encoded
}

// read is what rows hold.
func read(t *rapid.T, c codec, rows []byte) (values [][][]byte) {
	for len(rows) > 0 {
		fields := make([][]byte, 3)
		rest, err := c.split(rows, fields)
		if err != nil {
			t.Fatal(err)
		}
		for i, field := range fields {
			if field != nil {
				fields[i] = c.decode([]byte{}, i, field)
			}
		}
		values, rows = append(values, fields), rest
	}
	return values
}

func TestCodecs_RowsComeBackAsTheyWere(t *testing.T) {
	for name, c := range codecs() {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				want, encoded := drawn(t, c)
				if diff := cmp.Diff(want, read(t, c, encoded)); diff != "" {
					t.Fatal(diff)
				}
			})
		})
	}
}

func TestCutter_PiecesOfAnySizeMakeWholeRows(t *testing.T) {
	for name, c := range codecs() {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				rows, encoded := drawn(t, c)
				sent := encoded
				_, isBinary := c.(binaryCodec)
				if isBinary {
					sent = slices.Concat([]byte(binaryHeader), encoded, []byte(binaryTrailer))
				}
				var got []byte
				cut := &cutter{ctx: t.Context(), codec: c, headed: !isBinary, moved: func(int64, int64) {},
					hand: func(_ context.Context, whole []byte, first int64) error {
						if end, _, _ := c.whole(whole); end != len(whole) {
							t.Fatalf("a piece of %d bytes has whole rows in %d", len(whole), end)
						}
						got = append(got, whole...)
						return nil
					}}
				for len(sent) > 0 {
					n := rapid.IntRange(1, len(sent)).Draw(t, "piece")
					if _, err := cut.Write(sent[:n]); err != nil {
						t.Fatal(err)
					}
					if cut.headed && rapid.Bool().Draw(t, "cut") {
						if err := cut.cut(); err != nil {
							t.Fatal(err)
						}
					}
					sent = sent[n:]
				}
				if err := cut.finish(); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got, encoded) || cut.rows != int64(len(rows)) {
					t.Fatalf("%q became %q (%d rows)", encoded, got, cut.rows)
				}
			})
		})
	}
}

func TestCutter_RowsThatEndHalfWayStopTheCopy(t *testing.T) {
	for name, sent := range map[string]string{"text": "1\t2\t3\n4\t5", "binary": binaryHeader + "\x00\x01\x00\x00\x00\x09half"} {
		cut := &cutter{ctx: t.Context(), codec: codecs()[name], headed: name == "text", moved: func(int64, int64) {},
			hand: func(context.Context, []byte, int64) error { return nil }}
		if _, err := cut.Write([]byte(sent)); err != nil {
			t.Fatal(err)
		}
		if err := cut.finish(); err == nil {
			t.Errorf("%s: rows that end half way passed", name)
		}
	}
}

// mark is a mask that shows itself.
func mark(value []byte) ([]byte, error) {
	if len(value) == 0 {
		return nil, nil
	}
	return slices.Concat([]byte("<"), value, []byte(">")), nil
}

func TestRows_EveryMaskedValueChangesAndNoOther(t *testing.T) {
	for name, c := range codecs() {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				want, encoded := drawn(t, c)
				for _, row := range want {
					if row[0] != nil {
						row[0], _ = mark(row[0])
					}
				}
				table := &copiedTable{columns: []string{"a", "b", "c"}, masks: []understudy.MaskFunc{mark, nil, nil}, codec: c}
				masked, err := newRowMasker(table, nil).mask(nil, encoded, 1)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, read(t, c, masked)); diff != "" {
					t.Fatal(diff)
				}
			})
		})
	}
}

func TestRows_ARowOfAnotherShapeStopsTheCopy(t *testing.T) {
	for _, row := range []string{"1\n", "1\t2\t3\n"} {
		table := &copiedTable{columns: []string{"a", "b"}, masks: []understudy.MaskFunc{mark, nil}, codec: textCodec{}}
		if _, err := newRowMasker(table, nil).mask(nil, []byte(row), 1); err == nil {
			t.Errorf("row %q passed as one of two columns", row)
		}
	}
}

// batchesSeen is a chain of two batches over columns a and c that turns values around
// within a batch and remembers the batches' sizes.
func batchesSeen(c codec, rows int, sizes *[]int) []*batcher {
	turn := func(_ context.Context, rows [][][]byte) error {
		*sizes = append(*sizes, len(rows))
		for i, j := 0, len(rows)-1; i < j; i, j = i+1, j-1 {
			rows[i][0], rows[j][0] = rows[j][0], rows[i][0]
		}
		return nil
	}
	table := &copiedTable{columns: []string{"a", "b", "c"}, codec: c, batches: []understudy.BatchMask{
		{Columns: []string{"a"}, Rows: rows, Apply: turn}, {Columns: []string{"c"}, Rows: rows, Apply: turn}}}
	return table.batchers(nil)
}

func TestBatches_AreFullInOrderAndLoseNoRow(t *testing.T) {
	for name, c := range codecs() {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				rows, encoded := drawn(t, c)
				size := rapid.IntRange(1, 4).Draw(t, "batch")
				want := slices.Clone(rows)
				for start := 0; start < len(rows); start += size {
					end := min(start+size, len(rows))
					for i := start; i < end; i++ {
						from := rows[end-1-(i-start)]
						want[i] = [][]byte{from[0], rows[i][1], from[2]}
					}
				}
				var sizes []int
				chain := batchesSeen(c, size, &sizes)
				var got []byte
				for len(encoded) > 0 {
					rest, err := c.split(encoded, make([][]byte, 3))
					if err != nil {
						t.Fatal(err)
					}
					out, err := passBatches(t.Context(), chain, encoded[:len(encoded)-len(rest)], false)
					if err != nil {
						t.Fatal(err)
					}
					got, encoded = append(got, out...), rest
				}
				out, err := passBatches(t.Context(), chain, nil, true)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, read(t, c, append(got, out...))); diff != "" {
					t.Fatal(diff)
				}
				full := len(rows) / size * 2
				if slices.ContainsFunc(sizes[:min(full, len(sizes))], func(n int) bool { return n != size }) {
					t.Fatalf("batches of %v rows; %d were asked for, of %d", sizes, size, len(rows))
				}
			})
		})
	}
}

func TestErrors_AFullDiskIsCalledThat(t *testing.T) {
	table := &copiedTable{schema: "public", table: "orders"}
	for name, err := range map[string]error{
		"while writing": targetError(table, 5, &pgconn.PgError{Code: "53100", Message: `could not extend file "base/1": No space left on device`}),
	} {
		if understudy.KindOf(err) != understudy.KindUnavailable || !strings.Contains(err.Error()+understudy.HintOf(err), "disk") || understudy.HintOf(err) == "" {
			t.Errorf("%s: %v (hint: %s)", name, err, understudy.HintOf(err))
		}
	}
}

func TestErrors_HoldNoValue(t *testing.T) {
	table := &copiedTable{schema: "public", table: "people"}
	for _, err := range []error{
		targetError(table, 5, &pgconn.PgError{Code: "22P02", Message: `invalid input syntax for type integer: "Ann"`, Detail: "Ann", Where: `COPY people, line 3, column age: "Ann"`}),
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
