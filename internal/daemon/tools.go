package daemon

import (
	"context"
	"fmt"
	"strings"

	"understudy"
	"understudy/internal/config"
	"understudy/internal/migration"
	"understudy/internal/runtime/process"
)

// tools is a place to run a release's commands in, beside its services: in the same seal,
// with the same addresses.
type tools struct {
	d     *Daemon
	order order
	given map[string]string
}

// tools starts such a place. The caller closes it.
func (d *Daemon) tools(ctx context.Context, e understudy.Environment, release understudy.Release, name string, databases map[string]string) (*tools, error) {
	o := order{id: e.Name + "-" + name, env: e, release: release, databases: databases, read: config.Reader(ctx)}
	given, err := d.addresses(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := d.runtime.Stop(ctx, o.id); err != nil && understudy.KindOf(err) != understudy.KindNotFound {
		return nil, err
	}
	if err := d.launch(ctx, o); err != nil {
		return nil, err
	}
	return &tools{d: d, order: o, given: given}, nil
}

func (t *tools) close(ctx context.Context) {
	if err := t.d.runtime.Stop(context.WithoutCancel(ctx), t.order.id); err != nil {
		t.d.options.Log.Warn("ending a place for commands", "id", t.order.id, "error", err)
	}
}

// run runs a command with the application's configuration and some more. The output is the
// end of both streams.
func (t *tools) run(ctx context.Context, args []string, env, more map[string]string) (migration.Result, error) {
	return t.runAs(ctx, userFor(t.order.env, understudy.Service{}), args, env, more)
}

func (t *tools) runAs(ctx context.Context, user string, args []string, env, more map[string]string) (migration.Result, error) {
	given := map[string]string{}
	for k, v := range t.given {
		given[k] = v
	}
	for k, v := range more {
		given[k] = v
	}
	environ, err := t.d.environ(t.order, understudy.Service{Name: "command", Env: env}, 0, given)
	if err != nil {
		return migration.Result{}, err
	}
	var out migration.Tail
	status, err := t.d.runtime.Exec(ctx, t.order.id, process.Command{Args: args, Env: environ.List, User: user}, strings.NewReader(""), &out, &out)
	secrets := environ.Secrets
	for _, address := range given {
		secrets = append(secrets, address)
	}
	return migration.Result{Status: status, Output: redact(out.String(), secrets)}, err
}

// must runs a command that has to succeed.
func (t *tools) must(ctx context.Context, what string, args []string, env map[string]string) error {
	result, err := t.run(ctx, args, env, nil)
	if err != nil {
		return fmt.Errorf("running the %s: %w", what, err)
	}
	if result.Status != 0 {
		return understudy.Errorf(understudy.KindFailed, "the %s ended with exit status %d: %s", what, result.Status, migration.LastLines(result.Output, 5))
	}
	return nil
}

// redact takes secrets out of a text. Very short ones are left: they would take out words.
func redact(text string, secrets []string) string {
	for _, s := range secrets {
		if len(s) >= 6 {
			text = strings.ReplaceAll(text, s, "[secret]")
		}
	}
	return text
}
