package follow

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"understudy"
)

// What is gathered before it goes to the twin in one piece.
const (
	batchStatements = 500
	batchBytes      = 1 << 20
)

// preparedAtMost bounds the statements that the twin's server keeps for the session.
const preparedAtMost = 2000

// batch gathers statements, sends them together and holds each to its outcome.
type batch struct {
	conn     *pgx.Conn
	prepared map[string]string // name by text
	sending  *pgconn.Batch
	expected []expectation
	bytes    int
}

// expectation is what a statement has to do.
type expectation struct {
	doing    string
	one      bool   // it changes one row
	relation uint32 // of the stream; 0: of none by itself
}

// misfit is a change of the stream that could not be made to a table of the twin.
type misfit struct {
	relation uint32
	err      error
}

func (m *misfit) Error() string { return m.err.Error() }
func (m *misfit) Unwrap() error { return m.err }

func newBatch(conn *pgx.Conn) *batch {
	return &batch{conn: conn, prepared: map[string]string{}, sending: &pgconn.Batch{}}
}

// add queues a statement that is run many times, and sends what is queued when that is much.
func (b *batch) add(ctx context.Context, s statement, e expectation) error {
	name, err := b.prepare(ctx, s.sql, e.doing)
	if err != nil {
		return err
	}
	b.sending.ExecPrepared(name, s.values, nil, nil)
	b.expected = append(b.expected, e)
	for _, v := range s.values {
		b.bytes += len(v)
	}
	if len(b.expected) >= batchStatements || b.bytes >= batchBytes {
		return b.flush(ctx)
	}
	return nil
}

// once queues a statement that is not worth preparing.
func (b *batch) once(sql, doing string) {
	b.sending.ExecParams(sql, nil, nil, nil, nil)
	b.expected = append(b.expected, expectation{doing: doing})
}

func (b *batch) prepare(ctx context.Context, sql, doing string) (string, error) {
	if name, known := b.prepared[sql]; known {
		return name, nil
	}
	if len(b.prepared) >= preparedAtMost {
		if err := b.flush(ctx); err != nil { // what is queued refers to them
			return "", err
		}
		if _, err := b.conn.Exec(ctx, "DEALLOCATE ALL", pgx.QueryExecModeSimpleProtocol); err != nil {
			return "", targetError(doing, err)
		}
		clear(b.prepared)
	}
	name := fmt.Sprintf("follow_%d", len(b.prepared))
	if _, err := b.conn.PgConn().Prepare(ctx, name, sql, nil); err != nil {
		return "", targetError(doing, err)
	}
	b.prepared[sql] = name
	return name, nil
}

// flush sends what is queued and waits for its outcome.
func (b *batch) flush(ctx context.Context) error {
	if len(b.expected) == 0 {
		return nil
	}
	sending, expected := b.sending, b.expected
	b.sending, b.expected, b.bytes = &pgconn.Batch{}, nil, 0
	results := b.conn.PgConn().ExecBatch(ctx, sending)
	done := 0
	var missed error
	for results.NextResult() {
		tag, err := results.ResultReader().Close()
		if err != nil {
			break // Close says it too
		}
		if e := expected[min(done, len(expected)-1)]; e.one && tag.RowsAffected() != 1 && missed == nil {
			missed = &misfit{e.relation, understudy.Errorf(understudy.KindConflict, "%s: the twin does not have the row that production changed, so it is not a copy of production any more", e.doing).
				WithHint("somebody wrote to the golden copy, or a mask gave a key another value than before: make a fresh copy")}
		}
		done++
	}
	if err := results.Close(); err != nil {
		e := expected[min(done, len(expected)-1)]
		return &misfit{e.relation, targetError(e.doing, err)}
	}
	return missed
}
