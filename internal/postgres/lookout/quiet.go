package lookout

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"understudy"
)

// Holder is somebody whose transaction stands in the way of a lock.
type Holder struct {
	Who      string // role, program and what it does: "notes web (idle in transaction)"
	Relation string
	Mode     string
	Age      time.Duration // of its transaction, as far as it is known
	Sure     bool          // Age is the server's word; else only that it was seen for so long
}

// Traffic is how busy a database is.
type Traffic struct {
	Holders []Holder // of locks that conflict with the wanted ones, the oldest first
	Active  int      // sessions at work, of those that may be seen
	Waiting int      // sessions that wait for a lock on one of the relations
}

const holdersQuery = `
SELECT l.relation, l.mode, l.granted, COALESCE(l.virtualtransaction, ''), l.pid IS NULL,
       COALESCE(a.usename, ''), COALESCE(a.application_name, ''), COALESCE(a.state, ''),
       COALESCE(extract(epoch FROM clock_timestamp() - a.xact_start), -1)::float8
FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'relation' AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
  AND l.relation = ANY ($1::bigint[]::oid[]) AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
  AND NOT (COALESCE(a.query, '') LIKE 'autovacuum:%' AND a.query NOT LIKE '%to prevent wraparound%')` // it gives way by itself

const activeQuery = `SELECT count(*) FROM pg_catalog.pg_stat_activity
WHERE datname = current_database() AND state = 'active' AND pid <> pg_catalog.pg_backend_pid()`

// Busy tells who holds locks that conflict with those wanted, by relation; partitions count
// as their table.
func (l *Lookout) Busy(ctx context.Context, wanted map[string]string) (Traffic, error) {
	var out Traffic
	var oids []int64
	for oid, r := range l.before.Relations {
		if wanted[r.Name] != "" || wanted[r.Of] != "" && strings.HasSuffix(r.Kind, "table") {
			oids = append(oids, int64(oid))
		}
	}
	still := map[string]bool{}
	err := l.bounded(ctx, lookFor, func(ctx context.Context) error {
		if err := l.conn.QueryRow(ctx, activeQuery, pgx.QueryExecModeExec).Scan(&out.Active); err != nil {
			return err
		}
		rows, err := l.conn.Query(ctx, holdersQuery, pgx.QueryExecModeExec, oids)
		if err != nil {
			return err
		}
		var oid uint32
		var mode, transaction, role, application, state string
		var granted, prepared bool
		var age float64
		_, err = pgx.ForEachRow(rows, []any{&oid, &mode, &granted, &transaction, &prepared, &role, &application, &state, &age}, func() error {
			r := l.before.Relations[oid]
			strongest := max(strength(wanted[r.Name]), strength(wanted[r.Of]))
			switch {
			case !granted:
				out.Waiting++
			case conflict(strength(mode), strongest):
				h := Holder{Who: name(session{role: role, application: application}), Relation: r.Name, Mode: mode, Age: time.Duration(age * float64(time.Second)), Sure: age >= 0}
				key := "t" + transaction
				still[key] = true
				out.Holders = append(out.Holders, l.aged(h, key, state, prepared))
			}
			return nil
		})
		return err
	})
	for key := range l.seen {
		if key[0] == 't' && !still[key] {
			delete(l.seen, key)
		}
	}
	slices.SortFunc(out.Holders, func(a, b Holder) int { return int(b.Age - a.Age) })
	return out, err
}

// aged fills in what the server does not tell of a holder: how long its transaction was seen.
func (l *Lookout) aged(h Holder, key, state string, prepared bool) Holder {
	switch {
	case prepared:
		h.Who, h.Age, h.Sure = "a prepared transaction", time.Hour, true
	case !h.Sure:
		if _, known := l.seen[key]; !known {
			l.seen[key] = time.Now()
		}
		h.Age = time.Since(l.seen[key])
	}
	if state != "" && state != "active" {
		h.Who += " (" + state + ")"
	}
	return h
}

func strength(mode string) int { return understudy.LockStrength(mode) }

// conflict tells whether two modes of table locks, by their strength, exclude each other.
func conflict(a, b int) bool {
	if a < 0 || b < 0 {
		return false
	}
	// By the server's table of conflicts; only SHARE does not exclude itself, and
	// SHARE UPDATE EXCLUSIVE excludes itself and what is above.
	excludes := [][]int{{7}, {6, 7}, {4, 5, 6, 7}, {3, 4, 5, 6, 7}, {2, 3, 5, 6, 7}, {2, 3, 4, 5, 6, 7}, {1, 2, 3, 4, 5, 6, 7}, {0, 1, 2, 3, 4, 5, 6, 7}}
	return slices.Contains(excludes[a], b)
}

// End ends the migration's sessions on the server, where it may, and says how many are
// left: a server goes on with a statement whose client has gone.
func (l *Lookout) End(ctx context.Context) (left int, err error) {
	err = l.bounded(ctx, 10*time.Second, func(ctx context.Context) error {
		for patience := 0; ; patience++ {
			if err := l.conn.QueryRow(ctx, `SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE `+mine, pgx.QueryExecModeExec, l.spec.ApplicationName).Scan(&left); err != nil {
				return err
			}
			if left == 0 || patience == 100 {
				return nil
			}
			if patience%10 == 0 {
				if _, err := l.conn.Exec(ctx, `SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE `+mine, pgx.QueryExecModeExec, l.spec.ApplicationName); err != nil {
					return fmt.Errorf("ending them: %w", err)
				}
			}
			select {
			case <-time.After(20 * time.Millisecond):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	})
	return left, err
}
