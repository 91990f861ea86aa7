package daemon

import (
	"context"
	"os"
	"time"

	"understudy"
	"understudy/internal/api"
	"understudy/internal/router"
)

// Info says who answers.
func (d *Daemon) Info(ctx context.Context) (api.Info, error) {
	p, err := d.asLastRead(ctx)
	return api.Info{
		Version: d.options.Version, Application: p.Application.Name, Project: d.options.Project, State: d.options.State.Root,
		PID: os.Getpid(), StartedAt: d.started, Notes: d.notes.list(),
	}, err
}

// Shutdown lets the daemon end. Environments and the router go on.
func (d *Daemon) Shutdown(context.Context) error {
	d.once.Do(func() { close(d.shutdown) })
	return nil
}

// Status says of every environment what it is doing.
func (d *Daemon) Status(ctx context.Context) ([]api.EnvironmentStatus, error) {
	p, err := d.asLastRead(ctx)
	if err != nil {
		return nil, err
	}
	var out []api.EnvironmentStatus
	for _, e := range p.Environments {
		status, err := d.environmentStatus(ctx, e)
		if err != nil {
			return out, err
		}
		out = append(out, status)
	}
	return out, nil
}

func (d *Daemon) environmentStatus(ctx context.Context, e understudy.Environment) (api.EnvironmentStatus, error) {
	out := api.EnvironmentStatus{Environment: withoutValues(e), Sealed: e.Sealed()}
	now, err := d.standing(ctx, e.Name)
	if err != nil {
		return out, err
	}
	out.Held = now.Held
	if out.Unapplied, err = d.unapplied(ctx, e); err != nil {
		return out, err
	}
	if out.Owed, err = (consent{d}).Debt(ctx, e.Name); err != nil {
		return out, err
	}
	if snapshot, found, err := (shelf{d}).Latest(ctx, e.Name); err != nil {
		return out, err
	} else if found {
		snapshot = snapshot.Summarised()
		out.Snapshot = &snapshot
	}
	state, err := d.routerState(ctx)
	if err != nil {
		return out, err
	}
	front := frontOf(state, e.Name)
	doorStatus(&out, front, now)
	out.Problems = append(out.Problems, doorProblems(state.Problems, e.Name)...)
	if out.Deployments, err = d.deploymentStatuses(ctx, e.Name, front); err != nil {
		return out, err
	}
	out.Databases, err = d.databaseStatuses(ctx, e)
	return out, err
}

// withoutValues leaves the plain configuration out: a status page is no place for it.
func withoutValues(e understudy.Environment) understudy.Environment {
	e.Env, e.Original, e.Prepare = nil, nil, nil
	return e
}

// front is what the router says of an environment's front door; nothing, where it has none.
func (d *Daemon) front(ctx context.Context, name string) (router.FrontState, error) {
	state, err := d.routerState(ctx)
	return frontOf(state, name), err
}

// routerState is all that the router says; nothing, where it does not answer.
func (d *Daemon) routerState(ctx context.Context) (router.State, error) {
	state, err := d.router.State(ctx)
	if understudy.KindOf(err) == understudy.KindUnavailable {
		return router.State{}, nil
	}
	return state, err
}

func frontOf(state router.State, name string) router.FrontState {
	for _, f := range state.Fronts {
		if f.Name == name {
			return f
		}
	}
	return router.FrontState{}
}

func (d *Daemon) deploymentStatuses(ctx context.Context, environment string, front router.FrontState) ([]api.DeploymentStatus, error) {
	ids, err := d.runtime.List(ctx)
	if err != nil {
		return nil, err
	}
	out := []api.DeploymentStatus{}
	for _, id := range ids {
		status, err := d.runtime.Status(ctx, id)
		if err != nil || status.Environment != environment || len(status.Programs) == 0 {
			continue // it ended while we looked, or is not ours to show
		}
		record, err := d.loadDeployment(ctx, id)
		if err != nil {
			continue
		}
		one := api.DeploymentStatus{Deployment: record.Deployment}
		slot := slotOf(front, id)
		for _, program := range status.Programs {
			one.Services = append(one.Services, api.ServiceStatus{
				Name: program.Name, State: string(program.State), PID: program.PID, Restarts: program.Restarts, Since: program.Since, Address: program.Address,
				Unfit: unfit(slot, program.Address),
			})
		}
		for _, share := range front.Shares {
			if share.Deployment == id {
				one.Percent = share.Percent
			}
		}
		one.Served, one.Unwell = slot.Served, slot.Unwell(time.Now(), 0)
		out = append(out, one)
	}
	return out, nil
}

// slotOf is a deployment's slot behind a front door; an empty one, where it has none.
func slotOf(front router.FrontState, deployment string) router.SlotState {
	for _, slot := range front.Slots {
		if slot.Deployment == deployment {
			return slot
		}
	}
	return router.SlotState{}
}

func (d *Daemon) databaseStatuses(ctx context.Context, e understudy.Environment) ([]api.DatabaseStatus, error) {
	p, err := d.asLastRead(ctx)
	if err != nil {
		return nil, err
	}
	out := []api.DatabaseStatus{}
	for _, database := range p.Application.Databases {
		one := api.DatabaseStatus{Name: database.Name, Address: "run by others"}
		if private(e) {
			server, err := d.server(e, p.Application, 0)
			if err != nil {
				return out, err
			}
			one.Address = server.Socket()
			if one.Running = server.Running(ctx); one.Running {
				if one.Server, err = server.Version(ctx); err != nil {
					return out, err
				}
				one.Server = "PostgreSQL " + one.Server
			}
		}
		out = append(out, one)
	}
	return out, nil
}
