package commitgate_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"understudy/internal/postgres/commitgate"
	"understudy/internal/postgres/postgrestest"
	"understudy/internal/postgres/wal"
)

// The test binary is also the program that keeps a gate and is killed.
const keeper = "UNDERSTUDY_TEST_GATE"

func TestMain(m *testing.M) {
	how, address, keeps := strings.Cut(os.Getenv(keeper), " ")
	if !keeps {
		os.Exit(m.Run())
	}
	spec := commitgate.Spec{URL: address, Record: func(*wal.Record) {}, Hold: func(context.Context, []wal.Outcome) error { return nil }}
	var err error
	if how == "half" {
		err = commitgate.ArmHalf(context.Background(), spec)
	} else {
		_, err = commitgate.Open(context.Background(), spec)
	}
	fmt.Println("open", err)
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n') // until it is killed, or the test has ended
}

// longestHang is what a commit may take because of us, whoever makes it and whatever has happened to
// the gate: beyond what one takes that is never held, which says what the machine and the server took.
const longestHang = 2 * time.Second

// scene is a server of its own, a gate in a process of its own, and two sessions that commit
// all the time: one that the gate holds, one that it does not.
type scene struct {
	*testing.T
	server *postgrestest.Server
	dir    string
	gate   *exec.Cmd
	loops  sync.WaitGroup
	over   chan struct{}
	mutex  sync.Mutex
	worst  map[string]time.Duration
	count  map[string]int
}

func newScene(t *testing.T, how string) *scene {
	spec := postgrestest.Spec(postgrestest.Folder(t), 0)
	s := &scene{T: t, server: postgrestest.Started(t, spec), dir: spec.Dir, over: make(chan struct{}), worst: map[string]time.Duration{}, count: map[string]int{}}
	postgrestest.Exec(t, s.server, "postgres", "CREATE TABLE t (i int)")
	s.gate = exec.Command(os.Args[0])
	s.gate.Env = append(os.Environ(), keeper+"="+how+" "+s.server.AdminURL("postgres"))
	in, err := s.gate.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.gate.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.gate.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); s.gate.Process.Kill(); s.gate.Wait() })
	if said, err := bufio.NewReader(out).ReadString('\n'); err != nil || said != "open <nil>\n" {
		t.Fatalf("the keeper of the gate says %q, %v", said, err)
	}
	s.begin()
	t.Cleanup(func() { s.end() })
	s.committing()
	return s
}

func (s *scene) begin() {
	for _, commit := range []string{"remote_apply", "local"} {
		s.loops.Go(func() { s.commits(commit) })
	}
}

// commits makes commits until the end, over as many connections as it takes.
func (s *scene) commits(how string) {
	config, err := pgx.ParseConfig(s.server.AdminURL("postgres"))
	if err != nil {
		s.Error(err)
		return
	}
	config.RuntimeParams["synchronous_commit"], config.RuntimeParams["application_name"] = how, "committing"
	for {
		conn, err := pgx.ConnectConfig(context.Background(), config)
		for err == nil {
			select {
			case <-s.over:
				conn.Close(context.Background())
				return
			default:
			}
			began := time.Now()
			_, err = conn.Exec(context.Background(), "INSERT INTO t VALUES (1)")
			s.mutex.Lock()
			s.worst[how] = max(s.worst[how], time.Since(began))
			if err == nil {
				s.count[how]++
			}
			s.mutex.Unlock()
		}
		select {
		case <-s.over:
			return
		case <-time.After(20 * time.Millisecond): // there is no server now
		}
	}
}

// committing waits until both have committed a few times from now on.
func (s *scene) committing() {
	s.Helper()
	s.mutex.Lock()
	was := map[string]int{"remote_apply": s.count["remote_apply"], "local": s.count["local"]}
	s.mutex.Unlock()
	postgrestest.Until(s.T, "both go on committing", func() bool {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		return s.count["remote_apply"] >= was["remote_apply"]+3 && s.count["local"] >= was["local"]+3
	})
}

func (s *scene) end() {
	select {
	case <-s.over:
	default:
		close(s.over)
	}
	s.loops.Wait()
}

// free holds the server to it that nobody waited for long, that no watchdog is left and
// nothing in the settings, and that commits do not wait any more.
func (s *scene) free() {
	s.Helper()
	s.committing()
	conn := postgrestest.Connected(s.T, s.server.AdminURL("postgres"))
	postgrestest.Until(s.T, "the watchdog has ended", func() bool {
		return postgrestest.Answer(s.T, conn, "SELECT count(*)::text FROM pg_stat_activity WHERE application_name = '"+commitgate.WatchdogName+"'") == "0"
	})
	s.committing()
	s.end()
	for how, worst := range s.worst {
		s.Logf("%s: longest commit %v of %d", how, worst.Round(time.Millisecond), s.count[how])
		if how != "local" && worst > longestHang+s.worst["local"] {
			s.Errorf("a commit with %s took %v", how, worst)
		}
	}
	left := postgrestest.Answer(s.T, conn, `SELECT setting FROM pg_file_settings WHERE name = 'synchronous_standby_names'
		UNION ALL SELECT setting FROM pg_settings WHERE name = 'synchronous_standby_names' AND setting <> ''
		UNION ALL SELECT slot_name FROM pg_replication_slots WHERE slot_name LIKE 'understudy_gate%'`)
	if left != "" {
		s.Errorf("left: %s", left)
	}
	asked := time.Now()
	postgrestest.Runs(s.T, conn, "SET synchronous_commit = remote_apply; INSERT INTO t VALUES (2)")
	if took := time.Since(asked); took > longestHang { // nobody holds it, so that it would hang for ever
		s.Errorf("a commit took %v when all was over", took)
	}
}

func (s *scene) signal(pid int, signal syscall.Signal) {
	s.Helper()
	if err := syscall.Kill(pid, signal); err != nil {
		s.Fatal(err)
	}
}

func (s *scene) postmaster() int {
	s.Helper()
	content, err := os.ReadFile(filepath.Join(s.dir, "postmaster.pid"))
	if err != nil {
		s.Fatal(err)
	}
	line, _, _ := strings.Cut(string(content), "\n")
	pid, err := strconv.Atoi(line)
	if err != nil {
		s.Fatal(err)
	}
	return pid
}

func (s *scene) startAgain() {
	s.Helper()
	if err := s.server.Start(s.Context()); err != nil {
		s.Fatal(err)
	}
}

func TestGate_NobodyHangsWhenItsKeeperIsKilled(t *testing.T) {
	s := newScene(t, "whole")
	s.signal(s.gate.Process.Pid, syscall.SIGKILL)
	s.free()
}

func TestGate_NobodyHangsWhenItsKeeperIsStopped(t *testing.T) {
	s := newScene(t, "whole")
	s.signal(s.gate.Process.Pid, syscall.SIGSTOP)
	s.free()
}

func TestGate_NobodyHangsWhenItsKeeperIsStoppedWhileItRests(t *testing.T) {
	s := newScene(t, "whole")
	s.end()
	conn := postgrestest.Connected(t, s.server.AdminURL("postgres"))
	rests := func() bool {
		return postgrestest.Answer(t, conn, "SELECT count(*)::text FROM pg_stat_activity WHERE backend_type = 'walsender' AND state = 'idle'") == "1"
	}
	postgrestest.Until(t, "the keeper is stopped while it rests", func() bool {
		if !rests() {
			return false
		}
		s.signal(s.gate.Process.Pid, syscall.SIGSTOP)
		if rests() {
			return true
		}
		s.signal(s.gate.Process.Pid, syscall.SIGCONT)
		return false
	})
	s.over = make(chan struct{})
	s.begin()
	s.free()
}

func TestGate_NobodyHangsWhenTheServerIsKilledAndStartedAgain(t *testing.T) {
	s := newScene(t, "whole")
	s.signal(s.postmaster(), syscall.SIGKILL)
	s.startAgain()
	s.free()
}

func TestGate_NobodyHangsWhenTheServerCrashesAndRestartsByItself(t *testing.T) {
	for _, keeper := range []string{"lives", "dies too"} {
		t.Run("and its keeper "+keeper, func(t *testing.T) {
			s := newScene(t, "whole")
			victim, other := postgrestest.Connected(t, s.server.AdminURL("postgres")), postgrestest.Connected(t, s.server.AdminURL("postgres"))
			if keeper == "dies too" {
				s.signal(s.gate.Process.Pid, syscall.SIGKILL)
			}
			s.signal(int(victim.PgConn().PID()), syscall.SIGKILL)
			if _, err := other.Exec(t.Context(), "SELECT pg_sleep(600)"); err == nil {
				t.Fatal("the server did not end its sessions")
			}
			postgrestest.Until(t, "the server is back", func() bool { return s.server.Running(t.Context()) })
			s.free()
		})
	}
}

func TestGate_NobodyHangsWhenItsKeeperIsKilledBeforeTheSettingIsOffTheDisk(t *testing.T) {
	s := newScene(t, "half")
	s.signal(s.gate.Process.Pid, syscall.SIGKILL)
	s.committing() // each is cancelled by the watchdog
	s.startAgain() // finds it running
	s.free()
}

func TestGate_NobodyHangsWhenTheServerIsKilledBeforeTheSettingIsOffTheDisk(t *testing.T) {
	s := newScene(t, "half")
	s.signal(s.gate.Process.Pid, syscall.SIGKILL)
	s.signal(s.postmaster(), syscall.SIGKILL)
	s.startAgain()
	s.free()
}

func TestGate_NobodyHangsWhenTheServerIsStoppedInOrder(t *testing.T) {
	s := newScene(t, "whole")
	s.signal(s.gate.Process.Pid, syscall.SIGSTOP)
	began := time.Now()
	if err := s.server.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 30*time.Second { // it would wait a minute for one that says nothing
		t.Errorf("the server took %v to stop", took)
	}
	s.startAgain()
	s.free()
}

func TestGate_ReportsThatSomebodyElseReleasedIt(t *testing.T) {
	server := postgrestest.Started(t, postgrestest.Spec(postgrestest.Folder(t), 0))
	gate, err := commitgate.Open(t.Context(), commitgate.Spec{URL: server.AdminURL("postgres"), Record: func(*wal.Record) {},
		Hold: func(context.Context, []wal.Outcome) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	conn := postgrestest.Connected(t, server.AdminURL("postgres"))
	postgrestest.Runs(t, conn, "SELECT pg_reload_conf()")
	postgrestest.Until(t, "the gate is released", func() bool {
		return postgrestest.Answer(t, conn, "SELECT sync_priority::text FROM pg_stat_replication") == "0"
	})
	report, err := gate.Close(t.Context())
	if err != nil || report.Held || !report.Read || len(report.Notes) == 0 {
		t.Errorf("%+v, %v", report, err)
	}
}
