package daemon

import (
	"context"
	"fmt"
	"os/user"
	"slices"
	"time"

	"understudy"
	"understudy/internal/api"
	"understudy/internal/policy"
	"understudy/internal/store"
)

// Approve signs somebody's yes to a release for an environment, on the evidence of now.
func (d *Daemon) Approve(ctx context.Context, request api.Approve) (understudy.SignedApproval, error) {
	request.By = d.actor(ctx, request.By)
	var none understudy.SignedApproval
	if request.By == "" {
		return none, understudy.Errorf(understudy.KindInvalid, "an approval is somebody's, and the request does not say whose")
	}
	release, err := d.Release(ctx, request.Release)
	if err != nil {
		return none, err
	}
	to, err := d.target(request.To)
	if err != nil {
		return none, err
	}
	given, err := d.approvable(ctx, release, to.Name, request)
	if err != nil {
		return none, err
	}
	envelope, err := d.keys.SignApproval(given)
	if err != nil {
		return none, err
	}
	facts := map[string]string{"release": release.Label, "digest": string(release.Digest), "to": to.Name, "verdict": given.Verdict, "envelope": string(understudy.DigestOf(envelope))}
	if err := (recorder{d, given.By}).Record(ctx, "approval.given", given.ID, given.Reason, facts); err != nil {
		return none, err
	}
	signed := understudy.SignedApproval{Approval: given, Envelope: envelope}
	return signed, d.store.Put(ctx, kindApproval, given.ID, signed)
}

// approvable is what somebody would agree to now. There must be something to agree to, and
// whoever the policy does not count is told at once.
func (d *Daemon) approvable(ctx context.Context, release understudy.Release, to string, request api.Approve) (understudy.Approval, error) {
	var none understudy.Approval
	verdict, evidence, statement, err := archive{d}.Attested(ctx, release.Digest)
	if err != nil {
		return none, understudy.Errorf(understudy.KindRefused, "%s cannot be approved: %w", release.Label, err).WithHint("rehearse it: understudy rehearse %s", release.Label)
	}
	if statement.Outcome != understudy.OutcomePassed {
		return none, understudy.Errorf(understudy.KindRefused, "%s cannot be approved: its rehearsal %s ended %s", release.Label, statement.Rehearsal, statement.Outcome).
			WithHint("see what was found: understudy rehearsal show %s", statement.Rehearsal)
	}
	asked, err := archive{d}.Policy(ctx, to)
	if err != nil {
		return none, err
	}
	if rule := asked.Approvals; rule != nil {
		rule := *rule
		rule.NotPromoter = false // nobody promotes yet
		if why := policy.Excluded(rule, request.By, groupsOf(request.By), release.CreatedBy, ""); why != "" {
			return none, understudy.Errorf(understudy.KindRefused, "this approval would not count: %s", why).WithHint("see who may: understudy policy show")
		}
	}
	digest, err := understudy.DigestOfValue(asked)
	if err != nil {
		return none, err
	}
	production, err := d.Observe(ctx, to)
	if err != nil {
		return none, fmt.Errorf("observing %s: %w", to, err)
	}
	return understudy.Approval{
		ID: newID(), By: request.By, Release: release.Digest, Label: release.Label, To: to, Verdict: verdict, Evidence: evidence,
		Policy: digest, Production: production, Reason: request.Reason, At: time.Now(),
	}, nil
}

// WithdrawApproval takes somebody's own approval back.
func (d *Daemon) WithdrawApproval(ctx context.Context, request api.Approve) (understudy.SignedApproval, error) {
	request.By = d.actor(ctx, request.By)
	var last understudy.SignedApproval
	release, err := d.Release(ctx, request.Release)
	if err != nil {
		return last, err
	}
	to, err := d.target(request.To)
	if err != nil {
		return last, err
	}
	all, err := d.approvals(ctx, release.Digest, to.Name)
	if err != nil {
		return last, err
	}
	for _, a := range all {
		if a.By == request.By {
			last = a
		}
	}
	if last.ID == "" || !last.WithdrawnAt.IsZero() {
		return last, understudy.Errorf(understudy.KindNotFound, "%s has no approval of %s for %s to withdraw", request.By, release.Label, to.Name)
	}
	if err := (recorder{d, request.By}).Record(ctx, "approval.withdrawn", last.ID, request.Reason, map[string]string{"release": release.Label, "to": to.Name}); err != nil {
		return last, err
	}
	return d.withdraw(ctx, last.ID, time.Now(), request.Reason)
}

func (d *Daemon) withdraw(ctx context.Context, id string, at time.Time, reason string) (understudy.SignedApproval, error) {
	return store.Update(ctx, d.store, kindApproval, id, func(a *understudy.SignedApproval) error {
		if a.WithdrawnAt.IsZero() {
			a.WithdrawnAt, a.WithdrawnFor = at, reason
		}
		return nil
	})
}

// reconcileApprovals holds to it that an approval which was withdrawn stays so, though the
// store was restored from before.
func (d *Daemon) reconcileApprovals(ctx context.Context, withdrawn []understudy.Entry) error {
	for _, e := range withdrawn {
		if _, err := d.withdraw(ctx, e.Subject, e.At, e.Reason); err != nil && understudy.KindOf(err) != understudy.KindNotFound {
			return err
		}
	}
	return nil
}

// Approvals are those of a release for an environment, oldest first. Each is what was signed:
// what is recorded besides counts only for being withdrawn.
func (d *Daemon) Approvals(ctx context.Context, name, environment string) ([]understudy.SignedApproval, error) {
	release, err := d.Release(ctx, name)
	if err != nil {
		return nil, err
	}
	to, err := d.target(environment)
	if err != nil {
		return nil, err
	}
	return d.approvals(ctx, release.Digest, to.Name)
}

func (d *Daemon) approvals(ctx context.Context, release understudy.Digest, to string) ([]understudy.SignedApproval, error) {
	all, err := store.All[understudy.SignedApproval](ctx, d.store, kindApproval)
	var out []understudy.SignedApproval
	for _, a := range all {
		signed, err := d.keys.VerifyApproval(a.Envelope)
		if err != nil || signed.ID != a.ID {
			d.note("approval "+a.ID, "approval %s of %s does not hold and counts for nothing: what is recorded was not signed here", a.ID, a.Label)
			continue
		}
		if signed.Release == release && signed.To == to {
			a.Approval, a.Groups = signed, groupsOf(signed.By)
			out = append(out, a)
		}
	}
	slices.SortStableFunc(out, func(a, b understudy.SignedApproval) int { return a.At.Compare(b.At) })
	return out, err
}

// groupsOf are the groups that a user of this machine is in; none of somebody it does not know.
func groupsOf(name string) []string {
	u, err := user.Lookup(name)
	if err != nil {
		return nil
	}
	ids, err := u.GroupIds()
	if err != nil {
		return nil
	}
	var out []string
	for _, id := range ids {
		if g, err := user.LookupGroupId(id); err == nil {
			out = append(out, g.Name)
		}
	}
	return out
}

// consent is what people, and rehearsals before, have left for the gate.
type consent struct{ d *Daemon }

func (c consent) Approvals(ctx context.Context, release understudy.Digest, environment string) ([]understudy.SignedApproval, error) {
	return c.d.approvals(ctx, release, environment)
}

func (c consent) PassedSince(ctx context.Context, release understudy.Digest) (time.Time, error) {
	all, err := c.d.Verdicts(ctx)
	var since time.Time
	for _, v := range all {
		if v.Release != release {
			continue
		}
		s, err := c.d.verified(v)
		switch {
		case err != nil || s.Outcome != understudy.OutcomePassed:
			since = time.Time{}
		case since.IsZero():
			since = s.EndedAt
		}
	}
	return since, err
}

// Debt looks at what an environment runs by its promotions: the newest that was not taken back.
func (c consent) Debt(ctx context.Context, environment string) (string, error) {
	all, err := c.d.Promotions(ctx)
	var last understudy.Promotion
	for _, p := range all {
		if p.To == environment && p.State != understudy.PromotionRefused && p.State != understudy.PromotionRolledBack && p.State != understudy.PromotionPlanned {
			last = p
		}
	}
	if err != nil || last.Glass == nil || len(last.Glass.Passed) == 0 {
		return "", err
	}
	verdicts, err := c.d.Verdicts(ctx)
	for _, v := range verdicts {
		if v.Release != last.Release || v.SignedAt.Before(last.MadeAt) {
			continue
		}
		if s, err := c.d.verified(v); err == nil && s.Outcome == understudy.OutcomePassed && s.StartedAt.After(last.MadeAt) {
			return "", nil
		}
	}
	return fmt.Sprintf("%s went there by breaking the glass (%s: %s), and has passed no rehearsal since", last.Label, last.Glass.By, last.Glass.Reason), err
}
