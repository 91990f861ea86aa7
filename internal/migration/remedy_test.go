package migration_test

import (
	"slices"
	"strings"
	"testing"

	"understudy"
	"understudy/internal/check"
	"understudy/internal/migration"
	"understudy/internal/migration/hazards"
)

// example is a recipe on the shop: what its blanks stand for, what is there before, and
// what must not be found of it beyond a note.
type example struct {
	setup string
	names map[string]string
	never []check.Code
}

// examples has every recipe with statements that is made for this server.
func examples() map[string]example {
	const table, orders, payments = "table", "public.orders", "public.payments"
	locks := []check.Code{check.MigrationWriteLock, check.MigrationLockedScan, check.MigrationBlocked, check.MigrationLockKept, check.MigrationRewrote}
	const invalid = `CREATE UNIQUE INDEX orders_one_note ON orders (note); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'orders_one_note'::regclass; ALTER INDEX orders_one_note OWNER TO shop_owner`
	bulk := append(locks, check.MigrationBulkWrite)
	return map[string]example{
		"index":             {"", map[string]string{table: orders, "indexname": "orders_note", "columns": "note"}, locks},
		"index-partitioned": {"", map[string]string{table: "public.events", "indexname": "events_what", "columns": "what", "partition": "events_2024", "partitionindex": "events_2024_what"}, locks},
		"drop-index":        {"", map[string]string{"index": "public.orders_status"}, locks},
		"reindex":           {"", map[string]string{"index": "public.orders_status"}, locks},
		"invalid-index":     {invalid, map[string]string{table: orders, "index": "public.orders_one_note", "indexname": "orders_one_note", "columns": "note"}, append(locks, check.MigrationInvalidIndex)},
		"index-first": {`SET enable_seqscan = off; SELECT count(*) FROM orders WHERE status = 'new'`,
			map[string]string{table: orders, "index": "public.orders_status", "newindex": "orders_status_note", "columns": "status, note"}, append(locks, check.MigrationIndexGap)},
		"unindexed-key": {"", map[string]string{table: payments, "newindex": "payments_order", "keycolumns": "order_id"}, locks},
		"refresh":       {"", map[string]string{table: "public.order_notes", "newindex": "order_notes_one", "columns": "id"}, locks},
		"analyze":       {"", map[string]string{table: orders + ", " + payments}, locks},

		"unique": {"", map[string]string{table: orders, "indexname": "orders_note", "columns": "note", "constraint": "orders_note"}, locks},
		"primary-key": {"", map[string]string{table: "public.events_2026", "name": "events_2026", "indexname": "events_2026_order", "columns": "order_id", "constraint": "events_2026_pkey"},
			locks},
		"foreign-key-partitioned": {"DROP TABLE events_2025", map[string]string{table: "public.events", "partition": "public.events_2024", "constraint": "events_order", "keycolumns": "order_id", "other": orders}, locks},
		"foreign-key":             {"", map[string]string{table: orders, "constraint": "orders_account", "keycolumns": "account_id", "other": "public.accounts"}, locks},
		"table-with-key":          {"", map[string]string{"newtable": "notes", "definition": "id bigint PRIMARY KEY, account_id bigint", "constraint": "notes_account", "keycolumns": "account_id", "other": "public.accounts"}, locks},
		"check":                   {"", map[string]string{table: orders, "constraint": "orders_total", "rule": "total >= 0"}, locks},
		"domain-check":            {"", map[string]string{"domain": "short_code", "constraint": "short", "rule": "length(VALUE) < 10"}, locks},
		"validate":                {`ALTER TABLE orders ADD CONSTRAINT orders_total CHECK (total >= 0) NOT VALID`, map[string]string{table: orders, "constraint": "orders_total"}, locks},

		"not-null":         {"", map[string]string{table: orders, "name": "orders", "column": "quantity"}, locks},
		"volatile-default": {"", map[string]string{table: orders, "column": "token", "type": "uuid", "default": "gen_random_uuid()"}, locks},
		"serial":           {"", map[string]string{table: orders, "column": "number", "sequence": "orders_number"}, locks},
		"generated":        {"", map[string]string{table: orders, "column": "gross", "type": "numeric", "function": "gross_of", "expression": "NEW.total * 1.2"}, locks},
		"type":             {"", map[string]string{table: orders, "column": "quantity", "type": "bigint", "function": "quantity_both"}, append(locks, check.MigrationType)},
		"time-zone":        {`ALTER ROLE shop_owner IN DATABASE {database} SET timezone = 'Asia/Tokyo'`, map[string]string{table: orders, "column": "placed_at", "type": "timestamptz"}, append(locks, check.MigrationStatistics)},

		"attach": {"", map[string]string{table: "public.events_2026", "name": "events_2026", "parent": "public.events", "bounds": "at >= '2026-01-01' AND at < '2027-01-01'",
			"forvalues": "FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')"}, locks},
		"partition-of": {"", map[string]string{"newtable": "events_2027", "newname": "events_2027", "parent": "public.events", "bounds": "at >= '2027-01-01' AND at < '2028-01-01'",
			"forvalues": "FOR VALUES FROM ('2027-01-01') TO ('2028-01-01')"}, locks},
		"detach": {"", map[string]string{"parent": "public.events", "partition": "public.events_2025"}, locks},

		"batches-update":  {"", map[string]string{table: orders, "assignment": "note = upper(note)", "condition": "id <= 900"}, bulk},
		"batches-delete":  {"", map[string]string{table: payments, "condition": "id <= 900"}, bulk},
		"truncate":        {`DELETE FROM payments WHERE id > 900`, map[string]string{table: payments}, bulk},
		"sequence-behind": {`INSERT INTO orders (id, account_id) VALUES (9000, 1)`, map[string]string{table: orders, "column": "id", "sequence": "public.orders_id_seq"}, append(locks, check.MigrationSequence)},
		"alter-sequence":  {"", map[string]string{"sequence": "public.tickets", "value": "1000"}, locks},
	}
}

// major is the version of the server that tests run on.
const major = 15

func TestRecipes_RunAndDoNotShowTheHazardAgain(t *testing.T) {
	t.Parallel() // most of it is waiting, on a server of its own
	place := newPlace(t)
	all := examples()
	seen := map[string]bool{}
	for _, r := range migration.Recipes() {
		if len(r.Steps) == 0 || seen[r.Name] || r.From > major || r.Until != 0 && r.Until < major {
			continue
		}
		seen[r.Name] = true
		t.Run(r.Name, func(t *testing.T) {
			e, known := all[r.Name]
			if !known {
				t.Fatal("there is no example of it")
			}
			steps := r.SQL(e.names)
			if strings.Contains(strings.Join(steps, ""), "<") && !strings.Contains(e.names["bounds"]+e.names["rule"]+e.names["condition"], "<") {
				t.Errorf("something is not filled in: %q", steps)
			}
			findings, ran := place.play(t, hazards.Case{ID: "recipe", Name: r.Name, Setup: e.setup, Migration: strings.Join(steps, ";\n") + ";"})
			if !ran.OK() {
				t.Errorf("it fails: %s", ran.Output)
			}
			for _, f := range findings {
				if f.Severity != understudy.SeverityNote && slices.Contains(e.never, check.Code(f.Code)) {
					t.Errorf("it shows %s %s: %s", f.Code, f.Subject, f.Seen)
				}
			}
			tell(t, findings, ran)
		})
	}
	for name := range all {
		if !seen[name] {
			t.Errorf("%s is no recipe for this server", name)
		}
	}
}

// TestRemedies_FitTheServer looks at the same finding on servers of several versions.
func TestRemedies_FitTheServer(t *testing.T) {
	notNull := func(server string) migration.Ran {
		return migration.Ran{Tries: 1, Observation: understudy.Observation{Server: server,
			Tables: []understudy.TableChange{{Relation: "public.orders", Kind: "table", Rows: 1 << 20, Read: 1 << 20, Columns: []understudy.ColumnChange{{Name: "quantity", Was: "integer", Is: "integer", NotNull: true}}}},
			Locks:  []understudy.ObservedLock{{Relation: "public.orders", Kind: "table", Mode: "AccessExclusiveLock", Held: 1, Statement: "ALTER TABLE orders ALTER quantity SET NOT NULL"}},
		}}
	}
	for server, words := range map[string][]string{
		"PostgreSQL 11.22": {"CHECK (quantity IS NOT NULL) NOT VALID;", "before version 12"},
		"PostgreSQL 15.18": {"ALTER TABLE public.orders ADD CONSTRAINT orders_quantity_not_null CHECK (quantity IS NOT NULL) NOT VALID;", "ALTER TABLE public.orders ALTER COLUMN quantity SET NOT NULL;"},
		"PostgreSQL 18.1":  {"ALTER TABLE public.orders ADD CONSTRAINT orders_quantity_not_null NOT NULL quantity NOT VALID;"},
		"MariaDB 10.11.6":  {"ALGORITHM=INSTANT"},
		"":                 {"NOT VALID"},
	} {
		findings := migration.Judge(notNull(server), budget())
		i := slices.IndexFunc(findings, func(f understudy.Finding) bool { return f.Code == string(check.MigrationLockedScan) })
		if i < 0 {
			t.Fatalf("%s: %+v", server, findings)
		}
		for _, word := range words {
			if !strings.Contains(findings[i].Remedy, word) {
				t.Errorf("%s: the remedy does not say %q: %s", server, word, findings[i].Remedy)
			}
		}
	}
}

func TestRecipes_HaveOneForEveryVersion(t *testing.T) {
	names := map[string]bool{}
	for _, r := range migration.Recipes() {
		names[r.Name] = true
		if r.Advice == "" || strings.HasSuffix(r.Advice, ".") || strings.ContainsAny(r.Advice, "{}") {
			t.Errorf("%s advises %q", r.Name, r.Advice)
		}
	}
	for name := range names {
		if strings.HasSuffix(name, "-partitioned") { // beside the plain one
			continue
		}
		for version := 12; version <= 18; version++ {
			if !slices.ContainsFunc(migration.Recipes(), func(r migration.Recipe) bool {
				return r.Name == name && r.From <= version && (r.Until == 0 || version <= r.Until)
			}) {
				t.Errorf("no %s for version %d", name, version)
			}
		}
	}
}
