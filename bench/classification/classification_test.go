package classification_test

import (
	"slices"
	"testing"

	"understudy/bench/classification"
)

func corpus(t *testing.T, keep func(classification.Schema) bool) []classification.Schema {
	t.Helper()
	schemas, err := classification.Corpus()
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(schemas, func(s classification.Schema) bool { return !keep(s) })
}

func clears(t *testing.T, of []classification.Schema) {
	t.Helper()
	tally := classification.Measure(of)
	t.Logf("%d columns of %d schemas: recall %.4f, precision %.4f", tally.Columns-tally.Disputed, tally.Schemas, tally.Recall(), tally.Precision())
	if tally.Recall() < classification.LeastRecall || tally.Precision() < classification.LeastPrecision {
		t.Errorf("recall %.4f, precision %.4f; expected at least %.2f and %.2f", tally.Recall(), tally.Precision(), classification.LeastRecall, classification.LeastPrecision)
		for _, m := range tally.Mistakes {
			t.Log(m)
		}
	}
}

func TestClassification_ClearsTheBars(t *testing.T) {
	clears(t, corpus(t, func(classification.Schema) bool { return true }))
}

func TestClassification_ClearsTheBarsOnSchemasHeldBackAtFirst(t *testing.T) {
	clears(t, corpus(t, func(s classification.Schema) bool { return s.HeldBack }))
}

func TestCorpus_IsAsLargeAsWasAskedFor(t *testing.T) {
	schemas := corpus(t, func(classification.Schema) bool { return true })
	columns, held := 0, 0
	for _, s := range schemas {
		columns += len(s.Columns)
		if s.HeldBack {
			held++
		}
		for _, l := range s.Columns {
			if l.Values != "none" && len(classification.Values(l.Values, s.Name)) == 0 {
				t.Errorf("%s: %s.%s has values of no known kind, %q", s.Name, l.Table, l.Column, l.Values)
			}
		}
		if s.Source == "" {
			t.Errorf("%s names no source", s.Name)
		}
	}
	if columns < 400 || len(schemas) < 15 || held*3 < len(schemas) {
		t.Errorf("%d columns of %d schemas, %d held back", columns, len(schemas), held)
	}
}
