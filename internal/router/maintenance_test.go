package router_test

import (
	"io"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"understudy"
	"understudy/internal/router"
)

func TestMaintenance_AnswersEverybodyButThoseWhoAreLetThroughAndTheProbes(t *testing.T) {
	s, a := serving(t, router.Front{Probes: []string{"/healthz"}, Testers: router.GateFor("a-long-token"), Trusted: []string{"127.0.0.1"}})
	check(t, s.Maintain(deadline(t), "shop", router.Maintenance{Since: time.Now(), Page: "<p>soon", Allow: []string{"10.1.0.0/16"}, Testers: true, RetryAfter: time.Minute}))
	answer, text := s.get("/", "Accept", "text/html")
	if answer.StatusCode != http.StatusServiceUnavailable || text != "<p>soon" || answer.Header.Get("Retry-After") != "60" || answer.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("a browser got %s %q %v", answer.Status, text, answer.Header)
	}
	if answer, text := s.get("/", "Accept", "application/json"); answer.StatusCode != http.StatusServiceUnavailable || strings.Contains(text, "<") {
		t.Errorf("a program got %s %q", answer.Status, text)
	}
	if answer, _ := s.get("/healthz"); answer.StatusCode != http.StatusOK {
		t.Errorf("a probe got %s", answer.Status)
	}
	if answer, _ := s.get("/healthz", "Accept", "text/html"); answer.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a person at the probe's path got %s", answer.Status)
	}
	if answer, _ := s.do(http.MethodPost, "/healthz", nil); answer.StatusCode != http.StatusServiceUnavailable || a.seen.Load() != nil {
		t.Errorf("a post to the probe's path got %s", answer.Status)
	}
	for _, header := range [][]string{{"X-Forwarded-For", "10.1.2.3"}, {"X-Understudy-Token", "a-long-token"}, {"Cookie", "understudy-gate=a-long-token"}} {
		if answer, text := s.get("/", header...); text != "d1" {
			t.Errorf("who is let through by %v got %s", header, answer.Status)
		}
	}
	for _, header := range [][]string{{"X-Forwarded-For", "10.2.2.3"}, {"X-Forwarded-For", "10.1.2.3, 6.6.6.6"}, {"X-Understudy-Token", "wrong"}, {"X-Real-Ip", "10.1.2.3"}} {
		if answer, _ := s.get("/", header...); answer.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("who is not let through, with %v, got %s", header, answer.Status)
		}
	}
	check(t, s.EndMaintenance(deadline(t), "shop"))
	check(t, s.EndMaintenance(deadline(t), "shop"))
	if _, text := s.get("/"); text != "d1" {
		t.Errorf("afterwards: %q", text)
	}
}

func TestMaintenance_GoesBeforeAPauseAndAnswersThoseWhoWaitInIt(t *testing.T) {
	s, _ := serving(t, router.Front{Testers: router.GateFor("a-long-token")})
	check(t, s.Pause(deadline(t), "shop", time.Minute))
	results := make(chan string, 2)
	for _, token := range []string{"none", "a-long-token"} {
		go func() {
			answer, text := s.get("/", "X-Understudy-Token", token)
			results <- token + " " + answer.Status[:3] + " " + strings.TrimSpace(text)
		}()
	}
	s.await("both wait", func() bool { return s.front().Waiting == 2 })
	check(t, s.Maintain(deadline(t), "shop", router.Maintenance{Since: time.Now(), Testers: true}))
	if got := <-results; !strings.HasPrefix(got, "none 503") {
		t.Errorf("first answered was %q", got)
	}
	s.await("the tester waits on", func() bool { return s.front().Waiting == 1 })
	if answer, _ := s.get("/"); answer.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("who comes now got %s", answer.Status)
	}
	check(t, s.Resume(deadline(t), "shop"))
	if got := <-results; got != "a-long-token 200 d1" {
		t.Errorf("after the pause: %q", got)
	}
	if answer, _ := s.get("/"); answer.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("after the pause, others got %s", answer.Status)
	}
}

func TestMaintenance_SurvivesAnUpgradeAndAKill(t *testing.T) {
	s := &stage{t: t, folder: folder(t)}
	s.Client = &router.Client{Socket: s.folder + "/s"}
	process := s.spawn()
	s.open(router.Front{})
	s.add("d1", newApp(t, "d1").at())
	s.split(all("d1"))
	check(t, s.Maintain(deadline(t), "shop", router.Maintenance{Since: time.Now(), Page: "soon"}))
	fresh := s.upgrade(process.Process.Pid)
	if _, text := s.get("/", "Accept", "text/html"); text != "soon" {
		t.Errorf("after an upgrade: %q", text)
	}
	check(t, endNow(s, fresh, process))
	s.spawn()
	if _, text := s.get("/", "Accept", "text/html"); text != "soon" || s.front().Maintenance == nil {
		t.Errorf("after a kill: %q", text)
	}
}

// endNow kills a copy that took over, after the one before it has ended by itself.
func endNow(s *stage, fresh int, before *exec.Cmd) error {
	if err := before.Wait(); err != nil {
		return err
	}
	if err := syscall.Kill(fresh, syscall.SIGKILL); err != nil {
		return err
	}
	s.await("the killed copy has ended", func() bool { return ended(fresh) })
	return nil
}

func TestMaintenance_RefusesWhatNobodyCouldUse(t *testing.T) {
	s := newStage(t, router.Front{})
	for name, m := range map[string]router.Maintenance{
		"testers without a token": {Testers: true}, "an address that is none": {Allow: []string{"10.0.0"}}, "a huge page": {Page: strings.Repeat("a", 300<<10)},
	} {
		if err := s.Maintain(deadline(t), "shop", m); understudy.KindOf(err) != understudy.KindInvalid || s.front().Maintenance != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSticky_AHeaderKeepsClientsOnTheirSideAndMovesThemOneWay(t *testing.T) {
	s := newStage(t, router.Front{Sticky: "x-user-id"})
	s.add("old", newApp(t, "old").at())
	s.add("new", newApp(t, "new").at())
	transport := &http.Transport{MaxIdleConnsPerHost: 4}
	defer transport.CloseIdleConnections()
	side := func(user string) string {
		r, err := http.NewRequest(http.MethodGet, "http://"+s.address, nil)
		check(t, err)
		r.Header.Set("X-User-Id", user)
		answer, err := transport.RoundTrip(r)
		check(t, err)
		text, err := io.ReadAll(answer.Body)
		check(t, err)
		check(t, answer.Body.Close())
		if answer.Header.Get("Set-Cookie") != "" {
			t.Errorf("a client with a header is given a cookie")
		}
		return string(text)
	}
	const users = 500
	last, before := map[int]string{}, 0
	for _, percent := range []int{10, 50, 90} {
		s.split(router.Share{Deployment: "old", Percent: 100 - percent}, router.Share{Deployment: "new", Percent: percent})
		onNew := 0
		for i := range users {
			now := side("user-" + string(rune('a'+i%26)) + strings.Repeat("x", i/26))
			if now != side("user-"+string(rune('a'+i%26))+strings.Repeat("x", i/26)) {
				t.Fatalf("user %d changed sides", i)
			}
			if last[i] == "new" && now == "old" {
				t.Fatalf("user %d went back while new grew", i)
			}
			if last[i] = now; now == "new" {
				onNew++
			}
		}
		if want := users * percent / 100; onNew < want-45 || onNew > want+45 || onNew <= before { // 4 standard deviations
			t.Errorf("%d of %d users on the side of %d %%", onNew, users, percent)
		}
		before = onNew
	}
}

func TestTesters_ChooseAReleaseWhateverItsShareAndNobodyElseDoes(t *testing.T) {
	const token = "a-long-and-random-token"
	s := newStage(t, router.Front{Testers: router.GateFor(token)})
	old, fresh := newApp(t, "old"), newApp(t, "new")
	s.add("old", old.at())
	s.add("new", fresh.at())
	s.split(all("old"))
	for _, header := range [][]string{nil, {"X-Understudy-Release", "r-new"}, {"X-Understudy-Release", "r-new", "X-Understudy-Token", "wrong"}, {"Cookie", "understudy-release=r-new"}} {
		if _, text := s.get("/?understudy-release=r-new", header...); text != "old" {
			t.Errorf("with %v a stranger got %q", header, text)
		}
	}
	if _, text := s.get("/a?b=1", "X-Understudy-Release", "r-new", "X-Understudy-Token", token); text != "new" {
		t.Errorf("a tester got %q", text)
	}
	if seen := fresh.seen.Load(); seen.Header.Get("X-Understudy-Token") != "" || seen.Header.Get("X-Understudy-Release") != "" || seen.RequestURI != "/a?b=1" {
		t.Errorf("the application saw %s %v", seen.RequestURI, seen.Header)
	}
	answer, text := s.get("/a?x=1&understudy-release=r-new&y=2", "Cookie", "understudy-gate="+token)
	if cookies := answer.Cookies(); text != "new" || len(cookies) != 1 || cookies[0].Value != "r-new" || fresh.seen.Load().RequestURI != "/a?x=1&y=2" {
		t.Errorf("by an address: %q, cookies %v, seen %s", text, answer.Cookies(), fresh.seen.Load().RequestURI)
	}
	if _, text := s.get("/page", "Cookie", "understudy-gate="+token+"; understudy-release=r-new; a=1"); text != "new" || fresh.seen.Load().Header.Get("Cookie") != "a=1" {
		t.Errorf("what the page loads: %q with %v", text, fresh.seen.Load().Header)
	}
	if answer, _ := s.get("/?understudy-release=r-none", "X-Understudy-Token", token); answer.StatusCode != http.StatusNotFound {
		t.Errorf("a release that is not there: %s", answer.Status)
	}
	if answer, text := s.get("/.understudy/sign-in"); answer.StatusCode != http.StatusOK || !strings.Contains(text, "<form") {
		t.Errorf("the page for testers: %s %q", answer.Status, text)
	}
	served, err := s.Figures(deadline(t), "shop")
	check(t, err)
	for _, one := range served {
		if one.Release == "r-new" && one.Requests != 0 {
			t.Errorf("what testers do counts for their release: %+v", one)
		}
	}
}

func TestTesters_OfTwoDeploymentsOfAReleaseTheyGetTheOneThatCameLast(t *testing.T) {
	const token = "a-long-and-random-token"
	s := newStage(t, router.Front{Testers: router.GateFor(token)})
	for _, deployment := range []string{"one", "two"} { // the same release, with another configuration
		check(t, s.Add(deadline(t), "shop", router.Slot{Deployment: deployment, Release: "r-v2",
			Routes: []router.Route{{Prefix: "/", Addresses: []string{newApp(t, deployment).at()}}}}))
	}
	s.split(all("one"))
	for range 20 {
		if _, text := s.get("/", "X-Understudy-Release", "r-v2", "X-Understudy-Token", token); text != "two" {
			t.Fatalf("a tester got %q", text)
		}
	}
}

func TestTesters_ARequestOfTheirsThatHangsIsNotUnderWayForTheReleasesJudge(t *testing.T) {
	const token = "a-long-and-random-token"
	s := newStage(t, router.Front{Testers: router.GateFor(token)})
	old, fresh := newApp(t, "old"), newApp(t, "new")
	s.add("old", old.at())
	s.add("new", fresh.at())
	s.split(all("old"))
	conn := s.connect()
	_, err := io.WriteString(conn, "GET /wait HTTP/1.1\r\nHost: shop\r\nX-Understudy-Release: r-new\r\nX-Understudy-Token: "+token+"\r\n\r\n")
	check(t, err)
	s.await("the request has arrived", func() bool { return s.front().Slots[1].Targets[0].Running == 1 })
	if slot := s.front().Slots[1]; slot.Running != 0 || slot.Served.Peak != 0 || slot.Lasting != 0 {
		t.Errorf("%d under way, %d at most, %d lasting", slot.Running, slot.Served.Peak, slot.Lasting)
	}
	close(fresh.holds)
	_, text := raw(t, conn, "")
	if text != "new" {
		t.Errorf("the tester got %q", text)
	}
	check(t, s.Remove(deadline(t), "shop", "new"))
}
