package daemon_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"understudy"
	"understudy/internal/api"
	"understudy/internal/journal"
)

// stalledFor is for how long a release that answers nothing is borne.
const stalledFor = time.Second

// newPairHouse is a project of two services behind one door and a worker that takes turns.
func newPairHouse(t *testing.T) *house {
	t.Helper()
	h := newHouse(t)
	h.write(t, "understudy.yaml", strings.NewReplacer(
		"    needs: [main]\n", "    needs: [main, api]\n",
		"databases:\n  main: {engine", `  api:
    command: [bin/app, web]
    port: 8081
    route: /api
    health: {path: /healthz, interval: 200ms, deadline: 8s}
    needs: [main]
    grace: 2s
  worker: {command: [bin/app, work], needs: [main], grace: 2s, handover: exclusive}
databases:
  main: {engine`,
		"bake: 2s", "bake: 3s\n  stalled_for: "+stalledFor.String()+"\n  max_latency_ratio: 3",
		"latency_floor: 1s", "latency_floor: 200ms",
	).Replace(h.yaml()))
	return h
}

// fault is something that goes wrong at a moment of a promotion of plain.
type fault struct {
	claim  string
	at     string // state and step
	strike func(t *testing.T, h *house)
	ends   []understudy.PromotionState // one of them
	says   []string
	spares bool                         // no customer notices
	shows  time.Duration                // the latest after it struck that a look sees it; 0: aLook
	back   func(t *testing.T, h *house) // how it is taken back where it settled; nil: in time
}

func faults() []fault {
	settled, back := []understudy.PromotionState{understudy.PromotionSettled}, []understudy.PromotionState{understudy.PromotionRolledBack}
	either := append(settled, back...)
	become := func(mood, service string) func(t *testing.T, h *house) {
		return func(t *testing.T, h *house) { h.become(t, mood, service) }
	}
	kill := func(words ...string) func(t *testing.T, h *house) {
		return func(t *testing.T, h *house) {
			h.until(t, "it runs, or it was too short to be seen", func() bool { return h.kills(t, words...) || h.lastPromotion(t).State.Ended() })
		}
	}
	supervisor := func(label string) func(t *testing.T, h *house) {
		return func(t *testing.T, h *house) { check(t, syscall.Kill(h.supervisor(t, label), syscall.SIGKILL)) }
	}
	return []fault{
		{claim: "none", at: "baking", strike: func(*testing.T, *house) {}, ends: settled, says: []string{"worker handed over"}, spares: true},
		{claim: "the daemon is killed at each step", at: "preparing", strike: killDaemonAtEachStep, ends: settled, spares: true, back: killDaemonOnTheWayBack},
		{claim: "the migration is killed", at: "preparing", strike: kill("app migrate up"), ends: back, says: []string{"the migration did not run through"}, spares: true},
		{claim: "the database is killed while it migrates", at: "preparing", strike: func(t *testing.T, h *house) { h.killDatabase(t) }, ends: back, says: []string{"the migration did not run through"}},
		{claim: "the router is killed while it migrates", at: "preparing", strike: func(t *testing.T, h *house) { h.killProcess(t, " router --state "+h.state.Below("router")) }, ends: settled},
		{claim: "the supervisor of the old release is killed while it migrates", at: "preparing", strike: supervisor("old"), ends: settled},
		{claim: "the machine dies while it migrates", at: "preparing", strike: func(t *testing.T, h *house) { h.reboot(t) }, ends: either},
		{claim: "the database is killed at the split", at: "switching split 50", strike: func(t *testing.T, h *house) { h.killDatabase(t) }, ends: either},
		{claim: "the machine dies at the split", at: "switching split 50", strike: func(t *testing.T, h *house) { h.reboot(t) }, ends: either},
		{claim: "the supervisor of the new release is killed in the bake", at: "baking", strike: supervisor("plain"), ends: back},
		{claim: "the router is killed in the bake", at: "baking", strike: func(t *testing.T, h *house) { h.killProcess(t, " router --state "+h.state.Below("router")) }, ends: settled},
		{claim: "the supervisor of the new release is killed at the split", at: "switching split 50", strike: supervisor("plain"), ends: back},
		{claim: "a process of the new release is killed at the split", at: "switching split 50", strike: func(t *testing.T, h *house) {
			check(t, syscall.Kill(h.service(t, "plain", "web").PID, syscall.SIGKILL))
		},
			ends: back, says: []string{"plain is not well: web|requests failed on plain"}},
		{claim: "the supervisor of the old release is killed at the split", at: "switching split 50", strike: supervisor("old"), ends: either},
		{claim: "the supervisor of the old release is killed in the bake", at: "baking", strike: supervisor("old"), ends: settled, spares: true},
		{claim: "the router is killed at the split", at: "switching split 50", strike: func(t *testing.T, h *house) { h.killProcess(t, " router --state "+h.state.Below("router")) }, ends: settled},
		{claim: "the database is killed in the bake", at: "baking", strike: func(t *testing.T, h *house) { h.killDatabase(t) }, ends: either},
		{claim: "the machine dies in the bake", at: "baking", strike: func(t *testing.T, h *house) { h.reboot(t) }, ends: either},
		{claim: "it dies 1.5 s after the switch", at: "baking", strike: become("dead", "web"), ends: back, says: []string{"plain is not well: web|requests failed on plain"}},
		{claim: "only its second service dies", at: "baking", strike: become("dead", "api"), ends: back, says: []string{"plain is not well: api"}},
		{claim: "it hangs, and its health is good", at: "baking", strike: become("hung", "web"), ends: back, says: []string{"no request has ended on plain for"}, shows: stalledFor + aLook},
		{claim: "it is slow, and its health is good", at: "baking", strike: become("slow", "web"), ends: back, says: []string{"requests on plain took"}},
		{claim: "it lies about its health", at: "switching split 50", strike: become("lying", "web"), ends: back, says: []string{"requests failed on plain"}},
	}
}

func TestPromotion_WhateverHappensOneReleaseServesAndOneWorkerWorks(t *testing.T) {
	t.Parallel()
	h := newPairHouse(t)
	h.start(t)
	h.up(t)
	h.release(t, "plain")
	h.passed(t, "plain")
	for _, f := range faults() {
		if !t.Run(f.claim, func(t *testing.T) { h.suffer(t, f) }) {
			return // what follows would say the same
		}
	}
	if _, err := h.VerifyJournal(limited(t), api.VerifyJournal{}); err != nil {
		t.Error(err)
	}
}

func killDaemonAtEachStep(t *testing.T, h *house) {
	id, killed := h.lastPromotion(t).ID, map[string]bool{}
	for {
		at := ""
		if !h.seePromotion(t, id, func(p understudy.Promotion) bool {
			at = strings.TrimSpace(string(p.State) + " " + p.Step)
			return !p.State.Ended() && !killed[at]
		}) {
			break
		}
		killed[at] = true
		h.kill(t)
		h.start(t)
	}
	for _, at := range []string{"preparing", "switching split 50", "baking"} {
		if !killed[at] {
			t.Errorf("it was never killed at %q, only at %v", at, killed)
		}
	}
}

func killDaemonOnTheWayBack(t *testing.T, h *house) {
	p, err := h.Rollback(limited(t), api.Rollback{Environment: "production", By: "ops", Reason: "tried"})
	check(t, err)
	h.kill(t)
	h.start(t)
	if p = h.promoted(t, p.ID); p.State != understudy.PromotionRolledBack || h.whoServes(t) != "old" {
		t.Errorf("%s serves:\n%s", h.whoServes(t), told(p))
	}
}

// lastPromotion is the newest.
func (h *house) lastPromotion(t *testing.T) understudy.Promotion {
	t.Helper()
	all, err := h.Promotions(limited(t))
	check(t, err)
	return all[len(all)-1]
}

// suffer promotes plain, lets a fault happen, and puts all back as it was.
func (h *house) suffer(t *testing.T, f fault) {
	crowd := visit(t, h.production)
	defer crowd.leave()
	id := h.promote(t, "plain").ID
	if !h.seePromotion(t, id, func(p understudy.Promotion) bool { return strings.TrimSpace(string(p.State)+" "+p.Step) == f.at }) {
		t.Fatalf("it never was %s:\n%s", f.at, told(h.promoted(t, id)))
	}
	f.strike(t, h)
	struck := time.Now()
	p := h.promoted(t, id)
	if p.State == understudy.PromotionSettled && p.EndedAt.Before(struck.Add(max(f.shows, aLook))) && !slices.Contains(f.ends, p.State) {
		t.Logf("this machine was too busy: it was struck %s before it settled; once more", p.EndedAt.Sub(struck))
		h.endsAfterAll(t)
		h.suffer(t, f)
		return
	}
	serves := map[understudy.PromotionState]string{understudy.PromotionSettled: "plain", understudy.PromotionRolledBack: "old"}[p.State]
	if !slices.Contains(f.ends, p.State) {
		t.Fatalf("struck %s before its end, it should end %v:\n%s", p.EndedAt.Sub(struck), f.ends, told(p))
	}
	h.until(t, serves+" serves", func() bool { return h.served() == serves && h.api() == serves })
	h.until(t, "the worker of "+serves+" works alone", func() bool { return h.workers(t) == "worker-"+serves })
	if serves == "old" {
		h.until(t, "plain is gone", func() bool { return !h.has(t, "plain") })
	}
	asked, failed := crowd.leave()
	t.Logf("%s: %s, %d of %d requests failed", f.claim, p.State, len(failed), asked)
	if f.spares && len(failed) > 0 {
		t.Errorf("%d of %d requests failed: %v", len(failed), asked, failed[:min(5, len(failed))])
	}
	for _, part := range f.says {
		if !slices.ContainsFunc(strings.Split(part, "|"), func(either string) bool { return strings.Contains(told(p), either) }) {
			t.Errorf("it should say %q:\n%s", part, told(p))
		}
	}
	switch {
	case p.State == understudy.PromotionSettled && f.back != nil:
		f.back(t, h)
	case p.State == understudy.PromotionSettled:
		h.backInTime(t)
	}
	check(t, h.LiftHold(limited(t), "production", "ops", "seen to"))
}

// has tells whether a deployment of a release runs in production.
func (h *house) has(t *testing.T, label string) bool {
	t.Helper()
	all, err := h.Status(limited(t))
	check(t, err)
	return slices.ContainsFunc(all, func(e api.EnvironmentStatus) bool {
		return e.Environment.Name == "production" && slices.ContainsFunc(e.Deployments, func(d api.DeploymentStatus) bool { return d.Label == label })
	})
}

// aLook is what passes at most between two looks of a promotion at its deployments, with time
// for the answers: what is struck later than that is not seen by it.
const aLook = time.Second

// endsAfterAll puts all back as it was after a promotion that nothing happened to in time.
func (h *house) endsAfterAll(t *testing.T) {
	t.Helper()
	h.backInTime(t)
	check(t, h.LiftHold(limited(t), "production", "ops", "seen to"))
}

// backInTime goes back from a settled promotion, and says how long customers waited for it.
func (h *house) backInTime(t *testing.T) {
	t.Helper()
	began := time.Now()
	p, err := h.Rollback(limited(t), api.Rollback{Environment: "production", By: "ops", Reason: "tried"})
	check(t, err)
	for h.served() != "old" && time.Since(began) < tryFor {
	}
	t.Logf("the old release answers %s after it was asked for", time.Since(began).Round(time.Millisecond))
	if p = h.promoted(t, p.ID); p.State != understudy.PromotionRolledBack {
		t.Errorf("going back ends:\n%s", told(p))
	}
	h.until(t, "the worker of old works alone", func() bool { return h.workers(t) == "worker-old" })
}

// api is the release that the second service answers for; empty: none.
func (h *house) api() string {
	response, err := http.Get("http://" + h.production + "/api/release")
	if err != nil {
		return ""
	}
	defer func() { _ = response.Body.Close() }()
	var said string
	if _, err := fmt.Fscan(response.Body, &said); err != nil || response.StatusCode != http.StatusOK {
		return ""
	}
	return said
}

// workers are those that are at work in production's database; empty where it does not answer.
func (h *house) workers(t *testing.T) string {
	t.Helper()
	conn, err := h.server(t, "production").Connect(limited(t), "postgres")
	if err != nil {
		return ""
	}
	var said string
	err = conn.QueryRow(limited(t), `SELECT coalesce(string_agg(application_name, ' '), '') FROM pg_stat_activity WHERE application_name LIKE 'worker-%'`).Scan(&said)
	if errors.Join(err, conn.Close(limited(t))) != nil {
		return ""
	}
	return said
}

// become turns the new release's service into something, behind the router's back.
func (h *house) become(t *testing.T, mood, service string) {
	t.Helper()
	response, err := http.Get("http://" + strings.TrimPrefix(h.service(t, "plain", service).Address, "tcp:") + "/become/" + mood)
	check(t, err)
	check(t, response.Body.Close())
}

// service is one of a release in production.
func (h *house) service(t *testing.T, release, name string) api.ServiceStatus {
	t.Helper()
	all, err := h.Status(limited(t))
	check(t, err)
	for _, e := range all {
		for _, d := range e.Deployments {
			for _, s := range d.Services {
				if e.Environment.Name == "production" && d.Label == release && s.Name == name {
					return s
				}
			}
		}
	}
	t.Fatalf("%s has no service %s", release, name)
	return api.ServiceStatus{}
}

// killDatabase kills the server of production's database.
func (h *house) killDatabase(t *testing.T) {
	t.Helper()
	raw, err := os.ReadFile(h.state.Below("databases", "production", "postmaster.pid"))
	check(t, err)
	var pid int
	_, err = fmt.Sscan(string(raw), &pid)
	check(t, err)
	check(t, syscall.Kill(pid, syscall.SIGKILL))
}

// reboot kills everything at once, the daemon too, and starts the daemon.
func (h *house) reboot(t *testing.T) {
	t.Helper()
	check(t, syscall.Kill(h.pid, syscall.SIGKILL))
	for pid := range h.processes() {
		_ = syscall.Kill(pid, syscall.SIGKILL) // one may take others with it
	}
	h.end()
	h.until(t, "everything is dead", func() bool { return len(h.processes()) == 0 })
	h.start(t)
}

// asked writes into the journal what somebody asked for, as a daemon does that is killed at
// once after it.
func (h *house) asked(t *testing.T, act, subject, reason string) {
	t.Helper()
	h.kill(t)
	j, err := journal.Open(h.state.Below("journal"))
	check(t, err)
	_, err = j.Append(t.Context(), understudy.Entry{At: time.Now(), Actor: "ada", Act: act, Subject: subject, Reason: reason})
	check(t, errors.Join(err, j.Close()))
	h.start(t)
}

func TestDaemon_HeedsWhatTheJournalHasAndNobodyHadWrittenDown(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.write(t, "understudy.yaml", strings.Replace(h.yaml(), "bake: 2s", "bake: 1h", 1))
	h.start(t)
	h.up(t)
	h.release(t, "plain")
	crowd := visit(t, h.production)

	r, err := h.Rehearse(limited(t), api.Rehearse{Release: "plain", By: "dev"})
	check(t, err)
	h.asked(t, "rehearsal.cancel", r.ID, "")
	if r := h.rehearsed(t, r.ID); r.State != understudy.RehearsalCancelled || !strings.Contains(r.Reason, "ada") {
		t.Errorf("the rehearsal is %s: %s", r.State, r.Reason)
	}

	h.passed(t, "plain")
	baking := func() string {
		id := h.promote(t, "plain").ID
		if !h.seePromotion(t, id, func(p understudy.Promotion) bool { return p.State == understudy.PromotionBaking }) {
			t.Fatal(told(h.promoted(t, id)))
		}
		return id
	}
	id := baking()
	h.asked(t, "promotion.settle", id, "seen enough")
	if p := h.promoted(t, id); p.State != understudy.PromotionSettled || !strings.Contains(told(p), "ada settled it: seen enough") {
		t.Error(told(p))
	}
	h.asked(t, "rollback.asked", id, "the phones ring") // of one that has settled
	h.until(t, "it is taken back", func() bool { return h.promoted(t, id).State == understudy.PromotionRolledBack })

	check(t, h.LiftHold(limited(t), "production", "ops", "seen to"))
	id = baking()
	_, err = h.SettlePromotion(limited(t), api.Decide{Promotion: id, By: "ops"})
	refused(t, err, understudy.KindInvalid, "--reason")
	h.asked(t, "rollback.asked", id, "the phones ring")
	if p := h.promoted(t, id); p.State != understudy.PromotionRolledBack || !strings.Contains(p.Reason, "ada asked to go back: the phones ring") {
		t.Error(told(p))
	}
	crowd.mustBeServed(t)
}

func TestContract_RunsAsItWasRehearsedAndThenThereIsNoWayBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.write(t, "understudy.yaml", strings.NewReplacer("  back: down\n", "  back: down\n  contract: [bin/app, migrate, contract]\n",
		"  bake: 2s\n", "  bake: 2s\n"+h.metrics(t)).Replace(h.yaml()))
	h.open(t)
	h.up(t)
	h.release(t, "tidy")
	r := h.passed(t, "tidy")
	if r.Contract == nil || fmt.Sprint(r.Contract.Locked()) != "[public.accounts (ACCESS EXCLUSIVE)]" {
		t.Fatalf("of the contract migration is expected %+v\n%s", r.Contract, described(r))
	}
	crowd := visit(t, h.production)
	id := h.promote(t, "tidy").ID
	_, err := h.ContractPromotion(limited(t), api.Decide{Promotion: id, By: "ops"})
	refused(t, err, understudy.KindConflict, "once it has settled")
	p := h.promoted(t, id)
	if !strings.Contains(told(p), "until understudy promotion contract "+id) || h.answer(t, "production", "main", nicknames) != "1" {
		t.Error(told(p))
	}
	h.wasMeasured(t, p)
	_, err = h.ContractPromotion(limited(t), api.Decide{Promotion: id, By: "ops", Reason: "a week without complaints"})
	check(t, err)
	p = h.promoted(t, id)
	if p.State != understudy.PromotionContracted || h.answer(t, "production", "main", nicknames) != "0" || h.whoServes(t) != "tidy" {
		t.Errorf("%s\n%s", p.State, told(p))
	}
	if got := h.deployments(t); len(got) != 1 {
		t.Errorf("there run %v, expected the new release only", got)
	}
	_, err = h.Rollback(limited(t), api.Rollback{Environment: "production", By: "ops", Reason: "tried"})
	refused(t, err, understudy.KindRefused, "the contract migration of tidy has taken away", "rehearse a new release")
	crowd.mustBeServed(t)
}

// metrics are the team's own, with a server that speaks as Prometheus does, to who brings the
// token, and has more to say of tidy than of old.
func (h *house) metrics(t *testing.T) string {
	t.Helper()
	h.write(t, "prometheus.key", "sesame-open")
	prometheus := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked := regexp.MustCompile(`^busy\{release="(\w+)"\}\[\d+s\]$`).FindStringSubmatch(r.FormValue("query")) // for as long as the machine lets it take
		if asked == nil || r.Header.Get("Authorization") != "Bearer sesame-open" {
			http.Error(w, "what?", http.StatusTeapot)
			return
		}
		fmt.Fprintf(w, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"%s"]}]}}`, map[string]string{"old": "10", "tidy": "15"}[asked[1]])
	}))
	t.Cleanup(prometheus.Close)
	return fmt.Sprintf(`  metrics:
    - {name: busy, url: "%[1]s", promql: 'busy{release="{{release}}"}[{{window}}]', token: "file:prometheus.key", compare: 2, interval: 1s, delay: 200ms}
    - {name: orders, command: [sh, -c, "echo 7"], min: 5, interval: 1s, delay: 200ms}
    - {name: ledger, command: [sh, -c, "test $UNDERSTUDY_OLD_RELEASE = old"], interval: 1s, delay: 200ms}
    - {name: whim, command: [sh, -c, "exit 1"], dry_run: true, interval: 1s, delay: 200ms}
    - {name: silent, url: "http://127.0.0.1:1", promql: up, max: 1, dry_run: true, interval: 300ms, error_limit: 1, token: "file:prometheus.key"}
`, prometheus.URL)
}

// wasMeasured holds a promotion to what its metrics must have come to.
func (h *house) wasMeasured(t *testing.T, p understudy.Promotion) {
	t.Helper()
	judged := fmt.Sprintf("%+v", p.Judged)
	for _, part := range []string{"{Name:metric busy Outcome:passed", "15, and 10 of the old release", "{Name:metric orders Outcome:passed", "{Name:metric ledger Outcome:passed",
		"{Name:metric whim Outcome:failed", "{Name:metric silent Outcome:error", "Prometheus at 127.0.0.1:1 does not answer"} {
		if !strings.Contains(judged, part) {
			t.Errorf("it does not say %q: %s", part, judged)
		}
	}
	if all := told(p) + judged + strings.Join(p.Changes, ""); strings.Contains(all, "sesame") {
		t.Errorf("it shows the token: %s", all)
	}
}

const nicknames = `SELECT count(*)::text FROM information_schema.columns WHERE table_name = 'accounts' AND column_name = 'nickname'`
