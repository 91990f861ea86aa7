package promotion

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"understudy"
)

// goBack is never turned back: it is tried until it is done.
func (e *Engine) goBack(ctx context.Context, p *understudy.Promotion) (understudy.PromotionState, error) {
	if p.Old == "" {
		return "", understudy.Errorf(understudy.KindRefused, "%s ran nothing before %s: there is no release to go back to", p.To, p.Label)
	}
	if p.Restore != nil {
		err := e.restore(ctx, p)
		var turn turned
		switch {
		case errors.As(err, &turn):
			return e.unrestored(ctx, p, turn.why)
		case err != nil:
			return "", err
		}
	}
	return understudy.PromotionRolledBack, e.flip(ctx, p)
}

// asks notes that somebody wants the databases back, where there is a copy of them.
func (g GoBack) asks(p *understudy.Promotion) {
	if g.LoseWrites && p.Restores && p.SafetyCopy != "" && canGoBack(p.State) {
		p.Restore = &understudy.Restore{By: g.By, After: p.State}
	}
}

// restore gives the databases back as they were before the migration, on the way back to the
// old release. In this order, so that it can be killed anywhere and gone on with:
//
//	door shut → copy read beside → both releases ended → loss counted → put in place → old one started
//
// Until they are put in place, in one step, all is as it was, and what goes wrong leads back
// there. The caller opens the door, once the traffic is back on the old release.
func (e *Engine) restore(ctx context.Context, p *understudy.Promotion) error {
	if !p.Restore.Done {
		if err := e.shut(ctx, p); err != nil {
			return err
		}
		if err := e.Restorer.Stage(ctx, p.To, p.ID); err != nil {
			return orTurn(ctx, err, "the safety copy could not be read: %v", err)
		}
		if err := e.swap(ctx, p); err != nil {
			return err
		}
	}
	return e.Deployments.Revive(ctx, p.Old)
}

func (e *Engine) shut(ctx context.Context, p *understudy.Promotion) error {
	var expected time.Duration // not known
	if p.Restoration != nil {
		expected = p.Restoration.High
	}
	said, err := e.Shutter.Shut(ctx, p.To, expected, p.ID)
	if err != nil || !p.Restore.Asked.IsZero() {
		return err
	}
	p.Restore.Asked = e.Clock.Now()
	return e.say(ctx, p, "the databases are restored to the safety copy: %s", said)
}

// swap puts the databases back. No program of either release may run meanwhile: it would write
// to what goes away, or remember of it what does not hold any more.
func (e *Engine) swap(ctx context.Context, p *understudy.Promotion) error {
	quit := func() error {
		if err := e.Shutter.Quit(ctx, p.New); err != nil {
			return err
		}
		return e.Shutter.Quit(ctx, p.Old)
	}
	if err := quit(); err != nil {
		return err
	}
	if p.Restore.Lost == nil { // later there is nothing left to count
		lost, err := e.Restorer.Lost(ctx, p.To, p.ID)
		if err != nil {
			return err
		}
		p.Restore.Lost = &lost
		if err := e.Records.SavePromotion(ctx, *p); err != nil {
			return err
		}
	}
	aside, err := e.Restorer.Swap(ctx, p.To, p.ID)
	if understudy.KindOf(err) == understudy.KindConflict { // to try again would keep everybody out for as long
		return orTurn(ctx, err, "the safety copy could not be put in place: %v", err)
	}
	if err != nil {
		return err
	}
	if err := quit(); err != nil { // whoever was brought up meanwhile knows the databases of before
		return err
	}
	facts := map[string]string{"to": p.To, "release": p.OldLabel, "lost": p.Restore.Lost.String()}
	if err := e.Recorder.Record(ctx, "databases.restored", p.ID, p.Reason, facts); err != nil {
		return err
	}
	p.Restore.Done, p.Restore.Aside = true, aside
	return e.say(ctx, p, "the databases are as they were before the migration; lost is %s; what stood there stays until it is dropped: %s", p.Restore.Lost, strings.Join(aside, ", "))
}

// unrestored ends a rollback whose databases could not be restored: nothing of them was
// changed. Where the old release runs on them as they are it goes back all the same; else the
// new one, which was made for them, serves on.
func (e *Engine) unrestored(ctx context.Context, p *understudy.Promotion, why string) (understudy.PromotionState, error) {
	if p.Restore.Failed == "" {
		p.Restore.Failed = why
		if err := e.say(ctx, p, "nothing of the databases was changed: %s", why); err != nil {
			return "", err
		}
	}
	at := *p
	at.State = p.Restore.After
	if !at.Stuck() {
		return understudy.PromotionRolledBack, e.flip(ctx, p)
	}
	for _, id := range []string{p.New, p.Old} {
		if err := e.Deployments.Revive(ctx, id); err != nil {
			return "", err
		}
	}
	if err := e.Door.Split(ctx, p.To, p.Old, p.New, 100); err != nil {
		return "", err
	}
	if err := e.Shutter.Unshut(ctx, p.To, p.ID); err != nil {
		return "", err
	}
	if err := e.Production.Hold(ctx, p.To, fmt.Sprintf("%s could not be taken back: %s", p.Label, why)); err != nil {
		return "", err
	}
	facts := map[string]string{"to": p.To, "release": p.Label}
	if err := e.Recorder.Record(ctx, "rollback.failed", p.ID, why, facts); err != nil {
		return "", err
	}
	return understudy.PromotionSettled, e.say(ctx, p, "%s serves on, and %s is kept warm", p.Label, p.OldLabel)
}

// holdStill says once of a release that is worse that it is not taken back by itself, and why.
func (e *Engine) holdStill(ctx context.Context, p *understudy.Promotion, why string) error {
	if err := e.Production.Hold(ctx, p.To, fmt.Sprintf("%s is worse and waits for a person: %s", p.Label, why)); err != nil {
		return err
	}
	return e.say(ctx, p, "%s; it is not taken back by itself, as %s is not known to run on what %s wrote, and restoring the databases loses what was written since; "+
		"a person decides: understudy rollback %s --lose-writes --reason …, or understudy promotion settle %s --reason … to keep it", why, p.OldLabel, p.Label, p.To, p.ID)
}
