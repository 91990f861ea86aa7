package understudy_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"understudy"
)

func TestPolicy_DefaultsCanBeFollowed(t *testing.T) {
	p := understudy.Policy{}.WithDefaults()
	if err := p.Validate(); err != nil {
		t.Error(err)
	}
	if len(p.Required) != len(understudy.Checks()) || p.MaxAge != 24*time.Hour || p.Steps[len(p.Steps)-1] != 100 {
		t.Errorf("defaults %+v", p)
	}
	for _, blocked := range []time.Duration{0, time.Millisecond, 300 * time.Millisecond, 5 * time.Second} {
		if p := (understudy.Policy{BlockedFor: blocked}).WithDefaults(); p.LockTimeout.Milliseconds() <= 0 || p.LockTimeout > p.BlockedFor {
			t.Errorf("whoever stands behind a try waits for up to %s, where %s are allowed", p.LockTimeout, p.BlockedFor)
		}
	}
	kept := understudy.Policy{Steps: []int{100}, Retries: 2, Required: []string{"tests"}}.WithDefaults()
	if len(kept.Steps) != 1 || kept.Retries != 2 || len(kept.Required) != 1 {
		t.Errorf("what was set is lost: %+v", kept)
	}
}

func TestPolicy_ValidateRefusesWhatCannotBeFollowed(t *testing.T) {
	for claim, p := range map[string]understudy.Policy{
		"a check that does not exist": {Required: []string{"tests", "vibes"}},
		"falling steps":               {Steps: []int{50, 10, 100}},
		"a step twice":                {Steps: []int{10, 10, 100}},
		"no step of nothing":          {Steps: []int{0, 100}},
		"a negative step":             {Steps: []int{-5, 100}},
		"more than everything":        {Steps: []int{50, 101}},
		"not to the end":              {Steps: []int{10, 50}},
	} {
		if err := p.Validate(); understudy.KindOf(err) != understudy.KindInvalid {
			t.Errorf("%s: %v", claim, err)
		}
	}
	for _, steps := range [][]int{nil, {100}, {1, 2, 99, 100}} {
		if err := (understudy.Policy{Steps: steps}).Validate(); err != nil {
			t.Errorf("steps %v: %v", steps, err)
		}
	}
}

func gaps() *rapid.Generator[[]understudy.Gap] {
	return rapid.SliceOf(rapid.Custom(func(t *rapid.T) understudy.Gap {
		g := understudy.Gap{Weight: rapid.Float64Range(0, 100).Draw(t, "weight")}
		if rapid.Bool().Draw(t, "expected") {
			g.Because = "a credential that must differ"
		}
		return g
	}))
}

func TestParityFigure_IsMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		compared := rapid.IntRange(0, 1_000_000).Draw(t, "compared")
		had := gaps().Draw(t, "gaps")
		figure := understudy.ParityFigure(compared, had)
		if figure < 0 || figure > 100 {
			t.Fatalf("figure %v", figure)
		}
		accidental := 0
		for _, g := range had {
			if g.Because == "" {
				accidental++
			}
		}
		if (figure == 100) != (accidental == 0) {
			t.Fatalf("figure %v with %d accidental gaps", figure, accidental)
		}
		more := append(had, gaps().Draw(t, "more")...)
		if worse := understudy.ParityFigure(compared, more); worse > figure {
			t.Fatalf("more gaps raise it from %v to %v", figure, worse)
		}
		if better := understudy.ParityFigure(compared+rapid.IntRange(0, 1000).Draw(t, "equal"), had); better < figure {
			t.Fatalf("more that is equal lowers it from %v to %v", figure, better)
		}
	})
}

func TestParityFigure_AnExpectedGapWeighsNothing(t *testing.T) {
	if f := understudy.ParityFigure(10, []understudy.Gap{{Weight: 10, Because: "it is a twin"}}); f != 100 {
		t.Errorf("figure %v, want 100", f)
	}
	if f := understudy.ParityFigure(90, []understudy.Gap{{Weight: 10}}); f != 90 {
		t.Errorf("figure %v, want 90", f)
	}
}
