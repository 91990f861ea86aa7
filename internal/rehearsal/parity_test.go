package rehearsal_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"understudy"
	"understudy/internal/rehearsal"
)

// judged is what the rule says of a measurement, as "severity code subject".
func judged(gaps []understudy.Gap, terms understudy.ParityTerms) []string {
	p := understudy.Parity{A: "production", B: "staging", Compared: 100, Gaps: gaps, MeasuredAt: time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)}.Accept(terms.Accepted)
	c := understudy.Check{Findings: rehearsal.JudgeParity(p, understudy.Policy{Parity: terms}.WithDefaults().Parity)}.Conclude()
	out := []string{string(c.Outcome)}
	for _, f := range c.Findings {
		out = append(out, strings.TrimSpace(string(f.Severity)+" "+strings.TrimPrefix(f.Code, "parity.")+" "+f.Subject))
	}
	return out
}

func TestJudgeParity_FailsForWhatWeighsEnoughAndTellsTheRest(t *testing.T) {
	memory, server := understudy.Gap{Kind: "setting", Name: "main work_mem", A: "4MB", B: "64MB", Weight: 2}, understudy.Gap{Kind: "server", Name: "main", A: "15.6", B: "15.18", Weight: 10}
	key := understudy.Gap{Kind: "credential", Name: "PAYMENT_KEY", A: "a1", B: "a1", Weight: 10}
	differs := understudy.Gap{Kind: "credential", Name: "SESSION_KEY", A: "a1", B: "b2", Because: "a credential that must differ"}
	accepts := func(kind, name, until string) understudy.Acceptance {
		return understudy.Acceptance{Kind: kind, Name: name, Owner: "ann", Reason: "known", Until: until}
	}
	for claim, c := range map[string]struct {
		gaps  []understudy.Gap
		terms understudy.ParityTerms
		want  []string
	}{
		"nothing differs":                    {want: []string{"passed"}},
		"what is expected of a twin":         {gaps: []understudy.Gap{differs}, want: []string{"passed"}},
		"an ordinary difference is known":    {gaps: []understudy.Gap{memory}, want: []string{"passed", "warning differs setting"}},
		"a heavy one blocks":                 {gaps: []understudy.Gap{memory, server}, want: []string{"failed", "blocking blocks server", "warning differs setting"}},
		"both of one kind":                   {gaps: []understudy.Gap{memory, {Kind: "setting", Name: "main fsync", Weight: 9}}, want: []string{"failed", "blocking blocks setting", "warning differs setting"}},
		"the policy says what is heavy":      {gaps: []understudy.Gap{memory, server}, terms: understudy.ParityTerms{Blocking: 11}, want: []string{"passed", "warning differs server", "warning differs setting"}},
		"the figure is under the policy":     {gaps: []understudy.Gap{memory}, terms: understudy.ParityTerms{Under: 98.5}, want: []string{"failed", "blocking under-policy", "warning differs setting"}},
		"and not where it is not":            {gaps: []understudy.Gap{memory}, terms: understudy.ParityTerms{Under: 97}, want: []string{"passed", "warning differs setting"}},
		"an equal credential, however light": {gaps: []understudy.Gap{key}, terms: understudy.ParityTerms{Blocking: 50}, want: []string{"failed", "blocking shared-credential PAYMENT_KEY"}},
		"what is accepted": {gaps: []understudy.Gap{server}, terms: understudy.ParityTerms{Under: 100, Accepted: []understudy.Acceptance{accepts("server", "main", "2026-06-01")}},
			want: []string{"passed", "note accepted server main"}},
		"what was accepted until yesterday": {gaps: []understudy.Gap{server}, terms: understudy.ParityTerms{Accepted: []understudy.Acceptance{accepts("server", "main", "2026-05-31")}},
			want: []string{"failed", "blocking blocks server", "warning acceptance-over server main"}},
		"what is accepted and equal": {terms: understudy.ParityTerms{Accepted: []understudy.Acceptance{accepts("server", "*", "2026-06-01")}},
			want: []string{"passed", "warning acceptance-unused server *"}},
		"an equal credential that somebody would accept": {gaps: []understudy.Gap{key}, terms: understudy.ParityTerms{Accepted: []understudy.Acceptance{accepts("credential", "*", "2026-06-01")}},
			want: []string{"failed", "blocking shared-credential PAYMENT_KEY", "warning acceptance-unused credential *"}},
	} {
		if diff := cmp.Diff(c.want, judged(c.gaps, c.terms)); diff != "" {
			t.Errorf("%s: -want +got:\n%s", claim, diff)
		}
	}
}

func TestJudgeParity_NamesTenOfAKindAndHowManyMore(t *testing.T) {
	var gaps []understudy.Gap
	for range 1000 {
		gaps = append(gaps, understudy.Gap{Kind: "schema", Name: "main", A: "–", B: strings.Repeat("x", 4000), Weight: 5})
	}
	findings := rehearsal.JudgeParity(understudy.Parity{A: "production", B: "staging", Gaps: gaps}, understudy.ParityTerms{Blocking: 5})
	if len(findings) != 1 || !strings.HasSuffix(findings[0].Seen, "; and 990 more") || len(findings[0].Seen) > 2000 || findings[0].Hurt != 5000 {
		t.Errorf("%+v", findings)
	}
}

func TestParity_IsEvidenceAndPartOfWhatIsSigned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := understudy.Acceptance{Kind: "setting", Name: "main *", Owner: "ann", Reason: "the twin is small", Until: "9999-12-31"}
		w := undisturbed(t, sound(func(s *story) {
			s.terms = understudy.ParityTerms{Accepted: []understudy.Acceptance{a}}
			s.parity = understudy.Parity{Compared: 99, Gaps: []understudy.Gap{
				{Kind: "setting", Name: "main work_mem", Weight: 2}, {Kind: "configuration", Name: "PAGE_SIZE", Weight: 1}, {Kind: "credential", Name: "KEY", Because: "a credential that must differ"},
			}}
		}))
		signed := w.verdicts[rehearsalID]
		c, _ := w.rehearsal().Done(understudy.CheckParity)
		if signed.Parity == nil || len(c.Evidence) != 1 || signed.Parity.Digest != c.Evidence[0].Digest || !slices.Contains(w.evidence, "parity.json") {
			t.Fatalf("signed is %+v, of evidence %+v", signed.Parity, c.Evidence)
		}
		want := understudy.ParitySummary{Figure: 98.9, Equal: 96, Accidental: 1, Expected: 1, Accepted: []understudy.Accepted{{Acceptance: a, Differences: 1}},
			Digest: c.Evidence[0].Digest, MeasuredAt: signed.Parity.MeasuredAt}
		if diff := cmp.Diff(want, *signed.Parity); diff != "" {
			t.Error(diff)
		}
		if want := "98.9 (96 facts equal; differences: 1 accidental, 1 accepted, 1 expected)"; c.Summary != want {
			t.Errorf("summary %q", c.Summary)
		}
		if last := w.journal[len(w.journal)-2]; last != "parity.accepted" || signed.Outcome != understudy.OutcomePassed {
			t.Errorf("the journal ends with %q before the end, of a rehearsal that %s", last, signed.Outcome)
		}
	})
}

func TestParity_ThatNobodyCanMeasureIsNoPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := undisturbed(t, sound(func(s *story) {
			s.broken = map[string]error{"Measure": understudy.Errorf(understudy.KindUnavailable, "production's server does not answer")}
		}))
		if c, _ := w.rehearsal().Done(understudy.CheckParity); c.Outcome != understudy.OutcomeError || w.verdicts[rehearsalID].Parity != nil || w.verdicts[rehearsalID].Outcome != understudy.OutcomeError {
			t.Errorf("%+v in a rehearsal that ended %s", c, w.verdicts[rehearsalID].Outcome)
		}
	})
}
