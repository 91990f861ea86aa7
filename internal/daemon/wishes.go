package daemon

import (
	"context"
	"fmt"
	"time"

	"understudy"
	"understudy/internal/promotion"
	"understudy/internal/rehearsal"
)

// What people ask for stands in the journal under these names.
const (
	actRollback = "rollback.asked"
	actSettle   = "promotion.settle"
	actContract = "contract.asked"
	actCancel   = "rehearsal.cancel"

	// factLoseWrites is among the facts of a rollback that is to restore the databases.
	factLoseWrites = "loseWrites"
)

// contractWish is somebody's wish that a contract migration be run.
type contractWish struct{ by string }

func (w contractWish) Error() string { return w.by + " asked for the contract migration" }

// wishes are those that the journal has and that nothing came of: whoever was to heed them
// died before it had written that down.
func (d *Daemon) wishes() (map[string]error, error) {
	out := map[string]error{}
	err := d.journal.Read(1, func(e understudy.Entry) error {
		switch e.Act {
		case actRollback:
			out[e.Subject] = promotion.GoBack{By: e.Actor, Reason: e.Reason, LoseWrites: e.Facts[factLoseWrites] != ""}
		case actSettle:
			out[e.Subject] = promotion.Settle{By: e.Actor, Reason: e.Reason}
		case actContract:
			out[e.Subject] = contractWish{e.Actor}
		case actCancel:
			out[e.Subject] = fmt.Errorf("%w by %s", rehearsal.ErrCancelled, e.Actor)
		case "promotion.settled":
			if _, back := out[e.Subject].(promotion.GoBack); !back { // that is heeded after it too
				delete(out, e.Subject)
			}
		case "promotion.rolling-back", "promotion.rolled-back", "rollback.failed", "promotion.refused", "promotion.contracting", "promotion.contracted":
			delete(out, e.Subject)
		}
		return nil
	})
	return out, err
}

// goOnPromoting carries on every promotion that had not ended, or that somebody wants
// something of.
func (d *Daemon) goOnPromoting(ctx context.Context, wishes map[string]error) error {
	all, err := d.Promotions(ctx)
	if err != nil {
		return err
	}
	last := map[string]string{} // promotion to each environment
	for _, p := range all {
		if p.State != understudy.PromotionRefused {
			last[p.To] = p.ID
		}
	}
	for _, p := range all {
		switch wish := wishes[p.ID].(type) {
		case promotion.GoBack:
			again := wish.LoseWrites && p.State == understudy.PromotionRolledBack && (p.Restore == nil || !p.Restore.Done)
			switch {
			case p.State != understudy.PromotionSettled && !again:
				d.goOnWith(p, wish)
			case last[p.To] == p.ID: // else others came after it, and it is not what runs
				err = d.takeBack(ctx, p, nil, wish)
			}
		case contractWish:
			if p.State == understudy.PromotionSettled && !p.Goes() {
				p, err = d.wantContract(ctx, p, wish.by)
			}
			d.goOnWith(p, nil)
		case promotion.Settle:
			d.goOnWith(p, wish)
		default:
			d.goOnWith(p, nil)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *Daemon) goOnWith(p understudy.Promotion, wish error) {
	if p.Goes() {
		d.carry(p.ID, p.To, nil, wish)
	}
}

// goOnRehearsing queues every rehearsal that had not ended, but those that somebody cancelled.
func (d *Daemon) goOnRehearsing(ctx context.Context, wishes map[string]error) error {
	all, err := d.Rehearsals(ctx)
	if err != nil {
		return err
	}
	for _, r := range all {
		switch wish := wishes[r.ID]; {
		case r.State.Ended():
		case wish != nil:
			r.State, r.Reason, r.EndedAt, r.Step = understudy.RehearsalCancelled, wish.Error(), time.Now(), ""
			if err := (records{d}).SaveRehearsal(ctx, r); err != nil {
				return err
			}
		default:
			d.queue(r.On)
		}
	}
	return nil
}
