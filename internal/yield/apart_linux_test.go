package yield_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"understudy/internal/yield"
)

// asProgram has the test's program be one that runs apart.
const asProgram = "UNDERSTUDY_TEST_APART"

// What the program ends with: by itself, and interrupted.
const (
	ended       = 7
	interrupted = 5
)

func TestMain(m *testing.M) {
	if does := os.Getenv(asProgram); does != "" {
		os.Exit(program(does))
	}
	os.Exit(m.Run())
}

// program tells its process and its session's head, and ends, or waits for an interrupt.
func program(does string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if status, apart := yield.Apart(ctx); apart {
		return status
	}
	leader, err := unix.Getsid(0)
	fmt.Println(os.Getpid(), leader, err)
	if does == "waits" {
		<-ctx.Done()
		return interrupted
	}
	return ended
}

// apart starts the program in this test's session and reads what it tells.
func apart(t *testing.T, does string) (started *exec.Cmd, process, leader int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), asProgram+"="+does)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if n, scan := fmt.Sscan(line, &process, &leader); n != 2 {
		t.Fatal(line, err, scan)
	}
	return cmd, process, leader
}

// sharesOut tells whether this system shares the processor out by sessions. It does also where
// it has nothing to say of ours, as of one that it began itself.
func sharesOut(t *testing.T) bool {
	t.Helper()
	_, err := os.Stat("/proc/self/autogroup")
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return err == nil
}

func TestApart_RunsTheProgramAtTheHeadOfASessionAndGivesItsStatus(t *testing.T) {
	cmd, process, leader := apart(t, "ends")
	status := new(exec.ExitError)
	if err := cmd.Wait(); !errors.As(err, &status) || status.ExitCode() != ended {
		t.Errorf("it ended with %v", err)
	}
	if moved := process != cmd.Process.Pid; moved != sharesOut(t) || moved && leader != process {
		t.Errorf("process %d ran in the session of %d, started as %d", process, leader, cmd.Process.Pid)
	}
}

func TestApart_AnInterruptReachesTheProgram(t *testing.T) {
	cmd, _, _ := apart(t, "waits")
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	status := new(exec.ExitError)
	if err := cmd.Wait(); !errors.As(err, &status) || status.ExitCode() != interrupted {
		t.Errorf("it ended with %v", err)
	}
}

func TestApart_TheProgramEndsWithWhoStartedIt(t *testing.T) {
	cmd, process, _ := apart(t, "waits")
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	deadline := time.Now().Add(2 * time.Minute)
	for {
		state, err := os.ReadFile("/proc/" + strconv.Itoa(process) + "/stat")
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) || strings.Contains(string(state), ") Z ") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("process %d goes on: %s", process, state)
		}
	}
}
