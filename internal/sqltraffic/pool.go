package sqltraffic

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"understudy"
	"understudy/internal/load"
)

// Pool is an application's connections to a database, with its statements prepared on each.
type Pool struct {
	db         *sql.DB
	statements []Statement
	weights    float64
	say        func(error) string
	free       chan *conn
}

// conn is one connection that is kept. It belongs to whoever took it from the pool.
type conn struct {
	raw      *sql.Conn
	prepared []*sql.Stmt
}

// Open opens connections and prepares every statement on each. Say puts an error of the
// database in a few words without values; what it cannot say is empty. A statement that
// cannot be prepared is an error of KindInvalid that names it. The pool takes db over.
func Open(ctx context.Context, db *sql.DB, statements []Statement, connections int, say func(error) string) (*Pool, error) {
	p := &Pool{db: db, statements: statements, say: say, free: make(chan *conn, connections)}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	for _, s := range statements {
		p.weights += s.Weight
	}
	for range connections {
		c, err := p.connect(ctx)
		if err != nil {
			return nil, errors.Join(err, p.Close())
		}
		p.free <- c
		for i, s := range statements {
			if _, err := c.statement(ctx, i, s.SQL); err != nil {
				return nil, errors.Join(understudy.Errorf(understudy.KindInvalid, "preparing %s of the traffic: %s", s.Name, p.words(err)), p.Close())
			}
		}
	}
	return p, nil
}

// Close ends the connections. Nothing may use the pool any more.
func (p *Pool) Close() error {
	for {
		select {
		case c := <-p.free:
			c.close()
		default:
			return p.db.Close()
		}
	}
}

func (p *Pool) connect(ctx context.Context) (*conn, error) {
	raw, err := p.db.Conn(ctx)
	if err != nil {
		return nil, understudy.Errorf(understudy.KindUnavailable, "connecting for traffic: %s", p.words(err))
	}
	return &conn{raw: raw, prepared: make([]*sql.Stmt, len(p.statements))}, nil
}

// statement prepares a statement where it is not, and keeps it.
func (c *conn) statement(ctx context.Context, i int, text string) (*sql.Stmt, error) {
	var err error
	if c.prepared[i] == nil {
		c.prepared[i], err = c.raw.PrepareContext(ctx, text)
	}
	return c.prepared[i], err
}

func (c *conn) close() {
	for _, s := range c.prepared {
		if s != nil {
			_ = s.Close() // the connection ends with it
		}
	}
	_ = c.raw.Close()
}

// Choose picks a statement by its weight, for [load.NewActs].
func (p *Pool) Choose(random *rand.Rand) load.Act {
	at, chosen := random.Float64()*p.weights, len(p.statements)-1
	for i, s := range p.statements {
		if at -= s.Weight; at < 0 {
			chosen = i
			break
		}
	}
	args := p.statements[chosen].args(random)
	return load.Act{Label: p.statements[chosen].Name, Do: func(ctx context.Context) string { return p.run(ctx, chosen, args) }}
}

// run runs a statement on the next free connection. Waiting for one is part of its time,
// as it is in an application.
func (p *Pool) run(ctx context.Context, chosen int, args []any) string {
	var c *conn
	select {
	case c = <-p.free:
	case <-ctx.Done():
		return "no free connection"
	}
	defer func() { p.free <- c }()
	err := p.play(ctx, c, chosen, args)
	if err == nil {
		return ""
	}
	said := p.words(err)
	if c.raw.PingContext(ctx) != nil {
		c = p.again(c)
	}
	return said
}

// again opens a connection in the place of one that broke. Where that is not to be had
// now, the broken one stays, and it is tried again the next time.
func (p *Pool) again(broken *conn) *conn {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	broken.close()
	if fresh, err := p.connect(ctx); err == nil {
		return fresh
	}
	return broken
}

func (p *Pool) play(ctx context.Context, c *conn, chosen int, args []any) error {
	statement, err := c.statement(ctx, chosen, p.statements[chosen].SQL)
	if err != nil {
		return err
	}
	if p.statements[chosen].Undo {
		return undone(ctx, c.raw, statement, args)
	}
	return drain(statement.QueryContext(ctx, args...))
}

// undone runs a statement in a transaction and rolls it back.
func undone(ctx context.Context, raw *sql.Conn, statement *sql.Stmt, args []any) error {
	tx, err := raw.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	err = drain(tx.StmtContext(ctx, statement).QueryContext(ctx, args...))
	if back := tx.Rollback(); err == nil && !errors.Is(back, sql.ErrTxDone) {
		err = back
	}
	return err
}

// drain reads an answer to its end.
func drain(rows *sql.Rows, err error) error {
	if err != nil {
		return err
	}
	for rows.Next() {
	}
	return errors.Join(rows.Err(), rows.Close())
}

func (p *Pool) words(err error) string {
	if said := p.say(err); said != "" {
		return said
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return "timeout"
	case errors.Is(err, sql.ErrConnDone):
		return "connection closed"
	}
	return fmt.Sprintf("no answer (%T)", err)
}
