package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"time"

	"understudy"
	"understudy/internal/laboratory"
	"understudy/internal/rehearsal"
	"understudy/internal/runtime/process"
	"understudy/internal/seal"
	"understudy/internal/supervisor"
	"understudy/internal/twin"
)

// house lets rehearsals onto a twin.
type house struct{ d *Daemon }

func (h house) Enter(ctx context.Context, r understudy.Rehearsal) (rehearsal.Scene, error) {
	env, p, err := h.d.environment(r.On)
	if err != nil {
		return rehearsal.Scene{}, err
	}
	candidate, err := h.d.releaseByDigest(ctx, r.Candidate)
	if err != nil {
		return rehearsal.Scene{}, err
	}
	target, _, err := h.d.environment(r.For)
	if err != nil {
		return rehearsal.Scene{}, err
	}
	baseline, _, err := h.d.running(ctx, target)
	if err != nil {
		return rehearsal.Scene{}, err
	}
	running, err := h.d.plainlyRunning(ctx, target)
	if err != nil {
		return rehearsal.Scene{}, err
	}
	requests, err := h.d.requests(ctx, target.Name)
	if err != nil {
		return rehearsal.Scene{}, err
	}
	s := &stage{d: h.d, id: r.ID, running: running, entered: time.Now(), requests: requests, env: env, target: target, candidate: candidate, baseline: baseline, policy: p.Policy.WithDefaults()}
	if snapshot, found, err := (shelf{h.d}).Latest(ctx, r.On); err != nil {
		return rehearsal.Scene{}, err
	} else if found {
		s.snapshot = snapshot
	}
	lab := s.laboratory()
	scene := rehearsal.Scene{
		Candidate: candidate, Policy: s.policy, Stage: s, Door: s, Migrator: lab, Contractor: lab, Witness: s, Examiner: s, Ledger: s, Likeness: s, Restorer: restoring{s}, Settings: s, Tester: s,
		Flags: s,
	}
	if traffic := declaredTraffic(baseline, candidate); traffic != nil && env.Listen != "" {
		scene.Player, scene.Crowd = s, crowd{traffic: *traffic, base: "http://" + env.Listen}
	}
	if err := s.clear(ctx); err != nil {
		return scene, err
	}
	return scene, s.forget(ctx)
}

// declaredTraffic is that of the release that production runs. Where it declares none,
// which no promotion could mend if every rehearsal were inconclusive for it, the
// candidate's is taken: what fails on the old schema too is nobody's finding.
func declaredTraffic(baseline, candidate understudy.Release) *understudy.Traffic {
	if baseline.Application.Traffic != nil {
		return baseline.Application.Traffic
	}
	return candidate.Application.Traffic
}

// stage is a twin during one rehearsal. It plays most of the roles, as they all turn on
// the same copies and the same two deployments.
type stage struct {
	d         *Daemon
	id        string
	env       understudy.Environment
	target    understudy.Environment
	candidate understudy.Release
	baseline  understudy.Release
	policy    understudy.Policy
	snapshot  understudy.Snapshot
	running   map[string]string // plain values that the target runs with now
	entered   time.Time
	requests  int64 // that the target's front door had counted then

	flags map[rehearsal.Part]*supervisor.FlagSet // that a part starts with; none: the twin's
	rows  int64                                  // combinations of flags that were set so far
}

func (s *stage) deploymentID(part rehearsal.Part) string {
	return s.env.Name + "-" + s.id + "-" + string(part)[:1]
}

func (s *stage) release(part rehearsal.Part) understudy.Release {
	if part == rehearsal.Baseline {
		return s.baseline
	}
	return s.candidate
}

// physical names the databases of a copy.
func (s *stage) physical(of rehearsal.Copy) map[string]string {
	out := map[string]string{}
	for _, database := range s.baseline.Application.Databases {
		switch of {
		case rehearsal.Golden:
			out[database.Name] = golden(database.Name, s.snapshot.ID)
		case rehearsal.Work:
			out[database.Name] = onServer(database)
		default:
			out[database.Name] = database.Name + "_" + string(of)
		}
	}
	return out
}

func (s *stage) Reset(ctx context.Context) (rehearsal.Set, error) {
	got, err := s.d.snapshot(ctx, twin.Want{Of: s.target.Name, On: s.env.Name, MaxAge: s.policy.SnapshotAge}, s.tell)
	if err != nil {
		return rehearsal.Set{}, err
	}
	if err := s.asObserved(ctx, got.Production); err != nil {
		return rehearsal.Set{}, err
	}
	s.d.stopFollowers(s.env.Name) // every clone of this rehearsal is of the same data
	s.snapshot = got.Snapshot
	leaks, err := s.probe(ctx)
	if err != nil {
		return rehearsal.Set{}, err
	}
	differs, err := s.differs(ctx, got)
	set := rehearsal.Set{Snapshot: got.Snapshot, Production: got.Production, Baseline: s.baseline, Kept: got.Kept, Leaks: leaks, Differs: differs}
	if got.Why != "" {
		set.Notes = append(set.Notes, "taken anew: "+got.Why)
	}
	if s.baseline.Application.Traffic == nil && s.candidate.Application.Traffic != nil {
		set.Notes = append(set.Notes, fmt.Sprintf("the traffic is that of %s, as %s declares none", s.candidate.Label, s.baseline.Label))
	}
	return set, err
}

// differs compares the golden copies with production, where their digests are not the same.
func (s *stage) differs(ctx context.Context, got twin.Got) ([]string, error) {
	var out []string
	for name, physical := range s.physical(rehearsal.Golden) {
		golden, err := s.d.inspect(ctx, s.env, s.baseline.Application, name, physical)
		if err != nil {
			return nil, err
		}
		if golden.Digest == got.Production.Schemas[name] {
			continue
		}
		_, databases, err := s.d.running(ctx, s.target)
		if err != nil {
			return nil, err
		}
		now, err := s.d.inspect(ctx, s.target, s.baseline.Application, name, databases[name])
		if err != nil {
			return nil, err
		}
		for _, c := range now.Diff(golden) {
			if c.Change != "removed" || !understudy.SecretSettingOf(c.Object) { // parity lists that one
				out = append(out, laboratory.DescribeChange(s.called(name), c))
			}
		}
	}
	return out, nil
}

func (s *stage) tell(text string) { s.d.options.Log.Info(text, "rehearsal", s.id) }

// probe runs the seal's canaries where the release will run.
func (s *stage) probe(ctx context.Context) ([]string, error) {
	place, err := s.d.tools(ctx, s.set(rehearsal.Baseline), s.baseline, "probe", s.physical(rehearsal.Golden))
	if err != nil {
		return nil, err
	}
	defer place.close(ctx)
	result, err := place.runAs(ctx, "", []string{s.d.options.Executable, "probe"}, nil, nil)
	if err != nil {
		return nil, err
	}
	var leaks []seal.Leak
	if err := json.Unmarshal([]byte(result.Output), &leaks); err != nil || result.Status != 0 {
		return nil, understudy.Errorf(understudy.KindInternal, "the seal's canaries could not be sent: exit status %d: %s", result.Status, result.Output)
	}
	var out []string
	for _, leak := range leaks {
		out = append(out, leak.Canary+" to "+leak.To+": "+leak.Found)
	}
	return out, nil
}

func (s *stage) Fresh(ctx context.Context) error {
	if err := s.clear(ctx); err != nil {
		return err
	}
	s.flags = nil // what starts on it has the twin's own
	if err := s.Clone(ctx, rehearsal.Work); err != nil {
		return err
	}
	return s.prepare(ctx)
}

// clear ends everything that runs on the twin, whoever left it there.
func (s *stage) clear(ctx context.Context) error {
	return s.d.endAll(ctx, s.env.Name)
}

func (s *stage) prepare(ctx context.Context) error {
	if len(s.env.Prepare) == 0 {
		return nil
	}
	place, err := s.d.tools(ctx, s.set(rehearsal.Baseline), s.baseline, "prepare", s.physical(rehearsal.Work))
	if err != nil {
		return err
	}
	defer place.close(ctx)
	for _, command := range s.env.Prepare {
		if err := place.must(ctx, "preparation "+command.Name, command.Command, command.Env); err != nil {
			return err
		}
	}
	return nil
}

// set is the twin with the configuration of a part: the baseline has what production runs
// with, the candidate what a promotion would start it with.
func (s *stage) set(part rehearsal.Part) understudy.Environment {
	env := s.env
	if part == rehearsal.Baseline {
		env.Original = s.running
	}
	return env
}

func (s *stage) Start(ctx context.Context, part rehearsal.Part) error {
	return s.d.deploy(ctx, order{id: s.deploymentID(part), env: s.set(part), release: s.release(part), databases: s.physical(rehearsal.Work), programs: true, flags: s.begins(part)})
}

func (s *stage) Stop(ctx context.Context, part rehearsal.Part) error {
	return s.d.retire(ctx, s.env.Name, s.deploymentID(part))
}

func (s *stage) Close(ctx context.Context) error {
	return errors.Join(s.clear(ctx), s.forget(ctx), s.dropCopies(ctx))
}

// forget makes the record say that the twin runs nothing that is to be brought back.
func (s *stage) forget(ctx context.Context) error {
	return s.d.changeStanding(ctx, s.env.Name, func(now *standing) { now.Up, now.Serving, now.Standby, now.Shares = false, "", "", nil })
}

func (s *stage) dropCopies(ctx context.Context) error {
	if len(s.baseline.Application.Databases) == 0 {
		return nil
	}
	server, err := s.d.twinServer(ctx, s.env.Name)
	if err != nil {
		return err
	}
	for _, of := range []rehearsal.Copy{rehearsal.Work, rehearsal.Side, rehearsal.Calm} {
		for _, name := range s.physical(of) {
			if err := server.Drop(ctx, name); err != nil {
				return err
			}
		}
	}
	return restoring{s}.forget(ctx, server)
}

func (s *stage) Serve(ctx context.Context, part rehearsal.Part) error {
	return s.d.serve(ctx, s.env.Name, map[string]int{s.deploymentID(part): 100})
}

// drainFor is how long a deployment may take to answer what it has begun.
const drainFor = 20 * time.Second

func (s *stage) Drain(ctx context.Context, part rehearsal.Part) (int, error) {
	return s.d.drain(ctx, s.env.Name, s.deploymentID(part))
}

func (s *stage) Bits(ctx context.Context, part rehearsal.Part) ([]rehearsal.Bit, error) {
	status, err := s.d.runtime.Status(ctx, s.deploymentID(part))
	if err != nil {
		return nil, err
	}
	record, err := s.d.loadDeployment(ctx, s.deploymentID(part))
	if err != nil {
		return nil, err
	}
	var bits []rehearsal.Bit
	for _, program := range status.Programs {
		bit := s.bit(part, program)
		bit.Config, bit.Given = ranWith(program), record.With.given(program.Name)
		bits = append(bits, bit)
	}
	return bits, nil
}

// bit compares what a program runs with its release. Where the command is a program of the
// machine, an interpreter, the release is what that reads: the artifact's files, which were
// all compared before the start.
func (s *stage) bit(part rehearsal.Part, program process.ProgramStatus) rehearsal.Bit {
	found := "it runs a file with digest " + program.Exe.Short() + ", which is not in the artifact"
	if program.Exe == "" {
		found = "what it runs could not be read back: " + program.Last
	}
	return rehearsal.Bit{Service: program.Name, Match: program.Genuine || interpreted(s.release(part), program.Name), Found: found,
		Process: fmt.Sprintf("%d, restarted %d times", program.PID, program.Restarts)}
}

// interpreted tells whether the command of a program's service is no file of its artifact.
func interpreted(release understudy.Release, program string) bool {
	s, found := release.Application.ServiceOf(program)
	if !found {
		return false
	}
	command := path.Clean(filepath.ToSlash(filepath.Join(s.WorkDir, s.Command[0])))
	return !slices.ContainsFunc(release.Artifact.Files, func(f understudy.ArtifactFile) bool {
		return f.Path == command || f.Path == path.Clean(s.Command[0])
	})
}
