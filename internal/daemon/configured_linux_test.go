package daemon_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"understudy"
	"understudy/internal/api"
)

// tuned is a project of one service without a database, whose configuration changes.
const tuned = `
application: notes
services:
  web: {command: [bin/app, site, notes], port: 8080, route: /, grace: 1s, health: {path: /healthz, interval: 200ms}, env: {SIGNED: "<${SESSION_KEY} ${TOKEN}>"}}
config:
  rules: [{rule: "config.GREETING != 'shout' || purpose != 'production'", says: nobody is shouted at in production}]
  GREETING: {default: hello, schema: {type: string, maxLength: 9}}
  NEVER_SPOKEN_OF: {default: x}
  SESSION_KEY: {required: true, secret: true}
  TOKEN: {required: true, secret: true, rotates: true}
environments:
  production: {purpose: production, listen: %s, env: {GREETING: %s}, secrets: {SESSION_KEY: "file:production.key", TOKEN: "exec:date +token-%%N"}}
  staging: {purpose: staging, twin_of: production, listen: %s, secrets: {SESSION_KEY: "file:staging.key", TOKEN: "exec:date +token-%%N"}}
policy: {required: [twin, config, deployment], bake: 100ms, step_for: 100ms, steps: [100], bake_without_traffic: settle}
`

func (h *house) tune(t *testing.T, greeting string) {
	t.Helper()
	h.write(t, "understudy.yaml", fmt.Sprintf(tuned, h.production, greeting, h.staging))
}

// greets waits until production greets with a word, as it was configured.
func (h *house) greets(t *testing.T, want string) {
	t.Helper()
	h.until(t, "production greets with "+want, func() bool {
		answer, err := http.Get("http://" + h.production)
		return err == nil && answer.Body.Close() == nil && answer.Header.Get("X-Greeting") == want
	})
}

// pending are the keys in which what runs differs from what the file has.
func (h *house) pending(t *testing.T) string {
	t.Helper()
	d, err := h.DiffConfiguration(limited(t), api.DiffConfig{A: "production"})
	check(t, err)
	var out []string
	for _, c := range d.Changes {
		out = append(out, fmt.Sprintf("%s %s > %s", c.Key, c.A, c.B))
	}
	return strings.Join(out, ", ")
}

func TestConfiguration_AChangeOfItAloneIsRehearsedPromotedAndTakenBackLikeAnyRelease(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.tune(t, "shout")
	h.open(t)
	h.release(t, "old")
	_, err := h.Up(limited(t), api.Up{Environment: "production", Release: "old", By: "ops"}, silent)
	refused(t, err, understudy.KindInvalid, "configuration of service web in environment production: nobody is shouted at in production")
	_, err = h.Configuration(limited(t), api.ShowConfig{Environment: "production", Running: true})
	refused(t, err, understudy.KindNotFound, "production runs nothing yet")
	h.tune(t, "hi")
	_, err = h.Up(limited(t), api.Up{Environment: "production", Release: "old", By: "ops"}, silent)
	check(t, err)
	h.greets(t, "hi")
	h.tune(t, "shout")
	h.promoting(t, "old", "nobody is shouted at in production")
	h.tune(t, "good-morning")
	h.promoting(t, "old", `GREETING: expected at most 9 letters, found "good-morning"`)

	h.tune(t, "servus")
	if got := h.pending(t); got != "GREETING hi > servus" {
		t.Errorf("the file would change %q", got)
	}
	h.unapplied(t, "GREETING changed")
	h.killSupervisor(t, "old")
	h.greets(t, "hi") // as it ran, and not as the file has it since

	r := h.passed(t, "old")
	h.holdsToConfig(t, r)
	h.comparesWhatRuns(t)
	if p := h.promoted(t, h.promote(t, "old").ID); p.State != understudy.PromotionSettled || h.pending(t) != "" {
		t.Fatalf("pending is %q:\n%s", h.pending(t), told(p))
	}
	h.greets(t, "servus")
	h.unapplied(t)
	h.promoting(t, "old", "runs release old already")

	p, err := h.Rollback(limited(t), api.Rollback{Environment: "production", By: "ops", Reason: "tried"})
	check(t, err)
	h.promoted(t, p.ID)
	h.greets(t, "hi")
	check(t, h.Down(limited(t), api.Down{Environment: "production", By: "ops"}, silent))
	h.write(t, "production.key", "another-key-of-production")
	_, err = h.Up(limited(t), api.Up{Environment: "production", By: "ops"}, silent)
	check(t, err)
	h.greets(t, "hi")
	if notes := h.notes(t); !strings.Contains(notes, "SESSION_KEY") || !strings.Contains(notes, "cannot be had again") || strings.Contains(notes, "key-of-production") {
		t.Errorf("the daemon notes %q, expected that the secret of then cannot be had", notes)
	}
	h.showsNoSecret(t)
}

// unapplied holds the status to the keys that it says understudy.yaml has otherwise.
func (h *house) unapplied(t *testing.T, want ...string) {
	t.Helper()
	all, err := h.Status(limited(t))
	check(t, err)
	for _, e := range all {
		if e.Environment.Name == "production" && !slices.Equal(e.Unapplied, want) {
			t.Errorf("the status says that the file has otherwise %q, expected %q", e.Unapplied, want)
		}
	}
}

// comparesWhatRuns holds parity to it that it takes what production runs with, which its twin
// has too, and says that the file has something else.
func (h *house) comparesWhatRuns(t *testing.T) {
	t.Helper()
	p, err := h.Parity(limited(t), "", "")
	check(t, err)
	if slices.ContainsFunc(p.Gaps, func(g understudy.Gap) bool { return g.Name == "GREETING" }) {
		t.Errorf("the twin is compared by what the file has: %+v", p.Gaps)
	}
	if slices.ContainsFunc(p.Gaps, func(g understudy.Gap) bool { return g.Name == "TOKEN" }) {
		t.Errorf("a secret that rotates is compared by its value of the moment: %+v", p.Gaps)
	}
	if !slices.ContainsFunc(p.Measured, func(m string) bool {
		return strings.Contains(m, "production runs with another configuration than understudy.yaml has for it (GREETING)")
	}) {
		t.Errorf("nothing is said of the file in %q", p.Measured)
	}
}

// holdsToConfig holds a rehearsal of another configuration to what it has to say of it.
func (h *house) holdsToConfig(t *testing.T, r understudy.Rehearsal) {
	t.Helper()
	c, _ := r.Done(understudy.CheckConfig)
	var codes []string
	for _, f := range c.Findings {
		codes = append(codes, f.Code+" "+f.Subject)
		if f.Code == "config.changed" && (!strings.HasPrefix(f.Seen, "hi now (") || !strings.HasSuffix(f.Seen, "then servus (understudy.yaml:12)")) {
			t.Errorf("seen was %q", f.Seen)
		}
	}
	slices.Sort(codes)
	if want := []string{"config.changed GREETING", "config.differs-from-release GREETING", "config.unused NEVER_SPOKEN_OF"}; !slices.Equal(codes, want) {
		t.Errorf("the check found %q, expected %q\n%s", codes, want, described(r))
	}
	s, err := h.VerifyVerdict(limited(t), r.Verdict)
	check(t, err)
	if len(s.Running) != 1 || s.Running[0].Program != "web" || s.Running[0].Read != "kernel" || len(s.Running[0].Print) != 64 || !s.Production.Reconfigures() {
		t.Errorf("the verdict says that %+v ran, for production as %+v", s.Running, s.Production)
	}
}

// showsNoSecret asks for everything that is shown of the configuration.
func (h *house) showsNoSecret(t *testing.T) {
	t.Helper()
	var all []any
	for _, running := range []bool{false, true} {
		shown, err := h.Configuration(limited(t), api.ShowConfig{Environment: "production", Running: running})
		check(t, err)
		if s := shown.Services[0].Settings; len(s) != 8 || s[0].Key != "GREETING" || running == (s[0].From == "understudy.yaml:12") {
			t.Errorf("shown is %+v", s)
		}
		all = append(all, shown)
	}
	told, err := h.ExplainConfiguration(limited(t), api.ExplainConfig{Key: "SESSION_KEY"})
	check(t, err)
	if len(told.Settings) != 2 || !told.Secret || !slices.Equal(told.Referred, []string{"web's SIGNED"}) || told.Read.State != understudy.ReadFound {
		t.Errorf("explained is %+v", told)
	}
	between, err := h.DiffConfiguration(limited(t), api.DiffConfig{A: "production", B: "staging"})
	check(t, err)
	status, err := h.Status(limited(t))
	check(t, err)
	raw, err := json.Marshal(append(all, told, between, status))
	check(t, err)
	if strings.Contains(string(raw), "key-of-") || len(between.Changes) != 2 {
		t.Errorf("a secret's value is in %s", raw)
	}
	_, err = h.DiffConfiguration(limited(t), api.DiffConfig{A: "production", B: "old"})
	refused(t, err, understudy.KindInvalid, "an environment and a release")
}
