package daemon

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"understudy"
)

func TestLost_TellsTheMigrationsRowsFromOthersAndKnowsWhatItDoesNotKnow(t *testing.T) {
	at := func(since string, orders int64) map[string]counts {
		return map[string]counts{"main": {since, understudy.Written{"public.orders": orders}}}
	}
	for claim, c := range map[string]struct {
		copied, migrated, now map[string]counts
		rows, meanwhile       int64
		known                 bool
	}{
		"written after the migration":         {at("s", 10), at("s", 15), at("s", 22), 7, 5, true},
		"the end of the migration is unknown": {at("s", 10), nil, at("s", 22), 0, 12, true},
		"counted anew since":                  {at("s", 10), at("s", 15), at("later", 2), 0, 0, false},
		"a database that was not copied":      {nil, nil, at("s", 2), 0, 0, false},
	} {
		rows, meanwhile, unknown := lostSince(c.copied, c.migrated, c.now)
		if rows.Rows() != c.rows || meanwhile.Rows() != c.meanwhile || (unknown == "") != c.known {
			t.Errorf("%s: %v, %v, %q", claim, rows, meanwhile, unknown)
		}
	}
	if a, b := inDatabase("main", "public.orders", 1), inDatabase("main", "shop.orders", 2); a != "orders" || b != "main.shop.orders" {
		t.Errorf("%s, %s", a, b)
	}
}

func TestWanted_IsWhatWasCopiedAndWhatIsThereNowWhereNobodyNotedThat(t *testing.T) {
	n := noted{Databases: map[string]string{"main": "shop", "archive": "old", "stock": "gone"}, Sizes: map[string]int64{"shop": 100}}
	want := map[string]int64{"shop": 100, "old": 7}
	if diff := cmp.Diff(want, n.wanted(map[string]int64{"shop": 40, "old": 7})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestClearCopies_LeavesNoneOfAnEarlierTry(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"main.dump", ".stock.dump.new-1", notedFile} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := clearCopies(dir); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 || left[0].Name() != notedFile {
		t.Errorf("left are %v, %v", left, err)
	}
}

func TestRestoringIn_NothingIsBroughtUpWhereDatabasesAreGivenBackThoughNobodyHasGoneOnYet(t *testing.T) {
	d := archived(t)
	restore := &understudy.Restore{By: "ops"}
	for i, c := range []struct {
		claim string
		p     understudy.Promotion
		want  bool
	}{
		{"nothing was promoted", understudy.Promotion{ID: "p-0", To: "elsewhere", State: understudy.PromotionRollingBack, Restore: restore}, false},
		{"it goes back as it is", understudy.Promotion{ID: "p-1", To: "production", State: understudy.PromotionRollingBack}, false},
		{"it was restored once", understudy.Promotion{ID: "p-2", To: "production", State: understudy.PromotionRolledBack, Restore: restore}, false},
		{"it is being restored", understudy.Promotion{ID: "p-3", To: "production", State: understudy.PromotionRollingBack, Restore: restore}, true},
	} {
		if err := (records{d}).SavePromotion(t.Context(), c.p); err != nil {
			t.Fatal(err)
		}
		if is, err := d.restoringIn(t.Context(), "production"); err != nil || is != c.want {
			t.Errorf("%d, %s: %t, %v", i, c.claim, is, err)
		}
	}
}

func TestMayRestore_NotWhileItGoesBackAsItIs(t *testing.T) {
	p := understudy.Promotion{Label: "v2", Restores: true, SafetyCopy: "backups/p-1", State: understudy.PromotionRollingBack}
	if err := mayRestore(p); understudy.KindOf(err) != understudy.KindConflict {
		t.Errorf("what would not be heeded was taken: %v", err)
	}
	p.Restore = &understudy.Restore{By: "ops"}
	if err := mayRestore(p); err != nil {
		t.Errorf("it is on its way: %v", err)
	}
}
