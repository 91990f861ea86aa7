package daemon_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres/cluster"
	"understudy/internal/postgres/postgrestest"
)

// turnedBack promotes moody, which must be stopped for a reason and leave its state.
func (h *house) turnedBack(t *testing.T, says ...string) understudy.Promotion {
	t.Helper()
	p := h.promoted(t, h.promote(t, "moody").ID)
	if p.State != understudy.PromotionRolledBack || h.whoServes(t) != "old" {
		t.Errorf("%s serves:\n%s", h.whoServes(t), told(p))
	}
	for _, part := range says {
		if !strings.Contains(told(p), part) {
			t.Errorf("it does not say %q:\n%s", part, told(p))
		}
	}
	h.promoting(t, "moody", "is held")
	check(t, h.LiftHold(limited(t), "production", "ops", "seen to"))
	return p
}

// newForeignHouse is a project whose production has its database on a server of others, where
// Understudy has the application's role and no more. The release old serves there.
func newForeignHouse(t *testing.T) (h *house, admin *pgx.Conn) {
	t.Helper()
	server, name := postgrestest.Database(t)
	role := name + "_notes"
	check(t, server.EnsureRole(t.Context(), cluster.Role{Name: role, Password: "sesame", Login: true, Inherit: true}))
	admin = postgrestest.Connected(t, server.AdminURL(name))
	first := slices.DeleteFunc(slices.Clone(versions()["old"].Up), func(of string) bool { return strings.HasPrefix(of, "archive: ") }) // of another database
	postgrestest.Runs(t, admin, `ALTER DATABASE `+name+` OWNER TO `+role+`; SET ROLE `+role+`; `+strings.Join(first, "; ")+`; RESET ROLE`)
	h = newHouse(t)
	yaml := strings.Replace(h.yaml(), "main: {seed: [bin/app, seed], settings: {max_connections: 60}}", `main: {url: "file:production.url"}`, 1)
	h.write(t, "understudy.yaml", strings.NewReplacer("timeout: 6s", "timeout: 1m", "role: notes", "role: "+role).Replace(yaml))
	h.write(t, "production.url", server.URL(role, "sesame", name))
	h.open(t)
	h.up(t)
	h.sql(t, `INSERT INTO accounts (id, email, full_name, nickname) SELECT n, 'person' || n || '@example.org', 'Person ' || n, 'nick' || n FROM generate_series(1, 3000) n`,
		`INSERT INTO notes (account, text) SELECT n, 'a word of person ' || n FROM generate_series(1, 3000) n`, `ANALYZE accounts, notes`)
	return h, admin
}

func TestPromotion_StopsAMigrationAtTheFirstSurpriseAndSaysWhatStateThingsAreIn(t *testing.T) {
	t.Parallel()
	h, admin := newForeignHouse(t)
	h.release(t, "moody")
	r := h.passed(t, "moody")
	crowd := visit(t, h.production)
	if e := r.Expected; e == nil || len(e.Runs) != 2 || fmt.Sprint(e.Locked()) != "[public.notes (ACCESS EXCLUSIVE)]" || e.Low > e.High || !strings.Contains(e.Basis, "are not those of the twin") {
		t.Fatalf("the rehearsal expects %+v\n%s", e, described(r))
	}
	h.sql(t, `INSERT INTO notes (account, text) VALUES (7, 'lock')`)
	p := h.turnedBack(t, "it was stopped: it takes ACCESS EXCLUSIVE on public.accounts, which the rehearsal did not see",
		"pg_read_all_stats would show it", "it was running: DO", "nothing of the schema has changed", "old serves on, on the schema that it had")
	if plan := strings.Join(p.Changes, "\n"); !strings.Contains(plan, "by 2 runs") || !strings.Contains(plan, "public.notes (ACCESS EXCLUSIVE)") {
		t.Errorf("the plan does not say what is expected:\n%s", plan)
	}
	if left := postgrestest.Answer(t, admin, `SELECT count(*)::text FROM pg_stat_activity WHERE application_name = 'understudy-migration' AND datname = current_database()`); left != "0" {
		t.Errorf("%s sessions of the migration are left", left)
	}

	h.sql(t, `UPDATE notes SET text = 'sleep' WHERE text = 'lock'`)
	h.turnedBack(t, "the migration of promotion "+p.ID+" did not run through; this one is held against what is there now", "it was stopped: it runs for longer than 10", "committed, and stays: column public.notes.tint is there and was not",
		"old serves on; it was seen to work on the whole new schema")
	h.isInterrupted(t, admin)
	crowd.mustBeServed(t)
}

// isInterrupted has the daemon end in the middle of a migration that has committed something,
// and held to what was there before when it goes on, and is stopped.
func (h *house) isInterrupted(t *testing.T, admin *pgx.Conn) {
	t.Helper()
	h.sql(t, `ALTER TABLE notes DROP COLUMN tint`)
	id := h.promote(t, "moody").ID
	h.until(t, "it has committed its first part", func() bool {
		return postgrestest.Answer(t, admin, `SELECT EXISTS (SELECT FROM information_schema.columns WHERE column_name = 'tint')::text`) == "true"
	})
	h.end()
	postgrestest.Runs(t, admin, `UPDATE notes SET text = 'lock' WHERE text = 'sleep'`)
	h.open(t)
	p := h.promoted(t, id)
	for _, part := range []string{"was begun before, and is held against what was there then", "it takes ACCESS EXCLUSIVE on public.accounts", "committed, and stays: column public.notes.tint is there and was not"} {
		if !strings.Contains(told(p), part) {
			t.Errorf("it does not say %q:\n%s", part, told(p))
		}
	}
	if p.State != understudy.PromotionRolledBack || h.whoServes(t) != "old" {
		t.Errorf("%s serves:\n%s", h.whoServes(t), told(p))
	}
}

// promoteInAQuietMoment promotes a version, which must wait for a long transaction to end
// before it is migrated, and say what it came to beside what was expected.
func (h *house) promoteInAQuietMoment(t *testing.T, version string) understudy.Promotion {
	t.Helper()
	held := h.session(t, "production", "main")
	_, err := held.Exec(limited(t), `BEGIN; SELECT FROM notes LIMIT 1`)
	check(t, err)
	began := time.Now()
	h.until(t, "the transaction is long", func() bool { return time.Since(began) > 1100*time.Millisecond })
	id := h.promote(t, version).ID
	if !h.seePromotion(t, id, func(p understudy.Promotion) bool {
		return strings.Contains(told(p), "waits for a quiet moment, 30s at most: postgres")
	}) {
		t.Fatalf("it did not wait:\n%s", told(h.promoted(t, id)))
	}
	if now := h.answer(t, "production", "postgres", `SELECT count(*)::text FROM pg_stat_activity WHERE application_name = 'understudy-migration'`); now != "0" {
		t.Error("the migration runs while it waits")
	}
	_, err = held.Exec(limited(t), `COMMIT`)
	check(t, err)
	p := h.promoted(t, id)
	for _, part := range []string{"has held public.notes (ACCESS SHARE) in a transaction", "quiet after", "migrated in", "at try 1; expected", "by 2 runs"} {
		if !strings.Contains(told(p), part) {
			t.Errorf("it does not say %q:\n%s", part, told(p))
		}
	}
	return p
}
