package mask

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"understudy"
)

func batchesOf(t *testing.T, text string, columns []understudy.Column, options ...Option) understudy.TableMasks {
	t.Helper()
	masks, err := mustParse(t, text).Masks([]byte(secret), options...)("public.t", columns)
	if err != nil {
		t.Fatal(err)
	}
	return masks
}

func TestShuffle_LetsValuesChangePlacesAndNothingElse(t *testing.T) {
	masks := batchesOf(t, "columns:\n  public.t.a: shuffle\n  public.t.b: keep\n", []understudy.Column{
		{Table: "public.t", Name: "a", Type: "integer", Unique: true}, {Table: "public.t", Name: "b", Type: "text"},
	})
	if len(masks.Columns) != 0 || len(masks.Batches) != 1 || !slices.Equal(masks.Batches[0].Columns, []string{"a"}) || masks.Batches[0].Rows < 1000 {
		t.Fatalf("%+v", masks)
	}
	shuffle := masks.Batches[0].Apply
	for _, size := range []int{0, 1, 2, 3, 1000} {
		rows, again := make([][][]byte, size), make([][][]byte, size)
		var before, after []string
		for n := range rows {
			value := fmt.Append(nil, n)
			if n%10 == 9 {
				value = nil
			}
			rows[n], again[n] = [][]byte{value}, [][]byte{value}
			before = append(before, fmt.Sprint(value))
		}
		if err := shuffle(t.Context(), rows); err != nil {
			t.Fatal(err)
		}
		if err := shuffle(t.Context(), again); err != nil {
			t.Fatal(err)
		}
		for n, row := range rows {
			after = append(after, fmt.Sprint(row[0]))
			if size > 1 && row[0] != nil && after[n] == before[n] {
				t.Errorf("of %d rows, row %d kept %s", size, n, row[0])
			}
		}
		if diff := cmp.Diff(rows, again); diff != "" {
			t.Errorf("%d rows are not shuffled alike twice: %s", size, diff)
		}
		slices.Sort(before)
		slices.Sort(after)
		if !slices.Equal(before, after) {
			t.Errorf("of %d rows, values were lost", size)
		}
	}
}

func TestProgram_IsGivenItsColumnsTogether(t *testing.T) {
	const text = "columns:\n  public.t.a: {program: [./mask, --x]}\n  public.t.b: email\n  public.t.c: {program: [./mask, --x]}\n  public.t.d: {program: [./other]}\n"
	var columns []understudy.Column
	for _, name := range []string{"a", "b", "c", "d"} {
		columns = append(columns, understudy.Column{Table: "public.t", Name: name, Type: "text"})
	}
	var asked [][]string
	run := func(_ context.Context, command, columns []string, rows [][][]byte) error {
		asked = append(asked, command, columns)
		rows[0][0] = []byte("masked")
		return nil
	}
	masks := batchesOf(t, text, columns, WithProgram(run))
	if len(masks.Columns) != 1 || len(masks.Batches) != 2 {
		t.Fatalf("%+v", masks)
	}
	rows := [][][]byte{{[]byte("x"), nil}}
	for _, b := range masks.Batches {
		if err := b.Apply(t.Context(), rows); err != nil {
			t.Fatal(err)
		}
	}
	want := [][]string{{"./mask", "--x"}, {"a", "c"}, {"./other"}, {"d"}}
	if diff := cmp.Diff(want, asked); diff != "" || string(rows[0][0]) != "masked" {
		t.Error(diff)
	}
	if _, err := mustParse(t, text).Masks([]byte(secret))("public.t", columns); understudy.KindOf(err) != understudy.KindUnavailable {
		t.Errorf("without a way to run programs: %v", err)
	}
}

func TestLoad_ReadsOptionsAndWritesThemBack(t *testing.T) {
	const text = `columns:
  public.t.a: {name: de first}
  public.t.b: {generalise: month}
  public.t.c: {generalise: 10}
  public.t.d: {email: grow}
  public.t.e: {expression: 'value.substring(0, 1) + ", x"'}
  public.t.f: {program: [./mask.py, "--a b"]}
  public.t.g: {xml: {person.name: {name: fr}, person.@id: token}}
  public.t.h: {hstore: {email: email}}
  public.t.i: rank
  public.t.j: shuffle
`
	policy := mustParse(t, text)
	want := map[string]Rule{
		"public.t.a": {Mask: "name", Option: "de first"}, "public.t.b": {Mask: "generalise", Option: "month"}, "public.t.c": {Mask: "generalise", Option: "10"},
		"public.t.d": {Mask: "email", Option: "grow"}, "public.t.e": {Mask: "expression", Option: `value.substring(0, 1) + ", x"`},
		"public.t.f": {Mask: "program", Program: []string{"./mask.py", "--a b"}},
		"public.t.g": {Mask: "xml", JSON: map[string]Rule{"person.name": {Mask: "name", Option: "fr"}, "person.@id": {Mask: "token"}}},
		"public.t.h": {Mask: "hstore", JSON: map[string]Rule{"email": {Mask: "email"}}}, "public.t.i": {Mask: "rank"}, "public.t.j": {Mask: "shuffle"},
	}
	if diff := cmp.Diff(want, policy.Columns); diff != "" {
		t.Error(diff)
	}
	var written strings.Builder
	written.WriteString("columns:\n")
	for key, rule := range want {
		fmt.Fprintf(&written, "  %s: %s\n", key, rule.yaml())
	}
	if diff := cmp.Diff(want, mustParse(t, written.String()).Columns); diff != "" {
		t.Errorf("%s\n%s", written.String(), diff)
	}
}

func TestLoad_RefusesOptionsThatMeanNothing(t *testing.T) {
	for rule, want := range map[string]string{
		"{email: bigger}": `no option "bigger"`, "{phone: de}": "takes no option", "{name: xx}": `no option "xx"`, "{generalise: decade}": `"decade"`,
		"generalise": "needs its option", "expression": "needs its option", "program": "needs its option", "{program: ./mask}": "[command, argument, …]",
		"{program: []}": "[command, argument, …]", "{program: [[a]]}": "[command, argument, …]", "xml": "needs its paths", "{xml: text}": "expected {xml: {path: mask}}",
		"{nmae: de}": "did you mean name?", "{name: [de]}": "expected {name: option}",
	} {
		_, err := parse("mask.yaml", []byte("columns:\n  public.a.b: "+rule+"\n"))
		if said := fmt.Sprint(err, understudy.HintOf(err)); understudy.KindOf(err) != understudy.KindInvalid || !strings.Contains(said, "mask.yaml:2") || !strings.Contains(said, want) {
			t.Errorf("%s: %s", rule, said)
		}
	}
}

func TestMasks_ForWholeColumnsAreRefusedInsideDocuments(t *testing.T) {
	for _, inner := range []string{"shuffle", "{program: [./mask]}"} {
		_, err := mustParse(t, "columns:\n  public.t.a: {json: {x: "+inner+"}}\n").Masks([]byte(secret))("public.t", []understudy.Column{{Table: "public.t", Name: "a", Type: "jsonb"}})
		if understudy.KindOf(err) != understudy.KindInvalid || !strings.Contains(err.Error(), "whole columns") {
			t.Errorf("%s: %v", inner, err)
		}
	}
}
