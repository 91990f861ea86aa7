package daemon

import (
	"context"
	"fmt"
	"os"
	"slices"

	"understudy"
)

// renewRouter has the router replace itself where it is another program than this one: after
// the file was replaced and the daemon started again, or where the daemon was started from
// another file. No connection is refused meanwhile. Where the system does not tell what a
// process runs, the router stays as it is. It waits for the end of a promotion: a new router
// begins to count anew, and the promotion's judge would have to.
func (d *Daemon) renewRouter(ctx context.Context) error {
	d.frontDoor.mu.Lock()
	defer d.frontDoor.mu.Unlock()
	state, err := d.router.State(ctx)
	if err != nil || state.PID == 0 || !d.isOther(state.PID) {
		return nil // it is looked after elsewhere
	}
	all, err := d.Promotions(ctx)
	if err != nil || slices.ContainsFunc(all, understudy.Promotion.Goes) {
		return err
	}
	if err := d.router.Upgrade(ctx, d.options.Executable); err != nil {
		return err
	}
	return recorder{d, "understudy"}.Record(ctx, "router.upgraded", "router", "", map[string]string{"version": d.options.Version})
}

// isOther tells whether a process runs another file than this daemon does. A daemon whose own
// file was replaced since it began has nobody replaced: it is the one that is old.
func (d *Daemon) isOther(pid int) bool {
	mine, err := os.Stat("/proc/self/exe")
	if err != nil {
		return false
	}
	disk, err := os.Stat(d.options.Executable)
	if err != nil || !os.SameFile(mine, disk) {
		return false
	}
	theirs, err := os.Stat(fmt.Sprintf("/proc/%d/exe", pid))
	return err == nil && !os.SameFile(mine, theirs)
}
