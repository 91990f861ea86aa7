package daemon

import (
	"context"

	"understudy"
)

const forward = "the way is forward: rehearse a new release that mends what is wrong, and promote that"

// mayGoBack refuses to go back to a release that is known not to run on the databases as they
// would be then, and to lose what was written where that was not asked for. What was attested
// holds though the verdict was revoked since: a release that turned out to be bad is just what
// is taken back.
func (d *Daemon) mayGoBack(ctx context.Context, p understudy.Promotion, loseWrites bool) error {
	if p.State == understudy.PromotionContracting || p.State == understudy.PromotionContracted || p.Contract != nil && p.Contract.Begun {
		return understudy.Errorf(understudy.KindRefused, "%s cannot go back to %s: the contract migration of %s has taken away what only %s needed", p.To, p.OldLabel, p.Label, p.OldLabel).
			WithHint("%s", forward)
	}
	switch {
	case loseWrites:
		if err := mayRestore(p); err != nil {
			return err
		}
		return d.roomToRestore(ctx, p)
	case p.State == understudy.PromotionRolledBack:
		return understudy.Errorf(understudy.KindRefused, "%s has no promotion to take back: %s is back on %s, %s was taken back, and there is no second step", p.To, p.To, p.OldLabel, p.Label).
			WithHint("%s", forward)
	case p.Stuck():
		return d.wouldLose(ctx, p)
	case p.State != understudy.PromotionSettled || p.Verdict == "" || p.Restores || p.Again: // else it would be stuck; or it goes back to itself
		return nil
	}
	release, err := d.releaseByDigest(ctx, p.Release)
	if err != nil || release.Application.Migration == nil {
		return err
	}
	v, err := d.Verdict(ctx, p.Verdict)
	if err != nil {
		return err
	}
	s, err := d.keys.Verify(v.Envelope)
	if err == nil && !s.OldRunsOnNew {
		return understudy.Errorf(understudy.KindRefused, "%s is not known to run on the schema that %s brought", p.OldLabel, p.Label).WithHint("%s", forward)
	}
	return nil
}

// mayRestore refuses where there is no copy to give the databases back from, or they are back.
func mayRestore(p understudy.Promotion) error {
	switch {
	case !p.Restores:
		return understudy.Errorf(understudy.KindRefused, "%s is not taken back by restoring the databases: its release does not say that this is its way back (migration.back: restore)", p.Label).
			WithHint("leave out --lose-writes: nothing is lost then")
	case p.SafetyCopy == "" && p.State.Ended():
		return understudy.Errorf(understudy.KindRefused, "there is no safety copy of before %s: its migration was not begun", p.Label)
	case p.State == understudy.PromotionRollingBack && p.Restore == nil:
		return understudy.Errorf(understudy.KindConflict, "%s is on its way back to %s already, with its databases as they are", p.To, p.OldLabel).
			WithHint("once it is back, ask again if they have to be restored as well")
	case p.Restore != nil && p.Restore.Done:
		return understudy.Errorf(understudy.KindRefused, "the databases of %s are as they were before %s already", p.To, p.Label)
	}
	return nil
}

// wouldLose refuses in one sentence that says what going back would cost.
func (d *Daemon) wouldLose(ctx context.Context, p understudy.Promotion) error {
	lost, err := restorer{d}.Lost(ctx, p.To, p.ID)
	if err != nil {
		return err
	}
	takes := "how long that takes was not rehearsed"
	if p.Restoration != nil {
		takes = "which takes " + p.Restoration.Range()
	}
	return understudy.Errorf(understudy.KindRefused, "%s is not known to run on what %s wrote, so going back restores the databases, %s, and loses %s", p.OldLabel, p.Label, takes, lost).
		WithHint("if that is to be lost: understudy rollback %s --lose-writes --reason …; else mend it forward with a new release", p.To)
}
