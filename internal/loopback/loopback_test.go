package loopback_test

import (
	"fmt"
	"net"
	"os/exec"
	"testing"

	"understudy/internal/loopback"
)

func TestTaken_LeavesNothingToProgramsThatAreStartedMeanwhile(t *testing.T) {
	t.Parallel()
	port, err := loopback.FreePort()
	check(t, err)
	check(t, exec.CommandContext(t.Context(), "true").Run()) // the first one has the library try out what the system can
	done := make(chan struct{})
	started := make(chan error, 1)
	go func() {
		for {
			select {
			case <-done:
				close(started)
				return
			default:
				if err := exec.CommandContext(t.Context(), "true").Run(); err != nil {
					started <- err
					return
				}
			}
		}
	}()
	for range 2000 {
		taken, err := loopback.Taken(port)
		if check(t, err); taken {
			t.Fatal("a port that nobody listens on was said to be taken")
		}
	}
	close(done)
	check(t, <-started)
}

func TestTaken_KnowsAListener(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"127.0.0.1", "0.0.0.0"} {
		port, err := loopback.FreePort()
		check(t, err)
		l, err := net.Listen("tcp4", fmt.Sprintf("%s:%d", host, port))
		check(t, err)
		taken, err := loopback.Taken(port)
		if check(t, err); !taken {
			t.Errorf("somebody listens on %s:%d, and it was said to be free", host, port)
		}
		check(t, l.Close())
	}
}
