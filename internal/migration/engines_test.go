package migration

import (
	"slices"
	"strings"
	"testing"
	"time"

	"understudy"
)

// TestJudge_KnowsNoEngineByItsNamesForLocks judges what watchers of other engines than
// PostgreSQL tell: only what a lock stops counts.
func TestJudge_KnowsNoEngineByItsNamesForLocks(t *testing.T) {
	for name, seen := range map[string]understudy.Observation{
		"MariaDB": {
			Server: "mariadb 10.11.14",
			Locks:  []understudy.ObservedLock{{Relation: "main.orders", Kind: "table", Mode: "EXCLUSIVE", Stops: understudy.StopsAll, Held: 3 * time.Second}},
			Waits:  []understudy.ObservedWait{{Who: "shop", Relation: "main.orders", Wanted: "SHARED_WRITE", By: "RENAME TABLE `orders` TO `old`", For: 3 * time.Second, Times: 1}},
		},
		"SQLite": {
			Server: "sqlite 3.50.1",
			Locks:  []understudy.ObservedLock{{Relation: "main", Kind: "database", Mode: "EXCLUSIVE", Stops: understudy.StopsAll, Held: 3 * time.Second}},
			Waits:  []understudy.ObservedWait{{Who: "whoever read then", Relation: "main", Wanted: "EXCLUSIVE", By: "the migration", For: 3 * time.Second, Times: 1}},
		},
	} {
		found := Judge(Ran{Observation: seen}, Budget{BlockedFor: time.Second})
		at := slices.IndexFunc(found, func(f understudy.Finding) bool { return f.Code == "migration.blocked" })
		if at < 0 || !strings.Contains(found[at].Would, "read") || found[at].Hurt != 3 {
			t.Errorf("%s: found %+v", name, found)
		}
	}
}
