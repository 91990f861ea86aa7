package migration_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"understudy"
	"understudy/internal/migration"
)

type (
	lock       = understudy.ObservedLock
	table      = understudy.TableChange
	column     = understudy.ColumnChange
	index      = understudy.IndexChange
	constraint = understudy.ConstraintChange
	object     = understudy.ObjectChange
)

const ae, share, sre, sue = "AccessExclusiveLock", "ShareLock", "ShareRowExclusiveLock", "ShareUpdateExclusiveLock"

func held(relation, mode string, from, d time.Duration) lock {
	return lock{Relation: relation, Kind: "table", Mode: mode, Session: 1, Statement: "a statement", From: from, Held: d}
}

// large is a table of a million rows, all of which were read.
func large(relation string, columns ...column) table {
	return table{Relation: relation, Kind: "table", Rows: 1e6, Bytes: 1 << 30, Read: 1e6, HotBefore: -1, HotAfter: -1, Columns: columns}
}

// TestJudge_GoesByWhatWasSeen has for each kind of finding what makes it, and next to it
// what does not.
func TestJudge_GoesByWhatWasSeen(t *testing.T) {
	const ms, s = time.Millisecond, time.Second
	notNull := column{Name: "a", Was: "integer", Is: "integer", NotNull: true}
	for _, c := range []struct {
		claim string
		seen  understudy.Observation
		want  []string // beside the note of locks against everything
	}{
		{"an index is built", understudy.Observation{Tables: []table{large("t")}, Locks: []lock{held("t", share, 0, ms)}}, []string{"warning write-lock t"}},
		{"an index is built on a small table", understudy.Observation{Tables: []table{{Relation: "t", Rows: 20}}, Locks: []lock{held("t", share, 0, ms)}}, []string{"note write-lock t"}},
		{"on a small table, for long", understudy.Observation{Tables: []table{{Relation: "t", Rows: 20}}, Locks: []lock{held("t", share, 0, s)}}, []string{"warning write-lock t"}},
		{"a table of its own is locked", understudy.Observation{Locks: []lock{{Relation: "t", Kind: "table", Mode: share, New: true, Held: s}}}, nil},
		{"a key is checked under its lock", understudy.Observation{Tables: []table{large("a"), large("b")}, Locks: []lock{held("a", sre, 0, ms), held("b", sre, 0, ms)},
			Constraints: []constraint{{Name: "k", Table: "a", References: "b", Kind: "foreign key", New: true}}}, []string{"note other-table a, b", "warning write-lock a, b"}},
		{"a key is checked apart", understudy.Observation{Tables: []table{large("a"), large("b")}, Locks: []lock{held("a", sre, 0, ms), held("b", sre, 0, ms), held("a", sue, 20*ms, 90*ms)},
			Constraints: []constraint{{Name: "k", Table: "a", References: "b", Kind: "foreign key", New: true}}}, []string{"note other-table a, b", "note write-lock a, b"}},
		{"rows are looked at under a lock", understudy.Observation{Tables: []table{large("t", notNull)}, Locks: []lock{held("t", ae, 0, 300*ms)}}, []string{"warning locked-scan t"}},
		{"rows were looked at before", understudy.Observation{Tables: []table{large("t", notNull)}, Locks: []lock{held("t", ae, 50*ms, ms), held("t", sue, 0, 30*ms)}}, nil},
		{"rows are looked at in the same transaction", understudy.Observation{Tables: []table{large("t", notNull)}, Locks: []lock{held("t", ae, 0, 50*ms), held("t", sue, 10*ms, 40*ms)}}, []string{"warning locked-scan t"}},
		{"no row was read", understudy.Observation{Tables: []table{{Relation: "t", Rows: 1e6, Columns: []column{notNull}}}, Locks: []lock{held("t", ae, 0, ms)}}, nil},
		{"two tables in one transaction", understudy.Observation{Locks: []lock{held("a", ae, 0, 9*ms), {Relation: "b", Kind: "table", Mode: ae, Session: 1, Statement: "another", From: 4 * ms, Held: 5 * ms}}},
			[]string{"warning tables-together a, b"}},
		{"two tables in one transaction of which its end alone was seen", understudy.Observation{Locks: []lock{
			{Relation: "a", Kind: "table", Mode: ae, Session: 1, Statement: "COMMIT", From: 10 * ms}, {Relation: "b", Kind: "table", Mode: ae, Session: 1, Statement: "COMMIT", From: 10 * ms}},
			Statements: []understudy.ObservedStatement{{Session: 1, Text: "COMMIT", From: ms, Until: 8 * ms, Commits: true}}},
			[]string{"warning tables-together a, b"}},
		{"two tables in two transactions", understudy.Observation{Locks: []lock{held("a", ae, 0, 9*ms), {Relation: "b", Kind: "table", Mode: ae, Session: 1, Statement: "another", From: 10 * ms, Held: 5 * ms}}}, nil},
		{"two tables by one key", understudy.Observation{Locks: []lock{held("a", ae, 0, 9*ms), {Relation: "b", Kind: "table", Mode: ae, Session: 1, Statement: "another", From: 4 * ms, Held: 5 * ms}},
			Constraints: []constraint{{Name: "k", Table: "a", References: "b", Kind: "foreign key", Gone: true}}}, []string{"note other-table a, b"}},
		{"a lock outlives its statement", understudy.Observation{Locks: []lock{held("t", ae, 0, s)}, Statements: []understudy.ObservedStatement{
			{Session: 1, Text: "ALTER", From: 0, Until: ms}, {Session: 1, Text: "UPDATE", From: 2 * ms, Until: s}, {Session: 1, Text: "COMMIT", From: s, Until: s + ms}}}, []string{"warning lock-kept t"}},
		{"a lock lasts as long as its statement", understudy.Observation{Locks: []lock{held("t", ae, 0, s)}, Statements: []understudy.ObservedStatement{
			{Session: 1, Text: "ALTER", From: 0, Until: s}, {Session: 2, Text: "UPDATE", From: ms, Until: s}}}, nil},
		{"it waited", understudy.Observation{Locks: []lock{{Relation: "t", Kind: "table", Mode: ae, From: s, Held: ms, Waited: s, Behind: "autovacuum"}}}, []string{"warning waited t"}},
		{"it waited longer than it may", understudy.Observation{Locks: []lock{{Relation: "t", Kind: "table", Mode: ae, From: 9 * s, Held: ms, Waited: 9 * s}}}, []string{"warning no-lock-timeout ", "warning waited t"}},
		{"others died of it", understudy.Observation{Errors: []understudy.ObservedError{{Who: "shop web", Code: "40P01", Message: "deadlock detected", Times: 2}, {Who: "x", Code: "23505"}}}, []string{"warning deadlock shop web"}},
		{"in another database", understudy.Observation{Database: "main", Elsewhere: []understudy.Observation{{Database: "archive", Tables: []table{{Relation: "t", Updated: 20_000, LargestWrite: 20_000}}}}}, []string{"warning bulk-write archive/t"}},
		{"nothing in another database", understudy.Observation{BytesBefore: 10 << 30, LogBytes: 3 << 30, OwnLogBytes: 1, Elsewhere: []understudy.Observation{{Database: "archive", BytesBefore: 1 << 20, LogBytes: 3 << 30}}}, nil},
		{"many rows are written", understudy.Observation{Tables: []table{{Relation: "t", Updated: 20_000, LargestWrite: 20_000}}}, []string{"warning bulk-write t"}},
		{"in batches", understudy.Observation{Tables: []table{{Relation: "t", Updated: 20_000, LargestWrite: 5000}}}, nil},
		{"triggers fire", understudy.Observation{Tables: []table{{Relation: "t", Updated: 2, Triggers: []string{"tell"}}}}, []string{"warning triggers-fired tell on t"}},
		{"data goes", understudy.Observation{Tables: []table{{Relation: "a", Rows: 9, Gone: true}, {Relation: "b", Columns: []column{{Name: "x", Was: "text", Values: 3}}}, {Relation: "c", Deleted: 3, Inserted: 1}}},
			[]string{"warning data-removed a", "warning data-removed b.x", "warning data-removed c"}},
		{"a version is replaced", understudy.Observation{Tables: []table{{Relation: "v", Deleted: 1, Inserted: 1}, {Relation: "e", Gone: true}, {Relation: "b", Columns: []column{{Name: "x", Was: "text"}}}}}, nil},
		{"a type holds less", understudy.Observation{Tables: []table{large("t", column{Name: "a", Was: "text", Is: "character varying(10)"})}}, []string{"warning data-removed t.a", "warning type-changed t.a"}},
		{"a type holds more", understudy.Observation{Tables: []table{large("t", column{Name: "a", Was: "numeric(10,2)", Is: "numeric(12,2)", LostStatistics: true})}}, []string{"warning lost-statistics t.a", "warning type-changed t.a"}},
		{"the time zone decides", understudy.Observation{Tables: []table{large("t", column{Name: "a", Was: "timestamp without time zone", Is: "timestamp with time zone"})}}, []string{"note time-zone t.a", "warning type-changed t.a"}},
		{"the disk fills", understudy.Observation{BytesBefore: 10 << 30, BytesPeak: 13 << 30}, []string{"warning disk-peak "}},
		{"a little more disk", understudy.Observation{BytesBefore: 10 << 30, BytesPeak: 11 << 30}, nil},
		{"log is written", understudy.Observation{BytesBefore: 1 << 20, OwnLogBytes: 2 << 30, LogBytes: 9 << 30}, []string{"warning log-volume "}},
		{"log of others", understudy.Observation{BytesBefore: 1 << 20, OwnLogBytes: 1 << 20, LogBytes: 9 << 30}, nil},
		{"thrown away", understudy.Observation{Locks: []lock{{Relation: "t", Kind: "table", Mode: ae, Held: ms, Aborted: true}}}, []string{"warning rolled-back t"}},
		{"an expression without statistics", understudy.Observation{Indexes: []index{{Name: "i", Table: "t", New: true, NoStatistics: true}}}, []string{"warning missing-statistics i"}},
		{"a new column without statistics", understudy.Observation{Tables: []table{large("t", column{Name: "a", Is: "text", NoStatistics: true})}}, []string{"note missing-statistics t.a"}},
		{"a used index goes", understudy.Observation{Indexes: []index{{Name: "i", Table: "t", Gone: true, Scans: 7}}}, []string{"warning index-gap i"}},
		{"an unused one goes, another is replaced in time", understudy.Observation{Indexes: []index{{Name: "i", Table: "t", Gone: true}, {Name: "j", Table: "t", Gone: true, Scans: 7, Replaced: true}}}, nil},
		{"an index was missing", understudy.Observation{Indexes: []index{{Name: "i", Table: "t", Gone: true, Scans: 7, Replaced: true, Gap: s}}}, []string{"warning index-gap i"}},
		{"it was invalid before", understudy.Observation{Indexes: []index{{Name: "i", Table: "t", Invalid: true, WasInvalid: true}}}, []string{"warning invalid-index i"}},
		{"updates touch indexes", understudy.Observation{Tables: []table{{Relation: "t", HotBefore: 0.9, HotAfter: 0.1}}}, []string{"warning hot-updates-lost t"}},
		{"nothing is known of updates", understudy.Observation{Tables: []table{{Relation: "t", HotBefore: 0.9, HotAfter: -1}}}, nil},
		{"a key will hurt", understudy.Observation{Constraints: []constraint{{Name: "k", Table: "a", References: "b", Kind: "foreign key", New: true, Unindexed: true, Mismatch: "integer → bigint"}}},
			[]string{"warning key-type a.k", "warning unindexed-key a.k"}},
		{"a key was there", understudy.Observation{Constraints: []constraint{{Name: "k", Table: "a", References: "b", Kind: "foreign key", Unindexed: true}}}, nil},
		{"not validated", understudy.Observation{Constraints: []constraint{{Name: "k", Table: "a", Kind: "check", New: true, NotValid: true}}}, []string{"note not-validated a.k"}},
		{"a sequence", understudy.Observation{Objects: []object{{Kind: "sequence", Name: "q", Behind: 9, Room: 0.9}}}, []string{"warning key-room q", "warning sequence-behind q"}},
		{"things that others use", understudy.Observation{Objects: []object{{Kind: "view", Name: "v", Gone: true}, {Kind: "trigger", Name: "g", Table: "t", Gone: true}, {Kind: "enum value", Name: "mood.calm", New: true}},
			Tables: []table{{Relation: "t", Gone: true}}}, []string{"note enum-value mood.calm", "warning dependents-gone v"}},
		{"followers", understudy.Observation{Tables: []table{{Relation: "a", Published: true, Columns: []column{{Name: "x", Is: "integer"}}}, {Relation: "b", Published: true}}}, []string{"warning followers a"}},
		{"the rest of shapes", understudy.Observation{Tables: []table{{Relation: "t", Unlogged: true, Columns: []column{{Name: "x", Is: "json"}}}}}, []string{"warning no-equality t.x", "warning unlogged t"}},
	} {
		c.seen.Exact = understudy.Exactness{Locks: true, Exclusive: true, Waits: true, Writes: true}
		var got []string
		for _, f := range migration.Judge(migration.Ran{Tries: 1, Observation: c.seen}, budget()) {
			readable(t, f)
			if f.Code != "migration.exclusive-lock" {
				got = append(got, fmt.Sprintf("%s %s %s", f.Severity, strings.TrimPrefix(f.Code, "migration."), f.Subject))
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: found %q, expected %q", c.claim, got, c.want)
		}
	}
}

func TestJudge_HasEveryTableAnalyzedWholeThatThePlannerKnowsNothingOf(t *testing.T) {
	unknown := func(relation string) understudy.TableChange {
		return large(relation, understudy.ColumnChange{Name: "a", Is: "text", NoStatistics: true, LostStatistics: true})
	}
	seen := understudy.Observation{Server: "PostgreSQL 15.8", Tables: []understudy.TableChange{unknown("public.orders"), unknown("public.people")},
		Indexes:     []understudy.IndexChange{{Name: "public.by_status", Table: "public.orders", New: true, Columns: []string{"status"}}, {Name: "public.by_mail", Table: "public.mails", New: true, NoStatistics: true}},
		Constraints: []understudy.ConstraintChange{{Name: "of", Table: "public.others", References: "public.people", Kind: "foreign key", New: true}}}
	remedies := map[string]string{}
	for _, f := range migration.Judge(migration.Ran{Tries: 1, Observation: seen}, budget()) {
		remedies[f.Code] = f.Remedy
	}
	for code, want := range map[string]string{ // with a list of columns, nothing is learnt of an index's expressions
		"migration.missing-statistics": "ANALYZE public.orders, public.people, public.mails;", "migration.lost-statistics": "ANALYZE public.orders, public.people;",
	} {
		if !strings.Contains(remedies[code], want) {
			t.Errorf("the remedy of %s is %q", code, remedies[code])
		}
	}
}

func TestJudge_ABudgetThatWasGivenBlocks(t *testing.T) {
	ran := migration.Ran{Tries: 1, Observation: understudy.Observation{BytesBefore: 1 << 20, BytesPeak: 3 << 20, LogBytes: 5 << 20}}
	b := budget()
	b.DiskMore, b.LogBytes = 1<<20, 1<<20
	for _, f := range migration.Judge(ran, b) {
		if f.Severity != understudy.SeverityBlocking {
			t.Errorf("%s is a %s", f.Code, f.Severity)
		}
	}
	if len(migration.Judge(ran, b)) != 2 || len(migration.Judge(ran, budget())) != 0 {
		t.Errorf("found %+v, and by default %+v", migration.Judge(ran, b), migration.Judge(ran, budget()))
	}
}

// TestJudge_AFailureIsToldByTheServersWords has what servers say, and what is to be done.
func TestJudge_AFailureIsToldByTheServersWords(t *testing.T) {
	for said, want := range map[string]string{
		`ERROR: cannot alter type of a column used by a view or rule`:                            "make it anew in the same transaction",
		`ERROR: cannot drop column a of table t because other objects depend on it`:              "CASCADE takes it along",
		`ERROR: CREATE INDEX CONCURRENTLY cannot run inside a transaction block`:                 "transaction off",
		`ERROR: unsafe use of new value "calm" of enum type mood`:                                "in the next step",
		`ERROR: column "a" of relation "t" contains null values`:                                 "fill them first",
		`ERROR: insert or update on table "t" violates foreign key constraint "k"`:               "point at nothing",
		`ERROR: could not create unique index "i"`:                                               "merge them first",
		`ERROR: check constraint "k" of relation "t" is violated by some row`:                    "mend them first",
		`ERROR: must be owner of table t`:                                                        "run it as the owner",
		`ERROR: permission denied for schema public`:                                             "grant it in production",
		`ERROR: canceling statement due to lock timeout`:                                         "smaller",
		`ERROR: deadlock detected`:                                                               "one table in one transaction",
		`ERROR: value too long for type character varying(10)`:                                   "shorten",
		`ERROR: integer out of range`:                                                            "do not fit",
		`ERROR: invalid input syntax for type integer: "x"`:                                      "cannot be read as the new type",
		`ERROR: cannot ALTER TABLE "t" because it has pending trigger events`:                    "commit in between",
		`ERROR: relation "t" already exists`:                                                     "was done before",
		`ERROR: could not extend file: No space left on device`:                                  "disk is full",
		`panic: runtime error`:                                                                   "fresh twin",
		`ERROR: must be owner of extension hstore`:                                               "superuser",
		`ERROR: canceling statement due to statement timeout`:                                    "statement_timeout = 0",
		`ERROR: partition constraint of relation "p" is violated by some row`:                    "mend them first",
		`ERROR: duplicate key value violates unique constraint "k"`:                              "ON CONFLICT",
		`ERROR: current transaction is aborted, commands ignored until end of transaction block`: "further up",
		`ERROR: column "a" cannot be cast automatically to type integer`:                         "USING",
		`ERROR: invalid input value for enum mood: "calm"`:                                       "the enum does not have",
		`ERROR: no partition of relation "t" found for row`:                                      "partitions first",
	} {
		f := migration.Judge(migration.Ran{Result: migration.Result{Status: 1, Output: said}}, budget())
		if len(f) != 1 || f[0].Code != "migration.failed" || !strings.Contains(f[0].Remedy, want) {
			t.Errorf("%s: %+v, want %q", said, f, want)
		}
	}
}
