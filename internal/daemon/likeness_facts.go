package daemon

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/config"
	"understudy/internal/machine"
	"understudy/internal/mask"
	"understudy/internal/maskprogram"
	"understudy/internal/parity"
	"understudy/internal/postgres/census"
	"understudy/internal/postgres/plans"
)

// look is one environment as it was found, with what is needed to look again.
type look struct {
	env       understudy.Environment
	release   understudy.Release
	databases map[string]string // the names they have on the server
	facts     parity.Facts
	busiest   map[string][]plans.Statement // by database
	told      []string                     // what the passes took
}

// likeness looks at two environments and compares them.
func (d *Daemon) likeness(ctx context.Context, a, b string) (understudy.Parity, error) {
	left, err := d.look(ctx, a)
	if err != nil {
		return understudy.Parity{}, err
	}
	right, err := d.look(ctx, b)
	if err != nil {
		return understudy.Parity{}, err
	}
	for name := range left.facts.Databases {
		if err := d.planBoth(ctx, left, right, name); err != nil {
			return understudy.Parity{}, err
		}
	}
	p := parity.Compare(left.facts, right.facts, time.Now().UTC())
	p.Measured = append(p.Measured, slices.Concat(left.told, right.told)...)
	return p, nil
}

// look finds out what is compared of an environment.
func (d *Daemon) look(ctx context.Context, environment string) (*look, error) {
	e, _, err := d.environment(environment)
	if err != nil {
		return nil, err
	}
	l := &look{env: e, busiest: map[string][]plans.Statement{}}
	if l.release, l.databases, err = d.compared(ctx, e); err != nil {
		return nil, err
	}
	l.facts = parity.Facts{
		Environment: environment, TwinOf: e.TwinOf, Release: l.release.Label + " " + l.release.Digest.Short(),
		Config: map[string]string{}, Unique: map[string]bool{}, Integrations: map[string]string{}, Databases: map[string]parity.Database{},
	}
	if err := d.lookAtConfiguration(ctx, l); err != nil {
		return nil, err
	}
	if err := d.lookAtFlags(ctx, l); err != nil {
		return nil, err
	}
	if err := d.lookAtMachine(l); err != nil {
		return nil, err
	}
	if err := d.lookAtPrograms(ctx, l); err != nil {
		return nil, err
	}
	return l, d.lookAtDatabases(ctx, l)
}

// lookAtConfiguration keeps prints of values, and no value: of what runs, what it was started
// with. Where understudy.yaml has something else, that is said.
func (d *Daemon) lookAtConfiguration(ctx context.Context, l *look) error {
	held, err := d.heldRunning(ctx, l.env, l.release.Application.Config)
	if err != nil {
		return err
	}
	notes, err := d.configNotes(ctx, l.env)
	if err != nil {
		return err
	}
	l.told = append(l.told, notes...)
	for key, one := range held {
		l.facts.Config[key] = one.Print
	}
	for _, key := range l.release.Application.Config {
		l.facts.Unique[key.Key] = key.Unique
	}
	for _, outside := range l.release.Application.Integrations {
		l.facts.Integrations[outside.Name] = held[outside.Env].Print
		if l.env.Sealed() {
			l.facts.Integrations[outside.Name] = "sealed"
		}
	}
	return nil
}

// lookAtFlags says which variant everybody gets of each flag, and by digest what it can be.
func (d *Daemon) lookAtFlags(ctx context.Context, l *look) error {
	state, err := d.flagState(ctx, l.env.Name)
	if err != nil {
		return err
	}
	l.facts.Flags = map[string]string{}
	for key, set := range state.Set {
		l.facts.Flags[key] = set.Variant + ", set, and not declared by " + l.release.Label
	}
	for _, flag := range l.release.Application.Declared() {
		digest, err := understudy.DigestOfValue(flag)
		if err != nil {
			return err
		}
		what := "as declared"
		if set, is := state.Set[flag.Key]; is {
			what = "set to " + set.Variant
		}
		l.facts.Flags[flag.Key] = what + " (" + digest.Short() + ")"
	}
	return nil
}

// lookAtMachine says what an environment runs on: what is run by other means runs elsewhere.
func (d *Daemon) lookAtMachine(l *look) error {
	if l.env.External {
		l.unseen("what it runs on, how often its services run and its front door: it is run by other means",
			understudy.GapRuntime, understudy.GapProcessor, understudy.GapMemory, understudy.GapDisk, understudy.GapInstances, understudy.GapComponent, understudy.GapCertificate)
		return nil
	}
	m, err := machine.Look(d.options.State.Root)
	if err != nil {
		return err
	}
	l.facts.Runtime = m.Runtime
	l.facts.Runtime["understudy"] = d.options.Version
	l.facts.Machine = parity.Machine{Processors: m.Processors, Memory: m.Memory, Disk: m.Disk, Free: m.Free}
	if l.env.Listen != "" {
		l.facts.Limits = limitsOf(l.env.Door.Limits.WithDefaults())
	}
	return nil
}

func limitsOf(l understudy.Limits) map[string]string {
	return map[string]string{
		"door header": fmt.Sprint(l.Header), "door header time": l.HeaderTime.String(), "door body": fmt.Sprint(l.Body), "door stall": l.Stall.String(),
		"door connections": fmt.Sprint(l.Connections), "door connections per client": fmt.Sprint(l.PerClient), "door requests": fmt.Sprint(l.Requests), "door streams": fmt.Sprint(l.Streams),
	}
}

func (l *look) unseen(sentence string, kinds ...string) {
	l.facts.Unseen = append(l.facts.Unseen, parity.Unseen{Kinds: kinds, Sentence: sentence})
}

// lookAtPrograms counts the instances of services, reads back which files they run, and
// what the front door shows.
func (d *Daemon) lookAtPrograms(ctx context.Context, l *look) error {
	if l.env.External {
		return nil
	}
	now, err := d.standing(ctx, l.env.Name)
	if err != nil {
		return err
	}
	front, err := d.front(ctx, l.env.Name)
	if err != nil {
		return err
	}
	l.facts.Certificates = map[string]parity.Certificate{}
	for _, c := range front.Certificates {
		if len(c.Hosts) > 0 {
			l.facts.Certificates[c.Hosts[0]] = parity.Certificate{Hosts: strings.Join(c.Hosts, " "), Issuer: c.From, Until: c.Until}
		}
	}
	status, err := d.runtime.Status(ctx, now.Serving)
	if !now.Up || now.Serving == "" || err != nil {
		l.unseen("how often its services run, and which files: it is down", understudy.GapInstances, understudy.GapComponent)
		return nil
	}
	l.facts.Instances, l.facts.Components = map[string]int{}, map[string]string{}
	for _, program := range status.Programs {
		if s, found := l.release.Application.ServiceOf(program.Name); found {
			l.facts.Instances[s.Name]++
			l.facts.Components[s.Name] = program.Exe.Short()
		}
	}
	return nil
}

func (d *Daemon) lookAtDatabases(ctx context.Context, l *look) error {
	if l.env.Sealed() && len(l.databases) > 0 {
		if _, err := d.twinServer(ctx, l.env.Name); err != nil {
			return err
		}
	}
	p, err := d.project()
	if err != nil {
		return err
	}
	rules, err := mask.Load(p.Mask)
	if err != nil {
		return err
	}
	spec := census.Spec{Plain: plainColumns(rules.Masks(d.maskKey, mask.WithProgram(maskprogram.Runner{}.Run))), Print: func(key, value string) string { return config.KeyPrint(d.printKey, key, value) }}
	for name, physical := range l.databases {
		err := d.reading(ctx, l.env, l.release.Application, name, physical, func(conn *pgx.Conn) error {
			found, err := census.Take(ctx, conn, spec)
			l.facts.Databases[name], l.busiest[name] = found.Database, found.Busiest
			l.told = append(l.told, fmt.Sprintf("%s %s: one pass over %d tables took %s, its longest statement %s (%s)", l.env.Name, name, found.Tables,
				found.Took.Round(time.Millisecond), found.Longest.Round(time.Millisecond), found.LongestRead))
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// plainColumns tells which columns of a table are looked at by value: those that have a rule,
// which keeps them as they are, and do not look personal. Without a rule none is.
func plainColumns(masks understudy.Masks) func([]understudy.Column) map[string]bool {
	return func(columns []understudy.Column) map[string]bool {
		decided, err := masks(columns[0].Table, columns)
		if err != nil {
			return nil
		}
		plain := map[string]bool{}
		for i, found := range mask.ClassifyTable(columns) {
			c := columns[i]
			_, masked := decided.Columns[c.Name]
			masked = masked || slices.ContainsFunc(decided.Batches, func(b understudy.BatchMask) bool { return slices.Contains(b.Columns, c.Name) })
			plain[c.Name] = !masked && !c.Generated && !found.Document && !found.Class.Personal()
		}
		return plain
	}
}

// planBoth plans the busiest statements of the first side on both; where it tells of none,
// those of the second.
func (d *Daemon) planBoth(ctx context.Context, a, b *look, database string) error {
	statements := a.busiest[database]
	if len(statements) == 0 {
		statements = b.busiest[database]
	}
	if _, both := b.facts.Databases[database]; !both || len(statements) == 0 {
		return nil
	}
	for _, side := range []*look{a, b} {
		err := d.reading(ctx, side.env, side.release.Application, database, side.databases[database], func(conn *pgx.Conn) error {
			planned, err := census.Plan(ctx, conn, statements)
			found := side.facts.Databases[database]
			found.Plans, found.Unseen = planned.Plans, append(found.Unseen, planned.Unseen...)
			side.facts.Databases[database] = found
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
