package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"understudy"
)

// superuser is the role that initdb makes; without a password, it enters only through the socket.
const superuser = "postgres"

// Superuser is the superuser of every cluster.
const Superuser = superuser

// socketPort is the number in the name of the socket of a cluster without a TCP port.
const socketPort = 5432

// longestSocket is how many bytes the path of a Unix socket may have everywhere
// (macOS allows 104 with the closing zero byte).
const longestSocket = 103

// Spec describes a private cluster. All paths are made absolute by [New].
type Spec struct {
	Dir       string // the data directory; made by the first Start
	SocketDir string // folder of the Unix socket, for this cluster alone; made and closed (0700) by Start
	Log       string // file the server's messages are appended to; empty: Dir + ".log"
	Port      int    // also listen on 127.0.0.1:Port; 0: on the Unix socket only
	Major     int    // version to run; 0: the one Dir holds, else the newest there is
	Locale    string // of a new cluster; empty: C.UTF-8 (en_US.UTF-8 on macOS)
	// Settings are the server's, by name, and apply at the next Start after a Stop. Where
	// the server listens and whom it lets in is not for them.
	Settings map[string]string
	// Preload names libraries that the server loads at its start where the machine has them.
	Preload []string
	// Yields is for a server at work on something that can wait: it leaves the processor to
	// others who want it. The one that StartForLoading starts does so anyway, unless it is
	// Urgent.
	Yields, Urgent bool
}

// Cluster is one private PostgreSQL cluster: a data directory and, while it runs, the
// server on it. It holds no state of its own; its methods may be called at any time, from
// several goroutines and several programs.
type Cluster struct{ spec Spec }

// New describes a cluster. It looks at nothing and starts nothing.
func New(spec Spec) *Cluster {
	if spec.Log == "" && spec.Dir != "" {
		spec.Log = filepath.Clean(spec.Dir) + ".log"
	}
	for _, path := range []*string{&spec.Dir, &spec.SocketDir, &spec.Log} {
		if *path == "" {
			continue
		}
		if absolute, err := filepath.Abs(*path); err == nil { // validate refuses what stayed relative
			*path = absolute
		}
	}
	return &Cluster{spec: spec}
}

func (c *Cluster) String() string { return "the PostgreSQL cluster in " + c.spec.Dir }

func (c *Cluster) validate() error {
	invalid := func(format string, args ...any) error {
		return understudy.Errorf(understudy.KindInvalid, "describing a PostgreSQL cluster: "+format, args...)
	}
	switch {
	case !filepath.IsAbs(c.spec.Dir):
		return invalid("it needs a data directory with an absolute path, not %q", c.spec.Dir)
	case !filepath.IsAbs(c.spec.SocketDir):
		return invalid("it needs a folder for its socket with an absolute path, not %q", c.spec.SocketDir)
	case strings.ContainsAny(c.spec.SocketDir, ",\n") || strings.ContainsAny(c.spec.Dir, "\n"):
		return invalid("the paths %q and %q may hold neither commas nor line breaks", c.spec.Dir, c.spec.SocketDir)
	case c.spec.Dir == c.spec.SocketDir || strings.HasPrefix(c.spec.SocketDir, c.spec.Dir+"/"):
		return invalid("the folder of its socket, %s, must stand outside its data directory", c.spec.SocketDir)
	case c.spec.Port < 0 || c.spec.Port > 65535:
		return invalid("there is no port %d", c.spec.Port)
	}
	if length := len(c.Socket()); length > longestSocket {
		return understudy.Errorf(understudy.KindInvalid, "describing %s: the path of its socket, %s, has %d bytes, and the system allows %d",
			c, c.Socket(), length, longestSocket).WithHint("choose a shorter --state-dir")
	}
	return validateSettings(c.spec.Settings)
}

// Log is the file that the server's messages are appended to.
func (c *Cluster) Log() string { return c.spec.Log }

func (c *Cluster) port() int {
	if c.spec.Port == 0 {
		return socketPort
	}
	return c.spec.Port
}

// Socket is the path of the server's Unix socket: a file in SocketDir named after its port.
func (c *Cluster) Socket() string {
	return filepath.Join(c.spec.SocketDir, ".s.PGSQL."+strconv.Itoa(c.port()))
}

// AdminURL is the address of a database for the superuser, over the Unix socket. It holds
// no secret; the folder of the socket keeps strangers out.
func (c *Cluster) AdminURL(database string) string { return c.socketURL(superuser, database) }

func (c *Cluster) socketURL(role, database string) string {
	query := url.Values{"host": {c.spec.SocketDir}, "port": {strconv.Itoa(c.port())}, "user": {role}}
	address := url.URL{Scheme: "postgres", Path: "/" + database, RawQuery: strings.ReplaceAll(query.Encode(), "+", "%20")}
	return address.String()
}

// URL is the address of a database for a role: over TCP on loopback when the cluster has a
// port, else over the Unix socket, where the password is not asked for and left out. It
// holds the password: it belongs into the environment of the process it is for, and nowhere else.
func (c *Cluster) URL(role, password, database string) string {
	if c.spec.Port == 0 {
		return c.socketURL(role, database)
	}
	address := url.URL{
		Scheme: "postgres", User: url.UserPassword(role, password),
		Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(c.spec.Port)), Path: "/" + database, RawQuery: "sslmode=disable",
	}
	return address.String()
}

// Connect opens a connection to a database as the superuser. The caller closes it.
func (c *Cluster) Connect(ctx context.Context, database string) (*pgx.Conn, error) {
	conn, err := dial(ctx, c.AdminURL(database), "understudy")
	if err != nil {
		return nil, c.connectError(database, err)
	}
	return conn, nil
}

func dial(ctx context.Context, address, application string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return nil, err
	}
	config.RuntimeParams["application_name"] = application
	return pgx.ConnectConfig(ctx, config)
}

func (c *Cluster) connectError(database string, err error) error {
	var answer *pgconn.PgError
	switch {
	case errors.As(err, &answer) && answer.Code == "3D000":
		return understudy.Errorf(understudy.KindNotFound, "connecting to %s: it has no database %s", c, database)
	case errors.As(err, &answer):
		return understudy.Errorf(understudy.KindUnavailable, "connecting to database %s of %s: %s", database, c, answer.Message)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("connecting to database %s of %s: %w", database, c, err)
	}
	return understudy.Errorf(understudy.KindUnavailable, "connecting to database %s of %s: no server answers at %s", database, c, c.Socket()).
		WithHint("it is not running; its log is %s", c.spec.Log)
}

// Running tells whether the server accepts connections now.
func (c *Cluster) Running(ctx context.Context) bool {
	conn, err := dial(ctx, c.AdminURL(superuser), "understudy")
	if err != nil {
		var answer *pgconn.PgError // a server that says no, except for now, is running
		return errors.As(err, &answer) && answer.Code != "57P03"
	}
	return conn.Close(ctx) == nil
}

// Version is the running server's, without the distribution's additions: "15.18".
func (c *Cluster) Version(ctx context.Context) (string, error) {
	var version string
	err := c.asAdmin(ctx, superuser, func(conn *pgx.Conn) error {
		return conn.QueryRow(ctx, "SHOW server_version").Scan(&version)
	})
	if err != nil {
		return "", c.failed(err, "asking for the version")
	}
	version, _, _ = strings.Cut(version, " ")
	return version, nil
}

// asAdmin runs act with a superuser's connection that is closed afterwards.
func (c *Cluster) asAdmin(ctx context.Context, database string, act func(*pgx.Conn) error) error {
	conn, err := c.Connect(ctx, database)
	if err != nil {
		return err
	}
	return errors.Join(act(conn), conn.Close(context.WithoutCancel(ctx)))
}

// failed puts an error of the server into a sentence of ours: only its message and code,
// because its detail may quote data. An error that is a sentence already stays.
func (c *Cluster) failed(err error, format string, args ...any) error {
	var known *understudy.Error
	if errors.As(err, &known) {
		return err
	}
	doing := fmt.Sprintf(format, args...)
	var answer *pgconn.PgError
	if !errors.As(err, &answer) {
		return fmt.Errorf("%s in %s: %w", doing, c, err)
	}
	kind := understudy.KindInternal
	if answer.Code == "53100" {
		kind = understudy.KindUnavailable
	}
	return understudy.Errorf(kind, "%s in %s: %s (SQLSTATE %s)", doing, c, answer.Message, answer.Code)
}
