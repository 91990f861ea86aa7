package replication

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"understudy"
	"understudy/internal/postgres"
)

// StartLogical begins to stream the changes of a slot that touch the tables of a
// publication, from a place on; the zero LSN is where the slot stands. A place before what
// was confirmed last is taken for that. Transactions come whole, in the order of their commits.
func (c *Conn) StartLogical(ctx context.Context, slot string, from LSN, publication string) error {
	if err := validName(slot); err != nil {
		return err
	}
	quoted := `"` + strings.ReplaceAll(publication, `"`, `""`) + `"`
	return c.start(ctx, slot, fmt.Sprintf(`START_REPLICATION SLOT %s LOGICAL %s (proto_version '%d', publication_names %s)`,
		slot, from, pgoutputVersion(c.Major()), postgres.QuoteText(quoted)))
}

// pgoutputVersion is the newest version of the plugin's messages that a server offers.
// Without options that nobody asked for, they are the same in all of them.
func pgoutputVersion(major int) int { return min(max(major-12, 1), 4) }

// StartPhysical begins to stream the server's log from a place on, on a timeline; an empty
// slot is none, and timeline 0 the server's current one.
func (c *Conn) StartPhysical(ctx context.Context, slot string, from LSN, timeline int) error {
	command := "START_REPLICATION "
	if slot != "" {
		if err := validName(slot); err != nil {
			return err
		}
		command += "SLOT " + slot + " "
	}
	command += "PHYSICAL " + from.String()
	if timeline > 0 {
		command += fmt.Sprintf(" TIMELINE %d", timeline)
	}
	return c.start(ctx, "of the log", command)
}

func (c *Conn) start(ctx context.Context, of, command string) error {
	doing := "starting replication " + of
	c.pg.Frontend().SendQuery(&pgproto3.Query{String: command})
	if err := c.pg.Frontend().Flush(); err != nil {
		return failed(doing, err)
	}
	for {
		message, err := c.pg.ReceiveMessage(ctx)
		if err != nil {
			return failed(doing, err)
		}
		switch message := message.(type) {
		case *pgproto3.CopyBothResponse:
			return nil
		case *pgproto3.ErrorResponse:
			return failed(doing, pgconn.ErrorResponseToPgError(message))
		case *pgproto3.NoticeResponse, *pgproto3.ParameterStatus:
		default:
			return understudy.Errorf(understudy.KindInternal, "%s: the server answers with %T", doing, message)
		}
	}
}

// EndStream ends the streaming of the server's log, so that another can be started. What the
// server had sent by then is lost.
func (c *Conn) EndStream(ctx context.Context) error {
	const doing = "ending replication"
	c.pg.Frontend().Send(&pgproto3.CopyDone{})
	if err := c.pg.Frontend().Flush(); err != nil {
		return failed(doing, err)
	}
	if err := c.pg.Conn().SetReadDeadline(time.Time{}); err != nil {
		return failed(doing, err)
	}
	for {
		message, err := c.pg.ReceiveMessage(ctx)
		if err != nil {
			return failed(doing, err)
		}
		switch message := message.(type) {
		case *pgproto3.ReadyForQuery:
			return nil
		case *pgproto3.ErrorResponse:
			return failed(doing, pgconn.ErrorResponseToPgError(message))
		}
	}
}

// Message is one thing that the server sent while streaming: [Data] or [Keepalive].
type Message interface{ message() }

// Data is a piece of the log, or one logical message.
type Data struct {
	At        LSN // where it begins; 0 for logical messages that stand nowhere
	ServerEnd LSN // how far the server has come
	SentAt    time.Time
	Payload   []byte // valid until the next Receive
}

// Keepalive says how far the server has come where it had nothing to send.
type Keepalive struct {
	ServerEnd LSN
	SentAt    time.Time
	Reply     bool // it wants a status now, or will take the client for dead
}

func (Data) message()      {}
func (Keepalive) message() {}

// ErrStreamEnded says that the server has ended the stream in order: it is shutting down,
// or has changed its timeline.
var ErrStreamEnded = errors.New("the server ended the stream")

// Receive waits for the next message. When only ctx has ended meanwhile, the error is one
// of its errors and the stream goes on with the next call; [IsWaiting] tells.
func (c *Conn) Receive(ctx context.Context) (Message, error) {
	if err := c.pg.Conn().SetReadDeadline(time.Time{}); err != nil {
		return nil, failed("receiving from the server", err)
	}
	return c.receive(ctx)
}

// ReceiveBy is Receive for whoever asks many times a second: it waits until a moment.
func (c *Conn) ReceiveBy(moment time.Time) (Message, error) {
	if err := c.pg.Conn().SetReadDeadline(moment); err != nil {
		return nil, failed("receiving from the server", err)
	}
	return c.receive(context.Background())
}

// Interrupt ends the waiting of a ReceiveBy that is running. Anybody may call it.
func (c *Conn) Interrupt() { _ = c.pg.Conn().SetReadDeadline(time.Unix(1, 0)) } // one that cannot be set waits until its moment

// More tells that something has come that Receive has not handed over.
func (c *Conn) More() bool { return c.came.Buffered()+c.pg.Frontend().ReadBufferLen() > 0 }

func (c *Conn) receive(ctx context.Context) (Message, error) {
	const doing = "receiving from the server"
	for {
		received, err := c.pg.ReceiveMessage(ctx)
		if err != nil {
			if IsWaiting(err) && !c.pg.IsClosed() {
				return nil, err
			}
			return nil, failed(doing, err)
		}
		switch received := received.(type) {
		case *pgproto3.CopyData:
			return parseMessage(received.Data)
		case *pgproto3.CopyDone:
			return nil, understudy.Errorf(understudy.KindUnavailable, "%s: %w", doing, ErrStreamEnded)
		case *pgproto3.ErrorResponse:
			return nil, failed(doing, pgconn.ErrorResponseToPgError(received))
		case *pgproto3.NoticeResponse, *pgproto3.ParameterStatus:
		default:
			return nil, understudy.Errorf(understudy.KindInternal, "%s: it sent %T", doing, received)
		}
	}
}

// IsWaiting tells of an error of Receive that nothing came before its context ended.
func IsWaiting(err error) bool {
	return pgconn.Timeout(err) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

func parseMessage(p []byte) (Message, error) {
	switch {
	case len(p) >= 25 && p[0] == 'w':
		return Data{At: lsnAt(p[1:]), ServerEnd: lsnAt(p[9:]), SentAt: momentAt(p[17:]), Payload: p[25:]}, nil
	case len(p) == 18 && p[0] == 'k':
		return Keepalive{ServerEnd: lsnAt(p[1:]), SentAt: momentAt(p[9:]), Reply: p[17] == 1}, nil
	}
	return nil, understudy.Errorf(understudy.KindInternal, "receiving from the server: a message of %d bytes is of no known kind", len(p))
}

func lsnAt(p []byte) LSN { return LSN(binary.BigEndian.Uint64(p)) }

// epoch is the beginning of PostgreSQL's time, in microseconds of Unix's.
const epoch = 946_684_800_000_000

func momentAt(p []byte) time.Time {
	return time.UnixMicro(int64(binary.BigEndian.Uint64(p)) + epoch)
}

// Status is how far a client has come with the server's log. The three differ for a
// standby: what synchronous_commit = remote_write, on and remote_apply wait for.
type Status struct {
	Written, Flushed, Applied LSN
	Reply                     bool // the server is to answer with a keepalive
}

// SendStatus tells the server. It may remove the log before Flushed, and never sends that
// again. It does not wait for an answer.
func (c *Conn) SendStatus(s Status) error {
	p := make([]byte, 34)
	p[0] = 'r'
	binary.BigEndian.PutUint64(p[1:], uint64(s.Written))
	binary.BigEndian.PutUint64(p[9:], uint64(s.Flushed))
	binary.BigEndian.PutUint64(p[17:], uint64(s.Applied))
	binary.BigEndian.PutUint64(p[25:], uint64(time.Now().UnixMicro()-epoch))
	if s.Reply {
		p[33] = 1
	}
	c.pg.Frontend().Send(&pgproto3.CopyData{Data: p})
	if err := c.pg.Frontend().Flush(); err != nil {
		return failed("telling the server how far its log was received", err)
	}
	return nil
}
