package lockwatch

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"understudy"
)

// tally adds up what was seen of locks and statements. It is pure: it learns everything
// from the sights, and from what the log says of the transactions that it holds.
type tally struct {
	holding map[lockKey]*holding
	waiting map[lockKey]*holding
	blocked map[waitKey]wait

	locks      map[lockID]understudy.ObservedLock
	statements []*statement
	current    map[int32]*statement // the last of each session
	numbers    map[int32]int        // of the migration's sessions, from 1, by the process that leads
	people     map[int32]session    // whoever was seen, as last seen
	spoken     map[int32]string     // of the migration's sessions: the last statement that did something
	writers    map[uint32]int32     // the migration's transactions, and whose they are
	waits      []*sampledWait       // that have ended
	own        []*loggedWait        // of the migration
	commits    []commit

	transactions map[string]int // the migration's, by virtual number, from 1

	database uint32
	start    time.Time
	gated    bool // every commit of the migration is held
	gap      time.Duration
	last     time.Time
	sized    time.Time
}

// lockKey is one holding of one lock.
type lockKey struct {
	pid         int32
	transaction string
	relation    uint32
	mode        string
}

// lockID is all holdings that are reported as one.
type lockID struct {
	session   int
	relation  uint32
	mode      string
	statement string
	aborted   bool
}

// holding is from the first to the last sight of a lock.
type holding struct {
	first, last time.Time // when it was surely held: after a look, and before one
	touched     time.Time // the last look that showed it
	statement   string
	transaction uint32
	begun       time.Time // its transaction
	committed   time.Time // held at the gate then
	seen        map[understudy.ObservedBy]bool
	waited      time.Duration
	behind      string
	aborted     bool
}

// commit is one of the migration's, held at the gate.
type commit struct {
	at        time.Time
	relations []uint32 // on which it held any lock
}

type statement struct {
	understudy.ObservedStatement
	pid         int32
	from, until time.Time
}

func newTally(database uint32, start time.Time, gated bool) *tally {
	return &tally{
		holding: map[lockKey]*holding{}, waiting: map[lockKey]*holding{}, blocked: map[waitKey]wait{},
		locks: map[lockID]understudy.ObservedLock{}, current: map[int32]*statement{}, numbers: map[int32]int{}, people: map[int32]session{}, spoken: map[int32]string{}, writers: map[uint32]int32{}, transactions: map[string]int{}, database: database, start: start, gated: gated,
	}
}

func (t *tally) wantsSize(at time.Time) bool {
	if at.Sub(t.sized) < sizeEvery {
		return false
	}
	t.sized = at
	return true
}

// add takes in one look: what is seen again goes on, what is not seen any more has ended.
func (t *tally) add(seen sight) {
	if !t.last.IsZero() {
		t.gap = max(t.gap, seen.at.Sub(t.last))
	}
	t.last = seen.at
	t.meet(seen)
	for _, l := range seen.locks {
		t.addLock(seen, l, understudy.BySamples)
	}
	for pid, s := range seen.sessions {
		if !s.migration && len(s.blockers) > 0 {
			t.addWait(seen, pid, s)
		}
	}
	t.carryOn(seen)
	t.close(seen.from, seen.at)
}

// held takes in a look that was taken while commits of the migration were held. exclusive
// says what the log tells that each transaction has locked against everything.
func (t *tally) held(seen sight, exclusive map[uint32][]uint32) (missing []uint32) {
	t.meet(seen)
	for transaction, relations := range exclusive {
		holder, found := seen.writer(transaction)
		if !found {
			missing = append(missing, transaction)
			continue
		}
		t.commit(seen, holder, relations)
	}
	return missing
}

// writer is the session of the migration that runs a transaction.
func (s sight) writer(transaction uint32) (session, bool) {
	for _, one := range s.sessions {
		if one.transaction == transaction && one.migration {
			return one, true
		}
	}
	return session{}, false
}

func (t *tally) commit(seen sight, holder session, exclusive []uint32) {
	made := commit{at: seen.at}
	for _, l := range seen.locks {
		if seen.sessions[l.pid].leader != holder.leader || !l.granted || l.kind != "relation" || l.relation < firstUserOID {
			continue
		}
		if h := t.addLock(seen, l, understudy.ByGate); h != nil {
			h.committed, h.transaction = seen.at, holder.transaction
			if holder.asked.Equal(holder.begun) && !endsTransaction(holder.statement) { // one statement is all of it
				h.statement = holder.statement
			}
			if l.mode == exclusiveMode && slices.Contains(exclusive, l.relation) {
				h.seen[understudy.ByLog] = true
			}
		}
		made.relations = append(made.relations, l.relation)
	}
	for _, relation := range exclusive { // given back before the end
		if !slices.ContainsFunc(seen.locks, func(l lockSight) bool {
			return l.relation == relation && l.mode == exclusiveMode && seen.sessions[l.pid].leader == holder.leader
		}) {
			t.early(seen.at, holder, relation)
			made.relations = append(made.relations, relation)
		}
	}
	t.commits = append(t.commits, made)
	if s := t.current[holder.leader]; s != nil {
		s.Commits = true
	}
}

// early adds a lock that the log alone tells of: a transaction had it, and at its end no more.
func (t *tally) early(at time.Time, holder session, relation uint32) {
	t.fold(lockKey{pid: holder.leader, relation: relation, mode: exclusiveMode}, &holding{
		first: at, last: at, statement: t.saying(holder), begun: holder.begun, committed: at, transaction: holder.transaction,
		seen: map[understudy.ObservedBy]bool{understudy.ByLog: true},
	})
}

const exclusiveMode = "AccessExclusiveLock"

// meet takes in who is there and what they say.
func (t *tally) meet(seen sight) {
	for pid, s := range seen.sessions {
		t.people[pid] = s
		if s.migration && s.transaction != 0 {
			t.writers[s.transaction] = s.leader
		}
		if s.migration && s.pid == s.leader {
			t.says(s, seen.at)
		}
	}
}

// says takes in the statement of one of the migration's sessions. The server tells when it
// began, and of a session that is idle when it ended.
func (t *tally) says(s session, at time.Time) {
	if t.numbers[s.leader] == 0 {
		t.numbers[s.leader] = len(t.numbers) + 1
	}
	if s.asked.IsZero() || s.asked.Before(t.start) && s.state != "active" {
		return
	}
	if !endsTransaction(s.statement) {
		t.spoken[s.leader] = s.statement
	}
	now := t.current[s.leader]
	if now == nil || !now.from.Equal(s.asked) {
		now = &statement{pid: s.leader, from: s.asked}
		now.Session, now.Text = t.numbers[s.leader], withoutLiterals(s.statement)
		t.current[s.leader] = now
		t.statements = append(t.statements, now)
	}
	now.until = at
	if s.state != "active" {
		now.until = s.changed
	}
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// saying is what a session's lock is put down to: its statement, or, while it ends its
// transaction, the one before.
func (t *tally) saying(s session) string {
	if leader, known := t.people[s.leader]; known {
		s = leader
	}
	if !endsTransaction(s.statement) {
		return s.statement
	}
	return cmp.Or(t.spoken[s.leader], s.statement)
}

// endsTransaction tells the statements that are not what a lock was taken for.
func endsTransaction(statement string) bool {
	word, _, _ := strings.Cut(strings.TrimRight(strings.TrimSpace(statement), ";"), " ")
	return slices.Contains([]string{"COMMIT", "END", "ROLLBACK", "ABORT", "BEGIN", "START", "RELEASE"}, strings.ToUpper(word))
}

func (t *tally) addLock(seen sight, l lockSight, by understudy.ObservedBy) *holding {
	holder := seen.sessions[l.pid]
	if !holder.migration || l.kind != "relation" || l.relation < firstUserOID {
		return nil
	}
	held, since := t.holding, seen.at
	if !l.granted {
		held = t.waiting
		if !l.since.IsZero() {
			since = l.since
		}
	}
	key := lockKey{holder.leader, l.transaction, l.relation, l.mode}
	h := held[key]
	if h == nil {
		h = &holding{first: since, statement: t.saying(holder), seen: map[understudy.ObservedBy]bool{}}
		held[key] = h
	}
	if endsTransaction(h.statement) {
		h.statement = t.saying(holder)
	}
	h.last, h.touched, h.seen[by] = maxTime(h.first, seen.from), seen.at, true
	h.begun = holder.begun
	h.transaction = cmp.Or(holder.transaction, h.transaction)
	if !l.granted {
		h.behind = t.behindWhom(seen, holder)
	}
	return h
}

// behindWhom names who holds a session of the migration up.
func (t *tally) behindWhom(seen sight, s session) string {
	for _, pid := range s.blockers {
		if other, known := seen.sessions[pid]; known && other.leader != s.leader {
			return other.known()
		}
	}
	return ""
}

// known names a session that holds others up, with what it is doing where that is nothing.
func (s session) known() string {
	name := s.name()
	if s.state == "idle in transaction" || s.state == "idle in transaction (aborted)" {
		name += ", idle in transaction"
	}
	return name
}

// close folds what a look did not show into the figures. What the gate saw since the look
// began may be held still.
func (t *tally) close(from, at time.Time) {
	for key, h := range t.waiting {
		if !h.touched.Before(from) {
			continue
		}
		delete(t.waiting, key)
		h.waited = max(h.last.Sub(h.first), 0)
		if got := t.holding[key]; got != nil {
			got.waited, got.behind = h.waited, h.behind
			continue
		}
		h.first = h.last // it was never got
		t.fold(key, h)
	}
	for key, h := range t.holding {
		if !h.touched.Before(from) {
			continue
		}
		delete(t.holding, key)
		h.aborted = t.gated && h.transaction != 0 && h.committed.IsZero()
		t.fold(key, h)
	}
	for key, w := range t.blocked {
		if !w.last.Equal(at) {
			delete(t.blocked, key)
			t.waits = append(t.waits, &sampledWait{waitKey: key, wait: w})
		}
	}
}

// closeAll ends the tally: nothing is looked at any more.
func (t *tally) closeAll() { t.close(t.last.AddDate(1, 0, 0), time.Time{}) }

// fold adds one holding to those that are reported as one: figures are of the longest.
func (t *tally) fold(key lockKey, h *holding) {
	id := lockID{session: t.numbers[key.pid], relation: key.relation, mode: key.mode, statement: withoutLiterals(h.statement), aborted: h.aborted}
	l := t.locks[id]
	held, most := max(h.last.Sub(h.first), 0), time.Duration(0)
	if !h.committed.IsZero() && !h.begun.IsZero() {
		most = max(held, h.committed.Sub(h.begun))
	}
	if l.Times == 0 || held > l.Held {
		l.From, l.Held = max(h.first.Sub(t.start), 0), held
	}
	l.HeldMost = max(l.HeldMost, most)
	l.Times++
	if h.waited > l.Waited {
		l.Waited, l.Behind = h.waited, h.behind
	}
	l.Aborted = h.aborted
	if n := t.numbered(key.transaction); n != 0 && len(l.Transactions) < mostTransactions {
		l.Transactions = append(l.Transactions, n)
	}
	for by := range h.seen {
		if !slices.Contains(l.SeenBy, by) {
			l.SeenBy = append(l.SeenBy, by)
		}
	}
	slices.Sort(l.SeenBy)
	t.locks[id] = l
}

// rolledBack adds what a transaction that was rolled back had locked against everything.
// Where it was sampled too, that is marked.
func (t *tally) rolledBack(relation uint32) {
	for id, l := range t.locks {
		if id.relation == relation && id.mode == exclusiveMode && id.aborted {
			if !slices.Contains(l.SeenBy, understudy.ByLog) {
				l.SeenBy = append([]understudy.ObservedBy{understudy.ByLog}, l.SeenBy...)
				t.locks[id] = l
			}
			return
		}
	}
	id := lockID{relation: relation, mode: exclusiveMode, aborted: true}
	l := t.locks[id]
	l.Times, l.Aborted, l.SeenBy = l.Times+1, true, []understudy.ObservedBy{understudy.ByLog}
	t.locks[id] = l
}

// mostTransactions bounds how many transactions are named with a lock.
const mostTransactions = 64

// numbered is the number of a transaction of the migration; 0 where it is not known which.
func (t *tally) numbered(transaction string) int {
	if transaction == "" {
		return 0
	}
	if t.transactions[transaction] == 0 {
		t.transactions[transaction] = len(t.transactions) + 1
	}
	return t.transactions[transaction]
}
