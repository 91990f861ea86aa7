// Package mysqltest lends tests a real private server of MariaDB or MySQL. Only tests
// import it.
//
// The server is made on first use, shared by all tests of the binary, and fast rather than
// safe. It ends with the test binary, however that ends: a guardian process waits for the
// pipe from the binary to close, then ends the server and removes its folder.
package mysqltest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	driver "github.com/go-sql-driver/mysql"

	"understudy"
	"understudy/internal/mysql/instance"
)

// lent is the shared server with what holds its guardian back.
type lent struct {
	server *instance.Server
	folder *guarded
}

var shared = sync.OnceValues(func() (lent, error) {
	folder, err := newGuarded()
	if err != nil {
		return lent{}, err
	}
	server := New(folder.dir, "shared")
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	return lent{server, folder}, server.Start(ctx)
})

// Place describes a small, fast server of a name below a folder that others may enter.
func Place(dir, name string) instance.Place {
	settings := instance.Loading(64 << 20)
	settings["innodb_log_file_size"] = "16M"
	return instance.Place{Dir: filepath.Join(dir, name), SocketDir: filepath.Join(dir, name+".s"), Settings: settings}
}

// New describes a small, fast server of a name below a folder that others may enter.
func New(dir, name string) *instance.Server { return instance.New(Place(dir, name)) }

// Server is the running server that the tests of this binary share.
func Server(t testing.TB) *instance.Server {
	t.Helper()
	one, err := shared()
	if err != nil {
		t.Fatalf("starting the tests' database server: %v (hint: %s)", err, understudy.HintOf(err))
	}
	return one.server
}

// Database makes an empty database in the shared server, drops it when the test ends, and
// is its URL.
func Database(t testing.TB) (url, name string) {
	t.Helper()
	server := Server(t)
	name = "t_" + strings.ToLower(rand.Text()[:12])
	if _, err := server.EnsureDatabase(t.Context(), name); err != nil {
		t.Fatalf("making a database for the test: %v", err)
	}
	t.Cleanup(func() {
		if err := server.Drop(context.Background(), name); err != nil {
			t.Errorf("dropping the test's database: %v", err)
		}
	})
	return server.URL(name), name
}

// Folder is an empty folder with a short path that other users may enter. When the test
// ends, servers whose data directories stand below it are ended and the folder removed.
func Folder(t testing.TB) string {
	t.Helper()
	folder, err := newGuarded()
	if err != nil {
		t.Fatalf("making a folder for the test's server: %v", err)
	}
	t.Cleanup(func() {
		if err := errors.Join(folder.hold.Close(), folder.cmd.Wait()); err != nil {
			t.Errorf("clearing the test's server away: %v", err)
		}
	})
	return folder.dir
}

// Open is a pool of connections to a database of a server, which ends with the test.
func Open(t testing.TB, server *instance.Server, database string) *sql.DB {
	t.Helper()
	config := driver.NewConfig()
	config.User, config.Net, config.DBName, config.Logger = "root", "unix", database, &driver.NopLogger{}
	config.Addr, config.MultiStatements, config.Collation = server.Socket(), true, "utf8mb4_general_ci"
	connector, err := driver.NewConnector(config)
	if err != nil {
		t.Fatal(err)
	}
	pool := sql.OpenDB(connector)
	t.Cleanup(func() { _ = pool.Close() }) // its connections end with it either way
	return pool
}

// guardian ends, after its standard input, the servers below a folder, then removes it.
const guardian = `while read -r _; do :; done
for f in "$1"/*/server.pid "$1"/*.starting; do
  [ -f "$f" ] || continue
  pid=$(head -n 1 "$f"); d=${f%/server.pid}; d=${d%.starting}
  [ ! -e /proc/self/cwd ] || [ "$(readlink /proc/$pid/cwd)" = "$d" ] || continue
  kill -KILL "$pid" 2>/dev/null
  n=0; while kill -0 "$pid" 2>/dev/null && [ $n -lt 100 ]; do sleep 0.1; n=$((n+1)); done
done
rm -rf "$1"`

// guarded is a folder with its guardian, who acts when hold is closed.
type guarded struct {
	dir  string
	hold io.Closer
	cmd  *exec.Cmd
}

func newGuarded() (*guarded, error) {
	dir, err := os.MkdirTemp("/tmp", "um")
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, err
	}
	cmd := exec.Command("/bin/sh", "-c", guardian, "guardian", dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	hold, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	return &guarded{dir: dir, hold: hold, cmd: cmd}, cmd.Start()
}
