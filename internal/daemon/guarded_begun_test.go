package daemon

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"understudy"
	"understudy/internal/postgres"
	"understudy/internal/postgres/lookout"
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
	var told []string
	order := promotion.Order{Promotion: "p-2", Tell: func(text string) { told = append(told, text) }}
	folder := filepath.Dir(d.begunFile(order))
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"p-1", "p-2", "p-3", "p-4", "p-4-contract", "unknown"} {
		if err := os.WriteFile(filepath.Join(folder, name+".json"), []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.keepBegun(promotion.Order{Promotion: "p-4", Contract: true}, begun{Failed: time.Now()}); err != nil {
		t.Fatal(err)
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
	if !slices.Equal(told, []string{"the migration of promotion p-4 did not run through; this one is held against what is there now"}) {
		t.Errorf("it tells %q", told)
	}
}

func TestAgain_IsWhatIsThereNowByTheNamesFromBeforeTheFirstRun(t *testing.T) {
	seen := func(invalid []string, relations map[uint32]string) begun {
		b := lookout.Before{Relations: map[uint32]lookout.Relation{}, Invalid: invalid}
		for oid, name := range relations {
			b.Relations[oid] = lookout.Relation{Name: name, Kind: "table"}
		}
		return begun{Seen: map[string]lookout.Before{"": b}, Schemas: map[string]postgres.Schema{"main": {Digest: understudy.Digest(strings.Join(slices.Sorted(maps.Values(relations)), " "))}}}
	}
	first := seen([]string{"public.old_key"}, map[uint32]string{1: "public.notes", 2: "public.dropped"})
	first.Failed = time.Now()
	now := seen([]string{"public.old_key", "public.left_key"}, map[uint32]string{1: "public.articles", 3: "public.made_since"})
	now.Seen["archive"] = lookout.Before{Invalid: []string{"public.x"}} // of which the first run knew nothing
	want := seen([]string{"public.old_key"}, map[uint32]string{1: "public.notes", 3: "public.made_since"})
	want.Seen["archive"], want.Schemas = now.Seen["archive"], now.Schemas
	if diff := cmp.Diff(want, first.again(now)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
