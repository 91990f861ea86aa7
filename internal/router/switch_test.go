package router_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"testing"
	"time"

	"understudy"
	"understudy/internal/router"
)

func TestSplit_300SwitchesUnderLoadLoseNothing(t *testing.T) {
	t.Parallel()
	s := newStage(t, router.Front{})
	old := newApp(t, "d0")
	s.add("d0", old.at())
	s.split(all("d0"))
	c := s.come(4)
	for i := 1; i <= 300; i++ {
		fresh := newApp(t, fmt.Sprintf("d%d", i))
		s.add(fresh.name, fresh.at())
		s.split(all(fresh.name))
		_, err := s.Drain(deadline(t), "shop", old.name, 30*time.Second)
		check(t, err)
		old.stop() // at once: nothing may be on its way to it
		check(t, s.Remove(deadline(t), "shop", old.name))
		old = fresh
	}
	c.leave(t)
}

func TestSwitch_1000SwitchesAnd1000PausesUnderLoadLoseNothingAndNoneOf200OpenConnections(t *testing.T) {
	t.Parallel()
	s := newStage(t, router.Front{})
	names := []string{"d1", "d2"}
	var open []*line
	for _, name := range names {
		s.add(name, newApp(t, name).at())
		s.split(all(name))
		for range 100 {
			open = append(open, s.upgraded())
		}
	}
	c := s.come(1)
	for i := range 1000 {
		s.split(all(names[i%2]))
		check(t, s.Pause(deadline(t), "shop", 30*time.Second))
		for i%10 == 0 && s.front().Waiting == 0 && t.Context().Err() == nil { // customers come all the time
		}
		check(t, s.Resume(deadline(t), "shop"))
	}
	c.leave(t)
	for i, l := range open {
		check(t, l.SetDeadline(time.Now().Add(60*time.Second))) // however long it took
		if got, err := l.say("hello"); got != names[i/100]+" hello" {
			t.Fatalf("connection %d, open since before it all, got %q, %v", i, got, err)
		}
	}
}

func TestPause_RefusesBeyondItsQueueAndItsLimit(t *testing.T) {
	s := newStage(t, router.Front{Queue: 1, Probes: []string{"/healthz"}})
	s.add("d1", newApp(t, "d1").at())
	s.split(all("d1"))
	check(t, s.Pause(deadline(t), "shop", 30*time.Second))
	waited := make(chan string, 1)
	go func() {
		answer, err := http.Get("http://" + s.address)
		if err != nil {
			waited <- err.Error()
			return
		}
		text, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		waited <- string(text)
	}()
	s.await("one waits", func() bool { return s.front().Waiting == 1 })
	answer, _ := s.get("/")
	if answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") == "" {
		t.Errorf("the second request, which finds the queue full, got %s", answer.Status)
	}
	if answer, text := s.get("/healthz"); answer.StatusCode != http.StatusOK || text == "d1" {
		t.Errorf("a balancer that asks during the pause got %s %q", answer.Status, text)
	}
	if answer, _ := s.get("/healthz", "Accept", "text/html"); answer.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a person at the balancer's path, who finds the queue full, got %s", answer.Status)
	}
	check(t, s.Resume(deadline(t), "shop"))
	if text := <-waited; text != "d1" {
		t.Errorf("the request that waited got %q", text)
	}
	if f := s.front(); f.Waited <= 0 || f.Waited > time.Minute {
		t.Errorf("the longest that one waited is told as %s", f.Waited)
	}
	check(t, s.Pause(deadline(t), "shop", time.Millisecond))
	if answer, _ := s.get("/"); answer.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("past the limit a request got %s", answer.Status)
	}
	if answer, _ := s.get("/healthz"); answer.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("past the limit, when nobody is served any more, a balancer got %s", answer.Status)
	}
	check(t, s.Resume(deadline(t), "shop"))
	if _, text := s.get("/"); text != "d1" {
		t.Errorf("after Resume a request got %q", text)
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestDrain_UpgradedConnectionsSurviveTheSwitchAndAreClosedOneByOne(t *testing.T) {
	t.Parallel()
	s := newStage(t, router.Front{})
	s.add("d1", newApp(t, "d1").at())
	s.add("d2", newApp(t, "d2").at())
	s.split(all("d1"))
	var lines []*line
	for range 50 {
		lines = append(lines, s.upgraded())
	}
	s.split(all("d2"))
	for i, l := range lines {
		if got, err := l.say("hello"); got != "d1 hello" {
			t.Fatalf("after the switch connection %d got %q, %v", i, got, err)
		}
	}
	ends := make(chan time.Time, len(lines))
	for _, l := range lines {
		go func() {
			_, _ = l.in.ReadString('\n')
			ends <- time.Now()
		}()
	}
	const limit = 4 * time.Second
	begun := time.Now()
	drained, err := s.Drain(deadline(t), "shop", "d1", limit)
	check(t, err)
	if drained.Closed != 50 || drained.Cancelled != 0 {
		t.Errorf("the drain says %+v", drained)
	}
	early := 0
	for range lines {
		if end := <-ends; end.Sub(begun) < limit/2 {
			early++
		}
	}
	if early < 5 || early > 40 {
		t.Errorf("%d of 50 connections were closed in the first half of the drain", early)
	}
}

func TestDrain_CutsWhatIsLeftAtTheLimitAndSaysHowMany(t *testing.T) {
	s := newStage(t, router.Front{})
	s.add("d1", newApp(t, "d1").at())
	s.split(all("d1"))
	got := make(chan int, 1)
	go func() {
		answer, err := http.Get("http://" + s.address + "/wait")
		if err != nil {
			got <- 0
			return
		}
		_ = answer.Body.Close()
		got <- answer.StatusCode
	}()
	s.await("the request runs", func() bool { return s.front().Slots[0].Running == 1 })
	s.split()
	drained, err := s.Drain(deadline(t), "shop", "d1", 50*time.Millisecond)
	check(t, err)
	if drained.Cancelled != 1 {
		t.Errorf("the drain says %+v", drained)
	}
	if status := <-got; status != http.StatusServiceUnavailable {
		t.Errorf("the request that was cut got %d", status)
	}
	if served := s.front().Slots[0].Served; served.Errors != 1 {
		t.Errorf("a request that was cut counts as an error of its release, found %+v", served)
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestDrain_EndsWhenTheDeploymentIsGivenAShareAgain(t *testing.T) {
	s := newStage(t, router.Front{})
	a := newApp(t, "d1")
	s.add("d1", a.at())
	s.split(all("d1"))
	if _, err := s.Drain(deadline(t), "shop", "d1", time.Second); understudy.KindOf(err) != understudy.KindConflict {
		t.Errorf("draining what serves: %v", err)
	}
	if err := s.Remove(deadline(t), "shop", "d1"); understudy.KindOf(err) != understudy.KindConflict {
		t.Errorf("removing what serves: %v", err)
	}
	l := s.upgraded()
	s.split()
	ended := make(chan error, 1)
	ctx := deadline(t)
	go func() {
		_, err := s.Drain(ctx, "shop", "d1", 30*time.Second)
		ended <- err
	}()
	s.await("it drains", func() bool { return s.front().Slots[0].Draining })
	s.split(all("d1"))
	if err := <-ended; understudy.KindOf(err) != understudy.KindConflict {
		t.Errorf("the drain ended with %v", err)
	}
	if got, err := l.say("still"); got != "d1 still" {
		t.Errorf("its connection got %q, %v", got, err)
	}
}

func TestSplit_KeepsEachClientOnItsSideAndMovesThemOneWay(t *testing.T) {
	s := newStage(t, router.Front{})
	s.add("old", newApp(t, "old").at())
	s.add("new", newApp(t, "new").at())
	s.split(router.Share{Deployment: "old", Percent: 90}, router.Share{Deployment: "new", Percent: 10})
	const visitors = 1000
	transport := &http.Transport{MaxIdleConnsPerHost: 4}
	defer transport.CloseIdleConnections()
	jars, sides, onNew := make([]http.CookieJar, visitors), make([]string, visitors), 0
	visit := func(i int) string {
		answer, err := (&http.Client{Transport: transport, Jar: jars[i]}).Get("http://" + s.address)
		check(t, err)
		text, err := io.ReadAll(answer.Body)
		check(t, err)
		check(t, answer.Body.Close())
		return string(text)
	}
	for i := range visitors {
		jar, err := cookiejar.New(nil)
		check(t, err)
		jars[i] = jar
		if sides[i] = visit(i); sides[i] == "new" {
			onNew++
		}
		if again := visit(i); again != sides[i] {
			t.Fatalf("visitor %d came from %s to %s", i, sides[i], again)
		}
	}
	if onNew < 60 || onNew > 145 { // 4 standard deviations
		t.Errorf("%d of %d visitors on the side of 10 %%", onNew, visitors)
	}
	s.split(router.Share{Deployment: "old", Percent: 50}, router.Share{Deployment: "new", Percent: 50})
	for i := range visitors {
		if sides[i] == "new" && visit(i) != "new" {
			t.Fatalf("visitor %d went back to old while new grew", i)
		}
	}
}

func TestSplit_RefusesSharesThatMakeNoSense(t *testing.T) {
	s := newStage(t, router.Front{})
	s.add("d1", newApp(t, "d1").at())
	cases := map[string][]router.Share{
		"a sum of 99":      {{Deployment: "d1", Percent: 99}},
		"nobody's share":   {{Deployment: "d9", Percent: 100}},
		"two for one":      {{Deployment: "d1", Percent: 50}, {Deployment: "d1", Percent: 50}},
		"a negative share": {{Deployment: "d1", Percent: -1}},
	}
	for name, shares := range cases {
		if err := s.Split(deadline(t), "shop", shares); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	if answer, text := s.get("/"); answer.StatusCode != 503 || text != "nothing is deployed here yet\n" {
		t.Errorf("with no share given: %s %q", answer.Status, text)
	}
	if err := s.Split(context.Background(), "cellar", nil); understudy.KindOf(err) != understudy.KindNotFound {
		t.Errorf("splitting a front that is not there: %v", err)
	}
}
