package daemon

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"understudy"
	"understudy/internal/api"
	"understudy/internal/postgres/cluster"
	"understudy/internal/store"
)

// Down stops an environment, or all of them. Data stays. Stopping everything works with a
// broken understudy.yaml too, and ends the rehearsals that are under way; a promotion is
// never cut short by it.
func (d *Daemon) Down(ctx context.Context, request api.Down, tell api.Tell) error {
	request.By = d.actor(ctx, request.By)
	if request.Environment != "" {
		e, _, err := d.environment(request.Environment)
		if err != nil {
			return err
		}
		if e.External {
			return understudy.Errorf(understudy.KindRefused, "%s is run by other means", e.Name)
		}
		return d.downOne(ctx, e.Name, request.By, tell)
	}
	names, err := d.everywhere(ctx)
	if err != nil {
		return err
	}
	if err := d.endRehearsals(ctx, request.By, tell); err != nil {
		return err
	}
	names, err = d.liveFirst(ctx, names)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := d.downOne(ctx, name, request.By, tell); err != nil {
			return err
		}
	}
	tell("stopping the router")
	return d.stopRouter(ctx)
}

// everywhere is every environment that anything is known to run in, whether understudy.yaml
// still has it or cannot be read.
func (d *Daemon) everywhere(ctx context.Context) ([]string, error) {
	names := map[string]bool{}
	known, err := store.All[standing](ctx, d.store, kindEnvironment)
	if err != nil {
		return nil, err
	}
	for _, s := range known {
		names[s.Name] = true
	}
	ids, err := d.runtime.List(ctx)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if status, err := d.runtime.Status(ctx, id); err == nil { // else it has ended meanwhile
			names[status.Environment] = true
		}
	}
	servers, err := os.ReadDir(d.options.State.Below("databases"))
	for _, server := range servers {
		if server.IsDir() && !strings.HasPrefix(server.Name(), ".") {
			names[server.Name()] = true
		}
	}
	return slices.Sorted(maps.Keys(names)), err
}

// liveFirst puts the twins that are kept current before what they follow, which has to be up
// to be freed of them.
func (d *Daemon) liveFirst(ctx context.Context, names []string) ([]string, error) {
	all, err := store.All[following](ctx, d.store, kindFollowing)
	isLive := func(name string) bool {
		return slices.ContainsFunc(all, func(r following) bool { return r.Twin == name })
	}
	slices.SortStableFunc(names, func(a, b string) int {
		switch {
		case isLive(a) == isLive(b):
			return 0
		case isLive(a):
			return -1
		}
		return 1
	})
	return names, err
}

// endRehearsals cancels every rehearsal that waits or runs.
func (d *Daemon) endRehearsals(ctx context.Context, by string, tell api.Tell) error {
	all, err := d.Rehearsals(ctx)
	if err != nil {
		return err
	}
	for _, r := range all {
		if r.State.Ended() {
			continue
		}
		tell("cancelling the rehearsal of " + r.Label)
		if err := d.CancelRehearsal(ctx, r.ID, by); err != nil && understudy.KindOf(err) != understudy.KindConflict {
			return err
		}
		if err := d.WatchRehearsal(ctx, r.ID, func(understudy.Rehearsal) error { return nil }); err != nil {
			return err
		}
	}
	return nil
}

func (d *Daemon) downOne(ctx context.Context, name, by string, tell api.Tell) error {
	give, err := d.stages.await(ctx, name, "down", forMoments)
	if err != nil {
		return err
	}
	defer give()
	if err := d.record(ctx, by, "environment.down", name, nil); err != nil {
		return err
	}
	if err := d.changeStanding(ctx, name, func(s *standing) { s.Up = false }); err != nil {
		return err
	}
	if err := d.endFollowing(ctx, name, name+" was taken down"); err != nil { // it is tried again
		tell(err.Error())
	}
	tell("stopping " + name)
	if err := d.endAll(ctx, name); err != nil {
		return err
	}
	return d.stopServer(ctx, name)
}

// stopServer stops an environment's private server, where it has one. It needs no more
// than the folder: what understudy.yaml says of it now does not matter.
func (d *Daemon) stopServer(ctx context.Context, name string) error {
	if err := d.clearNext(ctx, name); err != nil {
		return err
	}
	dir := d.options.State.Below("databases", name)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	server := cluster.New(cluster.Spec{Dir: dir, SocketDir: d.options.State.ServerSocket(name), Log: dir + ".log"})
	return server.Stop(ctx)
}
