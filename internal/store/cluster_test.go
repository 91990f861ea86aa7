package store_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// cluster is a throw-away PostgreSQL, of the machine's own binaries, that listens on a
// socket in its folder only. It ends with the test process, however that ends: the
// shell around it waits for the end of a pipe.
type cluster struct {
	folder string
	leash  io.Closer
	shell  *exec.Cmd
}

// underLeash runs a program until its own standard input ends.
const underLeash = `"$@" & pid=$!; cat >/dev/null; kill -INT $pid; wait $pid; true`

func startCluster(ctx context.Context) (*cluster, error) {
	bin, err := newestBinaries()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("/tmp", "us")
	if err != nil {
		return nil, err
	}
	c := &cluster{folder: folder}
	as, err := unprivileged(folder)
	if err != nil {
		return nil, errors.Join(err, c.stop())
	}
	data := filepath.Join(folder, "data")
	initdb := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "-D", data, "-U", "understudy", "-A", "trust", "-E", "UTF8", "--no-locale", "-N")
	initdb.SysProcAttr, initdb.Dir = as, folder
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("initdb: %w: %s", err, out), c.stop())
	}
	c.shell = exec.Command("sh", "-c", underLeash, "sh", filepath.Join(bin, "postgres"), "-D", data, "-k", folder,
		"-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=60", "-c", "synchronous_commit=off")
	c.shell.SysProcAttr, c.shell.Dir = as, folder
	if c.leash, err = c.shell.StdinPipe(); err != nil {
		return nil, errors.Join(err, c.stop())
	}
	if err := c.shell.Start(); err != nil {
		return nil, errors.Join(err, c.stop())
	}
	if err := c.waitUntilItAnswers(ctx); err != nil {
		return nil, errors.Join(err, c.stop())
	}
	return c, nil
}

// url names a schema of its own in the cluster.
func (c *cluster) url(schema string) string {
	query := url.Values{"host": {c.folder}, "search_path": {schema}}
	return "postgres://understudy@/postgres?" + query.Encode()
}

func (c *cluster) waitUntilItAnswers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, c.url("public"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for PostgreSQL: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (c *cluster) stop() error {
	var err error
	if c.shell != nil && c.shell.Process != nil {
		err = errors.Join(c.leash.Close(), c.shell.Wait())
	}
	return errors.Join(err, os.RemoveAll(c.folder))
}

func newestBinaries() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil {
		return "", err
	}
	if len(found) == 0 {
		server, err := exec.LookPath("postgres")
		if err != nil {
			return "", fmt.Errorf("no PostgreSQL in /usr/lib/postgresql nor on the PATH: install the package postgresql (%w)", err)
		}
		return filepath.Dir(server), nil
	}
	slices.SortFunc(found, func(a, b string) int { return major(a) - major(b) })
	return filepath.Dir(found[len(found)-1]), nil
}

func major(path string) int {
	n, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	if err != nil {
		return 0
	}
	return n
}

// unprivileged is who runs PostgreSQL, which refuses to run as root.
func unprivileged(folder string) (*syscall.SysProcAttr, error) {
	if os.Getuid() != 0 {
		return &syscall.SysProcAttr{}, nil
	}
	postgres, err := user.Lookup("postgres")
	if err != nil {
		return nil, err
	}
	uid, uidErr := strconv.Atoi(postgres.Uid)
	gid, gidErr := strconv.Atoi(postgres.Gid)
	if err := errors.Join(uidErr, gidErr, os.Chown(folder, uid, gid)); err != nil {
		return nil, err
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
}
