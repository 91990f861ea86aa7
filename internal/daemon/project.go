package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"sync"

	"understudy"
	"understudy/internal/config"
)

// project reads understudy.yaml as it is now.
func (d *Daemon) project() (config.Project, error) { return config.Load(d.file) }

// environment finds an environment as understudy.yaml has it now. A twin has the plain
// configuration of what it is a twin of below its own; secrets are never inherited.
func (d *Daemon) environment(name string) (understudy.Environment, config.Project, error) {
	p, err := d.project()
	if err != nil {
		return understudy.Environment{}, p, err
	}
	e, err := environmentIn(p, name)
	return e, p, err
}

func environmentIn(p config.Project, name string) (understudy.Environment, error) {
	e, err := p.Environment(name)
	e.Confidential = p.Confidential()
	if err != nil || e.TwinOf == "" {
		return e, err
	}
	source, err := p.Environment(e.TwinOf)
	e.Original = source.Env
	return e, err
}

// lastRead is what understudy.yaml said when it could last be read. What is up is kept up
// and shown by it: an edit that breaks the file must not take production off the air.
// Whatever changes something reads the file as it is now, and says what is wrong with it.
type lastRead struct {
	mu   sync.Mutex
	form []byte // as it was kept last
}

// asLastRead reads understudy.yaml and keeps what it says, or gives what was kept.
func (d *Daemon) asLastRead(ctx context.Context) (config.Project, error) {
	p, readErr := d.project()
	if readErr == nil {
		d.notes.set(config.FileName, "")
		return p, d.keepRead(ctx, p)
	}
	err := d.store.Get(ctx, kindProject, config.FileName, &p)
	if understudy.KindOf(err) == understudy.KindNotFound {
		return p, readErr
	}
	if err != nil {
		return p, errors.Join(readErr, err)
	}
	d.note(config.FileName, "what is up is kept up as the file said before: %v", readErr)
	return p, nil
}

func (d *Daemon) keepRead(ctx context.Context, p config.Project) error {
	form, err := json.Marshal(p)
	if err != nil {
		return err
	}
	d.lastRead.mu.Lock()
	defer d.lastRead.mu.Unlock()
	if bytes.Equal(form, d.lastRead.form) {
		return nil
	}
	if err := d.store.Put(ctx, kindProject, config.FileName, p); err != nil {
		return err
	}
	d.lastRead.form = form
	return nil
}

// environmentAsLastRead is an environment to be kept up.
func (d *Daemon) environmentAsLastRead(ctx context.Context, name string) (understudy.Environment, config.Project, error) {
	p, err := d.asLastRead(ctx)
	if err != nil {
		return understudy.Environment{}, p, err
	}
	e, err := environmentIn(p, name)
	return e, p, err
}
