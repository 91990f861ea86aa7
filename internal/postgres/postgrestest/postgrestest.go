// Package postgrestest lends tests a real PostgreSQL cluster. Only tests import it.
//
// The cluster is made on first use, shared by all tests of the binary, and fast rather
// than safe (fsync off). It ends with the test binary, however that ends: a guardian
// process waits for the pipe from the binary to close, then stops the server and
// removes its folder.
package postgrestest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"understudy/internal/loopback"
	"understudy/internal/postgres/cluster"
)

// lent is the shared cluster with what holds its guardian back.
type lent struct {
	cluster *cluster.Cluster
	folder  *guarded
}

var shared = sync.OnceValues(func() (lent, error) {
	folder, err := newGuarded()
	if err != nil {
		return lent{}, err
	}
	port, err := loopback.FreePort()
	if err != nil {
		return lent{}, err
	}
	c := cluster.New(Spec(folder.dir, port))
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	return lent{c, folder}, c.Start(ctx)
})

// Cluster is a running throw-away cluster with a TCP port, shared by the tests of this
// binary. A test makes databases of its own in it: see Database.
func Cluster(t testing.TB) *cluster.Cluster {
	t.Helper()
	one, err := shared()
	if err != nil {
		t.Fatalf("starting the tests' PostgreSQL: %v", err)
	}
	return one.cluster
}

// Database makes an empty database with a name of its own in the shared cluster and
// drops it when the test ends.
func Database(t testing.TB) (c *cluster.Cluster, name string) {
	t.Helper()
	c = Cluster(t)
	name = "t_" + strings.ToLower(rand.Text()[:12])
	if _, err := c.EnsureDatabase(t.Context(), name, "", nil); err != nil {
		t.Fatalf("making a database for the test: %v", err)
	}
	t.Cleanup(func() {
		if err := c.Drop(context.Background(), name); err != nil {
			t.Errorf("dropping the test's database: %v", err)
		}
	})
	return c, name
}

// Spec describes a small, fast cluster below a folder whose path is short and which
// others may enter. Port 0 means socket only.
func Spec(dir string, port int) cluster.Spec {
	return cluster.Spec{
		Dir: filepath.Join(dir, "data"), SocketDir: filepath.Join(dir, "s"), Log: filepath.Join(dir, "log"), Port: port,
		Settings: map[string]string{"fsync": "off", "full_page_writes": "off", "shared_buffers": "64MB",
			"deadlock_timeout": "10ms", "log_error_verbosity": "default"}, // as a twin's
	}
}

// Folder is an empty folder with a short path that other users may enter. When the test
// ends, a server whose data directory stands below it is ended and the folder removed.
func Folder(t testing.TB) string {
	t.Helper()
	folder, err := newGuarded()
	if err != nil {
		t.Fatalf("making a folder for the test's cluster: %v", err)
	}
	t.Cleanup(func() {
		if err := folder.end(); err != nil {
			t.Errorf("clearing the test's cluster away: %v", err)
		}
	})
	return folder.dir
}

// FreePort is a TCP port that nobody listened on a moment ago.
func FreePort(t testing.TB) int {
	t.Helper()
	port, err := loopback.FreePort()
	if err != nil {
		t.Fatalf("looking for a free port: %v", err)
	}
	return port
}

// guardian ends, after its standard input, the servers below a folder, then removes it.
const guardian = `while read -r _; do :; done
for f in "$1"/*/postmaster.pid; do
  [ -f "$f" ] || continue
  pid=$(head -n 1 "$f"); kill -QUIT "$pid" 2>/dev/null
  n=0; while kill -0 "$pid" 2>/dev/null && [ $n -lt 100 ]; do sleep 0.1; n=$((n+1)); done
done
rm -rf "$1"`

// guarded is a folder with its guardian, who acts when hold is closed: by end, or by the
// end of this program.
type guarded struct {
	dir  string
	hold io.Closer
	cmd  *exec.Cmd
}

func newGuarded() (*guarded, error) {
	dir, err := os.MkdirTemp("/tmp", "us")
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
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the guardian of %s: %w", dir, err)
	}
	return &guarded{dir: dir, hold: hold, cmd: cmd}, nil
}

func (g *guarded) end() error { return errors.Join(g.hold.Close(), g.cmd.Wait()) }
