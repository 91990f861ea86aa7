package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"understudy"
	"understudy/internal/config"
)

const twoEnvironments = `application: shop
services: {web: {command: [x]}}
environments:
  production: {purpose: production, listen: "127.0.0.1:8080"}
  staging: {purpose: staging, twin_of: production, listen: "127.0.0.1:8081"}
parity:
`

func TestLoad_TurnsWhatIsAskedOfTwinsIntoWords(t *testing.T) {
	p, err := load(t, map[string]string{config.FileName: twoEnvironments + `  under: 95
  blocking: 8
  every: 15m
  accepted:
    - {kind: setting, name: main work_mem, owner: ann, reason: the twin has half the memory, until: 2026-12-31}
    - {kind: volume, name: "*", twin: staging, owner: ann, reason: it is a subset, until: "2027-06-30"}
    - {kind: volume, name: long ago, owner: ann, reason: it was so, until: 2020-02-29}
`})
	if err != nil {
		t.Fatal(err)
	}
	want := understudy.ParityTerms{Under: 95, Blocking: 8, Accepted: []understudy.Acceptance{
		{Kind: "setting", Name: "main work_mem", Owner: "ann", Reason: "the twin has half the memory", Until: "2026-12-31"},
		{Kind: "volume", Name: "*", Twin: "staging", Owner: "ann", Reason: "it is a subset", Until: "2027-06-30"},
		{Kind: "volume", Name: "long ago", Owner: "ann", Reason: "it was so", Until: "2020-02-29"},
	}}
	if diff := cmp.Diff(want, p.Policy.Parity); diff != "" || p.ParityEvery != 15*time.Minute {
		t.Errorf("every %s, -want +got:\n%s", p.ParityEvery, diff)
	}
}

func TestLoad_SaysWhereADifferenceCannotBeAccepted(t *testing.T) {
	accepted := func(entry string) string { return "  accepted:\n    - {" + entry + "}\n" }
	for name, c := range map[string]struct{ parity, want string }{
		"nobody":                     {accepted("kind: setting, name: x, reason: so, until: 2026-12-31"), `understudy.yaml:8:7: parity.accepted[0]: expected owner:, found none`},
		"for no reason":              {accepted("kind: setting, name: x, owner: ann, until: 2026-12-31"), `understudy.yaml:8:7: parity.accepted[0]: expected reason:, found none`},
		"for ever":                   {accepted("kind: setting, name: x, owner: ann, reason: so"), `understudy.yaml:8:7: parity.accepted[0]: expected until:, found none`},
		"a blank for a reason":       {accepted("kind: setting, name: x, owner: ann, reason: ' ', until: 2026-12-31"), `understudy.yaml:8:44: parity.accepted[0].reason: expected a text, found nothing`},
		"an empty owner":             {accepted("kind: setting, name: x, owner: '', reason: so, until: 2026-12-31"), `parity.accepted[0].owner: expected at least 1 letter, found ""`},
		"a day that is none":         {accepted("kind: setting, name: x, owner: ann, reason: so, until: 2026-02-30"), `understudy.yaml:8:56: parity.accepted[0].until: expected the last day on which it holds, such as 2026-12-31, found "2026-02-30"`},
		"a credential that is equal": {accepted("kind: credential, name: KEY, owner: ann, reason: so, until: 2026-12-31"), `understudy.yaml:8:8: parity.accepted[0].kind: a credential that has to differ and does not cannot be accepted`},
		"of no twin":                 {accepted("kind: setting, name: x, twin: stagin, owner: ann, reason: so, until: 2026-12-31"), `parity.accepted[0].twin: "stagin" is no twin of another environment; did you mean "staging"?`},
		"of production":              {accepted("kind: setting, name: x, twin: production, owner: ann, reason: so, until: 2026-12-31"), `"production" is no twin`},
		"without an end in sight":    {"  every: 10s\n", `understudy.yaml:7:3: parity.every: expected 1m at least`},
		"more than everything":       {"  under: 101\n", `parity.under: expected at least 0 and at most 100, found "101"`},
		"blocking all":               {"  blocking: 0\n", `parity.blocking: expected more than 0, found "0"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, map[string]string{config.FileName: twoEnvironments + c.parity})
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Fatalf("got  %v\nwant %s, alone", err, c.want)
			}
		})
	}
}
