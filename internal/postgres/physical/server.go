package physical

import (
	"bytes"
	"context"
	"maps"
	"os"
	"path/filepath"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"understudy"
	"understudy/internal/postgres"
	"understudy/internal/postgres/cluster"
)

// atWork are the settings of the server while the copy is made. It reaches nobody and
// nobody reaches it. What it writes is flushed at the end, once; a crash throws it away.
func (c *copying) atWork() map[string]string {
	all := map[string]string{
		"archive_mode": "off", "max_wal_senders": "0", "wal_level": "minimal", "max_logical_replication_workers": "0",
		"autovacuum": "off", "shared_preload_libraries": "", "session_preload_libraries": "",
		"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "max_wal_size": "16GB", "checkpoint_timeout": "1h",
		"maintenance_work_mem": "256MB", "shared_buffers": "256MB", "jit": "off",
	}
	maps.Copy(all, c.control.limits())
	maps.Copy(all, c.spec.Settings)
	return all
}

// recover lets the server replay what the files were behind, and makes sure of an
// administrator's way in.
func (c *copying) recover(ctx context.Context) error {
	if err := c.readControl(ctx); err != nil {
		return err
	}
	if c.socket = c.spec.SocketDir; c.socket == "" {
		made, err := os.MkdirTemp("", "us-copy-")
		if err != nil {
			return understudy.Errorf(understudy.KindUnavailable, "making a folder for the socket of the copy: %w", err)
		}
		c.socket = made
	}
	c.server = cluster.New(cluster.Spec{Dir: c.work, SocketDir: filepath.Join(c.socket, "s"), Log: c.work + ".log", Major: c.from.Major, Settings: c.atWork(), Yields: true})
	if err := openFolder(c.socket); err != nil {
		return err
	}
	if err := c.start(ctx); err != nil {
		return err
	}
	conn, err := c.session(ctx, "template1")
	if err != nil {
		return c.makeAdministrator(ctx)
	}
	postgres.CloseConn(ctx, conn)
	return nil
}

// openFolder lets the server's user pass through a folder.
func openFolder(path string) error {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "making a folder for the socket of the copy: %w", err)
	}
	if err := os.Chmod(path, 0o711); err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "opening folder %s for the server: %w", path, err)
	}
	return nil
}

// makeAdministrator gives a cluster whose superuser has another name one called postgres,
// which only a server without sessions can.
func (c *copying) makeAdministrator(ctx context.Context) error {
	if err := c.stop(ctx); err != nil {
		return err
	}
	cmd := c.owner.Command(ctx, filepath.Join(c.from.Bin, "postgres"), "--single", "-D", c.work, "-c", "exit_on_error=off", "template1")
	cmd.Stdin = bytes.NewBufferString("CREATE ROLE postgres\nALTER ROLE postgres SUPERUSER LOGIN\nALTER ROLE postgres RESET ALL\n")
	if err := cmd.Run(); err != nil {
		return understudy.Errorf(understudy.KindInternal, "making a superuser postgres in the copy: %w", err)
	}
	return c.start(ctx)
}

func (c *copying) start(ctx context.Context) error { return c.server.Start(ctx) }

// stop ends the server, and makes sure that its files hold all there is.
func (c *copying) stop(ctx context.Context) error {
	if err := c.server.Stop(ctx); err != nil {
		return err
	}
	if err := c.readControl(ctx); err != nil {
		return err
	}
	if state := c.control["Database cluster state"]; state != stopped {
		return understudy.Errorf(understudy.KindInternal, "stopping the server of the copy: its files say %q, and not %q", state, stopped)
	}
	return nil
}

// session connects as the superuser. No trigger, rule or event trigger of production's
// fires there, and values are written in one way.
func (c *copying) session(ctx context.Context, database string) (*pgx.Conn, error) {
	conn, err := c.server.Connect(ctx, database)
	if err != nil {
		return nil, err
	}
	_, err = conn.Exec(ctx, `
		SELECT set_config(s.name, v.value, false)
		FROM (VALUES ('session_replication_role', 'replica'), ('search_path', ''), ('client_encoding', 'UTF8'), ('datestyle', 'ISO, MDY'),
			('intervalstyle', 'postgres'), ('timezone', 'UTC'), ('extra_float_digits', '3'), ('bytea_output', 'hex'), ('lc_monetary', 'C'),
			('xmloption', 'content'), ('row_security', 'off'), ('statement_timeout', '0'), ('lock_timeout', '0'),
			('idle_in_transaction_session_timeout', '0'), ('transaction_timeout', '0'), ('default_transaction_read_only', 'off'),
			('check_function_bodies', 'off'), ('log_statement', 'none'), ('client_min_messages', 'warning')) v(name, value)
		JOIN (SELECT name FROM pg_catalog.pg_settings) s ON lower(s.name) = v.name`)
	if err != nil {
		postgres.CloseConn(ctx, conn)
		return nil, postgres.ReadError("preparing a session on the copy", err)
	}
	return conn, nil
}

// within runs act with a session on a database that is closed afterwards.
func (c *copying) within(ctx context.Context, database string, act func(*pgx.Conn) error) error {
	conn, err := c.session(ctx, database)
	if err != nil {
		return err
	}
	defer postgres.CloseConn(ctx, conn)
	return act(conn)
}

// each runs act for every one of count things, several at once, each with a session.
func (c *copying) each(ctx context.Context, count int, act func(ctx context.Context, conn *pgx.Conn, i int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	next := make(chan int)
	group.Go(func() error {
		defer close(next)
		for i := range count {
			select {
			case next <- i:
			case <-ctx.Done():
				return nil
			}
		}
		return nil
	})
	for range min(c.spec.Parallel, count) {
		group.Go(func() error {
			return c.within(ctx, c.spec.Database, func(conn *pgx.Conn) error {
				for i := range next {
					if err := act(ctx, conn, i); err != nil {
						return err
					}
				}
				return nil
			})
		})
	}
	return group.Wait()
}

// runs runs statements one by one.
func runs(ctx context.Context, conn *pgx.Conn, doing string, statements ...string) error {
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return postgres.ReadError(doing, err)
		}
	}
	return nil
}

// texts is the first column of a query.
func texts(ctx context.Context, conn *pgx.Conn, doing, query string, args ...any) ([]string, error) {
	rows, err := conn.Query(ctx, query, args...)
	if err != nil {
		return nil, postgres.ReadError(doing, err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, postgres.ReadError(doing, err)
	}
	return list, nil
}
