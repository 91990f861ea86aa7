package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"understudy"
	"understudy/internal/config"
	"understudy/internal/postgres/cluster"
	"understudy/internal/postgres/lockwatch"
	"understudy/internal/runtime/process"
	"understudy/internal/seal"
	"understudy/internal/supervisor"
)

// order is a deployment to be started.
type order struct {
	id        string
	env       understudy.Environment
	release   understudy.Release
	databases map[string]string // physical database by name
	programs  bool              // false: only a place to run commands in
	second    bool              // beside one that serves: what takes turns waits for its own
	// boot: it is started to see what its start does to the databases, and ended at once:
	// its sessions there are marked as a migration's, and it is given no time to end.
	boot bool
	// again: it ran before. What it needs not to be down is not held against rules once more:
	// a secret behind a reference may have changed since.
	again bool
	// flags are what it serves, where a rehearsal sets them; nil: what its environment says.
	flags *supervisor.FlagSet
	// configured is the keyed digest of the only configuration that it may be started with;
	// empty: any.
	configured string
	// read reads secrets, as the act does that it is a part of; nil: each time anew, with no end but their own.
	read func(understudy.SecretRef) (string, error)
}

func (o order) secret(ref understudy.SecretRef) (string, error) {
	if o.read == nil {
		return config.Secret(context.Background(), ref)
	}
	return o.read(ref)
}

// within is the order with its secrets read as a part of ctx, where nothing else was said.
func (o order) within(ctx context.Context) order {
	if o.read == nil {
		o.read = config.Reader(ctx)
	}
	return o
}

// launch starts a deployment's supervisor with its programs. It does not wait for them to
// be ready. Starting what runs is nothing.
func (d *Daemon) launch(ctx context.Context, o order) error {
	o.read = config.Reader(ctx)
	if err := d.makeVolumes(o.env, o.release.Application); err != nil {
		return err
	}
	spec, err := d.spec(ctx, o)
	if err != nil {
		return err
	}
	if o.programs {
		if spec.Flags, err = d.flagOrder(ctx, o); err != nil {
			return err
		}
		if err := d.writeDown(ctx, o, spec); err != nil {
			return err
		}
	}
	if err := d.runtime.Start(ctx, spec); err != nil || spec.Flags == nil {
		return err
	}
	err = d.refreshFlags(ctx, o.id, startsWithFlags) // they may have changed before it was there to be told
	if err != nil {
		d.spread.begin(o.env.Name) // it is told when the environment is tended
	}
	return err
}

// writeDown keeps what is about to be started, and with what.
func (d *Daemon) writeDown(ctx context.Context, o order, spec process.Spec) error {
	record := deployment{Sealed: o.env.Sealed(), Deployment: understudy.Deployment{
		ID: o.id, Environment: o.env.Name, Release: o.release.Digest, Label: o.release.Label,
		State: understudy.DeploymentStarting, Databases: o.databases, StartedAt: time.Now(), ChangedAt: time.Now(),
	}}
	var err error
	if record.With, record.Config, err = d.startedWith(o, spec); err != nil {
		return err
	}
	if o.configured != "" && record.Config != o.configured { // the file was changed since, or a secret
		return understudy.Errorf(understudy.KindRefused, "its configuration in %s is another one by now than the gate let through", o.env.Name).
			WithHint("see what has changed: understudy config diff %s; then rehearse it again: understudy rehearse %s", o.env.Name, o.release.Label)
	}
	if err := d.tellChangedSecrets(ctx, record); err != nil {
		return err
	}
	return d.store.Put(ctx, kindDeployment, o.id, record)
}

// deploy launches a deployment, waits until it is ready and shows it to the router. What
// does not become ready is stopped.
func (d *Daemon) deploy(ctx context.Context, o order) error {
	if _, err := d.runtime.Status(ctx, o.id); err != nil {
		if understudy.KindOf(err) != understudy.KindNotFound {
			return err
		}
		if err := d.launch(ctx, o); err != nil {
			return err
		}
	}
	if err := d.runtime.Ready(ctx, o.id); err != nil {
		stopErr := d.runtime.Stop(context.WithoutCancel(ctx), o.id)
		return errors.Join(err, stopErr, d.mark(ctx, o.id, understudy.DeploymentGone, err.Error()))
	}
	record, err := d.loadDeployment(ctx, o.id)
	if err != nil {
		return err
	}
	if record.State == understudy.DeploymentStarting {
		if err := d.mark(ctx, o.id, understudy.DeploymentReady, ""); err != nil {
			return err
		}
	}
	return d.show(ctx, o)
}

// show tells the router where a deployment's services are.
func (d *Daemon) show(ctx context.Context, o order) error {
	if o.env.Listen == "" {
		return nil
	}
	status, err := d.runtime.Status(ctx, o.id)
	if err != nil {
		return err
	}
	slot, err := slotFor(o, status.Programs)
	if err != nil || len(slot.Routes) == 0 {
		return err
	}
	front := doorOf(o)
	front.Testers = d.testersOf(ctx, o.env)
	if err := d.startRouter(ctx); err != nil { // after a down of everything it does not run
		return err
	}
	if err := d.router.Open(ctx, front); err != nil {
		return err
	}
	if err := d.keepClosed(ctx, front); err != nil {
		return err
	}
	return d.router.Add(ctx, o.env.Name, slot)
}

// retire stops a deployment and takes it from the router.
func (d *Daemon) retire(ctx context.Context, environment, id string) error {
	ctx = context.WithoutCancel(ctx)
	give, err := d.fates.await(ctx, id, "what stops it", anybody)
	if err != nil {
		return err
	}
	defer give()
	if err := d.router.Remove(ctx, environment, id); err != nil && understudy.KindOf(err) != understudy.KindNotFound && understudy.KindOf(err) != understudy.KindUnavailable {
		return err
	}
	if err := d.runtime.Stop(ctx, id); err != nil {
		return err
	}
	d.notes.set(secretsOf(id), "") // it is not started with them again
	return d.mark(ctx, id, understudy.DeploymentGone, "")
}

func (d *Daemon) spec(ctx context.Context, o order) (process.Spec, error) {
	spec := process.Spec{
		ID: o.id, Environment: o.env.Name, Label: o.release.Label,
		Tree: d.tree(o.release.Artifact), Artifact: o.release.Artifact, PrintKey: d.printKey,
	}
	given, err := d.addresses(ctx, o)
	if err != nil {
		return spec, err
	}
	if o.programs {
		if spec.Programs, err = d.programs(o, given); err != nil {
			return spec, err
		}
	}
	if o.env.Sealed() {
		spec.Seal, err = d.sealFor(o, spec.Programs)
	}
	return spec, err
}

// program is an instance of a service, but for its name. Its configuration keeps the types
// and rules that the release asks for, or it is not started.
func (d *Daemon) program(o order, s understudy.Service, port int, given map[string]string) (process.Program, error) {
	resolved := config.Resolve(d.stack(o, s, port, given))
	environ, err := resolved.Environ()
	if err != nil {
		return process.Program{}, err
	}
	if !o.again {
		if err := kept(o, s, resolved); err != nil {
			return process.Program{}, err
		}
	}
	grace := s.Grace
	switch {
	case o.boot:
		grace = time.Millisecond
	case grace == 0:
		grace = understudy.DefaultGrace
	}
	return process.Program{
		Service: s.Name, Command: s.Command, Dir: s.WorkDir, Env: environ.List, User: userFor(o.env, s), Port: port, Protocol: s.Protocol,
		Health: s.Health, Grace: grace, Publish: o.env.Sealed() && s.Route != "",
		Held: o.second && s.Handover == understudy.HandoverExclusive,
	}, nil
}

// userFor is who a service runs as. Where it does not say and we are root, a sealed one
// runs as nobody: root could open the sockets of production's servers, which lie in the
// same file system.
func userFor(e understudy.Environment, s understudy.Service) string {
	if s.User == "" && e.Sealed() && os.Geteuid() == 0 {
		return "nobody"
	}
	return s.User
}

// environ is the effective configuration of one service of a deployment.
func (d *Daemon) environ(o order, s understudy.Service, port int, given map[string]string) (config.Environ, error) {
	return config.Resolve(d.stack(o, s, port, given)).Environ()
}

// stack is everything that the configuration of one service of a deployment is made of.
func (d *Daemon) stack(o order, s understudy.Service, port int, given map[string]string) config.Stack {
	all := map[string]string{}
	for k, v := range given {
		all[k] = v
	}
	if port != 0 {
		all["PORT"] = fmt.Sprint(port)
	}
	all["UNDERSTUDY_ENVIRONMENT"], all["UNDERSTUDY_RELEASE"] = o.env.Name, o.release.Label
	stack := config.Stack{Application: o.release.Application, Service: s, Environment: o.env, Given: all, Read: o.secret}
	if o.release.Digest != "" {
		stack.Release = o.release.Label
	}
	return stack
}

// addresses are the URLs of the databases and the folders of the volumes, by the keys that
// receive them.
func (d *Daemon) addresses(ctx context.Context, o order) (map[string]string, error) {
	given := map[string]string{}
	for _, database := range o.release.Application.Databases {
		address, is, err := external(ctx, o.env, database.Name)
		if err != nil {
			return nil, err
		}
		if !is {
			c, err := d.server(o.env, o.release.Application, 0)
			if err != nil {
				return nil, err
			}
			if address, err = d.address(o.env, c, database.Role, o.databases[database.Name]); err != nil {
				return nil, err
			}
		}
		if o.boot {
			address = lockwatch.Marked(address, 0, o.env.Sealed() && private(o.env))
		}
		given[database.Env] = address
	}
	for _, v := range o.release.Application.Volumes {
		given[v.Env] = d.volume(o.env, v.Name)
	}
	return given, nil
}

// sealFor is the seal of a deployment: no way out but to its database, all else caught.
func (d *Daemon) sealFor(o order, programs []process.Program) (json.RawMessage, error) {
	if err := seal.Supported(); err != nil {
		return nil, err
	}
	s := seal.Spec{
		Captures:     d.captures(o.env.Name),
		Integrations: o.release.Application.Integrations,
		CA:           d.options.State.Below("authorities", o.env.Name),
	}
	environ, err := d.environ(o, understudy.Service{Name: "seal"}, 0, nil)
	if err != nil {
		return nil, err
	}
	s.Addresses = integrationAddresses(o.release.Application, environ.List)
	for _, service := range o.release.Application.Services {
		if service.Port != 0 {
			s.Keep = append(s.Keep, service.Port)
		}
	}
	for _, program := range programs {
		if program.Port != 0 {
			s.Keep = append(s.Keep, program.Port)
		}
	}
	if len(o.release.Application.Databases) > 0 {
		c, err := d.server(o.env, o.release.Application, 0)
		if err != nil {
			return nil, err
		}
		refused := &seal.Refused{Roles: []string{cluster.Superuser}, Databases: []string{golden("", "")}} // of whatever release's databases
		s.Forwards = []seal.Forward{{Listen: fmt.Sprintf("127.0.0.1:%d", sealedPort), To: "unix:" + c.Socket(), Refuses: refused}}
	}
	return json.Marshal(s)
}

// integrationAddresses finds the configured address of each integration.
func integrationAddresses(app understudy.Application, environ []string) map[string]string {
	addresses := map[string]string{}
	for _, integration := range app.Integrations {
		for _, setting := range environ {
			if value, is := strings.CutPrefix(setting, integration.Env+"="); is {
				addresses[integration.Name] = value
			}
		}
	}
	return addresses
}

func (d *Daemon) captures(environment string) string {
	return d.options.State.Below("captures", environment+".jsonl")
}

func (d *Daemon) scratch(name string) string {
	return filepath.Join(d.options.State.Below("scratch"), name)
}
