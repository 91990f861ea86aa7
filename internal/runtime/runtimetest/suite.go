package runtimetest

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"understudy"
	"understudy/internal/loopback"
)

// Deployment is what a runtime is asked to start, in no runtime's own words.
type Deployment struct {
	ID       string
	Tree     string
	Artifact understudy.Artifact
	Programs []Program
}

// Program is one program of a Deployment.
type Program struct {
	Name    string
	Service string // what it is an instance of
	Command []string
	Env     []string
	User    string
	Port    int
	Health  understudy.Health
	Grace   time.Duration
}

// State is what a runtime tells of a program.
type State struct {
	Name     string
	PID      int
	State    string // "starting", "healthy", "unhealthy", "backing-off", "stopped"
	Restarts int
	Genuine  bool
	Address  string
}

// Lives starts deployments, tells of them and ends them, as the contract of
// runtime/process has it.
type Lives interface {
	Start(ctx context.Context, d Deployment) error
	Ready(ctx context.Context, id string) error
	Status(ctx context.Context, id string) ([]State, error)
	Stop(ctx context.Context, id string) error
	List(ctx context.Context) ([]string, error)
}

// Insides looks into running deployments.
type Insides interface {
	Exec(ctx context.Context, id, user string, args []string, stdin io.Reader, stdout, stderr io.Writer) (int, error)
	Logs(ctx context.Context, id, program string, follow bool, w io.Writer) error
}

// Runtime is what the suite needs of a runtime.
type Runtime interface {
	Lives
	Insides
}

// Capabilities declares what a runtime can show.
type Capabilities struct {
	Genuine bool // it reads back which file a process runs
	Strays  bool // it ends processes that left their session
	// StartElsewhere starts a deployment from a process that exits before it returns.
	StartElsewhere func(t *testing.T, d Deployment)
	// SamePaths tells that a program sees the files of the test.
	SamePaths bool
}

// suite is one claim's surroundings.
type suite struct {
	*testing.T
	Runtime
	can  Capabilities
	tree string
	art  understudy.Artifact
}

// Run shows that a runtime keeps its promises. New is called once for each claim.
func Run(t *testing.T, newRuntime func(*testing.T) Runtime, can Capabilities) {
	claims := []struct {
		name  string
		claim func(*suite)
	}{
		{"Ready_WaitsUntilEveryProgramIsHealthy", claimReady},
		{"Start_StartsTheInstancesOfAServiceTogether", claimInstances},
		{"Ready_SaysWhatAProgramThatExitsAtOnceDidAndHidesItsSecrets", claimExits},
		{"Ready_EndsForAProgramThatNeverGetsHealthy", claimNeverHealthy},
		{"Ready_EndsForAProgramThatForksAway", claimForks},
		{"Start_RefusesAPortThatSomebodyElseHas", claimPortTaken},
		{"Stop_KillsAProgramThatIgnoresThePoliteSignal", claimDeaf},
		{"Stop_EndsGrandchildren", claimGrandchildren},
		{"Restart_FollowsACrash", claimCrash},
		{"Logs_FollowUntilTheDeploymentIsGone", claimLogs},
		{"Exec_TellsTheExitStatusAndCarriesTheStreams", claimExec},
		{"Exec_IsKilledWholeWhenItsContextEnds", claimExecCancel},
		{"Start_OutlivesTheStarter", claimStarter},
		{"Start_RefusesAChangedArtifact", claimChanged},
		{"Start_RefusesAUserItCannotBecome", claimUser},
		{"Start_OfTheSameIDTwiceIsOne", claimTwice},
		{"Status_IsNotFoundAfterStop", claimGone},
	}
	tree, artifact := cast(t)
	for _, c := range claims {
		t.Run(c.name, func(t *testing.T) {
			c.claim(&suite{T: t, Runtime: newRuntime(t), can: can, tree: tree, art: artifact})
		})
	}
}

// cast makes an artifact of this test binary, readable for everybody.
func cast(t *testing.T) (string, understudy.Artifact) {
	tree, err := os.MkdirTemp("/tmp", "us")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(tree) })
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(os.Chmod(tree, 0o755), os.WriteFile(filepath.Join(tree, "actor"), content, 0o755))
	if err != nil {
		t.Fatal(err)
	}
	artifact, err := understudy.NewArtifact([]understudy.ArtifactFile{
		{Path: "actor", Digest: understudy.DigestOf(content), Size: int64(len(content)), Executable: true}})
	if err != nil {
		t.Fatal(err)
	}
	return tree, artifact
}

// program is an actor that plays a scene.
func program(name, scene string, args ...string) Program {
	return Program{Name: name, Command: append([]string{"actor", "act", scene}, args...), Grace: 5 * time.Second,
		Env:    []string{"GORACE=atexit_sleep_ms=0"}, // under the race detector a process ends as fast as elsewhere
		Health: understudy.Health{Interval: 20 * time.Millisecond, Deadline: 2 * time.Minute}}
}

// listening is an actor with a port of its own.
func (s *suite) listening(name, scene string, args ...string) Program {
	s.Helper()
	port, err := loopback.FreePort()
	if err != nil {
		s.Fatal(err)
	}
	p := program(name, scene, args...)
	p.Port = port
	p.Env = append(p.Env, "PORT="+strconv.Itoa(p.Port))
	return p
}

func (s *suite) deployment(programs ...Program) Deployment {
	id := "d" + strconv.FormatInt(time.Now().UnixNano(), 36)
	s.Cleanup(func() {
		if err := s.Stop(context.Background(), id); err != nil {
			s.Error(err)
		}
	})
	return Deployment{ID: id, Tree: s.tree, Artifact: s.art, Programs: programs}
}

func (s *suite) start(programs ...Program) Deployment {
	s.Helper()
	d := s.deployment(programs...)
	if err := s.Start(s.Context(), d); err != nil {
		s.Fatal(err)
	}
	return d
}

func (s *suite) ready(programs ...Program) Deployment {
	s.Helper()
	d := s.start(programs...)
	if err := s.Ready(s.Context(), d.ID); err != nil {
		s.Fatal(err)
	}
	return d
}

func (s *suite) one(id string) State {
	s.Helper()
	all, err := s.Status(s.Context(), id)
	if err != nil || len(all) != 1 {
		s.Fatalf("status: %+v, %v", all, err)
	}
	return all[0]
}

// until repeats a look until it holds.
func (s *suite) until(what string, holds func() bool) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), 2*time.Minute)
	defer cancel()
	for !holds() {
		select {
		case <-ctx.Done():
			s.Fatalf("never came: %s", what)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// number reads a process number that an actor wrote.
func (s *suite) number(path string) int {
	s.Helper()
	var pid int
	s.until(path, func() bool {
		raw, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return false
		}
		pid, err = strconv.Atoi(strings.TrimSpace(string(raw)))
		return err == nil
	})
	return pid
}
