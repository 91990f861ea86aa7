package rehearsal

import (
	"testing"

	"understudy"
	"understudy/internal/check"
)

func TestNewFailures_SayOfEachClassWhatWentWrong(t *testing.T) {
	before := Heard{Requests: 40}
	after := Heard{Requests: 38, Failed: 9, Classes: map[string]int{"GET / → 500": 5, "PUT /feeds/{{int 1 20}} → 500": 4}, Samples: []string{
		`GET / → 500: pq: relation "sessions" does not exist`,
		`GET / → 500: the second of its class`,
		`PUT /feeds/{{int 1 20}} → 500: pq: no constraint matching<p>a page</p>`,
	}}
	found := newFailures(before, after, check.CompatibilityBroken, "", nil)
	const want = `9 of 38 requests failed; before, 0 of 40: GET / → 500 (5), for example: pq: relation "sessions" does not exist; ` +
		`PUT /feeds/{{int 1 20}} → 500 (4), for example: pq: no constraint matching`
	if len(found) != 1 || found[0].Seen != want {
		t.Errorf("found    %+v\nexpected %s", found, want)
	}
}

func TestShown_EveryFindingHasEvidenceWhereItsCheckHas(t *testing.T) {
	whole, own := understudy.Evidence{Name: "all.json"}, understudy.Evidence{Name: "own.txt"}
	c := shown(understudy.Check{Evidence: []understudy.Evidence{whole}, Findings: []understudy.Finding{{}, {Evidence: []understudy.Evidence{own}}}})
	if c.Findings[0].Evidence[0] != whole || c.Findings[1].Evidence[0] != own {
		t.Errorf("found %+v", c.Findings)
	}
}
