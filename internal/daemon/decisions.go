package daemon

import (
	"context"
	"errors"
	"time"

	"understudy"
	"understudy/internal/api"
	"understudy/internal/promotion"
)

// The decisions that people take over a promotion that is under way or has settled. Each is
// in the journal before anything else happens; a daemon that was killed right after finds it
// there (see wishes).

// Rollback takes back the latest promotion to an environment, whether it is under way or
// settled.
func (d *Daemon) Rollback(ctx context.Context, request api.Rollback) (understudy.Promotion, error) {
	request.By = d.actor(ctx, request.By)
	last, err := d.lastPromotion(ctx, request.Environment)
	if err != nil {
		return last, err
	}
	if err := d.mayGoBack(ctx, last, request.LoseWrites); err != nil {
		return last, err
	}
	reason := request.Reason
	if reason == "" {
		reason = "no reason given"
	}
	wish := promotion.GoBack{By: request.By, Reason: reason, LoseWrites: request.LoseWrites}
	record := func() error {
		return recorder{d, request.By}.Record(ctx, actRollback, last.ID, reason, asked(request))
	}
	refused := func(why error) error { return why }
	if !last.State.Ended() {
		if err := record(); err != nil || d.acts.stop(last.ID, wish) {
			return last, err
		}
		// it has ended meanwhile
		if last, err = d.promotion(ctx, last.ID); err != nil || last.State != understudy.PromotionSettled && !givesBack(last, wish) {
			return last, err
		}
		record = func() error { return nil }
		refused = func(why error) error { return errors.Join(why, d.unasked(ctx, last, request)) }
	}
	give, err := d.stages.await(ctx, last.To, "rollback of promotion "+last.ID, forMoments)
	if err != nil {
		return last, refused(err)
	}
	if err := record(); err != nil {
		give()
		return last, err
	}
	return last, d.takeBack(ctx, last, give, wish)
}

// unasked writes down that a wish which is in the journal already was refused: a daemon that is
// started again must not heed what somebody was told not to have.
func (d *Daemon) unasked(ctx context.Context, p understudy.Promotion, request api.Rollback) error {
	return recorder{d, request.By}.Record(context.WithoutCancel(ctx), actRollbackFailed, p.ID, p.To+" is in use", asked(request))
}

// givesBack tells whether a wish would still give the databases back, after a promotion that has
// gone back without them.
func givesBack(p understudy.Promotion, wish promotion.GoBack) bool {
	return wish.LoseWrites && p.State == understudy.PromotionRolledBack && mayRestore(p) == nil
}

// asked are the facts of a wish to go back.
func asked(request api.Rollback) map[string]string {
	facts := map[string]string{"environment": request.Environment}
	if request.LoseWrites {
		facts[factLoseWrites] = "yes"
	}
	return facts
}

// takeBack goes back from a promotion that has settled, or, where the databases are to be
// given back, that has gone back without them. The stage is given back by give.
func (d *Daemon) takeBack(ctx context.Context, p understudy.Promotion, give func(), wish promotion.GoBack) error {
	p.Restore = nil
	if wish.LoseWrites {
		p.Restore = &understudy.Restore{By: wish.By, After: p.State}
	}
	p.State, p.Reason, p.EndedAt = understudy.PromotionRollingBack, wish.Error(), time.Time{}
	if err := (records{d}).SavePromotion(ctx, p); err != nil {
		if give != nil {
			give()
		}
		return err
	}
	d.carry(p.ID, p.To, give, nil)
	return nil
}

func (d *Daemon) lastPromotion(ctx context.Context, environment string) (understudy.Promotion, error) {
	all, err := d.Promotions(ctx)
	var last understudy.Promotion
	for _, p := range all {
		if p.To == environment && p.State != understudy.PromotionRefused {
			last = p
		}
	}
	if err != nil || last.ID != "" {
		return last, err
	}
	if _, _, err := d.environmentAsLastRead(ctx, environment); understudy.KindOf(err) == understudy.KindNotFound {
		return last, err
	}
	return last, understudy.Errorf(understudy.KindRefused, "%s has no promotion to take back: nothing was promoted there yet", environment)
}

// SettlePromotion ends the bake of a promotion that cannot be judged, because a person says so.
func (d *Daemon) SettlePromotion(ctx context.Context, request api.Decide) (understudy.Promotion, error) {
	request.By = d.actor(ctx, request.By)
	p, err := d.promotion(ctx, request.Promotion)
	switch {
	case err != nil:
		return p, err
	case request.Reason == "":
		return p, understudy.Errorf(understudy.KindInvalid, "a promotion is settled for a reason").WithHint("say it with --reason")
	case p.State != understudy.PromotionBaking:
		return p, understudy.Errorf(understudy.KindConflict, "promotion %s is %s: only one that bakes can be settled", p.ID, p.State)
	}
	if err := (recorder{d, request.By}).Record(ctx, actSettle, p.ID, request.Reason, map[string]string{"release": p.Label, "to": p.To}); err != nil {
		return p, err
	}
	if !d.acts.stop(p.ID, promotion.Settle{By: request.By, Reason: request.Reason}) {
		return d.promotion(ctx, p.ID) // it has ended meanwhile
	}
	return p, nil
}

// ContractPromotion runs the contract migration of a promotion that has settled.
func (d *Daemon) ContractPromotion(ctx context.Context, request api.Decide) (understudy.Promotion, error) {
	request.By = d.actor(ctx, request.By)
	p, err := d.promotion(ctx, request.Promotion)
	if err != nil {
		return p, err
	}
	switch p.State {
	case understudy.PromotionSettled:
	case understudy.PromotionContracted:
		return p, understudy.Errorf(understudy.KindConflict, "the contract migration of promotion %s has run already", p.ID)
	default:
		return p, understudy.Errorf(understudy.KindConflict, "promotion %s is %s: a contract migration runs once it has settled, and while it is there", p.ID, p.State)
	}
	last, err := d.lastPromotion(ctx, p.To)
	switch {
	case err != nil:
		return p, err
	case last.ID != p.ID:
		return p, understudy.Errorf(understudy.KindRefused, "%s is not what was promoted last to %s: that is %s", p.ID, p.To, last.ID)
	}
	if err := d.mayContract(ctx, p); err != nil {
		return p, err
	}
	give, err := d.stages.await(ctx, p.To, "promotion "+p.ID, forMoments)
	if err != nil {
		return p, err
	}
	if err := (recorder{d, request.By}).Record(ctx, actContract, p.ID, request.Reason, map[string]string{"release": p.Label, "to": p.To}); err != nil {
		give()
		return p, err
	}
	if p, err = d.wantContract(ctx, p, request.By); err != nil {
		give()
		return p, err
	}
	d.carry(p.ID, p.To, give, nil)
	return p, nil
}

// mayContract says why a contract migration cannot be run before anything is asked of anybody.
func (d *Daemon) mayContract(ctx context.Context, p understudy.Promotion) error {
	release, err := d.releaseByDigest(ctx, p.Release)
	if err != nil {
		return err
	}
	if m := release.Application.Migration; m == nil || len(m.Contract) == 0 {
		return understudy.Errorf(understudy.KindInvalid, "%s declares no contract migration", p.Label).WithHint("declare it under migration.contract, and rehearse the release")
	}
	_, _, s, err := archive{d}.Attested(ctx, p.Release)
	if err == nil && s.Contract == nil {
		err = understudy.Errorf(understudy.KindRefused, "the contract migration of %s was not rehearsed: what is not known is not run where there is no way back", p.Label).
			WithHint("its rehearsal says why in the check rollback: understudy rehearsal show %s", s.Rehearsal)
	}
	return err
}

// wantContract writes down that the contract migration is to be done.
func (d *Daemon) wantContract(ctx context.Context, p understudy.Promotion, by string) (understudy.Promotion, error) {
	had := p.Contract
	p.Contract = &understudy.Contract{By: by, Wanted: true, Begun: had != nil && had.Begun}
	return p, records{d}.SavePromotion(ctx, p)
}
