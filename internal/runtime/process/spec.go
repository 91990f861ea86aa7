package process

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"understudy"
)

// Spec is one deployment: the programs of one release in one environment.
type Spec struct {
	ID          string              `json:"id"` // letters, digits, dot, dash, underscore; names its folders
	Environment string              `json:"environment"`
	Label       string              `json:"label"`
	Tree        string              `json:"tree"`     // absolute path of the artifact's folder
	Artifact    understudy.Artifact `json:"artifact"` // every file is compared before the first start
	// Programs are in start order: each waits until those before it are healthy. Without any,
	// the deployment is a place to Exec in, sealed as others are.
	Programs []Program `json:"programs"`
	// Seal is handed to the supervisor's hook, inside the supervisor's own namespaces.
	// Nil: the deployment is not sealed.
	Seal json.RawMessage `json:"seal,omitempty"`
	// PrintKey is what the configuration of the programs is printed with in Status; empty: it
	// is not. As the rest of a specification it is never on disk.
	PrintKey []byte `json:"printKey,omitempty"`
	// Flags is handed to the supervisor's hook that serves them. Nil: there are none.
	Flags json.RawMessage `json:"flags,omitempty"`
}

// Program is one process that is kept running.
type Program struct {
	Name string `json:"name"`
	// Service is what it is an instance of; empty: nothing. Instances that follow each other
	// start together.
	Service  string              `json:"service,omitempty"`
	Command  []string            `json:"command"`       // the first word: relative to Tree, else looked up in PATH
	Dir      string              `json:"dir,omitempty"` // below Tree; empty: Tree
	Env      []string            `json:"env,omitempty"` // KEY=value; PATH, HOME and LANG are added where missing
	User     string              `json:"user,omitempty"`
	Port     int                 `json:"port,omitempty"`     // where it listens on 127.0.0.1; 0: nowhere
	Protocol understudy.Protocol `json:"protocol,omitempty"` // what it speaks there, for looking at its health
	Health   understudy.Health   `json:"health,omitzero"`
	Grace    time.Duration       `json:"grace,omitempty"`   // 0: understudy.DefaultGrace
	Publish  bool                `json:"publish,omitempty"` // sealed: reachable from outside through a Unix socket
	Held     bool                `json:"held,omitempty"`    // it does not start until Let; nobody waits for it
}

// Command is one command to run inside a deployment.
type Command struct {
	Args []string `json:"args"`           // the first word as in Program.Command
	Dir  string   `json:"dir,omitempty"`  // below Tree, or absolute; empty: Tree
	Env  []string `json:"env,omitempty"`  // as in Program.Env
	User string   `json:"user,omitempty"` // as in Program.User
}

// State is where a program is in its life; the drawing is in the package comment.
type State string

// The states of a program.
const (
	StateStarting   State = "starting"    // running and not healthy yet, or waiting for its turn (no PID)
	StateHealthy    State = "healthy"     // its last look was good
	StateUnhealthy  State = "unhealthy"   // running, and past its deadline or three bad looks in a row
	StateBackingOff State = "backing-off" // exited, to be started again
	StateStopped    State = "stopped"     // will not be started again
	StateHeld       State = "held"        // does not run until it is let
)

// Status is what a supervisor knows of its deployment.
type Status struct {
	ID          string          `json:"id"`
	Environment string          `json:"environment"`
	Label       string          `json:"label"`
	Supervisor  int             `json:"supervisor"` // its process number
	Sealed      bool            `json:"sealed"`
	Programs    []ProgramStatus `json:"programs"`
	// CPU is the processor time that all its processes have used, Memory the bytes that they
	// hold, pages that several share counted for each; 0: this system does not tell.
	CPU    time.Duration `json:"cpu,omitempty"`
	Memory int64         `json:"memory,omitempty"`
}

// ProgramStatus is what a supervisor knows of one program.
type ProgramStatus struct {
	Name     string    `json:"name"`
	PID      int       `json:"pid,omitempty"` // 0: not running
	State    State     `json:"state"`
	Restarts int       `json:"restarts"`
	Since    time.Time `json:"since"` // of the state
	// Exe is the digest of the file the process runs, read back from the kernel (Linux).
	Exe understudy.Digest `json:"exe,omitempty"`
	// Genuine tells that Exe is a file of the artifact; an interpreter is not.
	Genuine bool `json:"genuine"`
	// Config is understudy.EnvironPrint of the entries of Program.Env that the process was seen
	// to be started with, ConfigRead how that was seen: "kernel" or "start".
	Config     string `json:"config,omitempty"`
	ConfigRead string `json:"configRead,omitempty"`
	// Address is where it is reached from outside: "tcp:127.0.0.1:9001",
	// "unix:/run/web.sock", or empty.
	Address string `json:"address,omitempty"`
	Last    string `json:"last,omitempty"` // its last exit or bad look, for people
}

var plainName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

func checkID(id string) error {
	if !plainName.MatchString(id) {
		return understudy.Errorf(understudy.KindInvalid,
			"a deployment's id is up to 63 letters, digits, dots, dashes and underscores, found %q", id)
	}
	return nil
}

func (s Spec) validate() error {
	if err := checkID(s.ID); err != nil {
		return err
	}
	if !filepath.IsAbs(s.Tree) {
		return understudy.Errorf(understudy.KindInvalid, "deployment %s: its tree must be an absolute path, found %q", s.ID, s.Tree)
	}
	seen := map[string]bool{}
	for _, p := range s.Programs {
		if seen[p.Name] {
			return understudy.Errorf(understudy.KindInvalid, "deployment %s has two programs %s", s.ID, p.Name)
		}
		seen[p.Name] = true
		if err := p.validate(s.ID); err != nil {
			return err
		}
	}
	return nil
}

func (p Program) validate(id string) error {
	bad := func(format string, args ...any) error {
		return understudy.Errorf(understudy.KindInvalid, "deployment %s, program %s: "+format, append([]any{id, p.Name}, args...)...)
	}
	switch {
	case !plainName.MatchString(p.Name) || p.Name == "control":
		return bad("a name is letters, digits, dots, dashes and underscores, and not \"control\"")
	case len(p.Command) == 0 || p.Command[0] == "":
		return bad("it has no command")
	case p.Dir != "" && !filepath.IsLocal(p.Dir):
		return bad("its folder %q is not below the artifact's tree", p.Dir)
	case p.Port < 0 || p.Port > 65535:
		return bad("port %d is not between 0 and 65535", p.Port)
	case p.Health.Path != "" && p.Port == 0:
		return bad("it has a health path but no port")
	case p.Publish && p.Port == 0:
		return bad("it is published but has no port")
	case slices.ContainsFunc(p.Env, func(e string) bool { return !envEntry.MatchString(e) }):
		return bad("an environment entry is not of the form KEY=value")
	}
	return nil
}

var envEntry = regexp.MustCompile(`(?s)^[^=\x00]+=[^\x00]*$`)

// withDefaults fills in what the words' documentation promises for zero values.
func (p Program) withDefaults() Program {
	fill := func(d *time.Duration, value time.Duration) {
		if *d <= 0 {
			*d = value
		}
	}
	fill(&p.Grace, understudy.DefaultGrace)
	fill(&p.Health.Interval, 250*time.Millisecond)
	fill(&p.Health.Timeout, 2*time.Second)
	fill(&p.Health.Deadline, 30*time.Second)
	return p
}
