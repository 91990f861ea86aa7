package daemon

import (
	"slices"
	"testing"

	"understudy"
)

func TestMade_ADatabaseThatNobodyKnowsOfIsKept(t *testing.T) {
	fresh, err := made{}.fresh("production", []string{"main", "side"}, []string{"main"})
	if err != nil || !slices.Equal(fresh, []string{"side"}) {
		t.Errorf("to be made: %q, %v; expected only what is not there", fresh, err)
	}
}

func TestMade_WhatACrashLeftHalfMadeIsMadeAnew(t *testing.T) {
	fresh, err := made{"main": making, "side": inUse}.fresh("production", []string{"main", "side"}, []string{"main", "side"})
	if err != nil || !slices.Equal(fresh, []string{"main"}) {
		t.Errorf("to be made: %q, %v; expected what was half made, and nothing that is in use", fresh, err)
	}
}

func TestMade_ADatabaseInUseThatIsGoneIsNotMadeAnewInSilence(t *testing.T) {
	fresh, err := made{"main": inUse}.fresh("production", []string{"main"}, nil)
	if understudy.KindOf(err) != understudy.KindConflict {
		t.Errorf("to be made: %q, %v; expected a conflict", fresh, err)
	}
}
