package replication

import (
	"bufio"
	"context"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"understudy"
)

// Mode is what a connection is for. The values are those of the protocol.
type Mode string

// The two kinds of replication.
const (
	Logical  Mode = "database" // changes of the rows of one database
	Physical Mode = "true"     // the log of the whole server
)

// Conn is one connection that speaks the replication protocol. It is for one goroutine at
// a time.
type Conn struct {
	pg   *pgconn.PgConn
	came *bufio.Reader // what has come at once is read at once
}

// readsAtOnce are the bytes of what has gathered that one call of the system takes.
const readsAtOnce = 64 << 10

// Dial connects for replication under an application name, which is also the name by which
// synchronous_standby_names knows a standby. The role needs the REPLICATION attribute.
// Values of rows are written the same whatever the server's and the role's settings are.
// The caller closes the connection.
func Dial(ctx context.Context, url, name string, mode Mode) (*Conn, error) {
	parsed, err := pgx.ParseConfig(url)
	if err != nil { // its text holds the address, and the password where it could not be parsed
		return nil, understudy.Errorf(understudy.KindInvalid, "the address of the database is not well formed").
			WithHint("write postgres://user@host:5432/database")
	}
	config := &parsed.Config
	for setting, value := range map[string]string{
		"replication": string(mode), "application_name": name, "client_encoding": "UTF8", "datestyle": "ISO, MDY",
		"intervalstyle": "postgres", "timezone": "UTC", "extra_float_digits": "3", "bytea_output": "hex", "lc_monetary": "C",
		"statement_timeout": "0", "lock_timeout": "0", "idle_in_transaction_session_timeout": "0",
	} {
		config.RuntimeParams[setting] = value
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = 10 * time.Second
	}
	conn := &Conn{}
	config.BuildFrontend = func(r io.Reader, w io.Writer) *pgproto3.Frontend {
		conn.came = bufio.NewReaderSize(r, readsAtOnce)
		return pgproto3.NewFrontend(conn.came, w)
	}
	if conn.pg, err = pgconn.ConnectConfig(ctx, config); err != nil {
		where := net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port)))
		return nil, failed("connecting for replication to "+where+" as "+config.User, err)
	}
	return conn, nil
}

// PID is the number of the process that serves the connection, on the server's machine.
func (c *Conn) PID() int { return int(c.pg.PID()) }

// Close ends the connection, also when ctx has ended already. A temporary slot ends with it,
// as does the snapshot that the making of a slot exported.
func (c *Conn) Close(ctx context.Context) {
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), closingTime)
	defer cancel()
	_ = c.pg.Close(ending) // the server ends the session either way
}

// closingTime bounds how long the server may take to end a session.
const closingTime = 5 * time.Second

// Major is the server's major version, 0 if it does not say.
func (c *Conn) Major() int {
	said := c.pg.ParameterStatus("server_version")
	end := strings.IndexFunc(said, func(r rune) bool { return r < '0' || r > '9' })
	if end >= 0 {
		said = said[:end]
	}
	major, _ := strconv.Atoi(said) // a server that says something else is of no known version
	return major
}

// System is which server it is, and where its log stands.
type System struct {
	ID       string // the same for a server and its physical standbys, and for nobody else
	Timeline int    // raised by each promotion of a standby
	At       LSN    // what is flushed
	Database string // empty on a physical connection
}

// Identify asks the server which one it is.
func (c *Conn) Identify(ctx context.Context) (System, error) {
	const doing = "asking the server which one it is"
	row, err := c.ask(ctx, doing, "IDENTIFY_SYSTEM", 4)
	if err != nil {
		return System{}, err
	}
	system := System{ID: string(row[0]), Database: string(row[3])}
	if system.Timeline, err = strconv.Atoi(string(row[1])); err != nil {
		return System{}, understudy.Errorf(understudy.KindInternal, "%s: it answers with a timeline that is no number", doing)
	}
	system.At, err = ParseLSN(string(row[2]))
	return system, err
}

// ask runs a command that answers with one row of at least so many fields.
func (c *Conn) ask(ctx context.Context, doing, command string, fields int) ([][]byte, error) {
	results, err := c.pg.Exec(ctx, command).ReadAll()
	if err != nil {
		return nil, failed(doing, err)
	}
	if len(results) != 1 || len(results[0].Rows) != 1 || len(results[0].Rows[0]) < fields {
		return nil, understudy.Errorf(understudy.KindInternal, "%s: expected one row of %d fields, and got another answer", doing, fields)
	}
	return results[0].Rows[0], nil
}

func (c *Conn) run(ctx context.Context, doing, command string) error {
	if _, err := c.pg.Exec(ctx, command).ReadAll(); err != nil {
		return failed(doing, err)
	}
	return nil
}
