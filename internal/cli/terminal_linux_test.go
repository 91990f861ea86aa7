package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"understudy"
	"understudy/internal/api"
	"understudy/internal/api/apitest"
	"understudy/internal/cli"
	"understudy/internal/statedir"
)

// terminal is a pseudo-terminal: people is what somebody sees and types on.
func terminal(t *testing.T) (people, program *os.File) {
	t.Helper()
	people, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = people.Close() }) // or it is closed already
	number, err := unix.IoctlGetInt(int(people.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(people.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(int(people.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80}); err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = program.Close() })
	return people, program
}

// onTerminal runs a command whose input and narration are on a terminal where somebody
// types, and returns its status, its result, and what was to be seen.
func onTerminal(t *testing.T, stage *apitest.Stage, typed string, args ...string) (status int, out, seen string) {
	t.Helper()
	state, err := os.MkdirTemp("/tmp", "us")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(state) })
	project := t.TempDir()
	if err := os.WriteFile(project+"/understudy.yaml", []byte("name: shop\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir, err := statedir.Resolve(project, state)
	if err != nil {
		t.Fatal(err)
	}
	if err := dir.Make(); err != nil {
		t.Fatal(err)
	}
	stage.About.Project = project
	apitest.Serve(t, stage.Roles(), dir.Socket(), io.Discard)
	people, program := terminal(t)
	if _, err := io.WriteString(people, typed); err != nil {
		t.Fatal(err)
	}
	var result, screen bytes.Buffer
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(&screen, people) // ends with an error when the program's side is closed
	}()
	status = cli.Main(context.Background(), programs(), append([]string{"-C", project, "--state-dir", state}, args...), cli.Streams{In: program, Out: &result, Err: program})
	if err := program.Close(); err != nil {
		t.Fatal(err)
	}
	<-read
	return status, result.String(), screen.String()
}

func promotions(stage *apitest.Stage) int {
	n := 0
	for _, request := range stage.Requests() {
		if _, is := request.(api.Promote); is {
			n++
		}
	}
	return n
}

func TestPromote_AsksOnceAndActsOnYesOnly(t *testing.T) {
	t.Setenv("TERM", "xterm")
	for typed, want := range map[string]int{"y\n": 1, "yes\n": 1, "Y\n": 1, "n\n": 0, "\n": 0, "yess\n": 0, "\x04": 0} {
		stage := newStage("")
		scenes()["may go"](stage)
		status, _, seen := onTerminal(t, stage, typed, "promote", "v2")
		if n := promotions(stage); n != want || (status == understudy.ExitDone) != (want == 1) {
			t.Errorf("%q: %d promotions, status %d\n%s", typed, n, status, seen)
		}
		if strings.Count(seen, "promote v2 to production? [y/N]") != 1 || !strings.Contains(seen, "database main: 1 migration") {
			t.Errorf("%q: seen:\n%s", typed, seen)
		}
	}
}

func TestRehearse_RedrawsOnATerminalThatCan(t *testing.T) {
	colour := regexp.MustCompile(`\x1b\[\d+m`)
	for name, c := range map[string]struct {
		env          map[string]string
		args         []string
		live, colour bool
	}{
		"a terminal":          {map[string]string{"TERM": "xterm"}, nil, true, true},
		"one without colours": {map[string]string{"TERM": "xterm", "NO_COLOR": "1"}, nil, true, false},
		"a dumb one":          {map[string]string{"TERM": "dumb"}, nil, false, false},
		"one that is unknown": {map[string]string{"TERM": ""}, nil, false, false},
		"asked for plain":     {map[string]string{"TERM": "xterm"}, []string{"--plain"}, false, false},
		"asked for JSON":      {map[string]string{"TERM": "xterm"}, []string{"--json"}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("NO_COLOR", "")
			for key, value := range c.env {
				t.Setenv(key, value)
			}
			status, out, seen := onTerminal(t, newStage(""), "", append([]string{"rehearse", "v3"}, c.args...)...)
			if status != understudy.ExitFailed || out == "" {
				t.Errorf("status %d, result:\n%s", status, out)
			}
			if live := strings.Contains(seen, "\x1b[J"); live != c.live {
				t.Errorf("redrawn: %v, want %v", live, c.live)
			}
			if got := colour.MatchString(seen); got != c.colour {
				t.Errorf("coloured: %v, want %v", got, c.colour)
			}
			if strings.Contains(out, "\x1b") {
				t.Errorf("the result steers the terminal: %q", out)
			}
			if !strings.Contains(seen, "orders was locked for 3.7 s") {
				t.Errorf("seen:\n%s", seen)
			}
		})
	}
}
