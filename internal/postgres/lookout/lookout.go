package lookout

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres"
	"understudy/internal/postgres/lockwatch"
)

// Spec says what to look at.
type Spec struct {
	URL             string // of the database that is migrated
	ApplicationName string // of the migration's sessions
	// Before is what there was when the migration first began, where an interrupted one goes on;
	// nil: it begins now.
	Before *Before
}

// Before is what there is before a migration: what it makes itself is no matter of looking,
// and what it gives another name is known by the one that it had.
type Before struct {
	Relations map[uint32]Relation `json:"relations"` // by the server's own number
	Invalid   []string            `json:"invalid"`   // indexes that were so
}

// Lookout looks at one database. It is for one goroutine. A connection that was lost is
// made again with the next look.
type Lookout struct {
	spec   Spec
	conn   *pgx.Conn
	before Before
	seen   map[string]time.Time // when somebody's transaction, or wait, was first seen
}

// Sight is one look.
type Sight struct {
	Statement string // that the migration runs, without literals; empty: none is seen
	Locks     []Lock
	Waits     []understudy.ObservedWait // of others, for the migration or in the queue behind it
}

// Lock is a lock that the migration holds or waits for on a relation that was there before.
type Lock struct {
	Relation string // schema.table, by the name it had before
	Kind     string // "table", "index", …
	Of       string // the table of an index, the partitioned table of a partition
	Mode     string
	Waiting  bool
}

// lookFor bounds one look: production is not to be kept at work by whoever looks at it.
const lookFor = 2 * time.Second

// Open connects and remembers what there is before the migration. The caller closes it.
func Open(ctx context.Context, spec Spec) (*Lookout, error) {
	if spec.ApplicationName == "" {
		return nil, understudy.Errorf(understudy.KindInvalid, "looking at a migration: the application name of its sessions is not given")
	}
	l := &Lookout{spec: spec, seen: map[string]time.Time{}}
	err := l.bounded(ctx, 10*time.Second, func(ctx context.Context) (err error) {
		if spec.Before != nil {
			l.before = *spec.Before
			return nil
		}
		if l.before.Relations, err = l.relations(ctx); err != nil {
			return err
		}
		l.before.Invalid, err = l.invalidIndexes(ctx)
		return err
	})
	if err != nil {
		l.Close(ctx)
		return nil, err
	}
	return l, nil
}

// Before is what there was when the migration began.
func (l *Lookout) Before() Before { return l.before }

// Close ends the connection.
func (l *Lookout) Close(ctx context.Context) {
	if l.conn != nil {
		postgres.CloseConn(ctx, l.conn)
	}
}

// bounded lets act use the connection for so long, connecting anew where it was lost. No
// setting of the session is changed: it may be one that a pooler lends to others.
func (l *Lookout) bounded(ctx context.Context, limit time.Duration, act func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if l.conn == nil || l.conn.IsClosed() {
		conn, err := postgres.OpenReader(ctx, l.spec.URL, "understudy lookout")
		if err != nil {
			return err
		}
		l.conn = conn
	}
	if err := act(ctx); err != nil {
		return postgres.ReadError("looking at the migration", err)
	}
	return nil
}

// Blind says what cannot be seen with the rights of this connection; empty: nothing is hidden.
func (l *Lookout) Blind(ctx context.Context) (why string, err error) {
	var all bool
	err = l.bounded(ctx, lookFor, func(ctx context.Context) error {
		return l.conn.QueryRow(ctx, `SELECT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')`, pgx.QueryExecModeExec).Scan(&all)
	})
	if err == nil && !all {
		why = "what other roles run, and since when, is not seen with the rights of this connection (pg_read_all_stats would show it); their locks and waits are"
	}
	return why, err
}

const mine = `application_name = $1 AND datname = current_database()`

const sessionsQuery = `
SELECT pid, COALESCE(usename, ''), COALESCE(application_name, ''), left(COALESCE(query, ''), 8192), COALESCE(state, '') NOT LIKE 'idle%', ` + mine + `
FROM pg_catalog.pg_stat_activity
WHERE ` + mine + ` OR pid IN (SELECT pid FROM pg_catalog.pg_locks WHERE NOT granted)`

// locksQuery reads the start of a wait by way of JSON, as versions before 14 do not have it.
const locksQuery = `
SELECT pid, COALESCE(relation, 0), locktype, mode, granted, virtualtransaction,
       COALESCE(extract(epoch FROM clock_timestamp() - (to_jsonb(l) ->> 'waitstart')::timestamptz), -1)::float8,
       CASE WHEN granted THEN '{}' ELSE pg_catalog.pg_blocking_pids(pid) END
FROM pg_catalog.pg_locks l
WHERE pid IS NOT NULL AND (NOT granted OR locktype = 'relation' AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
      AND pid IN (SELECT pid FROM pg_catalog.pg_stat_activity WHERE ` + mine + `))`

type session struct {
	role, application, statement string
	active, mine                 bool
}

type heldLock struct {
	pid         int32
	relation    uint32
	kind, mode  string
	granted     bool
	transaction string
	waited      float64 // seconds; below zero: not told
	blockers    []int32
}

// Look takes one look.
func (l *Lookout) Look(ctx context.Context) (Sight, error) {
	sessions := map[int32]session{}
	var locks []heldLock
	err := l.bounded(ctx, lookFor, func(ctx context.Context) error {
		rows, err := l.conn.Query(ctx, locksQuery, pgx.QueryExecModeExec, l.spec.ApplicationName)
		if err != nil {
			return err
		}
		if locks, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (h heldLock, err error) {
			return h, row.Scan(&h.pid, &h.relation, &h.kind, &h.mode, &h.granted, &h.transaction, &h.waited, &h.blockers)
		}); err != nil {
			return err
		}
		// After the locks: so the statement that took one is seen with it.
		if rows, err = l.conn.Query(ctx, sessionsQuery, pgx.QueryExecModeExec, l.spec.ApplicationName); err != nil {
			return err
		}
		var pid int32
		var s session
		_, err = pgx.ForEachRow(rows, []any{&pid, &s.role, &s.application, &s.statement, &s.active, &s.mine}, func() error {
			sessions[pid] = s
			return nil
		})
		return err
	})
	return l.sight(sessions, locks), err
}

// sight puts what was read into words.
func (l *Lookout) sight(sessions map[int32]session, locks []heldLock) Sight {
	var out Sight
	for _, s := range sessions {
		if s.mine && s.active {
			out.Statement = lockwatch.WithoutLiterals(s.statement)
		}
	}
	blockers := map[int32][]int32{}
	for _, h := range locks {
		blockers[h.pid] = append(blockers[h.pid], h.blockers...)
	}
	waits := map[string]time.Time{}
	for _, h := range locks {
		switch holder, still := sessions[h.pid]; {
		case !still: // it has ended, or waits no longer
		case holder.mine && h.kind == "relation":
			if r, existed := l.before.Relations[h.relation]; existed {
				out.Locks = append(out.Locks, Lock{Relation: r.Name, Kind: r.Kind, Of: r.Of, Mode: h.mode, Waiting: !h.granted})
			}
		case !holder.mine && !h.granted:
			by, queued, found := behind(h.pid, sessions, blockers, locks)
			if found {
				out.Waits = append(out.Waits, l.wait(h, holder, sessions[by], queued, waits))
			}
		}
	}
	for key := range l.seen { // what is no longer waited for is forgotten
		if _, still := waits[key]; !still && key[0] == 'w' {
			delete(l.seen, key)
		}
	}
	return out
}

func (l *Lookout) wait(h heldLock, who, by session, queued bool, waits map[string]time.Time) understudy.ObservedWait {
	key := "w" + h.transaction + h.mode
	if _, known := l.seen[key]; !known {
		l.seen[key] = time.Now()
	}
	waits[key] = l.seen[key]
	w := understudy.ObservedWait{
		Who: name(who), Relation: l.before.Relations[h.relation].Name, Wanted: h.mode, Statement: lockwatch.WithoutLiterals(who.statement),
		By: lockwatch.WithoutLiterals(by.statement), For: time.Since(l.seen[key]), Times: 1, Queued: queued, SeenBy: []understudy.ObservedBy{understudy.BySamples},
	}
	if h.waited >= 0 {
		w.For = time.Duration(h.waited * float64(time.Second))
	}
	if h.kind != "relation" {
		w.Wanted = "row"
	}
	return w
}

func name(s session) string {
	if s.application == "" {
		return s.role
	}
	return s.role + " " + s.application
}

// behind finds a session of the migration that pid waits for, directly or in the queue of
// somebody who does. It is queued where that session only waits for its own lock.
func behind(pid int32, sessions map[int32]session, blockers map[int32][]int32, locks []heldLock) (by int32, queued, found bool) {
	reached := map[int32]bool{}
	for line := []int32{pid}; len(line) > 0; line = line[1:] {
		waiting := line[0]
		if reached[waiting] {
			continue
		}
		reached[waiting] = true
		for _, next := range blockers[waiting] {
			if sessions[next].mine {
				return next, !holdsAgainst(next, waiting, locks), true
			}
			line = append(line, next)
		}
	}
	return 0, false, false
}

// holdsAgainst tells whether one session has what another waits for. Who waits for a row
// waits for a transaction, which nobody can be in the queue of.
func holdsAgainst(by, waiting int32, locks []heldLock) bool {
	for _, wanted := range locks {
		switch {
		case wanted.pid != waiting || wanted.granted:
		case wanted.kind != "relation":
			return true
		case slices.ContainsFunc(locks, func(h heldLock) bool {
			return h.pid == by && h.granted && h.relation == wanted.relation && conflict(strength(h.mode), strength(wanted.mode))
		}):
			return true
		}
	}
	return false
}
