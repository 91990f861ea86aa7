package apitest

import (
	"cmp"
	"context"
	"io"
	"strings"

	"understudy"
	"understudy/internal/api"
)

// Rehearse queues the script.
func (s *Stage) Rehearse(ctx context.Context, request api.Rehearse) (understudy.Rehearsal, error) {
	s.note(request)
	if _, err := s.Release(ctx, request.Release); err != nil {
		return understudy.Rehearsal{}, err
	}
	return now(s, &s.Script)[0], nil
}

// Rehearsals is the script's last scene, as the only one.
func (s *Stage) Rehearsals(context.Context) ([]understudy.Rehearsal, error) {
	if script := now(s, &s.Script); len(script) > 0 {
		return script[len(script)-1:], nil
	}
	return nil, nil
}

// Rehearsal is the same by its ID.
func (s *Stage) Rehearsal(ctx context.Context, id string) (understudy.Rehearsal, error) {
	all, err := s.Rehearsals(ctx)
	for _, r := range all {
		if r.ID == id {
			return r, nil
		}
	}
	return understudy.Rehearsal{}, missingOr(err, "rehearsal", id)
}

func missingOr(err error, what, name string) error {
	if err != nil {
		return err
	}
	return missing(what, name)
}

// WatchRehearsal plays the script, and waits for more of it until one has ended.
func (s *Stage) WatchRehearsal(ctx context.Context, id string, each func(understudy.Rehearsal) error) error {
	if _, err := s.Rehearsal(ctx, id); err != nil {
		return err
	}
	return watch(ctx, s, &s.Script, each, func(r understudy.Rehearsal) bool { return r.State.Ended() })
}

func watch[T any](ctx context.Context, s *Stage, scenes *[]T, each func(T) error, ended func(T) bool) error {
	for seen := 0; ; {
		all, turned := look(s, scenes)
		for ; seen < len(all); seen++ {
			if err := each(all[seen]); err != nil || ended(all[seen]) {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-turned:
		}
	}
}

// Cancelled is a request to cancel a rehearsal.
type Cancelled struct{ ID, By string }

// CancelRehearsal notes it.
func (s *Stage) CancelRehearsal(ctx context.Context, id, by string) error {
	s.note(Cancelled{id, by})
	_, err := s.Rehearsal(ctx, id)
	return err
}

// Evidence opens what was kept.
func (s *Stage) Evidence(_ context.Context, digest understudy.Digest) (io.ReadCloser, error) {
	content, found := now(s, &s.Kept)[digest]
	if !found {
		return nil, missing("evidence", digest.Short())
	}
	return io.NopCloser(strings.NewReader(content)), nil
}

// Verdicts are those that were signed.
func (s *Stage) Verdicts(context.Context) ([]understudy.Verdict, error) {
	return now(s, &s.Signed), nil
}

// Verdict finds one by ID or label.
func (s *Stage) Verdict(_ context.Context, name string) (understudy.Verdict, error) {
	for _, v := range now(s, &s.Signed) {
		if v.ID == name || v.Label == name {
			return v, nil
		}
	}
	return understudy.Verdict{}, missing("verdict", name)
}

// VerifyVerdict refuses a revoked one.
func (s *Stage) VerifyVerdict(ctx context.Context, name string) (understudy.Statement, error) {
	v, err := s.Verdict(ctx, name)
	if err == nil && !v.RevokedAt.IsZero() {
		err = understudy.Errorf(understudy.KindRefused, "verdict %s was revoked by %s: %s", v.ID, v.RevokedBy, v.RevokedFor)
	}
	return now(s, &s.Statement), err
}

// RevokeVerdict says who did it.
func (s *Stage) RevokeVerdict(ctx context.Context, request api.Revoke) (understudy.Verdict, error) {
	s.note(request)
	v, err := s.Verdict(ctx, request.Name)
	v.RevokedAt, v.RevokedBy, v.RevokedFor = v.SignedAt.AddDate(0, 0, 1), request.By, request.Reason
	return v, err
}

// PlanPromotion is the plan.
func (s *Stage) PlanPromotion(ctx context.Context, request api.Promote) (understudy.Promotion, error) {
	_, err := s.Release(ctx, request.Release)
	return now(s, &s.Plan), err
}

// Promote begins the play.
func (s *Stage) Promote(_ context.Context, request api.Promote) (understudy.Promotion, error) {
	s.note(request)
	return now(s, &s.Play)[0], nil
}

// Promotions is the play's last scene, as the only one.
func (s *Stage) Promotions(context.Context) ([]understudy.Promotion, error) {
	if play := now(s, &s.Play); len(play) > 0 {
		return play[len(play)-1:], nil
	}
	return nil, nil
}

// WatchPromotion shows the play.
func (s *Stage) WatchPromotion(ctx context.Context, id string, each func(understudy.Promotion) error) error {
	if play := now(s, &s.Play); len(play) == 0 || play[0].ID != id {
		return missing("promotion", id)
	}
	return watch(ctx, s, &s.Play, each, func(p understudy.Promotion) bool { return !p.Goes() })
}

// Rollback begins the play.
func (s *Stage) Rollback(_ context.Context, request api.Rollback) (understudy.Promotion, error) {
	s.note(request)
	return now(s, &s.Play)[0], nil
}

// SettlePromotion begins the play.
func (s *Stage) SettlePromotion(_ context.Context, request api.Decide) (understudy.Promotion, error) {
	s.note(request)
	return now(s, &s.Play)[0], nil
}

// ContractPromotion begins the play.
func (s *Stage) ContractPromotion(_ context.Context, request api.Decide) (understudy.Promotion, error) {
	s.note(request)
	return now(s, &s.Play)[0], nil
}

// Placed is a request to place a hold.
type Placed struct{ Environment, By, Reason string }

// PlaceHold notes it.
func (s *Stage) PlaceHold(_ context.Context, environment, by, reason string) error {
	s.note(Placed{environment, by, reason})
	return nil
}

// Lifted is a request to lift a hold.
type Lifted struct{ Environment, By, Reason string }

// LiftHold notes it.
func (s *Stage) LiftHold(_ context.Context, environment, by, reason string) error {
	s.note(Lifted{environment, by, reason})
	return nil
}

// Maintain notes it.
func (s *Stage) Maintain(_ context.Context, request api.Maintain) error {
	s.note(request)
	return nil
}

// EndMaintenance notes it.
func (s *Stage) EndMaintenance(_ context.Context, request api.EndMaintenance) error {
	s.note(request)
	return nil
}

// ExplainPolicy is the explanation.
func (s *Stage) ExplainPolicy(ctx context.Context, request api.Promote) (understudy.Explanation, error) {
	_, err := s.Release(ctx, request.Release)
	return now(s, &s.Explained), err
}

// Policy is the one in force.
func (s *Stage) Policy(context.Context) (understudy.PolicyInForce, error) {
	return now(s, &s.InForce), nil
}

// Approve notes it, and says who agreed.
func (s *Stage) Approve(ctx context.Context, request api.Approve) (understudy.SignedApproval, error) {
	s.note(request)
	_, err := s.Release(ctx, request.Release)
	return understudy.SignedApproval{Approval: understudy.Approval{
		ID: "a-1", By: request.By, Label: request.Release, To: cmp.Or(request.To, "production"), Verdict: "r-1", Reason: request.Reason,
	}}, err
}

// WithdrawApproval is the last one, withdrawn.
func (s *Stage) WithdrawApproval(_ context.Context, request api.Approve) (understudy.SignedApproval, error) {
	s.note(request)
	all := now(s, &s.Agreed)
	if len(all) == 0 {
		return understudy.SignedApproval{}, missing("approval", request.Release)
	}
	last := all[len(all)-1]
	last.WithdrawnAt, last.WithdrawnFor = last.At.AddDate(0, 0, 1), request.Reason
	return last, nil
}

// Approvals are those that were given.
func (s *Stage) Approvals(context.Context, string, string) ([]understudy.SignedApproval, error) {
	return now(s, &s.Agreed), nil
}

// JournalEntries are those from a number on.
func (s *Stage) JournalEntries(_ context.Context, from int64, each func(understudy.Entry) error) error {
	for _, e := range now(s, &s.Record) {
		if e.Sequence < from {
			continue
		}
		if err := each(e); err != nil {
			return err
		}
	}
	return nil
}

// VerifyJournal counts, and looks for the head.
func (s *Stage) VerifyJournal(_ context.Context, request api.VerifyJournal) (api.JournalVerified, error) {
	record := now(s, &s.Record)
	verified := api.JournalVerified{Entries: int64(len(record))}
	for _, e := range record {
		verified.Head = e.Hash
		if e.Sequence < request.From || e.At.Before(request.Since) {
			continue
		}
		if verified.First == 0 {
			verified.First = e.Sequence
		}
		if e.Hash == request.Head {
			verified.Known = e.Sequence
		}
	}
	if request.Head != "" && verified.Known == 0 {
		return verified, missing("entry", string(request.Head))
	}
	return verified, nil
}

// Metrics are those that were computed, of the environment that is asked for.
func (s *Stage) Metrics(_ context.Context, request api.Metrics) (understudy.Metrics, error) {
	m := now(s, &s.Figures)
	m.Environment = request.Environment
	if !request.Since.IsZero() {
		m.Since = request.Since
	}
	return m, nil
}

// Notifications are those that were told.
func (s *Stage) Notifications(context.Context) (api.Told, error) { return now(s, &s.Told), nil }

// TestNotification knows the channels that were told.
func (s *Stage) TestNotification(_ context.Context, request api.TestNotification) error {
	s.note(request)
	for _, c := range now(s, &s.Told).Channels {
		if c.Name == request.Channel {
			return nil
		}
	}
	return missing("channel", request.Channel)
}

// RetryNotification finds one by its ID.
func (s *Stage) RetryNotification(_ context.Context, request api.RetryNotification) (understudy.Notification, error) {
	s.note(request)
	for _, n := range now(s, &s.Told).Notifications {
		if n.ID == request.ID {
			n.State = understudy.NotificationWaiting
			return n, nil
		}
	}
	return understudy.Notification{}, missing("notification", request.ID)
}

// Info says who plays.
func (s *Stage) Info(context.Context) (api.Info, error) { return now(s, &s.About), nil }

// Shutdown calls OnShutdown.
func (s *Stage) Shutdown(context.Context) error {
	if end := now(s, &s.OnShutdown); end != nil {
		end()
	}
	return nil
}
