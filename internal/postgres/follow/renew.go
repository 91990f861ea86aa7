package follow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres"
	"understudy/internal/postgres/replication"
)

// Renewal is the moment at which a new copy takes the place of one whose production has
// another schema by now. The new copy has to be of Snapshot: the tables that Earlier has are
// taken from there, all others from production. The stream goes on from there in the slot of
// the copy before, which is as it was, and stays so, until somebody puts the new one in its place.
type Renewal struct {
	*Prepared
	Earlier *postgres.Earlier
	Read    []string // the tables that production has to be read for, as messages write them
	Kept    int      // how many are not read
	Share   float64  // of production's bytes, that are read
	before  *applier
}

// Close lets go of the snapshot and of the copy before. What following needs on production stays.
func (r *Renewal) Close(ctx context.Context) error {
	r.before.close(ctx)
	return r.Prepared.Close(ctx)
}

// String says in a sentence what is read again.
func (r *Renewal) String() string {
	if len(r.Read) == 0 {
		return fmt.Sprintf("no table has to be read from production again: the rows of %d come from the copy before", r.Kept)
	}
	names := r.Read
	if len(names) > 8 {
		names = append(slices.Clone(names[:8]), fmt.Sprintf("and %d more", len(names)-8))
	}
	return fmt.Sprintf("%d of %d tables are read from production again, %.0f %% of its bytes: %s; the rows of the others come from the copy before",
		len(r.Read), len(r.Read)+r.Kept, 100*r.Share, strings.Join(names, ", "))
}

// Whole is why nothing of the copy before can be used: all of production has to be copied
// anew. It is in the chain of the error that Renew returns.
type Whole struct{ Why string }

func (w *Whole) Error() string { return w.Why }

func whole(format string, args ...any) error {
	return understudy.Errorf(understudy.KindConflict, "using the copy before: %w", &Whole{fmt.Sprintf(format, args...)}).
		WithHint("make a fresh copy of all of production")
}

// mostRead is the share of production's bytes above which a whole copy is the shorter way:
// it reads the rest as well, but from nobody's live copy.
const mostRead = 0.6

// Renew finds the moment for a new copy, at spec.Target, of a production whose schema has
// changed, or whose rules have, and brings earlier, the URL of the copy that was followed so
// far, to it: within a transaction that nobody ever commits. The changed tables are left out
// there. Nothing of the earlier copy is changed, and nothing on production but that the new
// tables are published; whatever ends it, it can be called again.
//
// An error of KindRefused says what production lacks, or which columns have no rule: once
// somebody has seen to it, Renew goes on from there. A [Whole] says that no part of the
// earlier copy helps.
func Renew(ctx context.Context, spec Spec, earlier string) (*Renewal, error) {
	spec, err := spec.complete()
	if err != nil {
		return nil, err
	}
	source, err := postgres.OpenReader(ctx, spec.Source, spec.application())
	if err != nil {
		return nil, err
	}
	defer postgres.CloseConn(ctx, source)
	if err := checkLog(ctx, source, spec); err != nil {
		return nil, err
	}
	if err := checkReady(ctx, source, spec); err != nil {
		return nil, err
	}
	if _, err := readTables(ctx, source, spec); err != nil { // refuses what has no rule
		return nil, err
	}
	if err := publishMore(ctx, source, spec); err != nil {
		return nil, err
	}
	r := &renewing{spec: spec, earlier: earlier, source: source, unfit: map[uint32]bool{}}
	if err := r.readEarlier(ctx); err != nil {
		return nil, err
	}
	return r.run(ctx)
}

// checkLog finds out whether production still has all that the copy before lacks.
func checkLog(ctx context.Context, source *pgx.Conn, spec Spec) error {
	slot, err := readSlot(ctx, source, spec)
	if err != nil {
		return err
	}
	if err := slot.usable(spec); err != nil {
		return whole("%s", err)
	}
	var published, room bool
	err = source.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_publication WHERE pubname = $1),
		(SELECT count(*) FROM pg_replication_slots) < current_setting('max_replication_slots')::int`, spec.Publication).Scan(&published, &room)
	switch {
	case err != nil:
		return postgres.ReadError("asking production what it has for the follower", err)
	case !published && spec.Publish:
		return whole("publication %s is gone from production", spec.Publication)
	case !room:
		return whole("all of production's replication slots are taken, and one more is needed for a moment")
	}
	return nil
}

// renewing is a Renew under way.
type renewing struct {
	spec    Spec
	earlier string
	source  *pgx.Conn
	prints  map[string]bool     // what the rows of the copy before rest on
	enums   map[string][]string // of the copy before
	unfit   map[uint32]bool     // tables for which the stream and the copy before do not go together
	kept    map[uint32]relation // by the number that the stream calls them by
	a       *applier
	in      *inflow
}

// readEarlier reads what the copy before was noted to rest on.
func (n *renewing) readEarlier(ctx context.Context) error {
	target, err := openTarget(ctx, n.before(nil))
	if err != nil {
		return err
	}
	defer postgres.CloseConn(ctx, target)
	var found bool
	if n.prints, found, err = readNote(ctx, target); err != nil {
		return err
	}
	if !found {
		return whole("nobody noted what its rows rest on")
	}
	n.enums, err = readEnums(ctx, target)
	return err
}

// before is the following of the copy before: only of its tables that are kept the rules
// are asked for, as those of others may be for columns of today.
func (n *renewing) before(kept map[uint32]relation) Spec {
	spec := n.spec
	spec.Target = n.earlier
	rules := map[string]bool{}
	for _, r := range kept {
		rules[r.rules] = true
	}
	spec.Masks = func(table string, columns []understudy.Column) (understudy.TableMasks, error) {
		if !rules[table] {
			return understudy.TableMasks{}, nil
		}
		return n.spec.Masks(table, columns)
	}
	return spec
}

// run tries until no table is left that does not go together with the stream.
func (n *renewing) run(ctx context.Context) (*Renewal, error) {
	for {
		made, err := n.attempt(ctx)
		if err == nil {
			return made, nil
		}
		n.close(ctx)
		odd := new(misfit)
		if !errors.As(err, &odd) || n.unfit[odd.relation] {
			return nil, err
		}
		n.unfit[odd.relation] = true
	}
}

func (n *renewing) close(ctx context.Context) {
	if n.in != nil {
		n.in.close(ctx)
		n.in = nil
	}
	if n.a != nil {
		n.a.close(ctx)
		n.a = nil
	}
}

// attempt takes the moment first: where both are on one server, a slot would wait for the
// transaction in the copy before.
func (n *renewing) attempt(ctx context.Context) (*Renewal, error) {
	made, err := openSlot(ctx, n.spec, replication.SlotSpec{Name: n.spec.slot() + "_moment", Mode: replication.Logical, Temporary: true, Export: true})
	if err != nil {
		return nil, err
	}
	renewal, err := n.reach(ctx, made)
	if err != nil {
		return nil, errors.Join(err, made.Close(ctx))
	}
	return renewal, nil
}

// keep finds the tables whose rows the copy before has: since it was made, nothing but the
// stream could have changed them.
func (n *renewing) keep(c census) map[uint32]relation {
	kept := map[uint32]relation{}
	for _, r := range c.relations {
		if r.followed && !n.unfit[r.oid] && n.prints[r.print()] && n.sameEnums(r, c.enums) {
			kept[r.oid] = r
		}
	}
	return kept
}

// sameEnums tells whether every label that rows can have means what it meant: labels that
// came behind the others are of no row of the copy before.
func (n *renewing) sameEnums(r relation, now map[string][]string) bool {
	for _, enum := range r.enums {
		was := n.enums[enum]
		if len(was) > len(now[enum]) || !slices.Equal(was, now[enum][:len(was)]) {
			return false
		}
	}
	return true
}

// reach brings the copy before to the snapshot.
func (n *renewing) reach(ctx context.Context, made *Prepared) (*Renewal, error) {
	n.kept = n.keep(made.census)
	if err := n.open(ctx); err != nil {
		return nil, err
	}
	if err := n.advance(ctx, made.At); err != nil {
		return nil, err
	}
	n.in.close(ctx)
	n.in = nil
	renewal := n.result(made)
	if renewal.Share > mostRead {
		return nil, whole("%.0f %% of production's bytes changed", 100*renewal.Share)
	}
	n.a = nil // it is the renewal's
	return renewal, nil
}

// open begins the transaction in the copy before, and the stream into it.
func (n *renewing) open(ctx context.Context) (err error) {
	err = patiently(ctx, func() error {
		n.a, err = openApplier(ctx, n.before(n.kept))
		return err
	})
	switch {
	case understudy.KindOf(err) == understudy.KindNotFound:
		return whole("%s", err)
	case err != nil:
		return err
	}
	slot, err := readSlot(ctx, n.source, n.spec)
	if err != nil {
		return err
	}
	if slot.Confirmed > n.a.applied {
		return whole("it stands at %s of production's log, and production sends nothing before %s any more", n.a.applied, slot.Confirmed)
	}
	n.a.begin()
	return patiently(ctx, func() error {
		n.in, err = openInflow(ctx, n.spec, n.a.applied)
		return err
	})
}

// patiently tries again for a while: a session of a follower that was killed may not have
// ended yet.
func patiently(ctx context.Context, act func() error) error {
	for began := time.Now(); ; {
		err := act()
		kind := understudy.KindOf(err)
		if kind != understudy.KindConflict && kind != understudy.KindUnavailable || errors.As(err, new(*Whole)) || time.Since(began) > patience {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (n *renewing) result(made *Prepared) *Renewal {
	r := &Renewal{Prepared: made, Earlier: &postgres.Earlier{Conn: n.a.conn, Tables: map[string]bool{}}, before: n.a}
	var read, bytes int64
	for _, t := range made.census.relations {
		bytes += t.bytes
		if _, kept := n.kept[t.oid]; kept {
			r.Earlier.Tables[t.quoted()] = true
			r.Kept++
			continue
		}
		r.Read = append(r.Read, t.name())
		read += t.bytes
	}
	if bytes > 0 {
		r.Share = float64(read) / float64(bytes)
	}
	return r
}
