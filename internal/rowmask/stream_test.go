package rowmask_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"understudy"
	"understudy/internal/rowmask"
)

func upper(value []byte) ([]byte, error) { return []byte(strings.ToUpper(string(value))), nil }

// reversed turns the values of a batch around.
func reversed(name string, rows int, columns ...string) understudy.BatchMask {
	return understudy.BatchMask{Name: name, Columns: columns, Rows: rows, Apply: func(_ context.Context, batch [][][]byte) error {
		for i, j := 0, len(batch)-1; i < j; i, j = i+1, j-1 {
			batch[i], batch[j] = batch[j], batch[i]
		}
		return nil
	}}
}

// passed is what a stream makes of rows, one word each column, "-" for NULL.
func passed(t *testing.T, columns []string, masks understudy.TableMasks, rows ...string) (string, *rowmask.Stream) {
	t.Helper()
	var out []string
	s, err := rowmask.New("t", columns, masks, nil, func(row [][]byte) error {
		var words []string
		for _, value := range row {
			if value == nil {
				value = []byte("-")
			}
			words = append(words, string(value))
		}
		out = append(out, strings.Join(words, " "))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	reused := make([][]byte, 0, 8)
	for _, text := range rows {
		reused = reused[:0]
		for word := range strings.SplitSeq(text, " ") {
			if word == "-" {
				reused = append(reused, nil)
			} else {
				reused = append(reused, []byte(word))
			}
		}
		if err := s.Row(t.Context(), reused); err != nil {
			t.Fatal(err)
		}
		for _, value := range reused { // the caller's again
			for i := range value {
				value[i] = '!'
			}
		}
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	return strings.Join(out, "\n"), s
}

func TestStream_MasksSingleValuesAndPassesTheRest(t *testing.T) {
	got, s := passed(t, []string{"a", "b"}, understudy.TableMasks{Columns: map[string]understudy.Mask{"b": {Name: "upper", Apply: upper}}}, "x y extra", "x - more")
	if got != "x Y extra\nx - more" || strings.Join(s.Masked(), ",") != "b" || s.Rows() != 2 {
		t.Errorf("got %q, masked %v of %d rows", got, s.Masked(), s.Rows())
	}
}

func TestStream_GivesEachBatchMaskItsOwnNumberOfRowsInOrder(t *testing.T) {
	masks := understudy.TableMasks{
		Columns: map[string]understudy.Mask{"c": {Name: "upper", Apply: upper}},
		Batches: []understudy.BatchMask{reversed("pairs", 2, "a"), reversed("threes", 3, "b")},
	}
	got, s := passed(t, []string{"a", "b", "c"}, masks, "1 1 a x", "2 2 b -", "3 3 c z", "4 4 - w", "5 5 e v")
	if want := "2 3 A x\n1 2 B -\n4 1 C z\n3 5 - w\n5 4 E v"; got != want || strings.Join(s.Masked(), ",") != "a,b,c" {
		t.Errorf("got\n%s\nexpected\n%s", got, want)
	}
}

func TestNew_RefusesMasksThatCannotApply(t *testing.T) {
	for name, masks := range map[string]understudy.TableMasks{
		"an unknown column":        {Columns: map[string]understudy.Mask{"x": {Apply: upper}}},
		"no function":              {Columns: map[string]understudy.Mask{"a": {}}},
		"an unknown batch column":  {Batches: []understudy.BatchMask{reversed("r", 2, "x")}},
		"two masks for one column": {Columns: map[string]understudy.Mask{"a": {Apply: upper}}, Batches: []understudy.BatchMask{reversed("r", 2, "a")}},
	} {
		if _, err := rowmask.New("t", []string{"a"}, masks, nil, nil); understudy.KindOf(err) != understudy.KindInvalid {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestStream_NamesTheColumnWhoseMaskFailsAndKeepsItsKind(t *testing.T) {
	refusing := func([]byte) ([]byte, error) {
		return nil, understudy.Errorf(understudy.KindInvalid, "no such form").WithHint("another mask")
	}
	s, err := rowmask.New("t", []string{"a"}, understudy.TableMasks{Columns: map[string]understudy.Mask{"a": {Name: "form", Apply: refusing}}}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = s.Row(t.Context(), [][]byte{[]byte("secret")})
	if understudy.KindOf(err) != understudy.KindInvalid || understudy.HintOf(err) != "another mask" || !strings.Contains(err.Error(), "t.a with form, row 1") || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v (hint %q)", err, understudy.HintOf(err))
	}
}

func TestStream_ShowsOriginalsAndWhatBecameOfThem(t *testing.T) {
	var seen []string
	masks := understudy.TableMasks{Columns: map[string]understudy.Mask{"a": {Name: "upper", Apply: upper}}, Batches: []understudy.BatchMask{reversed("r", 2, "b")}}
	s, err := rowmask.New("t", []string{"a", "b"}, masks, func(column string, original, masked []byte) {
		seen = append(seen, column+":"+string(original)+">"+string(masked))
	}, func([][]byte) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range [][][]byte{{[]byte("x"), []byte("1")}, {nil, []byte("2")}} {
		if err := s.Row(t.Context(), row); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(s.Flush(t.Context())); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(seen, " "); got != "a:x>X b:1>2 b:2>1" {
		t.Errorf("saw %s", got)
	}
}
