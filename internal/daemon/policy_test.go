package daemon_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"understudy"
	"understudy/internal/api"
)

// asks writes understudy.yaml with more in its policy.
func (h *house) asks(t *testing.T, lines string) {
	t.Helper()
	h.write(t, "understudy.yaml", strings.Replace(h.yaml(), "\npolicy:\n", "\npolicy:\n"+lines, 1))
}

// explains says what is missing for a release, as if ops promoted it.
func (h *house) explains(t *testing.T, name string) (understudy.Explanation, string) {
	t.Helper()
	e, err := h.ExplainPolicy(limited(t), api.Promote{Release: name, By: "ops"})
	check(t, err)
	missing := ""
	for _, r := range e.Missing() {
		missing += r.Name + ": " + r.Says + "\n"
	}
	return e, missing
}

const twoOfThem = "  approvals: {count: 2, by: [ann, bob, dev], not_author: true}\n"

// agrees asks for two approvals of a release that was rehearsed, and takes them through what
// makes them count and lapse.
func (h *house) agrees(t *testing.T, r understudy.Rehearsal) {
	t.Helper()
	h.asks(t, twoOfThem)
	approve := func(by, release string) error {
		_, err := h.Approve(limited(t), api.Approve{Release: release, By: by, Reason: "tried"})
		return err
	}
	refused(t, approve("ann", "better"), understudy.KindRefused, "better cannot be approved", "never rehearsed")
	h.promoting(t, "plain", "0 of 2 approvals", "understudy approve plain")
	refused(t, approve("dev", "plain"), understudy.KindRefused, "dev made the release")
	refused(t, approve("eve", "plain"), understudy.KindRefused, "eve is none of ann, bob, dev")
	check(t, approve("ann", "plain"))
	check(t, approve("bob", "plain"))
	if e, missing := h.explains(t, "plain"); !e.May || e.Radius == nil || e.Radius.Files == 0 || e.Radius.Migration == nil || !e.Radius.Migration.Exact {
		t.Errorf("with two approvals it may not go, or its radius is not known: %s%+v", missing, e.Radius)
	}
	_, err := h.WithdrawApproval(limited(t), api.Approve{Release: "plain", By: "bob", Reason: "not so sure"})
	check(t, err)
	h.promoting(t, "plain", "1 of 2 approvals: ann; bob has withdrawn")
	check(t, approve("bob", "plain"))
	h.countsNoLonger(t, r)
}

// countsNoLonger changes what approvals were given on, and wants them to lapse; then puts it back.
func (h *house) countsNoLonger(t *testing.T, r understudy.Rehearsal) {
	t.Helper()
	h.asks(t, twoOfThem+"  soak: 1h\n")
	e, missing := h.explains(t, "plain")
	for _, want := range []string{"the policy has changed since ann approved", "soak: it has stood for", "the policy asks for 1h0m0s"} {
		if !strings.Contains(missing, want) {
			t.Errorf("%q does not say %q", missing, want)
		}
	}
	if !slices.Contains(e.Changed, "soak was 0s, is 1h") {
		t.Errorf("what changed of the policy is told as %q", e.Changed)
	}
	h.asks(t, twoOfThem)
	if e, missing := h.explains(t, "plain"); !e.May {
		t.Errorf("with the policy as it was it may not go: %s", missing)
	}
	all, err := h.Approvals(limited(t), string(r.Candidate), "production")
	if err != nil || len(all) != 3 || all[1].WithdrawnAt.IsZero() || all[2].Verdict != r.Verdict {
		t.Errorf("approvals %+v, %v", all, err)
	}
}

// breakGlass promotes good in a freeze, past a verdict that was revoked.
func (h *house) breakGlass(t *testing.T) {
	t.Helper()
	today := time.Now().UTC().AddDate(0, 0, -1).Format(time.DateOnly)
	h.asks(t, twoOfThem+"  freeze: [{from: "+today+", duration: 3d, time_zone: UTC, reason: stock-taking}]\n")
	h.promoting(t, "plain", "revoked", "promotions are frozen", "stock-taking", "the next moment when it may go is")
	_, err := h.Promote(limited(t), api.Promote{Release: "plain", By: "ops", BreakGlass: true})
	refused(t, err, understudy.KindInvalid, "the glass is broken for a reason")
	_, err = h.Promote(limited(t), api.Promote{Release: "old", By: "ops", BreakGlass: true, Reason: "the shop is down"})
	refused(t, err, understudy.KindRefused, "runs release old already")
	visit(t, h.production)
	p, err := h.Promote(limited(t), api.Promote{Release: "plain", By: "ops", BreakGlass: true, Reason: "the shop is down"})
	check(t, err)
	p = h.promoted(t, p.ID)
	if p.State != understudy.PromotionSettled || h.whoServes(t) != "plain" || p.Glass == nil || len(p.Glass.Passed) < 2 || !strings.Contains(p.Glass.Passed[0], "a hole was found") {
		t.Fatalf("%s serves, passed over was %+v:\n%s", h.whoServes(t), p.Glass, told(p))
	}
	if owed := h.owed(t); !strings.Contains(owed, "plain went there by breaking the glass (ops: the shop is down)") {
		t.Errorf("status says that owed is %q", owed)
	}
	loud := false
	check(t, h.JournalEntries(limited(t), 1, func(e understudy.Entry) error {
		loud = loud || e.Act == "glass.broken" && e.Actor == "ops" && e.Subject == p.ID && e.Reason == "the shop is down" && strings.Contains(e.Facts["passed"], "stock-taking")
		return nil
	}))
	if !loud {
		t.Error("the journal does not say that the glass was broken")
	}
	h.promoting(t, "better", "owed a rehearsal: plain went there by breaking the glass (ops: the shop is down)")
	if _, missing := h.explains(t, "better"); !strings.Contains(missing, "rehearsal: production is owed") {
		t.Errorf("explained is %s", missing)
	}
}

func (h *house) owed(t *testing.T) string {
	t.Helper()
	all, err := h.Status(limited(t))
	check(t, err)
	at := slices.IndexFunc(all, func(e api.EnvironmentStatus) bool { return e.Environment.Name == "production" })
	return all[at].Owed
}
