package understudy_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"understudy"
)

func side(release string, asked, failed int64) understudy.Side {
	return understudy.Side{Served: understudy.Served{Release: release, Requests: asked, Errors: failed}}
}

func TestJudge_ComparesErrorsOfOldAndNew(t *testing.T) {
	policy := understudy.Policy{}.WithDefaults() // 1 % more errors at most, 50 requests at least
	for _, c := range []struct {
		claim                              string
		oldAsked, oldFailed, asked, failed int64
		want                               understudy.Outcome
		says                               string
	}{
		{"no errors", 900, 0, 100, 0, understudy.OutcomePassed, "0 of 100 requests failed on v2"},
		{"worse", 900, 0, 100, 5, understudy.OutcomeFailed, "5 of 100 requests failed on v2 (5.0 %); on v1 0 of 900"},
		{"as bad as the old one", 900, 45, 100, 5, understudy.OutcomePassed, ""},
		{"better than the old one", 900, 450, 100, 5, understudy.OutcomePassed, ""},
		{"added, within what is allowed", 1000, 0, 1000, 10, understudy.OutcomePassed, ""},
		{"added, beyond it, and not clear yet", 1000, 0, 1000, 11, understudy.OutcomeInconclusive, "it may be chance"},
		{"added, beyond it", 2000, 0, 2000, 22, understudy.OutcomeFailed, ""},
		{"two may be chance", 900, 0, 60, 2, understudy.OutcomeInconclusive, "it may be chance"},
		{"clear, and no more than chance allows", 90, 3, 60, 4, understudy.OutcomeInconclusive, "it may be chance"},
		{"clearly broken, though seen by few", 900, 0, 4, 3, understudy.OutcomeFailed, ""},
		{"broken, and so was the old one", 4, 4, 4, 4, understudy.OutcomeInconclusive, "4 requests seen"},
		{"too few", 900, 0, 49, 0, understudy.OutcomeInconclusive, "49 requests seen on v2; 50 are needed to judge"},
		{"enough", 900, 0, 50, 0, understudy.OutcomePassed, ""},
		{"none at all", 0, 0, 0, 0, understudy.OutcomeInconclusive, "0 requests seen on v2"},
		{"the old one served nothing", 0, 0, 100, 3, understudy.OutcomeInconclusive, ""},
		{"the old one served nothing, and this is clear", 0, 0, 100, 12, understudy.OutcomeFailed, ""},
	} {
		got, why := policy.Judge(understudy.Comparison{Old: side("v1", c.oldAsked, c.oldFailed), New: side("v2", c.asked, c.failed)}).Whole()
		if got != c.want || !strings.Contains(why, c.says) || why == "" {
			t.Errorf("%s: %s (%s), want %s (%s)", c.claim, got, why, c.want, c.says)
		}
	}
}

func TestJudge_NeverGetsBetterWithMoreErrors(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policy := understudy.Policy{MinRequests: rapid.IntRange(1, 200).Draw(t, "min"), MaxErrorRate: rapid.Float64Range(0.001, 0.2).Draw(t, "rate")}.WithDefaults()
		asked := rapid.Int64Range(1, 1000).Draw(t, "asked")
		fewer := rapid.Int64Range(0, asked).Draw(t, "fewer")
		more := rapid.Int64Range(fewer, asked).Draw(t, "more")
		old := side("v1", 1000, rapid.Int64Range(0, 1000).Draw(t, "old errors"))
		with := func(errors int64) understudy.Outcome {
			outcome, _ := policy.Judge(understudy.Comparison{Old: old, New: side("v2", asked, errors)}).Whole()
			return outcome
		}
		if with(fewer) == understudy.OutcomeFailed && with(more) != understudy.OutcomeFailed {
			t.Fatalf("of %d, %d failed is failed and %d is %s", asked, fewer, more, with(more))
		}
	})
}

// bars are a histogram of latencies in bars 5 % wide, as the router keeps it.
type bars map[int]int64

func (b bars) add(seconds float64, n int64) { b[int(math.Ceil(math.Log(seconds)/math.Log(1.05)))] += n }

func (b bars) sorted() []understudy.Bucket {
	var out []understudy.Bucket
	for i := -300; i < 200; i++ {
		if n := b[i]; n > 0 {
			out = append(out, understudy.Bucket{UpTo: math.Pow(1.05, float64(i)), Count: n})
		}
	}
	return out
}

// shaped is a side whose requests take the given times in equal parts, but for a share that
// takes another.
func shaped(release string, n int64, seconds, share, tail float64) understudy.Side {
	b := bars{}
	slow := int64(math.Round(share * float64(n)))
	b.add(seconds, n-slow)
	if slow > 0 {
		b.add(tail, slow)
	}
	s := side(release, n, 0)
	s.Latency = b.sorted()
	return s
}

func TestJudge_ComparesLatencies(t *testing.T) {
	policy := understudy.Policy{}.WithDefaults() // twice as long at most, and 20 ms
	for _, c := range []struct {
		claim    string
		old, new understudy.Side
		want     understudy.Outcome
		says     string
	}{
		{"the same", shaped("v1", 2000, .010, 0, 0), shaped("v2", 200, .010, 0, 0), understudy.OutcomePassed, ""},
		{"three times as long", shaped("v1", 2000, .030, 0, 0), shaped("v2", 200, .090, 0, 0), understudy.OutcomeFailed, "half of the requests on v2 took"},
		{"three times as long, of nothing", shaped("v1", 2000, .002, 0, 0), shaped("v2", 200, .006, 0, 0), understudy.OutcomePassed, ""},
		{"longer, within what is allowed", shaped("v1", 2000, .100, 0, 0), shaped("v2", 200, .180, 0, 0), understudy.OutcomePassed, ""},
		{"every sixth is slow", shaped("v1", 2000, .010, 0, 0), shaped("v2", 1000, .010, .16, .500), understudy.OutcomeFailed, "95 % of the requests on v2 took 5"},
		{"every sixth was slow before, too", shaped("v1", 2000, .010, .16, .500), shaped("v2", 1000, .010, .16, .500), understudy.OutcomePassed, ""},
		{"every fortieth is slow, of many", shaped("v1", 20000, .010, 0, 0), shaped("v2", 8000, .010, .025, .500), understudy.OutcomeFailed, "99 % of the requests on v2 took 5"},
		{"every fortieth is slow, of few", shaped("v1", 2000, .010, 0, 0), shaped("v2", 60, .010, .025, .500), understudy.OutcomePassed, ""},
		{"a median far too long, of few", shaped("v1", 400, .002, 0, 0), shaped("v2", 50, .002, .6, .300), understudy.OutcomeInconclusive, "half of the requests on v2 took"},
		{"a median far too long, beside few", shaped("v1", 20, .002, 0, 0), shaped("v2", 500, .300, 0, 0), understudy.OutcomePassed, ""},
		{"the old one was not timed", side("v1", 2000, 0), shaped("v2", 200, 5, 0, 0), understudy.OutcomePassed, ""},
	} {
		got, why := policy.Judge(understudy.Comparison{Old: c.old, New: c.new}).Whole()
		if got != c.want || !strings.Contains(why, c.says) {
			t.Errorf("%s: %s (%s), want %s (%s)", c.claim, got, why, c.want, c.says)
		}
	}
}

func TestJudge_SaysThatTheOldReleaseWasCountedBefore(t *testing.T) {
	policy := understudy.Policy{}.WithDefaults()
	c := understudy.Comparison{Old: shaped("v1", 2000, .030, 0, 0), New: shaped("v2", 200, .090, 0, 0), Before: true}
	if _, why := policy.Judge(c).Whole(); !strings.HasSuffix(why, "before") {
		t.Errorf("it says %q", why)
	}
}

func TestJudge_WhatARequestCostsDecidesOnlyWhereThePolicySaysSo(t *testing.T) {
	old, fresh := side("v1", 900, 0), side("v2", 100, 0)
	old.PerRequest, old.Memory, fresh.PerRequest, fresh.Memory = .001, 50e6, .004, 400e6
	for _, c := range []struct {
		cpu, memory float64
		want        understudy.Outcome
		says        string
	}{
		{0, 0, understudy.OutcomePassed, "0 of 100"},
		{3, 0, understudy.OutcomeFailed, "v2 takes for a request 4ms, v1 1ms; 3 times as much is allowed"},
		{5, 0, understudy.OutcomePassed, "0 of 100"},
		{0, 2, understudy.OutcomeFailed, "v2 holds 400 MB, v1 50 MB; 2 times as much is allowed"},
	} {
		policy := understudy.Policy{MaxCPURatio: c.cpu, MaxMemoryRatio: c.memory}.WithDefaults()
		judged := policy.Judge(understudy.Comparison{Old: old, New: fresh})
		if got, why := judged.Whole(); got != c.want || !strings.Contains(why, c.says) {
			t.Errorf("%+v: %s (%s)", c, got, why)
		}
		if len(judged) != 3 {
			t.Errorf("%+v: it tells %+v, and both figures are told", c, judged)
		}
	}
}

func TestStall_IsWhatEndsNothingThoughSomeWait(t *testing.T) {
	began := time.Now()
	at := func(old, oldRunning, fresh, running int64, before bool) understudy.Comparison {
		c := understudy.Comparison{Old: side("v1", old, 0), New: side("v2", fresh, 0), Before: before}
		c.Old.Running, c.New.Running = int(oldRunning), int(running)
		return c
	}
	for _, c := range []struct {
		claim string
		look  func(second int64) understudy.Comparison
		want  time.Duration
	}{
		{"hangs", func(s int64) understudy.Comparison { return at(100*s, 1, 0, 5+s, false) }, 9 * time.Second},
		{"hangs in the bake", func(s int64) understudy.Comparison { return at(100, 0, 0, 5+s, true) }, 9 * time.Second},
		{"answers slowly", func(s int64) understudy.Comparison { return at(100*s, 1, s, 50, false) }, 0},
		{"is asked nothing", func(s int64) understudy.Comparison { return at(100*s, 1, 7, 0, false) }, 0},
		{"one long download", func(s int64) understudy.Comparison { return at(100*s, 1, 7, 2, false) }, 0},
		{"both stand still", func(s int64) understudy.Comparison { return at(100, 40, 7, 20, false) }, 0},
	} {
		var stall understudy.Stall
		var got time.Duration
		for s := range int64(10) {
			got = stall.Look(c.look(s), began.Add(time.Duration(s)*time.Second))
		}
		if got != c.want {
			t.Errorf("%s: for %s, want %s", c.claim, got, c.want)
		}
	}
	policy := understudy.Policy{}.WithDefaults()
	if part := policy.Stalled(at(0, 0, 0, 7, true), 10*time.Second); part.Outcome != understudy.OutcomeFailed || !strings.Contains(part.Says, "no request has ended on v2 for 10s, and 7 are under way") {
		t.Errorf("%+v", part)
	}
}

// life is one promotion as a judge looks at it: every look adds requests to both sides.
type life struct {
	looks    int
	old, new int // requests at each look
	failing  func(side int) float64
	takes    func(r *rand.Rand) float64 // seconds of a request
	burst    int                        // that many requests share one moment
}

// alarm tells at which look the new release was found to be worse; 0: at none.
func (l life) alarm(policy understudy.Policy, seed uint64) int {
	r := rand.New(rand.NewPCG(seed, 7))
	sides := []*understudy.Side{{}, {}}
	counts := []bars{{}, {}}
	for look := 1; look <= l.looks; look++ {
		for i, n := range []int{l.old, l.new} {
			moment := 0.0
			for k := range n {
				sides[i].Requests++
				if r.Float64() < l.failing(i) {
					sides[i].Errors++
				}
				if l.takes == nil {
					continue
				}
				if k%l.burst == 0 {
					moment = l.takes(r)
				}
				counts[i].add(moment, 1)
			}
			sides[i].Latency = counts[i].sorted()
		}
		if outcome, _ := policy.Judge(understudy.Comparison{Old: *sides[0], New: *sides[1]}).Whole(); outcome == understudy.OutcomeFailed {
			return look
		}
	}
	return 0
}

// share is the share of lives in which there was an alarm.
func (l life) share(policy understudy.Policy, lives int) float64 {
	alarms := 0
	for seed := range lives {
		if l.alarm(policy, uint64(seed)) > 0 {
			alarms++
		}
	}
	return float64(alarms) / float64(lives)
}

// logNormal latencies have a median of 10 ms and a long tail.
func logNormal(r *rand.Rand) float64 { return .010 * math.Exp(r.NormFloat64()) }

// The bounds are what docs/promotion.md says. Any excess counts as one: what the policy
// allows besides is left out, so that chance alone is what is tested.
func TestJudge_RepeatedLooksRaiseFewFalseAlarms(t *testing.T) {
	sharp := understudy.Policy{MaxErrorRate: 1e-9, MaxLatencyRatio: 1.0000001, LatencyFloor: 1, MinRequests: 1}.WithDefaults()
	for _, c := range []struct {
		claim string
		life  life
		lives int
		most  float64
	}{
		{"errors of one in fifty", life{looks: 240, old: 9, new: 1, failing: func(int) float64 { return .02 }}, 200, .015},
		{"errors of one in three", life{looks: 240, old: 5, new: 5, failing: func(int) float64 { return .3 }}, 100, .015},
		{"latencies", life{looks: 60, old: 20, new: 20, failing: func(int) float64 { return 0 }, takes: logNormal, burst: 1}, 40, .03},
		{"latencies in bursts of ten", life{looks: 60, old: 20, new: 20, failing: func(int) float64 { return 0 }, takes: logNormal, burst: 10}, 40, .03},
	} {
		if got := c.life.share(sharp, c.lives); got > c.most {
			t.Errorf("%s: in %.1f %% of lives there is a false alarm, want at most %.1f %%", c.claim, 100*got, 100*c.most)
		}
	}
}

func TestJudge_FindsABadReleaseSoon(t *testing.T) {
	policy := understudy.Policy{}.WithDefaults()
	errors := life{looks: 240, old: 9, new: 1, failing: func(side int) float64 { return []float64{.002, .05}[side] }}
	if got := errors.share(policy, 60); got < .95 {
		t.Errorf("a release that fails every twentieth request is found in %.0f %% of lives, want 95 %%", 100*got)
	}
	slow := life{looks: 60, old: 20, new: 20, failing: func(int) float64 { return 0 }, burst: 1}
	n := 0
	slow.takes = func(r *rand.Rand) float64 { // old and new come in turns, 20 at a time
		n++
		return logNormal(r) * map[bool]float64{true: 4, false: 1}[(n-1)%40 >= 20]
	}
	if got := slow.share(policy, 20); got < .95 {
		t.Errorf("a release that takes four times as long is found in %.0f %% of lives, want 95 %%", 100*got)
	}
}
