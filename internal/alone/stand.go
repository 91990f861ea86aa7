package alone

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"understudy"
	"understudy/internal/cli"
	"understudy/internal/laboratory"
	"understudy/internal/migration"
	"understudy/internal/rehearsal"
	"understudy/internal/sqltraffic"
)

// stand is a golden copy of a database, on this machine, from which others are made to try
// a migration on: what one engine has to know for that.
type stand interface {
	rehearsal.Ledger
	laboratory.Engine
	visited
	// address is where the command finds a copy.
	address(of rehearsal.Copy, ordered migration.Command) (address, error)
	// Close ends what runs.
	Close(ctx context.Context) error
}

// visited is a copy as an application uses it.
type visited interface {
	about() subject
	// usual are the statements of an application that is not known.
	usual(ctx context.Context) ([]sqltraffic.Statement, error)
	// database opens a copy as the application would.
	database(of rehearsal.Copy) (*sql.DB, error)
	// words are what the engine said to a statement of the traffic, without values.
	words(err error) string
}

// subject is what is rehearsed for.
type subject struct {
	name string // of the database
	role string // the command's; empty: the engine has none
}

// address is where a command finds a copy.
type address struct {
	url, password string
	path          string // of a file; empty: the engine has a server
	env           []string
}

// ending is a watch that ends.
type ending interface {
	Stop(ctx context.Context) (understudy.Observation, error)
}

// watching begins a watch; it is a migration.Watcher.
type watching func(ctx context.Context) (ending, error)

// Watch implements migration.Watcher.
func (w watching) Watch(ctx context.Context) (func(context.Context) (understudy.Observation, error), error) {
	begun, err := w(ctx)
	if err != nil {
		return nil, err
	}
	return begun.Stop, nil
}

// pause is the time between two looks at what is waited for.
func pause(ctx context.Context) error {
	timer := time.NewTimer(20 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// newStand copies the database by its engine.
func newStand(ctx context.Context, order cli.MigrationOrder, at place, tell func(string)) (stand, error) {
	kind, err := engine(order.Database)
	if err != nil {
		return nil, understudy.Errorf(understudy.KindInvalid, "--database: %w", err)
	}
	masks := understudy.Masks(func(string, []understudy.Column) (understudy.TableMasks, error) { return understudy.TableMasks{}, nil })
	copying := cli.TwinCopy{From: order.Database, Rules: order.Rules, Key: order.Key, Copying: order.Copying, NoProof: true}
	if !order.Unmasked {
		if masks, err = masksOf(copying); err != nil {
			return nil, err
		}
	}
	switch kind {
	case "mysql":
		return newMySQL(ctx, copying, masks, at, tell)
	case "sqlite":
		return newSQLite(ctx, copying, masks, at, tell)
	case "file":
		return nil, understudy.Errorf(understudy.KindInvalid, "--database: expected the address of a database that answers, found a folder")
	}
	return newPostgres(ctx, order, copying, masks, at, tell)
}

// physical is the name of a copy: the one that is worked on is called as production's is.
func (s subject) physical(of rehearsal.Copy) string {
	if of == rehearsal.Work {
		return s.name
	}
	return s.name + "_" + string(of)
}

// definitions are a schema as an engine lists it, for the ledger.
type definitions []string

func (d definitions) json() (json.RawMessage, error) { return json.Marshal(d) }

// compareDefinitions says in words how two schemas differ.
func compareDefinitions(before, after json.RawMessage) (changes []string, err error) {
	var a, b definitions
	if err := json.Unmarshal(before, &a); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(after, &b); err != nil {
		return nil, err
	}
	gone, fresh := understudy.DiffDefinitions(a, b)
	for _, line := range gone {
		changes = append(changes, line+" is gone")
	}
	for _, line := range fresh {
		changes = append(changes, line+" is there and was not")
	}
	return changes, nil
}

// silent is the witness of an engine that says nothing of others.
type silent struct{}

// Errors implements rehearsal.Witness.
func (silent) Errors(context.Context, rehearsal.Copy, time.Time, time.Time) ([]understudy.ObservedError, error) {
	return nil, nil
}

// Rate implements rehearsal.Witness.
func (silent) Rate(context.Context) (rehearsal.Rate, error) { return rehearsal.Rate{}, nil }

// Rows implements rehearsal.Examiner: rows are counted and not named.
func (silent) Rows(context.Context, rehearsal.Asked) (rehearsal.Rows, error) {
	return rehearsal.Rows{Keyless: true}, nil
}

// witnessed are those who can tell more of a stand, where its engine has them.
func witnessed(s stand) (rehearsal.Witness, rehearsal.Examiner) {
	witness, says := s.(rehearsal.Witness)
	if !says {
		witness = silent{}
	}
	examiner, compares := s.(rehearsal.Examiner)
	if !compares {
		examiner = silent{}
	}
	return witness, examiner
}
