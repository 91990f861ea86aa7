package understudy

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func provenCopy() CopyProof {
	return CopyProof{
		ProofSummary: ProofSummary{At: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)},
		Tables:       []TableProof{{Table: "public.a", Rows: 3, Found: 3, Compared: "fingerprint", Columns: 2}, {Table: "public.b", Rows: 1, Found: 1, Compared: "rows"}},
		Columns:      []ColumnLikeness{{Column: "public.a.b", Score: 0.5}, {Column: "public.a.c", DistinctExact: true, Distinct: [2]float64{2, 2}, Score: 1}},
		Plans:        []PlanLikeness{{Statement: "1", Same: true}, {Statement: "2"}},
		Groups:       []GroupProof{{Table: "public.a", K: 5, Small: 4}},
		Leaks:        []Leak{{Place: "public.b.x", Of: "public.a.b", Kind: LeakCommon, Count: 7}, {Place: "public.a.b", Kind: LeakCoincidence, Count: 2}},
	}
}

func TestCopyProof_SealedSaysInShortWhatItHolds(t *testing.T) {
	sealed, err := provenCopy().Sealed()
	if err != nil {
		t.Fatal(err)
	}
	want := ProofSummary{Digest: sealed.Digest, At: sealed.At, TablesCompared: 2, TablesPrinted: 1, TablesEqual: 2, Common: 7, Coincidences: 2, Likeness: 0.75, PlansCompared: 2, PlansSame: 1, SmallGroups: 4}
	if sealed.ProofSummary != want || sealed.Digest == "" {
		t.Errorf("summary %+v, expected %+v", sealed.ProofSummary, want)
	}
	raw, err := json.Marshal(sealed)
	if err != nil {
		t.Fatal(err)
	}
	var read CopyProof
	if err := json.Unmarshal(raw, &read); err != nil {
		t.Fatal(err)
	}
	again, err := read.Sealed()
	if err != nil || again.Digest != sealed.Digest {
		t.Errorf("read again its digest is %s (%v), expected %s", again.Digest, err, sealed.Digest)
	}
	changed := provenCopy()
	changed.Tables[0].Found = 2
	if other, err := changed.Sealed(); err != nil || other.Digest == sealed.Digest {
		t.Errorf("another proof has the same digest (%v)", err)
	}
}

func TestCopyProof_RefusesWhatIsNotAsItShouldBe(t *testing.T) {
	if why := provenCopy().Refusals(); len(why) > 0 {
		t.Fatalf("refused: %q", why)
	}
	for said, spoil := range map[string]func(*CopyProof){
		"public.b.x holds 7 originals of public.a.b": func(p *CopyProof) { p.Leaks[0].Kind = LeakFound },
		"public.a has 2 rows, and its source 3":      func(p *CopyProof) { p.Tables[0].Found = 2 },
		"unmasked columns of public.a differ":        func(p *CopyProof) { p.Tables[0].Differs = []string{"b"} },
		"public.a.c has 3 distinct values":           func(p *CopyProof) { p.Columns[1].Distinct[1] = 3 },
		"index i of public.a is missing in the twin": func(p *CopyProof) { p.Objects.Wrong = []string{"index i of public.a is missing in the twin"} },
	} {
		p := provenCopy()
		spoil(&p)
		if why := p.Refusals(); len(why) != 1 || !strings.Contains(why[0], said) {
			t.Errorf("refused %q, expected to hear %q", why, said)
		}
	}
}

func TestCopyProof_AcceptsLeaksAtNamedPlacesOnly(t *testing.T) {
	p := provenCopy()
	p.Leaks = []Leak{{Place: "public.b.x", Kind: LeakFound, Count: 3}, {Place: "public.b.y", Kind: LeakFound, Count: 1}}
	p.Accept([]string{"public.b.x"})
	if sealed, err := p.Sealed(); err != nil || sealed.Accepted != 3 || sealed.Leaked != 1 || len(sealed.Refusals()) != 1 {
		t.Errorf("%+v (%v)", sealed.ProofSummary, err)
	}
}

func TestSnapshot_SummarisedHasTheDigestsOfItsProofsAndNoMore(t *testing.T) {
	sealed, err := provenCopy().Sealed()
	if err != nil {
		t.Fatal(err)
	}
	whole := Snapshot{Databases: []DatabaseCopy{{Database: "a", Proof: &sealed}, {Database: "b"}}}
	short := whole.Summarised()
	if p := short.Databases[0].Proof; p.ProofSummary != sealed.ProofSummary || p.Tables != nil || short.Databases[1].Proof != nil {
		t.Errorf("summarised: %+v", short)
	}
	if whole.Databases[0].Proof.Tables == nil {
		t.Error("the whole was changed")
	}
}
