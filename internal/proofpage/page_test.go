package proofpage_test

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"understudy"
	"understudy/internal/proofpage"
)

var update = flag.Bool("update", false, "write the golden files anew")

func snapshot(t *testing.T) understudy.Snapshot {
	t.Helper()
	clean := understudy.CopyProof{
		ProofSummary: understudy.ProofSummary{At: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC), Values: 1234567, Originals: 89012},
		Took:         2345 * time.Millisecond,
		Tables:       []understudy.TableProof{{Table: "public.orders", Rows: 4000, Found: 4000, Compared: "fingerprint", Columns: 7}},
		Objects:      understudy.ObjectProof{Constraints: 5, Indexes: 4},
		Columns: []understudy.ColumnLikeness{
			{Column: "public.orders.id", Distinct: [2]float64{4000, 4000}, Width: [2]float64{8, 8}, Spread: 0.01, Score: 0.998},
			{Column: "public.people.name", Masked: true, DistinctExact: true, Distinct: [2]float64{676, 676}, NullShare: [2]float64{0.25, 0.25}, Width: [2]float64{12, 13}, Spread: -1, Score: 0.91},
		},
		Plans: []understudy.PlanLikeness{
			{Statement: "-8123", Calls: 12, Share: 0.75, Same: true, Source: "Index Scan orders orders_pkey", CostRatio: 1},
			{Statement: "99", Calls: 1, Share: 0.25, Source: "Index Scan orders orders_pkey", Twin: "Seq Scan orders", CostRatio: 12.5},
		},
		Groups:   []understudy.GroupProof{{Table: "public.people", Columns: []string{"birth_date", "postcode"}, K: 5, Groups: 1900, Small: 1800, Rows: 1850, Guessed: true}},
		NotShown: []string{"3 columns have no statistics on one of the sides"},
	}
	spoiled := understudy.CopyProof{
		ProofSummary: understudy.ProofSummary{At: clean.At, Values: 10, Originals: 5},
		Tables:       []understudy.TableProof{{Table: `public."<odd>"`, Rows: 2, Found: 1, Compared: "fingerprint", Differs: []string{"a", "b"}}},
		Objects:      understudy.ObjectProof{Wrong: []string{"index x of public.y is missing in the twin"}},
		Leaks: []understudy.Leak{
			{Place: "public.orders.note", Of: "public.people.email", Kind: understudy.LeakFound, Where: "inside a value", Count: 1},
			{Place: "public.orders.note", Of: "public.people.name", Kind: understudy.LeakCommon, Where: "whole value", Count: 12000},
		},
	}
	s := understudy.Snapshot{ID: "s1", Of: "production", TakenAt: clean.At, Databases: []understudy.DatabaseCopy{
		{Database: "main", Server: "postgres 15.18"}, {Database: "audit", Server: "postgres 15.18"}, {Database: "cache"},
	}}
	for i, p := range []understudy.CopyProof{clean, spoiled} {
		sealed, err := p.Sealed()
		if err != nil {
			t.Fatal(err)
		}
		s.Databases[i].Proof = &sealed
	}
	return s
}

func TestWrite_IsThePageOfTheGoldenFile(t *testing.T) {
	t.Parallel()
	var page bytes.Buffer
	if err := proofpage.Write(&page, snapshot(t)); err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/proof.html"
	if *update {
		if err := os.WriteFile(golden, page.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), page.String()); diff != "" {
		t.Errorf("the page is another one (go test ./internal/proofpage -update): %s", diff)
	}
}

func TestWrite_NeedsNothingFromElsewhere(t *testing.T) {
	t.Parallel()
	var page bytes.Buffer
	if err := proofpage.Write(&page, snapshot(t)); err != nil {
		t.Fatal(err)
	}
	for _, foreign := range []string{"<script", "src=", "href=", "url(", "@import", "<odd>", "ZgotmplZ"} {
		if strings.Contains(page.String(), foreign) {
			t.Errorf("the page holds %s", foreign)
		}
	}
}
