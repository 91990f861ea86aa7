package runtimetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"understudy"
)

func claimReady(s *suite) {
	web := s.listening("web", "serve")
	web.Health.Path = "/health"
	d := s.ready(web, s.listening("other", "talk"), program("worker", "idle"))
	all, err := s.Status(s.Context(), d.ID)
	if err != nil {
		s.Fatal(err)
	}
	for n, state := range all {
		if state.State != "healthy" || state.PID == 0 || state.Name != d.Programs[n].Name || state.Genuine != s.can.Genuine {
			s.Errorf("found %+v", state)
		}
	}
	if all[0].Address == "" || all[2].Address != "" {
		s.Errorf("addresses: %q and %q", all[0].Address, all[2].Address)
	}
}

// claimInstances has a first instance that never gets healthy: the second is there all the
// same, and what comes after both is not.
func claimInstances(s *suite) {
	first, second := s.listening("web", "ill"), s.listening("web.2", "serve")
	first.Health.Path, first.Service, second.Service = "/health", "web", "web"
	d := s.start(first, second, program("worker", "idle"))
	s.until("the second instance is healthy", func() bool {
		all, err := s.Status(s.Context(), d.ID)
		return err == nil && len(all) == 3 && all[1].State == "healthy"
	})
	all, err := s.Status(s.Context(), d.ID)
	if err != nil || all[0].State != "starting" || all[2].PID != 0 {
		s.Errorf("found %+v, %v", all, err)
	}
}

func (s *suite) failed(err error, words ...string) {
	s.Helper()
	if understudy.KindOf(err) != understudy.KindFailed {
		s.Fatalf("expected a failure, found %v", err)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			s.Errorf("expected %q in: %v", word, err)
		}
	}
}

func claimExits(s *suite) {
	p := program("web", "exit", "4")
	p.Env = append(p.Env, "DB_PASSWORD=hunter22")
	p.Health.Interval = time.Minute // nobody takes it for healthy before it exits
	d := s.start(p)
	err := s.Ready(s.Context(), d.ID)
	s.failed(err, "program web", "exited with status 4", "cannot start: the password is [redacted]")
	if strings.Contains(err.Error(), "hunter22") {
		s.Error("the error holds a secret")
	}
}

func claimNeverHealthy(s *suite) {
	p := s.listening("web", "ill")
	p.Health.Path, p.Health.Deadline = "/health", 5*time.Second // in which it has begun to answer
	d := s.start(p)
	s.failed(s.Ready(s.Context(), d.ID), "program web", "5s", "503", "serving as")
	if state := s.one(d.ID); state.State != "unhealthy" {
		s.Errorf("found %+v", state)
	}
}

func claimForks(s *suite) {
	if !s.can.SamePaths || !s.can.Strays {
		return
	}
	file := filepath.Join(s.TempDir(), "pid")
	p := program("web", "fork", file)
	p.Health.Interval = time.Minute
	d := s.start(p)
	s.failed(s.Ready(s.Context(), d.ID), "program web", "exited with status 0", "foreground")
	pid := s.number(file)
	if err := s.Stop(s.Context(), d.ID); err != nil {
		s.Fatal(err)
	}
	s.gone(pid)
}

// gone shows that a process ended. It may be a zombie of somebody else's.
func (s *suite) gone(pid int) {
	s.Helper()
	s.until("the end of process "+strconv.Itoa(pid), func() bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) })
}

func claimPortTaken(s *suite) {
	p := s.listening("web", "serve")
	stranger, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(p.Port))
	if err != nil {
		s.Fatal(err)
	}
	defer stranger.Close()
	d := s.start(p)
	s.failed(s.Ready(s.Context(), d.ID), "program web", strconv.Itoa(p.Port), "taken")
}

func claimDeaf(s *suite) {
	p := program("web", "deaf")
	p.Grace = 100 * time.Millisecond
	d := s.ready(p)
	pid := s.one(d.ID).PID
	if err := s.Stop(s.Context(), d.ID); err != nil {
		s.Fatal(err)
	}
	s.gone(pid)
	if err := s.Stop(s.Context(), d.ID); err != nil {
		s.Errorf("stopping what is stopped: %v", err)
	}
}

func claimGrandchildren(s *suite) {
	if !s.can.SamePaths {
		return
	}
	file := filepath.Join(s.TempDir(), "pid")
	p := program("web", "parent", file)
	p.Grace = 50 * time.Millisecond
	d := s.ready(p)
	near, apart := s.number(file+"0"), s.number(file+"1")
	if err := s.Stop(s.Context(), d.ID); err != nil {
		s.Fatal(err)
	}
	s.gone(near)
	if s.can.Strays {
		s.gone(apart)
	}
}

func claimCrash(s *suite) {
	p := s.listening("web", "crash-once", filepath.Join(s.TempDir(), "crashed"))
	p.Health.Path = "/"
	d := s.ready(p)
	before := s.one(d.ID)
	answer, err := http.Get("http://127.0.0.1:" + strconv.Itoa(p.Port) + "/crash")
	if err == nil {
		_ = answer.Body.Close()
		s.Fatal("it answered the request that ends it")
	}
	s.until("a second, healthy life", func() bool {
		now := s.one(d.ID)
		return now.State == "healthy" && now.Restarts == 1 && now.PID != before.PID
	})
	if err := s.Ready(s.Context(), d.ID); err != nil {
		s.Errorf("ready after the second start: %v", err)
	}
}

// safeBuffer is written by one goroutine and read by another.
type safeBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func claimLogs(s *suite) {
	p := s.listening("web", "talk")
	p.Health.Interval = 20 * time.Millisecond // each look makes a line
	d := s.ready(p)
	var one, all safeBuffer
	followed := make(chan error, 2)
	go func() { followed <- s.Logs(s.Context(), d.ID, "web", true, &one) }()
	go func() { followed <- s.Logs(s.Context(), d.ID, "", true, &all) }()
	s.until("three lines of one", func() bool { return strings.HasPrefix(one.String(), "line 1\nline 2\nline 3\n") })
	s.until("three lines of all", func() bool { return strings.HasPrefix(all.String(), "web | line 1\nweb | line 2\n") })
	if err := s.Stop(s.Context(), d.ID); err != nil {
		s.Fatal(err)
	}
	for range cap(followed) {
		if err := <-followed; err != nil {
			s.Error(err)
		}
	}
	var after safeBuffer
	if err := s.Logs(s.Context(), d.ID, "web", false, &after); err != nil || after.String() != one.String() {
		s.Errorf("after the end: %d bytes, followed were %d, %v", len(after.String()), len(one.String()), err)
	}
	if err := s.Logs(s.Context(), d.ID, "nobody", false, io.Discard); understudy.KindOf(err) != understudy.KindNotFound {
		s.Errorf("a program that is not there: %v", err)
	}
}

func claimExec(s *suite) {
	d := s.ready(program("worker", "idle"))
	input := bytes.Repeat([]byte("0123456789abcdef"), 40_000)
	var out, complaint bytes.Buffer
	status, err := s.Exec(s.Context(), d.ID, "", []string{"actor", "act", "copy"}, bytes.NewReader(input), &out, &complaint)
	if err != nil || status != 0 || !bytes.Equal(out.Bytes(), input) || complaint.String() != strconv.Itoa(len(input))+" bytes" {
		s.Errorf("found %d, %d bytes, %q, %v", status, out.Len(), complaint.String(), err)
	}
	out.Reset()
	status, err = s.Exec(s.Context(), d.ID, "", []string{"actor", "act", "env"}, nil, &out, nil)
	if err != nil || status != 3 || !strings.Contains(out.String(), "PATH=") {
		s.Errorf("found %d, %q, %v", status, out.String(), err)
	}
	status, err = s.Exec(s.Context(), d.ID, "", []string{"sh", "-c", "kill -9 $$"}, nil, nil, nil)
	if err != nil || status != 137 {
		s.Errorf("found %d, %v", status, err)
	}
	if _, err = s.Exec(s.Context(), d.ID, "", []string{"no-such-command"}, nil, nil, nil); understudy.KindOf(err) != understudy.KindNotFound {
		s.Errorf("a command that is not there: %v", err)
	}
}

func claimExecCancel(s *suite) {
	if !s.can.SamePaths {
		return
	}
	d := s.ready(program("worker", "idle"))
	file := filepath.Join(s.TempDir(), "pid")
	ctx, cancel := context.WithCancel(s.Context())
	done := make(chan error, 1)
	go func() {
		_, err := s.Exec(ctx, d.ID, "", []string{"actor", "act", "parent", file}, nil, nil, nil)
		done <- err
	}()
	near := s.number(file + "0")
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		s.Errorf("found %v", err)
	}
	s.gone(near)
}

func claimStarter(s *suite) {
	d := s.deployment(s.listening("web", "serve"))
	s.can.StartElsewhere(s.T, d)
	if err := s.Ready(s.Context(), d.ID); err != nil {
		s.Fatal(err)
	}
	all, err := s.List(s.Context())
	if err != nil || !slices.Contains(all, d.ID) {
		s.Errorf("list: %v, %v", all, err)
	}
}

func claimChanged(s *suite) {
	tree := s.TempDir()
	content := []byte("#!/bin/sh\nexec sleep 1000\n")
	if err := os.WriteFile(filepath.Join(tree, "run"), content, 0o755); err != nil {
		s.Fatal(err)
	}
	artifact, err := understudy.NewArtifact([]understudy.ArtifactFile{{Path: "run", Digest: understudy.DigestOf(content), Size: int64(len(content)), Executable: true}})
	if err != nil {
		s.Fatal(err)
	}
	d := s.deployment(Program{Name: "web", Command: []string{"run"}})
	d.Tree, d.Artifact = tree, artifact
	content[len(content)-2] = '1'
	if err := os.WriteFile(filepath.Join(tree, "run"), content, 0o755); err != nil {
		s.Fatal(err)
	}
	err = s.Start(s.Context(), d)
	if understudy.KindOf(err) != understudy.KindRefused || !strings.Contains(err.Error(), "artifact changed after the release was made: run ") {
		s.Fatalf("found %v", err)
	}
	if all, err := s.List(s.Context()); err != nil || slices.Contains(all, d.ID) {
		s.Errorf("after a refusal: %v, %v", all, err)
	}
}

func claimUser(s *suite) {
	p := program("web", "idle")
	p.User = "no-such-user-here"
	if os.Geteuid() != 0 {
		p.User = "65533"
	}
	d := s.deployment(p)
	err := s.Start(s.Context(), d)
	if kind := understudy.KindOf(err); kind != understudy.KindRefused && kind != understudy.KindInvalid {
		s.Fatalf("found %v", err)
	}
	if os.Geteuid() != 0 {
		return
	}
	p.User = "65534:65533"
	d = s.ready(p)
	var out bytes.Buffer
	status, err := s.Exec(s.Context(), d.ID, "65534:65533", []string{"actor", "act", "who"}, nil, &out, nil)
	if err != nil || status != 0 || out.String() != "65534:65533\n" {
		s.Errorf("found %d, %q, %v", status, out.String(), err)
	}
}

func claimTwice(s *suite) {
	d := s.deployment(s.listening("web", "serve"))
	results := make(chan error, 3)
	for range cap(results) {
		go func() { results <- s.Start(s.Context(), d) }()
	}
	for range cap(results) {
		if err := <-results; err != nil {
			s.Error(err)
		}
	}
	if err := s.Ready(s.Context(), d.ID); err != nil {
		s.Fatal(err)
	}
	before := s.one(d.ID).PID
	if err := s.Start(s.Context(), d); err != nil || s.one(d.ID).PID != before {
		s.Errorf("a fourth start changed something, or %v", err)
	}
}

func claimGone(s *suite) {
	d := s.ready(program("worker", "idle"))
	if err := s.Stop(s.Context(), d.ID); err != nil {
		s.Fatal(err)
	}
	for _, err := range []error{
		s.Ready(s.Context(), d.ID),
		func() error { _, err := s.Status(s.Context(), d.ID); return err }(),
		func() error { _, err := s.Exec(s.Context(), d.ID, "", []string{"sh"}, nil, nil, nil); return err }(),
	} {
		if understudy.KindOf(err) != understudy.KindNotFound {
			s.Errorf("found %v", err)
		}
	}
	if err := s.Stop(s.Context(), "never-was"); err != nil {
		s.Errorf("stopping what never was: %v", err)
	}
}
