package cluster_test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"understudy"
	"understudy/internal/postgres/cluster"
	"understudy/internal/postgres/postgrestest"
)

func TestInstallations_AreNewestFirst(t *testing.T) {
	all, err := cluster.Installations()
	if err != nil {
		t.Fatal(err)
	}
	for i, one := range all {
		if one.Major < 10 || !strings.HasPrefix(one.Version, strconv.Itoa(one.Major)) || !filepath.IsAbs(one.Bin) {
			t.Errorf("installation %+v is not whole", one)
		}
		if i > 0 && one.Major > all[i-1].Major {
			t.Errorf("version %s comes after %s", one.Version, all[i-1].Version)
		}
	}
}

func TestInstallations_TheVariableDecidesAlone(t *testing.T) {
	t.Setenv(cluster.BinVariable, t.TempDir())
	_, err := cluster.Installations()
	if understudy.KindOf(err) != understudy.KindUnavailable || understudy.HintOf(err) == "" {
		t.Fatalf("an empty folder gave %v with hint %q; expected unavailable, with what to install", err, understudy.HintOf(err))
	}
}

func value(t *testing.T, c *cluster.Cluster, database, query string, args ...any) string {
	t.Helper()
	conn, err := c.Connect(context.Background(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	var text string
	if err := conn.QueryRow(context.Background(), query, args...).Scan(&text); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return text
}

func postmasterPID(t *testing.T, dir string) int {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(content), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// One cluster goes through its whole life, as making one takes seconds.
func TestCluster_Life(t *testing.T) {
	dir := postgrestest.Folder(t)
	spec := postgrestest.Spec(dir, 0)
	spec.Dir = filepath.Join(dir, `da ta$(touch x)"q'`)
	spec.SocketDir = filepath.Join(dir, `s $(x)'`)
	c := cluster.New(spec)
	if err := os.MkdirAll(filepath.Join(spec.Dir+".initdb", "half"), 0o700); err != nil { // as a crash in the midst of making it leaves
		t.Fatal(err)
	}

	if c.Running(t.Context()) {
		t.Fatal("a cluster that was never made runs")
	}
	if err := c.Stop(t.Context()); err != nil {
		t.Fatalf("stopping what does not run: %v", err)
	}

	var together sync.WaitGroup
	for range 3 { // Start thrice at once is one
		together.Go(func() {
			if err := cluster.New(spec).Start(t.Context()); err != nil {
				t.Errorf("starting together: %v", err)
			}
		})
	}
	together.Wait()
	if t.Failed() {
		t.FailNow()
	}
	pid := postmasterPID(t, spec.Dir)
	postgrestest.Started(t, spec)
	if again := postmasterPID(t, spec.Dir); again != pid {
		t.Fatalf("a second start made another server: %d, then %d", pid, again)
	}
	if version, err := c.Version(t.Context()); err != nil || !strings.Contains(version, ".") || strings.Contains(version, " ") {
		t.Fatalf("version %q, %v", version, err)
	}
	postgrestest.Exec(t, c, "postgres", "CREATE TABLE kept AS SELECT 42 AS n")

	t.Run("runs as no root, in a folder closed to strangers", func(t *testing.T) {
		for _, name := range []string{spec.Dir, spec.SocketDir} {
			info, err := os.Stat(name)
			if err != nil {
				t.Fatal(err)
			}
			if info.Sys().(*syscall.Stat_t).Uid == 0 || info.Mode().Perm() != 0o700 {
				t.Errorf("%s belongs to %d with mode %v", name, info.Sys().(*syscall.Stat_t).Uid, info.Mode())
			}
		}
		if listens := value(t, c, "postgres", "SHOW listen_addresses"); listens != "" {
			t.Errorf("without a port it listens on %q", listens)
		}
	})

	t.Run("a different port while it runs is a conflict", func(t *testing.T) {
		other := spec
		other.Port = postgrestest.FreePort(t)
		if err := cluster.New(other).Start(t.Context()); understudy.KindOf(err) != understudy.KindConflict {
			t.Fatalf("got %v", err)
		}
	})

	t.Run("one whose socket is gone is named, and not waited for", func(t *testing.T) {
		if err := os.Remove(c.Socket()); err != nil {
			t.Fatal(err)
		}
		waiting, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		err := c.Start(waiting)
		if pid := strconv.Itoa(postmasterPID(t, spec.Dir)); understudy.KindOf(err) != understudy.KindConflict || !strings.Contains(err.Error(), "is gone") || !strings.Contains(understudy.HintOf(err), "kill -INT "+pid) {
			t.Errorf("got %v with hint %q", err, understudy.HintOf(err))
		}
		stop(t, c)
		postgrestest.Started(t, spec)
	})

	t.Run("killed, it recovers at the next start", func(t *testing.T) {
		if err := syscall.Kill(postmasterPID(t, spec.Dir), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		postgrestest.Started(t, spec)
		if n := value(t, c, "postgres", "SELECT n::text FROM kept"); n != "42" {
			t.Fatalf("after recovery the row is %q", n)
		}
	})

	t.Run("settings apply at the next start, and go again", func(t *testing.T) {
		stop(t, c)
		set := spec
		set.Settings = map[string]string{"fsync": "off", "work_mem": "7MB", "myapp.motto": `it's a \ "test"`}
		postgrestest.Started(t, set)
		if got := value(t, c, "postgres", "SELECT current_setting('work_mem') || ' ' || current_setting('myapp.motto')"); got != `7MB it's a \ "test"` {
			t.Fatalf("settings are %q", got)
		}
		stop(t, c)
		postgrestest.Started(t, spec)
		if got := value(t, c, "postgres", "SHOW work_mem"); got != "4MB" {
			t.Fatalf("work_mem stayed %s", got)
		}
	})

	t.Run("a stale pid file of another program does not stop it", func(t *testing.T) {
		stop(t, c)
		stranger := stranger(t, dir)
		content := strconv.Itoa(stranger) + "\n" + spec.Dir + "\n1\n5432\n" + spec.SocketDir + "\n\n\nready   \n"
		if err := os.WriteFile(filepath.Join(spec.Dir, "postmaster.pid"), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		postgrestest.Started(t, spec)
		if err := syscall.Kill(stranger, 0); err != nil {
			t.Fatalf("the stranger was harmed: %v", err)
		}
	})

	t.Run("a wrong setting is a sentence, and mends", func(t *testing.T) {
		stop(t, c)
		wrong := spec
		wrong.Settings = map[string]string{"no_such_setting": "1"}
		err := cluster.New(wrong).Start(t.Context())
		if understudy.KindOf(err) != understudy.KindUnavailable || !strings.Contains(err.Error(), "setting") {
			t.Fatalf("got %v", err)
		}
		postgrestest.Started(t, spec)
	})

	t.Run("a cluster of another version is left alone", func(t *testing.T) {
		stop(t, c)
		version := filepath.Join(spec.Dir, "PG_VERSION")
		was, err := os.ReadFile(version)
		if err != nil {
			t.Fatal(err)
		}
		asked := spec
		asked.Major = 9
		if err := cluster.New(asked).Start(t.Context()); understudy.KindOf(err) != understudy.KindConflict {
			t.Fatalf("asking for another version: %v", err)
		}
		if err := os.WriteFile(version, []byte("9\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := c.Start(t.Context()); understudy.KindOf(err) != understudy.KindUnavailable || !strings.Contains(err.Error(), "PostgreSQL 9") {
			t.Fatalf("a version that is not installed: %v", err)
		}
		if err := os.WriteFile(version, was, 0o600); err != nil {
			t.Fatal(err)
		}
	})

	t.Run("a damaged directory is left alone", func(t *testing.T) {
		control := filepath.Join(spec.Dir, "global", "pg_control")
		if err := os.Rename(control, control+".away"); err != nil {
			t.Fatal(err)
		}
		if err := c.Start(t.Context()); understudy.KindOf(err) != understudy.KindConflict || !strings.Contains(err.Error(), "damaged") {
			t.Fatalf("got %v", err)
		}
		if err := os.Rename(control+".away", control); err != nil {
			t.Fatal(err)
		}
		postgrestest.Started(t, spec)
		if n := value(t, c, "postgres", "SELECT n::text FROM kept"); n != "42" {
			t.Fatalf("the row is %q", n)
		}
	})
}

func stop(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	if err := c.Stop(t.Context()); err != nil {
		t.Fatalf("stopping: %v", err)
	}
	if c.Running(t.Context()) {
		t.Fatal("it runs after it was stopped")
	}
}

// stranger is a process of the server's user that is no PostgreSQL.
func stranger(t *testing.T, dir string) int {
	t.Helper()
	who, err := cluster.RunAs()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sleep", "600")
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(who.UID), Gid: uint32(who.GID)}}
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill() //nolint:errcheck // it may be gone
		cmd.Wait()         //nolint:errcheck // killed
	})
	return cmd.Process.Pid
}

func TestStart_ATakenPortIsNamedWithItsOwner(t *testing.T) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	port := listener.Addr().(*net.TCPAddr).Port
	err = cluster.New(postgrestest.Spec(postgrestest.Folder(t), port)).Start(t.Context())
	if understudy.KindOf(err) != understudy.KindUnavailable || !strings.Contains(err.Error(), strconv.Itoa(port)) {
		t.Fatalf("got %v", err)
	}
	if _, tells := os.Stat("/proc/self/fd"); tells == nil && !strings.Contains(err.Error(), strconv.Itoa(os.Getpid())) {
		t.Errorf("it does not say that process %d has the port: %v", os.Getpid(), err)
	}
}

func TestStart_NeverTouchesADirectoryThatIsNoCluster(t *testing.T) {
	spec := postgrestest.Spec(postgrestest.Folder(t), 0)
	if err := os.Mkdir(spec.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	precious := filepath.Join(spec.Dir, "precious")
	if err := os.WriteFile(precious, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := cluster.New(spec).Start(t.Context())
	if understudy.KindOf(err) != understudy.KindConflict {
		t.Fatalf("got %v", err)
	}
	if _, err := os.Stat(precious); err != nil {
		t.Fatalf("the file is gone: %v", err)
	}
}

func TestStart_ClosesNoFolderThatIsSomebodyElses(t *testing.T) {
	dir := postgrestest.Folder(t)
	spec := postgrestest.Spec(dir, 0)
	spec.SocketDir = dir // holds more than sockets
	spec.Dir = filepath.Join(postgrestest.Folder(t), "data")
	if err := os.WriteFile(filepath.Join(dir, "precious"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := cluster.New(spec).Start(t.Context()); understudy.KindOf(err) != understudy.KindConflict {
		t.Errorf("a shared folder: %v", err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("the folder is %v, %v", info.Mode(), err)
	}
	spec.SocketDir = filepath.Join(dir, "link")
	if err := os.Symlink(dir, spec.SocketDir); err != nil {
		t.Fatal(err)
	}
	if err := cluster.New(spec).Start(t.Context()); understudy.KindOf(err) != understudy.KindConflict {
		t.Errorf("a link: %v", err)
	}
}

func TestStart_NamesTheFolderThatTheServersUserMayNotEnter(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Log("only root runs the server as somebody else")
		return
	}
	closed := filepath.Join(postgrestest.Folder(t), "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	err := cluster.New(postgrestest.Spec(filepath.Join(closed, "below"), 0)).Start(t.Context())
	if understudy.KindOf(err) != understudy.KindUnavailable || !strings.HasSuffix(err.Error(), "may not enter "+closed) ||
		!strings.Contains(understudy.HintOf(err), "--state-dir") {
		t.Fatalf("got %v (hint: %s)", err, understudy.HintOf(err))
	}
}

func TestStart_RefusesDescriptionsThatCannotWork(t *testing.T) {
	good := cluster.Spec{Dir: "/tmp/a", SocketDir: "/tmp/b"}
	for name, spoil := range map[string]func(*cluster.Spec){
		"no directory":               func(s *cluster.Spec) { s.Dir = "" },
		"no socket folder":           func(s *cluster.Spec) { s.SocketDir = "" },
		"a socket path too long":     func(s *cluster.Spec) { s.SocketDir = "/tmp/" + strings.Repeat("x", 90) },
		"socket inside the data":     func(s *cluster.Spec) { s.SocketDir = "/tmp/a/s" },
		"a setting with a line":      func(s *cluster.Spec) { s.Settings = map[string]string{"work_mem": "1MB'\nfsync = off"} },
		"a setting of ours":          func(s *cluster.Spec) { s.Settings = map[string]string{"Listen_Addresses": "*"} },
		"a setting that is no name":  func(s *cluster.Spec) { s.Settings = map[string]string{"a = b": "c"} },
		"a port that does not exist": func(s *cluster.Spec) { s.Port = 70000 },
	} {
		spec := good
		spoil(&spec)
		if err := cluster.New(spec).Start(t.Context()); understudy.KindOf(err) != understudy.KindInvalid {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
