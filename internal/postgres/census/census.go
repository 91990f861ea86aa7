package census

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/parity"
	"understudy/internal/postgres"
	"understudy/internal/postgres/plans"
)

// What a statement may take of a server that others work with, and how long it may wait
// for a lock that another session holds.
const (
	StatementTime = time.Second
	LockTime      = 500 * time.Millisecond
)

// Spec says how one database is looked at.
type Spec struct {
	// Plain tells which columns of a table may be looked at by value: neither masked nor
	// personal. Nil, and a column that is not in it: by shape.
	Plain func(columns []understudy.Column) map[string]bool
	// Print is the keyed digest of a value that is not shown: settings may hold secrets.
	Print func(name, value string) string
	// Statements is how many of the busiest are listed; 0: 25, below 0: none.
	Statements int
}

// Taken is what one pass found.
type Taken struct {
	parity.Database
	// Busiest are the statements that the server spent the most time on. Their texts
	// are for planning them, and go no further.
	Busiest []plans.Statement
	Tables  int
	Took    time.Duration
	// Longest is the statement that took longest, by what it read.
	Longest     time.Duration
	LongestRead string
}

// Take looks at the database that a connection is connected to. The connection must be
// outside a transaction, and is left as it was.
func Take(ctx context.Context, conn *pgx.Conn, spec Spec) (Taken, error) {
	p := newPass(ctx, spec)
	err := postgres.ReadGently(ctx, conn, "comparing the database", StatementTime, LockTime, p.readSettings, p.read)
	return p.done(), err
}

// TakeWithin looks at it as a transaction of the caller's sees it.
func TakeWithin(ctx context.Context, tx pgx.Tx, spec Spec) (Taken, error) {
	p := newPass(ctx, spec)
	err := postgres.Gently(ctx, tx, StatementTime, LockTime, p.readSettings, p.read)
	return p.done(), err
}

// pass is one pass in its making.
type pass struct {
	ctx   context.Context
	spec  Spec
	taken Taken
	began time.Time
	role  string // that looks
	major int
}

func newPass(ctx context.Context, spec Spec) *pass {
	if spec.Plain == nil {
		spec.Plain = func([]understudy.Column) map[string]bool { return nil }
	}
	if spec.Print == nil {
		spec.Print = func(string, string) string { return "(not shown)" }
	}
	if spec.Statements == 0 {
		spec.Statements = 25
	}
	return &pass{ctx: ctx, spec: spec, began: time.Now()}
}

func (p *pass) done() Taken {
	p.taken.Took = time.Since(p.began)
	return p.taken
}

// read is the pass, after the settings.
func (p *pass) read(tx pgx.Tx) error {
	for _, part := range []func(pgx.Tx) error{p.readObjects, p.readDatabase, p.readRoles, p.readRows, p.readSequences, p.readReplicas, p.readColumns, p.readBusiest} {
		if err := part(tx); err != nil {
			return err
		}
	}
	return nil
}

// attempt reads one thing with one statement. What the server refuses, or does not answer in
// time, is said and left out, and nothing is compared of the kinds that it is about.
func (p *pass) attempt(tx pgx.Tx, of string, kinds []string, read func(pgx.Tx) error) error {
	began := time.Now()
	err := postgres.Attempt(p.ctx, tx, read)
	if took := time.Since(began); took > p.taken.Longest {
		p.taken.Longest, p.taken.LongestRead = took, of
	}
	if err == nil || p.ctx.Err() != nil || tx.Conn().IsClosed() {
		return err
	}
	p.unseen(kinds, "%s: %s", of, why(err)) // such as a table that was dropped while it was read
	return nil
}

// why is an error in the words of a sentence about what was not seen.
func why(err error) string {
	switch understudy.KindOf(err) {
	case understudy.KindConflict:
		return fmt.Sprintf("another session held a lock for %s", LockTime)
	case understudy.KindUnavailable:
		return fmt.Sprintf("the server did not answer within %s", StatementTime)
	}
	return err.Error()
}

func (p *pass) unseen(kinds []string, format string, args ...any) {
	p.taken.Unseen = append(p.taken.Unseen, parity.Unseen{Kinds: kinds, Sentence: fmt.Sprintf(format, args...)})
}

// grantee is the role that looks, as SQL writes it.
func (p *pass) grantee() string { return postgres.PlainName(p.role) }
