package load_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"understudy/internal/load"
)

func TestNewActs_CountsFromWhenAnActWasDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		stalls := func(ctx context.Context) string { // nobody gets in from second 1 to second 2
			if now := time.Since(start); now >= time.Second && now < 2*time.Second {
				select {
				case <-ctx.Done():
					return "timeout"
				case <-time.After(2*time.Second - now):
				}
				return "locked"
			}
			return ""
		}
		g, err := load.NewActs(20, func(*rand.Rand) load.Act { return load.Act{Label: "read", Do: stalls} }, 1)
		if err != nil {
			t.Fatal(err)
		}
		during(t, g, 3*time.Second-time.Millisecond)
		s := g.WindowBudget(start, start.Add(3*time.Second), 500*time.Millisecond)
		if s.Requests != 60 || s.Failed != 20 || s.Classes["read → locked"] != 20 || s.Stall.Requests != 10 || s.Stall.Longest != time.Second || s.Stall.Step != "read" {
			t.Errorf("found %+v", s)
		}
	})
}

func TestNewActs_NeedsARate(t *testing.T) {
	if _, err := load.NewActs(0, nil, 1); err == nil {
		t.Error("a rate of none is taken")
	}
}
