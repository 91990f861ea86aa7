package migration_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"understudy/internal/migration"
)

func TestJudgePlans(t *testing.T) {
	index := migration.Plan{Shape: "Index Scan orders orders_customer", Cost: 8, Rows: 3}
	scan := func(cost float64) *migration.Plan {
		return &migration.Plan{Shape: "Seq Scan orders", Cost: cost, Rows: 3}
	}
	dearer := index
	dearer.Cost = 40
	for _, c := range []struct {
		claim string
		after *migration.Plan
		want  string
	}{
		{"nothing changed", &index, "[]"},
		{"its index is gone", scan(900), "[warning]"},
		{"another way at about the same cost", scan(9), "[note]"},
		{"the same way at five times the cost", &dearer, "[note]"},
		{"it can no longer be planned", nil, "[]"},
	} {
		var got []string
		for _, f := range migration.JudgePlans([]migration.Planned{{Statement: "SELECT * FROM orders WHERE customer = $1", Share: 0.5, Calls: 9, Before: index, After: c.after}}) {
			got = append(got, string(f.Severity))
			if !strings.Contains(f.Seen, "SELECT * FROM orders WHERE customer = $1\nbefore: Index Scan orders orders_customer\nafter:  ") || !strings.Contains(f.Seen, "50 %") || strings.Contains(f.Title+f.Would, "{") {
				t.Errorf("%s: %s: %s: %s", c.claim, f.Title, f.Would, f.Seen)
			}
		}
		if fmt.Sprint(got) != c.want {
			t.Errorf("%s: %q, want %s", c.claim, got, c.want)
		}
	}
}

func TestJudgePlans_CountsNoCallsOfWhatWasOnlyDeclared(t *testing.T) {
	found := migration.JudgePlans([]migration.Planned{{Statement: "SELECT 1", Share: 0.25, Before: migration.Plan{Shape: "Index Scan a", Cost: 1}, After: &migration.Plan{Shape: "Seq Scan a", Cost: 9}}})
	if len(found) != 1 || !strings.HasSuffix(found[0].Seen, "; 25 % of the declared statements") {
		t.Errorf("%+v", found)
	}
}

func TestJudgePlans_TheBusiestFirst(t *testing.T) {
	var all []migration.Planned
	for i := range 3 {
		all = append(all, migration.Planned{Statement: fmt.Sprintf("SELECT %d", i), Share: []float64{0.2, 0.5, 0.3}[i], After: &migration.Plan{Shape: "x", Cost: 9}})
	}
	var got []string
	for _, f := range migration.JudgePlans(all) {
		got = append(got, f.Subject)
	}
	if !slices.Equal(got, []string{"SELECT 1", "SELECT 2", "SELECT 0"}) {
		t.Errorf("%q", got)
	}
}

func TestJudgePlans_NamesTheDatabaseWhereItIsNotTheFirst(t *testing.T) {
	for database, want := range map[string]string{"": "SELECT 1: a busy statement is planned in another way: SELECT 1", "archive": "archive/SELECT 1: a busy statement is planned in another way: SELECT 1, in database archive"} {
		found := migration.JudgePlans([]migration.Planned{{Database: database, Statement: "SELECT 1", Share: 1, Before: migration.Plan{Shape: "Index Scan a", Cost: 1}, After: &migration.Plan{Shape: "Seq Scan a", Cost: 9}}})
		if len(found) != 1 || found[0].Subject+": "+found[0].Title != want {
			t.Errorf("%+v", found)
		}
	}
}

func TestPlanFigures_SayWhatWasNotPlanned(t *testing.T) {
	if f := migration.PlanFigures(nil, "there is no pg_stat_statements"); len(f) != 1 || f[0].Value != 0 || !strings.Contains(f[0].Basis, "no pg_stat") {
		t.Errorf("%+v", f)
	}
	if f := migration.PlanFigures([]migration.Planned{{}, {After: &migration.Plan{}}}, ""); len(f) != 2 || f[0].Value != 2 || f[1].Value != 1 {
		t.Errorf("%+v", f)
	}
	if f := migration.PlanFigures([]migration.Planned{{After: &migration.Plan{}}}, "in database archive: nothing was counted"); len(f) != 1 || f[0].Value != 1 || !strings.HasSuffix(f[0].Basis, "; none in database archive: nothing was counted") {
		t.Errorf("%+v", f)
	}
}
