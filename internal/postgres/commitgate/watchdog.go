package commitgate

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres"
)

// watchdogName is what its session is known by.
const watchdogName = "understudy gate watchdog"

// turnKey keeps one gate at a time on a server: the watchdog holds this lock.
const turnKey = 7453121906411

// watchdog is a session that runs in the server until it sees that it is not needed.
type watchdog struct {
	conn *pgx.Conn
	done chan struct{}
}

// patrol is what it runs. Each look is a transaction of its own, so that it holds nothing
// back. It reloads the configuration only where the disk does not hold the setting, as the
// reload would give it to all processes otherwise; and it cancels the waiting of whoever
// waits longer than it should. The gate is over when the checkpointer, told to
// reload, has gone back to sleep and nobody waits. Then the sender is ended, too, which holds the log
// back and would stay for as long as a keeper that has stopped while the stream rested.
const patrol = `DO $patrol$
DECLARE
	waiting jsonb := '{}';
	reloaded timestamptz;
	calm int := 0;
	clean boolean;
BEGIN
	LOOP
		PERFORM pg_stat_clear_snapshot();
		SELECT coalesce(jsonb_object_agg(w.id, coalesce(waiting->w.id, to_jsonb(extract(epoch FROM clock_timestamp())))), '{}') INTO waiting
		FROM (SELECT pid || '/' || coalesce(backend_xid::text, '') AS id FROM pg_stat_activity WHERE wait_event = 'SyncRep') w;
		IF EXISTS (SELECT FROM pg_stat_replication WHERE application_name = 'GATE' AND reply_time > clock_timestamp() - interval '1 second') THEN
			calm := 0;
		ELSE
			IF reloaded IS NULL OR reloaded < clock_timestamp() - interval '1 second' THEN
				clean := NOT EXISTS (SELECT FROM pg_file_settings WHERE name = 'synchronous_standby_names' AND setting LIKE 'PREFIX%');
				IF clean THEN
					PERFORM pg_reload_conf();
				END IF;
				reloaded := clock_timestamp();
			END IF;
			PERFORM pg_cancel_backend(split_part(key, '/', 1)::int) FROM jsonb_each_text(waiting)
			WHERE value::numeric < extract(epoch FROM clock_timestamp())::numeric - 1;
			calm := CASE WHEN clean AND waiting = '{}' AND EXISTS (SELECT FROM pg_stat_activity
				WHERE backend_type = 'checkpointer' AND wait_event = 'CheckpointerMain') THEN calm + 1 ELSE 0 END;
			IF calm >= 10 THEN
				EXIT WHEN calm >= 100 OR NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = 'GATE');
				PERFORM pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = 'GATE';
			END IF;
		END IF;
		COMMIT;
		PERFORM pg_sleep(0.1);
		COMMIT;
	END LOOP;
	PERFORM pg_terminate_backend(pg_backend_pid()); -- whoever keeps the gate may never read again
END $patrol$`

// letWatch starts the watchdog, when that of an earlier gate has ended.
func letWatch(ctx context.Context, address, gate string) (*watchdog, error) {
	conn, err := dial(ctx, address, watchdogName, "local")
	if err != nil {
		return nil, err
	}
	w := &watchdog{conn: conn, done: make(chan struct{})}
	if err := w.takeTurn(ctx); err != nil {
		close(w.done)
		w.close(ctx)
		return nil, err
	}
	statement := strings.NewReplacer("GATE", gate, "PREFIX", postgres.GateName).Replace(patrol)
	go func() {
		defer close(w.done)
		_, _ = conn.PgConn().Exec(context.WithoutCancel(ctx), statement).ReadAll() // however it ends, it has ended
	}()
	return w, nil
}

func (w *watchdog) takeTurn(ctx context.Context) error {
	for limit := time.Now().Add(probing); ; {
		var mine bool
		if err := w.conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", int64(turnKey)).Scan(&mine); err != nil || mine {
			return err
		}
		if time.Now().After(limit) {
			return understudy.Errorf(understudy.KindConflict, "arming the gate: another one is open on this server")
		}
		select {
		case <-time.After(5 * nextTry):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// sendAway ends it, and waits until it is gone.
func (w *watchdog) sendAway(ctx context.Context, control *pgx.Conn) {
	if _, err := control.Exec(ctx, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND application_name = $2", int32(w.conn.PgConn().PID()), watchdogName); err != nil {
		return // it ends by itself
	}
	select {
	case <-w.done:
	case <-ctx.Done():
	}
}

// close leaves the session to itself: it goes on as long as it has to.
func (w *watchdog) close(ctx context.Context) {
	select {
	case <-w.done:
		_ = w.conn.Close(ctx) // it has ended
	default:
		_ = w.conn.PgConn().Conn().Close() // without a word, which would end it
	}
}
