package daemon

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"understudy"
	"understudy/internal/promotion"
	"understudy/internal/statedir"
)

func TestForget_KeepsWhatAMigrationMayStillGoOnFrom(t *testing.T) {
	d := archived(t)
	d.options.State = statedir.Dir{Root: t.TempDir()}
	for id, p := range map[string]understudy.Promotion{
		"p-1": {To: "production", State: understudy.PromotionSettled}, "p-2": {To: "production", State: understudy.PromotionPreparing},
		"p-3": {To: "qa", State: understudy.PromotionSettled}, "p-4": {To: "production", State: understudy.PromotionContracted},
	} {
		p.ID = id
		if err := (records{d}).SavePromotion(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	order := promotion.Order{Promotion: "p-2"}
	folder := filepath.Dir(d.begunFile(order))
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"p-1", "p-2", "p-3", "p-4", "p-4-contract", "unknown"} {
		if err := os.WriteFile(filepath.Join(folder, name+".json"), []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := (migrator{d: d, env: understudy.Environment{Name: "production"}}).forget(t.Context(), order); err != nil {
		t.Fatal(err)
	}
	var left []string
	entries, err := os.ReadDir(folder)
	for _, entry := range entries {
		left = append(left, entry.Name())
	}
	if err != nil || !slices.Equal(left, []string{"p-2.json", "p-3.json", "unknown.json"}) {
		t.Errorf("left are %q, %v", left, err)
	}
}
