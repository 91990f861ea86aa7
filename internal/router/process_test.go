package router_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"understudy"
	"understudy/internal/router"
)

func TestRun_KilledAndStartedAgainServesWhatItServed(t *testing.T) {
	s := &stage{t: t, folder: folder(t)}
	s.Client = &router.Client{Socket: s.folder + "/s"}
	process := s.spawn()
	s.open(router.Front{Mark: true})
	old, fresh := newApp(t, "old"), newApp(t, "new")
	s.add("old", old.at())
	s.add("new", fresh.at())
	s.split(all("new"))
	check(t, s.Pause(deadline(t), "shop", time.Hour))
	check(t, process.Process.Signal(syscall.SIGKILL))
	_ = process.Wait()
	if _, err := s.State(deadline(t)); understudy.KindOf(err) != understudy.KindUnavailable {
		t.Errorf("calling a router that is dead: %v", err)
	}
	s.spawn()
	if front := s.front(); !front.Open || len(front.Slots) != 2 || front.PausedUntil.IsZero() {
		t.Fatalf("after the restart: %+v", front)
	}
	check(t, s.Resume(deadline(t), "shop"))
	if answer, text := s.get("/"); text != "new" || answer.Header.Get("X-Understudy-Release") != "r-new" {
		t.Errorf("after the restart a request got %q of release %q", text, answer.Header.Get("X-Understudy-Release"))
	}
}

func TestRun_EndsAtSIGTERMAfterItsRequests(t *testing.T) {
	s := &stage{t: t, folder: folder(t)}
	s.Client = &router.Client{Socket: s.folder + "/s"}
	process := s.spawn()
	s.open(router.Front{})
	a := newApp(t, "d1")
	s.add("d1", a.at())
	s.split(all("d1"))
	got := make(chan string, 1)
	go func() {
		_, text := s.get("/wait")
		got <- text
	}()
	s.await("the request runs", func() bool { return s.front().Slots[0].Running == 1 })
	check(t, process.Process.Signal(syscall.SIGTERM))
	s.await("nothing is accepted any more", func() bool { return !s.front().Open })
	close(a.holds)
	if text := <-got; text != "d1" {
		t.Errorf("the request under way got %q", text)
	}
	if err := process.Wait(); err != nil {
		t.Errorf("the router ended with %v", err)
	}
	if _, err := os.Lstat(s.folder + "/s"); !os.IsNotExist(err) {
		t.Errorf("the control socket is still there: %v", err)
	}
}

func TestUpgrade_UnderLoadRefusesNothing(t *testing.T) {
	t.Parallel()
	s := newProcessStage(t, router.Front{})
	s.add("d1", newApp(t, "d1").at())
	s.split(all("d1"))
	c := s.come(4)
	first, err := s.State(deadline(t))
	check(t, err)
	pid := first.PID
	for range 3 {
		before := c.count.Load()
		pid = s.upgrade(pid)
		s.await("customers came to the new copy", func() bool { return c.count.Load() > before+300 })
		s.add("d1", newApp(t, "d1").at()) // changes go on
	}
	c.leave(t)
}

func TestUpgrade_LeavesUpgradedConnectionsToTheOldCopyAndDrainWaitsForThem(t *testing.T) {
	t.Parallel()
	s := newProcessStage(t, router.Front{})
	s.add("d1", newApp(t, "d1").at())
	s.add("d2", newApp(t, "d2").at())
	s.split(all("d1"))
	l := s.upgraded()
	s.upgrade(0)
	if got, err := l.say("hello"); got != "d1 hello" {
		t.Fatalf("after the upgrade the connection got %q, %v", got, err)
	}
	s.split(all("d2"))
	_, err := s.Drain(deadline(t), "shop", "d1", time.Second)
	check(t, err)
	if _, err := l.say("hello"); err == nil {
		t.Error("the drain returned while the old copy still had a connection of the deployment")
	}
}

func TestUpgrade_ToAProgramThatDoesNotStartChangesNothing(t *testing.T) {
	dir := folder(t)
	s := &stage{t: t, folder: dir, Client: &router.Client{Socket: dir + "/s"}}
	for name, command := range map[string][]string{"not there": {dir + "/none"}, "ends at once": {"/bin/sh", "-c", "exit 1"}} {
		stop := s.run(router.Config{State: dir, Control: dir + "/s", Command: command})
		s.open(router.Front{})
		s.add("d1", newApp(t, "d1").at())
		s.split(all("d1"))
		if err := s.Upgrade(deadline(t), ""); understudy.KindOf(err) != understudy.KindUnavailable {
			t.Errorf("%s: %v", name, err)
		}
		if _, text := s.get("/"); text != "d1" {
			t.Errorf("%s: afterwards a request got %q", name, text)
		}
		check(t, s.Close(deadline(t), "shop"))
		stop()
	}
}

func TestUpgrade_GoesOnThoughWhoeverAskedForItHasGoneAway(t *testing.T) {
	dir := folder(t)
	s := &stage{t: t, folder: dir, Client: &router.Client{Socket: dir + "/s"}}
	check(t, syscall.Mkfifo(dir+"/begins", 0o600))
	check(t, syscall.Mkfifo(dir+"/may", 0o600))
	script := "echo > " + dir + "/begins; read word < " + dir + "/may; " + asRouter + "=" + dir + " exec " + os.Args[0]
	s.run(router.Config{State: dir, Control: dir + "/s", Command: []string{"/bin/sh", "-c", script}, Drain: time.Second})
	s.open(router.Front{})
	s.add("d1", newApp(t, "d1").at())
	s.split(all("d1"))
	ctx, goAway := context.WithCancel(deadline(t))
	asked := make(chan error, 1)
	go func() { asked <- s.Upgrade(ctx, "") }()
	_, err := os.ReadFile(dir + "/begins")
	check(t, err)
	goAway()
	if err := <-asked; err == nil {
		t.Error("nobody was told that the call was cut off")
	}
	may, err := os.OpenFile(dir+"/may", os.O_RDWR, 0) // which waits for no reader
	check(t, err)
	defer may.Close()
	_, err = may.WriteString("yes\n")
	check(t, err)
	s.await("the new copy answers", func() bool {
		state, err := s.State(deadline(t))
		if err != nil || state.PID == os.Getpid() {
			return false
		}
		s.copies = append(s.copies, state.PID)
		return true
	})
	t.Cleanup(func() { check(t, syscall.Kill(s.copies[0], syscall.SIGKILL)) })
	if _, text := s.get("/"); text != "d1" {
		t.Errorf("afterwards a request got %q", text)
	}
}

func TestUpgrade_RefusesWhileAFrontIsPaused(t *testing.T) {
	s := newStage(t, router.Front{})
	check(t, s.Pause(deadline(t), "shop", time.Minute))
	if err := s.Upgrade(deadline(t), ""); understudy.KindOf(err) != understudy.KindConflict || !strings.Contains(err.Error(), "shop") {
		t.Errorf("upgrading while shop is paused: %v", err)
	}
}

func TestRun_RefusesASecondRouterInOneFolder(t *testing.T) {
	s := newStage(t, router.Front{})
	err := router.Run(deadline(t), router.Config{State: s.folder, Control: s.folder + "/other"})
	if understudy.KindOf(err) != understudy.KindConflict {
		t.Errorf("a second router on the folder: %v", err)
	}
	err = router.Run(deadline(t), router.Config{State: folder(t), Control: s.folder + "/s"})
	if understudy.KindOf(err) != understudy.KindConflict {
		t.Errorf("a second router on the socket: %v", err)
	}
	if info, err := os.Stat(s.folder + "/s"); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the control socket is for its user alone, found %v, %v", info.Mode(), err)
	}
}

func TestRun_WhatIsServedFromTheLastGoodCopyIsThereTwiceAgain(t *testing.T) {
	dir := quickFolder(t)
	s := &stage{t: t, folder: dir, Client: &router.Client{Socket: dir + "/s"}}
	c := router.Config{State: dir, Control: dir + "/s"}
	stop := s.run(c)
	s.open(router.Front{})
	s.add("d1", newApp(t, "d1").at())
	s.split(all("d1"))
	path, half := filepath.Join(dir, "state.json"), []byte(`{"version":1,"fr`)
	for _, damaged := range []string{path, path + ".last", path} { // each is the only good one in its turn
		stop()
		check(t, os.WriteFile(damaged, half, 0o600))
		stop = s.run(c)
		if _, text := s.get("/"); text != "d1" {
			t.Errorf("with %s damaged a request got %q", damaged, text)
		}
		check(t, s.Pause(deadline(t), "shop", time.Minute)) // a change mends the copy, too
		check(t, s.Resume(deadline(t), "shop"))
	}
	stop()
	check(t, os.WriteFile(path, half, 0o600))
	s.run(c)
	if told := s.problems(); len(told) != 1 || !strings.Contains(told[0].Text, "the last good copy is served instead") {
		t.Errorf("the problems are %+v", told)
	}
	first, err := os.ReadFile(path)
	check(t, err)
	second, err := os.ReadFile(path + ".last")
	check(t, err)
	if string(first) != string(second) {
		t.Errorf("the state is %q, and its copy %q", first, second)
	}
}

func TestOpen_NamesAPortThatIsTaken(t *testing.T) {
	s := newStage(t, router.Front{})
	err := s.Open(deadline(t), router.Front{Name: "second", Listen: s.address})
	if understudy.KindOf(err) != understudy.KindConflict || !strings.Contains(err.Error(), s.address) || !strings.Contains(err.Error(), "shop") {
		t.Errorf("opening a port of another front: %v", err)
	}
	a := newApp(t, "stranger")
	taken := a.Listener.Addr().String()
	err = s.Open(deadline(t), router.Front{Name: "second", Listen: taken})
	if understudy.KindOf(err) != understudy.KindConflict || !strings.Contains(err.Error(), taken) {
		t.Errorf("opening a port of another program: %v", err)
	}
	for range 2 { // again changes nothing
		check(t, s.Open(deadline(t), router.Front{Name: "shop", Listen: s.address}))
	}
	check(t, s.Close(deadline(t), "shop"))
	check(t, s.Close(deadline(t), "shop"))
	check(t, s.Open(deadline(t), router.Front{Name: "second", Listen: s.address}))
}

func TestRun_ServesTheOthersWhenOneFrontIsDamagedOrItsPortTaken(t *testing.T) {
	dir := folder(t)
	a, stranger := newApp(t, "d1"), newApp(t, "stranger")
	good := fmt.Sprintf(`{"name":"shop","listen":"127.0.0.1:0","slots":[{"deployment":"d1","release":"r1","routes":[{"prefix":"/","address":%q}]}],"shares":[{"deployment":"d1","percent":100}]}`, a.at())
	taken := fmt.Sprintf(`{"name":"taken","listen":%q}`, stranger.Listener.Addr().String())
	damaged := `{"name":"damaged","listen":17}`
	path := filepath.Join(dir, "state.json")
	check(t, os.WriteFile(path, []byte(`{"version":1,"fronts":[`+damaged+`,`+good+`,`+taken+`]}`), 0o600))
	s := &stage{t: t, folder: dir, Client: &router.Client{Socket: dir + "/s"}}
	s.run(router.Config{State: dir, Control: dir + "/s"})
	state, err := s.State(deadline(t))
	check(t, err)
	if len(state.Fronts) != 2 || len(state.Problems) != 2 {
		t.Fatalf("found %+v", state)
	}
	for i, want := range []string{"damaged", "taken"} {
		if !strings.Contains(state.Problems[i].Text, want) && state.Problems[i].Front != want {
			t.Errorf("problem %d is %+v", i, state.Problems[i])
		}
	}
	check(t, s.Open(deadline(t), router.Front{Name: "more", Listen: "127.0.0.1:0"}))
	text, err := os.ReadFile(path)
	check(t, err)
	if !strings.Contains(string(text), `"damaged"`) {
		t.Error("the damaged record was thrown away by the next change")
	}
	stranger.stop()
	check(t, s.Open(deadline(t), router.Front{Name: "taken", Listen: stranger.Listener.Addr().String()}))
	if left := s.problems(); len(left) != 1 || left[0].Front != "damaged" {
		t.Errorf("with the port that had been taken, the problems are %+v", left)
	}
	check(t, s.Open(deadline(t), router.Front{Name: "damaged", Listen: "127.0.0.1:0"}))
	if left := s.problems(); len(left) != 0 {
		t.Errorf("with the damaged front made anew, the problems are %+v", left)
	}
}
