package instance

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	driver "github.com/go-sql-driver/mysql"

	"understudy"
)

// longestSocket is how many bytes the path of a Unix socket may have everywhere.
const longestSocket = 103

// administrator is the account that the server is made with. It has no password: it
// enters through the socket alone, whose folder is closed to strangers.
const administrator = "root"

// Place describes a private server. All paths are made absolute by [New].
type Place struct {
	Dir       string // the data directory; made by the first Start
	SocketDir string // folder of the socket, for this server alone; made and closed (0700) by Start
	Log       string // file the server's messages are appended to; empty: Dir + ".log"
	// Settings are the server's, by name as in its configuration file; "on" for a switch.
	// Where the server listens is not for them.
	Settings map[string]string
}

// Server is one private server of MariaDB or MySQL: a data directory and, while it runs,
// the process on it. It holds no state of its own; its methods may be called at any time,
// from several programs.
type Server struct{ place Place }

// New describes a server and touches nothing.
func New(p Place) *Server {
	for _, path := range []*string{&p.Dir, &p.SocketDir, &p.Log} {
		if *path == "" {
			continue
		}
		if absolute, err := filepath.Abs(*path); err == nil { // else the path stays, and Start says so
			*path = absolute
		}
	}
	if p.Log == "" {
		p.Log = p.Dir + ".log"
	}
	return &Server{place: p}
}

func (s *Server) String() string { return "the private database server in " + s.place.Dir }

// Socket is the path of the server's socket.
func (s *Server) Socket() string  { return filepath.Join(s.place.SocketDir, "mysql.sock") }
func (s *Server) pidFile() string { return filepath.Join(s.place.Dir, "server.pid") }

// scratch is the folder of the server's temporary tables. It is its own: a server that
// starts clears what it finds there, also another's.
func (s *Server) scratch() string { return s.place.Dir + ".tmp" }

// URL leads the administrator to a database of the server.
func (s *Server) URL(database string) string { return s.URLOf(administrator, database) }

func (s *Server) valid() error {
	switch {
	case s.place.Dir == "" || s.place.SocketDir == "":
		return understudy.Errorf(understudy.KindInvalid, "a private database server needs a data directory and a folder for its socket")
	case len(s.Socket()) > longestSocket:
		return understudy.Errorf(understudy.KindInvalid, "the socket %s of %s has a path of %d bytes, and it may have %d", s.Socket(), s, len(s.Socket()), longestSocket).
			WithHint("choose a folder with a shorter path")
	}
	return nil
}

// Start makes the data directory if there is none, starts the server on it, which then
// outlives us, and returns when it takes connections. A server that runs already is waited
// for and otherwise left as it is. When ctx ends first, the server goes on starting.
func (s *Server) Start(ctx context.Context) error {
	return s.locked(ctx, func() error {
		if err := s.putBack(); err != nil {
			return err
		}
		from, err := installed()
		if err != nil {
			return err
		}
		owner, err := runAs(s.place.Dir)
		if err != nil {
			return err
		}
		if err := s.prepare(ctx, owner, from); err != nil {
			return err
		}
		return s.run(ctx, from, owner)
	})
}

// run waits for the server that somebody started already, or else starts one. The former
// may end meanwhile: it may have been dying, or stopping.
func (s *Server) run(ctx context.Context, from installation, owner account) error {
	running, err := s.process()
	if err != nil {
		return err
	}
	if running != 0 {
		if ended, err := s.await(ctx); !ended {
			return err
		}
	}
	if err := s.launch(ctx, from, owner); err != nil {
		return err
	}
	if ended, err := s.await(ctx); !ended {
		return err
	}
	return understudy.Errorf(understudy.KindUnavailable, "starting %s: it ended at once; the last it said: %s", s, s.complaint()).
		WithHint("its log is %s", s.place.Log)
}

// prepare makes sure of everything that the server needs before it runs.
func (s *Server) prepare(ctx context.Context, owner account, from installation) error {
	for _, folder := range []string{filepath.Dir(s.place.Dir), filepath.Dir(s.place.SocketDir), filepath.Dir(s.place.Log)} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return understudy.Errorf(understudy.KindUnavailable, "making folder %s for %s: %w", folder, s, err)
		}
	}
	for _, folder := range []string{s.place.SocketDir, s.scratch()} {
		if err := os.Mkdir(folder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return understudy.Errorf(understudy.KindUnavailable, "making folder %s for %s: %w", folder, s, err)
		}
		if err := errors.Join(owner.own(folder), os.Chmod(folder, 0o700)); err != nil {
			return understudy.Errorf(understudy.KindUnavailable, "closing folder %s to strangers: %w", folder, err)
		}
	}
	if err := owner.enters(ctx, s.place.SocketDir); err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "preparing %s: it runs as user %s here, who may not enter %s: %w", s, owner.name, s.place.SocketDir, err).
			WithHint("choose another place with --state-dir, or let others pass through the folders above it: chmod o+x")
	}
	entries, err := os.ReadDir(s.place.Dir)
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return understudy.Errorf(understudy.KindUnavailable, "looking into data directory %s: %w", s.place.Dir, err)
	case len(entries) == 0:
		return s.initialise(ctx, owner, from)
	}
	if _, err := os.Stat(filepath.Join(s.place.Dir, "ibdata1")); err != nil {
		return understudy.Errorf(understudy.KindConflict, "looking into data directory %s: it holds files but no database server's (no ibdata1); nothing was touched", s.place.Dir).
			WithHint("name another directory, or put back what belongs there")
	}
	return nil
}

// initialise makes the data directory: beside it, under another name, then renamed, so
// that it is there whole or not at all.
func (s *Server) initialise(ctx context.Context, owner account, from installation) error {
	making := s.place.Dir + ".making"
	if err := os.RemoveAll(making); err != nil { // what a crash left; no server ever ran on it
		return understudy.Errorf(understudy.KindUnavailable, "clearing the half made %s: %w", making, err)
	}
	if err := errors.Join(os.Mkdir(making, 0o700), owner.own(making)); err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "making %s: %w", s, err)
	}
	program, args := from.initialising(making)
	out, err := owner.command(ctx, program, append(args, s.options()...)...).CombinedOutput()
	if err != nil {
		return errors.Join(understudy.Errorf(understudy.KindUnavailable, "making %s: %w; the last it said: %s", s, err, lastLine(string(out))), os.RemoveAll(making))
	}
	if err := os.Remove(s.place.Dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return understudy.Errorf(understudy.KindUnavailable, "making %s: %w", s, err)
	}
	if err := os.Rename(making, s.place.Dir); err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "making %s: %w", s, err)
	}
	return nil
}

// await returns when the server takes connections, or has ended.
func (s *Server) await(ctx context.Context) (ended bool, err error) {
	for {
		if s.Running(ctx) {
			return false, nil
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return false, understudy.Errorf(understudy.KindUnavailable, "waiting for %s to take connections: %w", s, err).
				WithHint("it goes on starting; its log is %s", s.place.Log)
		}
		if pid, err := s.starting(); err != nil || pid == 0 {
			return err == nil, err
		}
	}
}

// Running tells whether the server takes connections.
func (s *Server) Running(ctx context.Context) bool {
	if _, err := os.Stat(s.Socket()); err != nil {
		return false
	}
	err := s.administer(ctx, func(db *sql.DB) error { return db.PingContext(ctx) })
	return err == nil
}

// administer lends act a connection of the administrator.
func (s *Server) administer(ctx context.Context, act func(*sql.DB) error) error {
	config := driver.NewConfig()
	config.User, config.Net, config.Addr, config.Timeout, config.Logger = administrator, "unix", s.Socket(), 10*time.Second, &driver.NopLogger{}
	config.InterpolateParams = true
	connector, err := driver.NewConnector(config)
	if err != nil {
		return understudy.Errorf(understudy.KindInternal, "connecting to %s: %w", s, err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(1)
	return errors.Join(act(db), db.Close())
}

// EnsureDatabase makes an empty database if there is none of that name, and tells whether
// it did.
func (s *Server) EnsureDatabase(ctx context.Context, name string) (made bool, err error) {
	err = s.administer(ctx, func(db *sql.DB) error {
		var there int
		if err := db.QueryRowContext(ctx, "SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = ?", name).Scan(&there); err != nil || there > 0 {
			return err
		}
		_, err := db.ExecContext(ctx, "CREATE DATABASE "+quoted(name))
		made = err == nil
		return err
	})
	if err != nil {
		return false, understudy.Errorf(understudy.KindUnavailable, "making database %s in %s: %w", name, s, err)
	}
	return made, nil
}

// Drop removes a database. One that is not there is gone already.
func (s *Server) Drop(ctx context.Context, name string) error {
	err := s.administer(ctx, func(db *sql.DB) error {
		_, err := db.ExecContext(ctx, "DROP DATABASE IF EXISTS "+quoted(name))
		return err
	})
	if err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "dropping database %s in %s: %w", name, s, err)
	}
	return nil
}

// quoted writes a name so that it is read as one.
func quoted(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// lastLine is the last of what a program said.
func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

// Loading are settings for a server that is being filled and can be thrown away when the
// machine fails: nothing is forced to disk. After it was stopped, its folder has to be
// forced to disk as a whole by who wants to keep it, and a twin that is handed to the team
// starts without them. Memory is what the server may take for its pages, in bytes.
func Loading(memory int64) map[string]string {
	return map[string]string{
		"innodb_flush_log_at_trx_commit": "0", "innodb_doublewrite": "0", "innodb_log_file_size": "512M", "sync_binlog": "0",
		"innodb_buffer_pool_size": fmt.Sprint(memory), "innodb_flush_method": "nosync", "loose_debug_no_sync": "1", "skip_log_bin": "on",
	}
}

// Watched are settings, beside others, for a server on which migrations are tried: it shows
// what is held and waited for, and keeps its histories long enough to be read in time.
func Watched() map[string]string {
	return map[string]string{
		"performance_schema": "on", "performance_schema_instrument": "wait/lock/metadata/sql/mdl=ON",
		"performance_schema_events_statements_history_long_size": "10000", "performance_schema_events_waits_history_long_size": "20000",
		"performance_schema_events_stages_history_long_size": "10000", "performance_schema_events_transactions_history_long_size": "10000",
	}
}
