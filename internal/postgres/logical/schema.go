package logical

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"regexp"
	"strconv"

	"golang.org/x/sync/errgroup"

	"understudy/internal/postgres"
)

// dump is pg_dump of one section, as of the moment.
func (c *copying) dump(section string, args ...string) postgres.Tool {
	return postgres.Tool{Bin: c.spec.Bin, Name: "pg_dump", URL: c.spec.Source, App: c.moment.Name, Args: append([]string{
		"--section=" + section, "--snapshot=" + c.moment.Snapshot, "--encoding=" + c.clientEncoding(), "--no-tablespaces", "--no-subscriptions",
		"--no-security-labels", "--lock-wait-timeout=" + strconv.Itoa(int(postgres.ReaderLockTimeout.Milliseconds())),
	}, args...)}
}

// makePreData recreates what tables, types and functions need to be before rows come,
// owned and granted as in production: pg_dump's words go straight into psql. Of several
// parts that stop, the first has the reason.
func (c *copying) makePreData(ctx context.Context) error {
	working, end := context.WithCancelCause(ctx)
	defer end(nil)
	fromDump, toFilter := io.Pipe()
	fromFilter, toRestore := io.Pipe()
	var parts errgroup.Group
	part := func(act func() error, after ...func(error) error) {
		parts.Go(func() error {
			err := act()
			if err != nil {
				end(err)
			}
			for _, tell := range after {
				_ = tell(err) // closing a pipe does not fail
			}
			return nil
		})
	}
	part(func() error { return c.dump("pre-data", "--schema-only").Run(working, nil, toFilter) }, toFilter.CloseWithError)
	part(func() error { return tolerateSchemas(fromDump, toRestore) }, fromDump.CloseWithError, toRestore.CloseWithError)
	restore := postgres.Tool{Bin: c.spec.Bin, Name: "psql", URL: c.spec.Target, App: "understudy copy",
		Args: []string{"--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--output=" + os.DevNull, "--file=-"}}
	part(func() error { return restore.Run(working, fromFilter, io.Discard) }, fromFilter.CloseWithError)
	if err := parts.Wait(); err != nil {
		return err
	}
	return context.Cause(working)
}

// createSchema matches the line with which pg_dump creates a schema.
var createSchema = regexp.MustCompile(`^CREATE SCHEMA ([^;]+;\r?\n)$`)

// tolerateSchemas passes a dump on, and lets schemas be there that extensions needed.
func tolerateSchemas(from io.Reader, to io.Writer) error {
	lines := bufio.NewReaderSize(from, 64<<10)
	for {
		line, err := lines.ReadBytes('\n')
		if bytes.HasPrefix(line, []byte("CREATE SCHEMA ")) {
			line = createSchema.ReplaceAll(line, []byte("CREATE SCHEMA IF NOT EXISTS $1"))
		}
		if _, err := to.Write(line); err != nil {
			return err
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}
