package daemon_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"understudy"
	"understudy/internal/api"
	"understudy/internal/store"
)

func TestDown_OfEverythingEndsARehearsalAndNeedsNoReadableProject(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.open(t)
	h.up(t)
	h.release(t, "good")
	r, err := h.Rehearse(limited(t), api.Rehearse{Release: "good", By: "dev"})
	check(t, err)
	began := make(chan struct{})
	var once bool
	go func() {
		_ = h.WatchRehearsal(limited(t), r.ID, func(r understudy.Rehearsal) error { // it ends with the rehearsal
			if !once && r.Step == understudy.CheckMigration {
				once = true
				close(began)
			}
			return nil
		})
	}()
	select {
	case <-began:
	case <-limited(t).Done():
		t.Fatal("the rehearsal never came to its migration")
	}
	check(t, os.WriteFile(filepath.Join(h.project, "understudy.yaml"), []byte("application: [\n"), 0o600))
	check(t, h.Down(limited(t), api.Down{By: "ops"}, silent))
	if r := h.rehearsed(t, r.ID); r.State != understudy.RehearsalCancelled {
		t.Errorf("the rehearsal is %s after everything was taken down", r.State)
	}
	h.until(t, "nothing runs any more", func() bool { return len(h.processes()) == 0 })
}

func TestRehearsal_PassesAgainAfterARollbackThatKeptTheSchema(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.open(t)
	h.up(t)
	h.release(t, "good")
	h.passed(t, "good")
	crowd := visit(t, h.production)
	p := h.promoted(t, h.promote(t, "good").ID)
	if p.State != understudy.PromotionSettled {
		t.Fatal(told(p))
	}
	_, err := h.Rollback(limited(t), api.Rollback{Environment: "production", By: "ops", Reason: "tried"})
	check(t, err)
	h.promoted(t, p.ID)
	crowd.mustBeServed(t)
	h.passed(t, "good")
}

func TestVerdict_ThatARestoredStoreForgotCountsForNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.open(t)
	h.up(t)
	h.release(t, "plain")
	first := h.passed(t, "plain")
	_, err := h.RevokeVerdict(limited(t), api.Revoke{Name: first.Verdict, By: "sec", Reason: "wrong key"})
	check(t, err)
	second := h.passed(t, "plain")
	h.end()
	s, err := store.Open(t.Context(), "sqlite:"+h.state.Below("store.db"))
	check(t, err)
	_, err = store.Update(context.WithoutCancel(t.Context()), s, "verdict", first.Verdict, func(v *understudy.Verdict) error {
		*v = understudy.Verdict{ID: v.ID, Rehearsal: v.Rehearsal, Release: v.Release, Label: v.Label, Outcome: v.Outcome, Envelope: v.Envelope, SignedAt: v.SignedAt}
		return nil
	})
	check(t, errors.Join(err, s.Delete(context.WithoutCancel(t.Context()), "verdict", second.Verdict), s.Close()))
	h.open(t)
	for _, name := range []string{first.Verdict, second.Verdict} {
		_, err := h.VerifyVerdict(limited(t), name)
		refused(t, err, understudy.KindRefused, "revoked")
	}
	h.promoting(t, "plain", "lost with the store")
}
