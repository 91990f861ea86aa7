package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/bench/figures"
)

// sessions is what the migration's sessions are known by.
const sessions = "understudy-migration"

// migrating opens a session as a migration's are: under their name, and gated.
func (b *bench) migrating(ctx context.Context, database string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(b.server.AdminURL(database))
	if err != nil {
		return nil, err
	}
	config.RuntimeParams["application_name"] = sessions
	config.RuntimeParams["synchronous_commit"] = "remote_apply"
	return pgx.ConnectConfig(ctx, config)
}

// locks runs short ADD COLUMNs, each on a table of its own, and counts how many of their
// locks against everything were seen: at the gate, and in the log.
func (b *bench) locks(ctx context.Context) (err error) {
	const database = "locks"
	if _, err := b.server.EnsureDatabase(ctx, database, "", nil); err != nil {
		return err
	}
	conn, err := b.migrating(ctx, database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	for n := range b.tables {
		if _, err := conn.Exec(ctx, fmt.Sprintf("CREATE TABLE t%d AS SELECT g AS id FROM generate_series(1, 100) g", n)); err != nil {
			return err
		}
	}
	watch, err := b.watch(ctx, database)
	if err != nil {
		return err
	}
	for n := range b.tables {
		if _, err := conn.Exec(ctx, fmt.Sprintf("ALTER TABLE t%d ADD COLUMN added int", n)); err != nil {
			return err
		}
	}
	seen, err := watch.Stop(ctx)
	if err != nil {
		return err
	}
	for _, by := range []struct {
		source understudy.ObservedBy
		metric string
	}{{understudy.ByGate, "ACCESS EXCLUSIVE locks of short ADD COLUMNs seen at the gate"}, {understudy.ByLog, "the same, in the write-ahead log"}, {understudy.BySamples, "the same, by samples every 10 ms"}} {
		least := float64(b.tables)
		if by.source == understudy.BySamples {
			least = 0 // told for comparison
		}
		b.note(figures.Alone(by.metric, float64(exclusive(seen, by.source)), fmt.Sprintf("of %d", b.tables), 0, least))
	}
	return nil
}

// exclusive counts the relations whose lock against everything was seen in one way.
func exclusive(seen understudy.Observation, by understudy.ObservedBy) int {
	relations := map[string]bool{}
	for _, l := range seen.Locks {
		if l.Mode == "AccessExclusiveLock" && l.Kind == "table" && !l.New && slices.Contains(l.SeenBy, by) {
			relations[l.Relation] = true
		}
	}
	return len(relations)
}
