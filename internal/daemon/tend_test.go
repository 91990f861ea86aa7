package daemon_test

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"understudy/internal/api"
)

func TestDaemon_KeepsProductionUpThoughItsFileIsBroken(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.start(t)
	h.up(t)
	h.until(t, "the file was kept as it was read", func() bool { return h.notes(t) == "" && h.served() == "old" })
	good := h.yaml()
	h.write(t, "understudy.yaml", good+"\nbroken: [")
	t.Cleanup(func() { h.write(t, "understudy.yaml", good) })
	h.killSupervisor(t, "old")
	h.until(t, "production serves again", func() bool { return h.served() == "old" })
	h.until(t, "the daemon notes what is wrong with the file", func() bool { return strings.Contains(h.notes(t), "understudy.yaml") })
	h.write(t, "understudy.yaml", good)
	h.until(t, "the note is gone", func() bool { return h.notes(t) == "" })
}

func TestDaemon_StartsADatabaseServerAndAnInstanceThatWereKilled(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.write(t, "understudy.yaml", strings.Replace(h.yaml(), "port: 8080\n", "port: 8080\n    instances: 2\n", 1))
	h.start(t)
	h.up(t)
	h.killAnInstance(t)
	raw, err := os.ReadFile(h.state.Below("databases", "production", "postmaster.pid"))
	check(t, err)
	first, _, _ := strings.Cut(string(raw), "\n")
	pid, err := strconv.Atoi(first)
	check(t, err)
	check(t, syscall.Kill(pid, syscall.SIGKILL))
	h.until(t, "the server has died", func() bool { return isGone(pid) })
	h.until(t, "the server answers again", func() bool {
		all, err := h.Status(limited(t))
		return err == nil && len(all) > 0 && len(all[0].Databases) > 0 && all[0].Databases[0].Running && h.served() == "old"
	})
}

// killAnInstance kills the second of two, and sees that the first serves meanwhile.
func (h *house) killAnInstance(t *testing.T) {
	t.Helper()
	instances := func() []api.ServiceStatus {
		all, err := h.Status(limited(t))
		check(t, err)
		return all[0].Deployments[0].Services
	}
	now := instances()
	if len(now) != 2 || now[0].Name != "web" || now[1].Name != "web.2" || now[0].Address == now[1].Address || now[1].PID == 0 {
		t.Fatalf("two instances are %+v", now)
	}
	check(t, syscall.Kill(now[1].PID, syscall.SIGKILL))
	h.until(t, "it has died", func() bool { return isGone(now[1].PID) }) // and answers nobody any more
	for range 10 {                                                       // no look is awaited: a connection that is refused is made to the other
		if got := h.served(); got != "old" {
			t.Errorf("with one instance killed, %q served", got)
		}
	}
	h.until(t, "it is there again", func() bool {
		again := instances()[1]
		return again.State == "healthy" && again.PID != now[1].PID && again.Restarts == 1 && again.Unfit == ""
	})
}

// notes are all that the daemon notes.
func (h *house) notes(t *testing.T) string {
	t.Helper()
	info, err := h.Info(limited(t))
	check(t, err)
	return strings.Join(info.Notes, "\n")
}
