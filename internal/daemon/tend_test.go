package daemon_test

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
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
	check(t, syscall.Kill(h.supervisor(t, "old"), syscall.SIGKILL))
	h.until(t, "production serves again", func() bool { return h.served() == "old" })
	if notes := h.notes(t); !strings.Contains(notes, "understudy.yaml") {
		t.Errorf("the daemon notes %q, expected what is wrong with the file", notes)
	}
	h.write(t, "understudy.yaml", good)
	h.until(t, "the note is gone", func() bool { return h.notes(t) == "" })
}

func TestDaemon_StartsADatabaseServerThatWasKilled(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.start(t)
	h.up(t)
	raw, err := os.ReadFile(h.state.Below("databases", "production", "postmaster.pid"))
	check(t, err)
	first, _, _ := strings.Cut(string(raw), "\n")
	pid, err := strconv.Atoi(first)
	check(t, err)
	check(t, syscall.Kill(pid, syscall.SIGKILL))
	h.until(t, "the server answers again", func() bool {
		all, err := h.Status(limited(t))
		return err == nil && len(all) > 0 && len(all[0].Databases) > 0 && all[0].Databases[0].Running && h.served() == "old"
	})
}

// notes are all that the daemon notes.
func (h *house) notes(t *testing.T) string {
	t.Helper()
	info, err := h.Info(limited(t))
	check(t, err)
	return strings.Join(info.Notes, "\n")
}
