// Package shoptest gives tests of the shop a real PostgreSQL server, from the machine's
// own programs, that ends with the test.
package shoptest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Server is a PostgreSQL server that only this test can reach.
type Server struct{ dir string }

// Start starts a server; it ends with the test.
func Start(t *testing.T) Server {
	t.Helper()
	bin := programs(t)
	// Not t.TempDir: the path of a socket has to be short.
	dir, err := os.MkdirTemp("/tmp", "us")
	check(t, err)
	t.Cleanup(func() { check(t, os.RemoveAll(dir)) })
	as := owner(t, dir)

	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", dir+"/data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	initdb.Dir, initdb.SysProcAttr = dir, as
	if out, err := initdb.CombinedOutput(); err != nil {
		t.Fatalf("making a database cluster: %v\n%s", err, out)
	}
	postgres := exec.Command(filepath.Join(bin, "postgres"), "-D", dir+"/data", "-k", dir, "-c", "listen_addresses=", "-c", "fsync=off")
	postgres.Dir, postgres.SysProcAttr = dir, as
	log, err := os.Create(dir + "/log")
	check(t, err)
	defer log.Close()
	postgres.Stdout, postgres.Stderr = log, log
	check(t, postgres.Start())
	t.Cleanup(func() {
		check(t, postgres.Process.Signal(syscall.SIGQUIT))
		_ = postgres.Wait() // its status after an immediate shutdown says nothing
	})
	server := Server{dir: dir}
	server.wait(t)
	return server
}

// Database makes a database of the application's role and returns its URL. It is a copy
// of the one that like names, if any; nobody may be connected to that.
func (s Server) Database(t *testing.T, name string, like ...string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.url("postgres", "postgres"))
	check(t, err)
	defer conn.Close(context.WithoutCancel(t.Context()))
	_, err = conn.Exec(t.Context(), "DO $$ BEGIN CREATE ROLE shop LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
	check(t, err)
	statement := "CREATE DATABASE " + pgx.Identifier{name}.Sanitize() + " OWNER shop"
	if len(like) > 0 {
		statement += " TEMPLATE " + pgx.Identifier{like[0]}.Sanitize()
	}
	_, err = conn.Exec(t.Context(), statement)
	check(t, err)
	return s.url("shop", name)
}

// Pool opens a pool of connections that closes with the test.
func Pool(t *testing.T, url string) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), url)
	check(t, err)
	t.Cleanup(pool.Close)
	return pool
}

func (s Server) url(role, database string) string {
	return fmt.Sprintf("postgres://%s@/%s?host=%s", role, database, s.dir)
}

// wait returns when the server answers.
func (s Server) wait(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, s.url("postgres", "postgres"))
		if err == nil {
			check(t, conn.Close(ctx))
			return
		}
		select {
		case <-ctx.Done():
			log, _ := os.ReadFile(s.dir + "/log")
			t.Fatalf("the database server does not answer: %v\n%s", err, log)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// programs is the folder of PostgreSQL's programs, the newest there is.
func programs(t *testing.T) string {
	t.Helper()
	var found []string
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin/initdb", "/usr/pgsql-*/bin/initdb", "/opt/homebrew/opt/postgresql@*/bin/initdb", "/usr/local/opt/postgresql@*/bin/initdb"} {
		matches, err := filepath.Glob(pattern)
		check(t, err)
		slices.Sort(matches)
		found = append(found, matches...)
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		found = append(found, path)
	}
	if len(found) == 0 {
		t.Fatal("PostgreSQL's programs are not on this machine; install the package postgresql")
	}
	return filepath.Dir(found[len(found)-1])
}

// owner gives the folder to whom the server runs as: PostgreSQL refuses to run as root.
func owner(t *testing.T, dir string) *syscall.SysProcAttr {
	t.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	account, err := user.Lookup("postgres")
	check(t, err)
	uid, err := strconv.ParseUint(account.Uid, 10, 32)
	check(t, err)
	gid, err := strconv.ParseUint(account.Gid, 10, 32)
	check(t, err)
	check(t, os.Chown(dir, int(uid), int(gid)))
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
