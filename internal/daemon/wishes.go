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

	// actRollbackFailed ends a rollback that came to nothing.
	actRollbackFailed = "rollback.failed"

	// factLoseWrites is among the facts of a rollback that is to restore the databases.
	factLoseWrites = "loseWrites"
)

// contractWish is somebody's wish that a contract migration be run.
type contractWish struct{ by string }

func (w contractWish) Error() string { return w.by + " asked for the contract migration" }

// wishBook is what of the journal was read for the wishes in it.
type wishBook struct {
	read int64 // up to this entry
	open map[string]error
}

func (b *wishBook) note(e understudy.Entry) {
	if b.open == nil {
		b.open = map[string]error{}
	}
	b.read = e.Sequence
	switch e.Act {
	case actRollback:
		b.open[e.Subject] = promotion.GoBack{By: e.Actor, Reason: e.Reason, LoseWrites: e.Facts[factLoseWrites] != ""}
	case actSettle:
		b.open[e.Subject] = promotion.Settle{By: e.Actor, Reason: e.Reason}
	case actContract:
		b.open[e.Subject] = contractWish{e.Actor}
	case actCancel:
		b.open[e.Subject] = fmt.Errorf("%w by %s", rehearsal.ErrCancelled, e.Actor)
	case "promotion.settled":
		if _, back := b.open[e.Subject].(promotion.GoBack); !back { // that is heeded after it too
			delete(b.open, e.Subject)
		}
	case "promotion.rolled-back", actRollbackFailed, "promotion.refused", "promotion.contracting", "promotion.contracted":
		delete(b.open, e.Subject)
	}
}

// wishes are those that the journal has and that nothing came of: whoever was to heed them
// died before it had written that down. What was read at the start is not read again.
func (d *Daemon) wishes() (map[string]error, error) {
	err := d.journal.Read(d.wished.read+1, func(e understudy.Entry) error {
		d.wished.note(e)
		return nil
	})
	return d.wished.open, err
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
			switch {
			case p.State != understudy.PromotionSettled && !givesBack(p, wish):
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
