package systemd

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"understudy"
)

// server is a systemd that remembers.
type server struct {
	enabled, running map[string]bool
	said             []string
	refuses          string // the unit that does not start
}

func newServer() *server { return &server{enabled: map[string]bool{}, running: map[string]bool{}} }

func (s *server) systemctl(_ context.Context, args ...string) (string, error) {
	unit := args[len(args)-1]
	switch args[0] {
	case "enable":
		s.enabled[unit] = true
	case "start", "restart":
		if unit == s.refuses {
			return "", errors.New("it failed")
		}
		s.running[unit] = true
	case "disable":
		s.enabled[unit], s.running[unit] = false, false
	case "is-active":
		if !s.running[unit] {
			return "inactive", errors.New("exit status 3")
		}
		return "active", nil
	case "is-enabled":
		if !s.enabled[unit] {
			return "disabled", errors.New("exit status 1")
		}
		return "enabled", nil
	}
	if args[0] != "daemon-reload" {
		s.said = append(s.said, args[0]+" "+unit)
	}
	return "", nil
}

func (s *server) machine(told *[]string) Machine {
	return Machine{
		Systemctl: s.systemctl, Tell: func(text string) { *told = append(*told, text) },
		Answers: func(context.Context) error { return nil }, End: func(context.Context) error { s.said = append(s.said, "end"); return nil },
	}
}

func wish(t *testing.T) Wish {
	t.Helper()
	dir := t.TempDir()
	owner, err := Owner(filepath.Join(dir, "not", "there"))
	if err != nil {
		t.Fatal(err)
	}
	w, err := Wish{
		Application: "shop", Program: "/usr/local/bin/understudy", Project: "/srv/shop", State: filepath.Join(dir, "state"), Run: filepath.Join(dir, "state", "run"),
		User: owner, Units: filepath.Join(dir, "units"), Settings: filepath.Join(dir, "settings"),
	}.Complete()
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestInstall_WritesEnablesStartsAndLooks(t *testing.T) {
	w, s := wish(t), newServer()
	var told []string
	if err := Install(t.Context(), w, s.machine(&told)); err != nil {
		t.Fatal(err)
	}
	if want := []string{"end", "enable " + w.Router(), "start " + w.Router(), "enable " + w.Daemon(), "start " + w.Daemon()}; !slices.Equal(s.said, want) {
		t.Errorf("done %q, expected %q", s.said, want)
	}
	if mark, is, err := Marked(w.State); err != nil || !is || mark.Daemon != w.Daemon() || mark.Router != w.Router() {
		t.Errorf("the mark is %+v, %v, %v", mark, is, err)
	}
	if info, err := os.Stat(w.Variables()); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file of variables: %v, %v", info, err)
	}
	if told[len(told)-1] != "the daemon answers" {
		t.Errorf("told %q", told)
	}
}

func TestInstall_DoneAgainChangesNothing(t *testing.T) {
	w, s := wish(t), newServer()
	var told []string
	if err := Install(t.Context(), w, s.machine(&told)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(w.Variables(), []byte("SECRET=kept\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.said, told = nil, nil
	if err := Install(t.Context(), w, s.machine(&told)); err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(s.said, func(act string) bool { return !strings.HasPrefix(act, "enable ") }) {
		t.Errorf("done %q", s.said)
	}
	if slices.ContainsFunc(told, func(text string) bool { return strings.Contains(text, "written") }) {
		t.Errorf("told %q", told)
	}
	if raw, err := os.ReadFile(w.Variables()); err != nil || string(raw) != "SECRET=kept\n" {
		t.Errorf("the operator's file is %q, %v", raw, err)
	}
}

func TestInstall_RestartsTheDaemonForANewUnitAndNeverTheRouter(t *testing.T) {
	w, s := wish(t), newServer()
	var told []string
	if err := Install(t.Context(), w, s.machine(&told)); err != nil {
		t.Fatal(err)
	}
	w.Program, s.said, told = "/opt/understudy", nil, nil
	if err := Install(t.Context(), w, s.machine(&told)); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(s.said, "restart "+w.Daemon()) || slices.Contains(s.said, "restart "+w.Router()) {
		t.Errorf("done %q", s.said)
	}
	if !strings.Contains(strings.Join(told, "\n"), "when it suits, systemctl restart "+w.Router()) {
		t.Errorf("told %q", told)
	}
}

func TestInstall_SaysWhereToLookWhenAServiceDoesNotStart(t *testing.T) {
	w, s := wish(t), newServer()
	s.refuses = w.Daemon()
	var told []string
	err := Install(t.Context(), w, s.machine(&told))
	if understudy.KindOf(err) != understudy.KindUnavailable || !strings.Contains(understudy.HintOf(err), "journalctl -u "+w.Daemon()) {
		t.Errorf("found %v", err)
	}
}

func TestInstall_RefusesAUserThatIsNotThereAndAStateOfAnother(t *testing.T) {
	w, s := wish(t), newServer()
	var told []string
	w.User = "nobody-has-this-name"
	if err := Install(t.Context(), w, s.machine(&told)); understudy.KindOf(err) != understudy.KindInvalid {
		t.Errorf("found %v", err)
	}
	w.User = "nobody"
	if err := os.MkdirAll(w.State, 0o711); err != nil {
		t.Fatal(err)
	}
	if err := Install(t.Context(), w, s.machine(&told)); understudy.KindOf(err) != understudy.KindRefused || len(s.said) > 0 {
		t.Errorf("found %v, done %q", err, s.said)
	}
}

func TestUninstall_TakesTheServicesAwayAndLeavesTheRest(t *testing.T) {
	w, s := wish(t), newServer()
	var told []string
	if err := Install(t.Context(), w, s.machine(&told)); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time there is nothing left to do
		if err := Uninstall(t.Context(), w, s.machine(&told)); err != nil {
			t.Fatal(err)
		}
	}
	if _, is, err := Marked(w.State); err != nil || is || s.running[w.Daemon()] || s.running[w.Router()] {
		t.Errorf("marked %v, %v, running %v", is, err, s.running)
	}
	left, err := os.ReadDir(w.Units)
	if err != nil || len(left) != 0 {
		t.Errorf("left %v, %v", left, err)
	}
	if _, err := os.Stat(w.Variables()); err != nil {
		t.Error(err)
	}
}

func TestUnits_SayPathsAsSystemdReadsThem(t *testing.T) {
	w := wish(t)
	w.Project, w.Program = `/srv/my shop/50% "off" $HOME`, `/opt/a\b`
	unit := w.Files()[2].Content
	if want := `ExecStart="/opt/a\\b" serve --dir "/srv/my shop/50%% \"off\" $$HOME" --state-dir `; !strings.Contains(unit, want) {
		t.Errorf("expected %s in\n%s", want, unit)
	}
	w.Project = "/srv/shop\nUser=root"
	if _, err := w.Complete(); understudy.KindOf(err) != understudy.KindInvalid {
		t.Errorf("a line break in a path: %v", err)
	}
}

func TestUnits_KeepWhatServesAliveThroughARestart(t *testing.T) {
	for _, f := range wish(t).Files()[1:] {
		for _, line := range []string{"KillMode=process", "OOMPolicy=continue", "Restart=always", "Type=notify", "WantedBy=multi-user.target", "StartLimitIntervalSec=0"} {
			if !strings.Contains(f.Content, "\n"+line+"\n") {
				t.Errorf("%s lacks %s", f.Path, line)
			}
		}
	}
	daemon := wish(t).Files()[2].Content
	for _, breaks := range []string{"RestrictNamespaces", "NoNewPrivileges", "PrivateTmp", "ProtectKernelTunables", "CapabilityBoundingSet"} {
		if strings.Contains(daemon, breaks) {
			t.Errorf("the daemon's unit has %s, with which no seal can be made, or no release run as it does now", breaks)
		}
	}
}

func TestReady_TellsWhoTheMainProcessIs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	t.Setenv("NOTIFY_SOCKET", path)
	for _, keep := range []bool{true, false} {
		if err := Ready(keep); err != nil {
			t.Fatal(err)
		}
		said := make([]byte, 200)
		n, err := conn.Read(said)
		if err != nil || !strings.HasPrefix(string(said[:n]), "READY=1\nMAINPID=") {
			t.Errorf("said %q, %v", said[:n], err)
		}
		if _, still := os.LookupEnv("NOTIFY_SOCKET"); still != keep {
			t.Errorf("kept: %v, expected %v", still, keep)
		}
	}
	if err := Ready(false); err != nil {
		t.Errorf("where systemd did not start it: %v", err)
	}
}
