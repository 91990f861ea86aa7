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
	h.sql(t, `DO $$ BEGIN
		IF EXISTS (SELECT FROM information_schema.columns WHERE column_name = 'shade') OR EXISTS (SELECT FROM notes WHERE text = 'burnt' OR id = 900001) THEN
			RAISE 'it is not what it was'; END IF; END $$`)
	_, err = h.Rollback(limited(t), api.Rollback{Environment: "production", By: "ops", LoseWrites: true})
	refused(t, err, understudy.KindRefused, "already")
}
