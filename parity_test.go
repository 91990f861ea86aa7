package understudy_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"understudy"
)

var kindsOfGap = []string{"setting", "configuration", "volume", "credential"}

func namedGap() *rapid.Generator[understudy.Gap] {
	return rapid.Custom(func(t *rapid.T) understudy.Gap {
		g := understudy.Gap{
			Kind: rapid.SampledFrom(kindsOfGap).Draw(t, "kind"), Name: rapid.StringMatching(`[ab]{1,3}`).Draw(t, "name"),
			A: rapid.StringMatching(`[01]`).Draw(t, "a"), Weight: rapid.Float64Range(-1, 20).Draw(t, "weight"),
		}
		if rapid.IntRange(0, 4).Draw(t, "expected") == 0 {
			g.Because = "a twin is so"
		}
		return g
	})
}

func day(text string) time.Time {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return t
}

func acceptance() *rapid.Generator[understudy.Acceptance] {
	return rapid.Custom(func(t *rapid.T) understudy.Acceptance {
		return understudy.Acceptance{
			Kind: rapid.SampledFrom(kindsOfGap).Draw(t, "kind"), Name: rapid.StringMatching(`[ab*?]{1,3}`).Draw(t, "pattern"),
			Owner: "ann", Reason: "known", Until: day("2026-06-01").AddDate(0, 0, rapid.IntRange(-3, 3).Draw(t, "days")).Format(time.DateOnly),
		}
	})
}

func likeness(gaps []understudy.Gap, equal int) understudy.Parity {
	return understudy.Parity{A: "production", B: "staging", Compared: equal + len(gaps), Gaps: gaps, Figure: understudy.ParityFigure(equal, gaps), MeasuredAt: day("2026-06-01").Add(15 * time.Hour)}
}

func TestParityFigure_NeitherAHeavierGapNorAFactThatBecomesOneRaisesIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		equal := rapid.IntRange(1, 1_000_000).Draw(t, "equal")
		had := rapid.SliceOfN(namedGap(), 1, 20).Draw(t, "gaps")
		figure := understudy.ParityFigure(equal, had)
		heavier := slices.Clone(had)
		at := rapid.IntRange(0, len(had)-1).Draw(t, "which")
		heavier[at].Weight += rapid.Float64Range(0, 100).Draw(t, "more")
		if now := understudy.ParityFigure(equal, heavier); now > figure {
			t.Fatalf("a heavier gap raises it from %v to %v", figure, now)
		}
		if now := understudy.ParityFigure(equal-1, append(had, namedGap().Draw(t, "new"))); now > figure {
			t.Fatalf("a fact that becomes a gap raises it from %v to %v", figure, now)
		}
	})
}

func TestAccept_TakesWhatIsMeantAndTellsEveryAcceptanceThatAcceptsNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before := likeness(rapid.SliceOfN(namedGap(), 0, 20).Draw(t, "gaps"), rapid.IntRange(0, 300).Draw(t, "equal"))
		all := rapid.SliceOfN(acceptance(), 0, 6).Draw(t, "accepted")
		p := before.Accept(all)
		if p.Figure < before.Figure || p.Compared != before.Compared || len(p.Gaps) != len(before.Gaps) {
			t.Fatalf("%+v became %+v", before, p)
		}
		if fewer := before.Accept(all[:len(all)/2]); fewer.Figure > p.Figure {
			t.Fatalf("with fewer acceptances the figure is %v, with more %v", fewer.Figure, p.Figure)
		}
		for _, g := range p.Gaps {
			meant := slices.ContainsFunc(all, func(a understudy.Acceptance) bool { return holds(a) && means(a, g) })
			if (g.Accepted != nil) != meant {
				t.Fatalf("%+v is accepted: %t, want %t", g, g.Accepted != nil, meant)
			}
			if g.Accepted != nil && (g.Kind == "credential" || g.Because != "") {
				t.Fatalf("%+v is accepted", g)
			}
		}
		lapsed := map[string]bool{}
		for _, l := range p.Lapsed {
			lapsed[l.String()+l.Said()] = true
			if l.Why() == "" || l.Over == holds(l.Acceptance) {
				t.Fatalf("%+v", l)
			}
		}
		for _, a := range all {
			idle := !holds(a) || !slices.ContainsFunc(before.Gaps, func(g understudy.Gap) bool { return means(a, g) })
			if lapsed[a.String()+a.Said()] != idle {
				t.Fatalf("%+v is told as lapsed: %t, want %t", a, !idle, idle)
			}
		}
		if again := p.Accept(nil); again.Figure != before.Figure || len(again.Lapsed) > 0 {
			t.Fatalf("without acceptances it is %+v", again)
		}
	})
}

// holds and means are the rule once more, in other words.
func holds(a understudy.Acceptance) bool { return a.Until >= "2026-06-01" }

func means(a understudy.Acceptance, g understudy.Gap) bool {
	pattern := strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(a.Name))
	return g.Because == "" && g.Kind == a.Kind && g.Kind != "credential" && regexp.MustCompile("^(?s:"+pattern+")$").MatchString(g.Name)
}

func TestAccept_IsOfTheTwinThatIsNamed(t *testing.T) {
	p := likeness([]understudy.Gap{{Kind: "setting", Name: "main work_mem", Weight: 2}}, 8)
	mine := understudy.Acceptance{Kind: "setting", Name: "main *", Twin: "staging", Until: "2026-06-01"}
	if got := p.Accept([]understudy.Acceptance{mine}); got.Figure != 100 || len(got.Accepted()) != 1 || got.Accepted()[0].Differences != 1 {
		t.Errorf("%+v", got)
	}
	mine.Twin = "qa"
	if got := p.Accept([]understudy.Acceptance{mine}); got.Figure != 80 || len(got.Lapsed) > 0 {
		t.Errorf("another twin's acceptance: %+v", got)
	}
}

func TestAcceptance_HoldsToTheEndOfItsDay(t *testing.T) {
	a := understudy.Acceptance{Until: "2026-06-01"}
	if a.RanOut(day("2026-06-02").Add(-time.Second)) || !a.RanOut(day("2026-06-02")) {
		t.Error("the last day is not the last")
	}
}

func TestLapsed_SaysWhyInWords(t *testing.T) {
	a := understudy.Acceptance{Kind: "setting", Name: "x", Until: "2026-05-31"}
	for _, c := range []struct {
		lapsed understudy.Lapsed
		want   string
	}{
		{understudy.Lapsed{Acceptance: a}, "no such difference was found any more"},
		{understudy.Lapsed{Acceptance: a, Over: true}, "it ran out on 2026-05-31, and no such difference was found any more"},
		{understudy.Lapsed{Acceptance: a, Over: true, Met: 1}, "it ran out on 2026-05-31: the difference is accidental again"},
		{understudy.Lapsed{Acceptance: a, Over: true, Met: 3}, "it ran out on 2026-05-31: its 3 differences are accidental again"},
	} {
		if got := c.lapsed.Why(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestGate_RefusesAVerdictThatRestsOnAnAcceptanceWhichRanOut(t *testing.T) {
	gate, statement := permitted()
	a := understudy.Acceptance{Kind: "setting", Name: "main work_mem", Owner: "ann", Reason: "known", Until: gate.Now.UTC().Format(time.DateOnly)}
	statement.Parity = &understudy.ParitySummary{Accepted: []understudy.Accepted{{Acceptance: a, Differences: 1}}}
	if why := gate.Refusals(statement); len(why) > 0 {
		t.Errorf("refused on its last day: %q", why)
	}
	statement.Parity.Accepted[0].Until = gate.Now.UTC().AddDate(0, 0, -1).Format(time.DateOnly)
	if why := gate.Refusals(statement); len(why) != 1 || !strings.Contains(why[0], "setting main work_mem being accepted, which ran out") {
		t.Errorf("refusals %q", why)
	}
}

func TestParityChanges_AreWhatLeadsFromOneListToTheOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, after := rapid.SliceOfN(namedGap(), 0, 12).Draw(t, "before"), rapid.SliceOfN(namedGap(), 0, 12).Draw(t, "after")
		if same := understudy.ParityChanges(after, slices.Clone(after)); len(same) > 0 {
			t.Fatalf("nothing changed, and %+v is told", same)
		}
		sum := map[string]int{}
		for _, g := range before {
			sum[g.Kind+g.Name]++
		}
		for _, c := range understudy.ParityChanges(before, after) {
			switch c.What {
			case understudy.GapCame:
				sum[c.Gap.Kind+c.Gap.Name]++
			case understudy.GapWent:
				sum[c.Gap.Kind+c.Gap.Name]--
			case understudy.GapChanged:
				if c.Was == nil || c.Was.A == c.Gap.A && c.Was.State() == c.Gap.State() && c.Was.Weight == c.Gap.Weight {
					t.Fatalf("changed from %+v to %+v", c.Was, c.Gap)
				}
			}
		}
		for _, g := range after {
			sum[g.Kind+g.Name]--
		}
		for name, n := range sum {
			if n != 0 {
				t.Fatalf("%s is told %d times too often", name, n)
			}
		}
	})
}

func TestParityList_SizesThatMoveALittleAreNoChange(t *testing.T) {
	rows := func(weight float64, a string) understudy.Gap {
		return understudy.Gap{Kind: "volume", Name: "main public.orders", A: a, B: "10 rows", Weight: weight}
	}
	memory := understudy.Gap{Kind: "setting", Name: "main work_mem", A: "4MB", B: "64MB", Weight: 2}
	print := func(took string, gaps ...understudy.Gap) understudy.Digest {
		d, err := understudy.Parity{Gaps: gaps, Measured: []string{took}}.Listed().Digest()
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	was := []understudy.Gap{rows(2.8, "200 rows"), memory}
	for claim, c := range map[string]struct {
		now  []understudy.Gap
		same bool
	}{
		"more rows":            {[]understudy.Gap{rows(2.9, "300 rows"), memory}, true},
		"another order":        {[]understudy.Gap{memory, was[0]}, true},
		"many fewer rows":      {[]understudy.Gap{rows(1.6, "20 rows"), memory}, false},
		"another setting":      {[]understudy.Gap{was[0], {Kind: "setting", Name: "main work_mem", A: "4MB", B: "32MB", Weight: 2}}, false},
		"somebody accepts it":  {[]understudy.Gap{was[0], {Kind: "setting", Name: "main work_mem", A: "4MB", B: "64MB", Weight: 2, Accepted: &understudy.Acceptance{}}}, false},
		"it is there no more":  {was[:1], false},
		"nothing has happened": {was, true},
	} {
		if same := print("a pass took 141ms", c.now...) == print("a pass took 17ms", was...); same != c.same {
			t.Errorf("%s: the same list: %t", claim, same)
		}
		if changes := understudy.ParityChanges(was, c.now); (len(changes) == 0) != c.same {
			t.Errorf("%s: changes %+v", claim, changes)
		}
	}
}

func TestThinParity_KeepsTheNewestAllAndOfEachDayBeforeThemTheWorst(t *testing.T) {
	now := day("2026-12-31")
	var all []understudy.ParityStretch
	for at := now.AddDate(-3, 0, 0); at.Before(now); at = at.Add(6 * time.Hour) {
		all = append(all, understudy.ParityStretch{ID: at.String(), From: at, Until: at, Figure: float64(len(all) * 7919 % 100)})
	}
	gone := map[string]bool{}
	for _, s := range understudy.ThinParity(all, now) {
		gone[s.ID] = true
	}
	days, kept := map[string]float64{}, map[string][]float64{}
	for i, s := range all {
		on := s.From.Format(time.DateOnly)
		if old := i < len(all)-understudy.ParityKeptAll; !old && gone[s.ID] {
			t.Errorf("%s is one of the newest, and gone", s.ID)
		} else if !old {
			continue
		}
		if worst, known := days[on]; !known || s.Figure < worst {
			days[on] = s.Figure
		}
		if !gone[s.ID] {
			kept[on] = append(kept[on], s.Figure)
		}
	}
	for on, worst := range days {
		want := 1
		if on < now.AddDate(0, 0, -understudy.ParityKeptDays).Format(time.DateOnly) {
			want = 0
		}
		if len(kept[on]) != want || want == 1 && kept[on][0] != worst {
			t.Errorf("of %s is kept %v, the worst was %v", on, kept[on], worst)
		}
	}
	if n := len(all) - len(gone); n > understudy.ParityKeptAll+understudy.ParityKeptDays+1 {
		t.Errorf("%d stretches are kept", n)
	}
}

func TestParity_KindsAreSummedUpTheHeaviestFirst(t *testing.T) {
	known := &understudy.Acceptance{Kind: "volume"}
	p := understudy.Parity{Gaps: []understudy.Gap{
		{Kind: "credential", Because: "a twin is so"}, {Kind: "setting", Weight: 2}, {Kind: "volume", Weight: 3, Accepted: known}, {Kind: "schema", Weight: 5}, {Kind: "setting", Weight: 2},
	}}
	want := []understudy.GapSum{{Kind: "schema", Accidental: 1, Weight: 5}, {Kind: "setting", Accidental: 2, Weight: 4}, {Kind: "credential", Expected: 1}, {Kind: "volume", Accepted: 1}}
	if got := p.Kinds(); !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
}
