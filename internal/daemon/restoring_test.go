package daemon_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"understudy"
	"understudy/internal/api"
)

// isRestored takes back a settled release whose way back is to restore the databases, while
// customers are there, and holds production to what it was before.
func (h *house) isRestored(t *testing.T, r understudy.Rehearsal) {
	t.Helper()
	s, err := h.VerifyVerdict(limited(t), r.Verdict)
	check(t, err)
	if s.Restoration == nil || s.Restoration.Bytes == 0 || !s.Restoration.OldAfterNew || s.Restoration.High < s.Restoration.Low ||
		!slices.ContainsFunc(r.Findings(), func(f understudy.Finding) bool {
			return f.Code == "rollback.writes-lost" && strings.Contains(f.Seen, "notes")
		}) {
		t.Errorf("of the restore is attested %+v, and was found: %s", s.Restoration, described(r))
	}
	h.sql(t, `INSERT INTO notes (id, text, shade) VALUES (900001, 'bought since', 'red')`)
	crowd := visit(t, h.production)
	p, err := h.Rollback(limited(t), api.Rollback{Environment: "production", By: "ops", Reason: "all is burnt", LoseWrites: true})
	check(t, err)
	p = h.promoted(t, p.ID)
	if p.State != understudy.PromotionRolledBack || h.whoServes(t) != "old" {
		t.Fatalf("%s serves after the restore:\n%s", h.whoServes(t), told(p))
	}
	if s.Restoration.High <= 8*time.Second { // else they were shown the page, or may have waited for too long
		crowd.mustBeServed(t)
	}
	crowd.leave()
	if said := told(p); !strings.Contains(said, "customers ") || !strings.Contains(said, "about ") || p.Restore == nil || p.Restore.Lost.Unknown != "" || p.Restore.Lost.Rows["notes"] == 0 {
		t.Errorf("it said: %s", said)
	}
	h.isAsBefore(t)
	_, err = h.Rollback(limited(t), api.Rollback{Environment: "production", By: "ops", LoseWrites: true})
	refused(t, err, understudy.KindRefused, "already")
}

// isRestoredThoughKilled promotes the release once more and takes it back as before, behind a
// page of maintenance, by a daemon that is killed wherever it can be seen to be.
func (h *house) isRestoredThoughKilled(t *testing.T, release string) {
	t.Helper()
	h.end()
	h.start(t)
	check(t, h.LiftHold(limited(t), "production", "ops", "once more"))
	if p := h.promoted(t, h.promote(t, release).ID); p.State != understudy.PromotionSettled {
		t.Fatalf("once more:\n%s", told(p))
	}
	h.sql(t, `INSERT INTO notes (id, text, shade) VALUES (900001, 'bought since', 'red')`)
	check(t, h.Maintain(limited(t), api.Maintain{Environment: "production", By: "ops", Reason: "all is burnt again"}))
	p, err := h.Rollback(limited(t), api.Rollback{Environment: "production", By: "ops", Reason: "all is burnt again", LoseWrites: true})
	check(t, err)
	var killed []string
	for _, at := range []struct {
		moment string
		is     func(r understudy.Restore) bool
	}{
		{"the safety copy is read", func(r understudy.Restore) bool { return !r.Asked.IsZero() }},
		{"the loss is counted", func(r understudy.Restore) bool { return r.Lost != nil }},
		{"the databases are exchanged", func(r understudy.Restore) bool { return r.Done }},
	} {
		if !h.seePromotion(t, p.ID, func(p understudy.Promotion) bool { return p.Restore != nil && at.is(*p.Restore) }) {
			continue // it was over before it was heard of
		}
		h.kill(t)
		killed = append(killed, at.moment)
		if page := h.production1(t, "/"); !strings.Contains(page, "closed for maintenance") {
			t.Errorf("killed as %s, customers see %q", at.moment, page)
		}
		h.start(t)
	}
	p = h.promoted(t, p.ID)
	if p.State != understudy.PromotionRolledBack || p.Restore == nil || !p.Restore.Done || len(killed) < 2 {
		t.Fatalf("killed as %q, it ends:\n%s", killed, told(p))
	}
	if page := h.production1(t, "/"); !strings.Contains(page, "closed for maintenance") {
		t.Errorf("what a person has closed is open: %q", page)
	}
	check(t, h.EndMaintenance(limited(t), api.EndMaintenance{Environment: "production", By: "ops", Reason: "looked at"}))
	if now := h.whoServes(t); now != "old" {
		t.Errorf("%q serves, killed as %q:\n%s", now, killed, told(p))
	}
	h.isAsBefore(t)
	_, err = h.VerifyJournal(limited(t), api.VerifyJournal{})
	check(t, err)
}

// isAsBefore holds production's database to what it was before the migration.
func (h *house) isAsBefore(t *testing.T) {
	t.Helper()
	h.sql(t, `DO $$ BEGIN
		IF EXISTS (SELECT FROM information_schema.columns WHERE column_name = 'shade') OR EXISTS (SELECT FROM notes WHERE text = 'burnt' OR id = 900001) THEN
			RAISE 'it is not what it was'; END IF; END $$`)
}
