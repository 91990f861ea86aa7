package understudy_test

import (
	"slices"
	"testing"

	"understudy"
)

// moves is a table of allowed moves: everything that it does not list is forbidden.
type moves[S ~string] map[S][]S

func tryMoves[S ~string](t *testing.T, allowed moves[S], can func(from, to S) bool) {
	t.Helper()
	for from := range allowed {
		for to := range allowed {
			if want := slices.Contains(allowed[from], to); can(from, to) != want {
				t.Errorf("from %s to %s: allowed is %t, want %t", from, to, !want, want)
			}
		}
		if can(from, "a state that does not exist") || can("a state that does not exist", from) {
			t.Errorf("%s has a move to or from a state that does not exist", from)
		}
	}
}

func TestDeployment_MovesAsItIsDrawn(t *testing.T) {
	tryMoves(t, moves[understudy.DeploymentState]{
		understudy.DeploymentStarting: {understudy.DeploymentReady, understudy.DeploymentGone},
		understudy.DeploymentReady:    {understudy.DeploymentServing, understudy.DeploymentDraining, understudy.DeploymentGone},
		understudy.DeploymentServing:  {understudy.DeploymentStandby, understudy.DeploymentDraining, understudy.DeploymentGone},
		understudy.DeploymentStandby:  {understudy.DeploymentServing, understudy.DeploymentDraining, understudy.DeploymentGone},
		understudy.DeploymentDraining: {understudy.DeploymentGone},
		understudy.DeploymentGone:     nil,
	}, understudy.DeploymentState.CanBecome)
}

func TestRehearsal_MovesAsItIsDrawn(t *testing.T) {
	allowed := moves[understudy.RehearsalState]{
		understudy.RehearsalQueued: {understudy.RehearsalRunning, understudy.RehearsalCancelled},
		understudy.RehearsalRunning: {understudy.RehearsalPassed, understudy.RehearsalFailed, understudy.RehearsalInconclusive,
			understudy.RehearsalError, understudy.RehearsalCancelled},
		understudy.RehearsalPassed:       nil,
		understudy.RehearsalFailed:       nil,
		understudy.RehearsalInconclusive: nil,
		understudy.RehearsalError:        nil,
		understudy.RehearsalCancelled:    nil,
	}
	tryMoves(t, allowed, understudy.RehearsalState.CanBecome)
	for state, next := range allowed {
		if state.Ended() != (len(next) == 0) {
			t.Errorf("%s: Ended is %t with %d moves left", state, state.Ended(), len(next))
		}
	}
}

func TestPromotion_MovesAsItIsDrawn(t *testing.T) {
	back := understudy.PromotionRollingBack
	allowed := moves[understudy.PromotionState]{
		understudy.PromotionPlanned:     {understudy.PromotionGated, understudy.PromotionRefused},
		understudy.PromotionGated:       {understudy.PromotionPreparing, back},
		understudy.PromotionPreparing:   {understudy.PromotionSwitching, back},
		understudy.PromotionSwitching:   {understudy.PromotionBaking, back},
		understudy.PromotionBaking:      {understudy.PromotionSettled, back},
		understudy.PromotionSettled:     {back, understudy.PromotionContracting},
		understudy.PromotionContracting: {understudy.PromotionContracted, understudy.PromotionSettled},
		understudy.PromotionContracted:  nil,
		understudy.PromotionRollingBack: {understudy.PromotionRolledBack, understudy.PromotionSettled},
		understudy.PromotionRolledBack:  {back},
		understudy.PromotionRefused:     nil,
	}
	tryMoves(t, allowed, understudy.PromotionState.CanBecome)
	for state := range allowed {
		want := slices.Contains([]understudy.PromotionState{
			understudy.PromotionRefused, understudy.PromotionSettled, understudy.PromotionRolledBack, understudy.PromotionContracted,
		}, state)
		if state.Ended() != want {
			t.Errorf("%s: Ended is %t, want %t", state, state.Ended(), want)
		}
	}
}

func TestPromotion_NoWayLeadsBackFromARollbackUnderWayOrAContraction(t *testing.T) {
	for _, from := range []understudy.PromotionState{understudy.PromotionRollingBack, understudy.PromotionContracting, understudy.PromotionContracted} {
		if from.CanBecome(understudy.PromotionRollingBack) {
			t.Errorf("%s can become rolling-back", from)
		}
	}
}
