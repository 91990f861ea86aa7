package follow

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres"
	"understudy/internal/postgres/replication"
)

// Prepared is a slot in the making of a live twin: the copy has to be of Snapshot, and the
// stream goes on from there. The snapshot lasts until Close.
type Prepared struct {
	Snapshot string // what logical.Spec.Snapshot takes
	At       replication.LSN
	spec     Spec
	conn     *replication.Conn
	census   census // as of Snapshot
	passing  bool   // the slot ends with conn, and nothing else was made for it
	joined   bool
}

// Prepare makes what following needs on production, before the copy: the slot and, if
// spec says so, the publication. When something is missing there that the follower does
// not make, or a column cannot be followed, nothing is made, and an error of KindRefused
// names all of it with the statements that help.
//
// What an earlier follower of the same name left is replaced, unless that one is running
// (KindConflict). A copy that somebody followed under this name is stale from here on.
func Prepare(ctx context.Context, spec Spec) (*Prepared, error) {
	spec, err := spec.complete()
	if err != nil {
		return nil, err
	}
	source, err := postgres.OpenReader(ctx, spec.Source, spec.application())
	if err != nil {
		return nil, err
	}
	defer postgres.CloseConn(ctx, source)
	if err := checkReady(ctx, source, spec); err != nil {
		return nil, err
	}
	if _, err := readTables(ctx, source, spec); err != nil { // refuses what cannot be masked
		return nil, err
	}
	if err := checkTarget(ctx, spec); err != nil {
		return nil, err
	}
	if err := dropLeft(ctx, source, spec); err != nil {
		return nil, err
	}
	if spec.Publish {
		if err := publish(ctx, source, spec); err != nil {
			return nil, err
		}
	}
	return makeSlot(ctx, source, spec)
}

// makeSlot makes the slot last: whatever was refused before has left nothing behind.
func makeSlot(ctx context.Context, source *pgx.Conn, spec Spec) (*Prepared, error) {
	made, err := openSlot(ctx, spec, replication.SlotSpec{Name: spec.slot(), Mode: replication.Logical, Export: true})
	if err != nil {
		return nil, errors.Join(err, unpublish(ctx, source, spec))
	}
	return made, nil
}

// openSlot makes a slot and looks at what production is at its moment.
func openSlot(ctx context.Context, spec Spec, as replication.SlotSpec) (*Prepared, error) {
	conn, err := replication.Dial(ctx, spec.Source, spec.application(), replication.Logical)
	if err != nil {
		return nil, err
	}
	waiting, cancel := context.WithTimeout(ctx, spec.SlotWait)
	defer cancel()
	slot, err := conn.CreateSlot(waiting, as)
	if err != nil {
		conn.Close(ctx)
		if waiting.Err() != nil && ctx.Err() == nil {
			err = understudy.Errorf(understudy.KindUnavailable, "making replication slot %s: a transaction on production was open for longer than %s, and a slot waits for all that write", as.Name, spec.SlotWait).
				WithHint("find it with SELECT pid, xact_start FROM pg_stat_activity WHERE backend_xid IS NOT NULL ORDER BY 2, and try again when it is over")
		}
		return nil, err
	}
	made := &Prepared{Snapshot: slot.Snapshot, At: slot.At, spec: spec, conn: conn, passing: as.Temporary}
	m, err := postgres.JoinMoment(ctx, spec.Source, spec.application(), slot.Snapshot)
	if err == nil {
		made.census, err = readCensus(ctx, m, spec.Masks)
		m.Close(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, made.Close(ctx))
	}
	return made, nil
}

// Joined notes in the twin's server that its database is a copy of the snapshot, so that
// Run goes on from there. It is called once the copy is whole.
func (p *Prepared) Joined(ctx context.Context) error {
	target, err := openTarget(ctx, p.spec)
	if err != nil {
		return err
	}
	defer postgres.CloseConn(ctx, target)
	if err := noteRelations(ctx, target, p.census.relations); err != nil {
		return err
	}
	if err := resetOrigin(ctx, target, p.spec, p.At); err != nil {
		return err
	}
	p.joined = true
	return nil
}

// Close lets go of the snapshot. Unless Joined was called, it also takes away what Prepare
// made on production, so that nothing there keeps its log for a copy that never was.
func (p *Prepared) Close(ctx context.Context) error {
	p.conn.Close(ctx)
	if p.joined || p.passing {
		return nil
	}
	return Forget(context.WithoutCancel(ctx), p.spec)
}

// Forget takes away on production what Prepare made there. What is gone already is fine;
// a follower that is running makes it an error of KindConflict.
func Forget(ctx context.Context, spec Spec) error {
	spec, err := spec.withoutMasks()
	if err != nil {
		return err
	}
	source, err := postgres.OpenReader(ctx, spec.Source, spec.application())
	if err != nil {
		return err
	}
	defer postgres.CloseConn(ctx, source)
	if err := dropLeft(ctx, source, spec); err != nil {
		return err
	}
	return unpublish(ctx, source, Spec{Name: spec.Name, Publish: true})
}

// dropLeft drops the slot of this name that nobody reads.
func dropLeft(ctx context.Context, source *pgx.Conn, spec Spec) error {
	doing := "dropping the earlier replication slot " + spec.slot()
	state, err := readSlot(ctx, source, spec)
	switch {
	case err != nil:
		return err
	case !state.Exists:
		return nil
	case state.Active:
		return understudy.Errorf(understudy.KindConflict, "%s: a follower reads it", doing).
			WithHint("stop that follower, or give this one another name")
	}
	if _, err := source.Exec(ctx, "SELECT pg_drop_replication_slot($1)", spec.slot()); err != nil {
		return postgres.ReadError(doing, err)
	}
	return nil
}

// publish makes the publication: table by table, as one of all tables would make
// production refuse changes to every table that gets no key in the future.
func publish(ctx context.Context, source *pgx.Conn, spec Spec) error {
	doing := "making publication " + spec.slot()
	if err := unpublish(ctx, source, spec); err != nil {
		return err
	}
	tables, err := list(ctx, source, doing, followedQuery(`format('%I.%I', n.nspname, c.relname)`, `true`))
	if err != nil {
		return err
	}
	statement := "CREATE PUBLICATION " + spec.slot()
	if len(tables) > 0 {
		statement += " FOR TABLE ONLY " + strings.Join(tables, ", ONLY ")
	}
	return asOwner(ctx, source, doing, statement)
}

// publishMore adds the tables that are new since the publication was made.
func publishMore(ctx context.Context, source *pgx.Conn, spec Spec) error {
	if !spec.Publish {
		return nil
	}
	doing := "adding tables to publication " + spec.slot()
	tables, err := list(ctx, source, doing, followedQuery(`format('%I.%I', n.nspname, c.relname)`, unpublishedTable), spec.slot())
	if err != nil || len(tables) == 0 {
		return err
	}
	return asOwner(ctx, source, doing, "ALTER PUBLICATION "+spec.slot()+" ADD TABLE ONLY "+strings.Join(tables, ", ONLY "))
}

// asOwner runs what only the owner of the tables may, and waits for their locks no longer
// than a reader.
func asOwner(ctx context.Context, source *pgx.Conn, doing, statement string) error {
	locked := fmt.Sprintf("SET lock_timeout = %d; %s; RESET lock_timeout", postgres.ReaderLockTimeout.Milliseconds(), statement)
	if _, err := source.Exec(ctx, locked, pgx.QueryExecModeSimpleProtocol); err != nil {
		err := postgres.ReadError(doing, err)
		if understudy.KindOf(err) == understudy.KindRefused {
			return understudy.Errorf(understudy.KindRefused, "%s", err).WithHint("as the owner of the tables: %s;", statement)
		}
		return err
	}
	return nil
}

// unpublish drops the publication if it is the follower's own to make.
func unpublish(ctx context.Context, source *pgx.Conn, spec Spec) error {
	if !spec.Publish {
		return nil
	}
	var ours bool
	err := source.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_publication WHERE pubname = $1 AND pg_has_role(pubowner, 'USAGE'))", spec.slot()).Scan(&ours)
	if err == nil && ours {
		_, err = source.Exec(ctx, "DROP PUBLICATION IF EXISTS "+spec.slot())
	}
	if err != nil {
		return postgres.ReadError("dropping publication "+spec.slot(), err)
	}
	return nil
}
