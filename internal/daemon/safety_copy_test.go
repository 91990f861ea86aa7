package daemon

import (
	"testing"

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
