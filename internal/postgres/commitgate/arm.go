package commitgate

import (
	"context"
	"errors"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"understudy"
)

// arm makes commits wait for the gate. Whatever happens, the setting is not left on disk.
func (g *Gate) arm(ctx context.Context) (err error) {
	if err := g.mayArm(ctx); err != nil {
		return err
	}
	if g.dog, err = letWatch(ctx, g.spec.URL, g.name); err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, g.reset(ctx))
		if err != nil {
			g.disarm(ctx)
		}
	}()
	if _, err := g.control.Exec(ctx, "ALTER SYSTEM SET synchronous_standby_names = '"+g.name+"'"); err != nil {
		return err
	}
	if err := g.signal(ctx); err != nil {
		return err
	}
	came, err := g.probe(ctx, time.Now().Add(probing), waited)
	if err != nil {
		return err
	}
	if came != waited {
		return understudy.Errorf(understudy.KindUnavailable, "arming the gate: the server's checkpointer did not read the setting within %s", probing)
	}
	g.armed = true
	g.stream.holds.Store(true)
	return nil
}

func (g *Gate) mayArm(ctx context.Context) error {
	var names, level string
	err := g.control.QueryRow(ctx, "SELECT current_setting('synchronous_standby_names'), current_setting('wal_level')").Scan(&names, &level)
	switch {
	case err != nil:
		return err
	case names != "":
		return understudy.Errorf(understudy.KindConflict, "arming the gate: the server waits for other standbys already")
	case level == "minimal":
		return understudy.Errorf(understudy.KindRefused, "arming the gate: wal_level is minimal")
	}
	return nil
}

// signal lets the checkpointer and our own sender, and nobody else, read the configuration.
func (g *Gate) signal(ctx context.Context) error {
	rows, err := g.control.Query(ctx, `SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'
		UNION ALL SELECT pid FROM pg_stat_replication WHERE application_name = $1`, g.name)
	if err != nil {
		return err
	}
	pids, err := pgx.CollectRows(rows, pgx.RowTo[int32])
	if err != nil {
		return err
	}
	if len(pids) != 2 {
		return errGone("checkpointer, or no sender of the gate")
	}
	for _, pid := range pids {
		if err := syscall.Kill(int(pid), syscall.SIGHUP); err != nil {
			return understudy.Errorf(understudy.KindRefused, "arming the gate: telling process %d of the server to read its settings: %w", pid, err)
		}
	}
	return nil
}

// reset takes the setting off the disk; what processes have in memory stays.
func (g *Gate) reset(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if g.control.IsClosed() {
		conn, err := dial(ctx, g.spec.URL, "understudy gate", "local")
		if err != nil {
			return err
		}
		g.control = conn
	}
	_, err := g.control.Exec(ctx, "ALTER SYSTEM RESET synchronous_standby_names")
	return err
}

// disarm lets everybody go. The watchdog is sent away only when it is proved that nobody
// waits any more; otherwise it stays until it sees that itself.
func (g *Gate) disarm(ctx context.Context) {
	if g.dog == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	g.armed = false
	if _, err := g.control.Exec(ctx, "SELECT pg_reload_conf()"); err != nil {
		return
	}
	if came, err := g.probe(ctx, time.Now().Add(2*time.Second), passed); err == nil && came == passed {
		g.dog.sendAway(ctx, g.control)
	}
}
