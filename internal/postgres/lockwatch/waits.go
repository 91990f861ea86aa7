package lockwatch

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres/serverlog"
)

// logged is what the server's log tells of waits and errors.
type logged struct {
	reader *serverlog.Reader
	from   time.Duration // waits shorter than this are not logged
	note   string        // why the log cannot be read; empty: it can
	silent bool          // it does not say who holds a lock

	open   map[int32]*loggedWait
	ended  []*loggedWait
	errors serverlog.Errors
}

// loggedWait is one wait of one session.
type loggedWait struct {
	pid          int32
	who          string
	mine         bool // the migration waited
	since, until time.Time
	mode         string
	what         serverlog.Waited
	table        string
	holders      []int32
	behind       string
	by           int32 // the session of the migration that was waited for; 0: none
	queued       bool
	statement    string
	ofBy         string
}

const logSettings = `SELECT current_setting('log_line_prefix'), current_setting('lc_messages'), current_setting('log_timezone'),
	current_setting('log_lock_waits') = 'on', current_setting('log_error_verbosity') = 'terse', (SELECT setting::int FROM pg_settings WHERE name = 'deadlock_timeout')`

// openLog begins to read the server's log where it is such that it can be read.
func openLog(ctx context.Context, conn *pgx.Conn, path string) (*logged, error) {
	l := &logged{open: map[int32]*loggedWait{}}
	if path == "" {
		l.note = "waits were sampled: the server's log is not at hand"
		return l, nil
	}
	var prefix, language, zone string
	var waits bool
	var milliseconds int
	if err := conn.QueryRow(ctx, logSettings).Scan(&prefix, &language, &zone, &waits, &l.silent, &milliseconds); err != nil {
		return nil, err
	}
	l.from = time.Duration(milliseconds) * time.Millisecond
	english := slices.Contains([]string{"C", "POSIX", "C.UTF-8", "en_US.UTF-8", "en_US.utf8", "C.utf8"}, language)
	switch {
	case prefix != serverlog.Prefix || !slices.Contains([]string{"UTC", "GMT", "Etc/UTC"}, zone) || !english:
		l.note = "waits were sampled: the server writes its log in another form; it was started before this version, or with settings of its own"
	case !waits:
		l.note = "waits were sampled: log_lock_waits is off"
	default:
		var err error
		l.reader, err = serverlog.Open(path)
		return l, err
	}
	return l, nil
}

func (l *logged) close() {
	if l.reader != nil {
		_ = l.reader.Close() // opened for reading
	}
}

// size is how long the log is now, in bytes; -1: it is not read.
func (l *logged) size() int64 {
	if l.reader == nil {
		return -1
	}
	return l.reader.Size()
}

// read takes in what the log has got since the last time.
func (l *logged) read(ended bool, t *tally, database string) {
	if l.reader == nil {
		return
	}
	err := l.reader.Read(ended, func(e serverlog.Entry) { l.take(e, t, database) })
	if err != nil {
		l.note = "waits were sampled: " + err.Error()
		l.close()
		l.reader = nil
		return
	}
	if ended {
		for pid, w := range l.open { // it waits still
			w.until = t.last
			l.finish(pid)
		}
	}
}

func (l *logged) take(e serverlog.Entry, t *tally, database string) {
	who, known := t.people[e.PID]
	mine := known && who.migration
	if e.IsError() {
		if w := l.open[e.PID]; w != nil {
			w.until = e.At
			l.finish(e.PID)
		}
		switch {
		case mine:
			t.fails(who.leader, e.At)
		case e.Database == database:
			l.errors.Add(e)
		}
		return
	}
	wait, is := e.Wait()
	if !is || e.Database != database && wait.What.Database != t.database {
		return
	}
	w := l.open[wait.PID]
	if w == nil {
		w = l.begin(e, wait, t)
	}
	w.table = cmp.Or(w.table, wait.Table)
	w.until = e.At
	if wait.Over {
		w.until = w.since.Add(wait.For)
		l.finish(wait.PID)
	}
}

// begin opens a wait: who is in the way is told once, soon after it began.
func (l *logged) begin(e serverlog.Entry, wait serverlog.Wait, t *tally) *loggedWait {
	who := t.people[wait.PID]
	w := &loggedWait{pid: wait.PID, who: cmp.Or(joined(e.Role, e.Program), who.name()), mine: who.migration,
		since: e.At.Add(-wait.For), mode: wait.Mode, what: wait.What, holders: wait.Holders}
	if wait.What.Row {
		w.mode = rowMode
	}
	if !who.asked.After(w.since.Add(time.Millisecond)) {
		w.statement = withoutLiterals(who.statement)
	}
	for _, pid := range wait.Holders {
		if other, known := t.people[pid]; known && other.leader != who.leader {
			w.behind = other.known()
		}
	}
	w.by, w.queued = l.blame(wait, t)
	if w.by != 0 {
		w.ofBy = withoutLiterals(t.saying(t.people[w.by]))
	}
	l.open[wait.PID] = w
	return w
}

func joined(role, program string) string {
	if role == "" {
		return ""
	}
	return role + " " + program
}

// blame finds the session of the migration that is in the way: it holds the lock, waits for it
// earlier in the queue, or is in the way of who does.
func (l *logged) blame(wait serverlog.Wait, t *tally) (by int32, queued bool) {
	reached := map[int32]bool{wait.PID: true}
	line := slices.Clone(wait.Holders)
	if s, found := t.writing(wait.What.Transaction); found {
		return s, false
	}
	for ; len(line) > 0; line = line[1:] {
		if pid := line[0]; !reached[pid] {
			reached[pid] = true
			if t.people[pid].migration {
				return pid, false
			}
			if other := l.open[pid]; other != nil {
				line = append(line, other.holders...)
				if other.by != 0 {
					return other.by, other.queued
				}
			}
		}
	}
	for _, pid := range wait.Queue {
		if pid == wait.PID {
			break
		}
		if t.people[pid].migration {
			return pid, true
		}
		if other := l.open[pid]; other != nil && other.by != 0 {
			return other.by, other.queued
		}
	}
	return 0, false
}

func (l *logged) finish(pid int32) {
	l.ended = append(l.ended, l.open[pid])
	delete(l.open, pid)
}

// waitID is all waits that are reported as one.
type waitID struct {
	who, relation, wanted, statement, by string
	queued                               bool
}

// report writes out who waited for the migration: each wait that the log tells of, and
// those that were only sampled.
func (l *logged) report(seen *understudy.Observation, t *tally, of names) {
	kinds := map[waitID]understudy.ObservedWait{}
	add := func(id waitID, since time.Time, length time.Duration, by understudy.ObservedBy) {
		w := kinds[id]
		if w.Times == 0 || length > w.For {
			w.From, w.For = max(since.Sub(t.start), 0), length
		}
		w.Times++
		w.Total += length
		if !slices.Contains(w.SeenBy, by) {
			w.SeenBy = append(w.SeenBy, by)
			slices.Sort(w.SeenBy)
		}
		kinds[id] = w
	}
	for _, w := range merged(l.ended) {
		sampled := t.sampledOf(w)
		if w.mine {
			t.waited(w)
			continue
		}
		if w.by == 0 && sampled == nil {
			continue
		}
		id := waitID{w.who, of.waitedFor(w.what, w.table), w.mode, w.statement, w.ofBy, w.queued}
		if sampled != nil {
			id.relation, id.statement = cmp.Or(id.relation, of.called(sampled.relation)), cmp.Or(id.statement, sampled.statement)
			if w.by == 0 {
				id.by, id.queued = sampled.ofBy, sampled.queued
			}
		}
		add(id, w.since, w.until.Sub(w.since), understudy.ByLog)
	}
	for _, w := range t.waits {
		if !w.logged {
			add(waitID{w.who, of.called(w.relation), w.mode, w.statement, w.ofBy, w.queued}, w.since, max(w.last.Sub(w.since), 0), understudy.BySamples)
		}
	}
	for id, w := range kinds {
		w.Who, w.Relation, w.Wanted, w.Statement, w.By, w.Queued = id.who, id.relation, id.wanted, id.statement, id.by, id.queued
		seen.Waits = append(seen.Waits, w)
	}
	slices.SortFunc(seen.Waits, func(a, b understudy.ObservedWait) int {
		return cmp.Or(cmp.Compare(b.For, a.For), cmp.Compare(a.Relation, b.Relation), cmp.Compare(a.Statement, b.Statement), cmp.Compare(a.Who, b.Who))
	})
	seen.Errors = l.errors.All()
	l.exactness(seen)
}

func (l *logged) exactness(seen *understudy.Observation) {
	switch {
	case l.note != "":
		seen.Notes = append(seen.Notes, l.note)
	case l.silent:
		seen.Notes = append(seen.Notes, "who was in the way of whom was sampled: log_error_verbosity is terse")
	default:
		seen.Exact.Waits, seen.Exact.WaitsFrom = true, l.from
	}
}

// merged puts the waits for one row together: first for one's turn, then for who wrote it.
func merged(waits []*loggedWait) []*loggedWait {
	slices.SortStableFunc(waits, func(a, b *loggedWait) int {
		return cmp.Or(cmp.Compare(a.pid, b.pid), a.since.Compare(b.since))
	})
	var out []*loggedWait
	for _, w := range waits {
		if last := len(out) - 1; last >= 0 {
			before := out[last]
			if before.pid == w.pid && before.mode == rowMode && w.mode == rowMode && w.since.Sub(before.until) < 5*time.Millisecond {
				before.until = w.until
				before.by, before.ofBy = cmp.Or(before.by, w.by), cmp.Or(before.ofBy, w.ofBy)
				before.table = cmp.Or(before.table, w.table)
				before.what.Relation = cmp.Or(before.what.Relation, w.what.Relation)
				continue
			}
		}
		out = append(out, w)
	}
	return out
}

// waitedFor names the relation that a wait is about: by its number, or by the name of the
// table whose row was to be written.
func (n names) waitedFor(what serverlog.Waited, table string) string {
	return cmp.Or(n.called(what.Relation), n.named(table))
}
