package logical

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"understudy/internal/postgres"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sync/errgroup"

	"understudy"
)

// streamBuffer is what is gathered of a table before it is handed to the target.
const streamBuffer = 256 << 10

// The ends of a stream tell each other that they stopped, and nothing more: what they
// say ends up in a server's log.
var (
	errSourceStopped = errors.New("the source stopped")
	errTargetStopped = errors.New("the target stopped")
)

// copyTables streams the tables, the biggest first, several at once, one ordered
// writer for each: rows keep the order in which production holds them.
func (c *copying) copyTables(ctx context.Context) error {
	done := &headway{tables: len(c.tables), report: c.spec.Progress}
	group, working := errgroup.WithContext(ctx)
	work := make(chan *copiedTable)
	group.Go(func() error {
		defer close(work)
		for _, i := range postgres.BiggestFirst(c.tables, func(t *copiedTable) int64 { return t.size }) {
			select {
			case work <- c.tables[i]:
			case <-working.Done():
				return nil
			}
		}
		return nil
	})
	for range min(c.spec.Parallel, len(c.tables)) {
		group.Go(func() error { return c.copySome(working, work, done) })
	}
	err := group.Wait()
	if err == nil {
		return nil
	}
	return done.soFar(err)
}

// copySome copies tables from the channel over one pair of connections.
func (c *copying) copySome(ctx context.Context, work <-chan *copiedTable, done *headway) error {
	target, err := openTarget(ctx, c.spec.Target)
	if err != nil {
		return err
	}
	defer postgres.CloseConn(ctx, target)
	return c.moment.Join(ctx, func(source pgx.Tx) error {
		for t := range work {
			if err := copyTable(ctx, source.Conn(), target, t, done); err != nil {
				return err
			}
		}
		return nil
	})
}

// copyTable streams one table. Emptying it in the same transaction lets the server
// write the rows frozen, and without WAL where its settings allow that.
func copyTable(ctx context.Context, source, target *pgx.Conn, t *copiedTable, done *headway) error {
	tx, err := target.Begin(ctx)
	if err != nil {
		return targetError(t, err)
	}
	defer postgres.Rollback(ctx, tx)
	if _, err := tx.Exec(ctx, "TRUNCATE ONLY "+t.quoted()); err != nil {
		return targetError(t, err)
	}
	loaded, err := stream(ctx, source, target, t, done)
	if err != nil {
		return err
	}
	if loaded != t.rows {
		return understudy.Errorf(understudy.KindInternal, "copying %s: %d rows were read and %d arrived", t.name(), t.rows, loaded)
	}
	if err := tx.Commit(ctx); err != nil {
		return targetError(t, err)
	}
	done.finished(t)
	return nil
}

// stream moves the rows from one COPY to the other, and tells how many arrived. Of two
// ends that stop, the one that stopped by itself has the reason.
func stream(ctx context.Context, source, target *pgx.Conn, t *copiedTable, done *headway) (int64, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	reader, writer := io.Pipe()
	rows := &rowWriter{out: bufio.NewWriterSize(writer, streamBuffer), table: t, moved: done.moving(t)}
	var reading errgroup.Group
	reading.Go(func() error {
		tag, err := source.PgConn().CopyTo(ctx, rows, "COPY "+t.list()+" TO STDOUT")
		if err == nil && (len(rows.partial) > 0 || tag.RowsAffected() != rows.rows) {
			err = understudy.Errorf(understudy.KindInternal, "copying %s: the source sent %d rows and %d came through", t.name(), tag.RowsAffected(), rows.rows)
		}
		if err == nil {
			err = rows.out.(*bufio.Writer).Flush()
		}
		if err != nil {
			writer.CloseWithError(errSourceStopped)
			return err
		}
		return writer.Close()
	})
	tag, targetErr := target.PgConn().CopyFrom(ctx, reader, "COPY "+t.list()+" FROM STDIN WITH (FREEZE)")
	reader.CloseWithError(errTargetStopped)
	sourceErr := reading.Wait()
	t.rows, t.bytes = rows.rows, rows.bytes
	switch {
	case sourceErr != nil && !errors.Is(sourceErr, errTargetStopped):
		return 0, sourceError(t, sourceErr)
	case targetErr != nil:
		return 0, targetError(t, targetErr)
	}
	return tag.RowsAffected(), nil
}

// sourceError says why reading a table stopped; an error of a mask passes as it is.
func sourceError(t *copiedTable, err error) error {
	if answer := new(pgconn.PgError); errors.As(err, &answer) {
		return postgres.ServerError(fmt.Sprintf("reading %s, after %d rows", t.name(), t.rows), answer)
	}
	if known := new(understudy.Error); errors.As(err, &known) {
		return err
	}
	return understudy.Errorf(understudy.KindUnavailable, "reading %s: the connection to the source was cut after %d rows: %w", t.name(), t.rows, err)
}

// copyContext finds the line and column in what the server says about a bad row; the
// rest of that text is the row.
var copyContext = regexp.MustCompile(`^COPY .*?, line (\d+)(?:, column ([^:]+))?`)

// targetError says why a table could not be written, without the value it stopped at.
func targetError(t *copiedTable, err error) error {
	answer := new(pgconn.PgError)
	if !errors.As(err, &answer) {
		return understudy.Errorf(understudy.KindUnavailable, "writing %s: the connection to the target was cut after %d rows: %w", t.name(), t.rows, err)
	}
	where := ""
	if found := copyContext.FindStringSubmatch(answer.Where); found != nil {
		where = ", row " + found[1]
		if found[2] != "" {
			where += ", column " + found[2]
		}
	}
	doing := "writing " + t.name() + where
	switch {
	case strings.HasPrefix(answer.Code, "23"):
		return understudy.Errorf(understudy.KindInvalid, "%s: the row breaks a rule of the table: %s", doing, postgres.SafeMessage(answer)).WithHint("%s", masksHint(t))
	case strings.HasPrefix(answer.Code, "22"):
		return understudy.Errorf(understudy.KindInvalid, "%s: the value does not fit: %s", doing, postgres.SafeMessage(answer)).WithHint("%s", masksHint(t))
	}
	return postgres.ServerError(doing, answer)
}

func masksHint(t *copiedTable) string {
	if len(t.masked) == 0 {
		return "no column of this table is masked: production itself holds a row that its rules would refuse today"
	}
	return "choose a mask that keeps the column's form; masked here: " + strings.Join(t.masked, ", ")
}
