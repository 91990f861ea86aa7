package router

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"understudy"
)

func TestOutlying_FindsWhoIsWorseThanTheOthersAndNobodyElse(t *testing.T) {
	for name, c := range map[string]struct {
		one, others counts
		waiting     int64
		out         bool
	}{
		"all is well":                    {counts{100, 100, 0, 0}, counts{100, 100, 0, 0}, 0, false},
		"all are broken":                 {counts{100, 100, 90, 0}, counts{100, 100, 90, 0}, 0, false},
		"half of its answers are errors": {counts{100, 100, 50, 0}, counts{100, 100, 1, 0}, 0, true},
		"half of its requests are reset": {counts{100, 50, 0, 50}, counts{100, 100, 0, 0}, 0, true},
		"a few more errors":              {counts{100, 100, 10, 0}, counts{100, 100, 2, 0}, 0, false},
		"too few to tell":                {counts{4, 4, 4, 0}, counts{100, 100, 0, 0}, 0, false},
		"nobody to compare with":         {counts{100, 100, 100, 0}, counts{}, 0, false},
		"it takes and never answers":     {counts{4, 0, 0, 0}, counts{100, 100, 0, 0}, 0, true},
		"those that came before wait":    {counts{}, counts{100, 100, 0, 0}, 3, true},
		"two that came before wait":      {counts{}, counts{100, 100, 0, 0}, 2, false},
		"two long requests":              {counts{2, 0, 0, 0}, counts{100, 100, 0, 0}, 0, false},
		"nobody answers":                 {counts{40, 0, 0, 0}, counts{40, 0, 0, 0}, 0, false},
	} {
		if why := outlying(c.one, c.others, c.waiting, false); (why != "") != c.out {
			t.Errorf("%s: %q", name, why)
		}
		if why := outlying(c.one, c.others, c.waiting, true); (why != "") != (c.out && c.one.ended() > 0) {
			t.Errorf("%s, and it may be waiting: %q", name, why)
		}
	}
}

func TestEjection_LastsLongerEachTimeUntilItIsForgiven(t *testing.T) {
	var e ejection
	now := time.Unix(1e6, 0)
	for _, want := range []time.Duration{10 * time.Second, 20 * time.Second, 40 * time.Second} {
		e.begin(now, "it was slow")
		if e.until.Sub(now) != want || e.over(e.until.Add(-1)) || !e.over(e.until) {
			t.Errorf("ejected until %s, expected for %s", e.until.Sub(now), want)
		}
		now = now.Add(time.Minute)
	}
	for range 10 {
		e.begin(now, "it was slow")
		e.over(e.until)
	}
	if e.begin(now, "it was slow"); e.until.Sub(now) != ejectedAtMost {
		t.Errorf("at last it is ejected for %s", e.until.Sub(now))
	}
	e.over(e.until)
	if now = e.ended.Add(forgivenAfter + 1); now.After(e.ended) {
		e.begin(now, "it was slow again")
	}
	if e.until.Sub(now) != ejectedFirst || e.ever != 15 {
		t.Errorf("forgiven, it is ejected for %s, for the %dth time", e.until.Sub(now), e.ever)
	}
}

func TestHealth_FallsAfterThreeBadLooksAndRisesAfterTwoGoodOnes(t *testing.T) {
	bad := errors.New("GET /up answered 500")
	var h health
	for i, c := range []struct {
		look error
		ill  bool
	}{{nil, false}, {bad, false}, {bad, false}, {nil, false}, {bad, false}, {bad, false}, {bad, true}, {nil, true}, {bad, true}, {nil, true}, {nil, false}} {
		was := h.ill
		if changed := h.saw(c.look, time.Unix(int64(i), 0)); h.ill != c.ill || changed != (was != h.ill) {
			t.Errorf("after look %d: ill %t, changed %t", i, h.ill, changed)
		}
	}
	gone, slow := health{}, health{}
	if gone.saw(errNobody, time.Unix(7, 0)); !gone.ill || gone.reason != errNobody.Error() || gone.since.Unix() != 7 {
		t.Errorf("a first look that finds nobody decides alone, found %+v", gone)
	}
	if slow.saw(bad, time.Unix(7, 0)); slow.ill {
		t.Errorf("a first look that finds somebody ill does not, found %+v", slow)
	}
}

// newTestPool is a pool of targets that nobody looks at, and what it told.
func newTestPool(addresses ...string) (*pool, *[]string) {
	var told []string
	p := newPool(Route{Prefix: "/", Addresses: addresses}, "shop", "v1", &shared{log: quietLog(),
		tell: func(p Problem) { told = append(told, p.Text) }, over: func(Problem) { told = told[:0] }})
	return p, &told
}

func (p *pool) ejectedNow() (n int) {
	for _, s := range p.states(0) {
		if !s.Ejected.IsZero() {
			n++
		}
	}
	return n
}

func TestPool_NeverEjectsMoreThanHalfOfItsAddresses(t *testing.T) {
	for addresses, most := range map[int]int{1: 0, 2: 1, 3: 1, 4: 2, 5: 2} {
		p, _ := newTestPool([]string{"tcp:a:1", "tcp:b:1", "tcp:c:1", "tcp:d:1", "tcp:e:1"}[:addresses]...)
		for _, target := range p.targets {
			for range faultsInARow {
				p.fault(target, errBrokenOff)
			}
		}
		if got := p.ejectedNow(); got != most {
			t.Errorf("%d of %d addresses are ejected, expected %d", got, addresses, most)
		}
		if fit := *p.fit.Load(); len(fit) != addresses-most {
			t.Errorf("%d of %d addresses are fit", len(fit), addresses)
		}
	}
}

func TestPool_SendsSomewhereAlthoughNobodyIsWellAndSaysSoOnce(t *testing.T) {
	p, told := newTestPool("tcp:a:1", "tcp:b:1")
	look := func(target *target, result error) {
		for range looksToFall {
			p.mu.Lock()
			if target.health.saw(result, time.Unix(100, 0)) {
				p.refit()
			}
			p.mu.Unlock()
		}
	}
	look(p.targets[0], errors.New("no answer"))
	if fit := *p.fit.Load(); len(fit) != 1 || fit[0] != p.targets[1] || len(*told) != 0 {
		t.Errorf("with one of two well, %d are fit, and it said %q", len(fit), *told)
	}
	look(p.targets[1], errors.New("no answer"))
	state := SlotState{Slot: Slot{Routes: []Route{p.Route}}, Targets: p.states(0)}
	if fit := *p.fit.Load(); len(fit) != 2 || len(*told) != 1 || state.Unwell(time.Unix(105, 0), 5*time.Second) == "" {
		t.Errorf("with none well, %d are fit, it said %q, and of the slot: %q", len(fit), *told, state.Unwell(time.Unix(105, 0), 0))
	}
	if why := state.Unwell(time.Unix(104, 0), 5*time.Second); why != "" {
		t.Errorf("after four seconds it is not well for five: %s", why)
	}
	look(p.targets[0], nil)
	if fit := *p.fit.Load(); len(fit) != 1 || fit[0] != p.targets[0] || len(*told) != 0 {
		t.Errorf("with one well again, %d are fit, and it said %q", len(fit), *told)
	}
}

func TestPool_GivesRequestsToTheLessBusyOfTwo(t *testing.T) {
	p, _ := newTestPool("tcp:a:1", "tcp:b:1", "tcp:c:1")
	p.targets[0].running.Store(10) // hangs
	for range 300 {
		p.pick(nil).running.Add(1)
	}
	a, b, c := p.targets[0].running.Load(), p.targets[1].running.Load(), p.targets[2].running.Load()
	if a+b+c != 310 || a > 120 || b > 125 || c > 125 || a < 85 {
		t.Errorf("300 requests made %d, %d and %d of 10, 0 and 0", a, b, c)
	}
	for range 50 {
		if p.pick(p.targets[1]) == p.targets[1] {
			t.Fatal("a second try went to the same address")
		}
	}
}

func TestPool_FindsWhoLiesAboutItsHealthAndLetsItComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := newTestPool("tcp:a:1", "tcp:b:1")
		asked := func(n int) {
			for range n {
				for i, target := range p.targets {
					if target.ejected.until.IsZero() {
						target.begun.Add(1)
						target.noteAnswer([]int{200, 500}[i])
					}
				}
			}
		}
		judged := 0
		for ; p.ejectedNow() == 0 && judged < 20; judged++ {
			asked(10)
			time.Sleep(tendEvery)
			p.judge(time.Now())
		}
		if states := p.states(0); judged > 4 || states[1].Ejected.IsZero() || states[1].Reason == "" || !states[1].Well {
			t.Fatalf("after %d looks: %+v", judged, states)
		}
		for until := p.states(0)[1].Ejected; time.Now().Before(until); p.judge(time.Now()) {
			asked(1)
			time.Sleep(tendEvery)
		}
		if p.ejectedNow() != 0 || len(*p.fit.Load()) != 2 {
			t.Errorf("after its time it is still ejected: %+v", p.states(0))
		}
		for range 8 {
			asked(10)
			time.Sleep(tendEvery)
			p.judge(time.Now())
		}
		if s := p.states(0)[1]; s.Times != 2 || time.Until(s.Ejected) < ejectedFirst {
			t.Errorf("the second time: %+v", s)
		}
	})
}

func TestPool_LongPollsDoNotEjectTheAddressThatHoldsThemAndAHangOfAMinuteDoes(t *testing.T) {
	for _, c := range []struct {
		claim    string
		path     string
		held     time.Duration // a long poll
		clients  int           // that ask once more when they are answered, and not before
		from, to time.Duration // when it is ejected; 0: never
	}{
		{"long polls", "/healthz", 45 * time.Second, 1000, 0, 0},
		{"it hangs behind a page that is well", "/healthz", time.Hour, 1000, 30 * time.Second, 90 * time.Second},
		{"it hangs, and so do all who asked it", "/healthz", time.Hour, 4, 30 * time.Second, 90 * time.Second},
		{"it hangs, and nobody looks further than its port", "", time.Hour, 1000, time.Second, 10 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			p, _ := newTestPool("tcp:a:1", "tcp:b:1")
			p.Health.Path = c.path
			for _, target := range p.targets {
				target.health.saw(nil, time.Now())
			}
			begun, ejected := time.Now(), time.Duration(0)
			var polls []time.Time // the less busy address has all short requests
			for time.Since(begun) < 5*time.Minute && ejected == 0 {
				if len(polls) < c.clients {
					polls = append(polls, time.Now())
					p.targets[0].begin()
				}
				for len(polls) > 0 && time.Since(polls[0]) >= c.held {
					polls = polls[1:]
					p.targets[0].waiting.Add(-1)
					p.targets[0].noteAnswer(200)
				}
				for range 10 {
					p.targets[1].begun.Add(1)
					p.targets[1].noteAnswer(200)
				}
				time.Sleep(tendEvery)
				p.judge(time.Now())
				if p.ejectedNow() > 0 {
					ejected = time.Since(begun)
				}
			}
			if ejected < c.from || ejected > c.to {
				t.Errorf("%s: ejected after %s, want %s to %s", c.claim, ejected, c.from, c.to)
			}
		})
	}
}

func TestPool_ClientsThatSendSlowlyDoNotEjectTheAddressThatWaitsForThem(t *testing.T) {
	p, _ := newTestPool("tcp:a:1", "tcp:b:1")
	waiting := p.targets[0]
	for range stalledFrom { // their requests are not there yet
		v := &visit{}
		v.moveTo(waiting)
	}
	for range judgedFrom {
		p.targets[1].begun.Add(1)
		p.targets[1].noteAnswer(200)
	}
	p.judge(time.Now())
	if s := p.states(0)[0]; !s.Ejected.IsZero() {
		t.Errorf("it is ejected: %s", s.Reason)
	}
}

func TestRoute_OfAnOlderStateFileIsRead(t *testing.T) {
	var r Route
	if err := r.UnmarshalJSON([]byte(`{"prefix":"/","address":"tcp:127.0.0.1:9"}`)); err != nil ||
		!r.equal(Route{Prefix: "/", Addresses: []string{"tcp:127.0.0.1:9"}}) {
		t.Errorf("read as %+v, %v", r, err)
	}
	for name, bad := range map[string]Route{
		"no address": {Prefix: "/"}, "one twice": {Prefix: "/", Addresses: []string{"tcp:a:1", "tcp:a:1"}},
		"a protocol that there is not": {Prefix: "/", Addresses: []string{"tcp:a:1"}, Protocol: "spdy"},
	} {
		if err := bad.validate("d1"); understudy.KindOf(err) != understudy.KindInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}
