package logical

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"

	"understudy/internal/postgres"

	"golang.org/x/sync/errgroup"

	"understudy"
)

// dump is pg_dump of one section, as of the moment.
func (c *copying) dump(section string, args ...string) postgres.Tool {
	return postgres.Tool{Bin: c.spec.Bin, Name: "pg_dump", URL: c.spec.Source, App: c.moment.Name, Args: append([]string{
		"--section=" + section, "--snapshot=" + c.moment.Snapshot, "--encoding=UTF8", "--no-tablespaces", "--no-subscriptions",
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

// postData is the dump of what comes after the rows: indexes, constraints, triggers,
// policies. It holds definitions only, in a file as they are restored in parallel.
type postData struct {
	c   *copying
	dir string
}

// dumpPostData takes the dump at the start, when the source has just been read: a
// later moment could find a table changed.
func (c *copying) dumpPostData(ctx context.Context) (*postData, error) {
	dir, err := os.MkdirTemp("", "understudy-copy-")
	if err != nil {
		return nil, understudy.Errorf(understudy.KindUnavailable, "making a folder for the schema's dump: %w", err)
	}
	p := &postData{c: c, dir: dir}
	if err := c.dump("post-data", "--format=custom", "--file="+p.file()).Run(ctx, nil, io.Discard); err != nil {
		p.remove()
		return nil, err
	}
	return p, nil
}

func (p *postData) file() string { return filepath.Join(p.dir, "post-data") }

func (p *postData) restore(ctx context.Context) error {
	return postgres.Tool{Bin: p.c.spec.Bin, Name: "pg_restore", URL: p.c.spec.Target, App: "understudy copy",
		Options: "-c maintenance_work_mem=256MB -c synchronous_commit=off",
		Args:    []string{"--exit-on-error", "--section=post-data", "--jobs=" + strconv.Itoa(p.c.spec.Parallel), p.file()}}.Run(ctx, nil, io.Discard)
}

// remove takes the dump away; a file that stays holds no data.
func (p *postData) remove() { _ = os.RemoveAll(p.dir) }
