package promotion_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"understudy"
	"understudy/internal/promotion"
)

// theatre plays every role of a promotion whose release is fine.
type theatre struct {
	promotion   understudy.Promotion
	during      understudy.PromotionState // the state in whose work somebody asks to go back
	ask         func()
	splitFails  int
	log         []string
	fingerprint understudy.Fingerprint
}

func (s *theatre) LoadPromotion(ctx context.Context, _ string) (understudy.Promotion, error) {
	return s.promotion, ctx.Err()
}

func (s *theatre) SavePromotion(_ context.Context, p understudy.Promotion) error {
	s.promotion = p
	return nil
}

func (s *theatre) Release(context.Context, understudy.Digest) (understudy.Release, error) {
	return understudy.Release{Digest: "sha256:new", Label: "new"}, nil
}

func (s *theatre) Attested(context.Context, understudy.Digest) (string, understudy.Digest, understudy.Statement, error) {
	return "verdict", "", understudy.Statement{}, nil
}

func (s *theatre) Approvals(context.Context, understudy.Digest, string) ([]understudy.SignedApproval, error) {
	return nil, nil
}

func (s *theatre) PassedSince(context.Context, understudy.Digest) (time.Time, error) {
	return time.Time{}, nil
}

func (s *theatre) Debt(context.Context, string) (string, error) { return "", nil }

func (s *theatre) Policy(context.Context, string) (understudy.Policy, error) {
	return understudy.Policy{Steps: []int{100}, Bake: time.Second}.WithDefaults(), nil
}

func (s *theatre) Observe(ctx context.Context, _ string) (understudy.Fingerprint, error) {
	s.asked(understudy.PromotionPlanned)
	return s.fingerprint, ctx.Err()
}

func (*theatre) Fit(context.Context, string, understudy.Release) (string, string, error) {
	return "", "", nil
}

func (s *theatre) Held(context.Context, string) (string, error) { return "", nil }

func (s *theatre) Hold(_ context.Context, _, reason string) error {
	s.log = append(s.log, "hold: "+reason)
	return nil
}

func (s *theatre) Serving(context.Context, string) (serving, standby understudy.Deployment, err error) {
	return understudy.Deployment{ID: "old", Label: "old"}, standby, nil
}

func (s *theatre) Start(context.Context, string, string, understudy.Release, string) error {
	s.asked(understudy.PromotionPreparing)
	return nil
}

func (s *theatre) Revive(ctx context.Context, _ string) error { return ctx.Err() }
func (s *theatre) Look(context.Context, string) (promotion.Health, error) {
	return promotion.Health{}, nil
}
func (s *theatre) Hand(context.Context, string, string) (string, error) { return "", nil }
func (s *theatre) Reset(context.Context, string) error                  { return nil }
func (s *theatre) Drain(context.Context, string, string) (int, error)   { return 0, nil }

func (s *theatre) Stop(_ context.Context, id string) error {
	s.log = append(s.log, "stop "+id)
	return nil
}

func (s *theatre) SafetyCopy(context.Context, string, string) (string, error) { return "", nil }

func (s *theatre) Migrate(context.Context, string, promotion.Order) (string, error) {
	return "", nil
}

func (s *theatre) Split(ctx context.Context, _, _, fresh string, percent int) error {
	if fresh == "old" && s.splitFails > 0 {
		s.splitFails--
		return errors.New("the router does not answer")
	}
	if percent == 100 {
		s.log = append(s.log, "all to "+fresh)
	}
	return ctx.Err()
}

func (s *theatre) Served(context.Context, string, string, string) (a, b understudy.Side, err error) {
	if s.promotion.State == understudy.PromotionBaking {
		s.asked(understudy.PromotionBaking)
	}
	served := understudy.Side{Served: understudy.Served{Requests: 1000}}
	return served, served, nil
}

func (s *theatre) Record(context.Context, string, string, string, map[string]string) error {
	return nil
}

// Now is far in the future, so that nothing is waited for.
func (s *theatre) Now() time.Time { return time.Now().Add(time.Duration(len(s.log)) * time.Hour) }

func (s *theatre) Wait(ctx context.Context, _ time.Duration) error { return context.Cause(ctx) }

func (s *theatre) asked(in understudy.PromotionState) {
	if s.during == in && s.ask != nil {
		s.ask()
	}
}

func (s *theatre) engine() promotion.Engine {
	return promotion.Engine{Records: s, Archive: s, Consent: s, Production: s, Deployments: s, Schema: s, Door: s, Recorder: s, Clock: s}
}

// run carries the promotion on until it ends, as the daemon does.
func (s *theatre) run(t *testing.T, state understudy.PromotionState) {
	t.Helper()
	s.promotion = understudy.Promotion{ID: "1", Release: "sha256:new", Label: "new", To: "production", State: state, Old: "old", OldLabel: "old", New: "production-1"}
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	s.ask = func() { cancel(promotion.GoBack{By: "ops", Reason: "the phones ring"}) }
	engine := s.engine()
	for range 10 {
		if err := engine.Run(ctx, "1"); err == nil {
			return
		}
	}
	t.Fatalf("the promotion is %s and goes on nowhere; %q", s.promotion.State, s.log)
}

func TestGoBack_IsHeededWhenTheWorkOfTheStateHasJustBeenDone(t *testing.T) {
	for _, state := range []understudy.PromotionState{understudy.PromotionPreparing, understudy.PromotionBaking} {
		s := &theatre{during: state}
		s.run(t, state)
		if s.promotion.State != understudy.PromotionRolledBack || !slices.Contains(s.log, "all to old") || !slices.Contains(s.log, "stop production-1") {
			t.Errorf("asked while %s, it is %s; %q", state, s.promotion.State, s.log)
		}
	}
}

func TestGoBack_BeforeTheGateRefusesThePromotion(t *testing.T) {
	s := &theatre{during: understudy.PromotionPlanned}
	s.run(t, understudy.PromotionPlanned)
	if s.promotion.State != understudy.PromotionRefused || len(s.promotion.Refusals) == 0 {
		t.Errorf("it is %s, refused for %q", s.promotion.State, s.promotion.Refusals)
	}
}

func TestGoBack_IsTriedUntilItIsDone(t *testing.T) {
	s := &theatre{during: understudy.PromotionBaking, splitFails: 3}
	s.run(t, understudy.PromotionBaking)
	if s.promotion.State != understudy.PromotionRolledBack {
		t.Errorf("it is %s; %q", s.promotion.State, s.log)
	}
}
