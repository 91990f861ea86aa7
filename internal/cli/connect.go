package cli

import (
	"context"
	"path/filepath"

	"understudy"
	"understudy/internal/api"
	"understudy/internal/api/client"
	"understudy/internal/config"
	"understudy/internal/statedir"
)

// place is where a command works.
type place struct {
	project string // folder of understudy.yaml
	state   statedir.Dir
}

// place finds the project that a command is about.
func (c *cli) place() (place, error) {
	file, err := config.Find(c.dir)
	if err != nil {
		return place{}, err
	}
	project := filepath.Dir(file)
	state, err := statedir.Resolve(project, c.state)
	return place{project: project, state: state}, err
}

// ask runs work with the daemon, which is started where none answers.
func (c *cli) ask(ctx context.Context, work func(ctx context.Context, roles api.Roles) error) error {
	at, err := c.place()
	if err != nil {
		return err
	}
	daemon := client.New(at.state.Socket())
	defer daemon.Close()
	if err := c.ensure(ctx, at, daemon); err != nil {
		return err
	}
	return work(ctx, daemon.Roles())
}

// ensure sees that a daemon answers, and that it is the one for this project.
func (c *cli) ensure(ctx context.Context, at place, daemon *client.Client) error {
	info, err := daemon.Info(ctx)
	if understudy.KindOf(err) == understudy.KindUnavailable && !answers(ctx, at.state.Socket()) {
		if err := c.start(ctx, at); err != nil {
			return err
		}
		info, err = daemon.Info(ctx)
	}
	if err != nil {
		return err
	}
	if !samePath(info.Project, at.project) {
		return understudy.Errorf(understudy.KindConflict, "the daemon with the state directory %s serves %s, not %s", at.state.Root, info.Project, at.project).
			WithHint("choose another place for this project's state with --state-dir")
	}
	if info.Version != c.programs.Version {
		c.voice.say("the daemon is version %s, this is %s; `understudy stop` lets the next command start this one", info.Version, c.programs.Version)
	}
	return nil
}

func samePath(a, b string) bool {
	if a == b {
		return true
	}
	realA, errA := filepath.EvalSymlinks(a)
	realB, errB := filepath.EvalSymlinks(b)
	return errA == nil && errB == nil && realA == realB
}

// show is the end of most commands: the result as JSON, or as people read it.
func show[T any](c *cli, result T, people func(T)) error {
	if c.json {
		return c.voice.json(result)
	}
	people(result)
	return nil
}
