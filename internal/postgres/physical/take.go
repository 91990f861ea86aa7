package physical

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"understudy"
	"understudy/internal/postgres"
	"understudy/internal/postgres/cluster"
	"understudy/internal/yield"
)

// application is the name of the copy's sessions on the source.
const application = "understudy physical copy"

// take brings the files into the working folder, and leaves of them what belongs there.
func (c *copying) take(ctx context.Context) error {
	fetch := c.backup
	if c.spec.From != "" {
		fetch = c.takeOver
	}
	if err := fetch(ctx); err != nil {
		return err
	}
	if err := c.tidy(); err != nil {
		return err
	}
	return c.giveAway()
}

// takeOver renames a prepared directory.
func (c *copying) takeOver(context.Context) error {
	alive, err := cluster.New(cluster.Spec{Dir: c.spec.From}).Alive()
	if err != nil {
		return err
	}
	if alive {
		return understudy.Errorf(understudy.KindConflict, "taking over data directory %s: a server runs on it; nothing was touched", c.spec.From).
			WithHint("clone the directory, and name the clone")
	}
	text, err := os.ReadFile(filepath.Join(c.spec.From, "PG_VERSION"))
	if err != nil {
		return understudy.Errorf(understudy.KindInvalid, "taking over data directory %s: it holds no PostgreSQL cluster: %w", c.spec.From, err)
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return understudy.Errorf(understudy.KindInvalid, "taking over data directory %s: its PG_VERSION is no version", c.spec.From)
	}
	if err := c.install(major); err != nil {
		return err
	}
	if err := os.Rename(c.spec.From, c.work); err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "taking over data directory %s: %w", c.spec.From, err).
			WithHint("it has to be on the file system of %s", c.spec.Dir)
	}
	return nil
}

// install finds the programs of the source's version.
func (c *copying) install(major int) error {
	all, err := cluster.Installations()
	if err != nil {
		return err
	}
	for _, one := range all {
		if one.Major == major {
			c.from = one
			return nil
		}
	}
	return understudy.Errorf(understudy.KindUnavailable, "production is PostgreSQL %d, and this machine has no PostgreSQL %d to run its files", major, major).
		WithHint("install PostgreSQL %d, or copy by rows: --method logical", major)
}

// backup lets pg_basebackup bring the files of a server.
func (c *copying) backup(ctx context.Context) error {
	conn, err := postgres.OpenReader(ctx, c.spec.Source, application)
	if err != nil {
		return err
	}
	defer postgres.CloseConn(ctx, conn)
	if err := c.checkSource(ctx, conn); err != nil {
		return err
	}
	args := []string{"--pgdata=" + c.work, "--wal-method=stream", "--checkpoint=fast", "--no-sync", "--no-manifest"}
	if c.spec.MaxRate > 0 { // in kB, from 32 to 1048576
		args = append(args, fmt.Sprintf("--max-rate=%d", min(max(c.spec.MaxRate/1024, 32), 1<<20)))
	}
	running, end := context.WithCancel(ctx)
	defer end()
	var watch errgroup.Group
	watch.Go(func() error { c.watchBackup(running, conn); return nil })
	err = yield.Run(func() error {
		return postgres.Tool{Bin: c.from.Bin, Name: "pg_basebackup", URL: c.spec.Source, App: application, Args: args}.Run(ctx, nil, io.Discard)
	})
	end()
	_ = watch.Wait() // it has nothing to say
	if known := new(understudy.Error); errors.As(err, &known) && strings.Contains(known.Message, "pg_hba.conf") {
		known.Hint = "on the source, let the role in for replication, as pg_hba.conf says it: host replication ROLE ADDRESS scram-sha-256"
	}
	return err
}

// watchBackup tells how far the backup is, where the source lets the role see that.
func (c *copying) watchBackup(ctx context.Context, conn *pgx.Conn) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		var done, total *int64
		err := conn.QueryRow(ctx, `SELECT sum(backup_streamed)::bigint, sum(backup_total)::bigint FROM pg_stat_progress_basebackup
			WHERE pid IN (SELECT pid FROM pg_stat_activity WHERE application_name = $1)`, application).Scan(&done, &total)
		if err != nil {
			return
		}
		if done != nil && total != nil {
			c.tell(Progress{"take", *done, *total})
		}
	}
}
