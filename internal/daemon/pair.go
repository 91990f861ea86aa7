package daemon

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"understudy"
	"understudy/internal/promotion"
	"understudy/internal/runtime/process"
)

// Look says how a deployment's processes fare. A service that waits for its turn fares well.
func (p deployments) Look(ctx context.Context, id string) (promotion.Health, error) {
	status, err := p.d.runtime.Status(ctx, id)
	if understudy.KindOf(err) == understudy.KindNotFound {
		return promotion.Health{Gone: true}, nil
	}
	if err != nil {
		return promotion.Health{}, err
	}
	front, err := p.d.front(ctx, status.Environment)
	if err != nil {
		return promotion.Health{}, err
	}
	health := promotion.Health{CPU: status.CPU, Memory: status.Memory, Unwell: slotOf(front, id).Unwell(time.Now(), unwellFor)}
	for _, program := range status.Programs {
		if program.Restarts > 0 {
			health.Restarts += program.Restarts
			health.Last = fmt.Sprintf("%s ended and was started again %d times; it is %s", program.Name, program.Restarts, program.State)
		}
		switch program.State {
		case process.StateUnhealthy:
			covered, err := p.d.anotherIsWell(ctx, id, program, status.Programs)
			if err != nil {
				return health, err
			}
			if covered {
				continue
			}
		case process.StateBackingOff, process.StateStopped:
		default:
			continue
		}
		health.Unwell = fmt.Sprintf("%s is %s%s", program.Name, program.State, after(": ", program.Last))
	}
	return health, nil
}

// unwellFor is how long no instance may pass the router's looks before a release is not well:
// one that was busy for a moment is not taken back.
const unwellFor = 5 * time.Second

// anotherIsWell tells whether another instance of the same service is healthy: the router
// sends requests there.
func (d *Daemon) anotherIsWell(ctx context.Context, id string, of process.ProgramStatus, all []process.ProgramStatus) (bool, error) {
	record, err := d.loadDeployment(ctx, id)
	if err != nil {
		return false, err
	}
	release, err := d.releaseByDigest(ctx, record.Release)
	if err != nil {
		return false, err
	}
	service, _ := release.Application.ServiceOf(of.Name)
	siblings := service.Programs()
	return slices.ContainsFunc(all, func(p process.ProgramStatus) bool {
		return slices.Contains(siblings, p.Name) && p.State == process.StateHealthy
	}), nil
}

// after puts a text behind others, where there is one.
func after(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}

// Hand lets the services of which only one release's may run give way: those of one
// deployment end before those of the other start.
func (p deployments) Hand(ctx context.Context, from, to string) (string, error) {
	names, err := p.d.takeTurns(ctx, from, to)
	if err != nil || len(names) == 0 {
		return "", err
	}
	began := time.Now()
	ended, err := p.d.runtime.Hold(ctx, from, names)
	if err != nil && understudy.KindOf(err) != understudy.KindNotFound { // what has gone works on nothing
		return "", err
	}
	started, err := p.d.runtime.Let(ctx, to, names)
	if err != nil {
		return "", err
	}
	if err := p.d.runtime.Ready(ctx, to); err != nil {
		return "", err
	}
	if len(ended) == 0 && len(started) == 0 {
		return "", nil
	}
	return fmt.Sprintf("%s handed over in %s: one at a time", strings.Join(names, ", "), time.Since(began).Round(time.Millisecond)), nil
}

// takeTurns are the services of which one of two deployments says that only one may run.
func (d *Daemon) takeTurns(ctx context.Context, ids ...string) ([]string, error) {
	var names []string
	for _, id := range ids {
		record, err := d.loadDeployment(ctx, id)
		if understudy.KindOf(err) == understudy.KindNotFound { // it was never started
			continue
		}
		if err != nil {
			return nil, err
		}
		release, err := d.releaseByDigest(ctx, record.Release)
		if err != nil {
			return nil, err
		}
		for _, s := range release.Application.Services {
			if s.Handover == understudy.HandoverExclusive {
				names = append(names, s.Programs()...)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}
