package daemon

import (
	"testing"

	"understudy"
)

func TestDeclaredTraffic_IsTheCandidatesWhereProductionHasNone(t *testing.T) {
	with := func(rate float64) understudy.Release {
		return understudy.Release{Application: understudy.Application{Traffic: &understudy.Traffic{Rate: rate}}}
	}
	if got := declaredTraffic(with(1), with(2)); got.Rate != 1 {
		t.Errorf("both declare traffic: taken at rate %v, expected production's", got.Rate)
	}
	if got := declaredTraffic(understudy.Release{}, with(2)); got == nil || got.Rate != 2 {
		t.Errorf("production declares none: taken %v, expected the candidate's", got)
	}
	if got := declaredTraffic(understudy.Release{}, understudy.Release{}); got != nil {
		t.Errorf("nobody declares traffic: taken %v", got)
	}
}
