package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"understudy"
	"understudy/internal/api"
	"understudy/internal/store"
)

// notary signs verdicts.
type notary struct{ d *Daemon }

func (n notary) Sign(ctx context.Context, s understudy.Statement) (string, error) {
	ctx = context.WithoutCancel(ctx)
	var had understudy.Verdict
	err := n.d.store.Get(ctx, kindVerdict, s.Rehearsal, &had)
	if err == nil {
		return had.ID, nil
	}
	if understudy.KindOf(err) != understudy.KindNotFound {
		return "", err
	}
	envelope, err := n.d.keys.Sign(s)
	if err != nil {
		return "", err
	}
	v := understudy.Verdict{
		ID: s.Rehearsal, Rehearsal: s.Rehearsal, Release: s.Release, Label: s.Label,
		Outcome: s.Outcome, Envelope: envelope, SignedAt: time.Now(),
	}
	facts := map[string]string{"release": s.Label, "digest": string(s.Release), "outcome": string(s.Outcome), "envelope": string(understudy.DigestOf(envelope))}
	if err := (recorder{n.d, "understudy"}).Record(ctx, "verdict.signed", v.ID, "", facts); err != nil {
		return "", err
	}
	return v.ID, n.d.store.Put(ctx, kindVerdict, v.ID, v)
}

// Verdicts lists the verdicts, oldest first.
func (d *Daemon) Verdicts(ctx context.Context) ([]understudy.Verdict, error) {
	return store.All[understudy.Verdict](ctx, d.store, kindVerdict)
}

// Verdict finds one by its own ID, its rehearsal's, or a release's name: then the newest.
func (d *Daemon) Verdict(ctx context.Context, name string) (understudy.Verdict, error) {
	var v understudy.Verdict
	err := d.store.Get(ctx, kindVerdict, name, &v)
	if understudy.KindOf(err) != understudy.KindNotFound {
		return v, err
	}
	release, err := d.Release(ctx, name)
	if err != nil {
		return v, understudy.Errorf(understudy.KindNotFound, "there is no verdict, rehearsal or release %q", name).WithHint("see what there is: understudy verdict list")
	}
	v, found, err := d.newestVerdict(ctx, release.Digest)
	if err == nil && !found {
		err = understudy.Errorf(understudy.KindNotFound, "release %s has no verdict", release.Label).WithHint("rehearse it: understudy rehearse %s", release.Label)
	}
	return v, err
}

func (d *Daemon) newestVerdict(ctx context.Context, release understudy.Digest) (understudy.Verdict, bool, error) {
	all, err := d.Verdicts(ctx)
	newest, found := understudy.Verdict{}, false
	for _, v := range all {
		if v.Release == release {
			newest, found = v, true
		}
	}
	return newest, found, err
}

// VerifyVerdict checks signature, subject and revocation, and gives what was signed.
func (d *Daemon) VerifyVerdict(ctx context.Context, name string) (understudy.Statement, error) {
	v, err := d.Verdict(ctx, name)
	if err != nil {
		return understudy.Statement{}, err
	}
	return d.verified(v)
}

// revoked says by whom a verdict was revoked and why; empty: it was not.
func revoked(v understudy.Verdict) string {
	if v.RevokedAt.IsZero() {
		return ""
	}
	return fmt.Sprintf("verdict %s was revoked by %s: %s", v.ID, v.RevokedBy, v.RevokedFor)
}

func (d *Daemon) verified(v understudy.Verdict) (understudy.Statement, error) {
	if why := revoked(v); why != "" {
		return understudy.Statement{}, understudy.Errorf(understudy.KindRefused, "%s", why)
	}
	s, err := d.keys.Verify(v.Envelope)
	switch {
	case err != nil:
		return s, understudy.Errorf(understudy.KindRefused, "verdict %s does not hold: %w", v.ID, err)
	case s.Release != v.Release || s.Rehearsal != v.Rehearsal:
		return s, understudy.Errorf(understudy.KindRefused, "verdict %s is recorded for another release than was signed", v.ID)
	}
	return s, nil
}

// RevokeVerdict makes a verdict count no longer, for good.
func (d *Daemon) RevokeVerdict(ctx context.Context, request api.Revoke) (understudy.Verdict, error) {
	request.By = d.actor(ctx, request.By)
	v, err := d.Verdict(ctx, request.Name)
	if err != nil {
		return v, err
	}
	if request.Reason == "" {
		return v, understudy.Errorf(understudy.KindInvalid, "a verdict is revoked for a reason").WithHint("say it with --reason")
	}
	if err := (recorder{d, request.By}).Record(ctx, "verdict.revoked", v.ID, request.Reason, map[string]string{"release": v.Label}); err != nil {
		return v, err
	}
	return store.Update(ctx, d.store, kindVerdict, v.ID, func(v *understudy.Verdict) error {
		if v.RevokedAt.IsZero() {
			v.RevokedAt, v.RevokedBy, v.RevokedFor = time.Now(), request.By, request.Reason
		}
		return nil
	})
}

// reconcile holds the verdicts on record against the journal. After the store was restored
// from a backup it may have forgotten newer verdicts and revocations, and an older verdict
// would count again: what the journal knows to be revoked is revoked, and a verdict that
// was signed and is not on record is put back as one that counts for nothing.
func (d *Daemon) reconcile(ctx context.Context) error {
	ended, signed := map[string]understudy.Entry{}, []understudy.Entry{}
	var withdrawn, flags []understudy.Entry
	err := d.journal.Read(1, func(e understudy.Entry) error {
		d.wished.note(e)
		switch e.Act {
		case "verdict.signed":
			signed = append(signed, e)
		case "verdict.revoked":
			ended[e.Subject] = e
		case "approval.withdrawn":
			withdrawn = append(withdrawn, e)
		case actFlag:
			flags = append(flags, e)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, e := range signed {
		if err := d.reconcileOne(ctx, e, ended[e.Subject]); err != nil {
			return err
		}
	}
	return errors.Join(d.reconcileApprovals(ctx, withdrawn), d.reconcileFlags(ctx, flags))
}

func (d *Daemon) reconcileOne(ctx context.Context, signed, revoked understudy.Entry) error {
	var v understudy.Verdict
	err := d.store.Get(ctx, kindVerdict, signed.Subject, &v)
	switch {
	case understudy.KindOf(err) == understudy.KindNotFound:
		r, err := records{d}.LoadRehearsal(ctx, signed.Subject)
		if err == nil && !r.State.Ended() {
			return nil // it goes on, and signs again
		}
		d.note("verdict "+signed.Subject, "the store has lost verdict %s on %s, which the journal has; the release has to be rehearsed again", signed.Subject, signed.Facts["release"])
		return d.store.Put(ctx, kindVerdict, signed.Subject, understudy.Verdict{
			ID: signed.Subject, Rehearsal: signed.Subject, Release: understudy.Digest(signed.Facts["digest"]), Label: signed.Facts["release"],
			Outcome: understudy.OutcomeError, SignedAt: signed.At, RevokedAt: time.Now(), RevokedBy: "understudy",
			RevokedFor: "its record was lost with the store",
		})
	case err != nil:
		return err
	case revoked.Subject != "" && v.RevokedAt.IsZero():
		v.RevokedAt, v.RevokedBy, v.RevokedFor = revoked.At, revoked.Actor, revoked.Reason
		return d.store.Put(ctx, kindVerdict, v.ID, v)
	}
	return nil
}
